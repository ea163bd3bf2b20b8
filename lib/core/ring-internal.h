/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files of the ring. */

#include "core/ring.h"

/* What removals go by as of now. */
struct pursuit_context ring_pursuits(struct mhp_ring *ring, uint64_t now);

/* After a call of a removal that came to r: sends the INTERRUPT that it may have asked for. 0 or a negative errno. */
int ring_heed_interrupt(struct mhp_ring *ring, int r);

/* Adds a fact about a block to the report; nothing if there is no such block. */
int ring_note(struct mhp_ring *ring, uint32_t nr, enum mhp_note kind, const char *words);

/* Whether the report that is being gathered stays open for the next turn. */
bool ring_report_stays_open(const struct mhp_ring *ring, uint64_t now);

/* Whether what it tells comes block by block, and more of it may follow: of another hand at any time, of our own doing as long as there is more to do. */
bool ring_report_comes_in_pieces(const struct mhp_ring *ring);

/* Tells of the blocks that have drifted, and decides on those that can be decided on now. */
int ring_judge_drift(struct mhp_ring *ring, uint64_t now);
