/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A removal before it touches anything: what lies in the blocks, which of them go, in which order, and whose turn is next. */

#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "core/remover.h"
#include "core/ring-internal.h"

/* Longer than that nobody waits for figures that only improve an order. */
#define COUNT_USEC (10 * USEC_PER_SEC)

/* ------------------------------------------------------------------------------------------------------------- the order */

static void reset_plan(struct mhp_pursuit *pursuit) {
        mhp_plan_done(&pursuit->plan);
        pursuit->plan = (struct mhp_plan) { 0 };
        pursuit->unit = pursuit->at = pursuit->end = 0;
}

static int make_plan(struct mhp_ring *ring, struct mhp_pursuit *pursuit) {
        _cleanup_ranges_ struct mhp_ranges members = { 0 };
        const struct mhp_removal *removal = mhp_map_removal(ring->map, pursuit->id);
        uint32_t nr;
        int r = 0;

        reset_plan(pursuit);
        FOREACH_MEMBER (nr, ring, pursuit->id) {
                r = mhp_ranges_add(&members, nr, nr);
                if (r < 0)
                        return r;
        }
        return mhp_plan_order(ring->map, &members, removal->verb == MHP_REMOVAL_UNPLUG, ring->backing, &pursuit->plan);
}

const struct mhp_block *ring_item_block(const struct mhp_ring *ring, const struct mhp_pursuit *pursuit, size_t i) {
        const struct mhp_block *block = mhp_map_find(ring->map, pursuit->plan.items[i].nr);

        return block && block->removal == pursuit->id ? block : NULL;
}

