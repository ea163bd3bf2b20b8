/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl memmap`: where the memmap of each block lies, and how that is known. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "ctl/ctl.h"
#include "ctl/source.h"
#include "ctl/table.h"
#include "ctl/target.h"
#include "ctl/words.h"

enum column { BLOCK, SIZE, GROUP, PLACEMENT, PAGES, SET_ASIDE, WASTE, EVIDENCE, REASON };

static const struct ctl_column columns[] = {
        [BLOCK] = { "BLOCK", true },       [SIZE] = { "SIZE", true },   [GROUP] = { "GROUP", false },
        [PLACEMENT] = { "PLACEMENT", false }, [PAGES] = { "PAGES", true }, [SET_ASIDE] = { "SET-ASIDE", true },
        [WASTE] = { "WASTE", true },       [EVIDENCE] = { "EVIDENCE", false }, [REASON] = { "REASON", false },
};

struct view {
        struct ctl *ctl;
        struct mhp_map *map;          /* owned */
        struct mhp_memmaps memmaps;
        struct mhp_backing *backing;  /* owned */
        struct mhp_ranges only;       /* n == 0: all blocks */
        uint64_t elsewhere, set_aside, waste; /* pages: of memmap that lies in other memory; of the blocks' own */
};

/* Blocks first..last, placed alike. */
struct run {
        const struct mhp_block *first;
        uint32_t last;
        struct mhp_block_memmap memmap;
};

static void view_done(struct view *view) {
        mhp_backing_free(view->backing);
        mhp_memmap_done(&view->memmaps);
        mhp_map_free(view->map);
        mhp_ranges_done(&view->only);
}

static uint64_t run_blocks(const struct run *run) {
        return (uint64_t) run->last - run->first->nr + 1;
}

static void give_row(struct view *view, const struct run *run, struct ctl_table *table) {
        uint64_t n = run_blocks(run);
        char text[32];

        for (size_t i = 0; i < table->n_shown; i++)
                switch ((enum column) table->shown[i]) {
                case BLOCK:
                        snprintf(text, sizeof(text), n == 1 ? "%" PRIu32 : "%" PRIu32 "-%" PRIu32, run->first->nr, run->last);
                        ctl_table_cell(table, text, CTL_PLAIN);
                        break;
                case SIZE:
                        ctl_table_size(view->ctl, table, mhp_mul_sat(n, view->map->block_size));
                        break;
                case GROUP:
                        ctl_table_cell(table, ctl_group_word(mhp_map_group(view->map, run->first)), CTL_PLAIN);
                        break;
                case PLACEMENT:
                        ctl_table_cell(table, mhp_placement_name(run->memmap.placement), CTL_PLAIN);
                        break;
                case PAGES:
                        ctl_table_u64(table, mhp_mul_sat(n, run->memmap.pages));
                        break;
                case SET_ASIDE:
                        ctl_table_u64(table, mhp_mul_sat(n, run->memmap.set_aside));
                        break;
                case WASTE:
                        ctl_table_u64(table, mhp_mul_sat(n, run->memmap.waste));
                        break;
                case EVIDENCE:
                        ctl_table_cell(table, mhp_evidence_name(run->memmap.evidence), CTL_PLAIN);
                        break;
                case REASON:
                        ctl_table_cell(table, run->memmap.refusal == MHP_REFUSAL_NONE ? "-" : mhp_refusal_name(run->memmap.refusal), CTL_PLAIN);
                        break;
                }
}

static void give_json(struct view *view, const struct run *run) {
        struct mhp_text *out = &view->ctl->out;
        const struct mhp_group *group = mhp_map_group(view->map, run->first);
        uint64_t first, last;

        ctl_json_u64(out, "{", "block", run->first->nr);
        ctl_json_string(out, ",", "group", group ? group->name : NULL);
        ctl_json_string(out, ",", "placement", mhp_placement_name(run->memmap.placement));
        ctl_json_u64(out, ",", "pages", run->memmap.pages);
        ctl_json_u64(out, ",", "set_aside", run->memmap.set_aside);
        ctl_json_u64(out, ",", "waste", run->memmap.waste);
        ctl_json_string(out, ",", "evidence", mhp_evidence_name(run->memmap.evidence));
        ctl_json_string(out, ",", "reason", mhp_refusal_name(run->memmap.refusal));
        if (mhp_backing_hosts(view->backing, run->first->nr, &first, &last) > 0)
                mhp_text_printf(out, ",\"hosts\":\"%" PRIu64 "-%" PRIu64 "\"}", first, last);
        else
                mhp_text_add(out, ",\"hosts\":null}");
}

static bool alike(const struct run *run, const struct mhp_block *block, const struct mhp_block_memmap *memmap) {
        return run->first && run->last + 1 == block->nr && run->first->group == block->group && run->memmap.placement == memmap->placement &&
               run->memmap.evidence == memmap->evidence && run->memmap.refusal == memmap->refusal;
}

/* A table merges alike neighbours; table NULL: JSON, which has every block on its own. */
static void walk(struct view *view, struct ctl_table *table) {
        const char *start = "\n";
        struct run run = {};

        for (const struct mhp_block *b = mhp_map_at_or_after(view->map, 0); b; b = mhp_map_next_block(view->map, b)) {
                struct mhp_block_memmap m;

                if (view->only.n > 0 && !mhp_ranges_contain(&view->only, b->nr))
                        continue;
                mhp_memmap_look(&view->memmaps, view->map, b, &m);
                view->elsewhere += m.placement == MHP_PLACEMENT_DRAM ? m.pages : 0;
                view->set_aside += m.set_aside;
                view->waste += m.waste;
                if (!table) {
                        mhp_text_add(&view->ctl->out, start);
                        start = ",\n";
                        give_json(view, &(struct run) { .first = b, .last = b->nr, .memmap = m });
                } else if (alike(&run, b, &m)) {
                        run.last = b->nr;
                } else {
                        if (run.first)
                                give_row(view, &run, table);
                        run = (struct run) { .first = b, .last = b->nr, .memmap = m };
                }
        }
        if (run.first)
                give_row(view, &run, table);
}

/* As the parameter's file says it; NULL: there is none. */
static const char *self_hosting_word(enum mhp_self_hosting self_hosting) {
        switch (self_hosting) {
        case MHP_SELF_HOSTING_OFF:
                return "N";
        case MHP_SELF_HOSTING_ON:
                return "Y";
        case MHP_SELF_HOSTING_FORCE:
                return "force";
        case MHP_SELF_HOSTING_ABSENT:
        case _MHP_SELF_HOSTING_MAX:
                break;
        }
        return NULL;
}

static void print_geometry(struct mhp_text *out, const struct mhp_memmaps *memmaps) {
        const struct mhp_geometry *g = &memmaps->geometry;
        const struct {
                const char *name;
                enum mhp_geometry_value bit;
                uint64_t value;
        } rows[] = {
                { "page_size", MHP_GEOMETRY_PAGE_SIZE, g->page_size },
                { "block_size", MHP_GEOMETRY_BLOCK_SIZE, g->block_size },
                { "section_size", MHP_GEOMETRY_SECTION_SIZE, g->section_size },
                { "subsection_size", MHP_GEOMETRY_SUBSECTION_SIZE, g->subsection_size },
                { "pageblock_size", MHP_GEOMETRY_PAGEBLOCK_SIZE, g->pageblock_size },
                { "pmd_size", MHP_GEOMETRY_PMD_SIZE, g->pmd_size },
                { "struct_page", MHP_GEOMETRY_STRUCT_PAGE, g->struct_page },
                { "vmemmap_base", MHP_GEOMETRY_VMEMMAP_BASE, g->vmemmap_base },
        };

        mhp_text_add(out, "{\"geometry\":{");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                mhp_text_printf(out, "%s\"%s\":", i > 0 ? "," : "", rows[i].name);
                /* beyond what a number in JSON can be relied on to hold */
                if (rows[i].bit == MHP_GEOMETRY_VMEMMAP_BASE)
                        mhp_text_printf(out, "{\"value\":\"%" PRIx64 "\"", rows[i].value);
                else
                        ctl_json_u64(out, "{", "value", rows[i].value);
                ctl_json_string(out, ",", "evidence", memmaps->read & rows[i].bit ? "read" : memmaps->generic ? "assumed" : "preset");
                mhp_text_add(out, "}");
        }
        ctl_json_string(out, "},", "memmap_on_memory", self_hosting_word(memmaps->self_hosting));
}

static void print_sum(struct view *view, const char *what, uint64_t pages) {
        mhp_text_printf(&view->ctl->out, "%-32s", what);
        ctl_add_size(view->ctl, &view->ctl->out, mhp_mul_sat(pages, view->memmaps.geometry.page_size));
        mhp_text_add(&view->ctl->out, "\n");
}

static int print_table(struct view *view) {
        const char *word = self_hosting_word(view->memmaps.self_hosting);
        _cleanup_table_ struct ctl_table table = {};
        struct ctl *ctl = view->ctl;
        int r;

        r = ctl_table_columns(ctl, &table, columns, ELEMENTSOF(columns), "BLOCK,SIZE,GROUP,PLACEMENT,PAGES,SET-ASIDE,WASTE,EVIDENCE,REASON");
        if (r != CTL_DONE)
                return r;
        walk(view, &table);
        r = ctl_table_print(ctl, &table, "");
        if (r < 0 || ctl_given(ctl, CTL_OPT_NOHEADINGS))
                return r;

        mhp_text_printf(&ctl->out, "\n%-32s%s\n", "Parameter memmap_on_memory:", word ? word : "not there");
        print_sum(view, "Memmap in other memory:", view->elsewhere);
        print_sum(view, "Set aside in the blocks:", view->set_aside);
        print_sum(view, "Of these, wasted:", view->waste);
        if (view->memmaps.memory_fd < 0 && (view->memmaps.flags_error == -EACCES || view->memmaps.flags_error == -EPERM))
                mhp_text_add(&ctl->out, "Page flags are for root to see: all of this is assumed.\n");
        return CTL_DONE;
}

static int take_blocks(struct view *view) {
        struct ctl *ctl = view->ctl;
        int r = ctl_targets_check_blocks(ctl, ctl->args, ctl->n_args);

        if (r == CTL_DONE)
                r = ctl_map_read(ctl, &view->map);
        return r == CTL_DONE ? ctl_targets_resolve(ctl, view->map, ctl->args, ctl->n_args, true, &view->only) : r;
}

int verb_memmap(struct ctl *ctl) {
        _cleanup_(view_done) struct view view = { .ctl = ctl, .memmaps = MHP_MEMMAPS_NONE };
        int r;

        r = take_blocks(&view);
        if (r == CTL_DONE)
                r = ctl_memmaps_need(ctl, view.map, &view.memmaps);
        if (r != CTL_DONE)
                return r;
        if (!ctl_given(ctl, CTL_OPT_JSON))
                return print_table(&view);
        r = mhp_memmap_fill(&view.memmaps, view.map, true, &view.backing);
        if (r < 0)
                return r;
        print_geometry(&ctl->out, &view.memmaps);
        mhp_text_add(&ctl->out, ",\"blocks\":[");
        walk(&view, NULL);
        mhp_text_add(&ctl->out, "\n]}\n");
        return CTL_DONE;
}
