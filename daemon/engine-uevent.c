/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Uevents in. All that are there are taken at once and folded, block by block, into what they amount to: two thousand `change`s of
 * one block are one read. */

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "daemon/engine-internal.h"
#include "daemon/executor.h"
#include "daemon/guard.h"
#include "daemon/host.h"
#include "daemon/loop.h"
#include "daemon/place-table.h"
#include "daemon/placer.h"

/* What a storm of uevents may hold up an answer of the worker's for. */
#define JUDGE_USEC (500 * USEC_PER_MSEC)
/* So many slices, then whoever asks has a turn. */
#define MORE_IN_A_ROW 4

/* What one block's events of a bunch amount to. */
struct fold {
        uint32_t nr;
        bool gone;          /* it left, whatever came then */
        bool added;         /* after that, if it did */
        unsigned n_changes; /* likewise */
};

/* A block that is not settled is read when its settle is through; one that the running step writes is read back by the
 * worker after the write. For these the event tells nothing that is not told anyway. */
static bool read_follows(struct engine *engine, const struct mhp_block *block, unsigned n_changes) {
        if (block->queue == MHP_QUEUE_UNSETTLED)
                return engine->ring->settle_at == 0;
        if (block->queue != MHP_QUEUE_BUSY)
                return false;
        if (engine->ring->busy == MHP_VERB_SETTLE)
                return !engine->reading;
        return engine->executor && executor_heard(engine->executor, block->nr, n_changes);
}

static int take_fold(struct engine *engine, const struct fold *fold) {
        struct mhp_event event = { .now = loop_now(), .block = fold->nr };
        int r = 0;

        if (fold->gone) {
                if (engine->executor)
                        executor_forget(engine->executor, fold->nr);
                event.type = MHP_EVENT_GONE;
                r = engine_event(engine, &event);
        }
        if (fold->added && r >= 0) {
                place_table_doubt(engine->place_table);
                event.type = MHP_EVENT_ADDED;
                r = engine_event(engine, &event);
        }
        if (fold->n_changes == 0 || r < 0)
                return r;

        const struct mhp_block *block = mhp_map_find(engine->ring->map, fold->nr);
        if (block && read_follows(engine, block, fold->n_changes))
                return engine->ring->busy == MHP_VERB_TEARDOWN ? engine_touch(engine, fold->nr) : 0; /* progress */
        return engine_read(engine, MHP_RESOLVE_ARRIVING, fold->nr);
}

static void fold_in(struct fold *fold, enum mhp_uevent_action action) {
        switch (action) {
        case MHP_UEVENT_ADD:
                fold->added = true;
                return;
        case MHP_UEVENT_REMOVE:
                *fold = (struct fold) { .nr = fold->nr, .gone = true };
                return;
        case MHP_UEVENT_CHANGE:
                fold->n_changes++;
                return;
        case MHP_UEVENT_DAX: /* not kept: receive() */
        case MHP_UEVENT_EJECT:
        case MHP_UEVENT_RESIZE:
                return;
        }
}

/* By block; of one block in the order of arrival. */
struct indexed {
        struct mhp_uevent uevent;
        size_t at;
};

static int compare(const void *a, const void *b) {
        const struct indexed *x = a, *y = b;

        if (x->uevent.block != y->uevent.block)
                return x->uevent.block < y->uevent.block ? -1 : 1;
        return x->at < y->at ? -1 : x->at > y->at;
}

static int sort(struct engine *engine) {
        bool sorted = true;

        for (size_t i = 1; i < engine->n_heard && sorted; i++)
                sorted = engine->heard[i - 1].block <= engine->heard[i].block;
        if (sorted)
                return 0;

        _cleanup_free_ struct indexed *indexed = calloc(engine->n_heard, sizeof(*indexed));
        if (!indexed)
                return -ENOMEM;
        for (size_t i = 0; i < engine->n_heard; i++)
                indexed[i] = (struct indexed) { engine->heard[i], i };
        qsort(indexed, engine->n_heard, sizeof(*indexed), compare);
        for (size_t i = 0; i < engine->n_heard; i++)
                engine->heard[i] = indexed[i].uevent;
        return 0;
}

/* Of sources of one priority sd-event runs the one that has waited longest: the bus has its turn before a slice that is among its like, and no crowd there
 * keeps that slice from its own. */
