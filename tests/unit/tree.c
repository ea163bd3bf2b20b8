/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tree.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A fixture that cannot be made is no failed test: it ends the program. */

#define MEMORY "sys/devices/system/memory"
#define NODES "sys/devices/system/node"
#define ACPI "sys/devices/LNXSYSTM:00/LNXSYBUS:00"

void tree_make(struct tree *t) {
        const char *tmp = getenv("TMPDIR");

        if (snprintf(t->path, sizeof(t->path), "%s/mhp-tree-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp") < 0 || !mkdtemp(t->path))
                err(99, "%s", t->path);
        t->fd = open(t->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (t->fd < 0)
                err(99, "%s", t->path);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        (void) st;
        (void) type;
        (void) ftw;
        return remove(path);
}

static void remove_below(const char *path) {
        if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0)
                err(99, "%s", path);
}

void tree_remove(struct tree *t) {
        close(t->fd);
        remove_below(t->path);
}

void tree_dir(const struct tree *t, const char *path) {
        char copy[PATH_MAX];

        if (snprintf(copy, sizeof(copy), "%s/", path) >= (int) sizeof(copy))
                errx(99, "%s: too long", path);
        for (char *p = strchr(copy, '/'); p; p = strchr(p + 1, '/')) {
                *p = '\0';
                if (mkdirat(t->fd, copy, 0755) < 0 && errno != EEXIST)
                        err(99, "%s/%s", t->path, copy);
                *p = '/';
        }
}

static void make_parent(const struct tree *t, const char *path) {
        const char *slash = strrchr(path, '/');
        char copy[PATH_MAX];

        if (slash && snprintf(copy, sizeof(copy), "%.*s", (int) (slash - path), path) < (int) sizeof(copy))
                tree_dir(t, copy);
}

void tree_bytes(const struct tree *t, const char *path, const void *data, size_t len) {
        int fd;

        make_parent(t, path);
        fd = openat(t->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (fd < 0 || write(fd, data, len) != (ssize_t) len)
                err(99, "%s/%s", t->path, path);
        close(fd);
}

void tree_file(const struct tree *t, const char *path, const char *content) {
        tree_bytes(t, path, content, strlen(content));
}

void tree_link(const struct tree *t, const char *path, const char *target) {
        make_parent(t, path);
        if (symlinkat(target, t->fd, path) < 0)
                err(99, "%s/%s", t->path, path);
}

void tree_drop(const struct tree *t, const char *path) {
        char full[PATH_MAX];

        if (snprintf(full, sizeof(full), "%s/%s", t->path, path) >= (int) sizeof(full))
                errx(99, "%s: too long", path);
        remove_below(full);
}

/* The signal that tells of somebody who waits would be the end. */
int tree_lease(const struct tree *t, const char *path) {
        int fd = openat(t->fd, path, O_RDWR | O_CLOEXEC);

        if (fd < 0 || signal(SIGIO, SIG_IGN) == SIG_ERR || fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
                err(99, "%s", path);
        return fd;
}

const char *tree_read(const struct tree *t, const char *path) {
        static char buf[65536];
        int fd = openat(t->fd, path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

        if (n < 0)
                err(99, "%s/%s", t->path, path);
        close(fd);
        buf[n] = '\0';
        return buf;
}

void tree_memory(const struct tree *t, const char *block_size) {
        char content[64];

        (void) snprintf(content, sizeof(content), "%s\n", block_size);
        tree_file(t, MEMORY "/block_size_bytes", content);
}

void tree_set(const struct tree *t, uint64_t nr, const char *file, const char *content) {
        char path[PATH_MAX], line[4096];

        (void) snprintf(path, sizeof(path), MEMORY "/memory%llu/%s", (unsigned long long) nr, file);
        (void) snprintf(line, sizeof(line), "%s\n", content);
        tree_file(t, path, line);
}

void tree_add_node(const struct tree *t, uint64_t nr, int node) {
        char path[PATH_MAX], target[PATH_MAX];

        (void) snprintf(path, sizeof(path), MEMORY "/memory%llu/node%d", (unsigned long long) nr, node);
        (void) snprintf(target, sizeof(target), "../../node/node%d", node);
        tree_link(t, path, target);
        (void) snprintf(path, sizeof(path), NODES "/node%d/memory%llu", node, (unsigned long long) nr);
        (void) snprintf(target, sizeof(target), "../../memory/memory%llu", (unsigned long long) nr);
        tree_link(t, path, target);
}

/* As acpi_bind_one() does it: physical_node, physical_node1, ... on the device's side, and the device in its bus's list. */
void tree_add_firmware_node(const struct tree *t, uint64_t nr, const char *device) {
        char path[PATH_MAX], target[PATH_MAX];

        (void) snprintf(path, sizeof(path), "sys/bus/acpi/devices/%s", device);
        (void) snprintf(target, sizeof(target), "../../../devices/LNXSYSTM:00/LNXSYBUS:00/%s", device);
        if (faccessat(t->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                tree_link(t, path, target);

        (void) snprintf(path, sizeof(path), MEMORY "/memory%llu/firmware_node", (unsigned long long) nr);
        (void) snprintf(target, sizeof(target), "../../../LNXSYSTM:00/LNXSYBUS:00/%s", device);
        tree_link(t, path, target);

        (void) snprintf(target, sizeof(target), "../../../system/memory/memory%llu", (unsigned long long) nr);
        for (unsigned i = 0;; i++) {
                (void) snprintf(path, sizeof(path), i ? ACPI "/%s/physical_node%u" : ACPI "/%s/physical_node", device, i);
                if (faccessat(t->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                        break;
        }
        tree_link(t, path, target);
}

void tree_add_block(const struct tree *t, uint64_t nr, const char *state, const char *zones, int node, const char *device) {
        tree_set(t, nr, "state", state);
        if (zones)
                tree_set(t, nr, "valid_zones", zones);
        if (node >= 0)
                tree_add_node(t, nr, node);
        if (device)
                tree_add_firmware_node(t, nr, device);
}
