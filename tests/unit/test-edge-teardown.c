/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The list that the kernel is given, and what it says of it. */

#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/range.h"
#include "edge/names.h"
#include "edge/teardown.h"
#include "tree.h"

static void test_parse(void **state) {
        static const struct {
                const char *text;
                int r;
                struct mhp_teardown expected;
        } rows[] = {
                { "none", 0, { .failed = false } },
                { "ok", 0, { .failed = false } },
                { "failed 39 16 1277952", 0, { true, 39, 16 } },
                { "failed 0 4 -", 0, { true, 0, 4 } },
                { "failed 4294967294 4095 18446744073709551615", 0, { true, MHP_BLOCK_MAX, 4095 } },
                { "", -EINVAL, { .failed = false } },
                { "ok ", -EINVAL, { .failed = false } },
                { "failed", -EINVAL, { .failed = false } },
                { "failed 39 16", -EINVAL, { .failed = false } },
                { "failed 39 16 -5", -EINVAL, { .failed = false } },
                { "failed 39 16 1 2", -EINVAL, { .failed = false } },
                { "failed 39 16 1 ", -EINVAL, { .failed = false } },
                { "failed  39 16 1", -EINVAL, { .failed = false } },
                { "failed 39 0 1", -EINVAL, { .failed = false } },
                { "failed 39 4096 1", -EINVAL, { .failed = false } },
                { "failed 4294967295 16 1", -EINVAL, { .failed = false } },
                { "failed 99999999999 16 1", -EINVAL, { .failed = false } },
                { "failed 39 16 18446744073709551616", -EINVAL, { .failed = false } },
                { "failed 0000000000000000000000000000000000000000000000000000000000000000000039 16 1", -EINVAL, { .failed = false } },
        };

        ROWS(row, rows) {
                struct mhp_teardown said = { .failed = true, .block = 7, .error = 7 };

                assert_int_equal(mhp_teardown_parse(row->text, &said), row->r);
                if (row->r < 0) {
                        assert_true(said.failed && said.block == 7 && said.error == 7);
                        continue;
                }
                assert_int_equal(said.failed, row->expected.failed);
                assert_int_equal(said.block, row->expected.block);
                assert_int_equal(said.error, row->expected.error);
        }
}

static void test_write(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        static const struct {
                uint32_t blocks[6];
                size_t n;
                const char *text;
        } rows[] = {
                { { 39 }, 1, "39" },
                { { 39, 38 }, 2, "39-38" },
                { { 39, 38, 37, 32, 33, 34 }, 6, "39-37,32-34" },
                { { 32, 34, 36 }, 3, "32,34,36" },
                { { 1, 0, 4294967294 }, 3, "1-0,4294967294" },
        };
        struct mhp_teardown said;
        struct tree t;

        tree_make(&t);
        tree_memory(&t, "8000000");
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        assert_false(mhp_teardown_offered(&root));
        assert_int_equal(mhp_teardown_write(&root, rows[0].blocks, 1), -ENOENT);
        assert_int_equal(mhp_teardown_read(&root, &said), -ENOENT);
        ROWS(row, rows) {
                tree_file(&t, NAME_TEARDOWN, "");
                assert_int_equal(mhp_teardown_write(&root, row->blocks, row->n), 0);
                assert_string_equal(tree_read(&t, NAME_TEARDOWN), row->text);
        }
        assert_true(mhp_teardown_offered(&root));
        tree_file(&t, NAME_TEARDOWN, "failed 36 16 -\n");
        assert_int_equal(mhp_teardown_read(&root, &said), 0);
        assert_true(said.failed && said.block == 36 && said.error == EBUSY);
        tree_remove(&t);
}

static void test_lift(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        struct tree t;

        tree_make(&t);
        tree_memory(&t, "8000000");
        tree_add_block(&t, 32, "offline", "Movable", 0, NULL);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        assert_int_equal(mhp_hold_lift(&root, 32), 0);
        tree_set(&t, 32, NAME_HOLD, "0");
        assert_int_equal(mhp_hold_lift(&root, 32), 0);
        tree_set(&t, 32, NAME_HOLD, "1");
        assert_int_equal(mhp_hold_lift(&root, 32), 1);
        assert_string_equal(tree_read(&t, NAME_MEMORY "/memory32/" NAME_HOLD), "0");
        tree_remove(&t);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_write),
                cmocka_unit_test(test_lift),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
