/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "core/config.h"

static int set(struct mhp_config *config, const char *section, const char *key, const char *value) {
        const char *allowed = NULL;
        int r = mhp_config_set(config, section, key, value, &allowed);

        /* Whoever is refused is told what would do. */
        if (r < 0 && r != -ENOMEM)
                assert_non_null(allowed);
        return r;
}

static void test_defaults(void **state) {
        _cleanup_config_ struct mhp_config c = { 0 };

        mhp_config_init(&c);
        assert_int_equal(c.by, MHP_BY_AUTO);
        assert_int_equal(c.zone, MHP_WANT_AUTO);
        assert_int_equal(c.movable_ratio, 301);
        assert_true(c.numa_aware);
        assert_int_equal(c.kernel_headroom, 5);
        assert_int_equal(c.offline_timeout, 30 * USEC_PER_SEC);
        assert_int_equal(c.attempts, 5);
        assert_int_equal(c.retry_max, 60 * USEC_PER_SEC);
        assert_int_equal(c.on_failure, MHP_ON_FAILURE_RESTORE);
        assert_int_equal(c.drift, MHP_DRIFT_REPAIR);
        assert_int_equal(c.n_rules, 0);
        assert_null(c.rules);
}

/* For each key a value that is printed back as `printed`, or is refused (NULL). */
static void test_values(void **state) {
        static const struct {
                const char *section, *key, *value, *printed;
        } rows[] = {
                { "Online", "By", "auto", "auto" },
                { "Online", "By", "kernel", "kernel" },
                { "Online", "By", "mhpd", "mhpd" },
                { "Online", "By", "", NULL },
                { "Online", "By", "Kernel", NULL },
                { "Online", "By", "kernel ", NULL },
                { "Online", "Zone", "auto", "auto" },
                { "Online", "Zone", "movable", "movable" },
                { "Online", "Zone", "kernel", "kernel" },
                { "Online", "Zone", "none", "none" },
                { "Online", "Zone", "Movable", NULL },
                { "Online", "Zone", "", NULL },
                { "Online", "MovableRatio", "0", "0" },
                { "Online", "MovableRatio", "301%", "301" },
                { "Online", "MovableRatio", "100000", "100000" },
                { "Online", "MovableRatio", "100001", NULL },
                { "Online", "MovableRatio", "-1", NULL },
                { "Online", "MovableRatio", "99999999999999999999", NULL },
                { "Online", "MovableRatio", "3.01", NULL },
                { "Online", "NumaAware", "yes", "yes" },
                { "Online", "NumaAware", "0", "no" },
                { "Online", "NumaAware", "1", "yes" },
                { "Online", "NumaAware", "true", "yes" },
                { "Online", "NumaAware", "F", "no" },
                { "Online", "NumaAware", "y", "yes" },
                { "Online", "NumaAware", "on", "yes" },
                { "Online", "NumaAware", "Off", "no" },
                { "Online", "NumaAware", "2", NULL },
                { "Online", "NumaAware", "", NULL },
                { "Online", "NumaAware", "maybe", NULL },
                { "Online", "KernelHeadroom", "0%", "0%" },
                { "Online", "KernelHeadroom", "100", "100%" },
                { "Online", "KernelHeadroom", "101%", NULL },
                { "Online", "KernelHeadroom", "%", NULL },
                { "Online", "SettledUnit", "", "" },
                { "Online", "SettledUnit", "kdump.service", "kdump.service" },
                { "Online", "SettledUnit", "a-b_c\\x2d:1@in.st.target", "a-b_c\\x2d:1@in.st.target" },
                { "Online", "SettledUnit", "kdump", NULL },
                { "Online", "SettledUnit", ".service", NULL },
                { "Online", "SettledUnit", "template@.service", NULL },
                { "Online", "SettledUnit", "@x.service", NULL },
                { "Online", "SettledUnit", "a/b.service", NULL },
                { "Online", "SettledUnit", "a b.service", NULL },
                { "Online", "SettledUnit", "a.mount", NULL },
                { "Memmap", "Placement", "auto", "auto" },
                { "Memmap", "Placement", "dram", "dram" },
                { "Memmap", "Placement", "self", "self" },
                { "Memmap", "Placement", "force", "force" },
                { "Memmap", "Placement", "range", NULL },
                { "Memmap", "Placement", "", NULL },
                { "Memmap", "Placement", "SELF", NULL },
                { "Teardown", "OfflineTimeoutSec", "1", "1" },
                { "Teardown", "OfflineTimeoutSec", "2min", "120" },
                { "Teardown", "OfflineTimeoutSec", "1500ms", "1500ms" },
                { "Teardown", "OfflineTimeoutSec", "3600", "3600" },
                { "Teardown", "OfflineTimeoutSec", "0", NULL },
                { "Teardown", "OfflineTimeoutSec", "999ms", NULL },
                { "Teardown", "OfflineTimeoutSec", "3601", NULL },
                { "Teardown", "OfflineTimeoutSec", "infinity", NULL },
                { "Teardown", "Attempts", "1", "1" },
                { "Teardown", "Attempts", "100", "100" },
                { "Teardown", "Attempts", "0", NULL },
                { "Teardown", "Attempts", "101", NULL },
                { "Teardown", "Attempts", "five", NULL },
                { "Teardown", "RetryMaxSec", "5s", "5" },
                { "Teardown", "RetryMaxSec", "0", NULL },
                { "Teardown", "RetryMaxSec", "2h", NULL },
                { "Teardown", "OnFailure", "restore", "restore" },
                { "Teardown", "OnFailure", "keep", "keep" },
                { "Teardown", "OnFailure", "repair", NULL },
                { "Teardown", "OnFailure", "", NULL },
                { "Teardown", "Drift", "report", "report" },
                { "Teardown", "Drift", "repair", "repair" },
                { "Teardown", "Drift", "ignore", NULL },
        };

        ROWS(row, rows) {
                _cleanup_config_ struct mhp_config c = { 0 };
                const char *section, *key, *preset, *allowed;
                char text[96];

                (void) snprintf(text, sizeof(text), "[%s] %s=%s", row->section, row->key, row->value);
                mhp_config_init(&c);
                ROW_INT(text, set(&c, row->section, row->key, row->value), row->printed ? 0 : -EINVAL);
                for (size_t i = 0; mhp_config_key(i, &section, &key, &preset, &allowed) == 0; i++) {
                        _cleanup_text_ struct mhp_text printed = { 0 };

                        if (strcmp(section, "Rule") == 0) {
                                assert_int_equal(mhp_config_print_value(&c, i, &printed), -ENOENT);
                                continue;
                        }
                        assert_int_equal(mhp_config_print_value(&c, i, &printed), 0);
                        /* What was not set, or not taken, is at its default. */
                        if (row->printed && strcmp(section, row->section) == 0 && strcmp(key, row->key) == 0)
                                assert_string_equal(printed.data, row->printed);
                        else
                                assert_string_equal(printed.data, preset);
                }
        }
}

