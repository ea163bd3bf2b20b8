/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the linker makes of the names in fake.wrap: __real_ is libc's function, __wrap_ the one that is called in its place. */

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

int __real_openat(int dir_fd, const char *path, int flags, ...);
ssize_t __real_read(int fd, void *buf, size_t size);
ssize_t __real_write(int fd, const void *data, size_t size);
int __real_close(int fd);
int __real_fsync(int fd);
int __real_fstat(int fd, struct stat *ret);
int __real_fstatat(int dir_fd, const char *path, struct stat *ret, int flags);
ssize_t __real_readlinkat(int dir_fd, const char *path, char *buf, size_t size);
int __real_faccessat(int dir_fd, const char *path, int mode, int flags);
DIR *__real_fdopendir(int fd);
struct dirent *__real_readdir(DIR *dir);
int __real_closedir(DIR *dir);
int __real_dirfd(DIR *dir);
FILE *__real_fopen(const char *path, const char *mode);
int __real_mkdirat(int dir_fd, const char *path, mode_t mode);
int __real_unlinkat(int dir_fd, const char *path, int flags);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);

int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int dir_fd, const char *path, int flags, ...);
int __wrap___open_2(const char *path, int flags);
int __wrap___openat_2(int dir_fd, const char *path, int flags);
ssize_t __wrap_read(int fd, void *buf, size_t size);
ssize_t __wrap___read_chk(int fd, void *buf, size_t size, size_t room);
ssize_t __wrap_write(int fd, const void *data, size_t size);
int __wrap_close(int fd);
int __wrap_fsync(int fd);
int __wrap_fstat(int fd, struct stat *ret);
int __wrap_fstatat(int dir_fd, const char *path, struct stat *ret, int flags);
ssize_t __wrap_readlinkat(int dir_fd, const char *path, char *buf, size_t size);
ssize_t __wrap___readlinkat_chk(int dir_fd, const char *path, char *buf, size_t size, size_t room);
int __wrap_faccessat(int dir_fd, const char *path, int mode, int flags);
DIR *__wrap_fdopendir(int fd);
struct dirent *__wrap_readdir(DIR *dir);
int __wrap_closedir(DIR *dir);
int __wrap_dirfd(DIR *dir);
FILE *__wrap_fopen(const char *path, const char *mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_mkdirat(int dir_fd, const char *path, mode_t mode);
int __wrap_unlink(const char *path);
int __wrap_unlinkat(int dir_fd, const char *path, int flags);
int __wrap_rename(const char *from, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
