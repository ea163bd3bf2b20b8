/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Drift: a block is online where it is not wanted. Another hand's decision stands and is told. A block that is astray, which nobody has decided on, is put
 * right once, when other hands are still and there is little in it. */

#include "core/ring-internal.h"

static int apply(struct mhp_ring *ring, const struct mhp_event *event) {
        int r = mhp_map_apply(ring->map, event);

        return MIN(r, 0);
}

/* One repair a block, none where somebody has decided, and none where the kernel would refuse: zone `none` can never go offline
 * (online_pages() and test_pages_in_a_zone(), mm/memory_hotplug.c). */
static bool repairable(const struct mhp_ring *ring, const struct mhp_block *block) {
        return ring->config.drift == MHP_DRIFT_REPAIR && block->flags & MHP_BLOCK_ASTRAY && !(block->flags & MHP_BLOCK_REPAIRED) &&
               block->zone != MHP_ZONE_NONE;
}

/* Worth a look at its pages before it is judged. */
static bool wants_count(const struct mhp_ring *ring, const struct mhp_block *block) {
        return repairable(ring, block) && !(block->flags & MHP_BLOCK_COUNTED) && !ring->blind;
}

static const char *left_words(const struct mhp_block *block) {
        return block->flags & MHP_BLOCK_COUNTED && !(block->flags & MHP_BLOCK_CHEAP)
                       ? block->fixed > 0 ? "it is left there: pages in it cannot be moved" : "it is left there: there is much in it to be moved"
                       : "it is left there";
}

/* Told at once; only what is done about it can wait. */
static int tell_drift(struct mhp_ring *ring, uint64_t now, const struct mhp_block *block) {
        int r;

        if (block->flags & MHP_BLOCK_TOLD || !repairable(ring, block))
                return 0;
        r = ring_note(ring, block->nr, MHP_NOTE_DRIFT, ring->calm_at > now ? "it will be put right, once, if there is little in it and nobody else moves memory"
                                                                               : "it will be put right, once, if there is little in it");
        return r < 0 ? r : apply(ring, &(struct mhp_event) { .type = MHP_EVENT_TOLD, .now = now, .block = block->nr });
}

/* Another hand's decision: told with what it is now, and where policy wanted it. */
static int keep_place(struct mhp_ring *ring, uint64_t now, uint32_t nr, enum mhp_want wanted) {
        static const char *const words[_MHP_WANT_MAX] = {
                [MHP_WANT_MOVABLE] = "Movable was wanted",
                [MHP_WANT_KERNEL] = "a kernel zone was wanted",
                [MHP_WANT_NONE] = "offline was wanted",
        };
        int r = apply(ring, &(struct mhp_event) { .type = MHP_EVENT_ACCEPT, .now = now, .block = nr });

        return r < 0 ? r : ring_note(ring, nr, MHP_NOTE_DRIFT, words[wanted]);
}

/* Where nothing is known of its pages, a try costs little: the kernel says EBUSY soon, and the block stays. */
static int settle_drift(struct mhp_ring *ring, uint64_t now, const struct mhp_block *block) {
        if (!(block->flags & MHP_BLOCK_ASTRAY))
                return keep_place(ring, now, block->nr, (enum mhp_want) block->goal);

        bool repair = repairable(ring, block) && (!(block->flags & MHP_BLOCK_COUNTED) || block->flags & MHP_BLOCK_CHEAP);
        int r = repair ? 0 : ring_note(ring, block->nr, MHP_NOTE_DRIFT, left_words(block));

        return r < 0 ? r : apply(ring, &(struct mhp_event) {
                .type = repair ? MHP_EVENT_REPAIR : MHP_EVENT_ACCEPT, .now = now, .block = block->nr });
}

int ring_judge_drift(struct mhp_ring *ring, uint64_t now) {
        const struct mhp_queue_head *queue = &ring->map->queues[MHP_QUEUE_DRIFT];
        uint32_t nr = queue->head, next;

        if (now >= ring->calm_at)
                ring->calm_at = 0;
        for (; nr != MHP_NO_BLOCK; nr = next) {
                const struct mhp_block *block = mhp_map_find(ring->map, nr);
                int r = tell_drift(ring, now, block);

                if (r < 0)
                        return r;
                next = block->next;
                if (repairable(ring, block) && (ring->calm_at > 0 || wants_count(ring, block)))
                        continue;
                r = settle_drift(ring, now, block);
                if (r < 0)
                        return r;
        }
        return 0;
}
