/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/range.h"

static char *print(const struct mhp_ranges *ranges) {
        struct mhp_text text = {};
        char *s;

        mhp_ranges_print(ranges, &text);
        assert_int_equal(mhp_text_finish(&text, &s), 0);
        return s;
}

static void test_parse(void **state) {
        static const struct {
                const char *in;
                int r;
                const char *out;
                uint64_t count;
        } rows[] = {
                { "32", 0, "32", 1 },
                { "0", 0, "0", 1 },
                { "32-39", 0, "32-39", 8 },
                { "32-32", 0, "32", 1 },
                { "32-39,41", 0, "32-39,41", 9 },
                { "41,32-39", 0, "32-39,41", 9 },
                { "5,4,3,2,1", 0, "1-5", 5 },
                { "1-3,2-9,4", 0, "1-9", 9 },
                { "1-3,4-6", 0, "1-6", 6 },
                { "1-3,5-6", 0, "1-3,5-6", 5 },
                { "1-100,7-9,50", 0, "1-100", 100 },
                { "memory32", 0, "32", 1 },
                { "memory32-39,memory41", 0, "32-39,41", 9 },
                { "memory32-memory39", 0, "32-39", 8 },
                { "0-4294967294", 0, "0-4294967294", UINT32_MAX },
                { "4294967294", 0, "4294967294", 1 },
                { "0000000000000000000000000000007", 0, "7", 1 },
                { "4294967295", -ERANGE, NULL, 0 },
                { "18446744073709551616", -ERANGE, NULL, 0 },
                { "1-18446744073709551616", -ERANGE, NULL, 0 },
                { "111111111111111111111111111111111111111111111111111111111", -ERANGE, NULL, 0 },
                { "", -EINVAL, NULL, 0 },
                { "-", -EINVAL, NULL, 0 },
                { "-5", -EINVAL, NULL, 0 },
                { "5-", -EINVAL, NULL, 0 },
                { "5-3", -EINVAL, NULL, 0 },
                { "32--39", -EINVAL, NULL, 0 },
                { "1-2-3", -EINVAL, NULL, 0 },
                { ",", -EINVAL, NULL, 0 },
                { "1,", -EINVAL, NULL, 0 },
                { ",1", -EINVAL, NULL, 0 },
                { "1,,2", -EINVAL, NULL, 0 },
                { "1;2", -EINVAL, NULL, 0 },
                { "1 ", -EINVAL, NULL, 0 },
                { " 1", -EINVAL, NULL, 0 },
                { "1\n", -EINVAL, NULL, 0 },
                { "0x20", -EINVAL, NULL, 0 },
                { "memory", -EINVAL, NULL, 0 },
                { "memorymemory1", -EINVAL, NULL, 0 },
                { "Memory1", -EINVAL, NULL, 0 },
                { "acpi:PNP0C80:00", -EINVAL, NULL, 0 },
        };

        ROWS(row, rows) {
                _cleanup_ranges_ struct mhp_ranges ranges = {};

                ROW_INT(row->in, mhp_ranges_parse(row->in, &ranges), row->r);
                if (row->r < 0) {
                        assert_null(ranges.range);
                        continue;
                }
                _cleanup_free_ char *s = print(&ranges);

                assert_string_equal(s, row->out);
                ROW_INT(row->in, mhp_ranges_count(&ranges), row->count);
        }
}

