/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A removal's next move. Nothing is remembered that the map does not show, but the order, which follows from it: who is a member, where
 * its home is, what is offline and what has gone say how far it is. */

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/units.h"
#include "core/explain.h"
#include "core/remover.h"
#include "core/ring-internal.h"
#include "model/word.h"

/* So many blocks one COUNT carries: other steps wait for it, and it takes a millisecond or some a block. */
#define BATCH_COUNT 16
/* Empty blocks go in one step: to hand each over on its own costs as much as taking it offline. Not more, for other steps wait for them. */
#define BATCH_EMPTY 32
/* What is offline leaves at once, or a remover is stuck; this is how long the wait for the last `remove` lasts, at least. */
#define LEAVE_USEC (30 * USEC_PER_SEC)

enum mhp_source ring_source_of(const struct mhp_ring *ring, const struct mhp_removal *removal) {
        const struct mhp_group *group = *removal->group ? mhp_map_find_group(ring->map, removal->group) : NULL;

        /* The last of it may have left by itself. */
        return group ? group->source : *removal->group ? mhp_source_of_group(removal->group) : (enum mhp_source) removal->held;
}

/* ------------------------------------------------------------------------------------------------------ the unit's course */

static int fail(struct mhp_ring *ring, uint64_t now, uint32_t id, uint32_t blame, int error, const char *words) {
        int r = ring_abandon(ring, now, id, MHP_ENDING_FAILED, blame, error, words);

        return r < 0 ? r : 1;
}

bool ring_is_held(const struct mhp_ring *ring, enum mhp_source source, uint32_t id) {
        for (size_t i = 0; i < ring->map->n_removals; i++) {
                const struct mhp_removal *other = &ring->map->removals[i];
                bool leaving = other->phase == MHP_PHASE_HAND || other->phase == MHP_PHASE_LEAVE;

                /* A hold that comes between the hand-over and its eject, which a kernel thread sees to some time later, would make that fail. */
                if (other->id != id && (other->held == source || (leaving && mhp_source_of_group(other->group) == source)))
                        return true;
        }
        return false;
}

/* Said before it is done: whoever finds this after a crash lifts a hold that may not be there, and that does no harm. */
static int do_hold(struct mhp_ring *ring, uint64_t now, uint32_t id) {
        struct mhp_removal removal = *mhp_map_removal(ring->map, id);
        struct mhp_pursuit *pursuit = ring_pursuit(ring, id);
        enum mhp_source source = ring_source_of(ring, &removal);
        int r;

        if (pursuit->answered) {
                int error = pursuit->error;

                if (error == 0) { /* what was held first has not been looked at yet */
                        r = ring_set_phase(ring, now, id, pursuit->plan.n_items > 0 ? MHP_PHASE_OFFLINE : MHP_PHASE_COUNT, 0);
                        return r < 0 ? r : 1;
                }
                /* Another's hold is not ours to lift. */
                if (error == EPERM) {
                        removal.held = MHP_SOURCE_UNKNOWN;
                        r = ring_record(ring, now, &removal);
                        if (r < 0)
                                return r;
                }
                return fail(ring, now, id, MHP_NO_BLOCK, error, error == EPERM ? mhp_remover_foreign_hold(source) : mhp_remover_no_hold(source));
        }
        /* One hold for one removal: whoever is first lifts it for the hand-over. */
        if (pursuit->sent || pursuit->next != MHP_VERB_NONE || ring_is_held(ring, source, id))
                return 0;
        removal.held = (uint8_t) source;
        pursuit->next = MHP_VERB_HOLD;
        return ring_record(ring, now, &removal);
}

int ring_nominate(struct mhp_ring *ring, uint64_t now, const struct mhp_block *block) {
        return ring_set_goal(ring, now, block->nr, MHP_WANT_NONE, MHP_REASON_REMOVAL);
}

/* Offline, and to stay so as far as we are concerned: not on its way online again, as a repair or an arrival would have it. */
bool ring_is_off(const struct mhp_block *block) {
        return block->state == MHP_STATE_OFFLINE && (block->goal == MHP_WANT_NONE || block->flags & MHP_BLOCK_HANDS_OFF);
}

/* A block that hosts others' memmap goes after all of these. One of them may have come back after its turn: then it is that one's again. False: it
 * cannot have it now. */
