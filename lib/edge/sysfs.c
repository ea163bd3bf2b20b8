/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/units.h"
#include "edge/names.h"

#define BLOCK_PATH_MAX 64 /* NAME_MEMORY, memory4294967295 and the longest file below it */

int mhp_sysfs_block_size(const struct mhp_root *root, uint64_t *ret) {
        char buf[32];
        uint64_t size;
        int r = mhp_root_read(root, NAME_BLOCK_SIZE, buf, sizeof(buf));

        if (r < 0)
                return r == -E2BIG ? -EINVAL : r;
        if (mhp_parse_hex(buf, &size) < 0 || size == 0 || (size & (size - 1)) != 0)
                return -EINVAL;
        *ret = size;
        return 0;
}
#define SHARE_MIN 2048 /* blocks that are worth a thread */
#define SHARES_MAX 8

/* The block number in `memoryN`; anything else is -EINVAL, a number that is too large -ERANGE. */
static int block_number(const char *name, uint32_t *ret) {
        uint64_t nr;
        int r;

        if (strncmp(name, "memory", 6) != 0)
                return -EINVAL;
        r = mhp_parse_u64(name + 6, &nr);
        if (r < 0)
                return r;
        if (nr > MHP_BLOCK_MAX)
                return -ERANGE;
        *ret = (uint32_t) nr;
        return 0;
}

/* State and zone below an open directory; prefix is `memoryN/`. A state that this version does not know, or that nobody can read, stays UNKNOWN: the
 * block is shown and left alone. valid_zones is not there without CONFIG_MEMORY_HOTREMOVE; that is no error.
 *
 * complete: the block has its node. A block that is just being added is shown before it has one, and then valid_zones_show() of an offline block
 * looks into the zones of node -1 (drivers/base/memory.c, 6.12): whoever reads it dies in the kernel. */
static int read_zone(int dir_fd, const char *prefix, bool complete, struct mhp_reading *reading) {
        char path[BLOCK_PATH_MAX], buf[64];
        int r;

        (void) snprintf(path, sizeof(path), "%s" NAME_STATE, prefix);
        r = mhp_root_read_at(dir_fd, path, buf, sizeof(buf));
        if (r == -ENOENT || r == -ENODEV || r == -ENOTDIR || mhp_error_passes(r))
                return r;
        if (r < 0 || mhp_state_parse(buf, &reading->state) < 0) {
                reading->state = MHP_STATE_UNKNOWN;
                reading->error = r < 0 && r != -E2BIG ? -r : EINVAL;
                return 0;
        }
        if (!complete && reading->state != MHP_STATE_ONLINE)
                return 0;
        (void) snprintf(path, sizeof(path), "%s" NAME_VALID_ZONES, prefix);
        r = mhp_root_read_at(dir_fd, path, buf, sizeof(buf));
        if (r == -ENODEV || mhp_error_passes(r)) /* ENODEV: it went between the two */
                return r;
        if (r >= 0)
                (void) mhp_valid_zones_parse(buf, reading->state, &reading->zone, &reading->valid);
        return 0;
}

int mhp_sysfs_read_zone(const struct mhp_root *root, uint32_t nr, struct mhp_reading *ret) {
        struct mhp_reading reading = { .nr = nr, .node = -1 };
        char prefix[BLOCK_PATH_MAX];
        int r;

        if (root->memory_fd < 0)
                return -ENOENT;
        (void) snprintf(prefix, sizeof(prefix), "memory%u/", nr);
        r = read_zone(root->memory_fd, prefix, true, &reading);
        if (r < 0)
                return r;
        *ret = reading;
        return 0;
}

static void add_node(struct mhp_reading *reading, uint32_t node) {
        if (node > INT16_MAX)
                return;
        if (reading->node < 0 || (int16_t) node < reading->node)
                reading->node = (int16_t) node;
        if (reading->n_nodes < UINT8_MAX)
                reading->n_nodes++;
}

