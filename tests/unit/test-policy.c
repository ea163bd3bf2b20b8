/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Decisions as rows: a map in the text form, a configuration, pressure; the block decided on, and the answer. */

#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "core/policy.h"
#include "model/map-text.h"

#define GIB (UINT64_C(1) << 30)
#define HEAD "map 1\nblock-size 134217728\nscanned\n"
#define BOOT "block 0-7 online zone=Normal node=0 group=boot goal=kernel reason=found-online flags=settled\n"
#define NEW(range, group, ...) "block " range " offline valid=Normal,Movable group=" group " flags=settled,arrived " __VA_ARGS__ "\n"
#define PLACED(range, zone, want, group, reason) \
        "block " range " online zone=" zone " node=0 group=" group " goal=" want " reason=" reason " flags=settled,arrived,ours\n"

struct row {
        const char *text;
        const char *map;
        const char *config; /* Section Key=Value;.. */
        uint64_t managed, available;
        uint32_t block;
        enum mhp_want want;
        enum mhp_reason reason;
        uint8_t rule;
        const char *words; /* are in the sentence */
};

#define MOVABLE MHP_WANT_MOVABLE
#define KERNEL MHP_WANT_KERNEL
#define NONE MHP_WANT_NONE
#define WHY(x) MHP_REASON_##x
#define DIMM "acpi:PNP0C80:00"

