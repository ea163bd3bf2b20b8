/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The files that mhpd itself writes, below its runtime directory. What lies there is used only if it may be mhpd's own: a regular file, not a link, of
 * root, of the user that asks, or of the directory's owner. */

#include <stddef.h>

/* As mhp_root_read_all(), of such a file. -ENOENT: there is none. -ELOOP: it is a link; -EPERM: it is another user's. */
int mhp_own_read(const char *dir, const char *name, char **ret, size_t *ret_len);

/* To read and to write; one that is not there is made, and nobody else can open that. The caller closes it. */
int mhp_own_open(const char *dir, const char *name);

/* dir/name becomes a file with this text, by a new file and rename(2); with no text it goes away. The directory is made if it is not there. What
 * stands in the way and cannot be replaced, a directory, is set aside. */
int mhp_own_replace(const char *dir, const char *name, const char *data, size_t len);

/* Renames dir/name to dir/name.bad, or, where that cannot be replaced, to name.bad1 and so on. */
int mhp_own_set_aside(const char *dir, const char *name);

/* The same, but dir/name stays as it is: another name for the file, until dir/name is replaced. */
int mhp_own_copy_aside(const char *dir, const char *name);

/* Why such a file cannot be used. */
const char *mhp_own_words(int error);
