/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a kernel offers, from made-up trees. */

#include "unit.h"

#include <string.h>

#include "edge/companion.h"
#include "edge/names.h"
#include "tree.h"

#define DEVICE(name, file) NAME_VIRTIO_MEM_DRIVER "/" name "/" file

static void test_stock(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        struct mhp_companion c;
        struct tree t;

        memset(&c, 0xff, sizeof(c));
        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        mhp_companion_read(&root, &c);
        assert_false(c.memmap_policy || c.teardown || c.hold || c.vmemmap_pages || c.eject_notice);
        mhp_root_done(&root);

        tree_memory(&t, "8000000");
        tree_add_block(&t, 32, "online", "Movable", 0, NULL);
        tree_dir(&t, NAME_VIRTIO_MEM_DRIVER "/virtio0");
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        mhp_companion_read(&root, &c);
        assert_false(c.memmap_policy || c.teardown || c.hold || c.vmemmap_pages || c.eject_notice);
        tree_remove(&t);
}

static void test_each(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        struct mhp_companion c;
        struct tree t;

        tree_make(&t);
        tree_memory(&t, "8000000");
        tree_dir(&t, NAME_MEMORY "/memory7"); /* is just leaving */
        tree_add_block(&t, 32, "online", "Movable", 0, NULL);
        assert_int_equal(mhp_root_open(t.path, &root), 0);

        tree_file(&t, NAME_MEMMAP_POLICY, "");
        mhp_companion_read(&root, &c);
        assert_true(c.memmap_policy && !c.teardown && !c.hold && !c.vmemmap_pages);
        tree_file(&t, NAME_TEARDOWN, "ok\n");
        tree_set(&t, 32, NAME_HOLD, "0");
        mhp_companion_read(&root, &c);
        assert_true(c.teardown && c.hold && !c.vmemmap_pages && !c.eject_notice);
        tree_set(&t, 32, NAME_VMEMMAP_PAGES, "512");
        tree_file(&t, NAME_ACPI_NOTICE, "0\n");
        mhp_companion_read(&root, &c);
        assert_true(c.vmemmap_pages && c.eject_notice);
        tree_remove(&t);
}

static void test_virtio_mem(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        _cleanup_free_ struct mhp_virtio_mem *list = NULL;
        struct tree t;
        size_t n = 1;

        tree_make(&t);
        tree_memory(&t, "8000000");
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        assert_int_equal(mhp_virtio_mem_list(&root, &list, &n), 0);
        assert_int_equal(n, 0);

        tree_file(&t, DEVICE("virtio10", "requested_size"), "2147483648\n");
        tree_file(&t, DEVICE("virtio10", "plugged_size"), "1073741824\n");
        tree_file(&t, DEVICE("virtio10", "usable_region_size"), "17179869184\n");
        tree_file(&t, DEVICE("virtio10", "device_block_size"), "2097152\n");
        tree_file(&t, DEVICE("virtio10", "mode"), "sbm\n");
        tree_file(&t, DEVICE("virtio9", "requested_size"), "0\n");
        tree_file(&t, DEVICE("virtio9", "plugged_size"), "0\n");
        tree_file(&t, DEVICE("virtio9", "device_block_size"), "some\n");
        tree_dir(&t, NAME_VIRTIO_MEM_DRIVER "/virtio1"); /* a stock kernel's */
        tree_file(&t, DEVICE("virtio", "requested_size"), "0\n");
        tree_file(&t, DEVICE("virtio7x", "requested_size"), "0\n");
        tree_file(&t, DEVICE("virtio7x", "plugged_size"), "0\n");
        assert_int_equal(mhp_virtio_mem_list(&root, &list, &n), 0);
        assert_int_equal(n, 2);
        assert_string_equal(list[0].name, "virtio9");
        assert_true(list[0].device_block == 0 && list[0].mode[0] == '\0');
        assert_string_equal(list[1].name, "virtio10");
        assert_true(list[1].requested == UINT64_C(2) << 30 && list[1].plugged == UINT64_C(1) << 30);
        assert_true(list[1].usable == UINT64_C(16) << 30 && list[1].device_block == 2 << 20);
        assert_string_equal(list[1].mode, "sbm");
        tree_remove(&t);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_stock), cmocka_unit_test(test_each), cmocka_unit_test(test_virtio_mem) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
