/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Removals: how they begin, are given up and end, and how one that a mhpd before this left behind is found again. */

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/units.h"
#include "core/notes.h"
#include "core/remover.h"
#include "core/ring-internal.h"
#include "model/word.h"

/* ------------------------------------------------------------------------------------------------------------ its record */

struct mhp_pursuit *ring_pursuit(struct mhp_ring *ring, uint32_t id) {
        for (size_t i = 0; i < ring->n_pursuits; i++)
                if (ring->pursuits[i].id == id)
                        return &ring->pursuits[i];
        return NULL;
}

int ring_record(struct mhp_ring *ring, uint64_t now, const struct mhp_removal *removal) {
        return mhp_ring_event(ring, &(struct mhp_event) { .type = MHP_EVENT_REMOVAL, .now = now, .id = removal->id, .removal = removal });
}

int ring_set_phase(struct mhp_ring *ring, uint64_t now, uint32_t id, enum mhp_removal_phase phase, uint64_t wait) {
        struct mhp_removal removal = *mhp_map_removal(ring->map, id);
        struct mhp_pursuit *pursuit = ring_pursuit(ring, id);

        removal.phase = (uint8_t) phase;
        removal.wait = wait;
        pursuit->next = MHP_VERB_NONE;
        pursuit->sent = pursuit->answered = false;
        return ring_record(ring, now, &removal);
}

int ring_set_goal(struct mhp_ring *ring, uint64_t now, uint32_t nr, enum mhp_want want, enum mhp_reason reason) {
        return mhp_ring_event(ring, &(struct mhp_event) {
                .type = MHP_EVENT_GOAL, .now = now, .block = nr, .want = want, .reason = reason });
}

/* Going offline it still is where it was; and on its way online it is as good as there, or in the zone that it is to be put into because nobody has
 * decided on the one where it is. */
static enum mhp_zone home_of(const struct mhp_block *block) {
        bool moves = block->flags & (MHP_BLOCK_ASTRAY | MHP_BLOCK_REPAIRING) && (block->goal == MHP_WANT_MOVABLE || block->goal == MHP_WANT_KERNEL);

        if (block->state != MHP_STATE_OFFLINE && (!moves || mhp_block_goal_met(block)))
                return (enum mhp_zone) block->zone;
        if (block->flags & MHP_BLOCK_HANDS_OFF)
                return MHP_ZONE_UNSET;
        return block->goal == MHP_WANT_MOVABLE ? MHP_ZONE_MOVABLE : block->goal == MHP_WANT_KERNEL ? MHP_ZONE_NORMAL : MHP_ZONE_UNSET;
}

int ring_set_member(struct mhp_ring *ring, uint64_t now, uint32_t nr, uint32_t id) {
        const struct mhp_block *block = mhp_map_find(ring->map, nr);
        enum mhp_zone home = block ? home_of(block) : MHP_ZONE_UNSET;

        return mhp_ring_event(ring, &(struct mhp_event) { .type = MHP_EVENT_MEMBER, .now = now, .block = nr, .id = id, .zone = home });
}

void ring_set_words(struct mhp_pursuit *pursuit, const char *words) {
        size_t len = strnlen(words, sizeof(pursuit->words) - 1);

        memcpy(pursuit->words, words, len);
        pursuit->words[len] = '\0';
}

/* The first member at or after the block. */
const struct mhp_block *ring_member_after(const struct mhp_ring *ring, uint32_t id, uint32_t nr) {
        const struct mhp_block *block = mhp_map_at_or_after(ring->map, nr);

        while (block && block->removal != id)
                block = mhp_map_next_block(ring->map, block);
        return block;
}

/* ---------------------------------------------------------------------------------------------------------- giving it up */

bool ring_is_busy_for(const struct mhp_ring *ring, uint32_t id) {
        return ring->busy != MHP_VERB_NONE && ring->busy_removal == id;
}

/* What is not wanted any more must not hold up everything else for its whole deadline. A release is always wanted. */
static int interrupt(struct mhp_ring *ring, uint32_t id) {
        if (!ring_is_busy_for(ring, id) || ring->busy == MHP_VERB_RELEASE)
                return 0;
        return ring->step(ring->userdata, &(struct mhp_step) { .verb = MHP_VERB_INTERRUPT, .node = -1, .barrier = MHP_NO_BLOCK });
}

