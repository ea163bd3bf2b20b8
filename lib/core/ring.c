/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The ring. Every turn looks at the queues as they are now: what is undecided is decided, what drifted is judged, and if no
 * step is under way the first queue with work gives one. There is no memory of plans, so nothing has to be undone when the world
 * changes half-way. */

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/units.h"
#include "core/explain.h"
#include "core/notes.h"
#include "core/outcome.h"
#include "core/pursuit.h"
#include "core/pursuit-begin.h"
#include "core/pursuit-end.h"
#include "core/pursuit-offline.h"
#include "core/ring-internal.h"

/* How many blocks one step carries. Onlining hardly ever fails or takes long, so much goes at once; offlining may take its whole deadline, so
 * nothing waits behind it in the same step but what its removal has given a turn together with it. */
#define BATCH_ONLINE 1024
#define BATCH_OFFLINE 64
#define BATCH_COUNT 16
/* Who moved memory twice within this time is not done yet; a repair in between would be one more hand in the game. */
#define CALM_USEC (5 * USEC_PER_SEC)

int mhp_ring_new(struct mhp_map *map, struct mhp_config *config, const struct mhp_arming *arming, mhp_step_fn step, void *userdata,
                 struct mhp_ring **ret) {
        _cleanup_ring_ struct mhp_ring *ring = calloc(1, sizeof(*ring));
        int r;

        if (!ring)
                return -ENOMEM;
        r = mhp_notes_new(step, userdata, &ring->notes);
        if (r < 0)
                return r;

        ring->map = map;
        ring->config = *config;
        *config = (struct mhp_config) { 0 };
        ring->arming = *arming;
        ring->step = step;
        ring->userdata = userdata;
        ring->tally_block = MHP_NO_BLOCK;
        *ret = TAKE(ring);
        return 0;
}

struct mhp_ring *mhp_ring_free(struct mhp_ring *ring) {
        if (!ring)
                return NULL;

        mhp_map_free(ring->map);
        mhp_config_done(&ring->config);
        mhp_notes_free(ring->notes);
        pursuits_done(&ring->pursuits);
        free(ring->batch);
        free(ring);
        return NULL;
}

/* Blocks that a scan did not show. */
static int note_unseen(struct mhp_ring *ring) {
        int r = 0;

        for (const struct mhp_block *b = mhp_map_at_or_after(ring->map, 0); b && r >= 0; b = mhp_map_next_block(ring->map, b))
                if (!(b->flags & MHP_BLOCK_SEEN))
                        r = ring_note(ring, b->nr, MHP_NOTE_GONE, NULL);
        return r;
}

/* What came last says why the block stays, if its outcome is that it does. Where one cannot be counted, none can. */
static void take_tally(struct mhp_ring *ring, uint32_t nr, const struct mhp_tally *tally) {
        ring->blind = !tally;
        ring->tally_block = tally ? nr : MHP_NO_BLOCK;
        if (tally)
                ring->tally = *tally;
}

/* What another hand did. */
static int heed(struct mhp_ring *ring, uint64_t now, uint32_t nr, int change) {
        struct pursuit_context c = ring_pursuits(ring, now);
        int r = 0;

        if (change & (MHP_CHANGE_FOREIGN_OFFLINE | MHP_CHANGE_FOREIGN_MOVE))
                ring->calm_at = mhp_add_sat(now, CALM_USEC);
        if (change & MHP_CHANGE_FOREIGN_OFFLINE)
                r = ring_note(ring, nr, MHP_NOTE_FOREIGN_OFFLINE, NULL);
        else if (change & MHP_CHANGE_FOREIGN_ONLINE)
                r = ring_heed_interrupt(ring, pursuit_fought(&c, nr));
        return r < 0 ? r : 0;
}

