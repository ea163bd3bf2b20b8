/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl verify`: the backing map against what the kernel shows. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/rows.h"
#include "ctl/source.h"
#include "edge/names.h"

static void verification_done(struct mhp_verification **verification) {
        mhp_verification_free(*verification);
}

enum column { WHERE, EXPECTED, OBSERVED, PFN, BLOCK, NODE, ZONE };

static const struct ctl_column columns[] = {
        [WHERE] = { .name = "WHERE" },
        [EXPECTED] = { .name = "EXPECTED", .key = "expected_pages", .flags = SCOLS_FL_RIGHT },
        [OBSERVED] = { .name = "OBSERVED", .key = "observed_pages", .flags = SCOLS_FL_RIGHT },
        [PFN] = { .name = "PFN", .key = "pfn" },
        [BLOCK] = { .key = "block", .with = WHERE },
        [NODE] = { .key = "node", .with = WHERE },
        [ZONE] = { .key = "zone", .with = WHERE },
};

static const uint8_t keys_of_blocks[] = { BLOCK, EXPECTED, OBSERVED, PFN };
static const uint8_t keys_of_zones[] = { NODE, ZONE, EXPECTED, OBSERVED };

static const struct ctl_shape shapes[] = {
        { columns, ELEMENTSOF(columns), "WHERE,EXPECTED,OBSERVED,PFN", keys_of_blocks, ELEMENTSOF(keys_of_blocks) },
        { columns, ELEMENTSOF(columns), "WHERE,EXPECTED,OBSERVED,PFN", keys_of_zones, ELEMENTSOF(keys_of_zones) },
};

/* One line: of a block that differs, or else of a zone. */
struct difference {
        const struct mhp_block_difference *block;
        const struct mhp_zone_difference *zone;
};

static void where_cell(struct ctl_rows *rows, const struct difference *d) {
        char text[64];

        if (d->block)
                (void) snprintf(text, sizeof(text), "block %" PRIu64, d->block->block);
        else
                (void) snprintf(text, sizeof(text), "node %d, %s", d->zone->node, mhp_zone_name(d->zone->zone));
        ctl_cell_words(rows, text, CTL_BAD);
}

static void pfn_cell(struct ctl_rows *rows, const struct difference *d) {
        char text[32];

        if (!d->block || d->block->pfn == MHP_NO_PFN) {
                ctl_cell_none(rows, "-");
                return;
        }
        (void) snprintf(text, sizeof(text), "0x%" PRIx64, d->block->pfn);
        ctl_cell_u64_as(rows, d->block->pfn, text);
}

static void cell(struct ctl_rows *rows, const struct difference *d, enum column column) {
        switch (column) {
        case WHERE:
                where_cell(rows, d);
                break;
        case EXPECTED:
                ctl_cell_u64(rows, d->block ? d->block->expected : d->zone->expected);
                break;
        case OBSERVED:
                ctl_cell_u64(rows, d->block ? d->block->observed : d->zone->observed);
                break;
        case PFN:
                pfn_cell(rows, d);
                break;
        case BLOCK:
                ctl_cell_u64(rows, d->block->block);
                break;
        case NODE:
                ctl_cell_u64(rows, (uint64_t) d->zone->node);
                break;
        case ZONE:
                ctl_cell_string(rows, mhp_zone_name(d->zone->zone), NULL, CTL_PLAIN);
                break;
        }
}

static void add_row(struct ctl_rows *rows, const struct difference *difference) {
        for (size_t column; ctl_rows_next(rows, &column);)
                cell(rows, difference, (enum column) column);
}

static int print_list(struct ctl *ctl, const struct mhp_verification *v, struct ctl_json *json, const char *key, bool zones) {
        _cleanup_rows_ struct ctl_rows rows = {};
        int r = ctl_rows_open(ctl, &rows, &shapes[zones], json);

        if (r != CTL_DONE)
                return r;
        ctl_json_stream(json, key, json_type_array);
        for (size_t i = 0; i < v->n_differ && !zones; i++)
                add_row(&rows, &(struct difference) { .block = &v->differ[i] });
        for (size_t i = 0; i < v->n_zones && zones; i++)
                add_row(&rows, &(struct difference) { .zone = &v->zones[i] });
        ctl_json_close(json);
        return CTL_DONE;
}

static int print_json(struct ctl *ctl, const struct mhp_verification *v) {
        _cleanup_json_ struct ctl_json json = { .out = &ctl->out };
        int r;

        ctl_json_stream(&json, NULL, json_type_object);
        ctl_json_u64(&json, "checked", v->checked);
        ctl_json_u64(&json, "unseen", v->unseen);
        ctl_json_u64(&json, "holes", v->holes);
        r = print_list(ctl, v, &json, "differ", false);
        if (r == CTL_DONE)
                r = print_list(ctl, v, &json, "zones", true);
        ctl_json_close(&json);
        return r;
}

static int print_differences(struct ctl_rows *rows, const struct mhp_verification *v) {
        for (size_t i = 0; i < v->n_differ; i++)
                add_row(rows, &(struct difference) { .block = &v->differ[i] });
        for (size_t i = 0; i < v->n_zones; i++)
                add_row(rows, &(struct difference) { .zone = &v->zones[i] });
        return ctl_rows_print(rows);
}

static const char *plural(size_t n) {
        return n == 1 ? "" : "s";
}

static int print_words(struct ctl *ctl, const struct mhp_verification *v) {
        size_t agree = v->checked - v->n_differ;
        _cleanup_rows_ struct ctl_rows rows = {};
        int r = ctl_rows_open(ctl, &rows, shapes, NULL);

        if (r == CTL_DONE && v->n_differ + v->n_zones > 0)
                r = print_differences(&rows, v);
        if (r != CTL_DONE || ctl_rows_bare(ctl))
                return r;
        if (v->n_differ + v->n_zones > 0)
                mhp_text_add(&ctl->out, "\n");
        mhp_text_printf(&ctl->out, "%zu block%s checked: %zu agree%s", v->checked, plural(v->checked), agree, agree == 1 ? "s" : "");
        if (v->n_differ > 0)
                mhp_text_printf(&ctl->out, ", %zu differ%s", v->n_differ, v->n_differ == 1 ? "s" : "");
        if (v->unseen > 0)
                mhp_text_printf(&ctl->out, "; %zu more %s not online, of which the kernel shows nothing", v->unseen, v->unseen == 1 ? "is" : "are");
        if (v->holes > 0)
                mhp_text_printf(&ctl->out, "; %zu more %s with a hole: there is no page at the start that could be looked at", v->holes,
                                v->holes == 1 ? "begins" : "begin");
        mhp_text_add(&ctl->out, "\n");
        return CTL_DONE;
}

static int tell(struct ctl *ctl, int r) {
        const char *root = ctl->sysroot ? ctl->sysroot : "";
        _cleanup_map_ struct mhp_map *map = NULL;

        if (r == -EACCES || r == -EPERM)
                return ctl_fail(ctl, CTL_FAILED, "%s/" NAME_PAGEFLAGS " cannot be read: it is for root", root);
        if (r == -ENODATA)
                return ctl_fail(ctl, CTL_FAILED, "%s/" NAME_PAGEFLAGS " is not there: the kernel was built without CONFIG_PROC_PAGE_MONITOR", root);
        /* a machine without blocks, or no machine at all, is told in the same words as by the other verbs */
        if (r != -EOPNOTSUPP && ctl_map_read(ctl, &map) != CTL_DONE)
                return CTL_FAILED;
        return ctl_tell_geometry(ctl, r);
}

int verb_verify(struct ctl *ctl) {
        _cleanup_(verification_done) struct mhp_verification *verification = NULL;
        int r;

        r = mhp_verify(ctl_root(ctl), ctl->assume, &verification);
        if (r < 0)
                return tell(ctl, r);

        r = ctl_given(ctl, CTL_OPT_JSON) ? print_json(ctl, verification) : print_words(ctl, verification);
        if (r != CTL_DONE)
                return r;
        return verification->n_differ + verification->n_zones > 0 ? CTL_FAILED : CTL_DONE;
}
