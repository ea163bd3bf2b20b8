/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "base/units.h"
#include "ctl/rows.h"
#include "ctl/simulate.h"

/* Output goes out in pieces of about this many bytes: half a million frees are 30 MB. */
#define PIECE 65536

enum column { RANGE, SIZE, REQUESTED, PLACEMENT, MEMMAP, SET_ASIDE, WASTE, USABLE, SECTIONS, PADDING, REASON };

static const struct ctl_column columns[] = {
        [RANGE] = { .name = "RANGE", .key = "start" },
        [SIZE] = { .name = "SIZE", .key = "size", .flags = SCOLS_FL_RIGHT },
        [REQUESTED] = { .name = "REQUESTED", .key = "requested" },
        [PLACEMENT] = { .name = "PLACEMENT", .key = "placement" },
        [MEMMAP] = { .name = "MEMMAP", .key = "memmap_pages", .flags = SCOLS_FL_RIGHT },
        [SET_ASIDE] = { .name = "SET-ASIDE", .key = "set_aside_pages", .flags = SCOLS_FL_RIGHT },
        [WASTE] = { .name = "WASTE", .key = "waste_pages", .flags = SCOLS_FL_RIGHT },
        [USABLE] = { .name = "USABLE", .key = "usable_bytes", .flags = SCOLS_FL_RIGHT },
        [SECTIONS] = { .name = "SECTIONS", .key = "sections", .flags = SCOLS_FL_RIGHT },
        [PADDING] = { .name = "PADDING", .key = "padding_bytes", .flags = SCOLS_FL_RIGHT },
        [REASON] = { .name = "REASON", .key = "reason" },
};

#define USUAL "RANGE,SIZE,REQUESTED,PLACEMENT,MEMMAP,SET-ASIDE,WASTE,USABLE,SECTIONS,REASON"

static const uint8_t keys_of_added[] = { RANGE, SIZE, REQUESTED, PLACEMENT, REASON, MEMMAP, SET_ASIDE, WASTE, USABLE, SECTIONS, PADDING };
static const uint8_t keys_of_early[] = { RANGE, SIZE, SECTIONS, PADDING };

static const struct ctl_shape added = { columns, ELEMENTSOF(columns), USUAL, keys_of_added, ELEMENTSOF(keys_of_added) };
static const struct ctl_shape early = { columns, ELEMENTSOF(columns), USUAL, keys_of_early, ELEMENTSOF(keys_of_early) };

/* The sections that it touches. */
static uint64_t sections(const struct whatif *whatif, const struct whatif_op *op) {
        uint64_t section = whatif->geometry.section_size;

        return (op->at.start + op->at.size - 1) / section - op->at.start / section + 1;
}

static uint64_t padding(const struct whatif *whatif, const struct whatif_op *op) {
        return mhp_section_padding(&whatif->geometry, op->at.start, op->at.size);
}

/* What the buddy gets: an admission counts by the block for self and force. */
static uint64_t usable(const struct whatif *whatif, const struct whatif_op *op) {
        enum mhp_placement placement = op->admission.placement;
        bool by_block = placement == MHP_PLACEMENT_SELF || placement == MHP_PLACEMENT_FORCE;
        uint64_t times = by_block ? op->at.size / whatif->geometry.block_size : 1;

        return op->at.size - op->admission.set_aside_pages * whatif->geometry.page_size * times;
}

static int maybe_flush(struct ctl *ctl) {
        return ctl->out.len < PIECE ? CTL_DONE : ctl_flush(ctl);
}

/* As `mhpctl list` has it. */
static char *format_range(char buf[static 64], const struct mhp_stretch *at) {
        snprintf(buf, 64, "0x%016" PRIx64 "-0x%016" PRIx64, at->start, at->start + at->size - 1);
        return buf;
}

/* Boot memory has been there all along: nothing is asked or set aside for it. */
static void early_cell(struct ctl_rows *rows, const struct whatif *whatif, const struct whatif_op *op, enum column column) {
        if (column == USABLE)
                ctl_cell_size(rows, op->at.size);
        else if (column == SECTIONS)
                ctl_cell_u64(rows, sections(whatif, op));
        else if (column == PADDING)
                ctl_cell_size(rows, padding(whatif, op));
        else
                ctl_cell_words(rows, column == PLACEMENT ? "early" : "-", CTL_PLAIN);
}

