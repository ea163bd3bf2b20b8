/* SPDX-License-Identifier: GPL-2.0-or-later */

/* libc's functions for files. What is not below FAKE_ROOT, and a descriptor that is not of here, goes to libc: libFuzzer reads its corpus
 * with the same functions. */

#include "fake-real.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "edge/names.h"
#include "fake-tree.h"

/* The file that a descriptor of here stands for, opened anew. False: the path is no such name. */
static bool is_own_fd(const char *path, char ret[static NODE_PATH_MAX]) {
        const struct open_file *file = NULL;
        size_t len = strlen(NAME_OWN_FD "/");

        if (strncmp(path, NAME_OWN_FD "/", len) == 0)
                file = tree_file_of(atoi(path + len));
        if (file)
                memcpy(ret, file->path, NODE_PATH_MAX);
        return file;
}

int __wrap_openat(int dir_fd, const char *path, int flags, ...) {
        char fake[NODE_PATH_MAX];
        va_list args;
        mode_t mode;

        va_start(args, flags);
        mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
        va_end(args);
        if (is_own_fd(path, fake) || tree_locate(dir_fd, path, fake))
                return tree_open(fake, flags);
        return __real_openat(dir_fd, path, flags, mode);
}

int __wrap_open(const char *path, int flags, ...) {
        va_list args;
        mode_t mode;

        va_start(args, flags);
        mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
        va_end(args);
        return __wrap_openat(AT_FDCWD, path, flags, mode);
}

int __wrap___open_2(const char *path, int flags) {
        return __wrap_openat(AT_FDCWD, path, flags);
}

int __wrap___openat_2(int dir_fd, const char *path, int flags) {
        return __wrap_openat(dir_fd, path, flags);
}

ssize_t __wrap_read(int fd, void *buf, size_t size) {
        struct open_file *file = tree_file_of(fd);
        const struct node *node;

        if (!file)
                return __real_read(fd, buf, size);
        if (file->dir)
                return tree_fail(EISDIR);
        node = &tree_nodes[file->node];
        if (node->kind == 'r' && node->error == EINTR && file->at++ > 0) /* a signal comes once */
                return 0;
        if (node->kind == 'r')
                return tree_fail(node->error);
        size = node->size > file->at ? MIN(size, node->size - file->at) : 0;
        if (size > 0)
                memcpy(buf, node->data + file->at, size);
        file->at += size;
        return (ssize_t) size;
}

ssize_t __wrap___read_chk(int fd, void *buf, size_t size, size_t room) {
        MUST(size <= room);
        return __wrap_read(fd, buf, size);
}

ssize_t __wrap_write(int fd, const void *data, size_t size) {
        const struct open_file *file = tree_file_of(fd);
        struct node *node;
        char *more;

        if (!file)
                return __real_write(fd, data, size);
        node = &tree_nodes[file->node];
        if (node->kind == 'r')
                return tree_fail(node->error);
        more = fake_copy(NULL, node->size + size + 1);
        if (node->size > 0)
                memcpy(more, node->data, node->size);
        memcpy(more + node->size, data, size);
        free(node->data);
        node->data = more;
        node->size += size;
        return (ssize_t) size;
}

int __wrap_close(int fd) {
        struct open_file *file = tree_file_of(fd);

        if (!file)
                return __real_close(fd);
        file->used = false;
        return 0;
}

int __wrap_fsync(int fd) {
        return tree_file_of(fd) ? 0 : __real_fsync(fd);
}

static int fake_stat(int node, struct stat *ret) {
        mode_t kind = node < 0 || tree_nodes[node].kind == 'd' ? S_IFDIR : tree_nodes[node].kind == 'p' ? S_IFIFO : tree_nodes[node].kind == 'n' ? S_IFCHR : S_IFREG;

        *ret = (struct stat) { .st_mode = kind | 0600, .st_uid = geteuid(), .st_nlink = 1, .st_size = node < 0 ? 0 : (off_t) tree_nodes[node].size };
        if (kind == S_IFCHR)
                ret->st_rdev = makedev(1, 3);
        return 0;
}

int __wrap_fstat(int fd, struct stat *ret) {
        const struct open_file *file = tree_file_of(fd);

        return file ? fake_stat(file->node, ret) : __real_fstat(fd, ret);
}

int __wrap_fstatat(int dir_fd, const char *path, struct stat *ret, int flags) {
        char fake[NODE_PATH_MAX];

        if (!tree_locate(dir_fd, path, fake))
                return __real_fstatat(dir_fd, path, ret, flags);
        int node = tree_follow(fake);
        return node < 0 && !tree_is_directory(fake) ? tree_fail(ENOENT) : fake_stat(node, ret);
}

ssize_t __wrap_readlinkat(int dir_fd, const char *path, char *buf, size_t size) {
        char fake[NODE_PATH_MAX];
        int node;

        if (!tree_locate(dir_fd, path, fake))
                return __real_readlinkat(dir_fd, path, buf, size);
        node = tree_find(fake);
        if (node < 0 || tree_nodes[node].kind != 'l')
                return tree_fail(node < 0 ? ENOENT : EINVAL);
        size = MIN(size, tree_nodes[node].size);
        memcpy(buf, tree_nodes[node].data, size);
        return (ssize_t) size;
}

