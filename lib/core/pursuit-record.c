/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The record of a removal lies in the map, and only mhp_map_apply() changes a map: so what a removal has come to is applied as an event. */

#include "core/pursuit-record.h"

#include <string.h>

int pursuit_record(const struct pursuit_context *c, const struct mhp_removal *removal) {
        int r = mhp_map_apply(c->map, &(struct mhp_event) { .type = MHP_EVENT_REMOVAL, .now = c->now, .id = removal->id, .removal = removal });

        return MIN(r, 0);
}

int pursuit_set_phase(const struct pursuit_context *c, uint32_t id, enum mhp_removal_phase phase, uint64_t wait) {
        struct mhp_removal removal = *mhp_map_removal(c->map, id);
        struct pursuit *pursuit = pursuit_find(c, id);

        removal.phase = (uint8_t) phase;
        removal.wait = wait;
        pursuit->next = MHP_VERB_NONE;
        pursuit->sent = pursuit->answered = false;
        return pursuit_record(c, &removal);
}

int pursuit_set_goal(const struct pursuit_context *c, uint32_t nr, enum mhp_want want, enum mhp_reason reason) {
        int r = mhp_map_apply(c->map, &(struct mhp_event) { .type = MHP_EVENT_GOAL, .now = c->now, .block = nr, .want = want, .reason = reason });

        return MIN(r, 0);
}

int pursuit_nominate(const struct pursuit_context *c, const struct mhp_block *block) {
        return pursuit_set_goal(c, block->nr, MHP_WANT_NONE, MHP_REASON_REMOVAL);
}

/* A block that is going offline still is where it was. A block on its way online counts as there, unless it is to be put into another zone because
 * nobody has decided on the one where it is: then that one counts. */
static enum mhp_zone home_of(const struct mhp_block *block) {
        bool moves = block->flags & (MHP_BLOCK_ASTRAY | MHP_BLOCK_REPAIRING) && (block->goal == MHP_WANT_MOVABLE || block->goal == MHP_WANT_KERNEL);

        if (block->state != MHP_STATE_OFFLINE && block->state != MHP_STATE_UNKNOWN && (!moves || mhp_block_goal_met(block)))
                return (enum mhp_zone) block->zone;
        if (block->flags & MHP_BLOCK_HANDS_OFF)
                return MHP_ZONE_UNSET;
        return block->goal == MHP_WANT_MOVABLE ? MHP_ZONE_MOVABLE : block->goal == MHP_WANT_KERNEL ? MHP_ZONE_NORMAL : MHP_ZONE_UNSET;
}

static int apply_member(const struct pursuit_context *c, uint32_t nr, uint32_t id, enum mhp_zone home) {
        int r = mhp_map_apply(c->map, &(struct mhp_event) { .type = MHP_EVENT_MEMBER, .now = c->now, .block = nr, .id = id, .zone = home });

        return MIN(r, 0);
}

int pursuit_set_member(const struct pursuit_context *c, uint32_t nr, uint32_t id) {
        const struct mhp_block *block = mhp_map_find(c->map, nr);

        return apply_member(c, nr, id, block ? home_of(block) : MHP_ZONE_UNSET);
}

int pursuit_set_members(const struct pursuit_context *c, const struct mhp_ranges *blocks, uint32_t id) {
        for (size_t i = 0; i < blocks->n; i++)
                for (uint64_t nr = blocks->range[i].first; nr <= blocks->range[i].last; nr++) {
                        int r = pursuit_set_member(c, (uint32_t) nr, id);
                        if (r < 0)
                                return r;
                }
        return 0;
}

int pursuit_drop_member(const struct pursuit_context *c, uint32_t nr) {
        return apply_member(c, nr, 0, (enum mhp_zone) 0);
}

int pursuit_drop_members(const struct pursuit_context *c, uint32_t id) {
        uint32_t nr;

        FOREACH_MEMBER (nr, c, id) {
                int r = pursuit_drop_member(c, nr);
                if (r < 0)
                        return r;
        }
        return 0;
}

void pursuit_set_words(struct pursuit *pursuit, const char *words) {
        size_t len = strnlen(words, sizeof(pursuit->words) - 1);

        memcpy(pursuit->words, words, len);
        pursuit->words[len] = '\0';
}
