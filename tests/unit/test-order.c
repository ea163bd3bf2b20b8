/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The order in which blocks go: `|` between units, `>` between layers. */

#include "plan-unit.h"

#include <stdlib.h>

#include "core/layers.h"

/* Allocations of the code under test go through here (ld --wrap), so that any one of them can fail. */
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static unsigned fail_at; /* the how-manieth allocation from now on fails, 0: none */

static bool fails(void) {
        return fail_at > 0 && --fail_at == 0;
}

void *__wrap_calloc(size_t n, size_t size) {
        return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size) {
        return fails() ? NULL : __real_realloc(p, size);
}

/* A range of 16 GiB that hosts itself: its memmap fills the blocks 512 and 513, that of 512-575 and of 576-639. */
#define HEAD_FIRST 512
#define HEAD_LAST 639

static struct mhp_backing *new_backing(bool range, bool hole) {
        struct mhp_backing *backing = NULL;
        struct mhp_geometry geometry = { 0 };

        assert_int_equal(mhp_geometry_preset("x86_64", &geometry), 0);
        assert_int_equal(mhp_backing_new(&geometry, &backing), 0);
        assert_int_equal(mhp_backing_add_early(backing, 0, (8 * BLOCK_SIZE) + (hole ? BLOCK_SIZE / 2 : BLOCK_SIZE)), 0);
        assert_int_equal(mhp_backing_add(backing, 32 * BLOCK_SIZE, 64 * BLOCK_SIZE, MHP_PLACEMENT_SELF, NULL), 0);
        if (range)
                assert_int_equal(mhp_backing_add(backing, HEAD_FIRST * BLOCK_SIZE, 128 * BLOCK_SIZE, MHP_PLACEMENT_RANGE, NULL), 0);
        return backing;
}

static void print_plan(const struct mhp_plan *plan, struct mhp_text *text) {
        for (size_t i = 0; i < plan->n_items; i++) {
                const struct mhp_plan_item *item = &plan->items[i];

                if (i > 0 && item->unit != item[-1].unit)
                        mhp_text_add(text, " |");
                else if (i > 0 && item->layer != item[-1].layer)
                        mhp_text_add(text, " >");
                mhp_text_printf(text, "%s%u", i > 0 ? " " : "", item->nr);
        }
}

enum backed { NO_BACKING, SELF_HOSTED, RANGE_HOSTED, WITH_HOLE };

static const struct row {
        const char *text, *machine, *blocks;
        bool by_unit;
        enum backed backed;
        const char *want, *cycle;
} rows[] = {
        { "nothing", "0-7 normal boot", "", true, NO_BACKING, "", "" },
        { "what is not there", "0-7 normal boot", "9-4000000000", true, SELF_HOSTED, "", "" },
        { "highest first", "32-35 movable acpi:a", "32-35", false, NO_BACKING, "35 34 33 32", "" },
        { "some of a device", "32-39 movable acpi:a", "33-34,37", true, SELF_HOSTED, "37 34 33", "" },
        { "by rank", "32 none acpi:a; 33 movable acpi:a fixed=1; 34 normal acpi:a used=1; 35 movable acpi:a used=9; 36 normal acpi:a used=0; 37 offline acpi:a",
          "32-37", true, SELF_HOSTED, "37 36 35 34 33 32", "" },
        { "by rank, upside down",
          "37 none acpi:a; 36 movable acpi:a fixed=1; 35 normal acpi:a used=1; 34 movable acpi:a used=9; 33 normal acpi:a used=0; 32 offline acpi:a",
          "32-37", true, SELF_HOSTED, "32 33 34 35 36 37", "" },
        { "by pages, highest of equal ones first", "32-33 movable acpi:a used=4; 34-35 movable acpi:a used=5; 36 movable acpi:a used=4", "32-36", false,
          NO_BACKING, "36 33 32 35 34", "" },
        { "what was not counted after what was", "32-33 movable acpi:a used=4; 34-35 movable acpi:a", "32-35", false, NO_BACKING, "33 32 35 34", "" },
        { "units: the cheapest first", "32-33 movable acpi:a used=4; 34-35 movable acpi:b used=5; 36-37 normal acpi:c used=1", "32-37", true, SELF_HOSTED,
          "33 32 | 35 34 | 37 36", "" },
        { "units: the highest of equal ones first", "32-33 movable acpi:a; 34-35 movable acpi:b", "32-35", true, SELF_HOSTED, "35 34 | 33 32", "" },
        { "not by unit", "32,34 movable acpi:a used=4; 33,35 movable acpi:b used=5", "32-35", false, NO_BACKING, "34 32 35 33", "" },
        { "interleaved", "32,34 movable acpi:a used=4; 33,35 movable acpi:b used=5", "32-35", true, NO_BACKING, "34 32 | 35 33", "" },
        { "single blocks: each a unit, a device after the other", "32,34 movable virtio-mem:a used=4; 33,35 movable virtio-mem:b used=3", "32-35", true,
          NO_BACKING, "35 | 33 | 34 | 32", "" },
        { "single blocks after devices", "32,34 movable virtio-mem:a used=0; 33,35 movable dax:b used=3; 40 movable -", "32-40", true, NO_BACKING,
          "35 33 | 34 | 32 | 40", "" },
        { "a hole in boot memory", "7 normal boot used=9; 8 normal boot used=0", "7-8", false, WITH_HOLE, "7 8", "" },
        { "no hole", "7 normal boot used=9; 8 normal boot used=0", "7-8", false, SELF_HOSTED, "8 7", "" },
        { "hosts last", "512-639 movable dax:a", "512-515,638-639", true, RANGE_HOSTED, "639 638 515 514 > 513 > 512", "" },
        { "hosts last, whatever their rank", "512 offline dax:a; 513 movable dax:a used=0; 514-639 normal dax:a fixed=1", "512-514,639", false,
          RANGE_HOSTED, "639 514 > 513 > 512", "" },
        { "hosts whose guests stay", "512-639 movable dax:a", "513,520", true, RANGE_HOSTED, "520 513", "" },
        { "a device that hosts another's memmap goes after it", "512-575 movable dax:a used=0; 576-639 movable dax:b fixed=4", "512-513,575-577", true,
          RANGE_HOSTED, "577 576 | 575 > 513 > 512", "" },
        { "devices in a cycle", "512,600 movable dax:a; 513 movable dax:b; 700 normal dax:c", "512-513,600,700", true, RANGE_HOSTED,
          "700 | 513 | 600 > 512", "512-513,600" },
        { "no cycle of blocks", "512,600 movable dax:a; 513 movable dax:b; 700 normal dax:c", "512-513,600,700", false, RANGE_HOSTED, "600 700 > 513 > 512",
          "" },
};

