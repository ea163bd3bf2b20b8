/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "unit.h"

#include <string.h>

#include "core/arming.h"

struct row {
        const char *text;
        enum mhp_by by;
        enum mhp_want zone;
        bool rules, can_arm;
        enum mhp_path path;
        enum mhp_path_reason reason;
        const char *auto_online, *policy;
};

#define KERNEL MHP_PATH_KERNEL
#define MHPD MHP_PATH_MHPD
#define WHY(x) MHP_PATH_REASON_##x

static const struct row rows[] = {
        { "auto, movable", MHP_BY_AUTO, MHP_WANT_MOVABLE, false, true, KERNEL, WHY(EXPRESSIBLE), "online_movable", "" },
        { "auto, kernel", MHP_BY_AUTO, MHP_WANT_KERNEL, false, true, KERNEL, WHY(EXPRESSIBLE), "online_kernel", "" },
        { "auto, none", MHP_BY_AUTO, MHP_WANT_NONE, false, true, KERNEL, WHY(EXPRESSIBLE), "offline", "" },
        { "auto, auto", MHP_BY_AUTO, MHP_WANT_AUTO, false, true, MHPD, WHY(AUTO_ZONE), "offline", "" },
        { "auto, movable, rules", MHP_BY_AUTO, MHP_WANT_MOVABLE, true, true, MHPD, WHY(RULES), "offline", "" },
        { "auto, auto, rules", MHP_BY_AUTO, MHP_WANT_AUTO, true, true, MHPD, WHY(RULES), "offline", "" },
        { "auto, movable, no knob", MHP_BY_AUTO, MHP_WANT_MOVABLE, false, false, MHPD, WHY(NO_KNOB), "", "" },
        { "kernel, auto", MHP_BY_KERNEL, MHP_WANT_AUTO, false, true, KERNEL, WHY(CONFIGURED), "online", "auto-movable" },
        { "kernel, movable", MHP_BY_KERNEL, MHP_WANT_MOVABLE, false, true, KERNEL, WHY(CONFIGURED), "online_movable", "" },
        { "kernel, none", MHP_BY_KERNEL, MHP_WANT_NONE, false, true, KERNEL, WHY(CONFIGURED), "offline", "" },
        { "kernel, rules", MHP_BY_KERNEL, MHP_WANT_KERNEL, true, true, KERNEL, WHY(CONFIGURED), "online_kernel", "" },
        { "kernel, no knob", MHP_BY_KERNEL, MHP_WANT_AUTO, false, false, MHPD, WHY(NO_KNOB), "", "" },
        { "mhpd, movable", MHP_BY_MHPD, MHP_WANT_MOVABLE, false, true, MHPD, WHY(CONFIGURED), "offline", "" },
        { "mhpd, no knob", MHP_BY_MHPD, MHP_WANT_AUTO, false, false, MHPD, WHY(NO_KNOB), "", "" },
};

static void test_plan(void **state) {
        ROWS(row, rows) {
                _cleanup_config_ struct mhp_config config = { 0 };
                struct mhp_arming arming;
                const char *allowed;

                mhp_config_init(&config);
                config.by = row->by;
                config.zone = row->zone;
                config.numa_aware = false;
                config.movable_ratio = 77;
                if (row->rules)
                        assert_int_equal(mhp_config_set(&config, "Rule r", "Source", "acpi", &allowed), 0);
                mhp_arming_plan(&config, row->can_arm, &arming);

                ROW_INT(row->text, arming.path, row->path);
                ROW_INT(row->text, arming.reason, row->reason);
                assert_string_equal(arming.value[MHP_KNOB_AUTO_ONLINE_BLOCKS], row->auto_online);
                assert_string_equal(arming.value[MHP_KNOB_ONLINE_POLICY], row->policy);
                /* The two that go with auto-movable are set with it, and left alone otherwise. */
                assert_string_equal(arming.value[MHP_KNOB_AUTO_MOVABLE_RATIO], *row->policy ? "77" : "");
                assert_string_equal(arming.value[MHP_KNOB_AUTO_MOVABLE_NUMA_AWARE], *row->policy ? "N" : "");
        }
}

