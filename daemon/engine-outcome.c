/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What became of the step under way: a fresh read of what it touched, then the outcome. */

#include <errno.h>
#include <string.h>

#include "daemon/engine-internal.h"
#include "daemon/executor.h"
#include "daemon/kernel-events.h"
#include "daemon/loop.h"
#include "daemon/removals.h"
#include "edge/names.h"
#include "edge/sysfs.h"

static int gone(struct engine *engine, uint32_t nr) {
        return engine_event(engine, &(struct mhp_event) { .type = MHP_EVENT_GONE, .now = loop_now(), .block = nr });
}

/* *ret_error: why it could not be read this time, positive; 0: it was, or is gone. */
static int try_read(struct engine *engine, enum mhp_resolve how, uint32_t nr, int *ret_error) {
        struct mhp_reading reading;
        int r = mhp_sysfs_read_block(&engine->root, nr, &reading);

        *ret_error = 0;
        if (r == -ENOENT || r == -ENODEV || r == -ENOTDIR)
                return gone(engine, nr);
        if (r >= 0)
                r = mhp_groups_resolve(engine->groups, how, &reading);
        if (r < 0) {
                *ret_error = -r;
                return 0;
        }
        r = engine_event(engine, &(struct mhp_event) { .type = MHP_EVENT_BLOCK, .now = loop_now(), .reading = &reading });
        return r < 0 ? r : unread_note(engine, nr, reading.error);
}

int engine_read(struct engine *engine, enum mhp_resolve how, uint32_t nr) {
        int error, r = try_read(engine, how, nr, &error);

        return r < 0 || error == 0 ? r : unread_block(engine, nr, error);
}

static int outcome(struct engine *engine, uint32_t nr, int error) {
        int r = mhp_ring_outcome(engine->ring, loop_now(), nr, error);

        return r < 0 ? r : engine_touch(engine, nr);
}

/* The worker's own reading, which saves another one; it knows nothing of node and group, and the map keeps what it has. */
static int take_reading(struct engine *engine, const struct mhp_worker_result *result) {
        const struct mhp_reading reading = {
                .nr = result->nr,
                .state = (enum mhp_state) result->state,
                .zone = (enum mhp_zone) result->zone,
                .valid = result->valid,
                .node = -1,
        };

        return engine_event(engine, &(struct mhp_event) { .type = MHP_EVENT_BLOCK, .now = loop_now(), .reading = &reading });
}

/* Before the outcome, which asks what keeps the block. tally NULL: that cannot be known, and was what the step was for. */
static int take_count(struct engine *engine, uint32_t nr, const struct mhp_tally *tally) {
        if (!tally && engine->ring->busy != MHP_VERB_COUNT)
                return 0;
        return engine_event(engine, &(struct mhp_event) { .type = MHP_EVENT_COUNT, .now = loop_now(), .block = nr, .tally = tally });
}

/* What lies in a block that stays, and the page that was in the way, if the kernel tells. */
static int take_kept(struct engine *engine, uint32_t nr, const struct mhp_tally *tally) {
        struct mhp_tally kept;
        int r;

        if (!tally || engine->ring->busy == MHP_VERB_COUNT)
                return take_count(engine, nr, tally);
        kept = *tally;
        r = kernel_events_page(engine->kernel_events, nr, &kept.kept);
        if (r == -ENOMEM)
                return r;
        return take_count(engine, nr, &kept);
}

static int judge(struct engine *engine, const struct mhp_worker_result *result, const struct mhp_tally *tally) {
        int r;

        if (result->error == ECANCELED)
                return 0; /* not begun, because one before it was interrupted, or undone; it is free again when the step is over */
        r = take_kept(engine, result->nr, tally);
        return r < 0 ? r : outcome(engine, result->nr, result->error);
}

int engine_result(struct engine *engine, const struct mhp_worker_result *result, const struct mhp_tally *tally, unsigned n_heard) {
        /* A write that fails is not announced, nor is a look. */
        unsigned own = result->error == 0 && engine->ring->busy != MHP_VERB_COUNT ? 1 : 0;
        /* A block that was gone when it was written to may be back by now, so that too is read afresh. */
        bool afresh = n_heard > own || result->read_error != 0;
        int error = 0, r = afresh ? try_read(engine, MHP_RESOLVE_ARRIVING, result->nr, &error) : take_reading(engine, result);

        if (r >= 0 && error != 0 && result->read_error != 0) {
                r = unread_block(engine, result->nr, error);
                return r < 0 ? r : judge(engine, result, tally);
        }
        /* What the worker read is better than nothing, and not to be relied on. */
        if (r >= 0 && error != 0)
                r = take_reading(engine, result);
        if (r >= 0)
                r = judge(engine, result, tally);
        return r < 0 || error == 0 ? r : unread_block(engine, result->nr, error);
}