static void test_order(void **state) {
        ROWS(row, rows) {
                _cleanup_map_ struct mhp_map *map = unit_machine(row->machine);
                _cleanup_(mhp_backing_freep) struct mhp_backing *backing =
                        row->backed == NO_BACKING ? NULL : new_backing(row->backed == RANGE_HOSTED, row->backed == WITH_HOLE);
                _cleanup_ranges_ struct mhp_ranges blocks = { 0 };
                _cleanup_plan_ struct mhp_plan plan = { 0 };
                _cleanup_text_ struct mhp_text text = { 0 };

                unit_ranges(row->blocks, &blocks);
                ROW_INT(row->text, mhp_plan_order(map, &blocks, row->by_unit, backing, &plan), 0);
                print_plan(&plan, &text);
                if (strcmp(text.data ? text.data : "", row->want) != 0)
                        fail_msg("row \"%s\": the order is \"%s\", wanted \"%s\"", row->text, text.data ? text.data : "", row->want);
                ROW_RANGES(row->text, &plan.cycle, row->cycle);
                ROW_INT(row->text, plan.n_units, plan.n_items > 0 ? plan.items[plan.n_items - 1].unit + 1 : 0);
        }
}

static void test_items(void **state) {
        _cleanup_map_ struct mhp_map *map = unit_machine("32 movable acpi:a used=7; 33 movable -; 34 offline acpi:a used=5");
        _cleanup_ranges_ struct mhp_ranges blocks = { 0 };
        _cleanup_plan_ struct mhp_plan plan = { 0 };

        unit_ranges("32-34", &blocks);
        assert_int_equal(mhp_plan_order(map, &blocks, false, NULL, &plan), 0);
        assert_int_equal(plan.n_items, 3);
        assert_int_equal(plan.items[0].used, 0); /* that was before it went */
        assert_int_equal(plan.items[0].rank, MHP_RANK_OFFLINE);
        assert_int_equal(plan.items[1].nr, 32);
        assert_int_equal(plan.items[1].used, 7);
        assert_int_equal(plan.items[1].rank, MHP_RANK_MOVABLE);
        assert_int_equal(plan.items[1].group, mhp_map_find(map, 32)->group);
        assert_int_equal(plan.items[2].used, 0);
        assert_int_equal(plan.items[2].group, MHP_NO_GROUP);
}

#define NODES 8

