/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A removal's next move. The map alone says how far a removal is: who is a member, where its home is, what is offline and what has gone. The order
 * follows from that, so that a mhpd that was killed goes on where it was. */

#include "core/pursuit.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/units.h"
#include "core/pursuit-choose.h"
#include "core/pursuit-device.h"
#include "core/pursuit-end.h"
#include "core/pursuit-offline.h"
#include "model/word.h"

/* So many blocks one COUNT carries: other steps wait for it, and it takes a millisecond or some a block. */
#define BATCH_COUNT 16

/* ------------------------------------------------------------------------------------------------------------ the way back */

/* Of a unit that is given up, what has left for all that is done; the rest is as before. */
static int restore(const struct pursuit_context *c, uint32_t id) {
        const struct mhp_member_sums *members = mhp_map_members(c->map, id);
        struct mhp_removal removal = *mhp_map_removal(c->map, id);
        const struct pursuit *pursuit = pursuit_find(c, id);
        int r;

        if (members->n_active > 0 || members->n_away > members->n_lost || pursuit_is_busy(c, id))
                return 0;
        removal.n_done += pursuit_count_gone(c, pursuit, pursuit->unit, pursuit->end);
        r = pursuit_record(c, &removal);
        if (r >= 0)
                r = pursuit_set_phase(c, id, MHP_PHASE_LIFT, 0);
        return r < 0 ? r : 1;
}

