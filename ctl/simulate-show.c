/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "base/units.h"
#include "ctl/simulate.h"
#include "ctl/table.h"
#include "ctl/words.h"

/* Output goes out in pieces of about this many bytes: half a million frees are 30 MB. */
#define PIECE 65536

enum column { RANGE, SIZE, REQUESTED, PLACEMENT, MEMMAP, SET_ASIDE, WASTE, USABLE, SECTIONS, PADDING, REASON };

static const struct ctl_column columns[] = {
        [RANGE] = { "RANGE", false },        [SIZE] = { "SIZE", true },     [REQUESTED] = { "REQUESTED", false },
        [PLACEMENT] = { "PLACEMENT", false }, [MEMMAP] = { "MEMMAP", true }, [SET_ASIDE] = { "SET-ASIDE", true },
        [WASTE] = { "WASTE", true },         [USABLE] = { "USABLE", true }, [SECTIONS] = { "SECTIONS", true },
        [PADDING] = { "PADDING", true },     [REASON] = { "REASON", false },
};

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

/* ---------------------------------------------------------------------------------------------------------------- text */

/* As `mhpctl list` has it. */
static char *format_range(char buf[static 64], const struct mhp_stretch *at) {
        snprintf(buf, 64, "0x%016" PRIx64 "-0x%016" PRIx64, at->start, at->start + at->size - 1);
        return buf;
}

/* Boot memory has been there all along: nothing is asked or set aside for it. */
static void early_cell(struct ctl *ctl, const struct whatif *whatif, const struct whatif_op *op, enum column column,
                       struct ctl_table *table) {
        if (column == USABLE)
                ctl_table_size(ctl, table, op->at.size);
        else if (column == SECTIONS)
                ctl_table_u64(table, sections(whatif, op));
        else if (column == PADDING)
                ctl_table_size(ctl, table, padding(whatif, op));
        else
                ctl_table_cell(table, column == PLACEMENT ? "early" : "", CTL_PLAIN);
}

static void add_cell(struct ctl *ctl, const struct whatif *whatif, const struct whatif_op *op, enum column column,
                     struct ctl_table *table) {
        const struct mhp_admission *admission = &op->admission;
        const char *reason = mhp_refusal_name(admission->reason);
        char range[64];

        switch (column) {
        case RANGE:
                ctl_table_cell(table, format_range(range, &op->at), CTL_PLAIN);
                break;
        case SIZE:
                ctl_table_size(ctl, table, op->at.size);
                break;
        case REQUESTED:
                ctl_table_cell(table, mhp_placement_name(admission->requested), CTL_PLAIN);
                break;
        case PLACEMENT:
                ctl_table_cell(table, mhp_placement_name(admission->placement), reason ? CTL_WARN : CTL_PLAIN);
                break;
        case MEMMAP:
                ctl_table_u64(table, admission->memmap_pages);
                break;
        case SET_ASIDE:
                ctl_table_u64(table, admission->set_aside_pages);
                break;
        case WASTE:
                ctl_table_u64(table, admission->waste_pages);
                break;
        case USABLE:
                ctl_table_size(ctl, table, usable(whatif, op));
                break;
        case SECTIONS:
                ctl_table_u64(table, sections(whatif, op));
                break;
        case PADDING:
                ctl_table_size(ctl, table, padding(whatif, op));
                break;
        case REASON:
                ctl_table_cell(table, reason ? reason : "", CTL_PLAIN);
                break;
        }
}

