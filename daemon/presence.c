/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/presence.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/state.h"
#include "edge/names.h"
#include "edge/root-own.h"

/* With its parent, for a tree below --sysroot may have no run; the tree itself has to be there. */
static int make_directory(const char *path) {
        char parent[PATH_MAX];
        const char *slash = strrchr(path, '/');

        if (mkdir(path, 0755) == 0 || errno == EEXIST)
                return 0;
        if (errno != ENOENT || !slash || (size_t) (slash - path) >= sizeof(parent))
                return -errno;
        memcpy(parent, path, (size_t) (slash - path));
        parent[slash - path] = '\0';
        if (mkdir(parent, 0755) < 0)
                return -errno;
        return mkdir(path, 0755) < 0 ? -errno : 0;
}

static int path_of(const struct options *options, const char *name, char ret[static PATH_MAX]) {
        int n = snprintf(ret, PATH_MAX, "%s/%s", options->runtime, name);

        return n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* What lies in the way of the lock is no reason to do without. */
static int open_lock(const char *dir) {
        int fd = mhp_own_open(dir, NAME_LOCK);

        if (fd >= 0 || !state_set_aside(dir, NAME_LOCK, fd))
                return fd;
        return mhp_own_open(dir, NAME_LOCK);
}

int presence_lock(const struct options *options, int *ret) {
        int fd, r;

        *ret = -1;
        if (options->dry_run) /* leaves everything as it is, and no trace */
                return 0;
        r = make_directory(options->runtime);
        if (r < 0) {
                log_print(LOG_WARNING, "%s cannot be made: %s", options->runtime, strerror(-r));
                return 0;
        }
        fd = open_lock(options->runtime);
        if (fd < 0) {
                log_print(LOG_WARNING, "%s/" NAME_LOCK " cannot be opened, so another mhpd would not be noticed: %s", options->runtime, mhp_own_words(fd));
                return 0;
        }
        if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
                log_print(LOG_ERR, "another mhpd runs, with the runtime directory %s", options->runtime);
                close(fd);
                return -EBUSY;
        }
        *ret = fd;
        return 0;
}

/* The mark is a link to the process, and who looks at it follows it (udev's TEST does). So it is true whatever ends mhpd, and nothing has to be taken
 * away after a SIGKILL, or by a service manager that has forgotten what belongs to a unit that was masked. */
static int make_mark(const struct options *options, const char *path) {
        char fresh[PATH_MAX], target[64];

        if (path_of(options, NAME_RUNNING, fresh) < 0)
                return -ENAMETOOLONG;
        if (mkdir(fresh, 0755) < 0 && errno != EEXIST)
                return -errno;
        if (path_of(options, NAME_RUNNING_MARK ".new", fresh) < 0)
                return -ENAMETOOLONG;
        if (unlink(fresh) < 0 && errno != ENOENT)
                return -errno;
        (void) snprintf(target, sizeof(target), NAME_PROCESSES "/%d", getpid());
        return symlink(target, fresh) < 0 || rename(fresh, path) < 0 ? -errno : 0;
}

void presence_show(const struct options *options) {
        char path[PATH_MAX];
        int r;

        if (options->dry_run)
                return;
        r = path_of(options, NAME_RUNNING_MARK, path);
        if (r >= 0)
                r = make_mark(options, path);
        if (r < 0)
                log_print(LOG_WARNING, "%s/" NAME_RUNNING_MARK " cannot be made, so udev rules do not know that mhpd runs: %s", options->runtime, strerror(-r));
}

void presence_end(const struct options *options) {
        char path[PATH_MAX];

        if (!options->dry_run && path_of(options, NAME_RUNNING_MARK, path) >= 0)
                (void) unlink(path);
}