/* What was taken is to go back where it was; with OnFailure=keep it stays offline, as if that had been asked for. What has not been taken stays. */
static int turn_back(struct mhp_ring *ring, uint64_t now, uint32_t id) {
        bool keep = ring->config.on_failure == MHP_ON_FAILURE_KEEP;
        uint32_t nr;
        int r;

        FOREACH_MEMBER (nr, ring, id) {
                const struct mhp_block *block = mhp_map_find(ring->map, nr);
                enum mhp_want home = mhp_zone_class((enum mhp_zone) block->home);

                if (block->reason != MHP_REASON_REMOVAL)
                        continue;
                if ((keep && block->state == MHP_STATE_OFFLINE) || home == MHP_WANT_UNSET)
                        r = ring_set_goal(ring, now, nr, MHP_WANT_NONE, MHP_REASON_REQUESTED);
                else
                        r = ring_set_goal(ring, now, nr, home, MHP_REASON_RESTORED);
                if (r >= 0 && keep)
                        r = mhp_ring_event(ring, &(struct mhp_event) { .type = MHP_EVENT_MEMBER, .now = now, .block = nr });
                if (r < 0)
                        return r;
        }
        return 0;
}

int ring_abandon(struct mhp_ring *ring, uint64_t now, uint32_t id, enum mhp_ending why, uint32_t blame, int error, const char *words) {
        struct mhp_removal removal = *mhp_map_removal(ring->map, id);
        struct mhp_pursuit *pursuit = ring_pursuit(ring, id);
        int r;

        removal.ending = (uint8_t) why;
        removal.blame = blame;
        removal.error = (uint16_t) error;
        if (words)
                ring_set_words(pursuit, words);
        r = ring_record(ring, now, &removal);
        if (r >= 0)
                r = ring_set_phase(ring, now, id, MHP_PHASE_RESTORE, 0);
        if (r >= 0)
                r = turn_back(ring, now, id);
        return r < 0 ? r : interrupt(ring, id);
}

static int report_end(struct mhp_ring *ring, const struct mhp_removal *removal) {
        const struct mhp_pursuit *pursuit = ring_pursuit(ring, removal->id);
        _cleanup_text_ struct mhp_text words = { 0 };

        mhp_text_printf(&words, "%s of %s: %s, %u of %u blocks", mhp_removal_verb_name((enum mhp_removal_verb) removal->verb), removal->target,
                        mhp_ending_name((enum mhp_ending) removal->ending), removal->n_done, removal->n_total);
        if (removal->blame != MHP_NO_BLOCK)
                mhp_text_printf(&words, "; it failed at block %u", removal->blame);
        if (*pursuit->words)
                mhp_text_printf(&words, ": %s", pursuit->words);
        if (words.error < 0)
                return words.error;
        int r = mhp_notes_flush(ring->notes);
        return r < 0 ? r : ring->step(ring->userdata, &(struct mhp_step) {
                .verb = MHP_VERB_REPORT, .note = MHP_NOTE_REMOVED, .words = words.data, .node = -1, .barrier = MHP_NO_BLOCK,
                .group = *removal->group ? removal->group : NULL, .error = removal->error, .removal = removal->id });
}

/* Less was chosen than was asked for; after a restart only a size tells. */
static bool is_partly(const struct mhp_ring *ring, const struct mhp_removal *removal) {
        return ring_pursuit((struct mhp_ring *) ring, removal->id)->partly ||
               (removal->n_total > 0 && mhp_mul_sat(removal->n_total, ring->map->block_size) < removal->size);
}

int ring_end(struct mhp_ring *ring, uint64_t now, uint32_t id) {
        struct mhp_removal removal = *mhp_map_removal(ring->map, id);
        uint32_t nr;
        int r;

        FOREACH_MEMBER (nr, ring, id) {
                r = mhp_ring_event(ring, &(struct mhp_event) { .type = MHP_EVENT_MEMBER, .now = now, .block = nr });
                if (r < 0)
                        return r;
        }
        if (removal.n_done >= removal.n_total && (removal.n_total > 0 || removal.ending == MHP_ENDING_NONE))
                removal.ending = is_partly(ring, &removal) ? MHP_ENDING_PARTLY : MHP_ENDING_DONE;
        else if (removal.ending == MHP_ENDING_NONE)
                removal.ending = MHP_ENDING_PARTLY;
        else if (removal.ending == MHP_ENDING_FAILED && removal.n_done > 0)
                removal.ending = MHP_ENDING_PARTLY;
        removal.phase = MHP_PHASE_ENDED;
        removal.wait = removal.until = 0;
        r = ring_record(ring, now, &removal);
        return r < 0 ? r : report_end(ring, &removal);
}

