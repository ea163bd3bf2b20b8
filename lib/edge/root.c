/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "edge/names.h"

#define READ_ALL_MAX ((size_t) 16 << 20)

static void closep(const int *fd) {
        if (*fd >= 0)
                close(*fd);
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
        closep(&root->fd);
        closep(&root->memory_fd);
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

/* One read(2) is enough for what sysfs gives in one piece (seq_file and sysfs fill a page at once), and a second to see the
 * end costs as much as the first: so a short read ends it. sysfs has no FIFOs, and the kind of the file is not asked for: one more
 * system call for each of four files a block would be felt. */
int mhp_root_read_at(int dir_fd, const char *path, char *buf, size_t size) {
        _cleanup_(closep) int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                return -errno;
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

/* O_NONBLOCK: without it open(2) of a FIFO waits for a writer, for ever if need be. Regular files, and those of sysfs and proc, do
 * not care, but for one on which another process has a lease (F_SETLEASE, a file server): the kernel breaks the lease, and only an open
 * that may wait gets the file then. EWOULDBLOCK stands for nothing else. O_NOCTTY: a terminal must not become ours. */
static int open_to_read(int dir_fd, const char *path) {
        int flags = O_RDONLY | O_NOCTTY | O_CLOEXEC;
        int fd = openat(dir_fd, path, flags | O_NONBLOCK);

        if (fd < 0 && errno == EWOULDBLOCK)
                fd = openat(dir_fd, path, flags);
        return fd < 0 ? -errno : fd;
}

/* Files of sysfs and proc are regular files, too. /dev/null stands for an empty file: a link to it hides a file of the vendor.
 * Other devices, FIFOs and directories give no text that ends. */
static int check_regular(int fd) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISREG(st.st_mode) || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)))
                return 0;
        return S_ISDIR(st.st_mode) ? -EISDIR : -EBADFD;
}

int mhp_root_read_all(const struct mhp_root *root, const char *path, char **ret, size_t *ret_len) {
        _cleanup_(closep) int fd = open_to_read(root->fd, path);
        _cleanup_free_ char *data = NULL;
        size_t len = 0;
        int r = fd < 0 ? fd : check_regular(fd);

        if (r < 0)
                return r;

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

int mhp_root_write_at(int dir_fd, const char *path, const char *value) {
        _cleanup_(closep) int fd = openat(dir_fd, path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        size_t len = strlen(value);
        ssize_t n;

        if (fd < 0)
                return -errno;
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

bool mhp_root_exists(const struct mhp_root *root, const char *path) {
        return faccessat(root->fd, path, F_OK, 0) == 0;
}

int mhp_root_opendir(const struct mhp_root *root, const char *path, DIR **ret) {
        _cleanup_(closep) int fd = openat(root->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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

static int write_file(const char *path, const char *data, size_t len) {
        FILE *f = fopen(path, "we");
        bool ok;

        if (!f)
                return -errno;
        ok = fwrite(data, 1, len, f) == len && fflush(f) == 0;
        int r = ok ? 0 : -EIO;
        if (fclose(f) != 0 && r == 0)
                r = -errno;
        return r;
}

int mhp_root_replace(const char *dir, const char *name, const char *data, size_t len) {
        _cleanup_free_ char *path = NULL, *fresh = NULL;
        int r;

        if (asprintf(&path, "%s/%s", dir, name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        if (len == 0)
                return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
        if (asprintf(&fresh, "%s.new", path) < 0) {
                fresh = NULL;
                return -ENOMEM;
        }
        if (mkdir(dir, 0755) < 0 && errno != EEXIST)
                return -errno;
        r = write_file(fresh, data, len);
        if (r >= 0 && rename(fresh, path) < 0)
                r = -errno;
        if (r < 0)
                (void) unlink(fresh);
        return r;
}