static const struct row rows[] = {
        { "named zone", HEAD BOOT NEW("32-39", DIMM), "Online Zone=movable", 0, 0, 32, MOVABLE, WHY(ONLINE_ZONE), 0, "[Online] says Zone=movable" },
        { "named none", HEAD BOOT NEW("32-39", DIMM), "Online Zone=none", 0, 0, 32, NONE, WHY(ONLINE_ZONE), 0, "Zone=none" },
        { "ratio: just within", HEAD BOOT NEW("32-55", DIMM, "node=0"), "", 0, 0, 32, MOVABLE, WHY(RATIO_ALLOWS), 0,
          "0B movable and 3G new memory are within 301 % of 1G" },
        { "ratio: one block beyond", HEAD BOOT NEW("32-56", DIMM, "node=0"), "", 0, 0, 32, KERNEL, WHY(RATIO_EXCEEDED), 0, "beyond 301 %" },
        { "ratio: equal is within", HEAD BOOT NEW("32-39", DIMM), "Online MovableRatio=100", 0, 0, 32, MOVABLE, WHY(RATIO_ALLOWS), 0, "" },
        { "ratio: 0 allows nothing", HEAD BOOT NEW("32", DIMM), "Online MovableRatio=0", 0, 0, 32, KERNEL, WHY(RATIO_EXCEEDED), 0, "" },
        { "ratio: Movable counts, with a goal too", HEAD BOOT PLACED("16-23", "Movable", "movable", "virtio-mem:virtio0", "ratio-allows")
          "block 24-31 offline group=virtio-mem:virtio0 goal=movable reason=ratio-allows flags=settled\n" NEW("32-40", DIMM), "", 0, 0, 32, KERNEL,
          WHY(RATIO_EXCEEDED), 0, "2G movable and 1152M new" },
        { "ratio: what was given up does not count", HEAD BOOT
          "block 16-31 offline group=virtio-mem:virtio0 goal=movable reason=ratio-allows flags=settled,gave-up\n" NEW("32-55", DIMM), "", 0, 0, 32,
          MOVABLE, WHY(RATIO_ALLOWS), 0, "0B movable" },
        { "ratio: DIMM memory in Normal is kernel memory", HEAD BOOT PLACED("16-23", "Normal", "kernel", "acpi:PNP0C80:01", "rule") NEW("32-79", DIMM),
          "", 0, 0, 32, MOVABLE, WHY(RATIO_ALLOWS), 0, "of 2G kernel memory" },
        { "ratio: zone none is kernel memory", HEAD "block 0-7 online zone=none group=boot\n" NEW("32-39", DIMM), "", 0, 0, 32, MOVABLE,
          WHY(RATIO_ALLOWS), 0, "of 1G kernel memory" },
        { "ratio: virtio-mem counts its block alone", HEAD BOOT NEW("32-231", "virtio-mem:virtio0"), "", 0, 0, 32, MOVABLE, WHY(RATIO_ALLOWS), 0,
          "128M new" },
        { "ratio: unknown device, the block alone", HEAD BOOT "block 32-231 offline flags=settled\n", "", 0, 0, 40, MOVABLE, WHY(RATIO_ALLOWS), 0, "" },
        { "ratio: its own share is left out", HEAD BOOT PLACED("16-38", "Movable", "movable", "virtio-mem:virtio0", "ratio-allows")
          "block 39 online zone=Movable group=virtio-mem:virtio0 flags=settled,arrived\n", "", 0, 0, 39, MOVABLE, WHY(RATIO_ALLOWS), 0, "2944M movable" },
        { "no kernel memory known", HEAD NEW("32", DIMM), "", 0, 0, 32, KERNEL, WHY(RATIO_EXCEEDED), 0, "of 0B" },
        { "node: beyond there, within over all", HEAD BOOT "block 8-9 online zone=Normal node=1 group=boot\n" NEW("32-39", DIMM, "node=1"), "", 0, 0, 32,
          KERNEL, WHY(NODE_RATIO_EXCEEDED), 0, "on node 1, " },
        { "node: not looked at", HEAD BOOT "block 8-9 online zone=Normal node=1 group=boot\n" NEW("32-39", DIMM, "node=1"), "Online NumaAware=no", 0, 0,
          32, MOVABLE, WHY(RATIO_ALLOWS), 0, "" },
        { "node: without memory", HEAD BOOT NEW("32", DIMM, "node=7"), "", 0, 0, 32, KERNEL, WHY(NODE_RATIO_EXCEEDED), 0, "on node 7" },
        { "node: not known", HEAD BOOT NEW("32", DIMM), "", 0, 0, 32, MOVABLE, WHY(RATIO_ALLOWS), 0, "" },
        { "pressure", HEAD BOOT NEW("32", DIMM), "", GIB, 40 << 20, 32, KERNEL, WHY(KERNEL_PRESSURE), 0, "have 40M of 1G left, less than the 5 %" },
        { "pressure: at the limit there is none", HEAD BOOT NEW("32", DIMM), "Online KernelHeadroom=25", GIB, GIB / 4, 32, MOVABLE, WHY(RATIO_ALLOWS), 0, "" },
        { "pressure: headroom 0", HEAD BOOT NEW("32", DIMM), "Online KernelHeadroom=0", GIB, 0, 32, MOVABLE, WHY(RATIO_ALLOWS), 0, "" },
        { "pressure: not known", HEAD BOOT NEW("32", DIMM), "", 0, 0, 32, MOVABLE, WHY(RATIO_ALLOWS), 0, "" },
        { "pressure: relief is on its way", HEAD BOOT "block 16 offline group=virtio-mem:virtio0 goal=kernel reason=kernel-pressure flags=settled\n"
          NEW("32", DIMM), "", GIB, 10 << 20, 32, MOVABLE, WHY(RATIO_ALLOWS), 0, "" },
        { "pressure: the ratio speaks first", HEAD BOOT NEW("32", DIMM), "Online MovableRatio=0", GIB, 0, 32, KERNEL, WHY(RATIO_EXCEEDED), 0, "" },
        { "unit: follows its goal", HEAD BOOT PLACED("32", "Normal", "kernel", DIMM, "kernel-pressure") NEW("33", DIMM)
          "group " DIMM " goal=kernel reason=kernel-pressure\n", "", 0, 0, 33, KERNEL, WHY(KERNEL_PRESSURE), 0, "the rest of its DIMM is in a kernel zone" },
        { "unit: follows its goal, no figures of its own", HEAD BOOT PLACED("32", "Movable", "movable", DIMM, "ratio-allows") NEW("33", DIMM)
          "group " DIMM " goal=movable reason=ratio-allows\n", "", 0, 0, 33, MOVABLE, WHY(RATIO_ALLOWS), 0,
          "the rest of its DIMM is in Movable, and a DIMM leaves as one" },
        { "unit: follows a goal that is not reached yet", HEAD BOOT
          "block 32 offline node=0 group=dax:dax0.0 goal=movable reason=ratio-allows flags=settled\n" NEW("33", "dax:dax0.0")
          "group dax:dax0.0 goal=movable reason=ratio-allows\n", "", 0, 0, 33, MOVABLE, WHY(RATIO_ALLOWS), 0, "the rest of its dax device goes to Movable" },
        { "unit: follows, not offered", HEAD BOOT PLACED("32", "Movable", "movable", DIMM, "ratio-allows") "block 33 offline valid=Normal group=" DIMM
          " flags=settled\n", "", 0, 0, 33, KERNEL, WHY(ZONE_NOT_OFFERED), 0, "does not offer Movable" },
        { "unit: follows what is there", HEAD BOOT PLACED("32", "Movable", "movable", DIMM, "ratio-allows") NEW("33-99", DIMM), "", 0, 0, 40, MOVABLE,
          WHY(UNIT), 0, "the rest of its DIMM is in Movable, and a DIMM leaves as one" },
        { "unit: follows the greater part", HEAD BOOT PLACED("32", "Movable", "movable", DIMM, "found-online")
          PLACED("33-34", "Normal", "kernel", DIMM, "found-online") NEW("35", DIMM), "", 0, 0, 35, KERNEL, WHY(UNIT), 0, "" },
        { "unit: Movable if undecided", HEAD BOOT PLACED("32", "Movable", "movable", DIMM, "found-online")
          PLACED("33", "Normal", "kernel", DIMM, "found-online") NEW("35", DIMM), "", 0, 0, 35, MOVABLE, WHY(UNIT), 0, "" },
        { "unit: not what another hand put there", HEAD BOOT PLACED("32-34", "Normal", "kernel", DIMM, "accepted") NEW("35", DIMM), "", 0, 0, 35, MOVABLE,
          WHY(RATIO_ALLOWS), 0, "" },
        { "unit: what drifted counts as what it is wanted to be", HEAD BOOT PLACED("32-34", "Normal", "movable", DIMM, "ratio-allows") NEW("35", DIMM),
          "Online MovableRatio=0", 0, 0, 35, MOVABLE, WHY(UNIT), 0, "" },
        { "unit: a named zone goes before it", HEAD BOOT PLACED("32", "Movable", "movable", DIMM, "ratio-allows") NEW("33", DIMM), "Online Zone=kernel", 0,
          0, 33, KERNEL, WHY(ONLINE_ZONE), 0, "" },
        { "no unit: virtio-mem", HEAD BOOT PLACED("32", "Normal", "kernel", "virtio-mem:virtio0", "rule") NEW("33", "virtio-mem:virtio0"), "", 0, 0, 33,
          MOVABLE, WHY(RATIO_ALLOWS), 0, "" },
        { "unit: dax", HEAD BOOT PLACED("32", "Normal", "kernel", "dax:dax0.0", "rule") NEW("33", "dax:dax0.0"), "", 0, 0, 33, KERNEL, WHY(UNIT), 0, "" },
        { "not offered", HEAD BOOT "block 32 offline valid=Normal group=" DIMM " flags=settled\n", "Online Zone=movable", 0, 0, 32, KERNEL,
          WHY(ZONE_NOT_OFFERED), 0, "does not offer Movable" },
        { "offers not known", HEAD BOOT "block 32 offline group=" DIMM " flags=settled\n", "Online Zone=movable", 0, 0, 32, MOVABLE, WHY(ONLINE_ZONE), 0, "" },
        { "By=kernel takes what the kernel chose", HEAD BOOT "block 32 online zone=Movable group=" DIMM " flags=settled,arrived\n",
          "Online By=kernel;Online MovableRatio=0", 0, 0, 32, MOVABLE, WHY(KERNEL_DECIDED), 0, "auto-movable" },
        { "By=kernel, and it did not choose", HEAD BOOT NEW("32", DIMM), "Online By=kernel", 0, 0, 32, MOVABLE, WHY(RATIO_ALLOWS), 0, "" },
        { "By=kernel, a block away from its unit", HEAD BOOT PLACED("32", "Movable", "movable", DIMM, "kernel-decided")
          "block 33 online zone=Normal group=" DIMM " flags=settled,arrived\n", "Online By=kernel", 0, 0, 33, MOVABLE, WHY(UNIT), 0, "" },
        { "By=mhpd asks nobody", HEAD BOOT "block 32 online zone=Movable group=" DIMM " flags=settled,arrived\n",
          "Online By=mhpd;Online MovableRatio=0", 0, 0, 32, KERNEL, WHY(RATIO_EXCEEDED), 0, "" },
        { "rule by source", HEAD BOOT NEW("32", DIMM), "Rule a Source=dax;Rule a Zone=none;Rule b Source=acpi,xen;Rule b Zone=movable", 0, 0, 32, MOVABLE,
          WHY(RULE), 2, "[Rule b] says Zone=movable" },
        { "rule by source, not known", HEAD BOOT "block 32 offline flags=settled\n", "Rule a Source=acpi;Rule a Zone=none", 0, 0, 32, MOVABLE,
          WHY(RATIO_ALLOWS), 0, "" },
        { "rule by node", HEAD BOOT NEW("32", DIMM, "node=2"), "Rule a Node=0-1;Rule a Zone=none;Rule b Node=1-2;Rule b Zone=kernel", 0, 0, 32, KERNEL,
          WHY(RULE), 2, "" },
        { "rule by node, not known", HEAD BOOT NEW("32", DIMM), "Rule a Node=0-1023;Rule a Zone=none", 0, 0, 32, MOVABLE, WHY(RATIO_ALLOWS), 0, "" },
        { "rule by size, lower limit inside", HEAD BOOT NEW("32-39", DIMM), "Rule a MinSize=1G;Rule a Zone=none", 0, 0, 32, NONE, WHY(RULE), 1, "" },
        { "rule by size, upper limit inside", HEAD BOOT NEW("32-39", DIMM), "Rule a MaxSize=1G;Rule a Zone=none", 0, 0, 32, NONE, WHY(RULE), 1, "" },
        { "rule by size, too small", HEAD BOOT NEW("32-38", DIMM), "Rule a MinSize=1G;Rule a Zone=none", 0, 0, 32, MOVABLE, WHY(RATIO_ALLOWS), 0, "" },
        { "rule by size, too large", HEAD BOOT NEW("32-40", DIMM), "Rule a MaxSize=1G;Rule a Zone=none", 0, 0, 32, MOVABLE, WHY(RATIO_ALLOWS), 0, "" },
        { "rule, all of its conditions", HEAD BOOT NEW("32-39", DIMM, "node=1"), "Rule a Source=acpi;Rule a Node=0;Rule a Zone=none;Online Zone=kernel", 0, 0,
          32, KERNEL, WHY(ONLINE_ZONE), 0, "" },
        { "rule without conditions", HEAD BOOT NEW("32", DIMM), "Rule a Zone=none", 0, 0, 32, NONE, WHY(RULE), 1, "" },
        { "rule without a zone ends the search", HEAD BOOT NEW("32", DIMM), "Rule a Source=acpi;Rule b Zone=none;Online Zone=kernel", 0, 0, 32, KERNEL,
          WHY(ONLINE_ZONE), 1, "" },
        { "rule with Zone=auto", HEAD BOOT NEW("32", DIMM), "Rule a Zone=auto;Online Zone=none", 0, 0, 32, MOVABLE, WHY(RATIO_ALLOWS), 1, "" },
        { "rule, not offered", HEAD BOOT "block 32 offline valid=Normal group=" DIMM " flags=settled\n", "Rule a Zone=movable", 0, 0, 32, KERNEL,
          WHY(ZONE_NOT_OFFERED), 1, "" },
};

