/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The invariant of the ring between two turns: whatever is not reached has a step under way, a timer, or an event that must come. The queues
 * and phases that a turn leaves behind are looked at one by one, because a sleeper is by definition in none that a turn would look at. */

#include "core/pursuit.h"
#include "core/ring-internal.h"

static bool has(const struct mhp_ring *ring, enum mhp_queue queue) {
        return ring->map->queues[queue].n > 0;
}

/* A turn sends a step for these, or decides on them at once. */
static const char *left_over(const struct mhp_ring *ring) {
        static const enum mhp_queue none[] = {
                MHP_QUEUE_UNDECIDED, MHP_QUEUE_ONLINE_MOVABLE, MHP_QUEUE_ONLINE_KERNEL, MHP_QUEUE_OFFLINE, MHP_QUEUE_BUSY,
        };

        for (size_t i = 0; i < ELEMENTSOF(none); i++)
                if (has(ring, none[i]))
                        return mhp_queue_name(none[i]);
        if (has(ring, MHP_QUEUE_UNSETTLED) && ring->settle_at == 0)
                return mhp_queue_name(MHP_QUEUE_UNSETTLED);
        return has(ring, MHP_QUEUE_DRIFT) && ring->calm_at == 0 ? mhp_queue_name(MHP_QUEUE_DRIFT) : NULL;
}

/* Without a goal nobody will ever do anything about it. A zone that cannot be read leaves nothing to compare a goal with. */
static bool is_forgotten(const struct mhp_block *block) {
        if (block->queue != MHP_QUEUE_NONE || block->goal != MHP_WANT_UNSET || block->flags & MHP_BLOCK_HANDS_OFF)
                return false;
        return block->state != MHP_STATE_ONLINE || mhp_zone_class((enum mhp_zone) block->zone) != MHP_WANT_UNSET;
}

const char *mhp_ring_sleeps(const struct mhp_ring *ring) {
        struct pursuit_context c = ring_pursuits((struct mhp_ring *) ring, 0);
        const char *left = NULL;

        if (ring->busy != MHP_VERB_NONE)
                return NULL;
        left = left_over(ring);
        for (const struct mhp_block *b = mhp_map_at_or_after(ring->map, 0); b && !left; b = mhp_map_next_block(ring->map, b))
                left = is_forgotten(b) ? "without a goal" : NULL;
        for (size_t i = 0; i < ring->map->n_removals && !left; i++)
                left = pursuit_sleeps(&c, &ring->map->removals[i]) ? mhp_phase_name((enum mhp_removal_phase) ring->map->removals[i].phase) : NULL;
        return left;
}