int engine_more(struct engine *engine) {
        bool last = ++engine->n_more % MORE_IN_A_ROW == 0;
        int r = sd_event_source_set_priority(engine->more_source, last ? LOOP_BUS : LOOP_MORE);

        return r < 0 ? r : sd_event_source_set_enabled(engine->more_source, SD_EVENT_ONESHOT);
}

static int hear_more(struct engine *engine) {
        engine->unheard = true;
        return engine_more(engine);
}

/* A block is a round's work at least; what it has no more time for stays where it is, before what is received later. */
static int take_some(struct engine *engine, uint64_t until) {
        size_t i = 0;
        int r = sort(engine);

        while (i < engine->n_heard && r >= 0 && (i == 0 || loop_now() < until)) {
                struct fold fold = { .nr = engine->heard[i].block };

                for (; i < engine->n_heard && engine->heard[i].block == fold.nr; i++)
                        fold_in(&fold, engine->heard[i].action);
                r = take_fold(engine, &fold);
        }
        if (r < 0)
                return r;
        engine->n_heard -= i;
        if (engine->n_heard == 0)
                return 0;
        memmove(engine->heard, engine->heard + i, engine->n_heard * sizeof(*engine->heard));
        return hear_more(engine);
}

static int keep(struct engine *engine, const struct mhp_uevent *uevent) {
        int r = ARRAY_GROW(engine->heard, engine->n_heard, engine->heard_capacity);

        if (r >= 0)
                engine->heard[engine->n_heard++] = *uevent;
        return r;
}

/* What is no block's is taken in at once, and not kept. */
static int take_one(struct engine *engine, const struct mhp_uevent *uevent, bool *ret_devices) {
        switch (uevent->action) {
        case MHP_UEVENT_ADD:
        case MHP_UEVENT_REMOVE:
        case MHP_UEVENT_CHANGE:
                return keep(engine, uevent);
        case MHP_UEVENT_DAX:
                *ret_devices = true;
                return 0;
        case MHP_UEVENT_EJECT:
        case MHP_UEVENT_RESIZE:
                *ret_devices = true;
                return host_heard(engine->host, uevent);
        }
        return 0;
}

static int receive(struct engine *engine, uint64_t until, bool *ret_lost, bool *ret_devices) {
        struct mhp_uevent uevent;
        int r;

        while ((r = mhp_uevents_next(engine->uevents, &uevent)) != 0) {
                if (r == -ENOBUFS)
                        *ret_lost = true;
                else if (r == 1)
                        r = take_one(engine, &uevent, ret_devices);
                if (r < 0 && r != -ENOBUFS)
                        return r;
                if (loop_now() >= until)
                        return hear_more(engine);
        }
        return 0;
}

static int hear(struct engine *engine, uint64_t until) {
        bool lost = false, devices = false, behind = engine->n_heard > 0;
        int r = 0;

        engine->unheard = false;
        if (behind)
                r = hear_more(engine);
        else if (engine->uevents)
                r = receive(engine, until, &lost, &devices);
        if (devices || lost)
                place_table_doubt(engine->place_table);
        if (r >= 0 && (devices || lost))
                r = place_table_check(engine->place_table);
        if (r >= 0 && (devices || lost))
                r = placer_look(engine->placer);
        if (r < 0 || (engine->n_heard == 0 && !lost))
                return r;
        if (lost) {
                engine->rescan = true;
                if (engine->executor)
                        executor_doubt(engine->executor);
        }
        /* What arrives under a knob of another hand's is not the last that does. */
        r = guard_check(engine->guard);
        if (r >= 0)
                r = take_some(engine, until);
        return r < 0 ? r : engine_turn_soon(engine);
}

int engine_hear_some(struct engine *engine) {
        return hear(engine, loop_now() + LOOP_SLICE);
}

int engine_hear_first(struct engine *engine) {
        uint64_t now = loop_now();
        int r = hear(engine, now + LOOP_SLICE);

        if (r < 0)
                return r;
        if (!engine->unheard) {
                engine->judge_by = 0;
                return 1;
        }
        if (engine->judge_by == 0)
                engine->judge_by = now + JUDGE_USEC;
        if (now < engine->judge_by)
                return 0;
        executor_doubt(engine->executor);
        engine->judge_by = 0;
        return 1;
}