static bool layer_is_off(const struct mhp_ring *ring, struct mhp_pursuit *pursuit) {
        const struct mhp_plan_item *items = pursuit->plan.items;

        if (pursuit->at == pursuit->unit || items[pursuit->at].layer == items[pursuit->at - 1].layer)
                return true;
        for (size_t i = pursuit->unit; i < pursuit->at; i++) {
                const struct mhp_block *block = ring_item_block(ring, pursuit, i);

                if (!block || ring_is_off(block))
                        continue;
                if (mhp_map_members(ring->map, pursuit->id)->n_waiting > 0 || block->state == MHP_STATE_GOING_OFFLINE)
                        return false;
                pursuit->at = i;
        }
        return true;
}

/* The next block that is not off has its turn. 1: it has; 0: all have had theirs, or some of a lower layer have to go first. */
static int next_block(struct mhp_ring *ring, uint64_t now, struct mhp_pursuit *pursuit) {
        for (; pursuit->at < pursuit->end; pursuit->at++) {
                if (!layer_is_off(ring, pursuit))
                        return 0;
                const struct mhp_block *block = ring_item_block(ring, pursuit, pursuit->at);
                if (!block || ring_is_off(block))
                        continue;
                uint32_t nr = block->nr;
                int r = ring_nominate(ring, now, block);
                if (r < 0)
                        return r;
                /* What a repair, or an arrival, was about to bring online stays offline instead: no step goes out for it, so that the next has its turn. */
                if (ring_is_off(mhp_map_find(ring->map, nr)))
                        continue;
                pursuit->at++;
                return 1;
        }
        return 0;
}

/* Nothing is known to lie in it, so that it goes at once. If it does not, its deadline ends the step for those behind it. */
static bool is_light(const struct mhp_pursuit *pursuit, const struct mhp_block *block) {
        if (block->flags & MHP_BLOCK_COUNTED)
                return block->used == 0 && block->fixed == 0;
        return pursuit->empty && block->zone == MHP_ZONE_MOVABLE;
}

/* Whether the next that is not off may go in one step with the one that had its turn last: both are light, and neither hosts the other's memmap. */
static bool goes_along(const struct mhp_ring *ring, const struct mhp_pursuit *pursuit) {
        const struct mhp_plan_item *items = pursuit->plan.items;
        const struct mhp_block *last = ring_item_block(ring, pursuit, pursuit->at - 1);

        if (!last || !is_light(pursuit, last))
                return false;
        for (size_t i = pursuit->at; i < pursuit->end && items[i].layer == items[pursuit->at - 1].layer; i++) {
                const struct mhp_block *block = ring_item_block(ring, pursuit, i);

                if (block && !ring_is_off(block))
                        return is_light(pursuit, block);
        }
        return false;
}

static int next_blocks(struct mhp_ring *ring, uint64_t now, struct mhp_pursuit *pursuit) {
        if (ring_goes_as_one(ring, pursuit))
                return ring_nominate_all(ring, now, pursuit);

        int r = next_block(ring, now, pursuit);
        for (unsigned n = 1; r > 0 && n < BATCH_EMPTY && goes_along(ring, pursuit); n++)
                r = next_block(ring, now, pursuit);
        return r;
}

/* All have had their turn. Another hand may have been at one of them since, or be at it. 1: the unit is offline; 0: not yet. */
static int check_unit(struct mhp_ring *ring, struct mhp_pursuit *pursuit) {
        for (size_t i = pursuit->unit; i < pursuit->end; i++) {
                const struct mhp_block *block = ring_item_block(ring, pursuit, i);

                if (!block || ring_is_off(block))
                        continue;
                if (block->state != MHP_STATE_GOING_OFFLINE)
                        pursuit->at = MIN(pursuit->at, i);
                return 0;
        }
        return 1;
}

static int blame_block(struct mhp_ring *ring, uint64_t now, struct mhp_pursuit *pursuit) {
        for (size_t i = pursuit->unit; i < pursuit->end; i++) {
                const struct mhp_block *block = ring_item_block(ring, pursuit, i);
                _cleanup_text_ struct mhp_text words = { 0 };

                if (!block || !(block->flags & MHP_BLOCK_GAVE_UP) || block->state == MHP_STATE_OFFLINE)
                        continue;
                mhp_explain_keeps(ring->tally_block == block->nr ? &ring->tally : NULL, block->error, &words);
                if (words.error < 0)
                        return words.error;
                return fail(ring, now, pursuit->id, block->nr, block->error, words.data ? words.data : "");
        }
        return 0;
}