static void test_unknown(void **state) {
        static const struct {
                const char *section, *key;
        } rows[] = {
                { "Online", "Nonsense" },    { "online", "By" },        { "Online", "by" },     { "Memmap", "Zone" }, { "", "By" },
                { "Rule", "Zone" },          { "Rule ", "Zone" },       { "Rule   ", "Zone" },  { "Rule x", "By" },        { "Rulex", "Zone" },
                { "Teardown", "Zone" },      { "Online", "Source" },
                { "Rule 123456789 123456789 123456789 123456789 123456789 123456789 1234", "Zone" },
        };

        ROWS(row, rows) {
                _cleanup_config_ struct mhp_config c = { 0 };

                mhp_config_init(&c);
                ROW_INT(row->section, set(&c, row->section, row->key, "auto"), -ENOENT);
                ROW_INT(row->section, c.n_rules, 0);
        }
}

static void test_rule_values(void **state) {
        static const struct {
                const char *key, *value, *printed; /* NULL: refused */
        } rows[] = {
                { "Source", "acpi", "source=acpi" },
                { "Source", "dax,acpi", "source=acpi,dax" },
                { "Source", "virtio-mem, xen", "source=virtio-mem,xen" },
                { "Source", "other,hyperv,boot", "source=boot,hyperv,other" },
                { "Source", "", NULL },
                { "Source", "acpi,", NULL },
                { "Source", ",acpi", NULL },
                { "Source", "unknown", NULL },
                { "Source", "usb", NULL },
                { "Source", "a-very-long-name-of-a-source", NULL },
                { "Placement", "self", "placement=self" },
                { "Placement", "auto", "placement=auto" },
                { "Placement", "range", NULL },
                { "Node", "0", "node=0" },
                { "Node", "1,3-4", "node=1,3-4" },
                { "Node", "1023", "node=1023" },
                { "Node", "1024", NULL },
                { "Node", "0-1024", NULL },
                { "Node", "3-1", NULL },
                { "Node", "-1", NULL },
                { "Node", "memory1", NULL },
                { "Node", "", NULL },
                { "MinSize", "2G", "min-size=2G" },
                { "MinSize", "2GiB", "min-size=2G" },
                { "MinSize", "2GB", "min-size=2G" },
                { "MinSize", "2g", "min-size=2G" },
                { "MinSize", "2 G", NULL },
                { "MinSize", "1.5G", "min-size=1.5G" },
                { "MinSize", "1.55G", NULL },
                { "MinSize", "2Gb", "min-size=2G" },
                { "MinSize", "2Gi", NULL },
                { "MinSize", "134217728", "min-size=128M" },
                { "MinSize", "134217728B", "min-size=128M" },
                { "MinSize", "-2G", NULL },
                { "MinSize", "lots", NULL },
                { "MinSize", "18446744073709551616", NULL },
                { "MaxSize", "512M", "max-size=512M" },
                { "MaxSize", "G", NULL },
                { "Zone", "movable", "zone=movable" },
                { "Zone", "none", "zone=none" },
                { "Zone", "Normal", NULL },
        };

        ROWS(row, rows) {
                _cleanup_config_ struct mhp_config c = { 0 };
                _cleanup_text_ struct mhp_text text = { 0 };

                mhp_config_init(&c);
                ROW_INT(row->value, set(&c, "Rule r", row->key, row->value), row->printed ? 0 : -EINVAL);
                /* A rule without a condition matches everything: a bad value must not leave one behind. */
                ROW_INT(row->value, c.n_rules, row->printed ? 1 : 0);
                if (!row->printed)
                        continue;
                mhp_rule_print(&c.rules[0], &text);
                assert_string_equal(text.data, row->printed);
        }
}

