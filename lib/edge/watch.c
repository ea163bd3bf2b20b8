/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "edge/names.h"

struct mhp_watch {
        int fd; /* owned */
};

static const char *const files[] = {
        NAME_AUTO_ONLINE_BLOCKS,
        NAME_ONLINE_POLICY,
        NAME_AUTO_MOVABLE_RATIO,
        NAME_AUTO_MOVABLE_NUMA_AWARE,
        NAME_MEMMAP_POLICY,
};

struct mhp_watch *mhp_watch_free(struct mhp_watch *watch) {
        if (!watch)
                return NULL;

        if (watch->fd >= 0)
                close(watch->fd);
        free(watch);
        return NULL;
}

/* inotify takes a path and no directory: the root's is the one by which the process sees its own file descriptor. */
static int add(struct mhp_watch *watch, const struct mhp_root *root, const char *file) {
        char path[PATH_MAX];

        (void) snprintf(path, sizeof(path), NAME_OWN_FD "/%d/%s", root->fd, file);
        if (inotify_add_watch(watch->fd, path, IN_MODIFY | IN_CLOSE_WRITE | IN_DONT_FOLLOW) >= 0 || errno == ENOENT)
                return 0;
        return -errno;
}

int mhp_watch_new(const struct mhp_root *root, struct mhp_watch **ret) {
        _cleanup_(mhp_watch_freep) struct mhp_watch *watch = calloc(1, sizeof(*watch));
        int r = 0;

        if (!watch)
                return -ENOMEM;
        watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (watch->fd < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(files) && r >= 0; i++)
                r = add(watch, root, files[i]);
        if (r < 0)
                return r;
        *ret = TAKE(watch);
        return 0;
}

int mhp_watch_fd(const struct mhp_watch *watch) {
        return watch->fd;
}

int mhp_watch_drain(struct mhp_watch *watch) {
        _Alignas(struct inotify_event) char buf[4096];
        int any = 0;

        while (read(watch->fd, buf, sizeof(buf)) > 0)
                any = 1;
        return any;
}