/* Nodes that have processors, where that is known. */
static const struct {
        struct row row;
        const char *processors;
} node_rows[] = {
        { { "node: without processors and kernel memory", HEAD BOOT NEW("32-39", DIMM, "node=7"), "", 0, 0, 32, MOVABLE, WHY(MEMORY_ONLY_NODE), 0,
            "node 7 has neither processors nor kernel memory, and on the whole machine 0B movable and 1G new memory are within 301 % of 1G" }, "0" },
        { { "node: without processors, the machine's ratio holds", HEAD BOOT NEW("32-56", DIMM, "node=7"), "", 0, 0, 32, KERNEL, WHY(RATIO_EXCEEDED), 0,
            "3200M new memory are beyond 301 % of 1G" }, "0" },
        { { "node: without processors, and the kernel is short", HEAD BOOT NEW("32", DIMM, "node=7"), "", GIB, 40 << 20, 32, KERNEL, WHY(KERNEL_PRESSURE),
            0, "" }, "0" },
        { { "node: without processors, Movable memory there", HEAD BOOT
            "block 24-31 online zone=Movable node=7 group=dax:dax0.0 goal=movable reason=memory-only-node flags=settled\n" NEW("32-39", DIMM, "node=7"), "",
            0, 0, 32, MOVABLE, WHY(MEMORY_ONLY_NODE), 0, "1G movable and 1G new" }, "0-1" },
        { { "node: without processors, kernel memory there", HEAD BOOT
            "block 31 online zone=Normal node=7 group=dax:dax0.0 goal=kernel reason=rule flags=settled\n" NEW("32-39", DIMM, "node=7"), "", 0, 0, 32, KERNEL,
            WHY(NODE_RATIO_EXCEEDED), 0, "on node 7, 0B movable and 1G new memory are beyond 301 % of 128M" }, "0" },
        { { "node: with processors and without memory", HEAD BOOT NEW("32", DIMM, "node=7"), "", 0, 0, 32, KERNEL, WHY(NODE_RATIO_EXCEEDED), 0, "" }, "0,7" },
        { { "node: without processors, not looked at", HEAD BOOT NEW("32", DIMM, "node=7"), "Online NumaAware=no", 0, 0, 32, MOVABLE, WHY(RATIO_ALLOWS), 0,
            "0B movable" }, "0" },
        { { "node: the last one there may be", HEAD BOOT NEW("32", DIMM, "node=1023"), "", 0, 0, 32, KERNEL, WHY(NODE_RATIO_EXCEEDED), 0, "" }, "0,1023-70000" },
};

