/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>

#include "base/units.h"
#include "core/explain.h"
#include "ctl/explain.h"
#include "ctl/rows.h"
#include "ctl/words.h"
#include "edge/names.h"

static const char *const removable_name[_REMOVABLE_MAX] = { [YES] = "yes", [MOVES] = "moves", [UNKNOWN] = "unknown", [NO] = "no", [NEVER] = "never" };

/* Alike neighbours, or a group. */
struct sum {
        const struct explain_item *first, *last;
        uint64_t pages[_MHP_CLASS_MAX];
        uint32_t n, n_counted, of[_REMOVABLE_MAX];
};

/* ------------------------------------------------------------------------------------------------------------ sentences */

static void add_amount(struct explain *view, struct mhp_text *text, uint64_t pages) {
        mhp_text_printf(text, "%" PRIu64 " page%s (", pages, pages == 1 ? "" : "s");
        ctl_add_size(view->ctl, text, mhp_mul_sat(pages, view->page_size));
        mhp_text_add(text, ")");
}

static void add_verdict(struct explain *view, const struct explain_item *item, uint64_t movable, struct mhp_text *text) {
        _cleanup_text_ struct mhp_text keeps = {};

        if (item->block->state == MHP_STATE_OFFLINE) {
                mhp_text_add(text, "is offline, nothing keeps it");
                return;
        }
        switch (item->removable) {
        case YES:
                mhp_text_add(text, "can go, nothing has to be moved");
                break;
        case MOVES:
                mhp_text_add(text, "can go, ");
                add_amount(view, text, movable);
                mhp_text_add(text, movable == 1 ? " has to be moved" : " have to be moved");
                break;
        case UNKNOWN:
                mhp_text_add(text, "not known");
                if (!item->counted || explain_error_of(item->block) == 0)
                        mhp_text_printf(text, ": %s", item->counted ? "pages without a mark may be the kernel's, or free" : view->unseen.data);
                break;
        case NO:
                mhp_text_add(text, "stays");
                break;
        case NEVER:
                mhp_text_add(text, "never goes");
                break;
        case _REMOVABLE_MAX:
                break;
        }
        if (item->removable == NO || explain_error_of(item->block) != 0)
                mhp_explain_keeps(explain_tally_of(item), explain_error_of(item->block), &keeps);
        if (keeps.len > 0) {
                mhp_text_add(text, item->removable == NO ? ", kept by " : "; the last try failed on ");
                mhp_text_add(text, keeps.data);
        }
        text->error = text->error < 0 ? text->error : keeps.error;
}

/* ------------------------------------------------------------------------------------------------------------ for people */

static void add_to(struct sum *sum, const struct explain_item *item) {
        sum->first = sum->first ? sum->first : item;
        sum->last = item;
        sum->n++;
        sum->n_counted += item->counted;
        sum->of[item->removable]++;
        for (unsigned c = 0; c < _MHP_CLASS_MAX; c++)
                sum->pages[c] += item->tally.pages[c];
}

static uint64_t movable_of(const struct sum *sum) {
        uint64_t n = 0;

        for (unsigned c = 0; c < _MHP_CLASS_MAX; c++)
                n += mhp_class_is_movable((enum mhp_class) c) ? sum->pages[c] : 0;
        return n;
}

static void print_pages(struct explain *view, const struct sum *sum) {
        struct mhp_text *out = &view->ctl->out;
        const char *between = "";

        if (sum->n_counted == 0)
                return;
        mhp_text_add(out, "  pages    ");
        for (unsigned c = 0; c < _MHP_CLASS_MAX; c++) {
                if (sum->pages[c] == 0)
                        continue;
                mhp_text_printf(out, "%s%" PRIu64 " %s", between, sum->pages[c], mhp_class_name((enum mhp_class) c));
                between = ", ";
        }
        mhp_text_add(out, "\n");
}

static void print_sentence(struct explain *view, const char *heading, const struct mhp_text *text) {
        if (text->len > 0)
                mhp_text_printf(&view->ctl->out, "  %-9s%s\n", heading, text->data);
}

