/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which report is gathered over several turns. An entry for each block would cost more than what is done with the block, and nobody would read it. */

#include "core/notes.h"
#include "core/ring-internal.h"

int ring_note(struct mhp_ring *ring, uint32_t nr, enum mhp_note kind, const char *words) {
        const struct mhp_block *block = mhp_map_find(ring->map, nr);

        return block ? mhp_notes_add(ring->notes, ring->map, block, kind, words) : 0;
}

/* While a step goes well, its blocks are gathered into one report; an entry for each answer of the worker would cost more than
 * the onlining. */
static bool goes_well(const struct mhp_ring *ring) {
        if (mhp_notes_is(ring->notes, MHP_NOTE_ONLINE) || mhp_notes_is(ring->notes, MHP_NOTE_RESTORED))
                return true;
        return (ring->busy == MHP_VERB_OFFLINE || ring->busy == MHP_VERB_TEARDOWN) && mhp_notes_is(ring->notes, MHP_NOTE_OFFLINE);
}

/* What comes block by block, and of which more may follow: by another hand at any time, of our own doing as long as there is more to do. */
bool ring_report_comes_in_pieces(const struct mhp_ring *ring) {
        const struct mhp_notes *notes = ring->notes;
        const struct mhp_queue_head *queues = ring->map->queues;
        bool at_work = ring->busy != MHP_VERB_NONE || queues[MHP_QUEUE_OFFLINE].n + queues[MHP_QUEUE_ONLINE_KERNEL].n + queues[MHP_QUEUE_ONLINE_MOVABLE].n > 0;

        if (mhp_notes_is(notes, MHP_NOTE_FOREIGN_OFFLINE) || mhp_notes_is(notes, MHP_NOTE_GONE) || mhp_notes_is(notes, MHP_NOTE_DRIFT))
                return true;
        return at_work && (mhp_notes_is(notes, MHP_NOTE_REPAIRED) || mhp_notes_is(notes, MHP_NOTE_FAILED) || mhp_notes_is(notes, MHP_NOTE_GAVE_UP));
}

/* Whether the report that is being gathered stays open for the next turn. */
bool ring_report_stays_open(const struct mhp_ring *ring, uint64_t now) {
        if (ring->busy != MHP_VERB_NONE && goes_well(ring))
                return true;
        /* Blocks of a removal go offline in many steps, and are told of together as well. */
        if (ring->busy == MHP_VERB_NONE && mhp_notes_is(ring->notes, MHP_NOTE_OFFLINE) && ring->map->queues[MHP_QUEUE_OFFLINE].n > 0)
                return true;
        return ring_report_comes_in_pieces(ring) && now < mhp_notes_due(ring->notes);
}
