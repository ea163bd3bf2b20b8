/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a size is made of, and what a block's rank is. */

#include "plan-unit.h"

#include "core/remover.h"
#include "core/subset.h"

#define GIB (UINT64_C(1) << 30)
#define BOOT "0-7 normal boot; "

static void test_ranks(void **state) {
        static const struct {
                const char *block;
                enum mhp_rank rank;
        } cases[] = {
                { "9 offline acpi:a", MHP_RANK_OFFLINE },
                { "9 offline acpi:a used=5 fixed=5", MHP_RANK_OFFLINE },
                { "9 offline acpi:a gave-up error=22", MHP_RANK_OFFLINE },
                { "9 movable acpi:a used=0", MHP_RANK_EMPTY },
                { "9 normal acpi:a used=0", MHP_RANK_EMPTY },
                { "9 movable acpi:a used=1", MHP_RANK_MOVABLE },
                { "9 movable acpi:a", MHP_RANK_MOVABLE },
                { "9 movable acpi:a gave-up error=16", MHP_RANK_MOVABLE },
                { "9 normal acpi:a used=1", MHP_RANK_KERNEL },
                { "9 normal boot", MHP_RANK_KERNEL },
                { "9 normal acpi:a", MHP_RANK_KERNEL },
                { "9 movable acpi:a fixed=1", MHP_RANK_FIXED },
                { "9 normal acpi:a used=3 fixed=1", MHP_RANK_FIXED },
                { "9 none boot", MHP_RANK_NEVER },
                { "9 none boot used=0", MHP_RANK_NEVER },
                { "9 normal boot gave-up error=22", MHP_RANK_NEVER },
                { "9 normal boot gave-up error=1", MHP_RANK_NEVER },
        };

        ROWS(row, cases) {
                _cleanup_map_ struct mhp_map *map = unit_machine(row->block);

                ROW_INT(row->block, mhp_rank_of(mhp_map_find(map, 9)), row->rank);
        }
}

/* What is counted: pages without a mark are free, or on the way, in Movable only. */
static void test_counted(void **state) {
        static const struct {
                const char *block;
                struct mhp_tally tally;
                enum mhp_rank rank;
                uint32_t used;
        } cases[] = {
                { "9 movable acpi:a", { .pages = { [MHP_CLASS_FREE] = 8 } }, MHP_RANK_EMPTY, 0 },
                { "9 movable acpi:a", { .pages = { [MHP_CLASS_UNMARKED] = 8 } }, MHP_RANK_EMPTY, 0 },
                { "9 normal acpi:a", { .pages = { [MHP_CLASS_FREE] = 8 } }, MHP_RANK_EMPTY, 0 },
                { "9 normal acpi:a", { .pages = { [MHP_CLASS_FREE] = 5, [MHP_CLASS_ANON] = 1, [MHP_CLASS_UNMARKED] = 2 } }, MHP_RANK_KERNEL, 3 },
                { "9 movable acpi:a", { .pages = { [MHP_CLASS_ANON] = 1, [MHP_CLASS_SLAB] = 1 } }, MHP_RANK_FIXED, 1 },
                { "9 movable acpi:a", { .pages = { [MHP_CLASS_OFFLINE] = 8 } }, MHP_RANK_MOVABLE, 8 },
                { "9 movable -", { .pages = { [MHP_CLASS_OFFLINE] = 8 } }, MHP_RANK_MOVABLE, 8 },
                { "9 movable virtio-mem:v", { .pages = { [MHP_CLASS_OFFLINE] = 8 } }, MHP_RANK_EMPTY, 0 },
                { "9 movable acpi:a", { .pages = { [MHP_CLASS_HUGETLB] = 512 } }, MHP_RANK_MOVABLE, 512 },
        };

        ROWS(row, cases) {
                _cleanup_map_ struct mhp_map *map = unit_machine(row->block);

                assert_true(mhp_map_apply(map, &(struct mhp_event) { .type = MHP_EVENT_COUNT, .block = 9, .tally = &row->tally }) >= 0);
                ROW_INT(row->block, mhp_rank_of(mhp_map_find(map, 9)), row->rank);
                ROW_INT(row->block, mhp_map_find(map, 9)->used, row->used);
        }
}

#define MIB (UINT64_C(1) << 20)

