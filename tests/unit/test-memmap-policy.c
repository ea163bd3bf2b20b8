/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A configuration in the words of the kernel's table, and an oracle: whatever memory comes, the table never says something else than the rules do. */

#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "core/memmap-policy.h"

#define BLOCK UINT64_C(0x8000000)
#define GiB (UINT64_C(1) << 30)

static unsigned fail_at; /* 0: never */

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size) {
        return fail_at > 0 && --fail_at == 0 ? NULL : __real_calloc(n, size);
}

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size) {
        return fail_at > 0 && --fail_at == 0 ? NULL : __real_realloc(p, size);
}

/* `a:Node=1 a:Placement=self :Placement=dram`; the part before the colon names a rule. */
static void configure(struct mhp_config *config, const char *text) {
        _cleanup_free_ char *copy = strdup(text);
        char *rest = NULL;

        assert_non_null(copy);
        mhp_config_init(config);
        for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
                char *key = strchr(word, ':') + 1, *value = strchr(word, '=') + 1, section[64] = "Memmap";
                const char *allowed;

                key[-1] = value[-1] = '\0';
                if (*word)
                        (void) snprintf(section, sizeof(section), "Rule %s", word);
                assert_int_equal(mhp_config_set(config, section, key, value, &allowed), 0);
        }
}

static const struct mhp_region regions[] = {
        { .source = MHP_SOURCE_VIRTIO_MEM, .first = 0x140000000, .last = 0x1bfffffff, .node = 0 },
        { .source = MHP_SOURCE_VIRTIO_MEM, .first = 0x200000000, .last = 0x27fffffff, .node = -1 },
        { .source = MHP_SOURCE_DAX, .first = 0x300100000, .last = 0x37fffffff, .node = 1, .size = 2 * GiB - 0x100000 },
};
#define V0 "140000000-1bfffffff "
#define V1 "200000000-27fffffff "
#define D0 "308000000-37fffffff " /* whole blocks */

static void machine_of(const struct mhp_ranges *nodes, enum mhp_self_hosting self_hosting, bool with_regions, struct mhp_table_machine *ret) {
        *ret = (struct mhp_table_machine) { .block_size = BLOCK, .nodes = nodes, .region = regions, .n = with_regions ? ELEMENTSOF(regions) : 0,
                                            .self_hosting = self_hosting };
}

static void verdict_text(const struct mhp_table_verdict *verdict, struct mhp_text *text) {
        const char *reason = mhp_table_reason_name(verdict->reason);

        mhp_text_printf(text, "%s%u%s%s", text->len > 0 ? " " : "", verdict->n_lines, reason ? "-" : "", reason ? reason : "");
}