ssize_t __wrap___readlinkat_chk(int dir_fd, const char *path, char *buf, size_t size, size_t room) {
        MUST(size <= room);
        return __wrap_readlinkat(dir_fd, path, buf, size);
}

int __wrap_faccessat(int dir_fd, const char *path, int mode, int flags) {
        char fake[NODE_PATH_MAX];

        if (!tree_locate(dir_fd, path, fake))
                return __real_faccessat(dir_fd, path, mode, flags);
        return tree_follow(fake) >= 0 || tree_is_directory(fake) ? 0 : tree_fail(ENOENT);
}

DIR *__wrap_fdopendir(int fd) {
        struct open_file *file = tree_file_of(fd);

        if (!file)
                return __real_fdopendir(fd);
        return fake_memory_fails() ? NULL : (DIR *) (void *) file;
}

/* Each name once, whichever of the entries below it is the first. */
struct dirent *__wrap_readdir(DIR *dir) {
        struct open_file *file = tree_file_of_dir(dir);

        if (!file)
                return __real_readdir(dir);
        if (file->node >= 0 && tree_nodes[file->node].kind == 'r') {
                errno = tree_nodes[file->node].error;
                return NULL;
        }
        for (; file->at < tree_n_nodes; file->at++) {
                const char *name = tree_nodes[file->at].path + (*file->path ? strlen(file->path) + 1 : 0);
                size_t len;
                bool seen = false;

                if (!tree_nodes[file->at].kind || !tree_lies_below(tree_nodes[file->at].path, file->path))
                        continue;
                len = strcspn(name, "/");
                for (size_t i = 0; i < file->at && !seen; i++)
                        seen = tree_nodes[i].kind && strncmp(tree_nodes[i].path, tree_nodes[file->at].path, (size_t) (name - tree_nodes[file->at].path) + len) == 0 &&
                               strchr("/", tree_nodes[i].path[(size_t) (name - tree_nodes[file->at].path) + len]);
                if (seen)
                        continue;
                memcpy(file->entry.d_name, name, len);
                file->entry.d_name[len] = '\0';
                file->at++;
                return &file->entry;
        }
        return NULL;
}

int __wrap_closedir(DIR *dir) {
        struct open_file *file = tree_file_of_dir(dir);

        if (!file)
                return __real_closedir(dir);
        file->used = false;
        return 0;
}

int __wrap_dirfd(DIR *dir) {
        const struct open_file *file = tree_file_of_dir(dir);

        return file ? FIRST_FD + (int) (file - tree_files) : __real_dirfd(dir);
}

static ssize_t stream_write(void *cookie, const char *data, size_t size) {
        return __wrap_write(FIRST_FD + (int) ((struct open_file *) cookie - tree_files), data, size);
}

static int stream_close(void *cookie) {
        ((struct open_file *) cookie)->used = false;
        return 0;
}

FILE *__wrap_fopen(const char *path, const char *mode) {
        char fake[NODE_PATH_MAX];
        int fd;

        if (!tree_locate(AT_FDCWD, path, fake))
                return __real_fopen(path, mode);
        if (fake_memory_fails())
                return NULL;
        MUST(mode[0] == 'w');
        fd = tree_open(fake, O_WRONLY | O_CREAT | O_TRUNC);
        return fd < 0 ? NULL : fopencookie(tree_file_of(fd), "w", (cookie_io_functions_t) { .write = stream_write, .close = stream_close });
}

int __wrap_mkdirat(int dir_fd, const char *path, mode_t mode) {
        char fake[NODE_PATH_MAX];

        if (!tree_locate(dir_fd, path, fake))
                return __real_mkdirat(dir_fd, path, mode);
        if (tree_find(fake) >= 0 || tree_is_directory(fake))
                return tree_fail(EEXIST);
        return tree_node_new(fake, 'd') ? 0 : tree_fail(ENOSPC);
}

int __wrap_mkdir(const char *path, mode_t mode) {
        return __wrap_mkdirat(AT_FDCWD, path, mode);
}

int __wrap_unlinkat(int dir_fd, const char *path, int flags) {
        char fake[NODE_PATH_MAX];
        int node;

        if (!tree_locate(dir_fd, path, fake))
                return __real_unlinkat(dir_fd, path, flags);
        node = tree_find(fake);
        if (node < 0)
                return tree_fail(tree_is_directory(fake) ? EISDIR : ENOENT);
        tree_nodes[node].kind = 0;
        return 0;
}

int __wrap_unlink(const char *path) {
        return __wrap_unlinkat(AT_FDCWD, path, 0);
}

int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to) {
        char source[NODE_PATH_MAX], target[NODE_PATH_MAX];
        int node, old;

        if (!tree_locate(from_fd, from, source) || !tree_locate(to_fd, to, target))
                return __real_renameat(from_fd, from, to_fd, to);
        node = tree_find(source);
        old = tree_find(target);
        if (node < 0)
                return tree_fail(ENOENT);
        if (tree_is_directory(target))
                return tree_fail(EISDIR);
        if (old >= 0)
                tree_nodes[old].kind = 0;
        memcpy(tree_nodes[node].path, target, sizeof(target));
        return 0;
}

int __wrap_rename(const char *from, const char *to) {
        return __wrap_renameat(AT_FDCWD, from, AT_FDCWD, to);
}