static int print_table(struct ctl *ctl, const struct whatif *whatif) {
        _cleanup_table_ struct ctl_table table = {};
        int r;

        r = ctl_table_columns(ctl, &table, columns, ELEMENTSOF(columns),
                              "RANGE,SIZE,REQUESTED,PLACEMENT,MEMMAP,SET-ASIDE,WASTE,USABLE,SECTIONS,REASON");
        if (r != CTL_DONE)
                return r;
        for (size_t i = 0; i < whatif->n_ops; i++) {
                const struct whatif_op *op = &whatif->ops[i];

                for (size_t c = 0; op->kind != CTL_OPT_REMOVE && c < table.n_shown; c++)
                        if (op->kind == CTL_OPT_EARLY && table.shown[c] > SIZE)
                                early_cell(ctl, whatif, op, (enum column) table.shown[c], &table);
                        else
                                add_cell(ctl, whatif, op, (enum column) table.shown[c], &table);
        }
        return ctl_table_print(ctl, &table, "");
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

static void json_stretch(struct mhp_text *out, const char *start, const struct whatif_op *op) {
        mhp_text_add(out, start);
        ctl_json_u64(out, "{", "start", op->at.start);
        ctl_json_u64(out, ",", "size", op->at.size);
}

static void json_add(struct mhp_text *out, const struct whatif *whatif, const struct whatif_op *op) {
        const struct mhp_admission *admission = &op->admission;

        ctl_json_string(out, ",", "requested", mhp_placement_name(admission->requested));
        ctl_json_string(out, ",", "placement", mhp_placement_name(admission->placement));
        ctl_json_string(out, ",", "reason", mhp_refusal_name(admission->reason));
        ctl_json_u64(out, ",", "memmap_pages", admission->memmap_pages);
        ctl_json_u64(out, ",", "set_aside_pages", admission->set_aside_pages);
        ctl_json_u64(out, ",", "waste_pages", admission->waste_pages);
        ctl_json_u64(out, ",", "usable_bytes", usable(whatif, op));
}

/* Those that came, of one kind. */
static void json_list(struct ctl *ctl, const struct whatif *whatif, const char *key, enum ctl_option kind) {
        struct mhp_text *out = &ctl->out;
        const char *start = "\n";

        mhp_text_printf(out, "\"%s\":[", key);
        for (size_t i = 0; i < whatif->n_ops; i++) {
                const struct whatif_op *op = &whatif->ops[i];

                if (op->kind != kind)
                        continue;
                json_stretch(out, start, op);
                start = ",\n";
                if (kind == CTL_OPT_ADD)
                        json_add(out, whatif, op);
                ctl_json_u64(out, ",", "sections", sections(whatif, op));
                ctl_json_u64(out, ",", "padding_bytes", padding(whatif, op));
                mhp_text_add_n(out, "}", 1);
        }
        mhp_text_add(out, "\n],");
}

static int json_frees(struct ctl *ctl, struct mhp_teardown *teardown) {
        struct mhp_text *out = &ctl->out;
        const char *start = "\n{\"start\":\"";
        struct mhp_teardown_step step;
        int r = CTL_DONE;

        mhp_text_add(out, ",\"frees\":[");
        while (r == CTL_DONE && mhp_teardown_next(teardown, &step) > 0) {
                if (step.kind != MHP_TEARDOWN_FREE)
                        continue;
                mhp_text_add(out, start);
                start = ",\n{\"start\":\"";
                mhp_text_hex(out, step.start);
                mhp_text_add(out, "\",\"end\":\"");
                mhp_text_hex(out, step.end);
                mhp_text_add(out, "\"}");
                r = maybe_flush(ctl);
        }
        mhp_text_add(out, "\n]}");
        return r;
}

int whatif_print_json(struct ctl *ctl, struct whatif *whatif) {
        _cleanup_whatif_backing_ struct mhp_backing *backing = NULL;
        const char *start = "\n";
        int r;

        mhp_text_add(&ctl->out, "{");
        json_list(ctl, whatif, "add", CTL_OPT_ADD);
        if (ctl_given(ctl, CTL_OPT_EARLY))
                json_list(ctl, whatif, "early", CTL_OPT_EARLY);
        mhp_text_add(&ctl->out, "\"remove\":[");
        r = mhp_backing_new(&whatif->geometry, &backing);
        for (size_t i = 0; r == CTL_DONE && ctl_given(ctl, CTL_OPT_REMOVE) && i < whatif->n_ops; i++) {
                _cleanup_whatif_teardown_ struct mhp_teardown *teardown = NULL;

                r = whatif_do(ctl, whatif, &whatif->ops[i], backing, &teardown);
                if (r != CTL_DONE || !teardown)
                        continue;
                json_stretch(&ctl->out, start, &whatif->ops[i]);
                start = ",\n";
                r = json_frees(ctl, teardown);
        }
        mhp_text_add(&ctl->out, "\n]}\n");
        return r;
}
