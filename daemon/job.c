/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/job.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/units.h"
#include "daemon/bus.h"
#include "daemon/engine.h"
#include "daemon/executor.h"
#include "daemon/job-internal.h"
#include "daemon/loop.h"

#define PROGRESS_EVERY (200 * USEC_PER_MSEC)

struct jobs {
        struct engine *engine;
        struct job **job; /* owned, as are the jobs */
        size_t n, capacity;
        uint32_t last_id;
};

struct job *job_free(struct job *job) {
        if (!job)
                return NULL;
        sd_event_source_disable_unref(job->timer);
        free(job->items);
        free(job);
        return NULL;
}

int jobs_new(struct engine *engine, struct jobs **ret) {
        struct jobs *jobs = calloc(1, sizeof(*jobs));

        if (!jobs)
                return -ENOMEM;
        jobs->engine = engine;
        *ret = jobs;
        return 0;
}

struct jobs *jobs_free(struct jobs *jobs) {
        if (!jobs)
                return NULL;
        for (size_t i = 0; i < jobs->n; i++)
                job_free(jobs->job[i]);
        free(jobs->job);
        free(jobs);
        return NULL;
}

void jobs_touch(struct jobs *jobs, const struct mhp_map *map, uint32_t nr) {
        for (size_t i = 0; jobs && i < jobs->n; i++) {
                struct job *job = jobs->job[i];
                struct job_item *item = job_find(job, nr);

                if (!item)
                        continue;
                job->touched = true;
                if (!job->ended)
                        job_judge(job, item, map);
        }
}

void jobs_touch_all(struct jobs *jobs, const struct mhp_map *map) {
        for (size_t i = 0; jobs && i < jobs->n; i++) {
                struct job *job = jobs->job[i];

                job->touched = true;
                for (size_t k = 0; k < job->n_items && !job->ended; k++)
                        job_judge(job, &job->items[k], map);
        }
}

/* ------------------------------------------------------------------------------------------------------- giving up on it */

static bool wanted_elsewhere(const struct jobs *jobs, const struct job *job, uint32_t nr) {
        for (size_t i = 0; i < jobs->n; i++) {
                const struct job_item *item = jobs->job[i] == job || jobs->job[i]->ended ? NULL : job_find(jobs->job[i], nr);

                if (item && item->status == JOB_OPEN)
                        return true;
        }
        return false;
}

/* What an ended job left open is not wanted any more: the block's goal becomes where it is. What is under way cannot be called
 * back, and is seen to when it comes out. */
static int withdraw(struct jobs *jobs, struct job *job) {
        const struct mhp_map *map = jobs->engine->ring->map;

        for (size_t i = 0; i < job->n_items && job_n_open(job) > 0; i++) {
                struct job_item *item = &job->items[i];
                const struct mhp_block *block = mhp_map_find(map, item->nr);

                if (item->status != JOB_OPEN || (block && block->flags & MHP_BLOCK_BUSY))
                        continue;
                item->status = JOB_FAILED;
                job->n_failed++;
                if (!block || wanted_elsewhere(jobs, job, item->nr))
                        continue;
                int r = engine_event(jobs->engine, &(struct mhp_event) {
                        .type = MHP_EVENT_ACCEPT, .now = loop_now(), .block = item->nr });
                if (r < 0)
                        return r;
        }
        return 0;
}

/* An offline that hangs holds up everything else, for something that nobody wants any more. */
static void interrupt(struct jobs *jobs, const struct job *job) {
        const struct mhp_ring *ring = jobs->engine->ring;

        if (ring->busy != MHP_VERB_OFFLINE || ring->n_batch == 0 || !jobs->engine->executor)
                return;
        const struct job_item *item = job_find(job, ring->batch[0]);
        if (item && item->status == JOB_OPEN && !wanted_elsewhere(jobs, job, item->nr))
                executor_interrupt(jobs->engine->executor);
}

static const char *natural_result(const struct job *job) {
        return job->n_done == job->n_items ? "done" : job->n_done > 0 ? "partly" : "failed";
}

/* result: NULL: it came to its own end. */
static int end(struct jobs *jobs, struct job *job, const char *result) {
        _cleanup_text_ struct mhp_text detail = { 0 };

        job_detail(job, jobs->engine->ring->map, &detail);
        bus_job_removed(jobs->engine->bus, job->id, result ? result : natural_result(job), job->n_done, job->n_items,
                        detail.data ? detail.data : "");
        job->ended = true;
        job->touched = true;
        job->timer = sd_event_source_disable_unref(job->timer);
        if (result) {
                /* Before the interrupted write comes back: the ring would go on with the job's next block. */
                int r = withdraw(jobs, job);
                if (r < 0)
                        return r;
                interrupt(jobs, job);
        }
        return engine_turn_soon(jobs->engine);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        struct job *job = userdata;

        (void) source;
        (void) usec;
        return engine_check(job->jobs->engine, end(job->jobs, job, "timeout"));
}

