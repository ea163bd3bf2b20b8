/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The ring: events come in, the map changes, policy decides, and the head of the plan goes out as a step. One step is
 * under way at a time; what became of it comes back as events. */

#include "core/arming.h"
#include "core/plan.h"
#include "core/policy.h"
#include "core/pursuit-unit.h"
#include "core/removal-refusal.h"

struct mhp_ring {
        struct mhp_map *map;       /* owned */
        struct mhp_config config;  /* owned */
        struct mhp_arming arming;
        mhp_step_fn step;          /* the door out */
        void *userdata;
        enum mhp_verb busy;        /* of the step under way, NONE: idle */
        uint64_t settle_at;        /* after a settle that failed: the next not before, µs; 0: at once */
        unsigned settle_failures;  /* in a row */
        bool settle_unread;        /* the last one came through, but not all of its blocks could be read */
        uint32_t *batch;           /* owned: the blocks of the step under way */
        size_t n_batch, batch_capacity;
        struct mhp_notes *notes;   /* owned: the report being gathered */
        struct pursuits pursuits;  /* owned: the removals in the map */
        uint32_t busy_removal;     /* id of the removal that the step under way is for, 0: none */
        struct mhp_tally tally;    /* of `tally_block`, the last that came */
        uint32_t tally_block;
        uint64_t calm_at;          /* another hand is at work until then, as far as can be told, µs; 0: none is */
        bool blind;                /* pages cannot be counted here */
        bool teardown;             /* the caller's: the kernel has TEARDOWN */
        struct mhp_pressure pressure; /* as of the turn under way */
        const struct mhp_backing *backing; /* the caller's; NULL: no memmap lies in another block */
};

/* Takes over map and config (config is left empty). */
int mhp_ring_new(struct mhp_map *map, struct mhp_config *config, const struct mhp_arming *arming, mhp_step_fn step, void *userdata,
                 struct mhp_ring **ret);
struct mhp_ring *mhp_ring_free(struct mhp_ring *ring);
DEFINE_CLEANUP(struct mhp_ring *, mhp_ring_free)
#define _cleanup_ring_ _cleanup_(mhp_ring_freep)

/* The door in, a mhp_event_fn with the ring as userdata. Applies the event and gathers what is to be reported; sends no step but reports. */
int mhp_ring_event(void *ring, const struct mhp_event *event);

/* True when the next turn would ask policy. */
bool mhp_ring_undecided(const struct mhp_ring *ring);

/* True when an arrival is settled in one of the next turns, at once if no step is under way: not after a settle that failed, which has to wait. */
bool mhp_ring_settles(const struct mhp_ring *ring);

/* True when it wants a fresh pressure: for policy, or to see whether what is in the members of a removal has room elsewhere. */
bool mhp_ring_wants_pressure(const struct mhp_ring *ring);

/* One turn: decide what is undecided, send reports but for one that may go on, send the head step if none is under way. Call it after every bunch of events. */
int mhp_ring_turn(struct mhp_ring *ring, uint64_t now, const struct mhp_pressure *pressure);

/* Sends the report that is kept open for blocks that may follow, as before an end. */
int mhp_ring_flush(struct mhp_ring *ring);

/* The step under way is over: every block of it has had its outcome, or gets RELEASED now. error is for a settle: 0, its blocks
 * were read again after it came through; or a positive errno, it did not come through. */
int mhp_ring_step_done(struct mhp_ring *ring, uint64_t now, int error);

/* The outcome of one block of the step under way, after its fresh read was handed in as a BLOCK event. Reckons the back-off. */
int mhp_ring_outcome(struct mhp_ring *ring, uint64_t now, uint32_t block, int error);

/* What a device step came to (HOLD, RELEASE, HAND): mhp_ring_step_done() with its positive errno. */

/* Memory is to leave: a goal, followed in the turns from now on. It ends with MHP_PHASE_ENDED of the removal `id`, which stays in the map until
 * mhp_ring_forget(). timeout, µs, 0: none. words: the target as it was asked for.
 * Returns: 0: it has begun, or ret->why says why it has not and nothing has changed; -ENOMEM. */
int mhp_ring_remove(struct mhp_ring *ring, uint64_t now, const struct mhp_target *target, const char *words, uint64_t timeout, uint32_t id,
                    struct mhp_removal_refusal *ret);

/* It is not wanted any more: what was taken goes back, unless OnFailure=keep. -ENOENT: there is none, or it has ended. */
int mhp_ring_give_up(struct mhp_ring *ring, uint64_t now, uint32_t id, enum mhp_ending why);

/* A removal that has ended, or one (`removal`, blocks `members` with fields home and removal) that a mhpd before this one left behind. */
int mhp_ring_forget(struct mhp_ring *ring, uint32_t id);
int mhp_ring_resume(struct mhp_ring *ring, uint64_t now, const struct mhp_map *left);

/* Why the removal failed, in words; empty: no reason. Lives until the next turn. */
const char *mhp_ring_removal_words(const struct mhp_ring *ring, uint32_t id);

/* Another configuration; takes it over. Goals that are not reached are decided anew. */
int mhp_ring_reload(struct mhp_ring *ring, uint64_t now, struct mhp_config *config, const struct mhp_arming *arming);

/* Where the next memory is wanted, for a kernel that brings it online by itself; after a turn. True: the knobs in `arming` have changed. */
bool mhp_ring_aim(struct mhp_ring *ring);

/* A block that a settle can knock at; MHP_NO_BLOCK: there is none. */
uint32_t mhp_ring_barrier(const struct mhp_ring *ring);

/* When a TICK is due, µs; UINT64_MAX: never. */
uint64_t mhp_ring_next_tick(const struct mhp_ring *ring);

/* For tests, after a turn: the queue or the phase of something that waits and that nothing would ever wake; NULL: there is none. */
const char *mhp_ring_sleeps(const struct mhp_ring *ring);