int mhp_ring_event(void *userdata, const struct mhp_event *event) {
        struct mhp_ring *ring = userdata;
        uint32_t nr = event->type == MHP_EVENT_BLOCK ? event->reading->nr : event->block;
        int r = 0;

        /* Told before the blocks and their groups are forgotten. */
        if (event->type == MHP_EVENT_GONE)
                r = ring_note(ring, nr, MHP_NOTE_GONE, NULL);
        else if (event->type == MHP_EVENT_SCAN_END && ring->map->scanning)
                r = note_unseen(ring);
        if (r < 0)
                return r;

        r = mhp_map_apply(ring->map, event);
        if (event->type == MHP_EVENT_COUNT)
                take_tally(ring, nr, event->tally);
        /* What arrives need not wait for what cannot be read. */
        if (event->type == MHP_EVENT_ADDED && r > 0 && r & MHP_CHANGE_NEW && ring->settle_unread)
                ring->settle_at = 0;
        if (event->type == MHP_EVENT_UNREAD && r >= 0) {
                struct pursuit_context c = ring_pursuits(ring, event->now);

                r = pursuit_lost_sight(&c, nr);
        }
        return r < 0 ? r : heed(ring, event->now, nr, r);
}

/* A unit is decided on with all its blocks, so nothing is decided while arrivals are still being settled; unless that fails, then
 * what is known must do. */
bool mhp_ring_undecided(const struct mhp_ring *ring) {
        if (ring->busy == MHP_VERB_SETTLE || (ring->map->queues[MHP_QUEUE_UNSETTLED].n > 0 && ring->settle_at == 0))
                return false;
        return ring->map->queues[MHP_QUEUE_UNDECIDED].n > 0;
}

bool mhp_ring_settles(const struct mhp_ring *ring) {
        return ring->settle_at == 0;
}

/* Whether the kernel is told beforehand where the next memory goes, which is asked when all that is there has been decided on. */
static bool aims(const struct mhp_ring *ring) {
        return ring->arming.unasked && ring->arming.path == MHP_PATH_MHPD && ring->busy != MHP_VERB_SETTLE &&
               ring->map->queues[MHP_QUEUE_UNSETTLED].n == 0;
}

bool mhp_ring_aim(struct mhp_ring *ring) {
        struct mhp_decision d;

        if (!aims(ring))
                return false;
        mhp_policy_expect(ring->map, &ring->config, &ring->pressure, MHP_SOURCE_DLPAR, &d);
        return mhp_arming_aim(&ring->arming, d.want);
}

bool mhp_ring_wants_pressure(const struct mhp_ring *ring) {
        if (aims(ring))
                return true;
        for (size_t i = 0; i < ring->map->n_removals; i++)
                if (ring->map->removals[i].phase <= MHP_PHASE_CHOOSE)
                        return true;
        return mhp_ring_undecided(ring);
}

static int decide(struct mhp_ring *ring, uint64_t now, const struct mhp_pressure *pressure, const struct mhp_block *block) {
        _cleanup_text_ struct mhp_text words = { 0 };
        struct mhp_decision d;
        uint32_t nr = block->nr;

        mhp_policy_decide(ring->map, &ring->config, pressure, block, &d);
        mhp_policy_words(&d, &ring->config, &words);
        if (words.error < 0)
                return words.error;

        int r = mhp_ring_event(ring, &(struct mhp_event) {
                .type = MHP_EVENT_GOAL, .now = now, .block = nr, .want = d.want, .reason = d.reason, .rule = d.rule });
        if (r < 0)
                return r;
        return ring_note(ring, nr, MHP_NOTE_DECIDED, words.data);
}

static int decide_all(struct mhp_ring *ring, uint64_t now, const struct mhp_pressure *pressure) {
        const struct mhp_queue_head *queue = &ring->map->queues[MHP_QUEUE_UNDECIDED];

        while (mhp_ring_undecided(ring)) {
                int r = decide(ring, now, pressure, mhp_map_find(ring->map, queue->head));
                if (r < 0)
                        return r;
        }
        return 0;
}

/* An online boot block to knock at: state_store() (drivers/base/memory.c, 6.1 and 6.12) takes the hotplug lock before it finds
 * that there is nothing to online. The first block of the machine is one, as a rule in zone `none` or DMA. */