static int leave_unit(struct mhp_ring *ring, uint64_t now, uint32_t id);

/* All of the unit is offline. */
static int after_offline(struct mhp_ring *ring, uint64_t now, uint32_t id) {
        const struct mhp_removal *removal = mhp_map_removal(ring->map, id);
        enum mhp_source source = ring_source_of(ring, removal);
        int r;

        if (removal->verb == MHP_REMOVAL_OFFLINE || !mhp_remover_can(source))
                return leave_unit(ring, now, id);
        if (!mhp_remover_hands(source))
                r = ring_set_phase(ring, now, id, MHP_PHASE_LEAVE, now + MAX(LEAVE_USEC, ring->config.offline_timeout));
        else
                r = ring_set_phase(ring, now, id, removal->held != MHP_SOURCE_UNKNOWN ? MHP_PHASE_RELEASE : MHP_PHASE_HAND, 0);
        return r < 0 ? r : 1;
}

static int do_offline(struct mhp_ring *ring, uint64_t now, uint32_t id) {
        const struct mhp_member_sums *members = mhp_map_members(ring->map, id);
        struct mhp_pursuit *pursuit = ring_pursuit(ring, id);
        int r;

        if (members->n_gave_up > 0)
                return blame_block(ring, now, pursuit);
        if (members->n_active > 0)
                return 0;
        r = next_blocks(ring, now, pursuit);
        if (r != 0 || pursuit->at < pursuit->end || mhp_map_members(ring->map, id)->n_waiting > 0)
                return r < 0 ? r : 0;
        r = check_unit(ring, pursuit);
        if (r > 0)
                return after_offline(ring, now, id);
        return pursuit->at < pursuit->end ? 1 : 0;
}

/* Tried again for as long as it takes: a hold that is left on would make every later eject fail. 1: it is off. */
static int release(struct mhp_ring *ring, uint64_t now, uint32_t id) {
        struct mhp_removal removal = *mhp_map_removal(ring->map, id);
        struct mhp_pursuit *pursuit = ring_pursuit(ring, id);
        int r;

        if (removal.held == MHP_SOURCE_UNKNOWN)
                return 1;
        if (pursuit->answered) {
                pursuit->answered = pursuit->sent = false;
                if (pursuit->error == 0)
                        removal.held = MHP_SOURCE_UNKNOWN;
                else
                        removal.wait = now + mhp_ring_backoff(ring, 3);
                r = ring_record(ring, now, &removal);
                return r < 0 ? r : removal.held == MHP_SOURCE_UNKNOWN;
        }
        if (!pursuit->sent && now >= removal.wait)
                pursuit->next = MHP_VERB_RELEASE;
        return 0;
}

static int do_release(struct mhp_ring *ring, uint64_t now, uint32_t id) {
        enum mhp_source source = ring_source_of(ring, mhp_map_removal(ring->map, id));
        int r = release(ring, now, id);

        if (r <= 0)
                return r;
        if (!mhp_remover_hands(source)) /* virtio-mem: that was the end of it */
                return ring_start_unit(ring, now, id);
        r = ring_set_phase(ring, now, id, MHP_PHASE_HAND, 0);
        return r < 0 ? r : 1;
}

static bool unit_has_gone(const struct mhp_ring *ring, const struct mhp_pursuit *pursuit) {
        for (size_t i = pursuit->unit; i < pursuit->end; i++)
                if (ring_item_block(ring, pursuit, i))
                        return false;
        return true;
}

static int do_hand(struct mhp_ring *ring, uint64_t now, uint32_t id) {
        struct mhp_pursuit *pursuit = ring_pursuit(ring, id);
        int r;

        if (!pursuit->answered) {
                if (!pursuit->sent)
                        pursuit->next = MHP_VERB_HAND;
                return 0;
        }
        /* A device that has gone meanwhile is where it was to be. */
        if (pursuit->error != 0 && !unit_has_gone(ring, pursuit))
                return fail(ring, now, id, MHP_NO_BLOCK, pursuit->error, mhp_remover_no_hand(ring_source_of(ring, mhp_map_removal(ring->map, id))));
        r = ring_set_phase(ring, now, id, MHP_PHASE_LEAVE, now + MAX(LEAVE_USEC, ring->config.offline_timeout));
        return r < 0 ? r : 1;
}