static void test_rule_order(void **state) {
        _cleanup_config_ struct mhp_config c = { 0 };
        _cleanup_text_ struct mhp_text text = { 0 };

        mhp_config_init(&c);
        assert_int_equal(set(&c, "Rule b", "Zone", "movable"), 0);
        assert_int_equal(set(&c, "Rule a", "Zone", "kernel"), 0);
        assert_int_equal(set(&c, "Rule  a c", "Zone", "none"), 0);
        /* A later file sets keys of the first rule anew: it stays the first. */
        assert_int_equal(set(&c, "Rule b", "Zone", "none"), 0);
        assert_int_equal(set(&c, "Rule b", "Node", "2"), 0);
        assert_int_equal(set(&c, "Rule b", "Node", "1,3"), 0);
        assert_int_equal(set(&c, "Rule b", "Node", "x"), -EINVAL);
        assert_int_equal(set(&c, "Rule b", "Source", "acpi"), 0);
        assert_int_equal(set(&c, "Rule b", "MinSize", "1G"), 0);
        assert_int_equal(set(&c, "Rule b", "MaxSize", "2G"), 0);
        assert_int_equal(c.n_rules, 3);
        assert_string_equal(c.rules[0].name, "b");
        assert_string_equal(c.rules[1].name, "a");
        assert_string_equal(c.rules[2].name, "a c");
        mhp_rule_print(&c.rules[0], &text);
        assert_string_equal(text.data, "source=acpi node=1,3 min-size=1G max-size=2G zone=none");
}