/* ------------------------------------------------------------------------------------------------------ beginning and end */

static void pursuit_done(struct mhp_pursuit *pursuit) {
        mhp_target_done(&pursuit->target);
        mhp_plan_done(&pursuit->plan);
        mhp_ranges_done(&pursuit->uncounted);
}

void mhp_ring_pursuits_done(struct mhp_ring *ring) {
        for (size_t i = 0; i < ring->n_pursuits; i++)
                pursuit_done(&ring->pursuits[i]);
        free(ring->pursuits);
}

static int copy_ranges(const struct mhp_ranges *from, struct mhp_ranges *to) {
        int r = 0;

        for (size_t i = 0; i < from->n && r >= 0; i++)
                r = mhp_ranges_add(to, from->range[i].first, from->range[i].last);
        return r < 0 ? r : 0;
}

static int add_pursuit(struct mhp_ring *ring, uint32_t id, const struct mhp_target *target) {
        struct mhp_pursuit pursuit = { .id = id, .target = { .verb = target->verb, .size = target->size, .at_least = target->at_least, .keep = target->keep } };
        int r = copy_ranges(&target->blocks, &pursuit.target.blocks);

        if (r >= 0)
                r = ARRAY_GROW(ring->pursuits, ring->n_pursuits, ring->pursuits_capacity);
        if (r < 0) {
                pursuit_done(&pursuit);
                return r;
        }
        ring->pursuits[ring->n_pursuits++] = pursuit;
        return 0;
}

static bool leaves_in_pieces(const struct mhp_ring *ring, const struct mhp_block *block) {
        uint32_t n;

        (void) mhp_map_device_block(ring->map, block, &n);
        return n > 1;
}

/* A DIMM that is asked for in part: the rest of it cannot stay. */
static bool is_part(const struct mhp_ring *ring, const struct mhp_target *target, const struct mhp_block *block) {
        const struct mhp_group *group = mhp_map_group(ring->map, block);
        uint32_t n, first = mhp_map_device_block(ring->map, block, &n), last = first + (n - 1);

        if (target->verb != MHP_REMOVAL_UNPLUG || target->keep != MHP_KEEP_NONE || !group)
                return false;
        if (mhp_source_is_unit(group->source))
                first = group->first, last = group->last;
        for (const struct mhp_block *b = mhp_map_at_or_after(ring->map, first); b && b->nr <= last; b = mhp_map_next_block(ring->map, b))
                if (b->group == block->group && !mhp_ranges_contain(&target->blocks, b->nr))
                        return true;
        return false;
}

static int check_block(const struct mhp_ring *ring, const struct mhp_target *target, uint32_t nr, uint32_t *ret_id) {
        const struct mhp_block *block = mhp_map_find(ring->map, nr);

        if (!block)
                return -ENOENT;
        if (block->removal != 0) {
                *ret_id = block->removal;
                return -EBUSY;
        }
        /* Whose it is, what else belongs to it, or where it would be otherwise, is not known yet. */
        if (!(block->flags & MHP_BLOCK_SETTLED) || block->queue == MHP_QUEUE_UNDECIDED)
                return -EAGAIN;
        if (target->verb == MHP_REMOVAL_UNPLUG && block->group == MHP_NO_GROUP)
                return -ENXIO;
        if (target->verb == MHP_REMOVAL_UNPLUG && mhp_map_group(ring->map, block)->source == MHP_SOURCE_BOOT)
                return -EOPNOTSUPP;
        if (target->keep != MHP_KEEP_NONE)
                return 0;
        if (block->zone == MHP_ZONE_NONE)
                return -EPERM;
        return 0;
}

static int check_target(const struct mhp_ring *ring, const struct mhp_target *target, uint32_t *ret_block, uint32_t *ret_id) {
        _cleanup_ranges_ struct mhp_ranges choice = { 0 };
        uint32_t group = MHP_NO_GROUP;

        for (size_t i = 0; i < target->blocks.n; i++)
                for (uint64_t nr = target->blocks.range[i].first; nr <= target->blocks.range[i].last; nr++) {
                        int r = check_block(ring, target, (uint32_t) nr, ret_id);
                        const struct mhp_block *block = mhp_map_find(ring->map, (uint32_t) nr);

                        /* Asked once a group, or for each piece of it. */
                        if (r >= 0 && (block->group != group || leaves_in_pieces(ring, block)) && is_part(ring, target, block))
                                r = -EXDEV;
                        if (r < 0) {
                                *ret_block = (uint32_t) nr;
                                return r;
                        }
                        group = block->group;
                }
        return mhp_target_is_sized(target) ? mhp_plan_choose(ring->map, target, &choice) : 0;
}

