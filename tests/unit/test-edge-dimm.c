/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <stdlib.h>

#include "edge/dimm.h"
#include "tree.h"

#define DEVICE "sys/bus/acpi/devices/"

static void test_refused(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        struct mhp_dimm *list = NULL;
        struct tree t;
        size_t n = 1;

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        assert_int_equal(mhp_dimm_list_refused(&root, &list, &n), 0);
        assert_int_equal(n, 0);
        free(list);

        tree_file(&t, DEVICE "PNP0C80:00/status", "15\n");
        tree_link(&t, DEVICE "PNP0C80:00/physical_node", "../../../../devices/system/memory/memory32");
        tree_file(&t, DEVICE "PNP0C80:02/status", "15\n");
        tree_file(&t, DEVICE "PNP0C80:01/status", "3\n");
        tree_file(&t, DEVICE "PNP0C80:03/status", "0\n");
        tree_file(&t, DEVICE "PNP0C80:04/status", "13\n");
        tree_file(&t, DEVICE "PNP0C80:05/status", "all right\n");
        tree_dir(&t, DEVICE "PNP0C80:06");
        tree_file(&t, DEVICE "PNP0A03:00/status", "15\n");
        tree_file(&t, DEVICE "PNP0C80:0123456789012345678901234567890/status", "15\n");
        assert_int_equal(mhp_dimm_list_refused(&root, &list, &n), 0);
        assert_int_equal(n, 2);
        assert_string_equal(list[0].name, "PNP0C80:01");
        assert_string_equal(list[1].name, "PNP0C80:02");
        free(list);
        tree_remove(&t);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
