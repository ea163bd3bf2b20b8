/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A removal before it touches anything: what lies in the blocks, which of them go, in which order, and whose turn is next. */

#include "core/pursuit-choose.h"

#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "core/pursuit-end.h"
#include "core/remover.h"

/* Longer than that nobody waits for figures that only improve an order. */
#define COUNT_USEC (10 * USEC_PER_SEC)

/* ------------------------------------------------------------------------------------------------------------- the order */

static void reset_plan(struct pursuit *pursuit) {
        mhp_plan_done(&pursuit->plan);
        pursuit->plan = (struct mhp_plan) { 0 };
        pursuit->unit = pursuit->at = pursuit->end = 0;
}

static int make_plan(const struct pursuit_context *c, struct pursuit *pursuit) {
        _cleanup_ranges_ struct mhp_ranges members = { 0 };
        const struct mhp_removal *removal = mhp_map_removal(c->map, pursuit->id);
        uint32_t nr;

        reset_plan(pursuit);
        FOREACH_MEMBER (nr, c, pursuit->id) {
                int r = mhp_ranges_add(&members, nr, nr);
                if (r < 0)
                        return r;
        }
        return mhp_plan_order(c->map, &members, removal->verb == MHP_REMOVAL_UNPLUG, c->backing, &pursuit->plan);
}

/* The next unit of which something is still there. False: there is none. */
static bool find_unit(const struct pursuit_context *c, struct pursuit *pursuit) {
        const struct mhp_plan *plan = &pursuit->plan;

        for (size_t i = pursuit->end; i < plan->n_items; i = pursuit->end) {
                bool there = false;

                pursuit->unit = pursuit->at = i;
                for (; i < plan->n_items && plan->items[i].unit == plan->items[pursuit->unit].unit; i++)
                        there = there || pursuit_item(c, pursuit, i);
                pursuit->end = i;
                if (there)
                        return true;
        }
        pursuit->unit = pursuit->at = pursuit->end;
        return false;
}

/* ----------------------------------------------------------------------------------------------------- looking and choosing */

static bool wants_count(const struct mhp_block *block) {
        return block->state == MHP_STATE_ONLINE && !(block->flags & MHP_BLOCK_COUNTED) && block->zone != MHP_ZONE_NONE;
}

/* The blocks that the choice or the order is about. */
static int list_uncounted(const struct pursuit_context *c, struct pursuit *pursuit) {
        _cleanup_ranges_ struct mhp_ranges all = { 0 };
        uint32_t nr;
        int r = 0;

        mhp_ranges_done(&pursuit->uncounted);
        pursuit->uncounted = (struct mhp_ranges) { 0 };
        if (pursuit_is_sized(pursuit) && mhp_map_members(c->map, pursuit->id)->n == 0)
                r = mhp_plan_candidates(c->map, &pursuit->target, &all);
        else
                FOREACH_MEMBER (nr, c, pursuit->id)
                        if (r >= 0)
                                r = mhp_ranges_add(&all, nr, nr);
        for (size_t i = 0; i < all.n && r >= 0; i++)
                for (const struct mhp_block *b = mhp_map_at_or_after(c->map, all.range[i].first); b && b->nr <= all.range[i].last && r >= 0;
                     b = mhp_map_next_block(c->map, b))
                        if (wants_count(b))
                                r = mhp_ranges_add(&pursuit->uncounted, b->nr, b->nr);
        return r < 0 ? r : 0;
}

/* The zone counters say what counting would: that Movable is as good as empty, and with it all of the members. */
static bool is_empty(const struct pursuit_context *c, uint32_t id) {
        uint32_t nr;

        if (c->pressure->page_size == 0 || c->pressure->movable_used > c->map->block_size / 8)
                return false;
        FOREACH_MEMBER (nr, c, id) {
                const struct mhp_block *block = mhp_map_find(c->map, nr);

                if (block->state != MHP_STATE_OFFLINE && block->zone != MHP_ZONE_MOVABLE)
                        return false;
        }
        return true;
}

int pursuit_count(const struct pursuit_context *c, uint32_t id) {
        const struct mhp_removal *removal = mhp_map_removal(c->map, id);
        struct pursuit *pursuit = pursuit_find(c, id);
        int r;

        if (removal->wait == 0) {
                pursuit->empty = !pursuit_is_sized(pursuit) && is_empty(c, id);
                r = pursuit->empty ? 0 : list_uncounted(c, pursuit);
                if (r >= 0)
                        r = pursuit_set_phase(c, id, MHP_PHASE_COUNT, c->now + COUNT_USEC);
                return r < 0 ? r : 1;
        }
        if (pursuit->sent && !pursuit->answered)
                return 0;
        /* One block has nothing to be put in order with. */
        if (c->blind || c->now >= removal->wait || mhp_ranges_count(&pursuit->uncounted) == 0) {
                r = pursuit_set_phase(c, id, MHP_PHASE_CHOOSE, 0);
                return r < 0 ? r : 1;
        }
        pursuit->sent = pursuit->answered = false;
        pursuit->next = MHP_VERB_COUNT;
        return 0;
}