static void print_reason(struct explain *view, const struct mhp_block *block) {
        struct mhp_text *out = &view->ctl->out;
        const char *reason = explain_reason_of(view, block);

        mhp_text_add(out, "  reason   ");
        if (reason)
                mhp_text_add(out, reason);
        else
                mhp_text_printf(out, "not known%s%s", view->daemon.running ? "" : ": ", view->daemon.running ? "" : view->daemon.absence);
        mhp_text_add(out, "\n");
}

static void print_heading(struct explain *view, const struct sum *sum) {
        const struct mhp_block *block = sum->first->block;
        struct mhp_text *out = &view->ctl->out;
        enum ctl_color color = ctl_state_color(block);

        mhp_text_printf(out, "%s%s %" PRIu32, ctl_color_on(view->ctl, CTL_BOLD), sum->n == 1 ? "block" : "blocks", block->nr);
        if (sum->n > 1)
                mhp_text_printf(out, "-%" PRIu32, sum->last->block->nr);
        mhp_text_printf(out, "%s, ", ctl_color_off(view->ctl, CTL_BOLD));
        ctl_add_size(view->ctl, out, mhp_mul_sat(sum->n, view->map->block_size));
        mhp_text_printf(out, ": %s%s%s", ctl_color_on(view->ctl, color), ctl_state_word(block), ctl_color_off(view->ctl, color));
        if (block->state == MHP_STATE_ONLINE)
                mhp_text_printf(out, ", zone %s", ctl_zone_word(block));
        if (block->node >= 0)
                mhp_text_printf(out, ", node %d", block->node);
        mhp_text_add(out, ", ");
        ctl_add_plain(out, ctl_group_word(mhp_map_group(view->map, block)));
        mhp_text_add(out, "\n");
}

static void print_run(struct explain *view, const struct sum *sum) {
        const struct mhp_block *block = sum->first->block;
        _cleanup_text_ struct mhp_text verdict = {}, advice = {};

        print_heading(view, sum);
        print_reason(view, block);
        print_pages(view, sum);
        add_verdict(view, sum->first, movable_of(sum), &verdict);
        mhp_explain_advice(explain_tally_of(sum->first), block, explain_source_of(view, block), explain_error_of(block), &advice);
        print_sentence(view, "verdict", &verdict);
        if (sum->first->held && block->state == MHP_STATE_OFFLINE)
                mhp_text_printf(&advice, "%sit is on hold and cannot come online; 0 in " NAME_HOLD ", next to its state, ends that",
                                advice.len > 0 ? "; " : "");
        print_sentence(view, "advice", &advice);
        view->ctl->out.error = verdict.error < 0 ? verdict.error : advice.error < 0 ? advice.error : view->ctl->out.error;
}

/* What something keeps, or an attempt has failed on, is shown on its own. */
static bool alike(const struct explain *view, const struct explain_item *a, const struct explain_item *b) {
        const struct mhp_block *x = a->block, *y = b->block;
        const char *p = explain_reason_of(view, x), *q = explain_reason_of(view, y);

        return x->nr + 1 == y->nr && x->state == y->state && x->zone == y->zone && x->node == y->node && x->group == y->group && p == q &&
               a->removable == b->removable && a->removable != NO && a->held == b->held && explain_error_of(x) == 0 && explain_error_of(y) == 0 &&
               (a->tally.pages[MHP_CLASS_HUGETLB] > 0) == (b->tally.pages[MHP_CLASS_HUGETLB] > 0);
}

/* kept: only what cannot go, as far as is seen. */
static void print_runs(struct explain *view, bool kept) {
        struct sum sum = {};

        for (size_t i = 0; i < view->n_items; i++) {
                const struct explain_item *item = &view->items[i];

                if (kept && item->removable < UNKNOWN && explain_error_of(item->block) == 0)
                        continue;
                if (sum.n > 0 && !alike(view, sum.last, item)) {
                        print_run(view, &sum);
                        sum = (struct sum) {};
                }
                add_to(&sum, item);
        }
        if (sum.n > 0)
                print_run(view, &sum);
}

