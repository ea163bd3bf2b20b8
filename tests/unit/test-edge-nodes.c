/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <string.h>

#include "edge/nodes.h"
#include "tree.h"

#define HAS_CPU "sys/devices/system/node/has_cpu"

static const struct {
        const char *text;    /* of the file, NULL: there is none */
        bool known;
        uint64_t first;      /* nodes 0-63 */
        uint64_t last;       /* nodes 960-1023 */
} rows[] = {
        { NULL, false, 0, 0 },
        { "", false, 0, 0 },
        { "\n", false, 0, 0 },
        { "none\n", false, 0, 0 },
        { "1-0\n", false, 0, 0 },
        { "0\n", true, 1, 0 },
        { "0-1,4\n", true, 0x13, 0 },
        { "0,1023\n", true, 1, UINT64_C(1) << 63 },
        { "63,1000-5000\n", true, UINT64_C(1) << 63, ~UINT64_C(0) << 40 },
};

static void test_processors(void **state) {
        ROWS(row, rows) {
                _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
                struct mhp_pressure pressure = { .room = 7 };
                const char *name = row->text ? row->text : "no file";
                struct tree t;

                tree_make(&t);
                if (row->text)
                        tree_file(&t, HAS_CPU, row->text);
                assert_int_equal(mhp_root_open(t.path, &root), 0);
                ROW_INT(name, mhp_nodes_processors(&root, &pressure), 0);
                ROW_INT(name, pressure.processors_known, row->known);
                ROW_INT(name, pressure.processors[0], row->first);
                ROW_INT(name, pressure.processors[MHP_NODE_WORDS - 1], row->last);
                ROW_INT(name, pressure.room, 7);
                tree_remove(&t);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_processors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
