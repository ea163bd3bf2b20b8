/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <string.h>

#include "edge/rules.h"
#include "tree.h"

#define RULE "SUBSYSTEM==\"memory\", ACTION==\"add\", ATTR{state}==\"offline\", ATTR{state}=\"online\"\n"

static void test_text(void **state) {
        static const struct {
                const char *text;
                bool onlines;
        } rows[] = {
                { "", false },
                { RULE, true },
                { "# " RULE, false },
                { "   # " RULE, false },
                { "x\n" RULE "y\n", true },
                { "ATTR{state}=\"online_movable\"", true },
                { "ATTR{state} = \"online\"", true },
                { "ATTR{state}==\"online\"", false },
                { "ATTR{state}!=\"online\"", false },
                { "ATTR{state}=\"offline\"", false },
                { "ATTR{state}", false },
                { "ATTR{state}=", false },
                { "ATTR{state}=\"onlin", false },
                { "ATTR{online}=\"1\"", false },
                { "SUBSYSTEM==\"memory\", \\\n  ATTR{state}=\"online\"\n", true },
                { "# one \\\n ATTR{state}=\"online\"\n", false },
                { "ENV{MHPD_MANAGED}!=\"1\", ATTR{state}=\"online\"\n", false },
                { "ENV{MHPD_MANAGED}!=\"1\"\nATTR{state}=\"online\"\n", true },
        };

        ROWS(row, rows)
                ROW_INT(row->text, mhp_rules_bring_online(row->text, strlen(row->text)), row->onlines);
}

static void expect(const struct tree *t, const char *want) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        _cleanup_free_ char *path = NULL;

        assert_int_equal(mhp_root_open(t->path, &root), 0);
        assert_int_equal(mhp_rules_find_onlining(&root, &path), 0);
        if (!want)
                assert_null(path);
        else
                assert_string_equal(path, want);
}

static void test_folders(void **state) {
        struct tree t;

        tree_make(&t);
        expect(&t, NULL);
        tree_file(&t, "lib/udev/rules.d/40-x.rules", RULE);
        expect(&t, "lib/udev/rules.d/40-x.rules");
        tree_file(&t, "usr/lib/udev/rules.d/90-y.rules", RULE);
        expect(&t, "lib/udev/rules.d/40-x.rules");
        tree_file(&t, "usr/lib/udev/rules.d/30-z.rules.bak", RULE);
        tree_file(&t, "etc/udev/rules.d/40-x.rules", "");
        expect(&t, "usr/lib/udev/rules.d/90-y.rules");
        tree_link(&t, "run/udev/rules.d/90-y.rules", "/dev/null");
        expect(&t, NULL);
        tree_remove(&t);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_folders),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