static void print_group(struct explain *view, const char *name) {
        static const char *const words[_REMOVABLE_MAX] = {
                [YES] = "free to go", [MOVES] = "with pages to be moved", [UNKNOWN] = "not known", [NO] = "kept", [NEVER] = "never to go",
        };
        struct mhp_text *out = &view->ctl->out;
        const char *between = "";
        struct sum sum = {};

        for (size_t i = 0; i < view->n_items; i++)
                add_to(&sum, &view->items[i]);
        mhp_text_add(out, ctl_color_on(view->ctl, CTL_BOLD));
        ctl_add_plain(out, name);
        mhp_text_printf(out, "%s, ", ctl_color_off(view->ctl, CTL_BOLD));
        ctl_add_size(view->ctl, out, mhp_mul_sat(sum.n, view->map->block_size));
        mhp_text_printf(out, ": %" PRIu32 " block%s\n", sum.n, sum.n == 1 ? "" : "s");
        print_pages(view, &sum);
        mhp_text_add(out, "  verdict  ");
        for (unsigned r = 0; r < _REMOVABLE_MAX; r++) {
                if (sum.of[r] == 0)
                        continue;
                mhp_text_printf(out, "%s%" PRIu32 " %s", between, sum.of[r], words[r]);
                between = ", ";
        }
        mhp_text_add(out, "\n");
        if (mhp_source_is_unit(explain_source_of(view, sum.first->block)) && sum.of[NO] + sum.of[NEVER] > 0)
                mhp_text_add(out, "  advice   it leaves as one or not at all: mend what keeps the blocks below\n");
}

void explain_print_text(struct explain *view, const char *name) {
        if (name)
                print_group(view, name);
        print_runs(view, name);
}

/* ------------------------------------------------------------------------------------------------------------ for programs */

static void json_pages(struct ctl_json *json, const struct explain_item *item) {
        if (!item->counted) {
                ctl_json_null(json, "pages");
                ctl_json_null(json, "first");
                return;
        }
        ctl_json_open(json, "pages", json_type_object);
        for (enum mhp_class c = 0; c < _MHP_CLASS_MAX; c++)
                ctl_json_u64(json, mhp_class_name(c), item->tally.pages[c]);
        ctl_json_close(json);
        ctl_json_open(json, "first", json_type_object);
        for (enum mhp_class c = 0; c < _MHP_CLASS_MAX; c++)
                if (mhp_class_is_fixed(c) && item->tally.pages[c] > 0)
                        ctl_json_hex(json, mhp_class_name(c), item->tally.first[c]);
        ctl_json_close(json);
}

static void json_block(struct ctl_json *json, const struct explain *view, const struct mhp_block *block) {
        const struct mhp_group *group = mhp_map_group(view->map, block);

        ctl_json_u64(json, "block", block->nr);
        ctl_json_string(json, "state", mhp_state_name(block->state));
        ctl_json_string(json, "zone", mhp_zone_name(block->zone));
        ctl_json_node(json, "node", block->node);
        ctl_json_string(json, "source", ctl_source_name(group));
        ctl_json_string(json, "group", group ? group->name : NULL);
        ctl_json_string(json, "reason", explain_reason_of(view, block));
}

static void json_item(struct ctl_json *json, const struct explain *view, const struct explain_item *item) {
        const struct mhp_block *block = item->block;
        _cleanup_text_ struct mhp_text keeps = {}, advice = {};

        mhp_explain_keeps(explain_tally_of(item), explain_error_of(block), &keeps);
        mhp_explain_advice(explain_tally_of(item), block, explain_source_of(view, block), explain_error_of(block), &advice);
        ctl_json_open(json, NULL, json_type_object);
        json_block(json, view, block);
        ctl_json_string(json, "removable", removable_name[item->removable]);
        ctl_json_bool(json, "held", item->held);
        json_pages(json, item);
        ctl_json_string(json, "keeps", keeps.len > 0 ? keeps.data : NULL);
        ctl_json_string(json, "advice", advice.len > 0 ? advice.data : NULL);
        ctl_json_close(json);
        json->out->error = keeps.error < 0 ? keeps.error : advice.error < 0 ? advice.error : json->out->error;
}

void explain_print_json(struct explain *view) {
        _cleanup_json_ struct ctl_json json = { .out = &view->ctl->out };

        ctl_json_stream(&json, NULL, json_type_object);
        ctl_json_string(&json, "unknown_why", view->unseen.len > 0 ? view->unseen.data : NULL);
        ctl_json_stream(&json, "blocks", json_type_array);
        for (size_t i = 0; i < view->n_items; i++)
                json_item(&json, view, &view->items[i]);
        ctl_json_close(&json);
        ctl_json_close(&json);
}