uint32_t mhp_ring_barrier(const struct mhp_ring *ring) {
        const struct mhp_map *map = ring->map;

        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b)) {
                const struct mhp_group *group = mhp_map_group(map, b);

                if (group && group->source == MHP_SOURCE_BOOT && b->state == MHP_STATE_ONLINE)
                        return b->nr;
        }
        return MHP_NO_BLOCK;
}

static int take(struct mhp_ring *ring, uint64_t now, uint32_t nr) {
        int r = ARRAY_GROW(ring->batch, ring->n_batch, ring->batch_capacity);

        if (r >= 0)
                r = mhp_ring_event(ring, &(struct mhp_event) { .type = MHP_EVENT_TAKEN, .now = now, .block = nr });
        if (r >= 0)
                ring->batch[ring->n_batch++] = nr;
        return r;
}

/* After each block that joins a zone the kernel walks that zone from its start, pageblock by pageblock, until it meets the end or a hole:
 * set_zone_contiguous(), called by move_pfn_range_to_zone() (mm/memory_hotplug.c, 6.1 and 6.12). In ascending order that is n² for n blocks,
 * and most of the time that they take. One block low in the zone that comes last of all is a hole that ends each walk early: the
 * first in line with its predecessor online before it. */
static bool makes_hole(const struct mhp_ring *ring, const struct mhp_block *block) {
        const struct mhp_block *before = block->nr > 0 ? mhp_map_find(ring->map, block->nr - 1) : NULL;

        return before && (before->state == MHP_STATE_ONLINE || before->queue == MHP_QUEUE_BUSY);
}

/* A hold that is on what goes back is a removal's own; any other is to be respected. */
static bool goes_back(const struct mhp_block *block) {
        return block->reason == MHP_REASON_RESTORED;
}

static int take_batch(struct mhp_ring *ring, uint64_t now, enum mhp_queue from, size_t most) {
        bool online = from == MHP_QUEUE_ONLINE_KERNEL || from == MHP_QUEUE_ONLINE_MOVABLE;
        const struct mhp_block *first = mhp_map_find(ring->map, ring->map->queues[from].head);
        uint32_t hole = MHP_NO_BLOCK, removal = 0, next;
        int r = 0;

        ring->n_batch = 0;
        for (uint32_t nr = ring->map->queues[from].head; nr != MHP_NO_BLOCK && ring->n_batch < most && r >= 0; nr = next) {
                const struct mhp_block *block = mhp_map_find(ring->map, nr);

                next = block->next;
                if (from == MHP_QUEUE_OFFLINE && ring->n_batch > 0 && (removal == 0 || block->removal != removal))
                        break;
                if (online && goes_back(block) != goes_back(first))
                        continue;
                removal = block->removal;
                if (online && hole == MHP_NO_BLOCK && makes_hole(ring, block))
                        hole = nr;
                else
                        r = take(ring, now, nr);
        }
        return r >= 0 && hole != MHP_NO_BLOCK && ring->n_batch < most ? take(ring, now, hole) : r;
}

/* Sends a step and waits for its end from now on. */
static int send(struct mhp_ring *ring, const struct mhp_step *step) {
        struct mhp_step full = *step;

        full.barrier = step->verb == MHP_VERB_SETTLE || step->verb == MHP_VERB_TEARDOWN ? mhp_ring_barrier(ring) : MHP_NO_BLOCK;
        full.deadline = ring->config.offline_timeout;
        full.node = -1;
        ring->busy = step->verb;
        return ring->step(ring->userdata, &full);
}

static int send_step(struct mhp_ring *ring, uint64_t now, enum mhp_verb verb, enum mhp_queue from, size_t most) {
        const struct mhp_block *first = mhp_map_find(ring->map, ring->map->queues[from].head);
        uint32_t removal = verb == MHP_VERB_OFFLINE ? first->removal : 0;
        struct pursuit_context c = ring_pursuits(ring, now);
        bool together = pursuit_is_together(&c, removal);
        bool lift = (verb == MHP_VERB_ONLINE_MOVABLE || verb == MHP_VERB_ONLINE_KERNEL) && goes_back(first);
        int r = take_batch(ring, now, from, together ? SIZE_MAX : most);

        if (r < 0)
                return r;
        ring->busy_removal = removal;
        return send(ring, &(struct mhp_step) {
                .verb = together ? MHP_VERB_TEARDOWN : verb, .blocks = ring->batch, .n_blocks = ring->n_batch, .lift = lift });
}

