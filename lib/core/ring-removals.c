/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The doors of the ring for those who want memory to leave. Removals know nothing of the ring: they are given what they go by, and only ask that a step be
 * interrupted. */

#include "core/pursuit-begin.h"
#include "core/pursuit-end.h"
#include "core/pursuit.h"
#include "core/ring-internal.h"

struct pursuit_context ring_pursuits(struct mhp_ring *ring, uint64_t now) {
        return (struct pursuit_context) {
                .pursuits = &ring->pursuits,
                .map = ring->map,
                .config = &ring->config,
                .pressure = &ring->pressure,
                .backing = ring->backing,
                .notes = ring->notes,
                .tally = &ring->tally,
                .tally_block = ring->tally_block,
                .busy = ring->busy,
                .busy_removal = ring->busy_removal,
                .blind = ring->blind,
                .teardown = ring->teardown,
                .now = now,
        };
}

int ring_heed_interrupt(struct mhp_ring *ring, int r) {
        if (r < 0 || !ring->pursuits.interrupt)
                return MIN(r, 0);
        ring->pursuits.interrupt = false;
        return ring->step(ring->userdata, &(struct mhp_step) { .verb = MHP_VERB_INTERRUPT, .node = -1, .barrier = MHP_NO_BLOCK });
}

int mhp_ring_remove(struct mhp_ring *ring, uint64_t now, const struct mhp_target *target, const char *words, uint64_t timeout, uint32_t id,
                    struct mhp_removal_refusal *ret) {
        struct pursuit_context c = ring_pursuits(ring, now);

        return pursuit_begin(&c, target, words, timeout, id, ret);
}

int mhp_ring_give_up(struct mhp_ring *ring, uint64_t now, uint32_t id, enum mhp_ending why) {
        struct pursuit_context c = ring_pursuits(ring, now);

        return ring_heed_interrupt(ring, pursuit_give_up(&c, id, why));
}

int mhp_ring_forget(struct mhp_ring *ring, uint32_t id) {
        struct pursuit_context c = ring_pursuits(ring, 0);

        return pursuit_forget(&c, id);
}

int mhp_ring_resume(struct mhp_ring *ring, uint64_t now, const struct mhp_map *left) {
        struct pursuit_context c = ring_pursuits(ring, now);

        return pursuit_resume(&c, left);
}

const char *mhp_ring_removal_words(const struct mhp_ring *ring, uint32_t id) {
        struct pursuit_context c = ring_pursuits((struct mhp_ring *) ring, 0);
        const struct pursuit *pursuit = pursuit_find(&c, id);

        return pursuit ? pursuit->words : "";
}