/* The unit that did not go is no candidate any more: with `keep` the block that failed, else all of it. */
static int except_unit(struct pursuit *pursuit, uint32_t blame) {
        if (blame != MHP_NO_BLOCK && pursuit->target.keep != MHP_KEEP_NONE)
                return mhp_ranges_add(&pursuit->target.except, blame, blame);
        for (size_t i = pursuit->unit; i < pursuit->end; i++) {
                int r = mhp_ranges_add(&pursuit->target.except, pursuit->plan.items[i].nr, pursuit->plan.items[i].nr);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A size may be had elsewhere. */
static int try_another(const struct pursuit_context *c, uint32_t id) {
        struct mhp_removal removal = *mhp_map_removal(c->map, id);
        struct pursuit *pursuit = pursuit_find(c, id);
        uint64_t done = mhp_mul_sat(removal.n_done, c->map->block_size);
        int r = except_unit(pursuit, removal.blame);

        if (r >= 0)
                r = pursuit_drop_members(c, id);
        if (r < 0)
                return r;
        pursuit->target.size = removal.size > done ? removal.size - done : 0;
        removal.ending = MHP_ENDING_NONE;
        r = pursuit_record(c, &removal);
        if (r >= 0)
                r = pursuit_set_phase(c, id, MHP_PHASE_COUNT, 0);
        return r < 0 ? r : 1;
}

static int lift(const struct pursuit_context *c, uint32_t id) {
        const struct mhp_removal *removal = mhp_map_removal(c->map, id);
        const struct pursuit *pursuit = pursuit_find(c, id);
        int r = pursuit_lift(c, id);

        if (r <= 0)
                return r;
        if (pursuit_is_sized(pursuit) && removal->ending == MHP_ENDING_FAILED && pursuit->end > pursuit->unit && !pursuit->hopeless)
                return try_another(c, id);
        return pursuit_end(c, id);
}

int pursuit_give_up(const struct pursuit_context *c, uint32_t id, enum mhp_ending why) {
        const struct mhp_removal *found = mhp_map_removal(c->map, id);
        int r;

        if (!found || found->phase == MHP_PHASE_ENDED)
                return -ENOENT;
        if (found->ending == MHP_ENDING_NONE) {
                r = pursuit_abandon(c, id, why, MHP_NO_BLOCK, 0, NULL);
                return MIN(r, 0);
        }
        /* It is on its way back already; nothing else is tried after that. */
        struct mhp_removal removal = *found;

        removal.ending = (uint8_t) why;
        return pursuit_record(c, &removal);
}

/* -------------------------------------------------------------------------------------------------------------- the phases */

/* Returns: 1: it has moved, and may move again at once; 0: it waits, or has ended. */
static int advance(const struct pursuit_context *c, uint32_t id) {
        const struct mhp_removal *removal = mhp_map_removal(c->map, id);

        if (removal->ending == MHP_ENDING_NONE && removal->until > 0 && c->now >= removal->until)
                return pursuit_abandon(c, id, MHP_ENDING_TIMEOUT, MHP_NO_BLOCK, 0, NULL);

        switch ((enum mhp_removal_phase) removal->phase) {
        case MHP_PHASE_COUNT:
                return pursuit_count(c, id);
        case MHP_PHASE_CHOOSE:
                return pursuit_choose(c, id);
        case MHP_PHASE_HOLD:
                return pursuit_hold(c, id);
        case MHP_PHASE_OFFLINE:
                return pursuit_offline(c, id);
        case MHP_PHASE_RELEASE:
                return pursuit_release(c, id);
        case MHP_PHASE_HAND:
                return pursuit_hand(c, id);
        case MHP_PHASE_LEAVE:
                return pursuit_leave(c, id);
        case MHP_PHASE_RESTORE:
                return restore(c, id);
        case MHP_PHASE_LIFT:
                return lift(c, id);
        case MHP_PHASE_ENDED:
        case _MHP_PHASE_MAX:
                break;
        }
        return 0;
}

/* What one of them lets go, a hold above all, may be what one before it waits for. */
int pursuits_advance(const struct pursuit_context *c) {
        bool moved;

        do {
                moved = false;
                for (size_t i = 0; i < c->map->n_removals; i++) {
                        int r;

                        while ((r = advance(c, c->map->removals[i].id)) > 0)
                                moved = true;
                        if (r < 0)
                                return r;
                }
        } while (moved);
        return 0;
}

uint64_t pursuits_tick(const struct mhp_map *map) {
        uint64_t at = UINT64_MAX;

        for (size_t i = 0; i < map->n_removals; i++) {
                const struct mhp_removal *removal = &map->removals[i];

                if (removal->phase == MHP_PHASE_ENDED)
                        continue;
                if (removal->until > 0 && removal->ending == MHP_ENDING_NONE)
                        at = MIN(at, removal->until);
                if (removal->wait > 0 && removal->phase != MHP_PHASE_RESTORE)
                        at = MIN(at, removal->wait);
        }
        return at;
}

bool pursuit_sleeps(const struct pursuit_context *c, const struct mhp_removal *removal) {
        switch ((enum mhp_removal_phase) removal->phase) {
        case MHP_PHASE_CHOOSE:
                return c->map->queues[MHP_QUEUE_UNSETTLED].n == 0;
        case MHP_PHASE_HOLD:
                return !pursuit_is_held(c, pursuit_source(c, removal), removal->id);
        case MHP_PHASE_OFFLINE:
        case MHP_PHASE_RESTORE:
                return mhp_map_members(c->map, removal->id)->n_waiting == 0;
        case MHP_PHASE_COUNT:
        case MHP_PHASE_RELEASE:
        case MHP_PHASE_LEAVE:
        case MHP_PHASE_LIFT:
                return removal->wait == 0;
        case MHP_PHASE_HAND:
                return true;
        case MHP_PHASE_ENDED:
        case _MHP_PHASE_MAX:
                break;
        }
        return false;
}

/* --------------------------------------------------------------------------------------------------------------- the steps */

/* The blocks that COUNT looks at next; they leave the list of those that were not counted. */
static int count_step(struct pursuits *pursuits, struct pursuit *pursuit, struct mhp_step *ret) {
        struct mhp_ranges *uncounted = &pursuit->uncounted;
        size_t n = 0;

        for (size_t i = 0; i < uncounted->n && n < BATCH_COUNT; i++)
                for (uint64_t nr = uncounted->range[i].first; nr <= uncounted->range[i].last && n < BATCH_COUNT; nr++) {
                        int r = ARRAY_GROW(pursuits->batch, n, pursuits->batch_capacity);
                        if (r < 0)
                                return r;
                        pursuits->batch[n++] = (uint32_t) nr;
                }
        for (size_t i = 0; i < n; i++) {
                int r = mhp_ranges_remove(uncounted, pursuits->batch[i], pursuits->batch[i]);
                if (r < 0)
                        return r;
        }
        *ret = (struct mhp_step) { .verb = MHP_VERB_COUNT, .blocks = pursuits->batch, .n_blocks = n };
        return 0;
}

/* A hold may be one from before a crash, and be lifted when another device's turn has come: then any name of its source will do. */
static void device_step(struct pursuits *pursuits, enum mhp_verb verb, const struct mhp_removal *removal, struct mhp_step *ret) {
        const char *source = mhp_source_name((enum mhp_source) removal->held);
        char *name = pursuits->group;

        memcpy(name, removal->group, sizeof(pursuits->group));
        if (verb == MHP_VERB_RELEASE && source && mhp_source_of_group(removal->group) != removal->held) {
                name[0] = '\0';
                strncat(name, source, sizeof(pursuits->group) - 2);
                strncat(name, ":", sizeof(pursuits->group) - 1 - strlen(name));
        }
        *ret = (struct mhp_step) { .verb = verb, .group = name };
}

int pursuits_next_step(const struct pursuit_context *c, struct mhp_step *ret) {
        for (size_t i = 0; i < c->pursuits->n; i++) {
                struct pursuit *pursuit = &c->pursuits->pursuit[i];
                enum mhp_verb verb = pursuit->next;
                int r = 0;

                if (verb == MHP_VERB_NONE)
                        continue;
                pursuit->next = MHP_VERB_NONE;
                pursuit->sent = true;
                pursuit->answered = false;
                if (verb == MHP_VERB_COUNT)
                        r = count_step(c->pursuits, pursuit, ret);
                else
                        device_step(c->pursuits, verb, mhp_map_removal(c->map, pursuit->id), ret);
                if (r < 0)
                        return r;
                ret->removal = pursuit->id;
                return 1;
        }
        return 0;
}

void pursuits_answer(const struct pursuit_context *c, int error) {
        struct pursuit *pursuit = pursuit_find(c, c->busy_removal);

        /* What was given up meanwhile has forgotten that it asked. */
        if (!pursuit || !pursuit->sent)
                return;
        pursuit->answered = true;
        pursuit->error = error;
}