/* The pages of drifted blocks; some of them, for others wait. */
static int count_drifted(struct mhp_ring *ring) {
        ring->n_batch = 0;
        for (uint32_t nr = ring->map->queues[MHP_QUEUE_DRIFT].head; nr != MHP_NO_BLOCK && ring->n_batch < BATCH_COUNT;
             nr = mhp_map_find(ring->map, nr)->next) {
                int r = ARRAY_GROW(ring->batch, ring->n_batch, ring->batch_capacity);
                if (r < 0)
                        return r;
                ring->batch[ring->n_batch++] = nr;
        }
        ring->busy_removal = 0;
        return send(ring, &(struct mhp_step) { .verb = MHP_VERB_COUNT, .blocks = ring->batch, .n_blocks = ring->n_batch });
}

/* What a removal asks for. Returns: 1: it was sent; 0: none asks for anything. */
static int pursuit_step(struct mhp_ring *ring, uint64_t now) {
        struct pursuit_context c = ring_pursuits(ring, now);
        struct mhp_step step;
        int r = pursuits_next_step(&c, &step);

        if (r <= 0)
                return r;
        ring->busy_removal = step.removal;
        ring->n_batch = 0;
        step.removal = 0;
        r = send(ring, &step);
        return r < 0 ? r : 1;
}

/* What can be learned comes before what can be done; kernel memory before Movable memory, which lives on it. */
static int head_step(struct mhp_ring *ring, uint64_t now) {
        int r;

        static const struct {
                enum mhp_queue queue;
                enum mhp_verb verb;
                size_t most;
        } order[] = {
                { MHP_QUEUE_UNSETTLED, MHP_VERB_SETTLE, SIZE_MAX },
                { MHP_QUEUE_ONLINE_KERNEL, MHP_VERB_ONLINE_KERNEL, BATCH_ONLINE },
                { MHP_QUEUE_ONLINE_MOVABLE, MHP_VERB_ONLINE_MOVABLE, BATCH_ONLINE },
                { MHP_QUEUE_OFFLINE, MHP_VERB_OFFLINE, BATCH_OFFLINE },
        };

        for (size_t i = 0; i < ELEMENTSOF(order); i++) {
                /* What a removal does with devices, and drift, before what may take its whole deadline. */
                if (order[i].verb == MHP_VERB_OFFLINE) {
                        if (ring->map->queues[MHP_QUEUE_DRIFT].n > 0 && ring->calm_at == 0)
                                return count_drifted(ring);
                        r = pursuit_step(ring, now);
                        if (r != 0)
                                return r < 0 ? r : 0;
                }
                if (ring->map->queues[order[i].queue].n == 0)
                        continue;
                if (order[i].verb == MHP_VERB_SETTLE && now < ring->settle_at)
                        continue;
                return send_step(ring, now, order[i].verb, order[i].queue, order[i].most);
        }
        return 0;
}

int mhp_ring_flush(struct mhp_ring *ring) {
        return mhp_notes_flush(ring->notes);
}

static int pursue(struct mhp_ring *ring, uint64_t now) {
        struct pursuit_context c = ring_pursuits(ring, now);

        return ring_heed_interrupt(ring, pursuits_advance(&c));
}

