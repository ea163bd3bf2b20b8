/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What has a switch for its memmap, the dax bus and standby memory, from a made-up tree. */

#include "unit.h"

#include <errno.h>
#include <string.h>

#include "edge/dax.h"
#include "edge/names.h"
#include "edge/standby.h"
#include "tree.h"

#define DEVICE(name, file) NAME_DAX_DEVICES "/" name "/" file

static void test_list(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        _cleanup_free_ struct mhp_dax *list = NULL;
        struct tree t;
        size_t n = 1;

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        assert_int_equal(mhp_dax_list(&root, &list, &n), 0);
        assert_int_equal(n, 0);

        tree_file(&t, DEVICE("dax1.0", "size"), "2147483648\n");
        tree_file(&t, DEVICE("dax1.0", "target_node"), "1\n");
        tree_file(&t, DEVICE("dax1.0", "memmap_on_memory"), "1\n");
        tree_link(&t, DEVICE("dax1.0", "driver"), "../../../../bus/dax/drivers/kmem");
        tree_file(&t, DEVICE("dax0.10", "size"), "lots\n");
        tree_file(&t, DEVICE("dax0.10", "target_node"), "-1\n");
        tree_file(&t, DEVICE("dax0.10", "memmap_on_memory"), "maybe\n");
        tree_link(&t, DEVICE("dax0.10", "driver"), "../../../../bus/dax/drivers/device_dax");
        tree_dir(&t, NAME_DAX_DEVICES "/dax0");
        tree_dir(&t, NAME_DAX_DEVICES "/dax0.");
        tree_dir(&t, NAME_DAX_DEVICES "/dax.0");
        tree_dir(&t, NAME_DAX_DEVICES "/dax0.0x");
        tree_dir(&t, NAME_DAX_DEVICES "/dax0.11111111111111111111111111111111");
        assert_int_equal(mhp_dax_list(&root, &list, &n), 0);
        assert_int_equal(n, 2);

        assert_string_equal(list[0].name, "dax0.10");
        assert_int_equal(list[0].size, 0);
        assert_int_equal(list[0].node, -1);
        assert_false(list[0].has_switch);
        assert_false(list[0].in_kmem);
        assert_string_equal(list[1].name, "dax1.0");
        assert_true(list[1].size == UINT64_C(2) << 30);
        assert_int_equal(list[1].node, 1);
        assert_true(list[1].has_switch && list[1].switched_on && list[1].in_kmem);
        tree_remove(&t);
}

static void test_switch(void **state) {
        static const char *const bad[] = { "", "dax", "dax0", "dax0.", "dax.0", "dax0.0/..", "../dax0.0", "dax0.0 ", "dax0.00000000000000000000000000000" };
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        struct tree t;

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        assert_int_equal(mhp_dax_switch(&root, "dax0.0", true), -ENOENT);
        tree_file(&t, DEVICE("dax0.0", "memmap_on_memory"), "0\n");
        assert_int_equal(mhp_dax_switch(&root, "dax0.0", true), 0);
        assert_string_equal(tree_read(&t, DEVICE("dax0.0", "memmap_on_memory")), "1");
        assert_int_equal(mhp_dax_switch(&root, "dax0.0", false), 0);
        assert_string_equal(tree_read(&t, DEVICE("dax0.0", "memmap_on_memory")), "0");
        ROWS(row, bad)
                ROW_INT(*row, mhp_dax_switch(&root, *row, true), -EINVAL);
        tree_remove(&t);
}

#define STANDBY(block, file) NAME_STANDBY "/" block "/" file

static void test_standby(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        _cleanup_free_ struct mhp_standby *list = NULL;
        struct tree t;
        size_t n = 1;

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        assert_int_equal(mhp_standby_list(&root, &list, &n), 0);
        assert_int_equal(n, 0);

        tree_file(&t, STANDBY("memory9", "config"), "1\n");
        tree_file(&t, STANDBY("memory9", "memmap_on_memory"), "1\n");
        tree_file(&t, STANDBY("memory8", "config"), "0\n");
        tree_file(&t, STANDBY("memory8", "memmap_on_memory"), "0\n");
        tree_file(&t, STANDBY("memory10", "config"), "0\n");
        tree_file(&t, STANDBY("memory4294967295", "config"), "0\n");
        tree_file(&t, STANDBY("memory4294967295", "memmap_on_memory"), "0\n");
        tree_file(&t, STANDBY("memoryx", "config"), "0\n");
        assert_int_equal(mhp_standby_list(&root, &list, &n), 0);
        assert_int_equal(n, 2);
        assert_true(list[0].nr == 8 && !list[0].configured && !list[0].switched_on);
        assert_true(list[1].nr == 9 && list[1].configured && list[1].switched_on);
        assert_int_equal(mhp_standby_switch(&root, 8, true), 0);
        assert_string_equal(tree_read(&t, STANDBY("memory8", "memmap_on_memory")), "1");
        assert_int_equal(mhp_standby_switch(&root, 11, true), -ENOENT);
        tree_remove(&t);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_list),
                cmocka_unit_test(test_switch),
                cmocka_unit_test(test_standby),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