static int read_nodes(const struct mhp_root *root, uint32_t nr, struct mhp_reading *reading) {
        _cleanup_dir_ DIR *dir = NULL;
        char path[BLOCK_PATH_MAX];
        int r;

        (void) snprintf(path, sizeof(path), NAME_MEMORY "/memory%u", nr);
        r = mhp_root_opendir(root, path, &dir);
        if (r < 0)
                return r;

        for (const struct dirent *d; (r = mhp_root_next(dir, &d)) > 0;) {
                uint32_t node;

                if (strncmp(d->d_name, "node", 4) == 0 && mhp_parse_u32(d->d_name + 4, &node) >= 0)
                        add_node(reading, node);
        }
        return r;
}

/* Without CONFIG_NUMA no block has a node, and none needs one. Who cannot tell takes it that they do: read_zone(). */
static bool has_nodes(const struct mhp_root *root) {
        return faccessat(root->fd, NAME_NODE, F_OK, 0) == 0 || errno != ENOENT;
}

int mhp_sysfs_read_block(const struct mhp_root *root, uint32_t nr, struct mhp_reading *ret) {
        struct mhp_reading reading = { .nr = nr, .node = -1 };
        char prefix[BLOCK_PATH_MAX];
        int r;

        if (root->memory_fd < 0)
                return -ENOENT;
        r = read_nodes(root, nr, &reading);
        if (r == -ENOENT || r == -ENODEV || r == -ENOTDIR || mhp_error_passes(r))
                return r;
        (void) snprintf(prefix, sizeof(prefix), "memory%u/", nr);
        r = read_zone(root->memory_fd, prefix, reading.node >= 0 || !has_nodes(root), &reading);
        if (r < 0)
                return r;
        *ret = reading;
        return 0;
}

