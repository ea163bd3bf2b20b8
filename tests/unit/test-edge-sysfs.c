/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "edge/sysfs.h"
#include "tree.h"

#define NORMAL MHP_ZONE_BIT(MHP_ZONE_NORMAL)
#define MOVABLE MHP_ZONE_BIT(MHP_ZONE_MOVABLE)

struct machine {
        struct tree t;
        struct mhp_root root;
};

static int setup(void **state) {
        static struct machine m;

        tree_make(&m.t);
        tree_memory(&m.t, "8000000");
        *state = &m;
        return mhp_root_open(m.t.path, &m.root);
}

static int teardown(void **state) {
        struct machine *m = *state;

        mhp_root_done(&m->root);
        tree_remove(&m->t);
        return 0;
}

static void test_block_size(void **state) {
        static const struct {
                const char *text;
                uint64_t size;
                int r;
        } rows[] = {
                { "8000000", 128 << 20, 0 },
                { "80000000", UINT64_C(2) << 30, 0 },
                { "1", 1, 0 },
                { "0", 0, -EINVAL },
                { "00000000", 0, -EINVAL },
                { "", 0, -EINVAL },
                { "8000001", 0, -EINVAL },
                { "0x8000000", 0, -EINVAL },
                { "-8000000", 0, -EINVAL },
                { "8000000 ", 0, -EINVAL },
                { "nonsense", 0, -EINVAL },
                { "8000000000000000", UINT64_C(1) << 63, 0 },
                { "10000000000000000", 0, -EINVAL },
                { "00000000000000000000000000000000000000000000008000000", 0, -EINVAL },
        };
        struct machine *m = *state;

        ROWS(row, rows) {
                uint64_t size = 77;

                tree_memory(&m->t, row->text);
                ROW_INT(row->text, mhp_sysfs_block_size(&m->root, &size), row->r);
                ROW_INT(row->text, size, row->r < 0 ? 77 : row->size);
        }
}

static void test_no_memory_hotplug(void **state) {
        struct mhp_readings readings = { .n = 77 };
        struct machine *m = *state;
        uint64_t size = 77;

        tree_drop(&m->t, "sys/devices/system/memory");
        assert_int_equal(mhp_sysfs_block_size(&m->root, &size), -ENOENT);
        assert_int_equal(mhp_sysfs_scan(&m->root, &readings), -ENOENT);
        assert_int_equal(size, 77);
        assert_int_equal(readings.n, 77);
}

/* What state and valid_zones say, in every form that a kernel has had. */
static const struct {
        const char *state, *zones;
        enum mhp_state want_state;
        enum mhp_zone zone;
        unsigned valid;
} zones[] = {
        { "online", "Normal", MHP_STATE_ONLINE, MHP_ZONE_NORMAL, 0 },
        { "online", "none", MHP_STATE_ONLINE, MHP_ZONE_NONE, 0 },
        { "online", "DMA32", MHP_STATE_ONLINE, MHP_ZONE_DMA32, 0 },
        { "online", "Normal Movable", MHP_STATE_ONLINE, MHP_ZONE_NORMAL, 0 },   /* before 4.13, at a boundary */
        { "online", "Movable Normal", MHP_STATE_ONLINE, MHP_ZONE_MOVABLE, 0 },
        { "online", NULL, MHP_STATE_ONLINE, MHP_ZONE_UNSET, 0 },                /* no CONFIG_MEMORY_HOTREMOVE */
        { "online", "", MHP_STATE_ONLINE, MHP_ZONE_UNSET, 0 },
        { "offline", "Normal Movable", MHP_STATE_OFFLINE, MHP_ZONE_UNSET, NORMAL | MOVABLE },
        { "offline", "Movable", MHP_STATE_OFFLINE, MHP_ZONE_UNSET, MOVABLE },
        { "offline", NULL, MHP_STATE_OFFLINE, MHP_ZONE_UNSET, 0 },
        { "going-offline", "Normal Movable", MHP_STATE_GOING_OFFLINE, MHP_ZONE_UNSET, NORMAL | MOVABLE }, /* already as if offline */
        { "hibernating", "Movable", MHP_STATE_UNKNOWN, MHP_ZONE_UNSET, 0 },
        { "", "", MHP_STATE_UNKNOWN, MHP_ZONE_UNSET, 0 },
        { "a word that is much longer than any that the kernel is going to have for a state", "Movable", MHP_STATE_UNKNOWN, MHP_ZONE_UNSET, 0 },
        { "online", "Tepid Movable", MHP_STATE_ONLINE, MHP_ZONE_MOVABLE, 0 },
        { "online", "a word that is much longer than any that the kernel is going to have for a zone", MHP_STATE_ONLINE, MHP_ZONE_UNSET, 0 },
};

