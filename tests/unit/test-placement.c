/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Where a memmap is wanted and where it will lie: who may be asked, and what stands in the way. */

#include "unit.h"

#include <string.h>

#include "core/placement.h"

#define GiB (UINT64_C(1) << 30)

static void configure(struct mhp_config *config, const char *placement, const char *rule) {
        const char *allowed;

        mhp_config_init(config);
        assert_int_equal(mhp_config_set(config, "Memmap", "Placement", placement, &allowed), 0);
        if (!rule)
                return;
        assert_int_equal(mhp_config_set(config, "Rule r", "Source", "dax", &allowed), 0);
        assert_int_equal(mhp_config_set(config, "Rule r", "Placement", rule, &allowed), 0);
}

static void test_decide(void **state) {
        static const struct {
                const char *arch, *placement, *rule;
                struct mhp_placement_case ask;
                enum mhp_placement becomes;
                enum mhp_refusal refusal;
                bool switch_on, falls_back;
        } rows[] = {
#define ACPI(hosting) { .source = MHP_SOURCE_ACPI, .node = 0, .size = GiB, .self_hosting = MHP_SELF_HOSTING_##hosting }
#define DAX(hosting, on) { .source = MHP_SOURCE_DAX, .node = 0, .size = GiB, .self_hosting = MHP_SELF_HOSTING_##hosting, \
                           .has_switch = true, .switched_on = (on) }
                { "x86_64", "auto", NULL, ACPI(ON), MHP_PLACEMENT_SELF, MHP_REFUSAL_NONE, false, false },
                { "x86_64", "self", NULL, ACPI(ON), MHP_PLACEMENT_SELF, MHP_REFUSAL_NONE, false, false },
                { "x86_64", "force", NULL, ACPI(FORCE), MHP_PLACEMENT_FORCE, MHP_REFUSAL_NONE, false, false },
                { "x86_64", "dram", NULL, ACPI(ON), MHP_PLACEMENT_SELF, MHP_REFUSAL_NONE, false, true },
                { "x86_64", "self", NULL, ACPI(OFF), MHP_PLACEMENT_DRAM, MHP_REFUSAL_DISABLED, false, true },
                { "x86_64", "self", NULL, ACPI(ABSENT), MHP_PLACEMENT_DRAM, MHP_REFUSAL_DISABLED, false, true },
                { "x86_64", "dram", NULL, ACPI(OFF), MHP_PLACEMENT_DRAM, MHP_REFUSAL_DISABLED, false, false },
                { "arm64-64k", "self", NULL, ACPI(ON), MHP_PLACEMENT_DRAM, MHP_REFUSAL_NOT_PAGEBLOCK_ALIGNED, false, true },
                { "arm64-64k", "self", NULL, ACPI(FORCE), MHP_PLACEMENT_DRAM, MHP_REFUSAL_FILLS_BLOCK, false, true },
                { "x86_64", "self", NULL, { .source = MHP_SOURCE_VIRTIO_MEM, .size = GiB, .self_hosting = MHP_SELF_HOSTING_ON },
                  MHP_PLACEMENT_DRAM, MHP_REFUSAL_SOURCE_IGNORES, false, true },
                { "x86_64", "auto", NULL, { .source = MHP_SOURCE_VIRTIO_MEM, .size = GiB, .self_hosting = MHP_SELF_HOSTING_ON },
                  MHP_PLACEMENT_DRAM, MHP_REFUSAL_SOURCE_IGNORES, false, false },
                { "x86_64", "self", NULL,
                  { .source = MHP_SOURCE_ACPI, .size = GiB, .self_hosting = MHP_SELF_HOSTING_ON, .one_block_only = true },
                  MHP_PLACEMENT_DRAM, MHP_REFUSAL_SEVERAL_BLOCKS, false, true },
                { "x86_64", "self", NULL,
                  { .source = MHP_SOURCE_ACPI, .size = GiB / 8, .self_hosting = MHP_SELF_HOSTING_ON, .one_block_only = true },
                  MHP_PLACEMENT_SELF, MHP_REFUSAL_NONE, false, false },
                { "x86_64", "auto", NULL, { .source = MHP_SOURCE_BOOT, .size = GiB, .self_hosting = MHP_SELF_HOSTING_ON },
                  MHP_PLACEMENT_DRAM, MHP_REFUSAL_NONE, false, false },
                { "x86_64", "self", NULL, DAX(ON, false), MHP_PLACEMENT_SELF, MHP_REFUSAL_NONE, true, false },
                { "x86_64", "dram", NULL, DAX(ON, true), MHP_PLACEMENT_DRAM, MHP_REFUSAL_NONE, false, false },
                { "x86_64", "auto", NULL, DAX(ON, false), MHP_PLACEMENT_DRAM, MHP_REFUSAL_NONE, false, false },
                { "x86_64", "auto", NULL, DAX(ON, true), MHP_PLACEMENT_SELF, MHP_REFUSAL_NONE, true, false },
                { "x86_64", "dram", "self", DAX(ON, false), MHP_PLACEMENT_SELF, MHP_REFUSAL_NONE, true, false },
                { "x86_64", "self", "dram", DAX(ON, false), MHP_PLACEMENT_DRAM, MHP_REFUSAL_NONE, false, false },
                { "x86_64", "self", "dram", ACPI(ON), MHP_PLACEMENT_SELF, MHP_REFUSAL_NONE, false, false },
        };

        ROWS(row, rows) {
                _cleanup_config_ struct mhp_config config = { 0 };
                struct mhp_placement_decision d;
                struct mhp_geometry geometry;

                configure(&config, row->placement, row->rule);
                assert_int_equal(mhp_geometry_preset(row->arch, &geometry), 0);
                mhp_placement_decide(&config, &geometry, &row->ask, &d);
                ROW_INT(row->placement, d.placement, row->becomes);
                ROW_INT(row->placement, d.refusal, row->refusal);
                ROW_INT(row->placement, d.switch_on, row->switch_on);
                ROW_INT(row->placement, mhp_placement_falls_back(&d, d.placement), row->falls_back);
                ROW_INT(row->placement, !d.rule, !(row->rule && row->ask.source == MHP_SOURCE_DAX));
                assert_true(strlen(mhp_placement_remedy(row->ask.source, d.refusal)) > 20);
        }
}

/* auto: in the memory itself once the kernel's zones could not bear it elsewhere. 16 GiB of memory have 256 MiB of memmap. */
static void test_pressure(void **state) {
        static const struct {
                const char *name;
                uint64_t available;
                bool self;
        } rows[] = {
                { "plenty", 400, false }, { "just", 282, false }, { "not", 281, true }, { "not at all", 10, true },
        };

        ROWS(row, rows) {
                _cleanup_config_ struct mhp_config config = { 0 };
                struct mhp_placement_case ask = DAX(ON, false);
                struct mhp_placement_decision d;
                struct mhp_geometry geometry;

                configure(&config, "auto", NULL);
                assert_int_equal(mhp_geometry_preset("x86_64", &geometry), 0);
                ask.size = 16 * GiB;
                ask.pressure = (struct mhp_pressure) { .kernel_managed = UINT64_C(512) << 20, .kernel_available = row->available << 20 };
                mhp_placement_decide(&config, &geometry, &ask, &d);
                ROW_INT(row->name, d.switch_on, row->self);
                ask.pressure.kernel_managed = 0; /* not known: no pressure */
                mhp_placement_decide(&config, &geometry, &ask, &d);
                ROW_INT(row->name, d.switch_on, false);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_decide),
                cmocka_unit_test(test_pressure),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
