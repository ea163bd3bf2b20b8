/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/root-own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "edge/root.h"

#define ASIDE_MAX 10

const char *mhp_own_words(int error) {
        switch (error) {
        case -ELOOP:
                return "it is a link";
        case -EPERM:
                return "it belongs to another user";
        default:
                return mhp_root_words(error);
        }
}

static int open_directory(const char *dir) {
        int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

/* Whoever owns the directory can put into it what he likes: mhpctl looks at what an mhpd of another user has left. */
static bool is_trusted(int dir_fd, uid_t owner) {
        struct stat st;

        return owner == 0 || owner == geteuid() || (fstat(dir_fd, &st) == 0 && st.st_uid == owner);
}

/* Not even /dev/null is a file of ours. */
static int check_own(int dir_fd, int fd) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EBADFD;
        return is_trusted(dir_fd, st.st_uid) ? 0 : -EPERM;
}

static int open_own(int dir_fd, const char *name, int flags) {
        _cleanup_fd_ int fd = mhp_root_open_at(dir_fd, name, flags | O_NOFOLLOW);
        int r = fd < 0 ? fd : check_own(dir_fd, fd);

        return r < 0 ? r : mhp_take_fd(&fd);
}

int mhp_own_read(const char *dir, const char *name, char **ret, size_t *ret_len) {
        _cleanup_fd_ int dir_fd = open_directory(dir), fd = -1;

        if (dir_fd < 0)
                return dir_fd;
        fd = open_own(dir_fd, name, O_RDONLY);
        return fd < 0 ? fd : mhp_root_read_fd(fd, ret, ret_len);
}

/* O_EXCL: neither a link is followed nor a FIFO waited for. */
static int make(int dir_fd, const char *name, int flags, mode_t mode) {
        int fd = openat(dir_fd, name, flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

        return fd < 0 ? -errno : fd;
}

int mhp_own_open(const char *dir, const char *name) {
        _cleanup_fd_ int dir_fd = open_directory(dir);
        int fd;

        if (dir_fd < 0)
                return dir_fd;
        fd = open_own(dir_fd, name, O_RDWR);
        if (fd == -ENOENT)
                fd = make(dir_fd, name, O_RDWR, 0600);
        return fd == -EEXIST ? open_own(dir_fd, name, O_RDWR) : fd; /* another mhpd was faster */
}

/* What rename(2) says of a target that is a directory, of one that is not empty, and of a directory that is to take the place of a file. */
static bool is_taken(int error) {
        return error == EISDIR || error == ENOTEMPTY || error == EEXIST || error == ENOTDIR;
}

static int set_aside(int dir_fd, const char *name) {
        for (unsigned i = 0; i < ASIDE_MAX; i++) {
                _cleanup_free_ char *aside = NULL;
                char number[16] = "";

                if (i > 0)
                        (void) snprintf(number, sizeof(number), "%u", i);
                if (asprintf(&aside, "%s.bad%s", name, number) < 0) {
                        aside = NULL;
                        return -ENOMEM;
                }
                if (renameat(dir_fd, name, dir_fd, aside) == 0)
                        return 0;
                if (!is_taken(errno))
                        return -errno;
        }
        return -EEXIST;
}

int mhp_own_set_aside(const char *dir, const char *name) {
        _cleanup_fd_ int dir_fd = open_directory(dir);

        return dir_fd < 0 ? dir_fd : set_aside(dir_fd, name);
}

static int drop(int dir_fd, const char *name) {
        if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
                return 0;
        return errno == EISDIR || errno == EPERM ? set_aside(dir_fd, name) : -errno;
}

int mhp_own_copy_aside(const char *dir, const char *name) {
        _cleanup_fd_ int dir_fd = open_directory(dir);
        _cleanup_free_ char *aside = NULL;
        int r;

        if (dir_fd < 0)
                return dir_fd;
        if (asprintf(&aside, "%s.bad", name) < 0) {
                aside = NULL;
                return -ENOMEM;
        }
        r = drop(dir_fd, aside);
        return r < 0 ? r : linkat(dir_fd, name, dir_fd, aside, 0) < 0 ? -errno : 0;
}

static int write_all(int fd, const char *data, size_t len) {
        while (len > 0) {
                ssize_t n = write(fd, data, len);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0) {
                        data += n;
                        len -= (size_t) n;
                }
        }
        return 0;
}

/* close(2) is where some file systems say that there is no room. */
static int write_file(int dir_fd, const char *name, const char *data, size_t len) {
        int fd = make(dir_fd, name, O_WRONLY, 0644), r;

        if (fd < 0)
                return fd;
        r = write_all(fd, data, len);
        if (close(fd) < 0 && r >= 0)
                r = -errno;
        return r;
}

static int put(int dir_fd, const char *fresh, const char *name) {
        if (renameat(dir_fd, fresh, dir_fd, name) == 0)
                return 0;
        if (!is_taken(errno))
                return -errno;
        int r = set_aside(dir_fd, name);
        if (r < 0)
                return r;
        return renameat(dir_fd, fresh, dir_fd, name) < 0 ? -errno : 0;
}

int mhp_own_replace(const char *dir, const char *name, const char *data, size_t len) {
        _cleanup_free_ char *fresh = NULL;
        _cleanup_fd_ int dir_fd = -1;
        int r;

        if (len > 0 && mkdir(dir, 0755) < 0 && errno != EEXIST)
                return -errno;
        dir_fd = open_directory(dir);
        if (dir_fd < 0)
                return len == 0 && dir_fd == -ENOENT ? 0 : dir_fd;
        if (len == 0)
                return drop(dir_fd, name);
        if (asprintf(&fresh, "%s.new", name) < 0) {
                fresh = NULL;
                return -ENOMEM;
        }
        r = drop(dir_fd, fresh);
        if (r >= 0)
                r = write_file(dir_fd, fresh, data, len);
        if (r >= 0)
                r = put(dir_fd, fresh, name);
        if (r < 0)
                (void) unlinkat(dir_fd, fresh, 0);
        return r;
}
