/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What an errno of the kernel stands for. */

#include "unit.h"

#include <errno.h>

#include "core/outcome.h"

static void test_classes(void **state) {
        static const struct {
                int error;
                bool reached;
                const char *name;
                bool final;
        } cases[] = {
                { 0, true, "done", false },
                { 0, false, "other", false },
                { EINVAL, true, "already", false },
                { EINVAL, false, "impossible", true },
                { EBUSY, false, "busy", false },
                { EINTR, false, "interrupted", false },
                { ETIMEDOUT, false, "interrupted", false },
                { ENOMEM, false, "no-memory", false },
                { EPERM, false, "not-permitted", true },
                { EACCES, false, "not-permitted", true },
                { EROFS, false, "not-permitted", true },
                { ENODEV, false, "gone", false },
                { ENOENT, false, "gone", false },
                { EHWPOISON, false, "poisoned", true },
                { EIO, false, "other", false },
        };

        (void) state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                enum mhp_outcome outcome = mhp_outcome_of(cases[i].error, cases[i].reached);

                assert_string_equal(mhp_outcome_name(outcome), cases[i].name);
                assert_int_equal(mhp_outcome_is_final(outcome), cases[i].final);
        }
}

static void test_bounds(void **state) {
        (void) state;
        for (enum mhp_outcome outcome = 0; outcome < _MHP_OUTCOME_MAX; outcome++)
                assert_non_null(mhp_outcome_name(outcome));
        assert_null(mhp_outcome_name(_MHP_OUTCOME_MAX));
        assert_false(mhp_outcome_is_final(_MHP_OUTCOME_MAX));
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_classes), cmocka_unit_test(test_bounds) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
