/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/job.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/units.h"
#include "daemon/bus.h"
#include "daemon/engine.h"
#include "daemon/job-history.h"
#include "daemon/job-internal.h"
#include "daemon/loop.h"

#define PROGRESS_EVERY (200 * USEC_PER_MSEC)

struct jobs {
        struct engine *engine;
        struct job **job; /* owned, as are the jobs */
        size_t n, capacity;
        uint32_t last_id;
        struct job_history history; /* owned */
        sd_event_source *timer; /* owned; for progress that was too early to be told */
};

struct engine *job_engine(const struct job *job) {
        return job->jobs->engine;
}

struct job *job_free(struct job *job) {
        if (!job)
                return NULL;
        sd_event_source_disable_unref(job->timer);
        mhp_ranges_done(&job->blocks);
        free(job->target);
        free(job->items);
        free(job);
        return NULL;
}

static int on_progress(sd_event_source *source, uint64_t usec, void *userdata);

int jobs_new(struct engine *engine, struct jobs **ret) {
        _cleanup_(jobs_freep) struct jobs *jobs = calloc(1, sizeof(*jobs));
        int r;

        if (!jobs)
                return -ENOMEM;
        jobs->engine = engine;
        r = sd_event_add_time(engine->event, &jobs->timer, CLOCK_MONOTONIC, UINT64_MAX, 10 * USEC_PER_MSEC, on_progress, jobs);
        if (r >= 0)
                r = sd_event_source_set_enabled(jobs->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(jobs->timer, LOOP_JOB);
        if (r < 0)
                return r;
        *ret = TAKE(jobs);
        return 0;
}

struct jobs *jobs_free(struct jobs *jobs) {
        if (!jobs)
                return NULL;
        for (size_t i = 0; i < jobs->n; i++)
                job_free(jobs->job[i]);
        sd_event_source_disable_unref(jobs->timer);
        job_history_done(&jobs->history);
        free(jobs->job);
        free(jobs);
        return NULL;
}

static uint64_t wall_clock(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_REALTIME, &t);
        return (uint64_t) t.tv_sec * USEC_PER_SEC + (uint64_t) t.tv_nsec / 1000;
}

