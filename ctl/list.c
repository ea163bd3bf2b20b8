/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl list`: blocks, like lsmem. Consecutive blocks that look the same in the columns shown are one line. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/units.h"
#include "ctl/ctl.h"
#include "ctl/source.h"
#include "ctl/table.h"
#include "ctl/words.h"

enum column { RANGE, SIZE, STATE, ZONE, NODE, BLOCK, SOURCE, GROUP, MEMMAP };

static const struct ctl_column columns[] = {
        [RANGE] = { "RANGE", false }, [SIZE] = { "SIZE", true },   [STATE] = { "STATE", true },     [ZONE] = { "ZONE", true },
        [NODE] = { "NODE", true },    [BLOCK] = { "BLOCK", true }, [SOURCE] = { "SOURCE", false }, [GROUP] = { "GROUP", false },
        [MEMMAP] = { "MEMMAP", false },
};

struct listing {
        struct ctl *ctl;
        const struct mhp_map *map;
        struct mhp_memmaps *memmaps; /* NULL: not known, or nobody wants to see it */
        unsigned shown;              /* 1 << enum column: what blocks on one line have in common */
        bool folds;                  /* a line may be about several groups: ctl_groups_fold() */
};

/* Blocks first..last, all like `block`. */
struct run {
        const struct mhp_block *block;
        uint32_t last;
        struct mhp_block_memmap memmap;
};

typedef void (*run_fn)(const struct listing *list, const struct run *run, void *userdata);

static bool alike(const struct listing *list, const struct run *x, const struct run *y) {
        const struct mhp_block *a = x->block, *b = y->block;
        const struct mhp_group *g = mhp_map_group(list->map, a), *h = mhp_map_group(list->map, b);
        unsigned shown = list->shown;

        return (!(shown & (1 << STATE)) || a->state == b->state) && (!(shown & (1 << ZONE)) || a->zone == b->zone) &&
               (!(shown & (1 << NODE)) || a->node == b->node) && (!(shown & (1 << GROUP)) || g == h || (list->folds && ctl_groups_fold(g, h))) &&
               (!(shown & (1 << SOURCE)) || g == h || (g && h && g->source == h->source)) && x->memmap.placement == y->memmap.placement;
}

/* Hands each run to `give`; with --all a run is one block. */
static void walk(const struct listing *list, run_fn give, void *userdata) {
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
                        give(list, &run, userdata);
                run = next;
        }
        if (run.block)
                give(list, &run, userdata);
}

static uint64_t run_size(const struct mhp_map *map, const struct run *run) {
        return mhp_mul_sat((uint64_t) run->last - run->block->nr + 1, map->block_size);
}

static void cell(struct ctl *ctl, const struct mhp_map *map, const struct run *run, enum column column, struct ctl_table *table) {
        const struct mhp_group *group = mhp_map_group(map, run->block);
        _cleanup_text_ struct mhp_text name = {};
        enum ctl_color color = CTL_PLAIN;
        const char *word;
        char text[64];

        switch (column) {
        case RANGE:
                snprintf(text, sizeof(text), "0x%016" PRIx64 "-0x%016" PRIx64, mhp_mul_sat(run->block->nr, map->block_size),
                         ctl_end_address(map, run->last) - 1);
                ctl_table_cell(table, text, CTL_PLAIN);
                break;
        case SIZE:
                ctl_table_size(ctl, table, run_size(map, run));
                break;
        case STATE:
                word = ctl_state_word(run->block, &color);
                ctl_table_cell(table, word, color);
                break;
        case ZONE:
                ctl_table_cell(table, ctl_zone_word(run->block), CTL_PLAIN);
                break;
        case NODE:
                if (run->block->node >= 0)
                        ctl_table_u64(table, (uint64_t) run->block->node);
                else
                        ctl_table_cell(table, "unknown", CTL_PLAIN);
                break;
        case BLOCK:
                snprintf(text, sizeof(text), run->last == run->block->nr ? "%" PRIu32 : "%" PRIu32 "-%" PRIu32, run->block->nr, run->last);
                ctl_table_cell(table, text, CTL_PLAIN);
                break;
        case SOURCE:
                ctl_table_cell(table, ctl_source_word(group), CTL_PLAIN);
                break;
        case GROUP:
                ctl_groups_word(group, mhp_map_group(map, mhp_map_find(map, run->last)), &name);
                ctl_table_cell(table, name.data, CTL_PLAIN);
                break;
        case MEMMAP:
                word = mhp_placement_name(run->memmap.placement);
                ctl_table_cell(table, word ? word : "unknown", CTL_PLAIN);
                break;
        }
}

static void give_row(const struct listing *list, const struct run *run, void *userdata) {
        struct ctl_table *table = userdata;

        for (size_t i = 0; i < table->n_shown; i++)
                cell(list->ctl, list->map, run, (enum column) table->shown[i], table);
}

static void give_json(const struct listing *list, const struct run *run, void *userdata) {
        struct mhp_text *out = &list->ctl->out;
        bool all = ctl_given(list->ctl, CTL_OPT_ALL);
        const char **start = userdata;

        mhp_text_add(out, *start);
        *start = ",\n";
        if (all) {
                ctl_json_u64(out, "{", "block", run->block->nr);
        } else {
                ctl_json_u64(out, "{", "first", run->block->nr);
                ctl_json_u64(out, ",", "last", run->last);
        }
        ctl_json_u64(out, ",", "address", mhp_mul_sat(run->block->nr, list->map->block_size));
        ctl_json_u64(out, ",", "size", run_size(list->map, run));
        ctl_json_block_fields(out, run->block, mhp_map_group(list->map, run->block));
        if (all && list->memmaps)
                ctl_json_memmap(out, &run->memmap);
        else if (all)
                ctl_json_string(out, ",", "memmap", NULL);
        mhp_text_add_n(out, "}", 1);
}

static void print_json(struct listing *list) {
        struct mhp_text *out = &list->ctl->out;
        const char *start = "\n";

        list->shown = (1u << ELEMENTSOF(columns)) - 1;
        ctl_json_u64(out, "{", "block_size", list->map->block_size);
        mhp_text_printf(out, ",\"%s\":[", ctl_given(list->ctl, CTL_OPT_ALL) ? "blocks" : "ranges");
        walk(list, give_json, &start);
        mhp_text_add(out, "\n]}\n");
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
static int print_unknown(struct ctl *ctl, const struct mhp_map *map) {
        _cleanup_ranges_ struct mhp_ranges unknown = {};

        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b)) {
                int r = b->state == MHP_STATE_UNKNOWN ? mhp_ranges_add(&unknown, b->nr, b->nr) : 0;
                if (r < 0)
                        return r;
        }
        if (unknown.n == 0)
                return 0;
        mhp_text_printf(&ctl->out, "The state of block%s ", unknown.n > 1 || unknown.range[0].last > unknown.range[0].first ? "s" : "");
        mhp_ranges_print(&unknown, &ctl->out);
        mhp_text_add(&ctl->out, " cannot be read, or is none that mhpctl knows.\n");
        return ctl->out.error;
}

static int print_table(struct listing *list, struct mhp_memmaps *memmaps) {
        _cleanup_table_ struct ctl_table table = {};
        struct ctl *ctl = list->ctl;
        const struct mhp_map *map = list->map;
        size_t groupless;
        int r;

        r = ctl_table_columns(ctl, &table, columns, ELEMENTSOF(columns), "RANGE,SIZE,STATE,ZONE,NODE,BLOCK,GROUP");
        if (r != CTL_DONE)
                return r;
        for (size_t i = 0; i < table.n_shown; i++)
                list->shown |= 1u << table.shown[i];
        list->memmaps = ctl_table_shows(&table, MEMMAP) ? memmaps : NULL;

        list->folds = true;
        walk(list, give_row, &table);
        r = ctl_table_print(ctl, &table, "");
        if (r < 0 || ctl_given(ctl, CTL_OPT_NOHEADINGS))
                return r;

        mhp_text_add(&ctl->out, "\n");
        print_sum(ctl, "Memory block size:", map->block_size);
        print_sum(ctl, "Total online memory:", mhp_mul_sat(map->total.n_online, map->block_size));
        print_sum(ctl, "Total offline memory:", mhp_mul_sat(map->total.n_offline, map->block_size));
        groupless = count_groupless(map);
        if (groupless > 0)
                mhp_text_printf(&ctl->out, "The group of %zu block%s is unknown%s.\n", groupless, groupless == 1 ? "" : "s",
                                ctl->sysroot || ctl->host ? "" : " (root sees more; everybody does while mhpd runs)");
        r = print_unknown(ctl, map);
        return r < 0 ? r : CTL_DONE;
}

int verb_list(struct ctl *ctl) {
        _cleanup_memmaps_ struct mhp_memmaps memmaps = MHP_MEMMAPS_NONE;
        _cleanup_map_ struct mhp_map *map = NULL;
        struct listing list = { .ctl = ctl };
        bool known;
        int r;

        r = ctl_map_read(ctl, &map);
        if (r != CTL_DONE)
                return r;
        list.map = map;
        /* a machine whose geometry nobody knows still has blocks to list */
        r = ctl->host ? -EOPNOTSUPP : ctl_memmaps_open(ctl, map, &memmaps);
        if (r == -ENOMEM)
                return r;
        known = r >= 0;
        if (!ctl_given(ctl, CTL_OPT_JSON))
                return print_table(&list, known ? &memmaps : NULL);
        if (known && ctl_given(ctl, CTL_OPT_ALL))
                list.memmaps = &memmaps;
        print_json(&list);
        return CTL_DONE;
}
