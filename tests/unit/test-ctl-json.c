/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>

#include "ctl/json.h"

static void test_strings(void **state) {
        static const struct {
                const char *in, *out;
        } rows[] = {
                { NULL, "null" },
                { "", "\"\"" },
                { "acpi:PNP0C80:00", "\"acpi:PNP0C80:00\"" },
                { "a\"b\\c", "\"a\\\"b\\\\c\"" },
                { "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"" },
                { "\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\"" },
                { "\xc3\xa4", "\"\xc3\xa4\"" },
                { "\xe2\x82\xac", "\"\xe2\x82\xac\"" },
                { "\xf0\x9f\x92\xbe", "\"\xf0\x9f\x92\xbe\"" },
                { "x\xffy", "\"x\ufffdy\"" },
                { "\x80", "\"\ufffd\"" },
                { "\xc3", "\"\ufffd\"" },
                { "\xc3(", "\"\ufffd(\"" },
                { "\xe2\x82", "\"\ufffd\ufffd\"" },
                { "\xc0\xaf", "\"\ufffd\ufffd\"" },                       /* overlong / */
                { "\xe0\x80\xaf", "\"\ufffd\ufffd\ufffd\"" },            /* overlong / */
                { "\xed\xa0\x80", "\"\ufffd\ufffd\ufffd\"" },            /* a surrogate */
                { "\xf4\x90\x80\x80", "\"\ufffd\ufffd\ufffd\ufffd\"" }, /* U+110000 */
                { "\xf5\x80\x80\x80", "\"\ufffd\ufffd\ufffd\ufffd\"" },
        };

        ROWS(row, rows) {
                _cleanup_text_ struct mhp_text text = {}, want = {};
                struct ctl_json json = { .out = &text };

                ctl_json_string(&json, NULL, row->in);
                mhp_text_printf(&want, "%s\n", row->out);
                assert_int_equal(text.error, 0);
                assert_string_equal(text.data, want.data);
        }
}

static void test_values(void **state) {
        _cleanup_text_ struct mhp_text text = {};
        _cleanup_json_ struct ctl_json json = { .out = &text };
        _cleanup_ranges_ struct mhp_ranges ranges = {};

        assert_true(mhp_ranges_add(&ranges, 32, 39) >= 0 && mhp_ranges_add(&ranges, 41, 41) >= 0);
        ctl_json_open(&json, NULL, json_type_array);
        ctl_json_u64(&json, NULL, UINT64_MAX);
        ctl_json_i64(&json, NULL, INT64_MIN);
        ctl_json_bool(&json, NULL, true);
        ctl_json_null(&json, NULL);
        ctl_json_known_bool(&json, NULL, false, true);
        ctl_json_known_u64(&json, NULL, false, 1);
        ctl_json_node(&json, NULL, -1);
        ctl_json_node(&json, NULL, 0);
        ctl_json_hex(&json, NULL, UINT64_C(0xffffea000de00000));
        ctl_json_ranges(&json, NULL, &ranges);
        ctl_json_string(&json, NULL, "/sys");
        ctl_json_lines(&json, NULL, "a\n\nb\n");
        ctl_json_lines(&json, NULL, "");
        ctl_json_close(&json);
        assert_string_equal(text.data, "[18446744073709551615,-9223372036854775808,true,null,null,null,null,0,\"ffffea000de00000\",\"32-39,41\",\"/sys\","
                                       "[\"a\",\"\",\"b\"],[]]\n");
}

/* A stream prints at once; what is opened in it comes when it is closed. */
static void test_stream(void **state) {
        _cleanup_text_ struct mhp_text text = {};
        _cleanup_json_ struct ctl_json json = { .out = &text };

        ctl_json_stream(&json, NULL, json_type_object);
        ctl_json_u64(&json, "n", 1);
        ctl_json_stream(&json, "rows", json_type_array);
        assert_string_equal(text.data, "{\"n\":1,\"rows\":[");
        ctl_json_open(&json, NULL, json_type_object);
        ctl_json_string(&json, "a\"b", "c");
        ctl_json_open(&json, "list", json_type_array);
        ctl_json_close(&json);
        assert_string_equal(text.data, "{\"n\":1,\"rows\":[");
        ctl_json_close(&json);
        ctl_json_null(&json, NULL);
        ctl_json_close(&json);
        ctl_json_stream(&json, "none", json_type_array);
        ctl_json_close(&json);
        ctl_json_close(&json);
        assert_string_equal(text.data, "{\"n\":1,\"rows\":[\n{\"a\\\"b\":\"c\",\"list\":[]},\nnull\n],\"none\":[]}\n");
}

/* A document that is given up leaves nothing behind; the sanitizers see to that. */
static void test_given_up(void **state) {
        _cleanup_text_ struct mhp_text text = {};
        struct ctl_json json = { .out = &text };

        ctl_json_open(&json, NULL, json_type_object);
        ctl_json_open(&json, "a", json_type_object);
        ctl_json_open(&json, "b", json_type_array);
        ctl_json_string(&json, NULL, "c");
        ctl_json_done(&json);
        assert_int_equal(json.depth, 0);
        assert_null(text.data);
}

static void test_error_sticks(void **state) {
        _cleanup_text_ struct mhp_text text = { .error = -ENOMEM };
        _cleanup_json_ struct ctl_json json = { .out = &text };

        ctl_json_stream(&json, NULL, json_type_object);
        ctl_json_u64(&json, "n", 1);
        ctl_json_close(&json);
        assert_int_equal(text.error, -ENOMEM);
        assert_null(text.data);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_strings),  cmocka_unit_test(test_values),       cmocka_unit_test(test_stream),
                cmocka_unit_test(test_given_up), cmocka_unit_test(test_error_sticks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