int mhp_sysfs_block_inode(const struct mhp_root *root, uint32_t nr, uint64_t *ret) {
        char path[BLOCK_PATH_MAX];
        struct stat st;

        if (root->memory_fd < 0)
                return -ENOENT;
        (void) snprintf(path, sizeof(path), "memory%u", nr);
        if (fstatat(root->memory_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        *ret = st.st_ino;
        return 0;
}

int mhp_sysfs_write_state(const struct mhp_root *root, uint32_t nr, const char *verb) {
        char path[BLOCK_PATH_MAX];

        if (root->memory_fd < 0)
                return -ENOENT;
        (void) snprintf(path, sizeof(path), "memory%u/" NAME_STATE, nr);
        return mhp_root_write_at(root->memory_fd, path, verb);
}

void mhp_readings_done(struct mhp_readings *readings) {
        free(readings->reading);
        *readings = (struct mhp_readings) { 0 };
}

static int compare_readings(const void *a, const void *b) {
        uint32_t x = ((const struct mhp_reading *) a)->nr, y = ((const struct mhp_reading *) b)->nr;

        return (x > y) - (x < y);
}

static int list_blocks(DIR *dir, struct mhp_readings *readings) {
        int r;

        for (const struct dirent *d; (r = mhp_root_next(dir, &d)) > 0;) {
                uint32_t nr;

                r = block_number(d->d_name, &nr);

                if (r == -ERANGE)
                        readings->n_ignored++;
                if (r < 0)
                        continue;
                r = ARRAY_GROW(readings->reading, readings->n, readings->capacity);
                if (r < 0)
                        return r;
                readings->reading[readings->n++] = (struct mhp_reading) { .nr = nr, .node = -1 };
        }
        if (r < 0)
                return r;
        if (readings->n > 0)
                qsort(readings->reading, readings->n, sizeof(*readings->reading), compare_readings);
        return 0;
}

/* A share of the blocks, for one thread. A block that has gone meanwhile is marked by MHP_NO_BLOCK. What is wrong with one block is that one's; what this
 * process has no more of is the end of the scan. */
struct share {
        pthread_t thread;
        int dir_fd;
        struct mhp_reading *reading;
        size_t n;
        bool has_nodes;
        int error;
};

static void *read_share(void *userdata) {
        struct share *share = userdata;

        for (size_t i = 0; i < share->n && share->error == 0; i++) {
                struct mhp_reading *reading = &share->reading[i];
                char prefix[BLOCK_PATH_MAX];

                (void) snprintf(prefix, sizeof(prefix), "memory%u/", reading->nr);
                int r = read_zone(share->dir_fd, prefix, reading->node >= 0 || !share->has_nodes, reading);
                if (r == -ENOENT || r == -ENODEV || r == -ENOTDIR)
                        reading->nr = MHP_NO_BLOCK;
                else if (mhp_error_is_want(r))
                        share->error = r;
                else if (r < 0)
                        reading->error = -r;
        }
        return NULL;
}

/* Nearly all of a scan is time in the kernel for these files, and it scales: so with many blocks each processor takes a share. The
 * first share is the caller's own; a thread that cannot be had leaves its share to the caller. */
static int read_shares(int dir_fd, bool has_nodes, struct mhp_readings *readings) {
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        size_t n_shares = CLAMP(MIN(readings->n / SHARE_MIN, (size_t) MAX(cpus, 1)), 1u, (size_t) SHARES_MAX);
        size_t each = readings->n / n_shares;
        struct share share[SHARES_MAX];
        bool started[SHARES_MAX] = { false };
        int r = 0;

        for (size_t i = 0; i < n_shares; i++) {
                share[i] = (struct share) { .dir_fd = dir_fd, .has_nodes = has_nodes, .reading = readings->reading + i * each,
                                            .n = i + 1 < n_shares ? each : readings->n - i * each };
                if (i > 0)
                        started[i] = pthread_create(&share[i].thread, NULL, read_share, &share[i]) == 0;
        }
        for (size_t i = 0; i < n_shares; i++) {
                if (started[i])
                        (void) pthread_join(share[i].thread, NULL);
                else
                        (void) read_share(&share[i]);
                if (share[i].error < 0)
                        r = share[i].error;
        }
        return r;
}

static int read_zones(int dir_fd, bool has_nodes, struct mhp_readings *readings) {
        size_t n = 0;
        int r = readings->n > 0 ? read_shares(dir_fd, has_nodes, readings) : 0;

        if (r < 0)
                return r;
        for (size_t i = 0; i < readings->n; i++)
                if (readings->reading[i].nr != MHP_NO_BLOCK)
                        readings->reading[n++] = readings->reading[i];
        readings->n = n;
        return 0;
}

/* One node's directory: its memoryN links. */
static int read_node(const struct mhp_root *root, uint32_t node, struct mhp_readings *readings) {
        _cleanup_dir_ DIR *dir = NULL;
        char path[BLOCK_PATH_MAX];
        int r;

        (void) snprintf(path, sizeof(path), NAME_NODE "/node%u", node);
        r = mhp_root_opendir(root, path, &dir);
        if (r < 0)
                return mhp_error_passes(r) ? r : 0; /* it went, or is no directory */

        for (const struct dirent *d; (r = mhp_root_next(dir, &d)) > 0;) {
                struct mhp_reading key, *found;

                if (block_number(d->d_name, &key.nr) < 0 || readings->n == 0)
                        continue;
                found = bsearch(&key, readings->reading, readings->n, sizeof(key), compare_readings);
                if (found)
                        add_node(found, node);
        }
        return r;
}

static int read_all_nodes(const struct mhp_root *root, struct mhp_readings *readings) {
        _cleanup_dir_ DIR *dir = NULL;
        int r = mhp_root_opendir(root, NAME_NODE, &dir);

        if (r < 0)
                return mhp_error_passes(r) ? r : 0; /* no CONFIG_NUMA */

        for (const struct dirent *d; (r = mhp_root_next(dir, &d)) > 0;) {
                uint32_t node;

                if (strncmp(d->d_name, "node", 4) != 0 || mhp_parse_u32(d->d_name + 4, &node) < 0)
                        continue;
                r = read_node(root, node, readings);
                if (r < 0)
                        return r;
        }
        return r;
}

int mhp_sysfs_scan(const struct mhp_root *root, struct mhp_readings *ret) {
        _cleanup_readings_ struct mhp_readings readings = { 0 };
        _cleanup_dir_ DIR *dir = NULL;
        int r = mhp_root_opendir(root, NAME_MEMORY, &dir);

        if (r < 0)
                return r;
        r = list_blocks(dir, &readings);
        if (r < 0)
                return r;
        r = read_all_nodes(root, &readings);
        if (r < 0)
                return r;
        r = read_zones(dirfd(dir), has_nodes(root), &readings);
        if (r < 0)
                return r;

        *ret = readings;
        readings = (struct mhp_readings) { 0 };
        return 0;
}