/* `Section Key=Value;Section Key=Value`; a section may have a blank in it. */
static void configure(struct mhp_config *config, const char *text) {
        mhp_config_init(config);
        while (*text) {
                char section[64] = { 0 }, value[64] = { 0 };
                size_t n = strcspn(text, ";");
                const char *equals = memchr(text, '=', n), *key = equals, *allowed;
                char name[32] = { 0 };

                while (key[-1] != ' ')
                        key--;
                memcpy(section, text, (size_t) (key - 1 - text));
                memcpy(name, key, (size_t) (equals - key));
                memcpy(value, equals + 1, (size_t) (text + n - equals - 1));
                assert_int_equal(mhp_config_set(config, section, name, value, &allowed), 0);
                text += n + (text[n] == ';');
        }
}

static void check(const struct row *row, const struct mhp_pressure *pressure) {
        _cleanup_config_ struct mhp_config config = { 0 };
        _cleanup_text_ struct mhp_text words = { 0 };
        _cleanup_map_ struct mhp_map *map = NULL;
        struct mhp_decision d;
        unsigned line = 0;

        configure(&config, row->config);
        ROW_INT(row->text, mhp_map_parse(row->map, strlen(row->map), &map, &line), 0);
        mhp_policy_decide(map, &config, pressure, mhp_map_find(map, row->block), &d);
        ROW_INT(row->text, d.want, row->want);
        ROW_INT(row->text, d.reason, row->reason);
        ROW_INT(row->text, d.rule, row->rule);

        mhp_policy_words(&d, &config, &words);
        ROW_INT(row->text, words.error, 0);
        if (!words.data || !strstr(words.data, row->words))
                fail_msg("row \"%s\": the words are \"%s\"", row->text, words.data ? words.data : "");
}