static uint32_t unit_size(const struct mhp_pursuit *pursuit) {
        return (uint32_t) (pursuit->end - pursuit->unit);
}

/* Whether the next unit is of the same device, so that the hold on it stays. */
static bool goes_on(const struct mhp_ring *ring, const struct mhp_pursuit *pursuit, const char *name) {
        for (size_t i = pursuit->end; i < pursuit->plan.n_items; i++) {
                const struct mhp_block *block = ring_item_block(ring, pursuit, i);
                const struct mhp_group *group = block ? mhp_map_group(ring->map, block) : NULL;

                if (block)
                        return group && strcmp(group->name, name) == 0;
        }
        return false;
}

/* The unit has gone, or is offline for good. */
static int leave_unit(struct mhp_ring *ring, uint64_t now, uint32_t id) {
        struct mhp_removal removal = *mhp_map_removal(ring->map, id);
        struct mhp_pursuit *pursuit = ring_pursuit(ring, id);
        int r;

        for (size_t i = pursuit->unit; i < pursuit->end; i++) {
                const struct mhp_block *block = ring_item_block(ring, pursuit, i);

                if (!block)
                        continue;
                uint32_t nr = block->nr;
                r = ring_set_goal(ring, now, nr, MHP_WANT_NONE, MHP_REASON_REQUESTED);
                if (r >= 0)
                        r = mhp_ring_event(ring, &(struct mhp_event) { .type = MHP_EVENT_MEMBER, .now = now, .block = nr });
                if (r < 0)
                        return r;
        }
        if (removal.verb == MHP_REMOVAL_UNPLUG && *removal.group && !mhp_remover_can(mhp_source_of_group(removal.group)))
                ring_set_words(pursuit, mhp_remover_none());
        removal.n_done += unit_size(pursuit);
        pursuit->unit = pursuit->at = pursuit->end;
        r = ring_record(ring, now, &removal);
        if (r >= 0 && removal.held != MHP_SOURCE_UNKNOWN && !goes_on(ring, pursuit, removal.group))
                r = ring_set_phase(ring, now, id, MHP_PHASE_RELEASE, 0);
        else if (r >= 0)
                return ring_start_unit(ring, now, id);
        return r < 0 ? r : 1;
}

static int do_leave(struct mhp_ring *ring, uint64_t now, uint32_t id) {
        const struct mhp_removal *removal = mhp_map_removal(ring->map, id);

        if (unit_has_gone(ring, ring_pursuit(ring, id)))
                return leave_unit(ring, now, id);
        if (now < removal->wait)
                return 0;
        /* That the host has not asked is so for every block of the device. */
        ring_pursuit(ring, id)->hopeless = !mhp_remover_hands(ring_source_of(ring, removal));
        return fail(ring, now, id, MHP_NO_BLOCK, ETIMEDOUT, mhp_remover_stays(ring_source_of(ring, removal)));
}

/* Of a unit that is given up, what has left for all that; the rest is as before. */
static int count_gone(struct mhp_ring *ring, uint64_t now, uint32_t id) {
        struct mhp_removal removal = *mhp_map_removal(ring->map, id);
        const struct mhp_pursuit *pursuit = ring_pursuit(ring, id);

        for (size_t i = pursuit->unit; i < pursuit->end; i++)
                removal.n_done += !mhp_map_find(ring->map, pursuit->plan.items[i].nr);
        return ring_record(ring, now, &removal);
}

static int do_restore(struct mhp_ring *ring, uint64_t now, uint32_t id) {
        const struct mhp_member_sums *members = mhp_map_members(ring->map, id);
        int r;

        if (members->n_active > 0 || members->n_away > members->n_lost || ring_is_busy_for(ring, id))
                return 0;
        r = count_gone(ring, now, id);
        if (r >= 0)
                r = ring_set_phase(ring, now, id, MHP_PHASE_LIFT, 0);
        return r < 0 ? r : 1;
}