static void test_numa_aware(void **state) {
        _cleanup_config_ struct mhp_config config = { 0 };
        struct mhp_arming arming;

        mhp_config_init(&config);
        config.by = MHP_BY_KERNEL;
        config.movable_ratio = 100000;
        mhp_arming_plan(&config, true, &arming);
        assert_string_equal(arming.value[MHP_KNOB_AUTO_MOVABLE_NUMA_AWARE], "Y");
        assert_string_equal(arming.value[MHP_KNOB_AUTO_MOVABLE_RATIO], "100000");
}

static void test_names(void **state) {
        assert_string_equal(mhp_path_name(MHP_PATH_KERNEL), "kernel");
        assert_string_equal(mhp_path_name(MHP_PATH_MHPD), "mhpd");
        assert_null(mhp_path_name(_MHP_PATH_MAX));
        for (unsigned i = 0; i < _MHP_PATH_REASON_MAX; i++) {
                assert_non_null(mhp_path_reason_name((enum mhp_path_reason) i));
                assert_non_null(mhp_path_reason_words((enum mhp_path_reason) i));
        }
        assert_null(mhp_path_reason_name(_MHP_PATH_REASON_MAX));
        assert_null(mhp_path_reason_words(_MHP_PATH_REASON_MAX));
        for (unsigned i = 0; i < _MHP_KNOB_MAX; i++)
                assert_non_null(mhp_knob_name((enum mhp_knob) i));
        assert_string_equal(mhp_knob_name(MHP_KNOB_AUTO_ONLINE_BLOCKS), "auto_online_blocks");
        assert_null(mhp_knob_name(_MHP_KNOB_MAX));
}

/* The first time it is set again, the next time left; what is known is not told twice, and what is right again is. */
static void test_other_hands(void **state) {
        static const struct {
                const char *now;
                enum mhp_knob_verdict verdict;
                enum mhp_path path;
                enum mhp_path_reason reason;
        } looks[] = {
                { "online_movable", MHP_KNOB_KEPT, KERNEL, WHY(EXPRESSIBLE) },
                { "online_kernel", MHP_KNOB_SET_AGAIN, KERNEL, WHY(EXPRESSIBLE) },
                { "online_movable", MHP_KNOB_KEPT, KERNEL, WHY(EXPRESSIBLE) },
                { "offline", MHP_KNOB_LEFT, MHPD, WHY(OVERWRITTEN) },
                { "offline", MHP_KNOB_KNOWN, MHPD, WHY(OVERWRITTEN) },
                { "online_kernel", MHP_KNOB_LEFT, KERNEL, WHY(OVERWRITTEN) },
                { "online_movable", MHP_KNOB_KEPT, KERNEL, WHY(EXPRESSIBLE) },
                { "online_kernel", MHP_KNOB_LEFT, KERNEL, WHY(OVERWRITTEN) },
        };
        struct mhp_config config = { .by = MHP_BY_AUTO, .zone = MHP_WANT_MOVABLE };
        struct mhp_knob_guard guard = { 0 };
        struct mhp_arming armed, now;

        (void) state;
        mhp_arming_plan(&config, true, &armed);
        ROWS(row, looks) {
                assert_int_equal(mhp_knob_judge(&guard, &armed, MHP_KNOB_AUTO_ONLINE_BLOCKS, row->now), row->verdict);
                assert_int_equal(mhp_knob_judge(&guard, &armed, MHP_KNOB_ONLINE_POLICY, "whatever"), MHP_KNOB_KEPT);
                mhp_knob_in_force(&guard, &armed, &now);
                assert_int_equal(now.path, row->path);
                assert_int_equal(now.reason, row->reason);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plan),
                cmocka_unit_test(test_other_hands),
                cmocka_unit_test(test_numa_aware),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
