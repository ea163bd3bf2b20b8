/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Tells when another hand may have written one of the kernel's knobs, or its placement table. sysfs announces nothing of its own there, but a write(2) by
 * a program is announced to inotify as on every file system (fsnotify_modify(), called by vfs_write(), fs/read_write.c). A program that has mounted a sysfs
 * of its own, in another network namespace, is not heard: its files are other inodes. */

#include "base/macro.h"
#include "edge/root.h"

struct mhp_watch;

/* What is not there is not watched. */
int mhp_watch_new(const struct mhp_root *root, struct mhp_watch **ret);
struct mhp_watch *mhp_watch_free(struct mhp_watch *watch);
DEFINE_CLEANUP(struct mhp_watch *, mhp_watch_free)

int mhp_watch_fd(const struct mhp_watch *watch);

/* Takes all that is there. 1: something was written; 0: nothing. */
int mhp_watch_drain(struct mhp_watch *watch);
