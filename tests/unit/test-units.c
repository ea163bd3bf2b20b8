/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <inttypes.h>

#include "base/units.h"

#define UNTOUCHED UINT64_C(0x5a5a5a5a5a5a5a5a)

struct row {
        const char *in;
        int r;
        uint64_t v;
};

static void check(const struct row *row, int r, uint64_t v) {
        uint64_t want = row->r < 0 ? UNTOUCHED : row->v;

        if (r != row->r || v != want)
                fail_msg("row \"%s\": %d %" PRIu64 ", wanted %d %" PRIu64, row->in, r, v, row->r, want);
}

static void test_u64(void **state) {
        static const struct row rows[] = {
                { "0", 0, 0 },
                { "00042", 0, 42 },
                { "18446744073709551615", 0, UINT64_MAX },
                { "18446744073709551616", -ERANGE, 0 },
                { "99999999999999999999999999999999999999999", -ERANGE, 0 },
                { "99999999999999999999999999999999999999999x", -EINVAL, 0 },
                { "", -EINVAL, 0 },
                { "-", -EINVAL, 0 },
                { "-1", -EINVAL, 0 },
                { "+1", -EINVAL, 0 },
                { " 1", -EINVAL, 0 },
                { "1 ", -EINVAL, 0 },
                { "1\n", -EINVAL, 0 },
                { "0x10", -EINVAL, 0 },
                { "1a", -EINVAL, 0 },
                { "\xd9\xa1", -EINVAL, 0 }, /* ARABIC-INDIC DIGIT ONE */
        };

        ROWS(row, rows) {
                uint64_t v = UNTOUCHED;
                int r = mhp_parse_u64(row->in, &v);

                check(row, r, v);
        }
}

static void test_u32(void **state) {
        static const struct row rows[] = {
                { "4294967295", 0, UINT32_MAX },
                { "4294967296", -ERANGE, 0 },
                { "18446744073709551616", -ERANGE, 0 },
                { "7,", -EINVAL, 0 },
        };

        ROWS(row, rows) {
                uint32_t v = (uint32_t) UNTOUCHED;
                int r = mhp_parse_u32(row->in, &v);

                check(row, r, r < 0 && v == (uint32_t) UNTOUCHED ? UNTOUCHED : v);
        }
}

static void test_hex(void **state) {
        static const struct row rows[] = {
                { "8000000", 0, 0x8000000 },
                { "00000020", 0, 32 },
                { "DeadBeef", 0, 0xdeadbeef },
                { "ffffffffffffffff", 0, UINT64_MAX },
                { "10000000000000000", -ERANGE, 0 },
                { "0x8000000", -EINVAL, 0 },
                { "8000000\n", -EINVAL, 0 },
                { "g", -EINVAL, 0 },
                { "", -EINVAL, 0 },
        };

        ROWS(row, rows) {
                uint64_t v = UNTOUCHED;
                int r = mhp_parse_hex(row->in, &v);

                check(row, r, v);
        }
}

static void test_size(void **state) {
        static const struct row rows[] = {
                { "0", 0, 0 },
                { "4096", 0, 4096 },
                { "4096B", 0, 4096 },
                { "64K", 0, 65536 },
                { "2M", 0, 2 << 20 },
                { "4G", 0, UINT64_C(4) << 30 },
                { "4g", 0, UINT64_C(4) << 30 },
                { "1T", 0, UINT64_C(1) << 40 },
                { "2GiB", 0, UINT64_C(2) << 30 },
                { "2gib", 0, UINT64_C(2) << 30 },
                { "2GB", 0, UINT64_C(2) << 30 },
                { "1.5G", 0, UINT64_C(3) << 29 },
                { "0.1K", 0, 102 },
                { "15E", 0, UINT64_C(15) << 60 },
                { "15.9E", 0, (UINT64_C(15) << 60) + (UINT64_C(9) << 60) / 10 },
                { "16E", -ERANGE, 0 },
                { "18446744073709551615", 0, UINT64_MAX },
                { "18446744073709551616", -ERANGE, 0 },
                { "17179869184G", -ERANGE, 0 },
                { "18446744073709551616Q", -EINVAL, 0 },
                { "", -EINVAL, 0 },
                { "G", -EINVAL, 0 },
                { "-1G", -EINVAL, 0 },
                { "1 G", -EINVAL, 0 },
                { "1G ", -EINVAL, 0 },
                { "1GG", -EINVAL, 0 },
                { "1BB", -EINVAL, 0 },
                { "1iB", -EINVAL, 0 },
                { "1Gi", -EINVAL, 0 },
                { "1GiBx", -EINVAL, 0 },
                { "1.G", -EINVAL, 0 },
                { ".5G", -EINVAL, 0 },
                { "1.25G", -EINVAL, 0 },
                { "1.5", -EINVAL, 0 },
                { "1e9", -EINVAL, 0 },
        };

        ROWS(row, rows) {
                uint64_t v = UNTOUCHED;
                int r = mhp_parse_size(row->in, &v);

                check(row, r, v);
        }
}

