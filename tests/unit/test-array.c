/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include "base/array.h"
#include "base/macro.h"

static void test_grow(void **state) {
        _cleanup_free_ uint64_t *a = NULL;
        size_t n = 0, capacity = 0, moves = 0;

        for (uint64_t i = 0; i < 100000; i++) {
                size_t before = capacity;

                assert_int_equal(ARRAY_GROW(a, n, capacity), 0);
                moves += capacity != before;
                a[n++] = i;
        }
        for (uint64_t i = 0; i < 100000; i++)
                assert_true(a[i] == i);
        assert_true(moves < 20);
}

static void test_reserve(void **state) {
        static const struct {
                size_t need, size;
                int r;
        } rows[] = {
                { 0, 8, 0 },
                { 1, 8, 0 },
                { 1000, 8, 0 },
                { SIZE_MAX, 8, -ENOMEM },
                { SIZE_MAX / 8 + 1, 8, -ENOMEM },
        };

        ROWS(row, rows) {
                void *a = NULL;
                size_t capacity = 0;

                assert_int_equal(mhp_array_reserve(&a, &capacity, 4, row->size), 0);
                void *before = a;
                size_t capacity_before = capacity;

                assert_int_equal(mhp_array_reserve(&a, &capacity, row->need, row->size), row->r);
                if (row->r < 0) {
                        assert_ptr_equal(a, before);
                        assert_int_equal(capacity, capacity_before);
                } else
                        assert_true(capacity >= row->need);
                free(a);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_grow),
                cmocka_unit_test(test_reserve),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