static void print_target(struct mhp_removal *removal, const char *words) {
        size_t len = strlen(words);

        memcpy(removal->target, words, MIN(len, sizeof(removal->target) - 1));
        if (len >= sizeof(removal->target))
                memcpy(removal->target + sizeof(removal->target) - 4, "...", 4);
}

static int report_begin(struct mhp_ring *ring, const struct mhp_removal *removal) {
        _cleanup_text_ struct mhp_text words = { 0 };

        mhp_text_printf(&words, "%s of %s", mhp_removal_verb_name((enum mhp_removal_verb) removal->verb), removal->target);
        if (words.error < 0)
                return words.error;
        int r = mhp_notes_flush(ring->notes);
        return r < 0 ? r : ring->step(ring->userdata, &(struct mhp_step) {
                .verb = MHP_VERB_REPORT, .note = MHP_NOTE_REMOVAL, .words = words.data, .node = -1, .barrier = MHP_NO_BLOCK,
                .removal = removal->id });
}

/* The device that all of it belongs to: that of its first block. */
static bool target_group(const struct mhp_map *map, const struct mhp_target *target, char ret[static MHP_GROUP_NAME_MAX]) {
        const struct mhp_block *block = target->blocks.n > 0 ? mhp_map_find(map, target->blocks.range[0].first) : NULL;
        const struct mhp_group *group = block ? mhp_map_group(map, block) : NULL;

        if (group)
                memcpy(ret, group->name, MHP_GROUP_NAME_MAX);
        return group;
}

int mhp_ring_remove(struct mhp_ring *ring, uint64_t now, const struct mhp_target *target, const char *words, uint64_t timeout, uint32_t id,
                    uint32_t *ret_block, uint32_t *ret_id) {
        struct mhp_removal removal = {
                .id = id,
                .verb = (uint8_t) target->verb,
                .phase = MHP_PHASE_COUNT,
                .until = timeout > 0 ? mhp_add_sat(now, timeout) : 0,
                .size = target->size,
                .blame = MHP_NO_BLOCK,
        };
        int r = check_target(ring, target, ret_block, ret_id);

        if (r < 0)
                return r;
        print_target(&removal, words);
        if (target->hold_first && target_group(ring->map, target, removal.group) && mhp_remover_holds(mhp_source_of_group(removal.group)))
                removal.phase = MHP_PHASE_HOLD;
        if (target->keep == MHP_KEEP_NONE)
                removal.n_total = (uint32_t) mhp_ranges_count(&target->blocks);
        r = add_pursuit(ring, id, target);
        if (r >= 0)
                r = ring_record(ring, now, &removal);
        for (size_t i = 0; i < target->blocks.n && r >= 0 && target->keep == MHP_KEEP_NONE; i++)
                for (uint64_t nr = target->blocks.range[i].first; nr <= target->blocks.range[i].last && r >= 0; nr++)
                        r = ring_set_member(ring, now, (uint32_t) nr, id);
        return r < 0 ? r : report_begin(ring, &removal);
}

int mhp_ring_give_up(struct mhp_ring *ring, uint64_t now, uint32_t id, enum mhp_ending why) {
        const struct mhp_removal *removal = mhp_map_removal(ring->map, id);

        if (!removal || removal->phase == MHP_PHASE_ENDED)
                return -ENOENT;
        if (removal->ending != MHP_ENDING_NONE) {
                /* On its way back already; nothing else is tried after that. */
                struct mhp_removal changed = *removal;

                changed.ending = (uint8_t) why;
                return ring_record(ring, now, &changed);
        }
        return ring_abandon(ring, now, id, why, MHP_NO_BLOCK, 0, NULL);
}

int mhp_ring_forget(struct mhp_ring *ring, uint32_t id) {
        for (size_t i = 0; i < ring->n_pursuits; i++)
                if (ring->pursuits[i].id == id) {
                        pursuit_done(&ring->pursuits[i]);
                        ring->pursuits[i] = ring->pursuits[--ring->n_pursuits];
                        break;
                }
        return mhp_ring_event(ring, &(struct mhp_event) { .type = MHP_EVENT_REMOVAL, .id = id });
}