/* The next unit of which something is still there. False: there is none. */
static bool find_unit(const struct mhp_ring *ring, struct mhp_pursuit *pursuit) {
        const struct mhp_plan *plan = &pursuit->plan;

        for (size_t i = pursuit->end; i < plan->n_items; i = pursuit->end) {
                bool there = false;

                pursuit->unit = pursuit->at = i;
                for (; i < plan->n_items && plan->items[i].unit == plan->items[pursuit->unit].unit; i++)
                        there = there || ring_item_block(ring, pursuit, i);
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

bool ring_by_size(const struct mhp_pursuit *pursuit) {
        return mhp_target_is_sized(&pursuit->target);
}

/* The blocks that the choice or the order is about. */
static int list_uncounted(struct mhp_ring *ring, struct mhp_pursuit *pursuit) {
        _cleanup_ranges_ struct mhp_ranges all = { 0 };
        uint32_t nr;
        int r = 0;

        mhp_ranges_done(&pursuit->uncounted);
        pursuit->uncounted = (struct mhp_ranges) { 0 };
        if (ring_by_size(pursuit) && mhp_map_members(ring->map, pursuit->id)->n == 0)
                r = mhp_plan_candidates(ring->map, &pursuit->target, &all);
        else
                FOREACH_MEMBER (nr, ring, pursuit->id)
                        if (r >= 0)
                                r = mhp_ranges_add(&all, nr, nr);
        for (size_t i = 0; i < all.n && r >= 0; i++)
                for (const struct mhp_block *b = mhp_map_at_or_after(ring->map, all.range[i].first); b && b->nr <= all.range[i].last && r >= 0;
                     b = mhp_map_next_block(ring->map, b))
                        if (wants_count(b))
                                r = mhp_ranges_add(&pursuit->uncounted, b->nr, b->nr);
        return r < 0 ? r : 0;
}

/* The zone counters say what counting would: that Movable is as good as empty, and with it all of the members. */
static bool is_empty(const struct mhp_ring *ring, uint32_t id) {
        uint32_t nr;

        if (ring->pressure.page_size == 0 || ring->pressure.movable_used > ring->map->block_size / 8)
                return false;
        FOREACH_MEMBER (nr, ring, id) {
                const struct mhp_block *block = mhp_map_find(ring->map, nr);

                if (block->state != MHP_STATE_OFFLINE && block->zone != MHP_ZONE_MOVABLE)
                        return false;
        }
        return true;
}

int ring_do_count(struct mhp_ring *ring, uint64_t now, uint32_t id) {
        const struct mhp_removal *removal = mhp_map_removal(ring->map, id);
        struct mhp_pursuit *pursuit = ring_pursuit(ring, id);
        int r;

        if (removal->wait == 0) {
                pursuit->empty = !ring_by_size(pursuit) && is_empty(ring, id);
                r = pursuit->empty ? 0 : list_uncounted(ring, pursuit);
                if (r >= 0)
                        r = ring_set_phase(ring, now, id, MHP_PHASE_COUNT, now + COUNT_USEC);
                return r < 0 ? r : 1;
        }
        if (pursuit->sent && !pursuit->answered)
                return 0;
        /* One block has nothing to be put in order with. */
        if (ring->blind || now >= removal->wait || mhp_ranges_count(&pursuit->uncounted) == 0) {
                r = ring_set_phase(ring, now, id, MHP_PHASE_CHOOSE, 0);
                return r < 0 ? r : 1;
        }
        pursuit->sent = pursuit->answered = false;
        pursuit->next = MHP_VERB_COUNT;
        return 0;
}

int ring_start_unit(struct mhp_ring *ring, uint64_t now, uint32_t id) {
        struct mhp_removal removal = *mhp_map_removal(ring->map, id);
        struct mhp_pursuit *pursuit = ring_pursuit(ring, id);
        enum mhp_removal_phase phase = MHP_PHASE_OFFLINE;
        int r;

        size_t from = pursuit->end;
        bool more = find_unit(ring, pursuit);

        pursuit->together = pursuit->apart = false;
        for (size_t i = from; i < pursuit->unit; i++)
                removal.n_done += !mhp_map_find(ring->map, pursuit->plan.items[i].nr);
        if (pursuit->unit > from) {
                r = ring_record(ring, now, &removal);
                if (r < 0)
                        return r;
        }
        if (!more) {
                r = removal.held != MHP_SOURCE_UNKNOWN ? ring_set_phase(ring, now, id, MHP_PHASE_LIFT, 0) : ring_end(ring, now, id);
                return r < 0 ? r : 1;
        }

        removal.group[0] = '\0';
        if (removal.verb == MHP_REMOVAL_UNPLUG)
                for (size_t i = pursuit->unit; i < pursuit->end && !*removal.group; i++) {
                        const struct mhp_block *block = ring_item_block(ring, pursuit, i);
                        const struct mhp_group *group = block ? mhp_map_group(ring->map, block) : NULL;

                        if (group)
                                memcpy(removal.group, group->name, sizeof(removal.group));
                        /* Single blocks of one device follow each other under one hold. */
                        if (group && mhp_remover_holds(group->source) && removal.held == MHP_SOURCE_UNKNOWN)
                                phase = MHP_PHASE_HOLD;
                }
        r = ring_record(ring, now, &removal);
        if (r >= 0)
                r = ring_set_phase(ring, now, id, phase, 0);
        return r < 0 ? r : 1;
}

/* Where a block belongs that policy has not spoken on is not known; the next turn knows it. */
static bool all_decided(const struct mhp_ring *ring, const struct mhp_ranges *blocks) {
        for (size_t i = 0; i < blocks->n; i++)
                for (uint64_t nr = blocks->range[i].first; nr <= blocks->range[i].last; nr++) {
                        const struct mhp_block *block = mhp_map_find(ring->map, (uint32_t) nr);

                        if (!(block->flags & MHP_BLOCK_SETTLED) || block->queue == MHP_QUEUE_UNDECIDED)
                                return false;
                }
        return true;
}

#define TOO_LARGE "what is left of the size is less than anything that could go, and more than was asked for is never taken"

/* 1: that came to nothing, and it goes another way; 0: chosen; -EAGAIN: not yet. */
static int choose(struct mhp_ring *ring, uint64_t now, uint32_t id) {
        _cleanup_ranges_ struct mhp_ranges chosen = { 0 };
        struct mhp_removal removal = *mhp_map_removal(ring->map, id);
        struct mhp_pursuit *pursuit = ring_pursuit(ring, id);
        uint64_t asked = mhp_plan_asked(ring->map, &pursuit->target);
        int r = mhp_plan_choose(ring->map, &pursuit->target, &chosen);

        if (r == -ENOSPC || r == -ERANGE) {
                reset_plan(pursuit);
                r = ring_abandon(ring, now, id, MHP_ENDING_FAILED, removal.blame, removal.error,
                                 *pursuit->words ? NULL : r == -ERANGE ? TOO_LARGE : "there is not that much to be had");
                return r < 0 ? r : 1;
        }
        if (r >= 0 && !all_decided(ring, &chosen))
                return -EAGAIN;
        for (size_t i = 0; i < chosen.n && r >= 0; i++)
                for (uint64_t nr = chosen.range[i].first; nr <= chosen.range[i].last && r >= 0; nr++)
                        r = ring_set_member(ring, now, (uint32_t) nr, id);
        removal.n_total = removal.n_done + (uint32_t) mhp_ranges_count(&chosen);
        pursuit->partly = asked > mhp_ranges_count(&chosen);
        if (pursuit->partly && !*pursuit->words)
                ring_set_words(pursuit, TOO_LARGE);
        return r < 0 ? r : ring_record(ring, now, &removal);
}

/* Members that are no more have left, whoever saw to that. */
static int count_left(struct mhp_ring *ring, uint64_t now, uint32_t id) {
        struct mhp_removal removal = *mhp_map_removal(ring->map, id);
        uint32_t n = mhp_map_members(ring->map, id)->n;

        removal.n_done = removal.n_total > n ? removal.n_total - n : 0;
        return ring_record(ring, now, &removal);
}

int ring_do_choose(struct mhp_ring *ring, uint64_t now, uint32_t id) {
        struct mhp_pursuit *pursuit = ring_pursuit(ring, id);
        int r = 0;

        if (ring_by_size(pursuit) && mhp_map_members(ring->map, id)->n == 0)
                r = choose(ring, now, id);
        if (r != 0)
                return r == -EAGAIN ? 0 : r;
        r = make_plan(ring, pursuit);
        if (r >= 0)
                r = count_left(ring, now, id);
        if (r >= 0) {
                _cleanup_text_ struct mhp_text words = { 0 };

                if (!mhp_plan_has_room(ring->map, &pursuit->plan, &ring->pressure, &words)) {
                        reset_plan(pursuit);
                        r = words.error < 0 ? words.error : ring_abandon(ring, now, id, MHP_ENDING_FAILED, MHP_NO_BLOCK, ENOMEM, words.data);
                        return r < 0 ? r : 1;
                }
        }
        return r < 0 ? r : ring_start_unit(ring, now, id);
}