/* A size may be had elsewhere: with the unit that did not go out of the choice. */
static int try_another(struct mhp_ring *ring, uint64_t now, uint32_t id) {
        struct mhp_removal removal = *mhp_map_removal(ring->map, id);
        struct mhp_pursuit *pursuit = ring_pursuit(ring, id);
        uint64_t done = mhp_mul_sat(removal.n_done, ring->map->block_size);
        uint32_t nr;
        int r = 0;

        if (removal.blame != MHP_NO_BLOCK && pursuit->target.keep != MHP_KEEP_NONE)
                r = mhp_ranges_add(&pursuit->target.except, removal.blame, removal.blame);
        else
                for (size_t i = pursuit->unit; i < pursuit->end && r >= 0; i++)
                        r = mhp_ranges_add(&pursuit->target.except, pursuit->plan.items[i].nr, pursuit->plan.items[i].nr);
        FOREACH_MEMBER (nr, ring, id)
                if (r >= 0)
                        r = mhp_ring_event(ring, &(struct mhp_event) { .type = MHP_EVENT_MEMBER, .now = now, .block = nr });
        if (r < 0)
                return r;
        pursuit->target.size = removal.size > done ? removal.size - done : 0;
        removal.ending = MHP_ENDING_NONE;
        r = ring_record(ring, now, &removal);
        if (r >= 0)
                r = ring_set_phase(ring, now, id, MHP_PHASE_COUNT, 0);
        return r < 0 ? r : 1;
}

static int do_lift(struct mhp_ring *ring, uint64_t now, uint32_t id) {
        const struct mhp_removal *removal = mhp_map_removal(ring->map, id);
        const struct mhp_pursuit *pursuit = ring_pursuit(ring, id);
        int r = release(ring, now, id);

        if (r <= 0)
                return r;
        if (ring_by_size(pursuit) && removal->ending == MHP_ENDING_FAILED && pursuit->end > pursuit->unit && !pursuit->hopeless)
                return try_another(ring, now, id);
        r = ring_end(ring, now, id);
        return r < 0 ? r : 1;
}

/* ------------------------------------------------------------------------------------------------------------- the doors */

/* 1: it has moved, and may move again at once. */
static int advance(struct mhp_ring *ring, uint64_t now, uint32_t id) {
        const struct mhp_removal *removal = mhp_map_removal(ring->map, id);
        int r;

        if (removal->ending == MHP_ENDING_NONE && removal->until > 0 && now >= removal->until) {
                r = ring_abandon(ring, now, id, MHP_ENDING_TIMEOUT, MHP_NO_BLOCK, 0, NULL);
                return r < 0 ? r : 1;
        }
        switch ((enum mhp_removal_phase) removal->phase) {
        case MHP_PHASE_COUNT:
                return ring_do_count(ring, now, id);
        case MHP_PHASE_CHOOSE:
                return ring_do_choose(ring, now, id);
        case MHP_PHASE_HOLD:
                return do_hold(ring, now, id);
        case MHP_PHASE_OFFLINE:
                return do_offline(ring, now, id);
        case MHP_PHASE_RELEASE:
                return do_release(ring, now, id);
        case MHP_PHASE_HAND:
                return do_hand(ring, now, id);
        case MHP_PHASE_LEAVE:
                return do_leave(ring, now, id);
        case MHP_PHASE_RESTORE:
                return do_restore(ring, now, id);
        case MHP_PHASE_LIFT:
                return do_lift(ring, now, id);
        case MHP_PHASE_ENDED:
        case _MHP_PHASE_MAX:
                break;
        }
        return 0;
}

/* What one of them lets go, a hold above all, may be what one before it waits for. */
int mhp_ring_pursue(struct mhp_ring *ring, uint64_t now) {
        bool moved;

        do {
                moved = false;
                for (size_t i = 0; i < ring->map->n_removals; i++) {
                        int r;

                        while ((r = advance(ring, now, ring->map->removals[i].id)) > 0)
                                moved = true;
                        if (r < 0)
                                return r;
                }
        } while (moved);
        return 0;
}

static int send_count(struct mhp_ring *ring, struct mhp_pursuit *pursuit) {
        ring->n_batch = 0;
        for (size_t i = 0; i < pursuit->uncounted.n && ring->n_batch < BATCH_COUNT; i++)
                for (uint64_t nr = pursuit->uncounted.range[i].first; nr <= pursuit->uncounted.range[i].last && ring->n_batch < BATCH_COUNT; nr++) {
                        int r = ARRAY_GROW(ring->batch, ring->n_batch, ring->batch_capacity);
                        if (r < 0)
                                return r;
                        ring->batch[ring->n_batch++] = (uint32_t) nr;
                }
        for (size_t i = 0; i < ring->n_batch; i++) {
                int r = mhp_ranges_remove(&pursuit->uncounted, ring->batch[i], ring->batch[i]);
                if (r < 0)
                        return r;
        }
        return mhp_ring_send(ring, &(struct mhp_step) { .verb = MHP_VERB_COUNT, .blocks = ring->batch, .n_blocks = ring->n_batch });
}