static void test_usec(void **state) {
        static const struct row rows[] = {
                { "30", 0, 30 * USEC_PER_SEC },
                { "30s", 0, 30 * USEC_PER_SEC },
                { "30sec", 0, 30 * USEC_PER_SEC },
                { "500ms", 0, 500 * USEC_PER_MSEC },
                { "7us", 0, 7 },
                { "2min", 0, 120 * USEC_PER_SEC },
                { "1h", 0, 3600 * USEC_PER_SEC },
                { "0", 0, 0 },
                { "18446744073709", 0, 18446744073709 * USEC_PER_SEC },
                { "18446744073710", -ERANGE, 0 },
                { "18446744073709551616", -ERANGE, 0 },
                { "18446744073709551616y", -EINVAL, 0 },
                { "", -EINVAL, 0 },
                { "-5", -EINVAL, 0 },
                { "s", -EINVAL, 0 },
                { "5 s", -EINVAL, 0 },
                { "5m", -EINVAL, 0 },
                { "1min30s", -EINVAL, 0 },
                { "infinity", -EINVAL, 0 },
        };

        ROWS(row, rows) {
                uint64_t v = UNTOUCHED;
                int r = mhp_parse_usec(row->in, &v);

                check(row, r, v);
        }
}

static void test_percent(void **state) {
        static const struct {
                const char *in;
                unsigned max;
                int r;
                unsigned v;
        } rows[] = {
                { "5%", 100, 0, 5 },
                { "5", 100, 0, 5 },
                { "0", 100, 0, 0 },
                { "100%", 100, 0, 100 },
                { "101%", 100, -ERANGE, 0 },
                { "301", 10000, 0, 301 },
                { "18446744073709551616", UINT32_MAX, -ERANGE, 0 },
                { "4294967296", UINT32_MAX, -ERANGE, 0 },
                { "5%%", 100, -EINVAL, 0 },
                { "%", 100, -EINVAL, 0 },
                { "5.5%", 100, -EINVAL, 0 },
                { "-1%", 100, -EINVAL, 0 },
                { "", 100, -EINVAL, 0 },
        };

        ROWS(row, rows) {
                unsigned v = 12345;

                ROW_INT(row->in, mhp_parse_percent(row->in, row->max, &v), row->r);
                ROW_INT(row->in, v, row->r < 0 ? 12345 : row->v);
        }
}

static void test_bool(void **state) {
        static const struct {
                const char *in;
                int r;
                bool v;
        } rows[] = {
                { "yes", 0, true },
                { "YES", 0, true },
                { "True", 0, true },
                { "on", 0, true },
                { "1", 0, true },
                { "no", 0, false },
                { "False", 0, false },
                { "oFF", 0, false },
                { "0", 0, false },
                { "y", 0, true },
                { "T", 0, true },
                { "N", 0, false },
                { "f", 0, false },
                { "ja", -EINVAL, false },
                { "tr", -EINVAL, false },
                { "1 ", -EINVAL, false },
                { "01", -EINVAL, false },
                { "2", -EINVAL, false },
                { "yess", -EINVAL, false },
                { "ye", -EINVAL, false },
                { "", -EINVAL, false },
                { " yes", -EINVAL, false },
        };

        ROWS(row, rows)
                for (int before = 0; before < 2; before++) {
                        bool v = before;

                        ROW_INT(row->in, mhp_parse_bool(row->in, &v), row->r);
                        ROW_INT(row->in, v, row->r < 0 ? before : row->v);
                }
}

static void test_format_size(void **state) {
        static const struct {
                uint64_t bytes;
                const char *out;
        } rows[] = {
                { 0, "0B" },
                { 1, "1B" },
                { 1023, "1023B" },
                { 1024, "1K" },
                { 1536, "1.5K" },
                { 1537, "1537B" },
                { UINT64_C(128) << 20, "128M" },
                { UINT64_C(3) << 29, "1.5G" },
                { UINT64_C(5) << 28, "1280M" },
                { UINT64_C(512) << 30, "512G" },
                { UINT64_C(1) << 40, "1T" },
                { UINT64_C(31) << 59, "15.5E" },
                { UINT64_MAX, "18446744073709551615B" },
        };

        ROWS(row, rows) {
                char buf[MHP_SIZE_MAX];
                uint64_t back;

                assert_string_equal(mhp_format_size(buf, row->bytes), row->out);
                assert_int_equal(mhp_parse_size(buf, &back), 0);
                assert_true(back == row->bytes);
        }
}

static void test_saturate(void **state) {
        assert_true(mhp_mul_sat(UINT64_C(1) << 32, UINT64_C(1) << 32) == UINT64_MAX);
        assert_true(mhp_mul_sat(3, 5) == 15);
        assert_true(mhp_add_sat(UINT64_MAX, 1) == UINT64_MAX);
        assert_true(mhp_add_sat(UINT64_MAX, 0) == UINT64_MAX);
        assert_true(mhp_add_sat(3, 5) == 8);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_u64),
                cmocka_unit_test(test_u32),
                cmocka_unit_test(test_hex),
                cmocka_unit_test(test_size),
                cmocka_unit_test(test_usec),
                cmocka_unit_test(test_percent),
                cmocka_unit_test(test_bool),
                cmocka_unit_test(test_format_size),
                cmocka_unit_test(test_saturate),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