int mhp_ring_turn(struct mhp_ring *ring, uint64_t now, const struct mhp_pressure *pressure) {
        /* The blocks of a settle that failed have left: the next arrivals are waited for again. */
        if (ring->busy != MHP_VERB_SETTLE && ring->map->queues[MHP_QUEUE_UNSETTLED].n == 0)
                ring->settle_at = 0;

        ring->pressure = *pressure;

        int r = decide_all(ring, now, pressure);
        if (r < 0)
                return r;
        r = ring_judge_drift(ring, now);
        if (r >= 0)
                r = pursue(ring, now);
        if (r < 0)
                return r;

        mhp_notes_turn(ring->notes, now);
        if (!ring_report_stays_open(ring, now))
                r = mhp_notes_flush(ring->notes);
        return r < 0 || ring->busy != MHP_VERB_NONE ? r : head_step(ring, now);
}

/* A move that cannot be had leaves the block where it was; if it is off that place already, it is put back: memory in the wrong
 * zone is better than none. */
static int call_off(struct mhp_ring *ring, uint64_t now, const struct mhp_block *block) {
        struct mhp_event event = { .type = MHP_EVENT_ACCEPT, .now = now, .block = block->nr };

        if (block->state == MHP_STATE_OFFLINE) {
                event.type = MHP_EVENT_GOAL;
                event.want = block->goal == MHP_WANT_MOVABLE ? MHP_WANT_KERNEL : MHP_WANT_MOVABLE;
                event.reason = MHP_REASON_ACCEPTED;
        }
        return mhp_ring_event(ring, &event);
}

static enum mhp_note done_note(const struct mhp_block *block) {
        if (block->state == MHP_STATE_OFFLINE)
                return MHP_NOTE_OFFLINE;
        return block->reason == MHP_REASON_RESTORED ? MHP_NOTE_RESTORED : MHP_NOTE_ONLINE;
}

static int note_failure(struct mhp_ring *ring, const struct mhp_block *block) {
        _cleanup_text_ struct mhp_text words = { 0 };

        if (block->state == MHP_STATE_ONLINE)
                mhp_explain_keeps(ring->tally_block == block->nr ? &ring->tally : NULL, block->error, &words);
        if (words.error < 0)
                return words.error;
        return ring_note(ring, block->nr, block->flags & MHP_BLOCK_GAVE_UP ? MHP_NOTE_GAVE_UP : MHP_NOTE_FAILED, words.len > 0 ? words.data : NULL);
}

/* was: the block's flags before. */
static int report_outcome(struct mhp_ring *ring, uint64_t now, uint32_t nr, int change, unsigned was) {
        const struct mhp_block *block = mhp_map_find(ring->map, nr);
        bool repair = was & MHP_BLOCK_REPAIRING && was & MHP_BLOCK_REPAIRED;

        if (change & MHP_CHANGE_DONE)
                return ring_note(ring, nr, repair ? MHP_NOTE_REPAIRED : done_note(block), NULL);
        if (!(change & MHP_CHANGE_FAILED))
                return 0;

        int r = note_failure(ring, block);
        if (r < 0 || !(block->flags & MHP_BLOCK_GAVE_UP))
                return r;
        /* A request that fails where the block is stays one that has failed; what can be asked for can be asked for again. */
        bool half_way = was & MHP_BLOCK_REPAIRING && block->state == MHP_STATE_OFFLINE;
        return repair || half_way ? call_off(ring, now, block) : 0;
}

int mhp_ring_outcome(struct mhp_ring *ring, uint64_t now, uint32_t nr, int error) {
        const struct mhp_block *block = mhp_map_find(ring->map, nr);

        if (!block || ring->busy == MHP_VERB_COUNT)
                return 0;

        unsigned was = block->flags;
        /* What was taken in vain goes back, however long that takes. */
        bool back = block->reason == MHP_REASON_RESTORED && block->state == MHP_STATE_OFFLINE;
        bool last = (block->attempts + 1u >= ring->config.attempts && !back) || mhp_outcome_is_final(mhp_outcome_of(error, false));
        struct mhp_event event = {
                .type = MHP_EVENT_OUTCOME,
                .now = now,
                .block = nr,
                .verb = ring->busy == MHP_VERB_TEARDOWN ? MHP_VERB_OFFLINE : ring->busy,
                .error = error,
                .retry_at = last ? 0 : now + mhp_config_backoff(&ring->config, block->attempts),
        };

        int r = mhp_map_apply(ring->map, &event);
        return r < 0 ? r : report_outcome(ring, now, nr, r, was);
}