static void added_cell(struct ctl_rows *rows, const struct whatif *whatif, const struct whatif_op *op, enum column column) {
        const struct mhp_admission *admission = &op->admission;
        const char *reason = mhp_refusal_name(admission->reason);

        switch (column) {
        case RANGE:
        case SIZE:
                break;
        case REQUESTED:
                ctl_cell_string(rows, mhp_placement_name(admission->requested), NULL, CTL_PLAIN);
                break;
        case PLACEMENT:
                ctl_cell_string(rows, mhp_placement_name(admission->placement), NULL, reason ? CTL_WARN : CTL_PLAIN);
                break;
        case MEMMAP:
                ctl_cell_u64(rows, admission->memmap_pages);
                break;
        case SET_ASIDE:
                ctl_cell_u64(rows, admission->set_aside_pages);
                break;
        case WASTE:
                ctl_cell_u64(rows, admission->waste_pages);
                break;
        case USABLE:
                ctl_cell_size(rows, usable(whatif, op));
                break;
        case SECTIONS:
                ctl_cell_u64(rows, sections(whatif, op));
                break;
        case PADDING:
                ctl_cell_size(rows, padding(whatif, op));
                break;
        case REASON:
                ctl_cell_string(rows, reason, "-", CTL_PLAIN);
                break;
        }
}

static void add_row(struct ctl_rows *rows, const struct whatif *whatif, const struct whatif_op *op) {
        char range[64];

        for (size_t column; ctl_rows_next(rows, &column);)
                if (column == RANGE)
                        ctl_cell_u64_as(rows, op->at.start, format_range(range, &op->at));
                else if (column == SIZE)
                        ctl_cell_size(rows, op->at.size);
                else if (op->kind == CTL_OPT_EARLY)
                        early_cell(rows, whatif, op, (enum column) column);
                else
                        added_cell(rows, whatif, op, (enum column) column);
}

/* ---------------------------------------------------------------------------------------------------------------- text */

static int print_table(struct ctl *ctl, const struct whatif *whatif) {
        _cleanup_rows_ struct ctl_rows rows = {};
        int r = ctl_rows_open(ctl, &rows, &added, NULL);

        for (size_t i = 0; i < whatif->n_ops && r == CTL_DONE; i++)
                if (whatif->ops[i].kind != CTL_OPT_REMOVE)
                        add_row(&rows, whatif, &whatif->ops[i]);
        return r == CTL_DONE ? ctl_rows_print(&rows) : r;
}

static void print_units(struct ctl *ctl, const struct mhp_geometry *geometry) {
        char page[MHP_SIZE_MAX], block[MHP_SIZE_MAX];

        mhp_text_printf(&ctl->out, "MEMMAP, SET-ASIDE and WASTE in pages of %s; for self and force those of each block of %s.\n",
                        mhp_format_size(page, geometry->page_size), mhp_format_size(block, geometry->block_size));
}

static void add_free(struct mhp_text *out, const struct mhp_teardown_step *step) {
        mhp_text_hex(out, step->start);
        mhp_text_add_n(out, "-", 1);
        mhp_text_hex(out, step->end);
}

static void print_removal(struct ctl *ctl, const struct whatif_op *op) {
        struct mhp_text *out = &ctl->out;
        char range[64];

        mhp_text_printf(out, "Removed %s: %" PRIu64 " section%s gone", format_range(range, &op->at), op->n_sections,
                        op->n_sections == 1 ? "" : "s");
        if (op->n_frees > 0) {
                mhp_text_add(out, ", ");
                ctl_add_size(ctl, out, op->freed);
                mhp_text_printf(out, " of vmemmap freed in %" PRIu64 " piece%s, first ", op->n_frees,
                                op->n_frees == 1 ? "" : "s");
                add_free(out, &op->first);
                mhp_text_add(out, ", last ");
                add_free(out, &op->last);
        }
        mhp_text_add(out, "\n");
}

static int trace(struct ctl *ctl, struct mhp_teardown *teardown) {
        struct mhp_text *out = &ctl->out;
        struct mhp_teardown_step step;
        int r = CTL_DONE;

        while (r == CTL_DONE && mhp_teardown_next(teardown, &step) > 0) {
                mhp_text_add(out, step.kind == MHP_TEARDOWN_SECTION ? "  section " : "  free ");
                add_free(out, &step);
                if (step.kind == MHP_TEARDOWN_SECTION) {
                        mhp_text_add(out, " gone, ");
                        mhp_text_u64(out, step.sections_left);
                        mhp_text_add(out, " left");
                }
                mhp_text_add_n(out, "\n", 1);
                r = maybe_flush(ctl);
        }
        return r;
}

