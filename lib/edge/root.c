/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "edge/names.h"

#define READ_ALL_MAX ((size_t) 16 << 20)
#define LEASE_PAUSE_MIN UINT64_C(500000) /* nsec */
#define LEASE_PAUSE_MAX UINT64_C(16000000)
#define LEASE_WAIT UINT64_C(1000000000)

const char *mhp_root_words(int error) {
        switch (error) {
        case -EISDIR:
                return "it is a directory";
        case -EBADFD:
        case -ENXIO: /* open(2) of a socket */
                return "it is not a regular file";
        case -EFBIG:
                return "it has more than 16 MiB";
        case -EWOULDBLOCK:
                return "another process has a lease on it";
        default:
                return strerror(-error);
        }
}

int mhp_root_open(const char *path, struct mhp_root *ret) {
        int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        ret->fd = fd;
        ret->memory_fd = openat(fd, NAME_MEMORY, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return 0;
}

void mhp_root_done(struct mhp_root *root) {
        mhp_closep(&root->fd);
        mhp_closep(&root->memory_fd);
        *root = MHP_ROOT_NONE;
}

static ssize_t read_full(int fd, char *buf, size_t size) {
        size_t len = 0;

        while (len < size) {
                ssize_t n = read(fd, buf + len, size - len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                len += (size_t) n;
        }
        return (ssize_t) len;
}

/* Files of sysfs and proc are regular files, too. /dev/null stands for an empty file: a link to it hides a file of the vendor. A directory, a
 * FIFO, a socket, a terminal or another device holds no text that ends, and some devices act on being read. */
static int check_regular(int fd) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISREG(st.st_mode) || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)))
                return 0;
        return S_ISDIR(st.st_mode) ? -EISDIR : S_ISLNK(st.st_mode) ? -ELOOP : -EBADFD;
}

/* O_NONBLOCK: without it open(2) of a FIFO waits for the other end, for ever if need be. sysfs and proc do not look at it. Where another process has a
 * lease on the file (F_SETLEASE, a file server), the kernel asks for it back and answers EWOULDBLOCK, which stands for nothing else. An open
 * without O_NONBLOCK would wait for that, and for ever where a FIFO has come into the place meanwhile. A signal ends the wait: what tells
 * the worker to give up has to get through. */