/* The device of the unit whose turn it is has to be on hold before its blocks go offline. Single blocks of one device follow each other under one hold. */
static enum mhp_removal_phase first_phase(const struct pursuit_context *c, const struct pursuit *pursuit, struct mhp_removal *removal) {
        const struct mhp_group *group = pursuit_group(c, pursuit, pursuit->unit, pursuit->end);

        removal->group[0] = '\0';
        if (removal->verb != MHP_REMOVAL_UNPLUG || !group)
                return MHP_PHASE_OFFLINE;
        memcpy(removal->group, group->name, sizeof(removal->group));
        return mhp_remover_holds(group->source) && removal->held == MHP_SOURCE_UNKNOWN ? MHP_PHASE_HOLD : MHP_PHASE_OFFLINE;
}

int pursuit_start_unit(const struct pursuit_context *c, uint32_t id) {
        struct mhp_removal removal = *mhp_map_removal(c->map, id);
        struct pursuit *pursuit = pursuit_find(c, id);
        enum mhp_removal_phase phase;
        size_t from = pursuit->end;
        bool more = find_unit(c, pursuit);
        int r;

        pursuit->together = pursuit->apart = false;
        removal.n_done += pursuit_count_gone(c, pursuit, from, pursuit->unit);
        if (!more) {
                r = pursuit_record(c, &removal);
                if (r < 0)
                        return r;
                if (removal.held == MHP_SOURCE_UNKNOWN)
                        return pursuit_end(c, id);
                r = pursuit_set_phase(c, id, MHP_PHASE_LIFT, 0);
                return r < 0 ? r : 1;
        }
        phase = first_phase(c, pursuit, &removal);
        r = pursuit_record(c, &removal);
        if (r >= 0)
                r = pursuit_set_phase(c, id, phase, 0);
        return r < 0 ? r : 1;
}

/* Where a block belongs that policy has not spoken on is not known; the next turn knows it. */
static bool all_decided(const struct pursuit_context *c, const struct mhp_ranges *blocks) {
        for (size_t i = 0; i < blocks->n; i++)
                for (uint64_t nr = blocks->range[i].first; nr <= blocks->range[i].last; nr++) {
                        const struct mhp_block *block = mhp_map_find(c->map, (uint32_t) nr);

                        if (!(block->flags & MHP_BLOCK_SETTLED) || block->queue == MHP_QUEUE_UNDECIDED)
                                return false;
                }
        return true;
}

#define TOO_LARGE "what is left of the size is less than anything that could go, and more than was asked for is never taken"

/* Returns: 1: nothing can be chosen and the removal is given up; 0: the choice is made; -EAGAIN: a block of it has not been decided on yet. */
static int choose(const struct pursuit_context *c, uint32_t id) {
        _cleanup_ranges_ struct mhp_ranges chosen = { 0 };
        struct mhp_removal removal = *mhp_map_removal(c->map, id);
        struct pursuit *pursuit = pursuit_find(c, id);
        uint64_t asked = mhp_plan_asked(c->map, &pursuit->target);
        int r = mhp_plan_choose(c->map, &pursuit->target, &chosen);

        if (r == -ENOSPC || r == -ERANGE) {
                const char *words = r == -ERANGE ? TOO_LARGE : "there is not that much to be had";

                reset_plan(pursuit);
                return pursuit_abandon(c, id, MHP_ENDING_FAILED, removal.blame, removal.error, *pursuit->words ? NULL : words);
        }
        if (r < 0)
                return r;
        if (!all_decided(c, &chosen))
                return -EAGAIN;
        r = pursuit_set_members(c, &chosen, id);
        if (r < 0)
                return r;
        removal.n_total = removal.n_done + (uint32_t) mhp_ranges_count(&chosen);
        pursuit->partly = asked > mhp_ranges_count(&chosen);
        if (pursuit->partly && !*pursuit->words)
                pursuit_set_words(pursuit, TOO_LARGE);
        return pursuit_record(c, &removal);
}

/* Members that are no more have left, whoever saw to that. */
static int count_left(const struct pursuit_context *c, uint32_t id) {
        struct mhp_removal removal = *mhp_map_removal(c->map, id);
        uint32_t n = mhp_map_members(c->map, id)->n;

        removal.n_done = removal.n_total > n ? removal.n_total - n : 0;
        return pursuit_record(c, &removal);
}

int pursuit_choose(const struct pursuit_context *c, uint32_t id) {
        _cleanup_text_ struct mhp_text words = { 0 };
        struct pursuit *pursuit = pursuit_find(c, id);
        int r = 0;

        if (pursuit_is_sized(pursuit) && mhp_map_members(c->map, id)->n == 0)
                r = choose(c, id);
        if (r != 0)
                return r == -EAGAIN ? 0 : r;
        r = make_plan(c, pursuit);
        if (r < 0)
                return r;
        r = count_left(c, id);
        if (r < 0)
                return r;
        if (mhp_plan_has_room(c->map, &pursuit->plan, c->pressure, &words))
                return pursuit_start_unit(c, id);
        reset_plan(pursuit);
        return words.error < 0 ? words.error : pursuit_fail(c, id, MHP_NO_BLOCK, ENOMEM, words.data);
}