const char *mhp_ring_removal_words(const struct mhp_ring *ring, uint32_t id) {
        const struct mhp_pursuit *pursuit = ring_pursuit((struct mhp_ring *) ring, id);

        return pursuit ? pursuit->words : "";
}

/* ------------------------------------------------------------------------------------------------------- after a restart */

/* A block that is offline and has a home was taken: nobody else is at the members of a removal, as far as can be known. */
static int resume_member(struct mhp_ring *ring, uint64_t now, const struct mhp_block *was, bool back) {
        const struct mhp_block *block = mhp_map_find(ring->map, was->nr);
        enum mhp_want home = mhp_zone_class((enum mhp_zone) was->home);
        int r;

        if (!block || block->removal != 0)
                return 0;
        r = mhp_ring_event(ring, &(struct mhp_event) {
                .type = MHP_EVENT_MEMBER, .now = now, .block = was->nr, .id = was->removal, .zone = (enum mhp_zone) was->home });
        if (r < 0 || block->state != MHP_STATE_OFFLINE)
                return r;
        if (home == MHP_WANT_UNSET)
                return ring_set_goal(ring, now, was->nr, MHP_WANT_NONE, MHP_REASON_REQUESTED);
        return back ? ring_set_goal(ring, now, was->nr, home, MHP_REASON_RESTORED) : ring_set_goal(ring, now, was->nr, MHP_WANT_NONE, MHP_REASON_REMOVAL);
}

/* Where to go on. Whether the hold is on, and whether the device was handed over, is not known: both can be done again. What lies in the blocks is counted
 * again, for there has to be room for it. */
static enum mhp_removal_phase phase_after(const struct mhp_removal *removal) {
        switch ((enum mhp_removal_phase) removal->phase) {
        case MHP_PHASE_RESTORE:
        case MHP_PHASE_LIFT:
        case MHP_PHASE_ENDED:
                return (enum mhp_removal_phase) removal->phase;
        case MHP_PHASE_COUNT:
        case MHP_PHASE_CHOOSE:
        case MHP_PHASE_HOLD:
        case MHP_PHASE_OFFLINE:
        case MHP_PHASE_RELEASE:
        case MHP_PHASE_HAND:
        case MHP_PHASE_LEAVE:
        case _MHP_PHASE_MAX:
                break;
        }
        return MHP_PHASE_COUNT;
}

static int resume(struct mhp_ring *ring, uint64_t now, const struct mhp_map *left, const struct mhp_removal *was) {
        struct mhp_target target = { .verb = (enum mhp_removal_verb) was->verb, .size = was->size, .keep = MHP_KEEP_NONE };
        uint64_t done = mhp_mul_sat(was->n_done, left->block_size);
        bool back = was->phase == MHP_PHASE_RESTORE || was->phase == MHP_PHASE_LIFT;
        struct mhp_removal removal = *was;
        uint64_t size;
        int r;

        if (was->size > 0 && mhp_target_parse_size(was->target, &size, &target.at_least) < 0)
                target.at_least = false;
        r = add_pursuit(ring, was->id, &target);

        removal.phase = (uint8_t) phase_after(was);
        removal.wait = 0;
        if (r >= 0)
                ring_pursuit(ring, was->id)->target.size = was->size > done ? was->size - done : 0;
        if (r >= 0)
                r = ring_record(ring, now, &removal);
        for (const struct mhp_block *b = mhp_map_at_or_after(left, 0); b && r >= 0; b = mhp_map_next_block(left, b))
                if (b->removal == was->id) {
                        r = resume_member(ring, now, b, back);
                        if (r >= 0 && was->size == 0)
                                r = mhp_ranges_add(&ring_pursuit(ring, was->id)->target.blocks, b->nr, b->nr);
                }
        return r < 0 ? r : 0;
}

int mhp_ring_resume(struct mhp_ring *ring, uint64_t now, const struct mhp_map *left) {
        int r = 0;

        for (size_t i = 0; i < left->n_removals && r >= 0; i++)
                if (left->removals[i].phase != MHP_PHASE_ENDED && !mhp_map_removal(ring->map, left->removals[i].id))
                        r = resume(ring, now, left, &left->removals[i]);
        return r;
}
