/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/groups.h"
#include "edge/sysfs.h"

/* The first four lines of the input are block_size_bytes, state, valid_zones and the N of memoryN; a node's number is the length of the
 * fourth, so that all of it changes. What follows is /proc/iomem. */

#define MEMORY "sys/devices/system/memory"
#define NODE "sys/devices/system/node"

static char folder[] = "/tmp/mhp-fuzz-sysfs-XXXXXX";
static int folder_fd = -1;

static void clean(void) {
        static const char *const paths[] = {
                MEMORY "/block_size_bytes", MEMORY, NODE, "sys/devices/system", "sys/devices", "sys", "proc/iomem", "proc",
        };

        for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
                if (unlinkat(folder_fd, paths[i], 0) < 0)
                        (void) unlinkat(folder_fd, paths[i], AT_REMOVEDIR);
        (void) rmdir(folder);
}

static void prepare(void) {
        static const char *const paths[] = { "sys", "sys/devices", "sys/devices/system", MEMORY, NODE, "proc" };

        if (folder_fd >= 0)
                return;
        MUST(mkdtemp(folder));
        folder_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        MUST(folder_fd >= 0);
        for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
                MUST(mkdirat(folder_fd, paths[i], 0755) == 0);
        atexit(clean);
}

static void put(const char *path, const char *data, size_t len) {
        int fd = openat(folder_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        MUST(fd >= 0 && write(fd, data, len) == (ssize_t) len);
        close(fd);
}

/* The next line of the input, without its newline. */
static size_t line(const char **p, const char *end, const char **ret) {
        const char *newline = memchr(*p, '\n', (size_t) (end - *p));
        size_t len = (size_t) ((newline ? newline : end) - *p);

        *ret = *p;
        *p = newline ? newline + 1 : end;
        return len;
}

static void check_reading(const struct mhp_reading *reading) {
        MUST(reading->nr <= MHP_BLOCK_MAX);
        MUST((unsigned) reading->state < _MHP_STATE_MAX && (unsigned) reading->zone < _MHP_ZONE_MAX);
        MUST(reading->zone == MHP_ZONE_UNSET || reading->state == MHP_STATE_ONLINE);
        MUST(reading->valid == 0 || reading->state != MHP_STATE_ONLINE);
        MUST(reading->node >= -1 && (reading->node >= 0) == (reading->n_nodes > 0));
}

static void resolve(struct mhp_groups *groups, struct mhp_reading *reading) {
        for (enum mhp_resolve how = MHP_RESOLVE_SCAN; how <= MHP_RESOLVE_SETTLED; how++) {
                MUST(mhp_groups_resolve(groups, how, reading) == 0);
                MUST((reading->group != NULL) == (reading->source != MHP_SOURCE_UNKNOWN));
                MUST(!reading->group || strncmp(reading->group, mhp_source_name(reading->source), strlen(mhp_source_name(reading->source))) == 0);
        }
}

static void check(void) {
        _cleanup_readings_ struct mhp_readings all = {};
        _cleanup_groups_ struct mhp_groups *groups = NULL;
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        uint64_t block_size = 0;
        int r;

        MUST(mhp_root_open(folder, &root) == 0);
        r = mhp_sysfs_block_size(&root, &block_size);

        MUST(r == 0 ? block_size && !(block_size & (block_size - 1)) : r == -EINVAL && block_size == 0);
        MUST(mhp_groups_new(&root, block_size, &groups) == 0 && mhp_groups_load(groups) == 0);
        MUST(mhp_sysfs_scan(&root, &all) == 0);
        MUST(all.n <= 1 && all.n + all.n_ignored <= 1);
        for (size_t i = 0; i < all.n; i++) {
                struct mhp_reading one;

                check_reading(&all.reading[i]);
                if (mhp_sysfs_read_zone(&root, all.reading[i].nr, &one) == 0)
                        MUST(one.state == all.reading[i].state && one.zone == all.reading[i].zone && one.valid == all.reading[i].valid);
                resolve(groups, &all.reading[i]);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *p = (const char *) data, *end = p + size, *size_line, *state, *zones, *nr;
        size_t size_len = line(&p, end, &size_line), state_len = line(&p, end, &state), zones_len = line(&p, end, &zones);
        size_t nr_len = line(&p, end, &nr);
        char block[64], path[256], node[64], link[256];

        if (nr_len > 40 || memchr(nr, '/', nr_len) || memchr(nr, '\0', nr_len))
                return 0;
        prepare();
        put(MEMORY "/block_size_bytes", size_line, size_len);
        put("proc/iomem", p, (size_t) (end - p));
        (void) snprintf(block, sizeof(block), MEMORY "/memory%.*s", (int) nr_len, nr);
        (void) snprintf(node, sizeof(node), NODE "/node%zu", nr_len);
        MUST(mkdirat(folder_fd, block, 0755) == 0 && mkdirat(folder_fd, node, 0755) == 0);
        (void) snprintf(link, sizeof(link), "%s/memory%.*s", node, (int) nr_len, nr);
        MUST(symlinkat(".", folder_fd, link) == 0);
        (void) snprintf(path, sizeof(path), "%s/valid_zones", block);
        put(path, zones, zones_len);
        (void) snprintf(path, sizeof(path), "%s/state", block);
        put(path, state, state_len);

        check();

        MUST(unlinkat(folder_fd, path, 0) == 0);
        (void) snprintf(path, sizeof(path), "%s/valid_zones", block);
        MUST(unlinkat(folder_fd, path, 0) == 0 && unlinkat(folder_fd, link, 0) == 0);
        MUST(unlinkat(folder_fd, node, AT_REMOVEDIR) == 0 && unlinkat(folder_fd, block, AT_REMOVEDIR) == 0);
        return 0;
}
