/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl explain`: why blocks are where they are, and what keeps them from going offline. */

#include "ctl/explain.h"

#include <errno.h>
#include <string.h>

#include "ctl/source.h"
#include "ctl/target.h"
#include "edge/machine.h"
#include "edge/teardown.h"

static void view_done(struct explain *view) {
        free(view->items);
        mhp_text_done(&view->unseen);
        mhp_counter_done(&view->counter);
        mhp_root_done(&view->root);
        mhp_map_free(view->scanned);
        ctl_daemon_done(&view->daemon);
}

static enum removable judge(const struct explain_item *item) {
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
        return explain_error_of(item->block) == 0 ? MOVES : UNKNOWN;
}

/* ------------------------------------------------------------------------------------------------------------ reading */

static int read_page_size(struct explain *view, const struct mhp_root *root) {
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

static int open_counter(struct explain *view) {
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

static void count(struct explain *view, struct explain_item *item) {
        int r;

        if (view->unseen.len > 0 || item->block->state == MHP_STATE_OFFLINE)
                return;
        r = mhp_counter_block(&view->counter, item->block->nr, &item->tally);
        if (r < 0)
                mhp_text_printf(&view->unseen, "page flags cannot be read: %s", strerror(-r));
        item->counted = r >= 0;
}

static int gather(struct explain *view, const struct mhp_ranges *blocks) {
        view->items = calloc(mhp_ranges_count(blocks) + 1, sizeof(*view->items));
        if (!view->items)
                return -ENOMEM;
        for (const struct mhp_block *b = mhp_map_at_or_after(view->map, 0); b; b = mhp_map_next_block(view->map, b)) {
                struct explain_item *item = &view->items[view->n_items];

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

static int read_map(struct explain *view) {
        int r = ctl_daemon_ask(view->ctl, &view->daemon);

        if (r == CTL_DONE && !view->daemon.running)
                r = ctl_map_read(view->ctl, &view->scanned);
        view->map = view->daemon.running ? view->daemon.map : view->scanned;
        return r;
}

int verb_explain(struct ctl *ctl) {
        _cleanup_(view_done) struct explain view = { .ctl = ctl, .root = MHP_ROOT_NONE, .counter = MHP_COUNTER_NONE };
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
        if (ctl_given(ctl, CTL_OPT_JSON))
                explain_print_json(&view);
        else
                explain_print_text(&view, group ? ctl->args[0] : NULL);
        return CTL_DONE;
}