int whatif_print_text(struct ctl *ctl, struct whatif *whatif) {
        _cleanup_whatif_backing_ struct mhp_backing *backing = NULL;
        bool removals = ctl_given(ctl, CTL_OPT_REMOVE), traced = ctl_given(ctl, CTL_OPT_TRACE);
        int r;

        r = print_table(ctl, whatif);
        if (ctl_rows_bare(ctl))
                return r;
        if (r == CTL_DONE && !ctl_given(ctl, CTL_OPT_NOHEADINGS))
                print_units(ctl, &whatif->geometry);
        if (r == CTL_DONE)
                r = mhp_backing_new(&whatif->geometry, &backing);
        if (r == CTL_DONE && removals)
                mhp_text_add(&ctl->out, "\n");
        for (size_t i = 0; r == CTL_DONE && removals && i < whatif->n_ops; i++) {
                _cleanup_whatif_teardown_ struct mhp_teardown *teardown = NULL;

                if (whatif->ops[i].kind == CTL_OPT_REMOVE)
                        print_removal(ctl, &whatif->ops[i]);
                if (traced)
                        r = whatif_do(ctl, whatif, &whatif->ops[i], backing, &teardown);
                if (r == CTL_DONE && teardown)
                        r = trace(ctl, teardown);
        }
        return r;
}

/* ---------------------------------------------------------------------------------------------------------------- JSON */

/* Those that came, of one kind. */
static int json_list(struct ctl *ctl, const struct whatif *whatif, struct ctl_json *json, enum ctl_option kind) {
        _cleanup_rows_ struct ctl_rows rows = {};
        int r = ctl_rows_open(ctl, &rows, kind == CTL_OPT_ADD ? &added : &early, json);

        if (r != CTL_DONE)
                return r;
        ctl_json_stream(json, kind == CTL_OPT_ADD ? "add" : "early", json_type_array);
        for (size_t i = 0; i < whatif->n_ops; i++)
                if (whatif->ops[i].kind == kind)
                        add_row(&rows, whatif, &whatif->ops[i]);
        ctl_json_close(json);
        return CTL_DONE;
}

static int json_removal(struct ctl *ctl, struct ctl_json *json, const struct whatif_op *op, struct mhp_teardown *teardown) {
        struct mhp_teardown_step step;
        int r = CTL_DONE;

        ctl_json_stream(json, NULL, json_type_object);
        ctl_json_u64(json, "start", op->at.start);
        ctl_json_u64(json, "size", op->at.size);
        ctl_json_stream(json, "frees", json_type_array);
        while (r == CTL_DONE && mhp_teardown_next(teardown, &step) > 0) {
                if (step.kind != MHP_TEARDOWN_FREE)
                        continue;
                ctl_json_open(json, NULL, json_type_object);
                ctl_json_hex(json, "start", step.start);
                ctl_json_hex(json, "end", step.end);
                ctl_json_close(json);
                r = maybe_flush(ctl);
        }
        ctl_json_close(json);
        ctl_json_close(json);
        return r;
}

int whatif_print_json(struct ctl *ctl, struct whatif *whatif) {
        _cleanup_whatif_backing_ struct mhp_backing *backing = NULL;
        _cleanup_json_ struct ctl_json json = { .out = &ctl->out };
        int r;

        ctl_json_stream(&json, NULL, json_type_object);
        r = json_list(ctl, whatif, &json, CTL_OPT_ADD);
        if (r == CTL_DONE && ctl_given(ctl, CTL_OPT_EARLY))
                r = json_list(ctl, whatif, &json, CTL_OPT_EARLY);
        if (r == CTL_DONE)
                r = mhp_backing_new(&whatif->geometry, &backing);
        ctl_json_stream(&json, "remove", json_type_array);
        for (size_t i = 0; r == CTL_DONE && ctl_given(ctl, CTL_OPT_REMOVE) && i < whatif->n_ops; i++) {
                _cleanup_whatif_teardown_ struct mhp_teardown *teardown = NULL;

                r = whatif_do(ctl, whatif, &whatif->ops[i], backing, &teardown);
                if (r == CTL_DONE && teardown)
                        r = json_removal(ctl, &json, &whatif->ops[i], teardown);
        }
        ctl_json_close(&json);
        ctl_json_close(&json);
        return r;
}
