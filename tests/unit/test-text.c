/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

static void test_empty(void **state) {
        struct mhp_text text = {};
        _cleanup_free_ char *s = NULL;

        assert_int_equal(mhp_text_finish(&text, &s), 0);
        assert_string_equal(s, "");
        assert_null(text.data);
}

static void test_append(void **state) {
        _cleanup_text_ struct mhp_text text = {};
        _cleanup_free_ char *s = NULL;

        mhp_text_add(&text, "a");
        mhp_text_add(&text, "");
        mhp_text_add_n(&text, "bcd", 2);
        mhp_text_add_n(&text, NULL, 0);
        mhp_text_printf(&text, "%d|%5s|", -7, "x");
        mhp_text_printf(&text, "%s", "");
        assert_string_equal(text.data, "abc-7|    x|");
        assert_int_equal(mhp_text_finish(&text, &s), 0);
        assert_string_equal(s, "abc-7|    x|");
        assert_int_equal(text.len, 0);
}

static void test_u64(void **state) {
        static const struct {
                uint64_t v;
                const char *out;
        } rows[] = {
                { 0, "0" },
                { 9, "9" },
                { 10, "10" },
                { 32768, "32768" },
                { UINT64_MAX, "18446744073709551615" },
        };

        ROWS(row, rows) {
                _cleanup_text_ struct mhp_text text = {};

                mhp_text_u64(&text, row->v);
                assert_string_equal(text.data, row->out);
        }
}

static void test_hex(void **state) {
        static const struct {
                uint64_t v;
                const char *out;
        } rows[] = {
                { 0, "0" }, { 9, "9" }, { 10, "a" }, { 0x10, "10" }, { 0xabcdef, "abcdef" }, { UINT64_C(0xffffea000de00000), "ffffea000de00000" },
                { UINT64_MAX, "ffffffffffffffff" },
        };

        ROWS(row, rows) {
                _cleanup_text_ struct mhp_text text = {};

                mhp_text_hex(&text, row->v);
                assert_string_equal(text.data, row->out);
        }
}

static void test_error_sticks(void **state) {
        _cleanup_text_ struct mhp_text text = {};
        char *s = (char *) "untouched";

        mhp_text_add(&text, "a");
        mhp_text_add_n(&text, "b", SIZE_MAX);
        assert_int_equal(text.error, -ENOMEM);
        mhp_text_add(&text, "c");
        mhp_text_printf(&text, "%d", 1);
        mhp_text_u64(&text, 2);
        assert_string_equal(text.data, "a");
        assert_int_equal(mhp_text_finish(&text, &s), -ENOMEM);
        assert_string_equal(s, "untouched");
}

static void test_long(void **state) {
        _cleanup_text_ struct mhp_text text = {};

        for (unsigned i = 0; i < 100000; i++)
                mhp_text_printf(&text, "%05u,", i);
        assert_int_equal(text.len, 600000);
        assert_int_equal(strlen(text.data), 600000);
        assert_string_equal(text.data + 599994, "99999,");
}

/* How much of it is UTF-8, with and without a NUL behind it, and what is shown of it. */
static void test_utf8(void **state) {
        static const struct {
                const char *in;
                size_t valid;
                const char *safe;
        } rows[] = {
                { "", 0, "" },
                { "abc", 3, "abc" },
                { "a\tb\n", 4, "a?b?" },
                { "\x1b[31m\x7f", 6, "?[31m?" },
                { "gro\xc3\x9f", 5, "gro\xc3\x9f" },
                { "\xe2\x82\xac\xf0\x9f\x92\xbe", 7, "\xe2\x82\xac\xf0\x9f\x92\xbe" },
                { "\xc2\x9b" "31m", 5, "?31m" }, /* a control character of two bytes */
                { "ab\xff" "cd", 2, "ab?cd" },
                { "ab\xc3", 2, "ab?" },
                { "\xe2\x82", 0, "??" },
                { "\xed\xa0\x80", 0, "???" },
        };

        ROWS(row, rows) {
                size_t n = strlen(row->in);
                char *exact = malloc(n + 1);
                _cleanup_text_ struct mhp_text text = {};

                assert_non_null(exact);
                memcpy(exact, row->in, n);
                exact[n] = '\x80'; /* would be the rest of a character */
                ROW_INT(row->in, mhp_utf8_valid(exact, n), row->valid);
                free(exact);
                mhp_text_add_safe(&text, row->in);
                ROW_STR(row->in, text.data ? text.data : "", row->safe);
        }
        assert_int_equal(mhp_utf8_valid("ab\0cd", 5), 2);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_append),
                cmocka_unit_test(test_u64),
                cmocka_unit_test(test_hex),
                cmocka_unit_test(test_utf8),
                cmocka_unit_test(test_error_sticks),
                cmocka_unit_test(test_long),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