int jobs_cancel(struct jobs *jobs, uint32_t id) {
        for (size_t i = 0; i < jobs->n; i++)
                if (jobs->job[i]->id == id && !jobs->job[i]->ended)
                        return end(jobs, jobs->job[i], "canceled");
        return -ENOENT;
}

/* ------------------------------------------------------------------------------------------------------------ its course */

static int load_items(struct job *job, const struct mhp_ranges *blocks) {
        job->items = calloc(mhp_ranges_count(blocks), sizeof(*job->items));
        if (!job->items)
                return -ENOMEM;
        for (size_t i = 0; i < blocks->n; i++)
                for (uint64_t nr = blocks->range[i].first; nr <= blocks->range[i].last; nr++)
                        job->items[job->n_items++] = (struct job_item) { .nr = (uint32_t) nr };
        return 0;
}

/* What is online somewhere is fine for `auto`: asking policy again might move it. */
static int request(struct engine *engine, struct job *job) {
        for (size_t i = 0; i < job->n_items; i++) {
                const struct mhp_block *block = mhp_map_find(engine->ring->map, job->items[i].nr);
                int r = 0;

                if (job_refuse(job, &job->items[i], block))
                        continue;
                if (!(job->want == MHP_WANT_AUTO && block && block->state == MHP_STATE_ONLINE))
                        r = engine_event(engine, &(struct mhp_event) {
                                .type = MHP_EVENT_REQUEST, .now = loop_now(), .block = job->items[i].nr, .want = job->want });
                if (r < 0)
                        return r;
                job_judge(job, &job->items[i], engine->ring->map);
        }
        job->touched = true;
        return 0;
}

static int set_timeout(struct engine *engine, struct job *job, uint64_t timeout) {
        int r;

        if (timeout == 0)
                return 0;
        r = sd_event_add_time(engine->event, &job->timer, CLOCK_MONOTONIC, mhp_add_sat(loop_now(), timeout), 10 * USEC_PER_MSEC, on_timeout, job);
        return r < 0 ? r : sd_event_source_set_priority(job->timer, LOOP_JOB);
}

int jobs_add(struct jobs *jobs, const struct mhp_ranges *blocks, enum mhp_want want, uint64_t timeout, uint32_t *ret_id) {
        _cleanup_(job_freep) struct job *job = calloc(1, sizeof(*job));
        int r;

        if (!job)
                return -ENOMEM;
        job->jobs = jobs;
        job->want = want;
        job->id = ++jobs->last_id;

        r = load_items(job, blocks);
        if (r >= 0)
                r = set_timeout(jobs->engine, job, timeout);
        if (r >= 0)
                r = ARRAY_GROW(jobs->job, jobs->n, jobs->capacity);
        if (r >= 0)
                r = request(jobs->engine, job);
        if (r < 0)
                return r;
        *ret_id = job->id;
        jobs->job[jobs->n++] = TAKE(job);
        return engine_turn_soon(jobs->engine);
}

static void tell_progress(struct jobs *jobs, struct job *job) {
        uint64_t now = loop_now();

        if (now < job->told_at + PROGRESS_EVERY)
                return;
        job->told_at = now;
        bus_job_progress(jobs->engine->bus, job->id, job->n_done, job->n_failed, job->n_items);
}

static int flush_job(struct jobs *jobs, struct job *job) {
        if (!job->touched)
                return 0;
        job->touched = false;

        if (job->ended)
                return withdraw(jobs, job);
        if (job_n_open(job) == 0)
                return end(jobs, job, NULL);
        tell_progress(jobs, job);
        return 0;
}

int jobs_flush(struct jobs *jobs) {
        size_t kept = 0;
        int r = 0;

        for (size_t i = 0; i < jobs->n && r >= 0; i++)
                r = flush_job(jobs, jobs->job[i]);
        for (size_t i = 0; i < jobs->n; i++) {
                if (jobs->job[i]->ended && job_n_open(jobs->job[i]) == 0)
                        job_free(jobs->job[i]);
                else
                        jobs->job[kept++] = jobs->job[i];
        }
        jobs->n = kept;
        return r;
}