static void test_decide(void **state) {
        ROWS(row, rows)
                check(row, &(struct mhp_pressure) { .kernel_managed = row->managed, .kernel_available = row->available });
}

static void test_processors(void **state) {
        ROWS(it, node_rows) {
                _cleanup_ranges_ struct mhp_ranges nodes = { 0 };
                struct mhp_pressure pressure = { .kernel_managed = it->row.managed, .kernel_available = it->row.available };

                ROW_INT(it->row.text, mhp_ranges_parse(it->processors, &nodes), 0);
                mhp_pressure_set_processors(&pressure, &nodes);
                check(&it->row, &pressure);
        }
}

static void test_pressure(void **state) {
        static const struct {
                const char *text;
                uint64_t managed, available;
                unsigned headroom;
                bool high;
        } cases[] = {
                { "not known", 0, 0, 100, false },
                { "below", 100, 4, 5, true },
                { "at", 100, 5, 5, false },
                { "above", 100, 6, 5, false },
                { "nothing left, nothing kept", 100, 0, 0, false },
                { "all is kept", 100, 99, 100, true },
                { "saturated", UINT64_MAX, UINT64_MAX, 100, false },
        };

        ROWS(row, cases)
                ROW_INT(row->text, mhp_pressure_high(&(struct mhp_pressure) { .kernel_managed = row->managed, .kernel_available = row->available }, row->headroom), row->high);
}

/* Every reason has words, those that policy never gives as well. */
static void test_words(void **state) {
        _cleanup_config_ struct mhp_config config = { 0 };

        mhp_config_init(&config);
        for (unsigned i = MHP_REASON_UNSET + 1; i < _MHP_REASON_MAX; i++) {
                _cleanup_text_ struct mhp_text words = { 0 };

                mhp_policy_words(&(struct mhp_decision) { .reason = (enum mhp_reason) i, .want = MHP_WANT_KERNEL, .rule = 3, .node = -1 }, &config, &words);
                assert_true(words.len > 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_decide),
                cmocka_unit_test(test_processors),
                cmocka_unit_test(test_pressure),
                cmocka_unit_test(test_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