static int open_to_read(int dir_fd, const char *path, int flags) {
        uint64_t nsec = LEASE_PAUSE_MIN;

        for (uint64_t waited = 0;; waited += nsec) {
                int fd = openat(dir_fd, path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

                if (fd >= 0 || errno != EWOULDBLOCK || waited > LEASE_WAIT)
                        return fd < 0 ? -errno : fd;
                if (nanosleep(&(struct timespec) { .tv_nsec = (long) nsec }, NULL) < 0)
                        return -errno;
                nsec = MIN(2 * nsec, LEASE_PAUSE_MAX);
        }
}

/* Through a descriptor that stands for the file and does not open it: what was looked at is what is opened, and a lease on it can be waited for,
 * as long as the kernel lets one stand (/proc/sys/fs/lease-break-time). A write may have to wait for the kernel anyway. */
static int open_to_write(int dir_fd, const char *path, int flags) {
        _cleanup_(mhp_closep) int fd = openat(dir_fd, path, O_PATH | O_CLOEXEC | (flags & O_NOFOLLOW));
        int r = fd < 0 ? -errno : check_regular(fd), opened;
        char again[sizeof(NAME_OWN_FD) + 16];

        if (r < 0)
                return r;
        (void) snprintf(again, sizeof(again), NAME_OWN_FD "/%d", fd);
        opened = open(again, (flags & ~O_NOFOLLOW) | O_NOCTTY | O_CLOEXEC);
        return opened < 0 ? -errno : opened;
}

int mhp_root_open_at(int dir_fd, const char *path, int flags) {
        _cleanup_(mhp_closep) int fd = -1;
        int r;

        if ((flags & O_ACCMODE) != O_RDONLY)
                return open_to_write(dir_fd, path, flags);
        fd = open_to_read(dir_fd, path, flags);
        r = fd < 0 ? fd : check_regular(fd);
        return r < 0 ? r : mhp_take_fd(&fd);
}

/* One read(2) is enough for what sysfs gives in one piece (seq_file and sysfs fill a page at once), and a second to see the
 * end costs as much as the first: so a short read ends it. */
int mhp_root_read_at(int dir_fd, const char *path, char *buf, size_t size) {
        _cleanup_(mhp_closep) int fd = mhp_root_open_at(dir_fd, path, O_RDONLY);
        ssize_t n;

        if (fd < 0)
                return fd;
        do
                n = read(fd, buf, size);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        if ((size_t) n == size)
                return -E2BIG;

        if (n > 0 && buf[n - 1] == '\n')
                n--;
        buf[n] = '\0';
        return (int) n;
}

int mhp_root_read(const struct mhp_root *root, const char *path, char *buf, size_t size) {
        return mhp_root_read_at(root->fd, path, buf, size);
}

int mhp_root_read_fd(int fd, char **ret, size_t *ret_len) {
        _cleanup_free_ char *data = NULL;
        size_t len = 0;

        for (size_t size = 16384;; size *= 2) {
                char *larger = realloc(data, size + 1);
                ssize_t n;

                if (!larger)
                        return -ENOMEM;
                data = larger;
                n = read_full(fd, data + len, size - len);
                if (n < 0)
                        return (int) n;
                len += (size_t) n;
                if (len < size)
                        break;
                if (size >= READ_ALL_MAX)
                        return -EFBIG;
        }

        data[len] = '\0';
        *ret = TAKE(data);
        *ret_len = len;
        return 0;
}

int mhp_root_read_all(const struct mhp_root *root, const char *path, char **ret, size_t *ret_len) {
        _cleanup_(mhp_closep) int fd = mhp_root_open_at(root->fd, path, O_RDONLY);

        return fd < 0 ? fd : mhp_root_read_fd(fd, ret, ret_len);
}

int mhp_root_write_at(int dir_fd, const char *path, const char *value) {
        _cleanup_(mhp_closep) int fd = mhp_root_open_at(dir_fd, path, O_WRONLY | O_TRUNC);
        size_t len = strlen(value);
        ssize_t n;

        if (fd < 0)
                return fd;
        n = write(fd, value, len);
        if (n < 0)
                return -errno;
        return (size_t) n == len ? 0 : -EIO;
}

int mhp_root_write(const struct mhp_root *root, const char *path, const char *value) {
        return mhp_root_write_at(root->fd, path, value);
}

int mhp_root_link_name(const struct mhp_root *root, const char *path, char *buf, size_t size) {
        char target[PATH_MAX];
        ssize_t n = readlinkat(root->fd, path, target, sizeof(target));

        if (n < 0)
                return -errno;
        if ((size_t) n == sizeof(target))
                return -ENAMETOOLONG;
        target[n] = '\0';

        const char *name = strrchr(target, '/');
        name = name ? name + 1 : target;
        if (strlen(name) >= size)
                return -ENAMETOOLONG;
        memcpy(buf, name, strlen(name) + 1);
        return 0;
}

bool mhp_error_is_want(int error) {
        return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS;
}

bool mhp_error_passes(int error) {
        return mhp_error_is_want(error) || error == -EINTR || error == -EAGAIN || error == -EIO;
}

int mhp_root_next(DIR *dir, const struct dirent **ret) {
        errno = 0;
        *ret = readdir(dir);
        return *ret ? 1 : -errno;
}

bool mhp_root_exists(const struct mhp_root *root, const char *path) {
        return faccessat(root->fd, path, F_OK, 0) == 0;
}

int mhp_root_opendir(const struct mhp_root *root, const char *path, DIR **ret) {
        _cleanup_(mhp_closep) int fd = openat(root->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir;

        if (fd < 0)
                return -errno;
        dir = fdopendir(fd);
        if (!dir)
                return -errno;
        fd = -1;
        *ret = dir;
        return 0;
}
