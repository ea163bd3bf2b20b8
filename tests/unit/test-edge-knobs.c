/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>

#include "edge/knobs.h"
#include "edge/watch.h"
#include "tree.h"

static const struct {
        enum mhp_knob knob;
        const char *path;
} knobs[] = {
        { MHP_KNOB_AUTO_ONLINE_BLOCKS, "sys/devices/system/memory/auto_online_blocks" },
        { MHP_KNOB_ONLINE_POLICY, "sys/module/memory_hotplug/parameters/online_policy" },
        { MHP_KNOB_AUTO_MOVABLE_RATIO, "sys/module/memory_hotplug/parameters/auto_movable_ratio" },
        { MHP_KNOB_AUTO_MOVABLE_NUMA_AWARE, "sys/module/memory_hotplug/parameters/auto_movable_numa_aware" },
};

static void test_read_write(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        char value[MHP_KNOB_VALUE_MAX];
        struct tree t;

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        assert_false(mhp_knob_can_arm(&root));
        ROWS(row, knobs) {
                assert_int_equal(mhp_knob_read(&root, row->knob, value), -ENOENT);
                assert_int_equal(mhp_knob_write(&root, row->knob, "x"), -ENOENT);
                tree_file(&t, row->path, "\n");
                assert_int_equal(mhp_knob_read(&root, row->knob, value), 0);
                assert_string_equal(value, "");
                assert_int_equal(mhp_knob_write(&root, row->knob, "something"), 0);
                assert_string_equal(tree_read(&t, row->path), "something");
                assert_int_equal(mhp_knob_read(&root, row->knob, value), 0);
                assert_string_equal(value, "something");
        }
        assert_true(mhp_knob_can_arm(&root));
        tree_remove(&t);
}

static void test_too_long(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        char value[MHP_KNOB_VALUE_MAX] = "untouched";
        struct tree t;

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        tree_file(&t, knobs[1].path, "a word that is longer than every policy that a kernel has had\n");
        assert_int_equal(mhp_knob_read(&root, MHP_KNOB_ONLINE_POLICY, value), -E2BIG);
        assert_string_equal(value, "untouched");
        tree_remove(&t);
}

/* Each of them is heard, one that is not there is no failure, and what nobody wrote is not heard. */
static void test_watch(void **state) {
        static const char table[] = "sys/devices/system/memory/memmap_policy";
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        _cleanup_(mhp_watch_freep) struct mhp_watch *watch = NULL;
        struct tree t;

        (void) state;
        tree_make(&t);
        ROWS(row, knobs)
                if (row->knob != MHP_KNOB_AUTO_MOVABLE_RATIO)
                        tree_file(&t, row->path, "\n");
        tree_file(&t, table, "");
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        assert_int_equal(mhp_watch_new(&root, &watch), 0);
        assert_int_equal(mhp_watch_drain(watch), 0);
        ROWS(row, knobs) {
                assert_int_equal(mhp_knob_write(&root, row->knob, "x"), row->knob == MHP_KNOB_AUTO_MOVABLE_RATIO ? -ENOENT : 0);
                assert_int_equal(mhp_watch_drain(watch), row->knob != MHP_KNOB_AUTO_MOVABLE_RATIO);
                assert_int_equal(mhp_watch_drain(watch), 0);
        }
        assert_int_equal(mhp_root_write(&root, table, "default on"), 0);
        assert_int_equal(mhp_watch_drain(watch), 1);
        tree_remove(&t);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_read_write),
                cmocka_unit_test(test_watch),
                cmocka_unit_test(test_too_long),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
