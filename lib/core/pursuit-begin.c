/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The beginning of a removal: what is asked for is checked before anything is changed, so that a refusal leaves the machine as it was. */

#include "core/pursuit-begin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/units.h"
#include "core/notes.h"
#include "core/remover.h"
#include "model/word.h"

/* --------------------------------------------------------------------------------------------------------- who is followed */

static void pursuit_done(struct pursuit *pursuit) {
        mhp_target_done(&pursuit->target);
        mhp_plan_done(&pursuit->plan);
        mhp_ranges_done(&pursuit->uncounted);
}

void pursuits_done(struct pursuits *pursuits) {
        for (size_t i = 0; i < pursuits->n; i++)
                pursuit_done(&pursuits->pursuit[i]);
        free(pursuits->pursuit);
        free(pursuits->batch);
        *pursuits = (struct pursuits) { 0 };
}

static int copy_ranges(const struct mhp_ranges *from, struct mhp_ranges *to) {
        for (size_t i = 0; i < from->n; i++) {
                int r = mhp_ranges_add(to, from->range[i].first, from->range[i].last);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int follow(struct pursuits *pursuits, uint32_t id, const struct mhp_target *target) {
        struct pursuit pursuit = { .id = id, .target = { .verb = target->verb, .size = target->size, .at_least = target->at_least, .keep = target->keep } };
        int r = copy_ranges(&target->blocks, &pursuit.target.blocks);

        if (r >= 0)
                r = ARRAY_GROW(pursuits->pursuit, pursuits->n, pursuits->capacity);
        if (r < 0) {
                pursuit_done(&pursuit);
                return r;
        }
        pursuits->pursuit[pursuits->n++] = pursuit;
        return 0;
}

int pursuit_forget(const struct pursuit_context *c, uint32_t id) {
        struct pursuit *pursuit = pursuit_find(c, id);
        int r;

        if (pursuit) {
                pursuit_done(pursuit);
                *pursuit = c->pursuits->pursuit[--c->pursuits->n];
        }
        r = mhp_map_apply(c->map, &(struct mhp_event) { .type = MHP_EVENT_REMOVAL, .id = id });
        return MIN(r, 0);
}

/* --------------------------------------------------------------------------------------------------------------- the checks */

static bool leaves_in_pieces(const struct mhp_map *map, const struct mhp_block *block) {
        uint32_t n;

        (void) mhp_map_device_block(map, block, &n);
        return n > 1;
}

/* A DIMM that is asked for in part: the rest of it cannot stay. */
static bool is_part(const struct mhp_map *map, const struct mhp_target *target, const struct mhp_block *block) {
        const struct mhp_group *group = mhp_map_group(map, block);
        uint32_t n, first = mhp_map_device_block(map, block, &n), last = first + (n - 1);

        if (target->verb != MHP_REMOVAL_UNPLUG || target->keep != MHP_KEEP_NONE || !group)
                return false;
        if (mhp_source_is_unit(group->source))
                first = group->first, last = group->last;
        for (const struct mhp_block *b = mhp_map_at_or_after(map, first); b && b->nr <= last; b = mhp_map_next_block(map, b))
                if (b->group == block->group && !mhp_ranges_contain(&target->blocks, b->nr))
                        return true;
        return false;
}

static enum mhp_refused check_block(const struct mhp_map *map, const struct mhp_target *target, const struct mhp_block *block) {
        if (!block)
                return MHP_REFUSED_NO_BLOCK;
        if (block->removal != 0)
                return MHP_REFUSED_TAKEN;
        if (!(block->flags & MHP_BLOCK_SETTLED) || block->queue == MHP_QUEUE_UNDECIDED)
                return MHP_REFUSED_ARRIVING;
        if (target->verb == MHP_REMOVAL_UNPLUG && block->group == MHP_NO_GROUP)
                return MHP_REFUSED_NO_SOURCE;
        if (target->verb == MHP_REMOVAL_UNPLUG && mhp_map_group(map, block)->source == MHP_SOURCE_BOOT)
                return MHP_REFUSED_BOOT;
        return target->keep == MHP_KEEP_NONE && block->zone == MHP_ZONE_NONE ? MHP_REFUSED_NO_ZONE : MHP_REFUSED_NONE;
}

static struct mhp_removal_refusal check_blocks(const struct mhp_map *map, const struct mhp_target *target) {
        uint32_t group = MHP_NO_GROUP;

        for (size_t i = 0; i < target->blocks.n; i++)
                for (uint64_t nr = target->blocks.range[i].first; nr <= target->blocks.range[i].last; nr++) {
                        const struct mhp_block *block = mhp_map_find(map, (uint32_t) nr);
                        enum mhp_refused why = check_block(map, target, block);

                        /* Asked once a group, or for each piece of it. */
                        if (why == MHP_REFUSED_NONE && (block->group != group || leaves_in_pieces(map, block)) && is_part(map, target, block))
                                why = MHP_REFUSED_PART;
                        if (why != MHP_REFUSED_NONE)
                                return (struct mhp_removal_refusal) { .why = why, .block = (uint32_t) nr, .removal = block ? block->removal : 0 };
                        group = block->group;
                }
        return (struct mhp_removal_refusal) { .why = MHP_REFUSED_NONE, .block = MHP_NO_BLOCK };
}

static int check_target(const struct mhp_map *map, const struct mhp_target *target, struct mhp_removal_refusal *ret) {
        _cleanup_ranges_ struct mhp_ranges choice = { 0 };
        struct mhp_removal_refusal refusal = check_blocks(map, target);

        if (refusal.why == MHP_REFUSED_NONE && mhp_target_is_sized(target)) {
                int r = mhp_plan_choose(map, target, &choice);

                if (r == -ENOSPC)
                        refusal.why = MHP_REFUSED_TOO_LARGE;
                else if (r == -ERANGE)
                        refusal.why = MHP_REFUSED_TOO_SMALL;
                else if (r < 0)
                        return r;
        }
        *ret = refusal;
        return 0;
}

/* ------------------------------------------------------------------------------------------------------------------ asked for */

static void print_target(struct mhp_removal *removal, const char *words) {
        size_t len = strlen(words);

        memcpy(removal->target, words, MIN(len, sizeof(removal->target) - 1));
        if (len >= sizeof(removal->target))
                memcpy(removal->target + sizeof(removal->target) - 4, "...", 4);
}

static int report_begin(const struct pursuit_context *c, const struct mhp_removal *removal) {
        _cleanup_text_ struct mhp_text words = { 0 };

        mhp_text_printf(&words, "%s of %s", mhp_removal_verb_name((enum mhp_removal_verb) removal->verb), removal->target);
        if (words.error < 0)
                return words.error;
        return mhp_notes_send(c->notes, &(struct mhp_step) {
                .verb = MHP_VERB_REPORT, .note = MHP_NOTE_REMOVAL, .words = words.data, .node = -1, .barrier = MHP_NO_BLOCK, .removal = removal->id });
}

/* The device that all of it belongs to: that of its first block. */
static bool target_group(const struct mhp_map *map, const struct mhp_target *target, char ret[static MHP_GROUP_NAME_MAX]) {
        const struct mhp_block *block = target->blocks.n > 0 ? mhp_map_find(map, target->blocks.range[0].first) : NULL;
        const struct mhp_group *group = block ? mhp_map_group(map, block) : NULL;

        if (group)
                memcpy(ret, group->name, MHP_GROUP_NAME_MAX);
        return group;
}

int pursuit_begin(const struct pursuit_context *c, const struct mhp_target *target, const char *words, uint64_t timeout, uint32_t id,
                  struct mhp_removal_refusal *ret) {
        struct mhp_removal removal = {
                .id = id,
                .verb = (uint8_t) target->verb,
                .phase = MHP_PHASE_COUNT,
                .until = timeout > 0 ? mhp_add_sat(c->now, timeout) : 0,
                .size = target->size,
                .blame = MHP_NO_BLOCK,
        };
        bool chosen = target->keep == MHP_KEEP_NONE;
        int r = check_target(c->map, target, ret);

        if (r < 0 || ret->why != MHP_REFUSED_NONE)
                return r;
        print_target(&removal, words);
        if (target->hold_first && target_group(c->map, target, removal.group) && mhp_remover_holds(mhp_source_of_group(removal.group)))
                removal.phase = MHP_PHASE_HOLD;
        if (chosen)
                removal.n_total = (uint32_t) mhp_ranges_count(&target->blocks);
        r = follow(c->pursuits, id, target);
        if (r < 0)
                return r;
        r = pursuit_record(c, &removal);
        if (r < 0)
                return r;
        r = chosen ? pursuit_set_members(c, &target->blocks, id) : 0;
        return r < 0 ? r : report_begin(c, &removal);
}

/* ------------------------------------------------------------------------------------------------------- after a restart */

/* A block that is offline and has a home was taken: nobody else is at the members of a removal, as far as can be known. */
static int resume_member(const struct pursuit_context *c, const struct mhp_block *was, bool back) {
        const struct mhp_block *block = mhp_map_find(c->map, was->nr);
        enum mhp_want home = mhp_zone_class((enum mhp_zone) was->home);
        int r;

        if (!block || block->removal != 0)
                return 0;
        r = mhp_map_apply(c->map, &(struct mhp_event) {
                .type = MHP_EVENT_MEMBER, .now = c->now, .block = was->nr, .id = was->removal, .zone = (enum mhp_zone) was->home });
        if (r < 0 || block->state != MHP_STATE_OFFLINE)
                return r;
        if (home == MHP_WANT_UNSET)
                return pursuit_set_goal(c, was->nr, MHP_WANT_NONE, MHP_REASON_REQUESTED);
        return back ? pursuit_set_goal(c, was->nr, home, MHP_REASON_RESTORED) : pursuit_set_goal(c, was->nr, MHP_WANT_NONE, MHP_REASON_REMOVAL);
}

/* Whether the hold is on, and whether the device was handed over, is not known: both can be done again. What lies in the blocks is counted again, for there
 * has to be room for it. */
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

static int resume_members(const struct pursuit_context *c, const struct mhp_map *left, const struct mhp_removal *was) {
        bool back = was->phase == MHP_PHASE_RESTORE || was->phase == MHP_PHASE_LIFT;

        for (const struct mhp_block *b = mhp_map_at_or_after(left, 0); b; b = mhp_map_next_block(left, b)) {
                if (b->removal != was->id)
                        continue;
                int r = resume_member(c, b, back);
                if (r >= 0 && was->size == 0)
                        r = mhp_ranges_add(&pursuit_find(c, was->id)->target.blocks, b->nr, b->nr);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int resume(const struct pursuit_context *c, const struct mhp_map *left, const struct mhp_removal *was) {
        struct mhp_target target = { .verb = (enum mhp_removal_verb) was->verb, .keep = MHP_KEEP_NONE };
        uint64_t done = mhp_mul_sat(was->n_done, left->block_size), size;
        struct mhp_removal removal = *was;
        int r;

        if (was->size > 0 && mhp_target_parse_size(was->target, &size, &target.at_least) < 0)
                target.at_least = false;
        target.size = was->size > done ? was->size - done : 0;
        r = follow(c->pursuits, was->id, &target);
        if (r < 0)
                return r;

        removal.phase = (uint8_t) phase_after(was);
        removal.wait = 0;
        r = pursuit_record(c, &removal);
        return r < 0 ? r : resume_members(c, left, was);
}

int pursuit_resume(const struct pursuit_context *c, const struct mhp_map *left) {
        for (size_t i = 0; i < left->n_removals; i++) {
                const struct mhp_removal *was = &left->removals[i];
                int r = was->phase != MHP_PHASE_ENDED && !mhp_map_removal(c->map, was->id) ? resume(c, left, was) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}