static void look(const struct job *job, struct job_view *ret) {
        *ret = (struct job_view) {
                .id = job->id, .verb = "online", .target = job->target, .phase = "online", .since = job->since,
                .done = job->n_done, .failed = job->n_failed, .total = job->n_items, .current = MHP_NO_BLOCK,
        };
        if (job->removal)
                job_removal_view(job, ret);
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

/* Tells of a job's end, and keeps in mind what became of it. */
static int tell_end(struct jobs *jobs, const struct job *job, struct job_view *view, struct mhp_text *detail) {
        int r = detail->error;

        view->phase = mhp_phase_name(MHP_PHASE_ENDED);
        view->detail = detail->data;
        view->ended = wall_clock();
        if (r >= 0)
                r = job_history_add(&jobs->history, view);
        if (r >= 0)
                bus_job_removed(jobs->engine->bus, job->id, view->result, view->done, view->total, detail->data ? detail->data : "");
        return r;
}

static const char *natural_result(const struct job *job) {
        return job->n_done == job->n_items ? "done" : job->n_done > 0 ? "partly" : "failed";
}

/* result: NULL: it came to its own end. */
static int end(struct jobs *jobs, struct job *job, const char *result) {
        _cleanup_text_ struct mhp_text detail = { 0 };
        struct job_view view;
        int r;

        look(job, &view);
        job_detail(job, jobs->engine->ring->map, &detail);
        view.result = result ? result : natural_result(job);
        view.changed = job->n_done > job->before;
        r = tell_end(jobs, job, &view, &detail);
        if (r < 0)
                return r;
        job->ended = true;
        job->touched = true;
        job->timer = sd_event_source_disable_unref(job->timer);
        if (result)
                r = withdraw(jobs, job);
        if (r < 0)
                return r;
        return engine_turn_soon(jobs->engine);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        struct job *job = userdata;

        (void) source;
        (void) usec;
        return engine_check(job->jobs->engine, end(job->jobs, job, "timeout"));
}

static int give_up(struct jobs *jobs, const struct job *job) {
        int r = mhp_ring_give_up(jobs->engine->ring, loop_now(), job->id, MHP_ENDING_CANCELLED);

        if (r < 0)
                return r == -ENOENT ? 0 : r; /* it has ended, and is about to be told so */
        return engine_turn_soon(jobs->engine);
}

int jobs_cancel(struct jobs *jobs, uint32_t id) {
        for (size_t i = 0; i < jobs->n; i++)
                if (jobs->job[i]->id == id && !jobs->job[i]->ended)
                        return jobs->job[i]->removal ? give_up(jobs, jobs->job[i]) : end(jobs, jobs->job[i], "cancelled");
        return -ENOENT;
}

int jobs_give_up(struct jobs *jobs) {
        int r = 0;

        for (size_t i = 0; i < jobs->n && r >= 0; i++)
                if (jobs->job[i]->removal)
                        r = give_up(jobs, jobs->job[i]);
        return r;
}

bool jobs_removing(const struct jobs *jobs) {
        for (size_t i = 0; i < jobs->n; i++)
                if (jobs->job[i]->removal)
                        return true;
        return false;
}

/* ----------------------------------------------------------------------------------------------------------- its beginning */

/* With room for it among the others. */
static int new_job(struct jobs *jobs, uint32_t id, const char *target, struct job **ret) {
        _cleanup_(job_freep) struct job *job = calloc(1, sizeof(*job));
        int r = ARRAY_GROW(jobs->job, jobs->n, jobs->capacity);

        if (!job || r < 0)
                return -ENOMEM;
        job->jobs = jobs;
        job->id = id;
        job->since = wall_clock();
        job->target = strdup(target);
        if (!job->target)
                return -ENOMEM;
        jobs->last_id = MAX(jobs->last_id, id);
        *ret = TAKE(job);
        return 0;
}

static int load_items(struct job *job, const struct mhp_ranges *blocks) {
        job->items = calloc(mhp_ranges_count(blocks), sizeof(*job->items));
        if (!job->items)
                return -ENOMEM;
        for (size_t i = 0; i < blocks->n; i++)
                for (uint64_t nr = blocks->range[i].first; nr <= blocks->range[i].last; nr++)
                        job->items[job->n_items++] = (struct job_item) { .nr = (uint32_t) nr };
        return 0;
}

/* What is online somewhere is fine for `auto`, unless it is to be moved where policy wants it. */
static int request(struct engine *engine, struct job *job) {
        for (size_t i = 0; i < job->n_items; i++) {
                const struct mhp_block *block = mhp_map_find(engine->ring->map, job->items[i].nr);
                int r = 0;

                if (job_refuse(job, &job->items[i], block))
                        continue;
                if (!(job->want == MHP_WANT_AUTO && !job->moves && block && block->state == MHP_STATE_ONLINE))
                        r = engine_event(engine, &(struct mhp_event) {
                                .type = MHP_EVENT_REQUEST, .now = loop_now(), .block = job->items[i].nr, .want = job->want });
                if (r < 0)
                        return r;
                job_judge(job, &job->items[i], engine->ring->map);
        }
        job->before = job->n_done;
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

int jobs_add(struct jobs *jobs, const struct mhp_ranges *blocks, enum mhp_want want, bool moves, const char *words, uint64_t timeout,
             uint32_t *ret_id) {
        _cleanup_(job_freep) struct job *job = NULL;
        int r = new_job(jobs, jobs->last_id + 1, words, &job);

        if (r < 0)
                return r;
        job->want = want;
        job->moves = moves;
        r = load_items(job, blocks);
        if (r >= 0)
                r = set_timeout(jobs->engine, job, timeout);
        if (r >= 0)
                r = request(jobs->engine, job);
        if (r < 0)
                return r;
        *ret_id = job->id;
        jobs->job[jobs->n++] = TAKE(job);
        return engine_turn_soon(jobs->engine);
}

int jobs_add_removal(struct jobs *jobs, const struct mhp_target *target, const char *words, uint64_t timeout, uint32_t *ret_id,
                     struct mhp_removal_refusal *ret) {
        _cleanup_(job_freep) struct job *job = NULL;
        int r = new_job(jobs, jobs->last_id + 1, words, &job);

        if (r < 0)
                return r;
        job->removal = true;
        for (size_t i = 0; i < target->blocks.n && target->keep == MHP_KEEP_NONE && r >= 0; i++)
                r = mhp_ranges_add(&job->blocks, target->blocks.range[i].first, target->blocks.range[i].last);
        job->before = job_removal_count(job);
        if (r >= 0)
                r = mhp_ring_remove(jobs->engine->ring, loop_now(), target, words, timeout, job->id, ret);
        if (r < 0 || ret->why != MHP_REFUSED_NONE)
                return r;
        *ret_id = job->id;
        jobs->job[jobs->n++] = TAKE(job);
        return engine_turn_soon(jobs->engine);
}

int jobs_adopt(struct jobs *jobs) {
        const struct mhp_map *map = jobs->engine->ring->map;

        for (size_t i = 0; i < map->n_removals; i++) {
                _cleanup_(job_freep) struct job *job = NULL;
                struct job_view view;
                int r;

                if (jobs_find(jobs, map->removals[i].id, &view))
                        continue;
                r = new_job(jobs, map->removals[i].id, map->removals[i].target, &job);
                if (r >= 0)
                        r = job_removal_members(map, job->id, &job->blocks);
                if (r < 0)
                        return r;
                job->removal = true;
                job->before = job_removal_count_members(map, job->id);
                jobs->job[jobs->n++] = TAKE(job);
        }
        return 0;
}

/* ------------------------------------------------------------------------------------------------------------ its course */

size_t jobs_n(const struct jobs *jobs) {
        return jobs->n;
}

bool jobs_view(const struct jobs *jobs, size_t i, struct job_view *ret) {
        if (jobs->job[i]->ended)
                return false;
        look(jobs->job[i], ret);
        return true;
}

bool jobs_find(const struct jobs *jobs, uint32_t id, struct job_view *ret) {
        for (size_t i = 0; i < jobs->n; i++)
                if (jobs->job[i]->id == id)
                        return jobs_view(jobs, i, ret);
        return false;
}

static bool has_all(const struct job *job, const uint32_t *blocks, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!job_find(job, blocks[i]))
                        return false;
        return n > 0;
}

/* Of several the last: it is whose word counts. */
bool jobs_find_blocks(const struct jobs *jobs, const uint32_t *blocks, size_t n, struct job_view *ret) {
        for (size_t i = jobs ? jobs->n : 0; i > 0; i--)
                if (has_all(jobs->job[i - 1], blocks, n)) {
                        look(jobs->job[i - 1], ret);
                        return true;
                }
        return false;
}

const struct job_history *jobs_history(const struct jobs *jobs) {
        return &jobs->history;
}

static bool same(const struct job_view *a, const struct job_view *b) {
        return a->phase == b->phase && a->done == b->done && a->failed == b->failed && a->total == b->total && a->current == b->current;
}

/* Not more often than an eye can follow; what came too early is told when the time is there. */
static int tell_progress(struct jobs *jobs, struct job *job) {
        uint64_t now = loop_now();
        struct job_view view;

        look(job, &view);
        job->most_done = MAX(job->most_done, view.done);
        if (same(&view, &job->told))
                return 0;
        if (now < job->told_at + PROGRESS_EVERY) {
                int r = sd_event_source_set_time(jobs->timer, job->told_at + PROGRESS_EVERY);

                return r < 0 ? r : sd_event_source_set_enabled(jobs->timer, SD_EVENT_ONESHOT);
        }
        job->told = view;
        job->told_at = now;
        bus_job_progress(jobs->engine->bus, &view);
        return 0;
}

static int on_progress(sd_event_source *source, uint64_t usec, void *userdata) {
        struct jobs *jobs = userdata;
        int r = 0;

        (void) source;
        (void) usec;
        for (size_t i = 0; i < jobs->n && r >= 0; i++)
                if (!jobs->job[i]->ended)
                        r = tell_progress(jobs, jobs->job[i]);
        return engine_check(jobs->engine, r);
}

static int flush_removal(struct jobs *jobs, struct job *job) {
        struct mhp_ring *ring = jobs->engine->ring;
        const struct mhp_removal *removal = mhp_map_removal(ring->map, job->id);
        _cleanup_text_ struct mhp_text detail = { 0 };
        struct job_view view;
        int r;

        if (removal && removal->phase != MHP_PHASE_ENDED)
                return tell_progress(jobs, job);

        job->ended = true;
        if (!removal)
                return 0;
        r = job_removal_detail(job, removal, &detail);
        if (r < 0)
                return r;
        look(job, &view);
        view.result = mhp_ending_name((enum mhp_ending) removal->ending);
        view.changed = job_removal_changed(job, removal);
        r = tell_end(jobs, job, &view, &detail);
        if (r >= 0)
                r = mhp_ring_forget(ring, job->id);
        return r < 0 ? r : engine_turn_soon(jobs->engine); /* others may have waited for that */
}

static int flush_job(struct jobs *jobs, struct job *job) {
        if (job->removal)
                return flush_removal(jobs, job);
        if (!job->touched)
                return 0;
        job->touched = false;

        if (job->ended)
                return withdraw(jobs, job);
        if (job_n_open(job) == 0)
                return end(jobs, job, NULL);
        return tell_progress(jobs, job);
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
