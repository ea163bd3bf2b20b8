/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The directory below which sys and proc lie: "/" on a live machine, a folder of copies in tests and with --sysroot.
 * Every path that an edge uses is relative to it. */

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/macro.h"

struct mhp_root {
        int fd;        /* O_PATH directory, owned */
        int memory_fd; /* likewise, of the memory blocks: a block is four lookups nearer from there; -1: there are none */
};
#define MHP_ROOT_NONE ((struct mhp_root) { .fd = -1, .memory_fd = -1 })

int mhp_root_open(const char *path, struct mhp_root *ret);
void mhp_root_done(struct mhp_root *root);
#define _cleanup_root_ _cleanup_(mhp_root_done)

/* Reads a small file into buf and ends it with a NUL; the newline at the end is cut off. Returns the length. -E2BIG: it does not fit. */
int mhp_root_read(const struct mhp_root *root, const char *path, char *buf, size_t size);
int mhp_root_read_at(int dir_fd, const char *path, char *buf, size_t size);

/* Reads a regular file of any size, up to 16 MiB (-EFBIG); the caller free()s it. /dev/null is an empty file; -EISDIR: a directory;
 * -EBADFD (ENXIO from a socket): nothing else that has an end. Never waits for a writer. */
int mhp_root_read_all(const struct mhp_root *root, const char *path, char **ret, size_t *ret_len);

/* One write(2): sysfs takes a value whole or not at all. */
int mhp_root_write(const struct mhp_root *root, const char *path, const char *value);
int mhp_root_write_at(int dir_fd, const char *path, const char *value);

/* The last component of where a link points. -ENAMETOOLONG: it does not fit. */
int mhp_root_link_name(const struct mhp_root *root, const char *path, char *buf, size_t size);

/* dir/name becomes a file with this text, by a new file and rename(2); with no text it goes away. The directory is made if it is not there. */
int mhp_root_replace(const char *dir, const char *name, const char *data, size_t len);

bool mhp_root_exists(const struct mhp_root *root, const char *path);

/* -ENOENT: no such directory. */
int mhp_root_opendir(const struct mhp_root *root, const char *path, DIR **ret);
static inline void mhp_closedirp(DIR **d) {
        if (*d)
                closedir(*d);
}
#define _cleanup_dir_ _cleanup_(mhp_closedirp)
