/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The directory below which sys and proc lie: "/" on a live machine, a folder of copies in tests and with --sysroot.
 * Every path that an edge uses is relative to it. */

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "base/macro.h"

static inline void mhp_closep(const int *fd) {
        if (*fd >= 0)
                close(*fd);
}
static inline int mhp_take_fd(int *fd) {
        int taken = *fd;

        *fd = -1;
        return taken;
}
#define _cleanup_fd_ _cleanup_(mhp_closep)

struct mhp_root {
        int fd;        /* O_PATH directory, owned */
        int memory_fd; /* likewise, of the memory blocks: a block is four lookups nearer from there; -1: there are none */
};
#define MHP_ROOT_NONE ((struct mhp_root) { .fd = -1, .memory_fd = -1 })

int mhp_root_open(const char *path, struct mhp_root *ret);
void mhp_root_done(struct mhp_root *root);
#define _cleanup_root_ _cleanup_(mhp_root_done)

/* The one way to open a file that somebody else made: gives only what has an end, a regular file or /dev/null, and does not wait for the other end of
 * anything else. flags: O_RDONLY, or O_WRONLY, O_RDWR, O_TRUNC; and O_NOFOLLOW. -EISDIR: a directory; -EBADFD (ENXIO from a socket): nothing else that
 * has an end; -EWOULDBLOCK: another process has a lease on it, and kept it for a second. To write, that one is waited for. */
int mhp_root_open_at(int dir_fd, const char *path, int flags);

/* Why such a file cannot be used: `it is a directory`. */
const char *mhp_root_words(int error);

/* Reads a small file into buf and ends it with a NUL; the newline at the end is cut off. Returns the length. -E2BIG: it does not fit. */
int mhp_root_read(const struct mhp_root *root, const char *path, char *buf, size_t size);
int mhp_root_read_at(int dir_fd, const char *path, char *buf, size_t size);

/* Reads a file of any size, up to 16 MiB (-EFBIG); the caller free()s it. */
int mhp_root_read_all(const struct mhp_root *root, const char *path, char **ret, size_t *ret_len);
int mhp_root_read_fd(int fd, char **ret, size_t *ret_len);

/* One write(2): sysfs takes a value whole or not at all. */
int mhp_root_write(const struct mhp_root *root, const char *path, const char *value);
int mhp_root_write_at(int dir_fd, const char *path, const char *value);

/* The last component of where a link points. -ENAMETOOLONG: it does not fit. */
int mhp_root_link_name(const struct mhp_root *root, const char *path, char *buf, size_t size);

/* Whether a negative errno is about this process, or this moment, and not about the file: what is not there, or makes no sense, is so the next time, too. */
bool mhp_error_passes(int error);

/* The same of what this process has no more of, whatever file it reads. */
bool mhp_error_is_want(int error);

/* The next entry: 1; 0: that was the last. */
int mhp_root_next(DIR *dir, const struct dirent **ret);

bool mhp_root_exists(const struct mhp_root *root, const char *path);

/* -ENOENT: no such directory. */
int mhp_root_opendir(const struct mhp_root *root, const char *path, DIR **ret);
static inline void mhp_closedirp(DIR **d) {
        if (*d)
                closedir(*d);
}
#define _cleanup_dir_ _cleanup_(mhp_closedirp)
