/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl list`: blocks, like lsmem. Consecutive blocks that look the same in the columns shown are one line. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/units.h"
#include "ctl/ctl.h"
#include "ctl/rows.h"
#include "ctl/source.h"
#include "ctl/words.h"

/* The block of a range, FIRST and LAST, are keys of JSON without --all; BLOCK is the key with it. */
enum column { RANGE, SIZE, STATE, ZONE, NODE, BLOCK, SOURCE, GROUP, MEMMAP, FIRST, LAST };

static const struct ctl_column columns[] = {
        [RANGE] = { .name = "RANGE", .key = "address" },
        [SIZE] = { .name = "SIZE", .key = "size", .flags = SCOLS_FL_RIGHT },
        [STATE] = { .name = "STATE", .key = "state", .flags = SCOLS_FL_RIGHT },
        [ZONE] = { .name = "ZONE", .key = "zone", .flags = SCOLS_FL_RIGHT },
        [NODE] = { .name = "NODE", .key = "node", .flags = SCOLS_FL_RIGHT },
        [BLOCK] = { .name = "BLOCK", .key = "block", .flags = SCOLS_FL_RIGHT },
        [SOURCE] = { .name = "SOURCE", .key = "source" },
        [GROUP] = { .name = "GROUP", .key = "group" },
        [MEMMAP] = { .name = "MEMMAP", .key = "memmap" },
        [FIRST] = { .key = "first", .with = BLOCK },
        [LAST] = { .key = "last", .with = BLOCK },
};

static const uint8_t keys_of_blocks[] = { BLOCK, RANGE, SIZE, STATE, ZONE, NODE, SOURCE, GROUP, MEMMAP };
static const uint8_t keys_of_ranges[] = { FIRST, LAST, RANGE, SIZE, STATE, ZONE, NODE, SOURCE, GROUP, MEMMAP };

struct listing {
        struct ctl *ctl;
        const struct mhp_map *map;
        struct mhp_memmaps *memmaps; /* NULL: not known, or nobody wants to see it */
        unsigned shown;              /* 1 << enum column: what blocks on one line have in common */
        bool json;                   /* a row has one group and one memmap; a line may be about several: ctl_groups_fold() */
};

/* Blocks first..last, all like `block`. */
struct run {
        const struct mhp_block *block;
        uint32_t last;
        struct mhp_block_memmap memmap;
};

static bool alike_memmap(const struct listing *list, const struct mhp_block_memmap *a, const struct mhp_block_memmap *b) {
        return a->placement == b->placement && (!list->json || (a->pages == b->pages && a->waste == b->waste && a->evidence == b->evidence));
}

static bool alike(const struct listing *list, const struct run *x, const struct run *y) {
        const struct mhp_block *a = x->block, *b = y->block;
        const struct mhp_group *g = mhp_map_group(list->map, a), *h = mhp_map_group(list->map, b);
        unsigned shown = list->shown;

        return (!(shown & (1 << STATE)) || a->state == b->state) && (!(shown & (1 << ZONE)) || a->zone == b->zone) &&
               (!(shown & (1 << NODE)) || a->node == b->node) && (!(shown & (1 << GROUP)) || g == h || (!list->json && ctl_groups_fold(g, h))) &&
               (!(shown & (1 << SOURCE)) || g == h || (g && h && g->source == h->source)) && alike_memmap(list, &x->memmap, &y->memmap);
}

static uint64_t run_size(const struct mhp_map *map, const struct run *run) {
        return mhp_mul_sat((uint64_t) run->last - run->block->nr + 1, map->block_size);
}

static void range_cell(struct ctl_rows *rows, const struct mhp_map *map, const struct run *run) {
        uint64_t address = mhp_mul_sat(run->block->nr, map->block_size);
        char text[64];

        (void) snprintf(text, sizeof(text), "0x%016" PRIx64 "-0x%016" PRIx64, address, ctl_end_address(map, run->last) - 1);
        ctl_cell_u64_as(rows, address, text);
}

/* A line may be about several groups. */
static void group_cell(struct ctl_rows *rows, const struct mhp_map *map, const struct run *run) {
        const struct mhp_group *group = mhp_map_group(map, run->block);
        _cleanup_text_ struct mhp_text name = {};

        if (rows->json) {
                ctl_cell_string(rows, group ? group->name : NULL, NULL, CTL_PLAIN);
                return;
        }
        ctl_groups_word(group, mhp_map_group(map, mhp_map_find(map, run->last)), &name);
        ctl_cell_words(rows, name.data, CTL_PLAIN);
}

static void memmap_cell(struct ctl_rows *rows, const struct listing *list, const struct mhp_block_memmap *memmap) {
        const char *placement = mhp_placement_name(memmap->placement);

        if (!rows->json || !list->memmaps) {
                ctl_cell_string(rows, list->memmaps ? placement : NULL, "unknown", CTL_PLAIN);
                return;
        }
        ctl_json_open(rows->json, ctl_cell_key(rows), json_type_object);
        ctl_json_string(rows->json, "placement", placement);
        ctl_json_u64(rows->json, "pages", memmap->pages);
        ctl_json_u64(rows->json, "waste", memmap->waste);
        ctl_json_string(rows->json, "evidence", mhp_evidence_name(memmap->evidence));
        ctl_json_close(rows->json);
}

static void cell(struct ctl_rows *rows, const struct listing *list, const struct run *run, enum column column) {
        const struct mhp_block *block = run->block;

        switch (column) {
        case RANGE:
                range_cell(rows, list->map, run);
                break;
        case SIZE:
                ctl_cell_size(rows, run_size(list->map, run));
                break;
        case STATE:
                ctl_cell_string(rows, mhp_state_name(block->state), "unknown", ctl_state_color(block));
                break;
        case ZONE:
                ctl_cell_string(rows, mhp_zone_name(block->zone), ctl_zone_word(block), CTL_PLAIN);
                break;
        case NODE:
                ctl_cell_node(rows, block->node);
                break;
        case BLOCK:
                if (rows->json)
                        ctl_cell_u64(rows, block->nr);
                else
                        ctl_cell_blocks(rows, block->nr, run->last);
                break;
        case SOURCE:
                ctl_cell_string(rows, ctl_source_name(mhp_map_group(list->map, block)), "unknown", CTL_PLAIN);
                break;
        case GROUP:
                group_cell(rows, list->map, run);
                break;
        case MEMMAP:
                memmap_cell(rows, list, &run->memmap);
                break;
        case FIRST:
                ctl_cell_u64(rows, block->nr);
                break;
        case LAST:
                ctl_cell_u64(rows, run->last);
                break;
        }
}

static void give(const struct listing *list, const struct run *run, struct ctl_rows *rows) {
        for (size_t column; ctl_rows_next(rows, &column);)
                cell(rows, list, run, (enum column) column);
}

/* A row for each run; with --all a run is one block. */
static void walk(const struct listing *list, struct ctl_rows *rows) {
        bool merge = !ctl_given(list->ctl, CTL_OPT_ALL);
        struct run run = {};

        for (const struct mhp_block *b = mhp_map_at_or_after(list->map, 0); b; b = mhp_map_next_block(list->map, b)) {
                struct run next = { .block = b, .last = b->nr };

                if (list->memmaps)
                        mhp_memmap_look(list->memmaps, list->map, b, &next.memmap);
                if (run.block && merge && run.last + 1 == b->nr && alike(list, &run, &next)) {
                        run.last = b->nr;
                        continue;
                }
                if (run.block)
                        give(list, &run, rows);
                run = next;
        }
        if (run.block)
                give(list, &run, rows);
}

static void print_sum(struct ctl *ctl, const char *what, uint64_t bytes) {
        char size[MHP_SIZE_MAX];

        if (ctl_given(ctl, CTL_OPT_BYTES))
                mhp_text_printf(&ctl->out, "%-22s%10" PRIu64 "\n", what, bytes);
        else
                mhp_text_printf(&ctl->out, "%-22s%10s\n", what, mhp_format_size(size, bytes));
}

/* How many blocks nobody could be named for; the usual cause is that /proc/iomem shows its addresses to root only. */
static size_t count_groupless(const struct mhp_map *map) {
        size_t n = 0;

        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b))
                n += b->group == MHP_NO_GROUP;
        return n;
}

/* Blocks that this program cannot read, or whose state it does not know: the others are shown all the same. */
static void print_unknown(struct ctl *ctl, const struct mhp_map *map) {
        _cleanup_ranges_ struct mhp_ranges unknown = {};

        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b)) {
                int r = b->state == MHP_STATE_UNKNOWN ? mhp_ranges_add(&unknown, b->nr, b->nr) : 0;
                if (r < 0) {
                        ctl->out.error = r;
                        return;
                }
        }
        if (unknown.n == 0)
                return;
        mhp_text_printf(&ctl->out, "The state of block%s ", unknown.n > 1 || unknown.range[0].last > unknown.range[0].first ? "s" : "");
        mhp_ranges_print(&unknown, &ctl->out);
        mhp_text_add(&ctl->out, " cannot be read, or is none that mhpctl knows.\n");
}

static void print_sums(struct ctl *ctl, const struct mhp_map *map) {
        size_t groupless = count_groupless(map);

        mhp_text_add(&ctl->out, "\n");
        print_sum(ctl, "Memory block size:", map->block_size);
        print_sum(ctl, "Total online memory:", mhp_mul_sat(map->total.n_online, map->block_size));
        print_sum(ctl, "Total offline memory:", mhp_mul_sat(map->total.n_offline, map->block_size));
        if (groupless > 0)
                mhp_text_printf(&ctl->out, "The group of %zu block%s is unknown%s.\n", groupless, groupless == 1 ? "" : "s",
                                ctl->sysroot || ctl->host ? "" : " (root sees more; everybody does while mhpd runs)");
        print_unknown(ctl, map);
}

/* Where no column is chosen, a row of JSON has all of them in common, but the memmap is for each block to tell. */
static void choose(struct listing *list, const struct ctl_rows *rows, struct mhp_memmaps *memmaps) {
        bool all = list->json && !list->ctl->columns;

        for (size_t i = 0; i < rows->n_shown; i++)
                list->shown |= 1u << rows->shown[i];
        if (all)
                list->shown = (1u << ELEMENTSOF(columns)) - 1;
        list->memmaps = ctl_rows_show(rows, MEMMAP) ? memmaps : NULL;
}

static int print(struct listing *list, struct mhp_memmaps *memmaps) {
        struct ctl *ctl = list->ctl;
        bool blocks = ctl_given(ctl, CTL_OPT_ALL);
        _cleanup_json_ struct ctl_json json = { .out = &ctl->out };
        _cleanup_rows_ struct ctl_rows rows = {};
        const struct ctl_shape shape = {
                .columns = columns,
                .n = ELEMENTSOF(columns),
                .usual = "RANGE,SIZE,STATE,ZONE,NODE,BLOCK,GROUP",
                .json = blocks ? keys_of_blocks : keys_of_ranges,
                /* pages are those of one block: a range has them for who asks for them */
                .n_json = blocks ? ELEMENTSOF(keys_of_blocks) : ELEMENTSOF(keys_of_ranges) - (ctl->columns ? 0 : 1),
        };
        int r = ctl_rows_open(ctl, &rows, &shape, list->json ? &json : NULL);

        if (r != CTL_DONE)
                return r;
        choose(list, &rows, memmaps);
        if (list->json) {
                ctl_json_stream(&json, NULL, json_type_object);
                ctl_json_u64(&json, "block_size", list->map->block_size);
                ctl_json_stream(&json, blocks ? "blocks" : "ranges", json_type_array);
        }
        walk(list, &rows);
        if (list->json) {
                ctl_json_close(&json);
                ctl_json_close(&json);
        }
        r = ctl_rows_print(&rows);
        if (r >= 0 && !list->json && !ctl_given(ctl, CTL_OPT_NOHEADINGS) && !ctl_rows_bare(ctl))
                print_sums(ctl, list->map);
        return r;
}

int verb_list(struct ctl *ctl) {
        _cleanup_memmaps_ struct mhp_memmaps memmaps = MHP_MEMMAPS_NONE;
        _cleanup_map_ struct mhp_map *map = NULL;
        struct listing list = { .ctl = ctl, .json = ctl_given(ctl, CTL_OPT_JSON) };
        int r;

        r = ctl_map_read(ctl, &map);
        if (r != CTL_DONE)
                return r;
        list.map = map;
        /* a machine whose geometry nobody knows still has blocks to list */
        r = ctl->host ? -EOPNOTSUPP : ctl_memmaps_open(ctl, map, &memmaps);
        return r == -ENOMEM ? r : print(&list, r >= 0 ? &memmaps : NULL);
}