static void test_layers(void **state) {
        static const struct {
                const char *text;
                size_t n_edges;
                struct mhp_edge edges[8]; /* before, first, last */
                const char *layers, *cycle;
        } cases[] = {
                { "no edges", 0, { { 0 } }, "00000000", "........" },
                { "one", 1, { { 7, 0, 0 } }, "10000000", "........" },
                { "a chain", 3, { { 0, 1, 1 }, { 1, 2, 2 }, { 2, 3, 3 } }, "01230000", "........" },
                { "a run, and itself in it", 1, { { 3, 1, 5 } }, "01101100", "........" },
                { "the longest way counts", 3, { { 0, 1, 3 }, { 1, 2, 2 }, { 2, 3, 3 } }, "01230000", "........" },
                { "twice the same", 2, { { 0, 1, 1 }, { 0, 1, 1 } }, "01000000", "........" },
                { "itself alone", 1, { { 4, 4, 4 } }, "00000000", "........" },
                { "two in each other", 2, { { 4, 5, 5 }, { 5, 4, 4 } }, "00001100", "....cc.." },
                { "what leads to a cycle", 3, { { 0, 4, 4 }, { 4, 5, 5 }, { 5, 4, 4 } }, "00001100", "....cc.." },
                { "and what is behind it", 4, { { 4, 5, 5 }, { 5, 4, 4 }, { 5, 6, 6 }, { 6, 7, 7 } }, "00001111", "....cc.." },
                { "behind a chain", 5, { { 0, 1, 1 }, { 1, 2, 2 }, { 2, 4, 4 }, { 4, 5, 5 }, { 5, 4, 4 } }, "01203300", "....cc.." },
                { "two cycles and what is between", 6, { { 0, 1, 1 }, { 1, 0, 0 }, { 1, 2, 2 }, { 2, 4, 4 }, { 4, 5, 5 }, { 5, 4, 4 } }, "11101100",
                  "ccc.cc.." },
                { "all of them in one", 8, { { 0, 1, 1 }, { 1, 2, 2 }, { 2, 3, 3 }, { 3, 4, 4 }, { 4, 5, 5 }, { 5, 6, 6 }, { 6, 7, 7 }, { 7, 0, 0 } },
                  "00000000", "cccccccc" },
                { "each before all others", 8, { { 0, 0, 7 }, { 1, 0, 7 }, { 2, 0, 7 }, { 3, 0, 7 }, { 4, 0, 7 }, { 5, 0, 7 }, { 6, 0, 7 }, { 7, 0, 7 } },
                  "00000000", "cccccccc" },
        };

        ROWS(row, cases) {
                char layers[NODES + 1] = { 0 }, cycle[NODES + 1] = { 0 };
                uint32_t layer[NODES];
                bool in_cycle[NODES];

                ROW_INT(row->text, mhp_layers(NODES, row->edges, row->n_edges, layer, in_cycle), strchr(row->cycle, 'c') != NULL);
                for (size_t i = 0; i < NODES; i++) {
                        layers[i] = (char) ('0' + layer[i]);
                        cycle[i] = in_cycle[i] ? 'c' : '.';
                }
                if (strcmp(layers, row->layers) != 0 || strcmp(cycle, row->cycle) != 0)
                        fail_msg("row \"%s\": %s %s, wanted %s %s", row->text, layers, cycle, row->layers, row->cycle);
        }
        assert_int_equal(mhp_layers(0, NULL, 0, NULL, NULL), 0);
}

/* Whichever allocation fails: -ENOMEM, the answer untouched, nothing leaked (with sanitizers). */
static void test_no_memory(void **state) {
        _cleanup_map_ struct mhp_map *map = unit_machine("512-575 movable dax:a used=0; 576-639 movable dax:b used=4; 640-650 movable virtio-mem:c");
        _cleanup_(mhp_backing_freep) struct mhp_backing *backing = new_backing(true, false);
        struct mhp_target target = { .verb = MHP_REMOVAL_UNPLUG, .size = 70 * BLOCK_SIZE, .keep = MHP_KEEP_NONE };
        int r = -ENOMEM;

        for (unsigned at = 1; r == -ENOMEM; at++) {
                _cleanup_ranges_ struct mhp_ranges chosen = { 0 };
                _cleanup_plan_ struct mhp_plan plan = { 0 };

                assert_true(at < 1000);
                fail_at = at;
                r = mhp_plan_choose(map, &target, &chosen);
                if (r >= 0)
                        r = mhp_plan_order(map, &chosen, true, backing, &plan);
                assert_true(r == 0 || r == -ENOMEM);
                assert_true((r == 0) == (plan.n_items > 0));
        }
        fail_at = 0;
        assert_int_equal(r, 0);
}

/* The same where a cycle is to be named. */
static void test_no_memory_for_a_cycle(void **state) {
        static const struct mhp_edge edges[] = { { 0, 1, 1 }, { 1, 0, 0 }, { 1, 2, 2 } };
        uint32_t layer[3];
        bool in_cycle[3];
        int r = -ENOMEM;

        for (unsigned at = 1; r == -ENOMEM; at++) {
                assert_true(at < 100);
                fail_at = at;
                r = mhp_layers(ELEMENTSOF(layer), edges, ELEMENTSOF(edges), layer, in_cycle);
        }
        fail_at = 0;
        assert_int_equal(r, 1);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_items),
                cmocka_unit_test(test_layers),
                cmocka_unit_test(test_no_memory),
                cmocka_unit_test(test_no_memory_for_a_cycle),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