/* Room for what has to be moved, without what is free in the blocks; figures in MiB, pages of 4 KiB, blocks of 128 MiB. */
static void test_room(void **state) {
        static const struct {
                const char *machine, *blocks;
                uint64_t room, movable_used, huge_free;
                const char *words; /* NULL: there is room */
        } cases[] = {
                { "8-9 movable acpi:a used=25600", "8-9", 256, 200, 0, NULL },
                { "8-9 movable acpi:a used=25600", "8-9", 255, 200, 0, "200M in it would have to be moved, and there is room for 199M" },
                { "8-9 movable acpi:a used=0", "8-9", 0, 0, 0, NULL },
                { "8 offline acpi:a; 9 movable acpi:a used=25600", "8-9", 128, 100, 0, NULL },
                { "8-9 movable acpi:a used=32768 huge=32768", "8-9", 4, 256, 256, NULL },
                { "8-9 movable acpi:a used=32768 huge=32768", "8-9", 3, 256, 256, "4M in it would have to be moved, and there is room for 3M" },
                { "8-9 movable acpi:a used=32768 huge=16384", "8-9", 129, 256, 512, "130M in it would have to be moved, and there is room for 129M" },
                { "8-9 movable acpi:a used=32768", "8-9", 255, 256, 512, "256M in it would have to be moved, and there is room for 255M" },
                { "8-9 movable acpi:a", "8-9", 256, 16, 0, NULL },
                { "8-9 movable acpi:a", "8-9", 255, 17, 0, "up to 17M in it would have to be moved, and there is room for 16M" },
                { "8-9 movable acpi:a", "8-9", 16, 17, 0, "up to 17M in it would have to be moved, and there is room for 0B" },
                { "8-9 normal acpi:a", "8-9", 255, 0, 0, "up to 256M in it would have to be moved, and there is room for 255M" },
                { "8-9 normal acpi:a", "8-9", 256, 0, 0, NULL },
                { "8 movable acpi:a used=99999", "8", 127, 0, 0, "128M in it would have to be moved, and there is room for 127M" },
        };

        ROWS(row, cases) {
                _cleanup_map_ struct mhp_map *map = unit_machine(row->machine);
                _cleanup_ranges_ struct mhp_ranges blocks = { 0 };
                _cleanup_plan_ struct mhp_plan plan = { 0 };
                _cleanup_text_ struct mhp_text words = { 0 };
                struct mhp_pressure pressure = {
                        .page_size = 4096, .room = row->room * MIB, .movable_used = row->movable_used * MIB, .huge_free = row->huge_free * MIB };

                unit_ranges(row->blocks, &blocks);
                assert_int_equal(mhp_plan_order(map, &blocks, true, NULL, &plan), 0);
                ROW_INT(row->machine, mhp_plan_has_room(map, &plan, &pressure, &words), !row->words);
                if (row->words)
                        assert_string_equal(words.data, row->words);
                pressure.page_size = 0;
                assert_true(mhp_plan_has_room(map, &plan, &pressure, &words));
        }
}

