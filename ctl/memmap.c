/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl memmap`: where the memmap of each block lies, and how that is known. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "ctl/ctl.h"
#include "ctl/rows.h"
#include "ctl/source.h"
#include "ctl/target.h"

enum column { BLOCK, SIZE, GROUP, PLACEMENT, PAGES, SET_ASIDE, WASTE, EVIDENCE, REASON, HOSTS };

static const struct ctl_column columns[] = {
        [BLOCK] = { .name = "BLOCK", .key = "block", .flags = SCOLS_FL_RIGHT },
        [SIZE] = { .name = "SIZE", .flags = SCOLS_FL_RIGHT },
        [GROUP] = { .name = "GROUP", .key = "group" },
        [PLACEMENT] = { .name = "PLACEMENT", .key = "placement" },
        [PAGES] = { .name = "PAGES", .key = "pages", .flags = SCOLS_FL_RIGHT },
        [SET_ASIDE] = { .name = "SET-ASIDE", .key = "set_aside", .flags = SCOLS_FL_RIGHT },
        [WASTE] = { .name = "WASTE", .key = "waste", .flags = SCOLS_FL_RIGHT },
        [EVIDENCE] = { .name = "EVIDENCE", .key = "evidence" },
        [REASON] = { .name = "REASON", .key = "reason" },
        [HOSTS] = { .key = "hosts", .with = HOSTS },
};

static const struct ctl_shape shape = {
        .columns = columns,
        .n = ELEMENTSOF(columns),
        .usual = "BLOCK,SIZE,GROUP,PLACEMENT,PAGES,SET-ASIDE,WASTE,EVIDENCE,REASON",
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

static void hosts_cell(struct ctl_rows *rows, const struct view *view, const struct run *run) {
        uint64_t first, last;
        char text[64];

        if (mhp_backing_hosts(view->backing, run->first->nr, &first, &last) <= 0) {
                ctl_cell_none(rows, "-");
                return;
        }
        (void) snprintf(text, sizeof(text), "%" PRIu64 "-%" PRIu64, first, last);
        ctl_cell_string(rows, text, NULL, CTL_PLAIN);
}

static void cell(struct ctl_rows *rows, const struct view *view, const struct run *run, enum column column) {
        const struct mhp_group *group = mhp_map_group(view->map, run->first);
        uint64_t n = run_blocks(run);

        switch (column) {
        case BLOCK:
                if (rows->json)
                        ctl_cell_u64(rows, run->first->nr);
                else
                        ctl_cell_blocks(rows, run->first->nr, run->last);
                break;
        case SIZE:
                ctl_cell_size(rows, mhp_mul_sat(n, view->map->block_size));
                break;
        case GROUP:
                ctl_cell_string(rows, group ? group->name : NULL, "unknown", CTL_PLAIN);
                break;
        case PLACEMENT:
                ctl_cell_string(rows, mhp_placement_name(run->memmap.placement), NULL, CTL_PLAIN);
                break;
        case PAGES:
                ctl_cell_u64(rows, mhp_mul_sat(n, run->memmap.pages));
                break;
        case SET_ASIDE:
                ctl_cell_u64(rows, mhp_mul_sat(n, run->memmap.set_aside));
                break;
        case WASTE:
                ctl_cell_u64(rows, mhp_mul_sat(n, run->memmap.waste));
                break;
        case EVIDENCE:
                ctl_cell_string(rows, mhp_evidence_name(run->memmap.evidence), NULL, CTL_PLAIN);
                break;
        case REASON:
                ctl_cell_string(rows, mhp_refusal_name(run->memmap.refusal), "-", CTL_PLAIN);
                break;
        case HOSTS:
                hosts_cell(rows, view, run);
                break;
        }
}

static void give(const struct view *view, const struct run *run, struct ctl_rows *rows) {
        for (size_t column; ctl_rows_next(rows, &column);)
                cell(rows, view, run, (enum column) column);
}

static bool alike(const struct run *run, const struct mhp_block *block, const struct mhp_block_memmap *memmap) {
        return run->first && run->last + 1 == block->nr && run->first->group == block->group && run->memmap.placement == memmap->placement &&
               run->memmap.evidence == memmap->evidence && run->memmap.refusal == memmap->refusal;
}

/* A table merges alike neighbours; JSON has every block on its own. */
static void walk(struct view *view, struct ctl_rows *rows) {
        struct run run = {};

        for (const struct mhp_block *b = mhp_map_at_or_after(view->map, 0); b; b = mhp_map_next_block(view->map, b)) {
                struct mhp_block_memmap m;

                if (view->only.n > 0 && !mhp_ranges_contain(&view->only, b->nr))
                        continue;
                mhp_memmap_look(&view->memmaps, view->map, b, &m);
                view->elsewhere += m.placement == MHP_PLACEMENT_DRAM ? m.pages : 0;
                view->set_aside += m.set_aside;
                view->waste += m.waste;
                if (!rows->json && alike(&run, b, &m)) {
                        run.last = b->nr;
                        continue;
                }
                if (run.first)
                        give(view, &run, rows);
                run = (struct run) { .first = b, .last = b->nr, .memmap = m };
        }
        if (run.first)
                give(view, &run, rows);
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

static void json_geometry(struct ctl_json *json, const struct mhp_memmaps *memmaps) {
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

        ctl_json_open(json, "geometry", json_type_object);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                ctl_json_open(json, rows[i].name, json_type_object);
                if (rows[i].bit == MHP_GEOMETRY_VMEMMAP_BASE)
                        ctl_json_hex(json, "value", rows[i].value);
                else
                        ctl_json_u64(json, "value", rows[i].value);
                ctl_json_string(json, "evidence", memmaps->read & rows[i].bit ? "read" : memmaps->generic ? "assumed" : "preset");
                ctl_json_close(json);
        }
        ctl_json_close(json);
}

static void print_sum(struct view *view, const char *what, uint64_t pages) {
        mhp_text_printf(&view->ctl->out, "%-32s", what);
        ctl_add_size(view->ctl, &view->ctl->out, mhp_mul_sat(pages, view->memmaps.geometry.page_size));
        mhp_text_add(&view->ctl->out, "\n");
}

static int print_table(struct view *view) {
        const char *word = self_hosting_word(view->memmaps.self_hosting);
        _cleanup_rows_ struct ctl_rows rows = {};
        struct ctl *ctl = view->ctl;
        int r = ctl_rows_open(ctl, &rows, &shape, NULL);

        if (r != CTL_DONE)
                return r;
        walk(view, &rows);
        r = ctl_rows_print(&rows);
        if (r < 0 || ctl_given(ctl, CTL_OPT_NOHEADINGS) || ctl_rows_bare(ctl))
                return r;

        mhp_text_printf(&ctl->out, "\n%-32s%s\n", "Parameter memmap_on_memory:", word ? word : "not there");
        print_sum(view, "Memmap in other memory:", view->elsewhere);
        print_sum(view, "Set aside in the blocks:", view->set_aside);
        print_sum(view, "Of these, wasted:", view->waste);
        if (view->memmaps.memory_fd < 0 && (view->memmaps.flags_error == -EACCES || view->memmaps.flags_error == -EPERM))
                mhp_text_add(&ctl->out, "Page flags are for root to see: all of this is assumed.\n");
        return CTL_DONE;
}

static int print_json(struct view *view) {
        _cleanup_json_ struct ctl_json json = { .out = &view->ctl->out };
        _cleanup_rows_ struct ctl_rows rows = {};
        int r = ctl_rows_open(view->ctl, &rows, &shape, &json);

        if (r == CTL_DONE)
                r = mhp_memmap_fill(&view->memmaps, view->map, true, &view->backing);
        if (r != CTL_DONE)
                return r;
        ctl_json_stream(&json, NULL, json_type_object);
        json_geometry(&json, &view->memmaps);
        ctl_json_string(&json, "memmap_on_memory", self_hosting_word(view->memmaps.self_hosting));
        ctl_json_stream(&json, "blocks", json_type_array);
        walk(view, &rows);
        ctl_json_close(&json);
        ctl_json_close(&json);
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
        return ctl_given(ctl, CTL_OPT_JSON) ? print_json(&view) : print_table(&view);
}