static bool has_unread(const struct mhp_ring *ring) {
        for (size_t i = 0; i < ring->n_batch; i++) {
                const struct mhp_block *block = mhp_map_find(ring->map, ring->batch[i]);

                if (block && block->flags & MHP_BLOCK_UNREAD)
                        return true;
        }
        return false;
}

static int settle_done(struct mhp_ring *ring, uint64_t now, int error) {
        ring->settle_unread = error == 0 && has_unread(ring);
        ring->settle_failures = error || ring->settle_unread ? ring->settle_failures + 1 : 0;
        ring->settle_at = ring->settle_failures > 0 ? now + mhp_config_backoff(&ring->config, ring->settle_failures - 1) : 0;

        for (size_t i = 0; i < ring->n_batch; i++) {
                const struct mhp_block *block = mhp_map_find(ring->map, ring->batch[i]);
                struct mhp_event event = {
                        .type = MHP_EVENT_OUTCOME, .now = now, .block = ring->batch[i], .verb = MHP_VERB_SETTLE, .error = error };

                /* Another block of the same number may have come meanwhile: its arrival is not over. */
                if (!block || !(block->flags & MHP_BLOCK_BUSY))
                        continue;
                int r = mhp_map_apply(ring->map, &event);
                if (r >= 0)
                        r = heed(ring, now, ring->batch[i], r);
                if (r < 0)
                        return r;
        }
        return 0;
}

int mhp_ring_step_done(struct mhp_ring *ring, uint64_t now, int error) {
        struct pursuit_context c = ring_pursuits(ring, now);
        enum mhp_verb verb = ring->busy;
        int r = 0;

        ring->busy = MHP_VERB_NONE;
        if (verb == MHP_VERB_COUNT || verb == MHP_VERB_HOLD || verb == MHP_VERB_RELEASE || verb == MHP_VERB_HAND)
                pursuits_answer(&c, error);
        else if (verb == MHP_VERB_SETTLE)
                r = settle_done(ring, now, error);
        else
                for (size_t i = 0; i < ring->n_batch && r >= 0; i++)
                        r = mhp_map_apply(ring->map, &(struct mhp_event) { .type = MHP_EVENT_RELEASED, .now = now, .block = ring->batch[i] });
        if (r >= 0 && verb == MHP_VERB_TEARDOWN)
                r = pursuit_torn_down(&c, ring->busy_removal);
        ring->n_batch = 0;
        ring->busy_removal = 0;
        return r < 0 ? r : 0;
}

int mhp_ring_reload(struct mhp_ring *ring, uint64_t now, struct mhp_config *config, const struct mhp_arming *arming) {
        mhp_config_done(&ring->config);
        ring->config = *config;
        *config = (struct mhp_config) { 0 };
        ring->arming = *arming;
        return mhp_ring_event(ring, &(struct mhp_event) { .type = MHP_EVENT_RELOAD, .now = now });
}

uint64_t mhp_ring_next_tick(const struct mhp_ring *ring) {
        uint64_t at = UINT64_MAX;

        if (ring->map->queues[MHP_QUEUE_UNSETTLED].n > 0 && ring->settle_at > 0 && ring->busy == MHP_VERB_NONE)
                at = ring->settle_at;
        if (ring->map->queues[MHP_QUEUE_DRIFT].n > 0 && ring->calm_at > 0)
                at = MIN(at, ring->calm_at);
        if (ring_report_comes_in_pieces(ring))
                at = MIN(at, mhp_notes_due(ring->notes));

        for (uint32_t nr = ring->map->queues[MHP_QUEUE_WAITING].head; nr != MHP_NO_BLOCK;) {
                const struct mhp_block *block = mhp_map_find(ring->map, nr);

                at = MIN(at, block->retry_at);
                nr = block->next;
        }
        return MIN(at, pursuits_tick(ring->map));
}