static void test_zones(void **state) {
        struct machine *m = *state;

        ROWS(row, zones) {
                struct mhp_reading one = { 0 }, cheap = { 0 };
                _cleanup_readings_ struct mhp_readings all = { 0 };
                const char *what = row->zones ? row->zones : row->state;

                tree_add_block(&m->t, 32, row->state, row->zones, 3, NULL);
                ROW_INT(what, mhp_sysfs_read_block(&m->root, 32, &one), 0);
                ROW_INT(what, mhp_sysfs_read_zone(&m->root, 32, &cheap), 0);
                ROW_INT(what, mhp_sysfs_scan(&m->root, &all), 0);
                ROW_INT(what, all.n, 1);
                ROW_INT(what, one.nr, 32);
                ROW_INT(what, one.state, row->want_state);
                ROW_INT(what, one.node, 3);
                ROW_INT(what, one.n_nodes, 1);
                if (row->want_state != MHP_STATE_UNKNOWN) {
                        ROW_INT(what, one.zone, row->zone);
                        ROW_INT(what, one.valid, row->valid);
                }
                ROW_INT(what, cheap.state, one.state);
                ROW_INT(what, cheap.zone, one.zone);
                ROW_INT(what, cheap.valid, one.valid);
                ROW_INT(what, cheap.node, -1);
                ROW_INT(what, all.reading[0].state, one.state);
                ROW_INT(what, all.reading[0].zone, one.zone);
                ROW_INT(what, all.reading[0].node, 3);
                tree_drop(&m->t, "sys/devices/system/memory/memory32");
                tree_drop(&m->t, "sys/devices/system/node/node3");
        }
}

static void test_gone(void **state) {
        struct machine *m = *state;
        struct mhp_reading reading = { .nr = 77 };

        assert_int_equal(mhp_sysfs_read_block(&m->root, 5, &reading), -ENOENT);
        assert_int_equal(mhp_sysfs_read_zone(&m->root, 5, &reading), -ENOENT);
        assert_int_equal(mhp_sysfs_write_state(&m->root, 5, "offline"), -ENOENT);

        /* the directory is still there, its files are not */
        tree_dir(&m->t, "sys/devices/system/memory/memory5");
        assert_int_equal(mhp_sysfs_read_block(&m->root, 5, &reading), -ENOENT);
        assert_int_equal(reading.nr, 77);
}

/* Right after `add` there is no node link; boot memory may lie on several nodes, and readdir() says them in any order. */
static void test_nodes(void **state) {
        static const struct {
                int nodes[4];
                int node, n;
        } rows[] = {
                { { -1 }, -1, 0 },
                { { 0, -1 }, 0, 1 },
                { { 7, 2, 11, -1 }, 2, 3 },
                { { 1023, -1 }, 1023, 1 },
                { { 40000, -1 }, -1, 0 },
        };
        struct machine *m = *state;

        ROWS(row, rows) {
                struct mhp_reading one;
                _cleanup_readings_ struct mhp_readings all = { 0 };

                tree_add_block(&m->t, 0, "online", "none", -1, NULL);
                for (const int *n = row->nodes; *n >= 0; n++)
                        tree_add_node(&m->t, 0, *n);
                assert_int_equal(mhp_sysfs_read_block(&m->root, 0, &one), 0);
                assert_int_equal(mhp_sysfs_scan(&m->root, &all), 0);
                assert_int_equal(one.node, row->node);
                assert_int_equal(one.n_nodes, row->n);
                assert_int_equal(all.reading[0].node, row->node);
                assert_int_equal(all.reading[0].n_nodes, row->n);
                tree_drop(&m->t, "sys/devices/system/memory/memory0");
                for (const int *n = row->nodes; *n >= 0; n++) {
                        char path[64];

                        (void) snprintf(path, sizeof(path), "sys/devices/system/node/node%d", *n);
                        tree_drop(&m->t, path);
                }
        }
}