static void test_compile(void **state) {
        /* table: lines with `;`; verdicts: lines in the table and why not more, of each rule and of [Memmap] */
        static const struct {
                const char *config;
                bool regions;
                enum mhp_self_hosting self_hosting;
                const char *table, *verdicts;
        } rows[] = {
                { "", true, MHP_SELF_HOSTING_OFF, "", "0-unneeded" },
                { ":Placement=self", true, MHP_SELF_HOSTING_OFF, "default on;", "1" },
                { ":Placement=dram", false, MHP_SELF_HOSTING_ON, "default off;", "1" },
                { ":Placement=force", false, MHP_SELF_HOSTING_ABSENT, "default force;", "1" },
                { "a:Node=1 a:Placement=self", true, MHP_SELF_HOSTING_OFF, "node 1 on;", "1 0-unneeded" },
                { "a:Node=0-9 a:Placement=dram :Placement=force", false, MHP_SELF_HOSTING_OFF, "node 0 off;node 1 off;node 2 off;default force;", "3 1" },
                { "a:Node=7 a:Placement=dram :Placement=force", false, MHP_SELF_HOSTING_OFF, "default force;", "0-unneeded 1" },
                { "a:Node=1 a:Placement=dram b:Node=1-2 b:Placement=self", false, MHP_SELF_HOSTING_OFF, "node 1 off;node 2 on;", "1 1 0-unneeded" },
                /* a rule without a placement has that of [Memmap], and what is behind it does not get its memory */
                { "a:Node=1 a:Zone=movable b:Node=1,2 b:Placement=dram :Placement=self", false, MHP_SELF_HOSTING_OFF,
                  "node 1 on;node 2 off;default on;", "1 1 1" },
                { "a:Zone=movable b:Placement=dram :Placement=self", false, MHP_SELF_HOSTING_OFF, "default on;", "1 0-unneeded 0-unneeded" },
                /* sources with regions */
                { "a:Source=virtio-mem a:Placement=self", true, MHP_SELF_HOSTING_OFF, V0 "on;" V1 "on;", "2 0-unneeded" },
                { "a:Source=virtio-mem,dax a:Node=1 a:Placement=self", true, MHP_SELF_HOSTING_OFF, D0 "on;", "1-node 0-unneeded" },
                { "a:Source=dax a:MinSize=1G a:Placement=self :Placement=dram", true, MHP_SELF_HOSTING_OFF, D0 "on;default off;", "1 1" },
                { "a:Source=dax a:MinSize=4G a:Placement=self :Placement=dram", true, MHP_SELF_HOSTING_OFF, "default off;", "0 1" },
                { "a:Source=dax a:Placement=self :Placement=dram", false, MHP_SELF_HOSTING_OFF, "default off;", "0 1" },
                { "a:Source=boot a:Placement=self :Placement=dram", false, MHP_SELF_HOSTING_OFF, "default off;", "0-unneeded 1" },
                /* sources without, and what would take their memory */
                { "a:Source=acpi a:Placement=self", true, MHP_SELF_HOSTING_OFF, "", "0-source 0-unneeded" },
                { "a:Source=acpi a:Placement=self :Placement=self", true, MHP_SELF_HOSTING_OFF, "default on;", "0-source 1" },
                { "a:Source=acpi a:Placement=dram :Placement=self", true, MHP_SELF_HOSTING_OFF, V0 "on;" V1 "on;" D0 "on;", "0-source 3-behind" },
                { "a:Source=acpi a:Node=1 a:Placement=dram b:Node=0-1 b:Placement=self", true, MHP_SELF_HOSTING_OFF, "node 0 on;",
                  "0-source 1-behind 0-unneeded" },
                { "a:Source=acpi,virtio-mem a:Placement=dram :Placement=self", true, MHP_SELF_HOSTING_ON, V0 "off;" V1 "off;" D0 "on;",
                  "2-source 1-behind" },
                { "a:MinSize=1G a:Placement=dram :Placement=self", true, MHP_SELF_HOSTING_OFF, D0 "off;", "1-size 0-behind" },
                { "a:Source=virtio-mem a:MaxSize=1G a:Placement=dram :Placement=self", true, MHP_SELF_HOSTING_OFF, D0 "on;", "0-size 1-behind" },
                /* auto */
                { "a:Node=1 a:Placement=auto :Placement=self", false, MHP_SELF_HOSTING_OFF, "node 1 off;default on;", "1 1" },
                { "a:Node=1 a:Placement=auto :Placement=self", false, MHP_SELF_HOSTING_ON, "", "0-auto 0-behind" },
                { "a:Node=1 a:Placement=auto b:Node=0 b:Placement=dram", false, MHP_SELF_HOSTING_ON, "node 0 off;", "0-auto 1 0-unneeded" },
                { "a:Node=0 a:Placement=dram b:Node=1 b:Placement=auto", false, MHP_SELF_HOSTING_ON, "node 0 off;", "1 0-unneeded 0-unneeded" },
        };
        struct mhp_range range = { 0, 2 };
        struct mhp_ranges nodes = { .range = &range, .n = 1 };

        ROWS(row, rows) {
                _cleanup_config_ struct mhp_config config;
                _cleanup_text_ struct mhp_text verdicts = { 0 };
                struct mhp_table_machine machine;
                struct mhp_table table;

                configure(&config, row->config);
                machine_of(&nodes, row->self_hosting, row->regions, &machine);
                assert_int_equal(mhp_table_compile(&config, &machine, &table), 0);
                for (char *p = table.text.data; p && *p; p++)
                        if (*p == '\n')
                                *p = ';';
                for (size_t i = 0; i < config.n_rules; i++)
                        verdict_text(&table.rule[i], &verdicts);
                verdict_text(&table.memmap, &verdicts);
                if (strcmp(table.text.data ? table.text.data : "", row->table) != 0 || strcmp(verdicts.data, row->verdicts) != 0)
                        fail_msg("\"%s\": \"%s\" %s", row->config, table.text.data ? table.text.data : "", verdicts.data);
                mhp_table_done(&table);
        }
}