static int step_done(struct engine *engine, int error) {
        /* Those of the step that are not busy any more: jobs that end wait for that. */
        size_t n = engine->ring->n_batch;
        int r = mhp_ring_step_done(engine->ring, loop_now(), error);

        for (size_t i = 0; i < n && r >= 0; i++)
                r = engine_touch(engine, engine->ring->batch[i]);
        return r < 0 ? r : engine_turn_soon(engine);
}

/* Without it, it would not be known whose the blocks are. 1: the settle has come to nothing. */
static int refresh_groups(struct engine *engine) {
        int r = mhp_groups_refresh(engine->groups);

        if (!mhp_error_passes(r))
                return r;
        unread_tell(engine, "/" NAME_IOMEM, -r);
        engine->reading = false;
        r = step_done(engine, -r);
        return r < 0 ? r : 1;
}

/* The blocks of the settle under way: complete, if it came through. Each takes several files, and a DIMM may have hundreds. */
int engine_read_settled(struct engine *engine) {
        enum mhp_resolve how = engine->settle_error == 0 ? MHP_RESOLVE_SETTLED : MHP_RESOLVE_ARRIVING;
        uint64_t until = loop_now() + LOOP_SLICE;
        int r;

        if (!engine->reading)
                return 0;
        r = engine->n_read == 0 ? refresh_groups(engine) : 0;
        if (r != 0)
                return r < 0 ? r : 0;
        while (engine->n_read < engine->ring->n_batch && r >= 0 && loop_now() < until)
                r = engine_read(engine, how, engine->ring->batch[engine->n_read++]);
        if (r < 0)
                return r;
        if (engine->n_read < engine->ring->n_batch)
                return engine_more(engine);
        engine->reading = false;
        return step_done(engine, engine->settle_error);
}

/* What was announced before is known before it is read; a storm may hold that up for a while. */
#define READ_USEC (500 * USEC_PER_MSEC)

static int settle_over(struct engine *engine, int error) {
        int r = engine_hear_some(engine);

        if (r < 0)
                return r;
        engine->reading = true;
        engine->read_by = loop_now() + READ_USEC;
        engine->n_read = 0;
        engine->settle_error = error;
        return engine->unheard ? 0 : engine_read_settled(engine);
}

int engine_step_over(struct engine *engine, enum mhp_verb verb, int error) {
        int r = 0;

        if (verb == MHP_VERB_SETTLE)
                return settle_over(engine, error);
        if (mhp_verb_is_device(verb))
                r = removals_step_over(engine, verb, error);
        return r < 0 ? r : step_done(engine, error);
}

/* Whether the write that nobody answered for has come through all the same. */
static bool reached(const struct engine *engine, enum mhp_verb verb, uint32_t nr) {
        const struct mhp_block *block = mhp_map_find(engine->ring->map, nr);

        if (!block)
                return true;
        if (verb == MHP_VERB_COUNT)
                return false;
        if (verb == MHP_VERB_OFFLINE || verb == MHP_VERB_TEARDOWN)
                return block->state == MHP_STATE_OFFLINE;
        return block->state == MHP_STATE_ONLINE;
}

int engine_lost(struct engine *engine, enum mhp_verb verb, const uint32_t *blocks, size_t n, int error) {
        bool blamed = false;
        int r;

        if (verb == MHP_VERB_SETTLE || mhp_verb_is_device(verb))
                return engine_step_over(engine, verb, error);

        r = engine_hear_some(engine);
        for (size_t i = 0; i < n && r >= 0; i++) {
                r = engine_read(engine, MHP_RESOLVE_ARRIVING, blocks[i]);
                if (r < 0)
                        break;
                if (reached(engine, verb, blocks[i]))
                        r = outcome(engine, blocks[i], 0);
                else if (!blamed) {
                        /* It was this one's turn; those behind it were not begun. */
                        blamed = true;
                        r = take_count(engine, blocks[i], NULL);
                        if (r < 0)
                                break;
                        r = outcome(engine, blocks[i], error);
                }
        }
        return r < 0 ? r : step_done(engine, error);
}
