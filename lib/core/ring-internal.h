/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files that make up the ring: turns and blocks (ring.c), removals (pursuit.c, removal.c). */

#include "core/ring.h"

/* What is known of a removal beyond the map: all of it can be found anew after a crash. */
struct mhp_pursuit {
        uint32_t id;
        struct mhp_target target;    /* owned; `except` grows with every unit that was tried in vain */
        struct mhp_plan plan;        /* owned; of the members */
        size_t unit, at, end;        /* items of the unit whose turn it is: [unit, end), and the first that has not had its turn */
        enum mhp_verb next;          /* a step that is due, NONE: none */
        bool sent, answered;         /* it is under way; it came back */
        int error;                   /* with this errno */
        struct mhp_ranges uncounted; /* owned: what COUNT still has to look at */
        bool empty;                  /* the zone counters say that nothing is in the members */
        bool together;               /* the blocks that have their turn go in one TEARDOWN */
        bool apart;                  /* that was tried with this unit: what is left of it goes block by block */
        bool partly;                 /* what was chosen is less than was asked for */
        bool hopeless;               /* whatever else is chosen instead would fare the same */
        char words[256];             /* why it failed */
};

/* Every removal as far as it goes without waiting. */
int mhp_ring_pursue(struct mhp_ring *ring, uint64_t now);

/* 1: a step of a removal was sent; 0: none is due. */
int mhp_ring_pursuit_step(struct mhp_ring *ring, uint64_t now);

/* It came back. */
void mhp_ring_pursuit_answer(struct mhp_ring *ring, int error);

/* Whether the removal wants the blocks that have their turn to go offline in one TEARDOWN. */
bool mhp_ring_is_together(const struct mhp_ring *ring, uint32_t id);

/* That is over: those that stayed have no turn any more. */
int mhp_ring_torn_down(struct mhp_ring *ring, uint64_t now, uint32_t id);

/* Another hand brought a member online that had been taken offline. */
int mhp_ring_fought(struct mhp_ring *ring, uint64_t now, uint32_t nr);

/* The earliest moment at which a removal wants a turn, UINT64_MAX: none. */
uint64_t mhp_ring_pursuit_tick(const struct mhp_ring *ring);

void mhp_ring_pursuits_done(struct mhp_ring *ring);

/* removal.c: what pursuit.c needs of it. */
struct mhp_pursuit *ring_pursuit(struct mhp_ring *ring, uint32_t id);
void ring_set_words(struct mhp_pursuit *pursuit, const char *words);
int ring_record(struct mhp_ring *ring, uint64_t now, const struct mhp_removal *removal);
int ring_set_phase(struct mhp_ring *ring, uint64_t now, uint32_t id, enum mhp_removal_phase phase, uint64_t wait);
int ring_set_goal(struct mhp_ring *ring, uint64_t now, uint32_t nr, enum mhp_want want, enum mhp_reason reason);
int ring_set_member(struct mhp_ring *ring, uint64_t now, uint32_t nr, uint32_t id);
bool ring_is_busy_for(const struct mhp_ring *ring, uint32_t id);
int ring_abandon(struct mhp_ring *ring, uint64_t now, uint32_t id, enum mhp_ending why, uint32_t blame, int error, const char *words);
int ring_end(struct mhp_ring *ring, uint64_t now, uint32_t id);

/* The first member at or after the block. The map may change while its members are walked through. */
const struct mhp_block *ring_member_after(const struct mhp_ring *ring, uint32_t id, uint32_t nr);
#define FOREACH_MEMBER(nr, ring, id) \
        for (const struct mhp_block *b_ = ring_member_after(ring, id, 0); b_; b_ = nr < MHP_BLOCK_MAX ? ring_member_after(ring, id, nr + 1) : NULL) \
                if ((nr = b_->nr), true)

/* pursuit.c */
enum mhp_source ring_source_of(const struct mhp_ring *ring, const struct mhp_removal *removal);
bool ring_is_off(const struct mhp_block *block); /* and to stay so, as far as we are concerned */
bool ring_is_held(const struct mhp_ring *ring, enum mhp_source source, uint32_t id); /* what brings `source`, by another removal */
int ring_nominate(struct mhp_ring *ring, uint64_t now, const struct mhp_block *block);

/* pursuit-teardown.c: whether the unit whose turn it is goes as one; then all of it has its turn. 1 */
bool ring_goes_as_one(const struct mhp_ring *ring, const struct mhp_pursuit *pursuit);
int ring_nominate_all(struct mhp_ring *ring, uint64_t now, struct mhp_pursuit *pursuit);
int ring_start_over(struct mhp_ring *ring, uint64_t now, struct mhp_pursuit *pursuit, bool all);

/* pursuit-choose.c: the first phases, and the unit whose turn it is. 1: it has moved on. */
int ring_do_count(struct mhp_ring *ring, uint64_t now, uint32_t id);
int ring_do_choose(struct mhp_ring *ring, uint64_t now, uint32_t id);
int ring_start_unit(struct mhp_ring *ring, uint64_t now, uint32_t id); /* the next one; with none left, the end */
bool ring_by_size(const struct mhp_pursuit *pursuit);
const struct mhp_block *ring_item_block(const struct mhp_ring *ring, const struct mhp_pursuit *pursuit, size_t i); /* NULL: no member any more */

/* ring.c */
int mhp_ring_send(struct mhp_ring *ring, const struct mhp_step *step); /* and waits for its end, unless it is a report */
int mhp_ring_note(struct mhp_ring *ring, uint32_t nr, enum mhp_note kind, const char *words);
uint64_t mhp_ring_backoff(const struct mhp_ring *ring, unsigned failures);