static void test_names(void **state) {
        static const char *const names[] = { "already-offline", "empty", "movable", "kernel-zone", "fixed-pages", "never" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                assert_string_equal(mhp_rank_name((enum mhp_rank) i), names[i]);
        assert_null(mhp_rank_name(_MHP_RANK_MAX));
        assert_null(mhp_rank_name((enum mhp_rank) -1));
}

struct choice {
        const char *text, *machine;
        enum mhp_removal_verb verb;
        uint64_t size;          /* in blocks, and half a block less */
        const char *except, *want;
        bool scarce;
};

#define UNPLUG MHP_REMOVAL_UNPLUG
#define OFFLINE MHP_REMOVAL_OFFLINE
#define TWO "32-39 movable acpi:a used=9; 40-47 movable acpi:b used=9; "
#define VIRTIO "64-71 movable virtio-mem:v used=1"

static const struct choice choices[] = {
        { "nothing", BOOT TWO, UNPLUG, 0, "", "", false },
        { "whole devices only", BOOT TWO, UNPLUG, 1, "", "40-47", false },
        { "exactly one", BOOT TWO, UNPLUG, 8, "", "40-47", false },
        { "one is not enough", BOOT TWO, UNPLUG, 9, "", "32-47", false },
        { "all of it", BOOT TWO, UNPLUG, 16, "", "32-47", false },
        { "not that much", BOOT TWO, UNPLUG, 17, "", "32-47", true },
        { "very much", BOOT TWO, UNPLUG, UINT64_C(1) << 36, "", "32-47", true },
        { "none at all", BOOT, UNPLUG, 1, "", "", true },
        { "an empty machine", "", UNPLUG, 1, "", "", true },
        { "the smaller one that is enough", BOOT "32-35 movable acpi:a used=99; 40-47 movable acpi:b used=0", UNPLUG, 3, "", "32-35", false },
        { "two small ones before a large one", BOOT "32-34 movable acpi:a; 35-37 movable acpi:b; 40-46 movable acpi:c used=0", UNPLUG, 6, "", "32-37", false },
        { "the large one before two and a half", BOOT "32-34 movable acpi:a; 35-38 movable acpi:b; 40-45 movable acpi:c", UNPLUG, 6, "", "40-45", false },
        { "the cheaper of two", BOOT "32-39 movable acpi:a used=8; 40-47 movable acpi:b used=9", UNPLUG, 8, "", "32-39", false },
        { "Movable before a kernel zone", BOOT "32-39 movable acpi:a used=9; 40-47 normal acpi:b used=1", UNPLUG, 8, "", "32-39", false },
        { "an empty one in a kernel zone is cheaper", BOOT "32-39 movable acpi:a used=9; 40-47 normal acpi:b used=0", UNPLUG, 8, "", "40-47", false },
        { "one that is offline is cheapest", BOOT "32-39 offline acpi:a; 40-47 movable acpi:b used=1", UNPLUG, 8, "", "32-39", false },
        { "what failed to come online can go", BOOT "32-39 offline acpi:a gave-up error=12", UNPLUG, 8, "", "32-39", false },
        { "what was not counted is full", BOOT "32-39 movable acpi:a used=9; 40-47 movable acpi:b", UNPLUG, 8, "", "32-39", false },
        { "fixed pages if need be", BOOT "32-39 movable acpi:a used=9; 40-47 movable acpi:b used=0 fixed=1", UNPLUG, 9, "", "32-47", false },
        { "else not", BOOT "32-39 movable acpi:a used=9; 40-43 movable acpi:b used=0 fixed=1", UNPLUG, 4, "", "32-39", false },
        { "of fixed ones the least sum too", BOOT "32-33 movable acpi:a used=0; 40-43 movable acpi:b fixed=1; 48-52 movable acpi:c fixed=1", UNPLUG, 4, "",
          "40-43", false },
        { "zone none bars the device", BOOT "32-38 movable acpi:a; 39 none acpi:a; 40-47 movable acpi:b", UNPLUG, 9, "", "40-47", true },
        { "so does another removal", BOOT "32-39 movable acpi:a; 40 movable acpi:b removal=3; 41-47 movable acpi:b", UNPLUG, 8, "", "32-39", false },
        { "and what was given up", BOOT "32-39 movable acpi:a; 40 movable acpi:b gave-up error=16; 41-47 movable acpi:b", UNPLUG, 8, "", "32-39", false },
        { "and what was tried", BOOT TWO, UNPLUG, 8, "41", "32-39", false },
        { "dax as well", BOOT "32-39 movable dax:dax0.0; 40-41 movable acpi:b", UNPLUG, 3, "", "32-39", false },
        { "no balloon", BOOT "32-39 movable hyperv; 40-41 movable acpi:b", UNPLUG, 3, "", "40-41", true },
        { "no unknown memory", BOOT "32-39 movable -", UNPLUG, 3, "", "", true },
        { "virtio-mem if devices do not suffice", BOOT TWO VIRTIO, UNPLUG, 18, "", "32-47,70-71", false },
        { "virtio-mem stays else", BOOT TWO VIRTIO, UNPLUG, 16, "", "32-47", false },
        { "virtio-mem alone", BOOT "64-71 movable virtio-mem:v used=1; 72-73 movable virtio-mem:w used=0; 74 offline virtio-mem:w", UNPLUG, 3, "",
          "71-73", false },
        { "virtio-mem, not what is offline", BOOT "64-71 movable virtio-mem:v; 72-73 offline virtio-mem:v", UNPLUG, 9, "", "64-71", true },
        { "virtio-mem before fixed devices", BOOT "32-39 movable acpi:a fixed=1; " VIRTIO, UNPLUG, 8, "", "64-71", false },
        { "fixed devices before fixed blocks", BOOT "32-39 movable acpi:a fixed=1; 64-71 movable virtio-mem:v fixed=1", UNPLUG, 9, "", "32-39,71", false },

        { "offline: single blocks of a device", BOOT TWO, OFFLINE, 3, "", "45-47", false },
        { "offline: empty ones first", BOOT "32-39 movable acpi:a used=9; 40-47 movable acpi:b; 48 movable acpi:c used=0", OFFLINE, 2, "", "39,48", false },
        { "offline: fewer pages first", BOOT "32-39 movable acpi:a used=8; 40-47 movable acpi:b used=9", OFFLINE, 3, "", "37-39", false },
        { "offline: kernel zones last", BOOT "32-33 movable acpi:a used=9; 40-47 normal acpi:b used=8", OFFLINE, 3, "", "32-33,47", false },
        { "offline: fixed pages behind these", BOOT "32-33 movable acpi:a fixed=9; 40-47 normal acpi:b used=8", OFFLINE, 9, "", "33,40-47", false },
        { "offline: no boot memory", BOOT "32-33 movable acpi:a", OFFLINE, 3, "", "32-33", true },
        { "offline: boot memory in Movable", BOOT "8-9 movable boot", OFFLINE, 1, "", "9", false },
        { "offline: not known whose, in a kernel zone", BOOT "8-9 normal -", OFFLINE, 1, "", "", true },
        { "offline: not known whose, in Movable", BOOT "8-9 movable -", OFFLINE, 1, "", "9", false },
        { "offline: what is offline does not count", BOOT "32-33 movable acpi:a; 34-39 offline acpi:a", OFFLINE, 3, "", "32-33", true },
        { "offline: never zone none", BOOT "32-33 none acpi:a", OFFLINE, 1, "", "", true },
        { "offline: tried, given up or another's", BOOT "32 movable acpi:a; 33 movable acpi:a removal=1; 34-35 movable acpi:a gave-up; 36 movable acpi:a",
          OFFLINE, 2, "36", "32", true },
        { "offline: balloons too", BOOT "32-33 normal xen; 34 normal other:x", OFFLINE, 3, "", "32-34", false },
};

static void test_sizes(void **state) {
        ROWS(row, choices) {
                _cleanup_map_ struct mhp_map *map = unit_machine(row->machine);
                _cleanup_target_ struct mhp_target target = { .verb = row->verb, .at_least = true, .keep = MHP_KEEP_NONE };
                _cleanup_ranges_ struct mhp_ranges got = { 0 };

                target.size = row->size > 0 ? (row->size * BLOCK_SIZE) - (BLOCK_SIZE / 2) : 0;
                unit_ranges(row->except, &target.except);
                ROW_INT(row->text, mhp_plan_choose(map, &target, &got), row->scarce ? -ENOSPC : 0);
                ROW_RANGES(row->text, &got, row->want);
        }
}

/* Never more than that, in blocks and half a one more. */
static const struct choice within[] = {
        { "nothing is that small", BOOT TWO, UNPLUG, 1, "", "40-47", false },
        { "the smallest is told", BOOT "32-39 movable acpi:a; 40-43 movable acpi:b; 48-51 movable acpi:c", UNPLUG, 3, "", "48-51", false },
        { "or a smaller block", BOOT TWO VIRTIO, UNPLUG, 0, "", "71", false },
        { "exactly one", BOOT TWO, UNPLUG, 8, "", "40-47", false },
        { "one, for two are too many", BOOT TWO, UNPLUG, 15, "", "40-47", false },
        { "all of it", BOOT TWO, UNPLUG, 16, "", "32-47", false },
        { "not that much", BOOT TWO, UNPLUG, 17, "", "32-47", true },
        { "the cheaper of two", BOOT "32-39 movable acpi:a used=8; 40-47 movable acpi:b used=9", UNPLUG, 12, "", "32-39", false },
        { "the larger sum before the cheaper one", BOOT "32-34 movable acpi:a used=0; 35-38 movable acpi:b used=9; 40-45 movable acpi:c used=0", UNPLUG, 7, "",
          "32-38", false },
        { "what is missing of virtio-mem", BOOT TWO VIRTIO, UNPLUG, 11, "", "40-47,69-71", false },
        { "no virtio-mem without need", BOOT TWO VIRTIO, UNPLUG, 16, "", "32-47", false },
        { "no fixed pages without gain", BOOT "32-39 movable acpi:a used=9; 40-43 movable acpi:b used=0 fixed=1", UNPLUG, 9, "", "32-39", false },
        { "fixed pages for more", BOOT "32-39 movable acpi:a used=9; 40-43 movable acpi:b used=0 fixed=1", UNPLUG, 12, "", "32-43", false },
        { "offline: single blocks", BOOT TWO, OFFLINE, 3, "", "45-47", false },
        { "offline: less than one", BOOT TWO, OFFLINE, 0, "", "47", false },
};

static void test_within(void **state) {
        ROWS(row, within) {
                _cleanup_map_ struct mhp_map *map = unit_machine(row->machine);
                _cleanup_target_ struct mhp_target target = { .verb = row->verb, .size = row->size * BLOCK_SIZE + BLOCK_SIZE / 2, .keep = MHP_KEEP_NONE };
                _cleanup_ranges_ struct mhp_ranges got = { 0 };
                int r = mhp_plan_choose(map, &target, &got);

                ROW_RANGES(row->text, &got, row->want);
                ROW_INT(row->text, mhp_plan_asked(map, &target), row->size + 1);
                ROW_INT(row->text, r, row->scarce ? -ENOSPC : mhp_ranges_count(&got) > row->size ? -ERANGE : 0);
        }
}

static void test_smallest(void **state) {
        _cleanup_map_ struct mhp_map *map = unit_machine(BOOT TWO VIRTIO);
        static const struct {
                enum mhp_removal_verb verb;
                const char *blocks, *words;
        } cases[] = {
                { UNPLUG, "40-47", "the smallest that can leave is acpi:b, 1G; name it" },
                { UNPLUG, "71", "the smallest that can leave is block 71, 128M; name it" },
                { UNPLUG, "70-71", "the smallest that can leave is blocks 70-71, 256M; name it" },
                { OFFLINE, "47", "the smallest that can go offline is block 47, 128M; name it" },
        };

        ROWS(row, cases) {
                _cleanup_ranges_ struct mhp_ranges blocks = { 0 };
                _cleanup_text_ struct mhp_text words = { 0 };

                unit_ranges(row->blocks, &blocks);
                mhp_plan_smallest_words(map, row->verb, &blocks, &words);
                assert_string_equal(words.data, row->words);
        }
}

static void test_parse_size(void **state) {
        static const char *const bad[] = { "", "+", "0", "0+", "4G++", "+4G", "4G +", "acpi:a", "4G-", "99999999999999999999999999999999999999G" };
        bool at_least = true;
        uint64_t size = 7;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_true(mhp_target_parse_size(bad[i], &size, &at_least) < 0);
        assert_true(size == 7 && at_least);
        assert_int_equal(mhp_target_parse_size("4G", &size, &at_least), 0);
        assert_true(size == 4 * GIB && !at_least);
        assert_int_equal(mhp_target_parse_size("512M+", &size, &at_least), 0);
        assert_true(size == GIB / 2 && at_least);
}

/* A block more is not enough any more. */
static void test_size_rounding(void **state) {
        _cleanup_map_ struct mhp_map *map = unit_machine(BOOT TWO);
        struct mhp_target target = { .verb = UNPLUG, .size = 8 * BLOCK_SIZE, .at_least = true, .keep = MHP_KEEP_NONE };
        struct mhp_ranges got = { 0 };

        assert_int_equal(mhp_plan_choose(map, &target, &got), 0);
        ROW_RANGES("whole", &got, "40-47");
        mhp_ranges_done(&got);
        target.size++;
        assert_int_equal(mhp_plan_choose(map, &target, &got), 0);
        ROW_RANGES("a byte more", &got, "32-47");
        mhp_ranges_done(&got);
        target.size = UINT64_MAX;
        assert_int_equal(mhp_plan_choose(map, &target, &got), -ENOSPC);
        mhp_ranges_done(&got);
}

#define KEPT "64-71 movable virtio-mem:v used=5; "

static void test_keep(void **state) {
        static const struct {
                const char *text, *machine, *blocks;
                uint64_t keep; /* in blocks */
                const char *except, *want;
                bool scarce;
        } cases[] = {
                { "all", KEPT, "64-71", 0, "", "64-71", false },
                { "half", KEPT, "64-71", 4, "", "68-71", false },
                { "as much as there is", KEPT, "64-71", 8, "", "", false },
                { "more than there is", KEPT, "64-71", 80, "", "", false },
                { "offline ones first", KEPT "60-61 offline virtio-mem:v", "60-71", 7, "", "60-61,71", false },
                { "empty ones next", KEPT "60-61 normal virtio-mem:v used=0", "60-71", 7, "", "60-61,71", false },
                { "Movable before kernel zones", KEPT "72-73 normal virtio-mem:v used=1", "64-73", 8, "", "70-71", false },
                { "blocks that have gone", KEPT, "60-80", 7, "", "71", false },
                { "tried ones stay", KEPT, "64-71", 6, "70-71", "68-69", false },
                { "tried ones stay, and not enough is left", KEPT, "64-71", 1, "70-71", "64-69", true },
                { "zone none stays", KEPT "72 none virtio-mem:v", "64-72", 0, "", "64-71", true },
                { "another's stay", KEPT "72 movable virtio-mem:v removal=2", "64-72", 8, "", "71", false },
                { "given up: tried once more, last of all", KEPT "72 movable virtio-mem:v gave-up error=16", "64-72", 0, "", "64-72", false },
                { "given up: others first", KEPT "72 movable virtio-mem:v used=0 gave-up error=16", "64-72", 1, "", "64-71", false },
        };

        ROWS(row, cases) {
                _cleanup_map_ struct mhp_map *map = unit_machine(row->machine);
                _cleanup_target_ struct mhp_target target = { .verb = UNPLUG, .keep = row->keep * BLOCK_SIZE };
                _cleanup_ranges_ struct mhp_ranges got = { 0 };

                unit_ranges(row->blocks, &target.blocks);
                unit_ranges(row->except, &target.except);
                ROW_INT(row->text, mhp_plan_choose(map, &target, &got), row->scarce ? -ENOSPC : 0);
                ROW_RANGES(row->text, &got, row->want);
        }
}

#define PIECES \
        BOOT "64-65 movable virtio-mem:v used=9; 66-67 movable virtio-mem:v used=1; 68 movable virtio-mem:v used=0; 69 movable virtio-mem:v used=50; " \
             "70-71 normal virtio-mem:v used=0 fixed=1; 73 movable virtio-mem:v used=40"

static struct mhp_map *pieces_machine(const char *machine) {
        struct mhp_map *map = unit_machine(machine);

        for (size_t i = 0; i < map->n_groups; i++)
                map->groups[i].device_block = strcmp(map->groups[i].name, "virtio-mem:v") == 0 ? 2 : 0;
        return map;
}

/* What gives back two blocks at a time gives back both or none, and the dearer of them is what it costs. */
static void test_pieces(void **state) {
        static const struct {
                const char *text, *except;
                uint64_t keep; /* in blocks; of 9 */
                const char *want;
                bool scarce;
        } cases[] = {
                { "not one more than asked for", "", 8, "73", false },
                { "the cheap one", "", 7, "66-67", false },
                { "and what is alone", "", 6, "66-67,73", false },
                { "the next", "", 5, "64-67", false },
                { "one of which half is there", "", 4, "64-67,73", false },
                { "not the one with an empty half, for it is one too many", "", 3, "64-67,73", false },
                { "fixed pages last", "", 2, "64-69,73", false },
                { "all", "", 0, "64-71,73", false },
                { "one tried in vain keeps the other", "68", 0, "64-67,70-71,73", true },
        };

        ROWS(row, cases) {
                _cleanup_map_ struct mhp_map *map = pieces_machine(PIECES);
                _cleanup_target_ struct mhp_target target = { .verb = UNPLUG, .keep = row->keep * BLOCK_SIZE };
                _cleanup_ranges_ struct mhp_ranges got = { 0 };

                unit_ranges("64-73", &target.blocks);
                unit_ranges(row->except, &target.except);
                ROW_INT(row->text, mhp_plan_choose(map, &target, &got), row->scarce ? -ENOSPC : 0);
                ROW_RANGES(row->text, &got, row->want);
        }
}

/* By size, what is offline does not count by itself; with a block that is online it does, for it goes with that, unless it is somebody else's. */
static void test_pieces_size(void **state) {
        static const struct {
                const char *text, *machine;
                uint64_t size; /* in blocks */
                const char *want;
                bool scarce;
        } cases[] = {
                { "with the half that is offline", BOOT "64 movable virtio-mem:v used=1; 65 offline virtio-mem:v; 66-67 movable virtio-mem:v used=9", 2, "64-65", false },
                { "another removal's half", BOOT "64 movable virtio-mem:v used=1; 65 offline virtio-mem:v removal=2; 66-67 movable virtio-mem:v used=9", 1,
                  "66-67", false },
                { "and nothing else", BOOT "64 movable virtio-mem:v used=1; 65 offline virtio-mem:v removal=2", 1, "", true },
                { "what is offline as a whole", BOOT "64-65 offline virtio-mem:v; 66-67 movable virtio-mem:v used=9", 3, "66-67", true },
        };

        ROWS(row, cases) {
                _cleanup_map_ struct mhp_map *map = pieces_machine(row->machine);
                _cleanup_target_ struct mhp_target target = { .verb = UNPLUG, .size = row->size * BLOCK_SIZE, .at_least = true, .keep = MHP_KEEP_NONE };
                _cleanup_ranges_ struct mhp_ranges got = { 0 };

                ROW_INT(row->text, mhp_plan_choose(map, &target, &got), row->scarce ? -ENOSPC : 0);
                ROW_RANGES(row->text, &got, row->want);
        }
}

static void test_pieces_order(void **state) {
        static const uint32_t want[] = { 67, 66, 65, 64, 73, 69, 68 };
        static const uint32_t units[] = { 0, 0, 1, 1, 2, 3, 3 };
        _cleanup_map_ struct mhp_map *map = pieces_machine(PIECES);
        _cleanup_ranges_ struct mhp_ranges blocks = { 0 };
        _cleanup_plan_ struct mhp_plan plan = { 0 };

        unit_ranges("64-69,73", &blocks);
        assert_int_equal(mhp_plan_order(map, &blocks, true, NULL, &plan), 0);
        assert_int_equal(plan.n_items, ELEMENTSOF(want));
        for (size_t i = 0; i < plan.n_items; i++) {
                assert_int_equal(plan.items[i].nr, want[i]);
                assert_int_equal(plan.items[i].unit, units[i]);
        }
        assert_int_equal(plan.n_units, 4);
}

static void test_blocks(void **state) {
        _cleanup_map_ struct mhp_map *map = unit_machine(BOOT TWO);
        _cleanup_target_ struct mhp_target target = { .verb = OFFLINE, .keep = MHP_KEEP_NONE };
        struct mhp_ranges got = { 0 };

        unit_ranges("3,40-41,99", &target.blocks);
        assert_int_equal(mhp_plan_choose(map, &target, &got), 0);
        ROW_RANGES("choose", &got, "3,40-41,99");
        mhp_ranges_done(&got);
        assert_int_equal(mhp_plan_candidates(map, &target, &got), 0);
        ROW_RANGES("candidates", &got, "3,40-41,99");
        mhp_ranges_done(&got);
}

static void test_candidates(void **state) {
        static const struct choice cases[] = {
                { "devices suffice", BOOT TWO VIRTIO, UNPLUG, 16, "", "32-47", false },
                { "devices do not", BOOT TWO VIRTIO, UNPLUG, 17, "", "32-47,64-71", false },
                { "fixed ones are candidates", BOOT "32-39 movable acpi:a fixed=3", UNPLUG, 1, "", "32-39", false },
                { "all of a device or none", BOOT "32-39 movable acpi:a; 40 none acpi:a; 48-49 offline acpi:b", UNPLUG, 1, "", "48-49", false },
                { "offline", BOOT "8 movable boot; 32-39 movable acpi:a; 40 none acpi:a; 41 normal acpi:a; 48-49 offline acpi:b", OFFLINE, 1, "33",
                  "8,32,34-39,41", false },
        };

        ROWS(row, cases) {
                _cleanup_map_ struct mhp_map *map = unit_machine(row->machine);
                _cleanup_target_ struct mhp_target target = { .verb = row->verb, .size = row->size * BLOCK_SIZE, .at_least = true, .keep = MHP_KEEP_NONE };
                _cleanup_ranges_ struct mhp_ranges got = { 0 };

                unit_ranges(row->except, &target.except);
                ROW_INT(row->text, mhp_plan_candidates(map, &target, &got), 0);
                ROW_RANGES(row->text, &got, row->want);
        }
}

/* Without the table: enough, nothing to spare, and the same each time. */
static void test_by_and_by(void **state) {
        struct mhp_piece pieces[] = {
                { .n_blocks = 8, .cost = { .pages = 80 } }, { .n_blocks = 3, .cost = { .pages = 3 } }, { .n_blocks = 3, .cost = { .pages = 3 } },
                { .n_blocks = 5, .cost = { .grave = 1 } },
        };

        assert_int_equal(mhp_subset_choose(pieces, ELEMENTSOF(pieces), 20, 0), -ENOSPC);
        assert_int_equal(mhp_subset_choose(pieces, ELEMENTSOF(pieces), 19, 0), 0);
        for (size_t i = 0; i < ELEMENTSOF(pieces); i++)
                assert_true(pieces[i].goes);
        assert_int_equal(mhp_subset_choose(pieces, ELEMENTSOF(pieces), 3, 0), 0);
        assert_false(pieces[0].goes || pieces[1].goes || pieces[3].goes);
        assert_true(pieces[2].goes);
        assert_int_equal(mhp_subset_choose(pieces, ELEMENTSOF(pieces), 10, 0), 0);
        assert_true(pieces[1].goes && pieces[2].goes && pieces[3].goes); /* 11: the exact choice would have been 8 and 3 */
        assert_false(pieces[0].goes);

        /* Not more, and nothing can be added; 8 would be the exact choice for 9. */
        assert_int_equal(mhp_subset_fill(pieces, ELEMENTSOF(pieces), 2, 0), 0);
        assert_false(pieces[0].goes || pieces[1].goes || pieces[2].goes || pieces[3].goes);
        assert_int_equal(mhp_subset_fill(pieces, ELEMENTSOF(pieces), 9, 0), 0);
        assert_true(pieces[1].goes && pieces[2].goes && !pieces[0].goes && !pieces[3].goes);
        assert_int_equal(mhp_subset_fill(pieces, ELEMENTSOF(pieces), 19, 0), 0);
        assert_true(pieces[0].goes && pieces[3].goes);
}

static void test_remover(void **state) {
        assert_true(mhp_remover_holds(MHP_SOURCE_ACPI) && mhp_remover_hands(MHP_SOURCE_ACPI) && mhp_remover_can(MHP_SOURCE_ACPI));
        assert_true(mhp_remover_holds(MHP_SOURCE_VIRTIO_MEM) && !mhp_remover_hands(MHP_SOURCE_VIRTIO_MEM) && mhp_remover_can(MHP_SOURCE_VIRTIO_MEM));
        assert_true(!mhp_remover_holds(MHP_SOURCE_DAX) && mhp_remover_hands(MHP_SOURCE_DAX) && mhp_remover_can(MHP_SOURCE_DAX));
        assert_true(!mhp_remover_holds(MHP_SOURCE_DLPAR) && mhp_remover_hands(MHP_SOURCE_DLPAR) && mhp_remover_can(MHP_SOURCE_DLPAR));
        assert_false(mhp_remover_can(MHP_SOURCE_BOOT) || mhp_remover_can(MHP_SOURCE_HYPERV) || mhp_remover_can(_MHP_SOURCE_MAX));
        assert_string_equal(mhp_remover_hand_words(MHP_SOURCE_XEN), mhp_remover_none());
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ranks),    cmocka_unit_test(test_counted), cmocka_unit_test(test_room), cmocka_unit_test(test_names),  cmocka_unit_test(test_sizes),
                cmocka_unit_test(test_within), cmocka_unit_test(test_smallest), cmocka_unit_test(test_parse_size),
                cmocka_unit_test(test_size_rounding), cmocka_unit_test(test_keep), cmocka_unit_test(test_pieces), cmocka_unit_test(test_pieces_size), cmocka_unit_test(test_pieces_order), cmocka_unit_test(test_blocks),
                cmocka_unit_test(test_candidates), cmocka_unit_test(test_by_and_by), cmocka_unit_test(test_remover),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
