/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A unit that goes offline as a whole, where the kernel can do that; and what becomes of those that have had their turn for nothing. */

#include "core/remover.h"
#include "core/ring-internal.h"

/* So many blocks one TEARDOWN carries: the kernel takes a list of less than a page. */
#define TEARDOWN_MAX 512

/* A block that nobody is at, and that is known where to go back to. */
static bool is_at_rest(const struct mhp_block *block) {
        return block->state == MHP_STATE_ONLINE && !(block->flags & MHP_BLOCK_BUSY) && block->queue != MHP_QUEUE_WAITING &&
               mhp_zone_class((enum mhp_zone) block->home) != MHP_WANT_UNSET;
}

/* Whether the unit goes offline as a whole: what leaves the machine as one, or not at all, where the kernel can do that. It leaves the blocks on hold, so
 * this is nothing for blocks that stay. Once a unit: blocks that fail are then tried again, one by one. */
bool ring_goes_as_one(const struct mhp_ring *ring, const struct mhp_pursuit *pursuit) {
        const struct mhp_removal *removal = mhp_map_removal(ring->map, pursuit->id);
        size_t n = 0;

        if (!ring->teardown || pursuit->apart || pursuit->at != pursuit->unit || removal->verb != MHP_REMOVAL_UNPLUG ||
            ring->config.on_failure != MHP_ON_FAILURE_RESTORE || !mhp_remover_can(ring_source_of(ring, removal)))
                return false;
        for (size_t i = pursuit->unit; i < pursuit->end; i++) {
                const struct mhp_block *block = ring_item_block(ring, pursuit, i);

                if (!block || ring_is_off(block))
                        continue;
                if (!is_at_rest(block))
                        return false;
                n++;
        }
        return n > 1 && n <= TEARDOWN_MAX;
}

int ring_nominate_all(struct mhp_ring *ring, uint64_t now, struct mhp_pursuit *pursuit) {
        for (; pursuit->at < pursuit->end; pursuit->at++) {
                const struct mhp_block *block = ring_item_block(ring, pursuit, pursuit->at);
                int r = block && !ring_is_off(block) ? ring_nominate(ring, now, block) : 0;

                if (r < 0)
                        return r;
        }
        pursuit->together = true;
        return 1;
}

bool mhp_ring_is_together(const struct mhp_ring *ring, uint32_t id) {
        const struct mhp_pursuit *pursuit = id != 0 ? ring_pursuit((struct mhp_ring *) ring, id) : NULL;

        return pursuit && pursuit->together;
}

/* Whoever waits for its turn, or for another try, may be behind the block that came back. all: what was given up has its turn again, too. */
int ring_start_over(struct mhp_ring *ring, uint64_t now, struct mhp_pursuit *pursuit, bool all) {
        for (size_t i = pursuit->unit; i < pursuit->end; i++) {
                const struct mhp_block *block = ring_item_block(ring, pursuit, i);

                if (!block || block->reason != MHP_REASON_REMOVAL || block->state != MHP_STATE_ONLINE || block->flags & MHP_BLOCK_BUSY)
                        continue;
                if (!all && block->flags & MHP_BLOCK_GAVE_UP)
                        continue;
                enum mhp_want home = mhp_zone_class((enum mhp_zone) block->home);
                int r = ring_set_goal(ring, now, block->nr, home != MHP_WANT_UNSET ? home : mhp_zone_class((enum mhp_zone) block->zone), MHP_REASON_RESTORED);
                if (r < 0)
                        return r;
        }
        pursuit->at = pursuit->unit;
        return 0;
}

int mhp_ring_torn_down(struct mhp_ring *ring, uint64_t now, uint32_t id) {
        const struct mhp_removal *removal = mhp_map_removal(ring->map, id);
        struct mhp_pursuit *pursuit = ring_pursuit(ring, id);

        if (!pursuit)
                return 0;
        pursuit->together = false;
        pursuit->apart = true;
        return removal && removal->phase == MHP_PHASE_OFFLINE ? ring_start_over(ring, now, pursuit, false) : 0;
}