/* Adds, or takes away when the sign is -. */
static void test_add_remove(void **state) {
        static const struct {
                struct {
                        char sign;
                        uint32_t first, last;
                } ops[4];
                const char *out;
        } rows[] = {
                { { { '+', 5, 3 } }, "" },
                { { { '+', 0, 0 }, { '+', 1, 1 } }, "0-1" },
                { { { '+', 0, MHP_BLOCK_MAX }, { '+', 5, 5 } }, "0-4294967294" },
                { { { '+', MHP_BLOCK_MAX, MHP_BLOCK_MAX }, { '+', MHP_BLOCK_MAX - 1, MHP_BLOCK_MAX - 1 } }, "4294967293-4294967294" },
                { { { '+', 10, 20 }, { '+', 30, 40 }, { '+', 21, 29 } }, "10-40" },
                { { { '+', 10, 20 }, { '+', 30, 40 }, { '+', 22, 28 } }, "10-20,22-28,30-40" },
                { { { '+', 10, 20 }, { '+', 30, 40 }, { '+', 50, 60 }, { '+', 15, 55 } }, "10-60" },
                { { { '+', 10, 20 }, { '+', 0, 8 } }, "0-8,10-20" },
                { { { '+', 10, 20 }, { '+', 0, 9 } }, "0-20" },
                { { { '+', 10, 20 }, { '-', 15, 15 } }, "10-14,16-20" },
                { { { '+', 10, 20 }, { '-', 10, 12 } }, "13-20" },
                { { { '+', 10, 20 }, { '-', 18, 30 } }, "10-17" },
                { { { '+', 10, 20 }, { '-', 0, MHP_BLOCK_MAX } }, "" },
                { { { '+', 10, 20 }, { '-', 21, 30 } }, "10-20" },
                { { { '+', 10, 20 }, { '-', 15, 10 } }, "10-20" },
                { { { '+', 10, 20 }, { '+', 30, 40 }, { '+', 50, 60 }, { '-', 15, 55 } }, "10-14,56-60" },
                { { { '+', 0, MHP_BLOCK_MAX }, { '-', 0, 0 }, { '-', MHP_BLOCK_MAX, MHP_BLOCK_MAX } }, "1-4294967293" },
                { { { '-', 1, 2 } }, "" },
        };

        ROWS(row, rows) {
                _cleanup_ranges_ struct mhp_ranges ranges = {};

                for (size_t i = 0; i < 4 && row->ops[i].sign; i++) {
                        int r = row->ops[i].sign == '+' ? mhp_ranges_add(&ranges, row->ops[i].first, row->ops[i].last)
                                                        : mhp_ranges_remove(&ranges, row->ops[i].first, row->ops[i].last);
                        assert_int_equal(r, 0);
                }
                _cleanup_free_ char *s = print(&ranges);

                assert_string_equal(s, row->out);
        }
}

static uint32_t dice(uint64_t *seed, uint32_t sides) {
        *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (uint32_t) (*seed >> 33) % sides;
}

static void compare(const struct mhp_ranges *ranges, const bool *set, uint32_t n) {
        uint64_t count = 0;

        for (uint32_t i = 0; i < n; i++) {
                assert_int_equal(mhp_ranges_contain(ranges, i), set[i]);
                count += set[i];
        }
        assert_true(mhp_ranges_count(ranges) == count);
        for (size_t i = 0; i < ranges->n; i++) {
                assert_true(ranges->range[i].first <= ranges->range[i].last);
                if (i > 0)
                        assert_true(ranges->range[i - 1].last + 1 < ranges->range[i].first);
        }
}

/* Against the simplest set there is. */
static void test_model(void **state) {
        enum { N = 100 };
        uint64_t seed = 20240611;

        print_message("seed %llu\n", (unsigned long long) seed);
        for (unsigned round = 0; round < 50; round++) {
                _cleanup_ranges_ struct mhp_ranges ranges = {}, again = {};
                bool set[N] = {};

                for (unsigned op = 0; op < 60; op++) {
                        uint32_t first = dice(&seed, N), last = first + dice(&seed, MIN(12, N - first));
                        bool add = dice(&seed, 5) < 3;

                        assert_int_equal(add ? mhp_ranges_add(&ranges, first, last) : mhp_ranges_remove(&ranges, first, last), 0);
                        memset(set + first, add, last - first + 1);
                        compare(&ranges, set, N);
                }
                _cleanup_free_ char *s = print(&ranges);

                if (ranges.n == 0)
                        continue;
                assert_int_equal(mhp_ranges_parse(s, &again), 0);
                compare(&again, set, N);
        }
}

/* A list that descends is as quick as one that ascends: a quadratic one would take minutes here. */
static void test_many(void **state) {
        struct mhp_text text = {};
        _cleanup_free_ char *s = NULL;
        _cleanup_ranges_ struct mhp_ranges ranges = {};

        for (uint32_t i = 200000; i > 0; i--) {
                mhp_text_u64(&text, 2 * i);
                mhp_text_add(&text, i > 1 ? "," : "");
        }
        assert_int_equal(mhp_text_finish(&text, &s), 0);
        assert_int_equal(mhp_ranges_parse(s, &ranges), 0);
        assert_int_equal(ranges.n, 200000);
        assert_true(mhp_ranges_contain(&ranges, 2) && !mhp_ranges_contain(&ranges, 3));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_add_remove),
                cmocka_unit_test(test_model),
                cmocka_unit_test(test_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