static void test_hidden(void **state) {
        _cleanup_config_ struct mhp_config config;
        const struct mhp_table_machine machine = { .block_size = BLOCK, .hidden = true };
        struct mhp_table table;

        configure(&config, "a:Source=dax a:Placement=dram b:Node=1 b:Placement=dram :Placement=self");
        assert_int_equal(mhp_table_compile(&config, &machine, &table), 0);
        assert_int_equal(table.rule[0].reason, MHP_TABLE_REASON_HIDDEN);
        assert_int_equal(table.rule[1].reason, MHP_TABLE_REASON_NONE);
        assert_int_equal(table.memmap.reason, MHP_TABLE_REASON_BEHIND);
        assert_string_equal(table.text.data, "node 1 off\n");
        assert_true(table.by_region);
        mhp_table_done(&table);
}

static void test_full(void **state) {
        _cleanup_config_ struct mhp_config config;
        const struct mhp_table_machine machine = { .block_size = BLOCK };
        struct mhp_table table;

        configure(&config, "a:Node=0-1023 a:Placement=force :Placement=dram");
        assert_int_equal(mhp_table_compile(&config, &machine, &table), 0);
        assert_true(table.text.len <= MHP_TABLE_SIZE_MAX && table.text.len > MHP_TABLE_SIZE_MAX - 32);
        assert_int_equal(table.rule[0].reason, MHP_TABLE_REASON_FULL);
        assert_int_equal(table.memmap.reason, MHP_TABLE_REASON_BEHIND);
        mhp_table_done(&table);
}

/* What the kernel does with a table: memmap_policy_lookup(). NULL: no line is about it. */
static const char *look_up(const char *table, uint64_t address, int node) {
        static char word[8];
        char line[128];

        for (const char *p = table; p && *p; p += strcspn(p, "\n") + 1) {
                unsigned long long first, last;
                int nid;

                (void) snprintf(line, sizeof(line), "%.*s", (int) strcspn(p, "\n"), p);
                if ((sscanf(line, "node %d %7s", &nid, word) == 2 && nid == node) || sscanf(line, "default %7s", word) == 1 ||
                    (sscanf(line, "%llx-%llx %7s", &first, &last, word) == 3 && address >= first && address <= last))
                        return word;
        }
        return NULL;
}

static const char *wanted(const struct mhp_config *config, enum mhp_source source, int node, uint64_t size) {
        static const char *const words[_MHP_MEMMAP_MAX] = {
                [MHP_MEMMAP_AUTO] = "auto", [MHP_MEMMAP_DRAM] = "off", [MHP_MEMMAP_SELF] = "on", [MHP_MEMMAP_FORCE] = "force" };
        const struct mhp_rule *rule = mhp_policy_rule(config, source, node, size);

        return words[rule && rule->placement != MHP_MEMMAP_UNSET ? rule->placement : config->placement];
}

static unsigned next(uint64_t *seed, unsigned n) {
        *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (unsigned) (*seed >> 33) % n;
}

static void random_config(uint64_t *seed, struct mhp_config *config) {
        static const char *const placements[] = { "auto", "dram", "self", "force" };
        static const char *const sources[] = { "acpi", "dax", "virtio-mem", "acpi,dax", "virtio-mem,other", "boot" };
        static const char *const nodes[] = { "0", "1", "0-1", "2" }, *const sizes[] = { "1G", "2G" };
        const char *allowed;

        mhp_config_init(config);
        assert_int_equal(mhp_config_set(config, "Memmap", "Placement", placements[next(seed, 4)], &allowed), 0);
        for (unsigned i = next(seed, 5); i > 0; i--) {
                char name[16];

                (void) snprintf(name, sizeof(name), "Rule %u", i);
                (void) mhp_config_set(config, name, "Zone", "movable", &allowed);
                if (next(seed, 3) > 0)
                        (void) mhp_config_set(config, name, "Placement", placements[next(seed, 4)], &allowed);
                if (next(seed, 2) > 0)
                        (void) mhp_config_set(config, name, "Source", sources[next(seed, 6)], &allowed);
                if (next(seed, 2) > 0)
                        (void) mhp_config_set(config, name, "Node", nodes[next(seed, 4)], &allowed);
                if (next(seed, 4) == 0)
                        (void) mhp_config_set(config, name, next(seed, 2) > 0 ? "MinSize" : "MaxSize", sizes[next(seed, 2)], &allowed);
        }
}