static void test_rule_limit(void **state) {
        _cleanup_config_ struct mhp_config c = { 0 };
        char section[32];

        mhp_config_init(&c);
        for (unsigned i = 0; i < MHP_RULE_MAX; i++) {
                (void) snprintf(section, sizeof(section), "Rule %u", i);
                assert_int_equal(set(&c, section, "Node", "0-3"), 0);
        }
        assert_int_equal(set(&c, "Rule more", "Zone", "none"), -E2BIG);
        assert_int_equal(c.n_rules, MHP_RULE_MAX);
        assert_int_equal(set(&c, "Rule 249", "Zone", "none"), 0);
        assert_int_equal(c.rules[249].zone, MHP_WANT_NONE);
}

static void test_sections(void **state) {
        static const struct {
                const char *section;
                const char *rule; /* NULL: it is none */
                int r;
        } rows[] = {
                { "Online", NULL, 0 },        { "Memmap", NULL, 0 },      { "Teardown", NULL, 0 },    { "Rule a", "a", 0 },  { "Rule  a b", "a b", 0 },
                { "Rule", NULL, -ENOENT },    { "Rule ", NULL, -ENOENT }, { "Ruler a", NULL, -ENOENT }, { "rule a", NULL, -ENOENT },
                { "Offline", NULL, -ENOENT }, { "", NULL, -ENOENT },      { "Rule 123456789 123456789 123456789 123456789 12345", NULL, -ENOENT },
        };

        ROWS(row, rows) {
                const char *rule = NULL, *allowed = NULL;

                ROW_INT(row->section, mhp_config_section(row->section, &rule, &allowed), row->r);
                ROW_STR(row->section, rule ? rule : "", row->rule ? row->rule : "");
                ROW_INT(row->section, allowed != NULL, row->r < 0);
        }
}

static void test_drop_rule(void **state) {
        _cleanup_config_ struct mhp_config c = { 0 };

        mhp_config_init(&c);
        assert_int_equal(set(&c, "Rule a", "Node", "1"), 0);
        assert_int_equal(set(&c, "Rule b", "Node", "2"), 0);
        assert_int_equal(set(&c, "Rule c", "Node", "3"), 0);
        mhp_config_drop_rule(&c, 1);
        assert_int_equal(c.n_rules, 2);
        assert_string_equal(c.rules[1].name, "c");
        mhp_config_drop_rule(&c, 1);
        mhp_config_drop_rule(&c, 0);
        assert_int_equal(c.n_rules, 0);
        assert_int_equal(set(&c, "Rule d", "Zone", "none"), 0);
        assert_int_equal(c.rules[0].nodes.n, 0);
}

static void test_limits(void **state) {
        static const char *const conditions[] = { "Source", "Node", "MinSize", "MaxSize", "Soruce", "" };

        for (size_t i = 0; i < sizeof(conditions) / sizeof(*conditions); i++)
                assert_true(mhp_config_limits(conditions[i]));
        assert_false(mhp_config_limits("Zone"));
        assert_false(mhp_config_limits("Placement"));
}

static void test_keys(void **state) {
        const char *section, *key, *preset, *allowed;
        size_t n = 0;

        while (mhp_config_key(n, &section, &key, &preset, &allowed) == 0) {
                assert_non_null(preset);
                assert_true(strlen(allowed) > 0);
                n++;
        }
        assert_int_equal(n, 18);
        assert_int_equal(mhp_config_print_value(NULL, n, NULL), -ENOENT);
}

static void test_names(void **state) {
        assert_string_equal(mhp_by_name(MHP_BY_AUTO), "auto");
        assert_null(mhp_by_name(_MHP_BY_MAX));
        assert_string_equal(mhp_on_failure_name(MHP_ON_FAILURE_KEEP), "keep");
        assert_null(mhp_on_failure_name(_MHP_ON_FAILURE_MAX));
        assert_string_equal(mhp_drift_name(MHP_DRIFT_REPORT), "report");
        assert_null(mhp_drift_name(_MHP_DRIFT_MAX));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults),    cmocka_unit_test(test_values),     cmocka_unit_test(test_unknown),
                cmocka_unit_test(test_rule_values), cmocka_unit_test(test_rule_order), cmocka_unit_test(test_rule_limit),
                cmocka_unit_test(test_sections),    cmocka_unit_test(test_drop_rule),  cmocka_unit_test(test_limits),
                cmocka_unit_test(test_keys),        cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
