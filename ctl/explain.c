/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl explain`: why blocks are where they are, and what keeps them from going offline. */

#include "core/explain.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "api/count.h"
#include "base/units.h"
#include "ctl/ctl.h"
#include "ctl/daemon.h"
#include "ctl/rows.h"
#include "ctl/source.h"
#include "ctl/target.h"
#include "ctl/words.h"
#include "edge/machine.h"
#include "edge/names.h"
#include "edge/teardown.h"

/* Whether a block would go offline now; worse ones come later. */
enum removable { YES, MOVES, UNKNOWN, NO, NEVER, _REMOVABLE_MAX };

static const char *const removable_name[_REMOVABLE_MAX] = { [YES] = "yes", [MOVES] = "moves", [UNKNOWN] = "unknown", [NO] = "no", [NEVER] = "never" };

struct item {
        const struct mhp_block *block;
        bool counted;
        struct mhp_tally tally;
        enum removable removable;
        bool held;             /* it cannot come online */
};

/* Alike neighbours, or a group. */
struct sum {
        const struct item *first, *last;
        uint64_t pages[_MHP_CLASS_MAX];
        uint32_t n, n_counted, of[_REMOVABLE_MAX];
};

struct view {
        struct ctl *ctl;
        struct ctl_daemon daemon;
        struct mhp_map *scanned;   /* owned; when no daemon's map is there */
        const struct mhp_map *map; /* one of the two */
        struct mhp_root root;
        uint64_t page_size;
        struct mhp_counter counter;
        struct mhp_text unseen;    /* why pages cannot be looked at; empty: they can */
        struct item *items;        /* owned */
        size_t n_items;
};

static void view_done(struct view *view) {
        free(view->items);
        mhp_text_done(&view->unseen);
        mhp_counter_done(&view->counter);
        mhp_root_done(&view->root);
        mhp_map_free(view->scanned);
        ctl_daemon_done(&view->daemon);
}

static const struct mhp_tally *tally_of(const struct item *item) {
        return item->counted ? &item->tally : NULL;
}

static enum mhp_source source_of(const struct view *view, const struct mhp_block *block) {
        const struct mhp_group *group = mhp_map_group(view->map, block);

        return group ? group->source : MHP_SOURCE_UNKNOWN;
}

/* mhpd's own reason; a fresh read of sysfs has none. */
static const char *reason_of(const struct view *view, const struct mhp_block *block) {
        return view->daemon.running ? mhp_reason_name(mhp_block_reason(block)) : NULL;
}

/* Of the last attempt. What is offline has failed to come online. */
static int error_of(const struct mhp_block *block) {
        return block->state == MHP_STATE_ONLINE ? block->error : 0;
}

static enum removable judge(const struct item *item) {
        if (item->block->state == MHP_STATE_OFFLINE)
                return YES;
        if (item->block->zone == MHP_ZONE_NONE)
                return NEVER;
        if (!item->counted)
                return UNKNOWN;
        if (mhp_tally_fixed(&item->tally) > 0)
                return NO;
        if (item->tally.pages[MHP_CLASS_UNMARKED] > 0 && item->block->zone != MHP_ZONE_MOVABLE)
                return UNKNOWN;
        if (mhp_tally_movable(&item->tally) == 0)
                return YES;
        return error_of(item->block) == 0 ? MOVES : UNKNOWN;
}

/* ------------------------------------------------------------------------------------------------------------ reading */

static int read_page_size(struct view *view, const struct mhp_root *root) {
        struct mhp_machine machine;
        int r = mhp_machine_read(root, &machine);

        if (r < 0)
                return r;
        if (machine.generic && !(machine.read & MHP_GEOMETRY_PAGE_SIZE))
                mhp_text_add(&view->unseen, "the page size of this architecture is not known");
        else
                view->page_size = machine.geometry.page_size;
        return 0;
}

static int open_counter(struct view *view) {
        int r = mhp_root_open(ctl_root(view->ctl), &view->root);

        if (r >= 0)
                r = read_page_size(view, &view->root);
        if (r < 0 || view->page_size == 0)
                return r;
        r = mhp_counter_open(&view->root, view->map->block_size / view->page_size, &view->counter);
        if (r == -EACCES || r == -EPERM)
                mhp_text_add(&view->unseen, "page flags are for root to see");
        else if (r == -ENOENT)
                mhp_text_add(&view->unseen, "there are no page flags (no kpageflags; the kernel wants CONFIG_PROC_PAGE_MONITOR)");
        else if (r < 0)
                mhp_text_printf(&view->unseen, "page flags cannot be read: %s", strerror(-r));
        return view->unseen.error;
}

static void count(struct view *view, struct item *item) {
        int r;

        if (view->unseen.len > 0 || item->block->state == MHP_STATE_OFFLINE)
                return;
        r = mhp_counter_block(&view->counter, item->block->nr, &item->tally);
        if (r < 0)
                mhp_text_printf(&view->unseen, "page flags cannot be read: %s", strerror(-r));
        item->counted = r >= 0;
}

static int gather(struct view *view, const struct mhp_ranges *blocks) {
        view->items = calloc(mhp_ranges_count(blocks) + 1, sizeof(*view->items));
        if (!view->items)
                return -ENOMEM;
        for (const struct mhp_block *b = mhp_map_at_or_after(view->map, 0); b; b = mhp_map_next_block(view->map, b)) {
                struct item *item = &view->items[view->n_items];

                if (!mhp_ranges_contain(blocks, b->nr))
                        continue;
                item->block = b;
                count(view, item);
                item->removable = judge(item);
                item->held = mhp_hold_read(&view->root, b->nr);
                view->n_items++;
        }
        return view->unseen.error;
}

static int read_map(struct view *view) {
        int r = ctl_daemon_ask(view->ctl, &view->daemon);

        if (r == CTL_DONE && !view->daemon.running)
                r = ctl_map_read(view->ctl, &view->scanned);
        view->map = view->daemon.running ? view->daemon.map : view->scanned;
        return r;
}

/* ------------------------------------------------------------------------------------------------------------ sentences */

static void add_amount(struct view *view, struct mhp_text *text, uint64_t pages) {
        mhp_text_printf(text, "%" PRIu64 " page%s (", pages, pages == 1 ? "" : "s");
        ctl_add_size(view->ctl, text, mhp_mul_sat(pages, view->page_size));
        mhp_text_add(text, ")");
}

static void add_verdict(struct view *view, const struct item *item, uint64_t movable, struct mhp_text *text) {
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
                if (!item->counted || error_of(item->block) == 0)
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
        if (item->removable == NO || error_of(item->block) != 0)
                mhp_explain_keeps(tally_of(item), error_of(item->block), &keeps);
        if (keeps.len > 0) {
                mhp_text_add(text, item->removable == NO ? ", kept by " : "; the last try failed on ");
                mhp_text_add(text, keeps.data);
        }
        text->error = text->error < 0 ? text->error : keeps.error;
}

/* ------------------------------------------------------------------------------------------------------------ for people */

static void add_to(struct sum *sum, const struct item *item) {
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

static void print_pages(struct view *view, const struct sum *sum) {
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

static void print_sentence(struct view *view, const char *heading, const struct mhp_text *text) {
        if (text->len > 0)
                mhp_text_printf(&view->ctl->out, "  %-9s%s\n", heading, text->data);
}

static void print_reason(struct view *view, const struct mhp_block *block) {
        struct mhp_text *out = &view->ctl->out;
        const char *reason = reason_of(view, block);

        mhp_text_add(out, "  reason   ");
        if (reason)
                mhp_text_add(out, reason);
        else
                mhp_text_printf(out, "not known%s%s", view->daemon.running ? "" : ": ", view->daemon.running ? "" : view->daemon.absence);
        mhp_text_add(out, "\n");
}

static void print_heading(struct view *view, const struct sum *sum) {
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

static void print_run(struct view *view, const struct sum *sum) {
        const struct mhp_block *block = sum->first->block;
        _cleanup_text_ struct mhp_text verdict = {}, advice = {};

        print_heading(view, sum);
        print_reason(view, block);
        print_pages(view, sum);
        add_verdict(view, sum->first, movable_of(sum), &verdict);
        mhp_explain_advice(tally_of(sum->first), block, source_of(view, block), error_of(block), &advice);
        print_sentence(view, "verdict", &verdict);
        if (sum->first->held && block->state == MHP_STATE_OFFLINE)
                mhp_text_printf(&advice, "%sit is on hold and cannot come online; 0 in " NAME_HOLD ", next to its state, ends that",
                                advice.len > 0 ? "; " : "");
        print_sentence(view, "advice", &advice);
        view->ctl->out.error = verdict.error < 0 ? verdict.error : advice.error < 0 ? advice.error : view->ctl->out.error;
}

/* What something keeps, or an attempt has failed on, is shown on its own. */
static bool alike(const struct view *view, const struct item *a, const struct item *b) {
        const struct mhp_block *x = a->block, *y = b->block;
        const char *p = reason_of(view, x), *q = reason_of(view, y);

        return x->nr + 1 == y->nr && x->state == y->state && x->zone == y->zone && x->node == y->node && x->group == y->group && p == q &&
               a->removable == b->removable && a->removable != NO && a->held == b->held && error_of(x) == 0 && error_of(y) == 0 &&
               (a->tally.pages[MHP_CLASS_HUGETLB] > 0) == (b->tally.pages[MHP_CLASS_HUGETLB] > 0);
}

/* kept: only what cannot go, as far as is seen. */
static void print_runs(struct view *view, bool kept) {
        struct sum sum = {};

        for (size_t i = 0; i < view->n_items; i++) {
                const struct item *item = &view->items[i];

                if (kept && item->removable < UNKNOWN && error_of(item->block) == 0)
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

static void print_group(struct view *view, const char *name) {
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
        if (mhp_source_is_unit(source_of(view, sum.first->block)) && sum.of[NO] + sum.of[NEVER] > 0)
                mhp_text_add(out, "  advice   it leaves as one or not at all: mend what keeps the blocks below\n");
}

/* ------------------------------------------------------------------------------------------------------------ for programs */

static void json_pages(struct ctl_json *json, const struct item *item) {
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

static void json_block(struct ctl_json *json, const struct view *view, const struct mhp_block *block) {
        const struct mhp_group *group = mhp_map_group(view->map, block);

        ctl_json_u64(json, "block", block->nr);
        ctl_json_string(json, "state", mhp_state_name(block->state));
        ctl_json_string(json, "zone", mhp_zone_name(block->zone));
        ctl_json_node(json, "node", block->node);
        ctl_json_string(json, "source", ctl_source_name(group));
        ctl_json_string(json, "group", group ? group->name : NULL);
        ctl_json_string(json, "reason", reason_of(view, block));
}

static void json_item(struct ctl_json *json, const struct view *view, const struct item *item) {
        const struct mhp_block *block = item->block;
        _cleanup_text_ struct mhp_text keeps = {}, advice = {};

        mhp_explain_keeps(tally_of(item), error_of(block), &keeps);
        mhp_explain_advice(tally_of(item), block, source_of(view, block), error_of(block), &advice);
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

static void print_json(struct view *view) {
        _cleanup_json_ struct ctl_json json = { .out = &view->ctl->out };

        ctl_json_stream(&json, NULL, json_type_object);
        ctl_json_string(&json, "unknown_why", view->unseen.len > 0 ? view->unseen.data : NULL);
        ctl_json_stream(&json, "blocks", json_type_array);
        for (size_t i = 0; i < view->n_items; i++)
                json_item(&json, view, &view->items[i]);
        ctl_json_close(&json);
        ctl_json_close(&json);
}

int verb_explain(struct ctl *ctl) {
        _cleanup_(view_done) struct view view = { .ctl = ctl, .root = MHP_ROOT_NONE, .counter = MHP_COUNTER_NONE };
        _cleanup_ranges_ struct mhp_ranges blocks = {};
        bool group;
        int r;

        r = ctl_targets_check_blocks(ctl, ctl->args, ctl->n_args);
        if (r == CTL_DONE)
                r = read_map(&view);
        if (r == CTL_DONE)
                r = ctl_targets_resolve(ctl, view.map, ctl->args, ctl->n_args, false, &blocks);
        if (r == CTL_DONE)
                r = open_counter(&view);
        if (r == CTL_DONE)
                r = gather(&view, &blocks);
        if (r != CTL_DONE)
                return r;

        group = ctl->n_args == 1 && mhp_map_find_group(view.map, ctl->args[0]) && view.n_items > 0;
        if (ctl_given(ctl, CTL_OPT_JSON)) {
                print_json(&view);
        } else {
                if (group)
                        print_group(&view, ctl->args[0]);
                print_runs(&view, group);
        }
        return CTL_DONE;
}