/* A hold may be one from before a crash, and be lifted when another device's turn has come: its source counts then, and any name of it will do. */
static int send_device_step(struct mhp_ring *ring, enum mhp_verb verb, const struct mhp_removal *removal) {
        const char *source = mhp_source_name((enum mhp_source) removal->held);
        char name[MHP_GROUP_NAME_MAX];

        memcpy(name, removal->group, sizeof(name));
        if (verb == MHP_VERB_RELEASE && source && mhp_source_of_group(removal->group) != removal->held) {
                name[0] = '\0';
                strncat(name, source, sizeof(name) - 2);
                strncat(name, ":", sizeof(name) - 1 - strlen(name));
        }
        return mhp_ring_send(ring, &(struct mhp_step) { .verb = verb, .group = name });
}

int mhp_ring_pursuit_step(struct mhp_ring *ring, uint64_t now) {
        (void) now;
        for (size_t i = 0; i < ring->n_pursuits; i++) {
                struct mhp_pursuit *pursuit = &ring->pursuits[i];
                enum mhp_verb verb = pursuit->next;

                if (verb == MHP_VERB_NONE)
                        continue;
                const struct mhp_removal *removal = mhp_map_removal(ring->map, pursuit->id);
                pursuit->next = MHP_VERB_NONE;
                pursuit->sent = true;
                pursuit->answered = false;
                ring->busy_removal = pursuit->id;
                ring->n_batch = verb == MHP_VERB_COUNT ? ring->n_batch : 0;
                int r = verb == MHP_VERB_COUNT ? send_count(ring, pursuit) : send_device_step(ring, verb, removal);
                return r < 0 ? r : 1;
        }
        return 0;
}

void mhp_ring_pursuit_answer(struct mhp_ring *ring, int error) {
        struct mhp_pursuit *pursuit = ring_pursuit(ring, ring->busy_removal);

        /* What was given up meanwhile has forgotten that it asked. */
        if (!pursuit || !pursuit->sent)
                return;
        pursuit->answered = true;
        pursuit->error = error;
}

int mhp_ring_fought(struct mhp_ring *ring, uint64_t now, uint32_t nr) {
        const struct mhp_block *block = mhp_map_find(ring->map, nr);
        const struct mhp_removal *found = mhp_map_removal(ring->map, block->removal);
        struct mhp_pursuit *pursuit = ring_pursuit(ring, block->removal);

        if (!found || !pursuit || found->ending != MHP_ENDING_NONE || found->phase == MHP_PHASE_ENDED)
                return 0;
        struct mhp_removal removal = *found;

        removal.fights++;
        if (removal.fights < ring->config.attempts) {
                int r = ring_start_over(ring, now, pursuit, true);
                if (r < 0)
                        return r;
                /* On its way out of the machine it has to go offline once more. */
                if (removal.phase == MHP_PHASE_RELEASE || removal.phase == MHP_PHASE_HAND || removal.phase == MHP_PHASE_LEAVE)
                        return ring_abandon(ring, now, removal.id, MHP_ENDING_FOUGHT, nr, 0, "another hand brought it online again");
                return ring_record(ring, now, &removal);
        }
        int r = ring_record(ring, now, &removal);
        return r < 0 ? r : ring_abandon(ring, now, removal.id, MHP_ENDING_FOUGHT, nr, 0, "another hand brings it online again and again");
}

uint64_t mhp_ring_pursuit_tick(const struct mhp_ring *ring) {
        uint64_t at = UINT64_MAX;

        for (size_t i = 0; i < ring->map->n_removals; i++) {
                const struct mhp_removal *removal = &ring->map->removals[i];

                if (removal->phase == MHP_PHASE_ENDED)
                        continue;
                if (removal->until > 0 && removal->ending == MHP_ENDING_NONE)
                        at = MIN(at, removal->until);
                if (removal->wait > 0 && removal->phase != MHP_PHASE_RESTORE)
                        at = MIN(at, removal->wait);
        }
        return at;
}