/* Ascending, whatever order the directory has; holes; numbers that no map has room for are counted and left out. */
static void test_scan_order(void **state) {
        static const uint64_t nrs[] = { 8192, 40, 8193, 0, 33, 100000, 9, MHP_BLOCK_MAX, MHP_NO_BLOCK, UINT64_C(1) << 40, UINT64_MAX };
        static const uint32_t want[] = { 0, 9, 33, 40, 8192, 8193, 100000, MHP_BLOCK_MAX };
        _cleanup_readings_ struct mhp_readings all = { 0 };
        struct machine *m = *state;

        ROWS(nr, nrs)
                tree_add_block(&m->t, *nr, "online", "Normal", 0, NULL);
        tree_file(&m->t, "sys/devices/system/memory/memory18446744073709551616/state", "online\n"); /* 2^64 */
        tree_file(&m->t, "sys/devices/system/memory/memory/state", "online\n");
        tree_file(&m->t, "sys/devices/system/memory/memory7x/state", "online\n");
        tree_file(&m->t, "sys/devices/system/memory/memory-1/state", "online\n");
        tree_file(&m->t, "sys/devices/system/memory/power/control", "auto\n");
        tree_file(&m->t, "sys/devices/system/memory/memory_failure", "");

        assert_int_equal(mhp_sysfs_scan(&m->root, &all), 0);
        assert_int_equal(all.n, sizeof(want) / sizeof(*want));
        for (size_t i = 0; i < all.n; i++)
                assert_int_equal(all.reading[i].nr, want[i]);
        assert_int_equal(all.n_ignored, 4);
}

/* What is wrong with one block, or one node, is that one's affair. */
static void test_bad_block(void **state) {
        static const struct {
                uint32_t nr;
                int error;
        } want[] = { { 1, 0 }, { 2, EISDIR }, { 3, EINVAL }, { 4, EINVAL }, { 5, ELOOP }, { 7, 0 } };
        _cleanup_readings_ struct mhp_readings all = { 0 };
        struct mhp_reading one;
        struct machine *m = *state;

        for (uint64_t nr = 1; nr <= 7; nr++)
                tree_add_block(&m->t, nr, "online", "Normal", 0, NULL);
        tree_drop(&m->t, "sys/devices/system/memory/memory2/state");
        tree_dir(&m->t, "sys/devices/system/memory/memory2/state");
        tree_set(&m->t, 3, "state", "on fire\n");
        tree_set(&m->t, 4, "state", "0123456789012345678901234567890123456789012345678901234567890123456789\n");
        tree_drop(&m->t, "sys/devices/system/memory/memory5/state");
        tree_link(&m->t, "sys/devices/system/memory/memory5/state", "state");
        tree_drop(&m->t, "sys/devices/system/memory/memory6");
        tree_file(&m->t, "sys/devices/system/memory/memory6", "");
        tree_file(&m->t, "sys/devices/system/node/node1", "");

        assert_int_equal(mhp_sysfs_scan(&m->root, &all), 0);
        assert_int_equal(all.n, ELEMENTSOF(want));
        for (size_t i = 0; i < all.n; i++) {
                assert_int_equal(all.reading[i].nr, want[i].nr);
                assert_int_equal(all.reading[i].error, want[i].error);
                assert_int_equal(all.reading[i].state, want[i].error ? MHP_STATE_UNKNOWN : MHP_STATE_ONLINE);
                assert_int_equal(all.reading[i].node, 0);
                assert_int_equal(mhp_sysfs_read_block(&m->root, want[i].nr, &one), 0);
                assert_int_equal(one.error, want[i].error);
                assert_int_equal(one.state, all.reading[i].state);
        }
        assert_int_equal(mhp_sysfs_read_block(&m->root, 6, &one), -ENOTDIR);
}

