/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lookups for removals. Nothing here changes the map or a removal. */

#include "core/pursuit-unit.h"

#include "model/word.h"

struct pursuit *pursuit_find(const struct pursuit_context *c, uint32_t id) {
        for (size_t i = 0; i < c->pursuits->n; i++)
                if (c->pursuits->pursuit[i].id == id)
                        return &c->pursuits->pursuit[i];
        return NULL;
}

bool pursuit_is_busy(const struct pursuit_context *c, uint32_t id) {
        return c->busy != MHP_VERB_NONE && c->busy_removal == id;
}

bool pursuit_is_sized(const struct pursuit *pursuit) {
        return mhp_target_is_sized(&pursuit->target);
}

enum mhp_source pursuit_source(const struct pursuit_context *c, const struct mhp_removal *removal) {
        const struct mhp_group *group = *removal->group ? mhp_map_find_group(c->map, removal->group) : NULL;

        if (group)
                return group->source;
        return *removal->group ? mhp_source_of_group(removal->group) : (enum mhp_source) removal->held;
}

/* An eject is carried out by a kernel thread some time after the hand-over, so that a hold which comes in between makes it fail. */
bool pursuit_is_held(const struct pursuit_context *c, enum mhp_source source, uint32_t id) {
        for (size_t i = 0; i < c->map->n_removals; i++) {
                const struct mhp_removal *other = &c->map->removals[i];
                bool leaving = other->phase == MHP_PHASE_HAND || other->phase == MHP_PHASE_LEAVE;

                if (other->id != id && (other->held == source || (leaving && mhp_source_of_group(other->group) == source)))
                        return true;
        }
        return false;
}

bool pursuit_is_off(const struct mhp_block *block) {
        return block->state == MHP_STATE_OFFLINE && (block->goal == MHP_WANT_NONE || block->flags & MHP_BLOCK_HANDS_OFF);
}

const struct mhp_block *pursuit_member(const struct pursuit_context *c, uint32_t id, uint32_t nr) {
        const struct mhp_block *block = mhp_map_at_or_after(c->map, nr);

        while (block && block->removal != id)
                block = mhp_map_next_block(c->map, block);
        return block;
}

const struct mhp_block *pursuit_item(const struct pursuit_context *c, const struct pursuit *pursuit, size_t i) {
        const struct mhp_block *block = mhp_map_find(c->map, pursuit->plan.items[i].nr);

        return block && block->removal == pursuit->id ? block : NULL;
}

uint32_t pursuit_unit_size(const struct pursuit *pursuit) {
        return (uint32_t) (pursuit->end - pursuit->unit);
}

bool pursuit_unit_has_gone(const struct pursuit_context *c, const struct pursuit *pursuit) {
        for (size_t i = pursuit->unit; i < pursuit->end; i++)
                if (pursuit_item(c, pursuit, i))
                        return false;
        return true;
}

uint32_t pursuit_count_gone(const struct pursuit_context *c, const struct pursuit *pursuit, size_t from, size_t end) {
        uint32_t n = 0;

        for (size_t i = from; i < end; i++)
                n += !mhp_map_find(c->map, pursuit->plan.items[i].nr);
        return n;
}

const struct mhp_group *pursuit_group(const struct pursuit_context *c, const struct pursuit *pursuit, size_t from, size_t end) {
        for (size_t i = from; i < end; i++) {
                const struct mhp_block *block = pursuit_item(c, pursuit, i);
                const struct mhp_group *group = block ? mhp_map_group(c->map, block) : NULL;

                if (group)
                        return group;
        }
        return NULL;
}