/* Where the table says something, it is what the configuration says; where that is auto, what the boot parameter would have said. */
static void check_memory(const struct mhp_config *config, const struct mhp_table *table, const char *parameter, enum mhp_source source,
                         uint64_t address, int node, uint64_t size) {
        const char *says = look_up(table->text.data, address, node), *wants = wanted(config, source, node, size);

        if (says && strcmp(says, strcmp(wants, "auto") == 0 ? parameter : wants) != 0)
                fail_msg("%s memory on node %d of %llu bytes: the table says %s and not %s:\n%s", mhp_source_name(source), node,
                         (unsigned long long) size, says, wants, table->text.data);
}

static void test_never_otherwise(void **state) {
        static const enum mhp_source plain[] = { MHP_SOURCE_ACPI, MHP_SOURCE_OTHER };
        uint64_t seed = 7;

        for (unsigned round = 0; round < 20000; round++) {
                _cleanup_config_ struct mhp_config config;
                bool on = next(&seed, 2) > 0;
                struct mhp_table_machine machine;
                struct mhp_table table;

                random_config(&seed, &config);
                machine_of(NULL, on ? MHP_SELF_HOSTING_ON : MHP_SELF_HOSTING_OFF, true, &machine);
                assert_int_equal(mhp_table_compile(&config, &machine, &table), 0);
                for (int node = 0; node < 3; node++)
                        for (uint64_t size = GiB / 2; size <= 4 * GiB; size *= 2) {
                                for (size_t i = 0; i < ELEMENTSOF(plain); i++)
                                        check_memory(&config, &table, on ? "on" : "off", plain[i], 0x800000000, node, size);
                                for (size_t i = 0; i < ELEMENTSOF(regions); i++)
                                        if (regions[i].node < 0 || regions[i].node == node)
                                                check_memory(&config, &table, on ? "on" : "off", regions[i].source, regions[i].first + BLOCK, node,
                                                             regions[i].size > 0 ? regions[i].size : size);
                        }
                mhp_table_done(&table);
        }
}

static void test_no_memory(void **state) {
        _cleanup_config_ struct mhp_config config;
        struct mhp_table_machine machine;
        struct mhp_table table;

        configure(&config, "a:Source=acpi,dax a:Placement=dram b:Node=1 b:Placement=self :Placement=self");
        machine_of(NULL, MHP_SELF_HOSTING_OFF, true, &machine);
        for (unsigned at = 1;; at++) {
                int r;

                fail_at = at;
                r = mhp_table_compile(&config, &machine, &table);
                if (fail_at > 0)
                        break; /* it came to its end before */
                assert_int_equal(r, -ENOMEM);
        }
        fail_at = 0;
        mhp_table_done(&table);
}

static void test_same(void **state) {
        static const struct {
                const char *a, *b;
                bool same;
        } rows[] = {
                { "", "", true },
                { "", "\n", true },
                { "default on", "default on\n", true },
                { "0x100000000-0x13fffffff on\ndefault off\n", "100000000-13FFFFFFF  on\ndefault off", true },
                { "0000-07ffffff on", "0-7ffffff on", true },
                { " node 1 off \n\n default on", "node 1 off\ndefault on", true },
                { "node 1 off\ndefault on", "default on\nnode 1 off", false },
                { "node 1 off", "node 10 off", false },
                { "node 1 off", "node 1 on", false },
                { "default on", "", false },
                { "node 1 off default on", "node 1 off\ndefault on", false },
        };

        ROWS(row, rows) {
                ROW_INT(row->a, mhp_table_same(row->a, row->b), row->same);
                ROW_INT(row->b, mhp_table_same(row->b, row->a), row->same);
        }
}

static void test_words(void **state) {
        assert_null(mhp_table_reason_name(MHP_TABLE_REASON_NONE));
        assert_null(mhp_table_reason_words(_MHP_TABLE_REASON_MAX));
        for (unsigned i = 1; i < _MHP_TABLE_REASON_MAX; i++)
                assert_true(mhp_table_reason_name((enum mhp_table_reason) i) && mhp_table_reason_words((enum mhp_table_reason) i));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_compile), cmocka_unit_test(test_hidden),    cmocka_unit_test(test_full), cmocka_unit_test(test_never_otherwise),
                cmocka_unit_test(test_same),    cmocka_unit_test(test_no_memory), cmocka_unit_test(test_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
