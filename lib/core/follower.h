/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the answers of a step's writer mean while uevents arrive. The simulated machine goes by this; daemon/executor.c and
 * daemon/engine-outcome.c hold the same rules in code of their own.
 *
 * The kernel announces a change before the write that makes it returns. So of each block of the step one uevent is its own, and a second one is another
 * hand's: then what the writer read back after its write may be old, and the block is read again. A writer that is lost has come through with some of its blocks;
 * the first that it has not come through with is the one that it was at. */

#include <errno.h>

#include "model/map.h"

struct mhp_follower_item {
        uint32_t nr;
        uint16_t heard;      /* uevents since the step began */
        bool answered, gone; /* gone: the block was removed, and another of its number is another block */
};

struct mhp_follower {
        enum mhp_verb verb;              /* of the step under way, NONE: none is */
        struct mhp_follower_item *items; /* owned; of the step that began last */
        size_t n, capacity;
        size_t at_answer, at_uevent;     /* where the next one is expected: both come in the order of the writes */
        bool blamed;                     /* of a writer that was lost: the block that it was at has been found */
};

void mhp_follower_done(struct mhp_follower *follower);

/* A step begins; the one before it is forgotten. -ENOMEM: none is under way. */
int mhp_follower_begin(struct mhp_follower *follower, enum mhp_verb verb, const uint32_t *blocks, size_t n);

/* The step under way is over. */
void mhp_follower_end(struct mhp_follower *follower);

/* n uevents came for a block that is in the map. settles: an arrival is about to be settled, as mhp_ring_settles() says; reading: the settle under way has come
 * through, and its blocks are being read.
 * Returns: true: the block is read anyway, when its settle is over or by the writer after its write; false: it has to be read now. */
bool mhp_follower_hears(struct mhp_follower *follower, const struct mhp_block *block, unsigned n, bool settles, bool reading);

/* The block was removed. No answer about it counts any more. */
void mhp_follower_forget(struct mhp_follower *follower, uint32_t nr);

/* Uevents were lost, and with them the sign of another hand: nothing that the writer read back is relied on. */
void mhp_follower_doubt(struct mhp_follower *follower);

/* How many blocks of the step were heard of. */
unsigned mhp_follower_n_heard(const struct mhp_follower *follower);

/* The block that the writer is at, as far as is known; MHP_NO_BLOCK: none. */
uint32_t mhp_follower_current(const struct mhp_follower *follower);

enum mhp_follower_answer {
        MHP_ANSWER_WRONG, /* no block of the step, or one that was answered for: the writer is not to be trusted */
        MHP_ANSWER_GONE,  /* the block was removed: nothing follows from it */
        MHP_ANSWER_READ,  /* the block has to be read again */
        MHP_ANSWER_KEEP,  /* what the writer read back is true */
};

/* The writer answers for a block. error: a positive errno of the write, 0: it came through; unread: the block could not be read back. */
enum mhp_follower_answer mhp_follower_answers(struct mhp_follower *follower, uint32_t nr, int error, bool unread);

/* Whether an answer with this errno is an outcome. ECANCELED is none: the block was not begun, or was put back, and is free again when the step is over. */
static inline bool mhp_follower_is_outcome(int error) {
        return error != ECANCELED;
}

/* The first block at or after item *at that was neither answered for nor removed, for loops; *at is behind it then. MHP_NO_BLOCK: there is no more. */
uint32_t mhp_follower_open(const struct mhp_follower *follower, size_t *at);

enum mhp_follower_fate {
        MHP_FATE_REACHED, /* the write came through */
        MHP_FATE_BLAMED,  /* it is the block that the writer was lost at */
        MHP_FATE_UNBEGUN, /* it is one behind that */
};

/* The writer was lost. What became of an open block, which was read again; asked for each of them, in their order. */
enum mhp_follower_fate mhp_follower_fate(struct mhp_follower *follower, const struct mhp_map *map, uint32_t nr);