/* A process without descriptors has read nothing, and knows that. */
static void test_want(void **state) {
        struct mhp_readings all = { .n = 77 };
        struct mhp_reading one = { .nr = 77 };
        struct machine *m = *state;
        struct rlimit before, none;
        int lowest = dup(0), r[3];

        tree_add_block(&m->t, 1, "online", "Normal", 0, NULL);
        assert_true(lowest >= 0);
        close(lowest);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = (struct rlimit) { (rlim_t) lowest, before.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        r[0] = mhp_sysfs_scan(&m->root, &all);
        r[1] = mhp_sysfs_read_block(&m->root, 1, &one);
        r[2] = mhp_sysfs_read_zone(&m->root, 1, &one);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        for (size_t i = 0; i < ELEMENTSOF(r); i++) {
                assert_int_equal(r[i], -EMFILE);
                assert_true(mhp_error_passes(r[i]));
        }
        assert_int_equal(all.n, 77);
        assert_int_equal(one.nr, 77);
}

static void test_scan_vanished(void **state) {
        _cleanup_readings_ struct mhp_readings all = { 0 };
        struct machine *m = *state;

        tree_add_block(&m->t, 1, "online", "Normal", 0, NULL);
        tree_add_block(&m->t, 2, "online", "Normal", 0, NULL);
        tree_drop(&m->t, "sys/devices/system/memory/memory2/state");
        tree_add_block(&m->t, 3, "online", "Normal", 0, NULL);
        assert_int_equal(mhp_sysfs_scan(&m->root, &all), 0);
        assert_int_equal(all.n, 2);
        assert_int_equal(all.reading[1].nr, 3);
}

static void test_scan_empty(void **state) {
        struct mhp_readings all = { .n = 77 };
        struct machine *m = *state;

        tree_dir(&m->t, "sys/devices/system/node/node0");
        assert_int_equal(mhp_sysfs_scan(&m->root, &all), 0);
        assert_int_equal(all.n, 0);
        mhp_readings_done(&all);
}

static void test_write(void **state) {
        struct machine *m = *state;

        tree_add_block(&m->t, 32, "", NULL, -1, NULL);
        assert_int_equal(mhp_sysfs_write_state(&m->root, 32, "online_movable"), 0);
        assert_string_equal(tree_read(&m->t, "sys/devices/system/memory/memory32/state"), "online_movable");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* Reading valid_zones of a block that has no node yet would end in the kernel; where blocks have no nodes at all it is fine. */
static void test_no_node_yet(void **state) {
        struct machine *m = *state;
        _cleanup_readings_ struct mhp_readings readings = { 0 };
        struct mhp_reading reading;

        tree_add_block(&m->t, 40, "offline", "Normal Movable", -1, NULL);
        assert_int_equal(mhp_sysfs_read_block(&m->root, 40, &reading), 0);
        assert_int_equal(reading.valid, NORMAL | MOVABLE);

        tree_add_block(&m->t, 41, "offline", "Normal Movable", 0, NULL);
        assert_int_equal(mhp_sysfs_read_block(&m->root, 40, &reading), 0);
        assert_int_equal(reading.valid, 0);
        assert_int_equal(mhp_sysfs_read_block(&m->root, 41, &reading), 0);
        assert_int_equal(reading.valid, NORMAL | MOVABLE);

        assert_int_equal(mhp_sysfs_scan(&m->root, &readings), 0);
        assert_int_equal(readings.n, 2);
        assert_int_equal(readings.reading[0].valid, 0);
        assert_int_equal(readings.reading[1].valid, NORMAL | MOVABLE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                T(test_block_size), T(test_no_memory_hotplug), T(test_zones), T(test_gone), T(test_nodes), T(test_scan_order),
                T(test_no_node_yet),
                T(test_bad_block), T(test_want),
                T(test_scan_vanished), T(test_scan_empty), T(test_write),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
