/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/engine-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "api/scan.h"
#include "base/units.h"
#include "daemon/arm.h"
#include "daemon/bus.h"
#include "daemon/dry-run.h"
#include "daemon/executor.h"
#include "daemon/guard.h"
#include "daemon/hands-off.h"
#include "daemon/host.h"
#include "daemon/job.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/memmap.h"
#include "daemon/notify.h"
#include "daemon/place-table.h"
#include "daemon/placer.h"
#include "daemon/removals.h"
#include "daemon/report.h"
#include "daemon/settled.h"
#include "daemon/state.h"
#include "edge/hugepages.h"
#include "edge/names.h"
#include "edge/nodes.h"
#include "edge/zoneinfo.h"

/* The first uevent is heard at once, those behind it in bunches: while memory arrives, the processors have better to do than to wake us
 * up for each of hundreds of blocks. Where it matters, at an answer of the worker, all is heard that is there (engine_hear_first()). */
#define UEVENT_PAUSE (50 * USEC_PER_MSEC)

int engine_check(struct engine *engine, int r) {
        if (r >= 0)
                return 0;
        log_print(LOG_ERR, "cannot go on: %s", strerror(-r));
        return sd_event_exit(engine->event, r);
}

int engine_touch(struct engine *engine, uint32_t nr) {
        const struct mhp_block *block = mhp_map_find(engine->ring->map, nr);
        int r = hands_off_touch(engine, nr, block);

        if (r < 0)
                return r;
        jobs_touch(engine->jobs, engine->ring->map, nr);
        r = settled_touch(engine->settled, nr);
        return r < 0 ? r : memmap_touch(engine->memmap, nr, block);
}

uint64_t engine_pending(const struct engine *engine) {
        uint64_t n = 0;

        for (enum mhp_queue q = MHP_QUEUE_NONE + 1; q < _MHP_QUEUE_MAX; q++)
                n += engine->ring->map->queues[q].n;
        return n;
}

static int touch_all(struct engine *engine) {
        int r = 0;

        for (const struct mhp_block *b = mhp_map_at_or_after(engine->ring->map, 0); b && r >= 0; b = mhp_map_next_block(engine->ring->map, b))
                r = engine_touch(engine, b->nr);
        jobs_touch_all(engine->jobs, engine->ring->map);
        return r;
}

int engine_event(struct engine *engine, const struct mhp_event *event) {
        int r = mhp_ring_event(engine->ring, event);

        return r < 0 ? r : engine_touch(engine, event->type == MHP_EVENT_BLOCK ? event->reading->nr : event->block);
}

static int start_device_step(struct engine *engine, const struct mhp_step *step) {
        char value[MHP_WORKER_VALUE_MAX];
        const char *device = NULL;
        int error = 0, r = removals_prepare(engine, step, &device, value, &error);

        if (r > 0)
                return executor_start_device(engine->executor, step, device, value);
        return r < 0 ? r : executor_answer(engine->executor, step->verb, error);
}

static int start_step(struct engine *engine, const struct mhp_step *step) {
        int r;

        if (step->verb == MHP_VERB_INTERRUPT) {
                if (engine->executor)
                        executor_interrupt(engine->executor);
                return 0;
        }
        r = removals_save(engine);
        if (r < 0)
                return r;
        if (engine->dry_run)
                return dry_run_start(engine->dry_run, step);
        return mhp_verb_is_device(step->verb) ? start_device_step(engine, step) : executor_start(engine->executor, step);
}

/* What was counted last, if it is of that block alone. */
static const struct mhp_tally *tally_of(const struct mhp_ring *ring, const struct mhp_step *step) {
        return step->n_blocks == 1 && ring->tally_block == step->blocks[0] ? &ring->tally : NULL;
}

/* The job that the blocks of a report belong to, or that it is about. */
static struct report_job job_of(const struct engine *engine, const struct mhp_step *step) {
        const struct mhp_removal *removal = step->removal ? mhp_map_removal(engine->ring->map, step->removal) : NULL;
        struct job_view view;

        if (removal)
                return (struct report_job) {
                        .id = removal->id,
                        .verb = mhp_removal_verb_name((enum mhp_removal_verb) removal->verb),
                        .target = removal->target,
                        .result = removal->phase == MHP_PHASE_ENDED ? mhp_ending_name((enum mhp_ending) removal->ending) : NULL,
                };
        if (!step->removal && step->reason == MHP_REASON_REQUESTED && jobs_find_blocks(engine->jobs, step->blocks, step->n_blocks, &view))
                return (struct report_job) { .id = view.id, .verb = view.verb, .target = view.target };
        return (struct report_job) { .id = step->removal };
}

/* The door out. */
static int on_step(void *userdata, const struct mhp_step *step) {
        struct engine *engine = userdata;
        struct report_job job;
        int r = 0;

        if (step->verb != MHP_VERB_REPORT)
                return start_step(engine, step);

        job = job_of(engine, step);
        report(engine->bus, step, tally_of(engine->ring, step), &job);
        for (size_t i = 0; i < step->n_blocks && r >= 0; i++)
                r = engine_touch(engine, step->blocks[i]);
        return r;
}

/* Where events are lost again and again, mhpd does something else as well: a scan is a tenth of its time at most. */
#define RESCAN_SHARE 10

static int rescan(struct engine *engine) {
        uint64_t begin = loop_now();
        int r;

        if (engine->unread.again_at > 0 || begin < engine->rescan_at)
                return 0;
        r = mhp_scan_into(&engine->root, engine->groups, MHP_RESOLVE_ARRIVING, loop_now(), unread_scanned, engine);
        if (mhp_error_passes(r)) {
                unread_tell(engine, "/" NAME_MEMORY, -r);
                return 0;
        }
        if (r < 0)
                return r;
        engine->rescan = false;
        engine->rescan_at = begin + RESCAN_SHARE * (loop_now() - begin);
        engine->rescans++;
        report(engine->bus, &(struct mhp_step) { .verb = MHP_VERB_REPORT, .note = MHP_NOTE_RESCAN, .node = -1 }, NULL, &(struct report_job) { 0 });
        return touch_all(engine);
}

static int read_zones(struct engine *engine, struct mhp_pressure *ret) {
        _cleanup_zoneinfo_ struct mhp_zoneinfo info = { 0 };
        int r = mhp_zoneinfo_read(&engine->root, &info);

        if (r < 0)
                return r;
        *ret = mhp_zoneinfo_pressure(&info, (uint64_t) sysconf(_SC_PAGESIZE));
        ret->huge_free = mhp_hugepages_free(&engine->root);
        mhp_pressure_add_swap(ret);
        return mhp_nodes_processors(&engine->root, ret);
}

/* What it was last is nearer to the truth than nothing. */
static void read_pressure(struct engine *engine, struct mhp_pressure *ret) {
        struct mhp_pressure pressure = { 0 };
        int r;

        *ret = pressure;
        if (!mhp_ring_wants_pressure(engine->ring))
                return;
        r = read_zones(engine, &pressure);
        if (mhp_error_passes(r))
                unread_tell(engine, "/" NAME_ZONEINFO, -r);
        else
                engine->pressure = pressure;
        *ret = engine->pressure;
}

static void save_state(struct engine *engine) {
        if (!engine->save || engine->dry_run)
                return;
        engine->save = false;
        (void) state_save(engine->options->runtime, &engine->saved, "which blocks are to stay offline");
}

/* The manager runs when it is told something, and tells the bus in its turn: while memory comes or goes, once a second is enough. */
static int tell_status(struct engine *engine) {
        _cleanup_text_ struct mhp_text text = { 0 };
        uint64_t now = loop_now();
        int r;

        mhp_text_add(&text, "STATUS=");
        report_status(engine->ring, &text);
        if (text.error < 0 || (engine->status && strcmp(engine->status, text.data) == 0))
                return text.error < 0 ? text.error : 0;
        if (now < engine->status_at) {
                r = sd_event_source_set_time(engine->status_source, engine->status_at);
                return r < 0 ? r : sd_event_source_set_enabled(engine->status_source, SD_EVENT_ONESHOT);
        }
        notify(text.data);
        engine->status_at = now + USEC_PER_SEC;
        free(engine->status);
        engine->status = TAKE(text.data);
        return 0;
}

static int on_status(sd_event_source *source, uint64_t usec, void *userdata) {
        struct engine *engine = userdata;

        (void) source;
        (void) usec;
        return engine_check(engine, tell_status(engine));
}

static int set_tick(struct engine *engine) {
        uint64_t at = mhp_ring_next_tick(engine->ring);
        int r;

        if (engine->unread.again_at > 0)
                at = MIN(at, engine->unread.again_at);
        else if (engine->rescan)
                at = MIN(at, engine->rescan_at);
        if (at == UINT64_MAX)
                return sd_event_source_set_enabled(engine->tick_source, SD_EVENT_OFF);
        r = sd_event_source_set_time(engine->tick_source, at);
        return r < 0 ? r : sd_event_source_set_enabled(engine->tick_source, SD_EVENT_ONESHOT);
}

/* Memory comes first; what became of its memmap, and what is to become of that of more, is looked at when there is nothing else to do. */
static int check_memmap(struct engine *engine) {
        int r = 0;

        if (engine->ring->busy == MHP_VERB_NONE && engine->ring->map->queues[MHP_QUEUE_UNSETTLED].n == 0) {
                r = place_table_check(engine->place_table);
                if (r >= 0)
                        r = memmap_check(engine->memmap);
        }
        return r > 0 ? engine_turn_soon(engine) : r;
}

static int turn(struct engine *engine) {
        struct mhp_pressure pressure;
        int r;

        unread_begin(engine);
        r = engine->rescan ? rescan(engine) : 0;
        if (r >= 0)
                r = placer_look_again(engine->placer);
        if (r < 0)
                return r;
        r = host_pursue(engine->host);
        if (r < 0)
                return r;
        read_pressure(engine, &pressure);
        r = mhp_ring_turn(engine->ring, loop_now(), &pressure);
        if (r >= 0 && mhp_ring_aim(engine->ring) && !engine->dry_run)
                guard_aim(engine->guard);
        if (r >= 0)
                r = jobs_flush(engine->jobs);
        if (r >= 0)
                r = removals_save(engine);
        if (r < 0)
                return r;
        save_state(engine);
        bus_pending(engine->bus, engine_pending(engine));
        r = settled_turn(engine->settled);
        if (r >= 0)
                r = tell_status(engine);
        if (r < 0)
                return r;
        if (engine->stopping && !jobs_removing(engine->jobs))
                return sd_event_exit(engine->event, 0);
        r = check_memmap(engine);
        if (r < 0)
                return r;
        unread_end(engine);
        return set_tick(engine);
}

/* What was taken for a removal goes back first: whoever stops mhpd has not asked for half a machine. */
#define STOP_TIMEOUT (20 * USEC_PER_SEC)
/* Bringing back what a teardown has taken takes some milliseconds a block. */
#define UNDO_USEC (10 * USEC_PER_SEC)

static int on_stop_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        struct engine *engine = userdata;

        (void) source;
        (void) usec;
        log_print(LOG_WARNING, "some memory that was to leave is not back in time; mhpd goes on with that when it starts again");
        return sd_event_exit(engine->event, 0);
}

/* Nobody who asks twice has asked for half a machine, either. */
static void tell_stopping(struct engine *engine) {
        uint64_t end = 0, now = loop_now();

        if (engine->impatient)
                return;
        engine->impatient = true;
        (void) sd_event_source_get_time(engine->stop_source, &end);
        log_print(LOG_NOTICE, "mhpd is stopping already: memory that was to leave goes back first, for which it takes %" PRIu64 " seconds at most",
                  ((end > now ? end - now : 0) + USEC_PER_SEC - 1) / USEC_PER_SEC);
}

int engine_stop_soon(struct engine *engine) {
        int r;

        if (engine->stopping) {
                tell_stopping(engine);
                return 0;
        }
        if (!jobs_removing(engine->jobs))
                return sd_event_exit(engine->event, 0);
        engine->stopping = true;
        notify("STOPPING=1");
        r = jobs_give_up(engine->jobs);
        if (r >= 0)
                r = sd_event_add_time_relative(engine->event, &engine->stop_source, CLOCK_MONOTONIC, STOP_TIMEOUT, 0, on_stop_timeout, engine);
        if (r >= 0)
                r = engine_turn_soon(engine);
        return engine_check(engine, r);
}

int engine_turn_soon(struct engine *engine) {
        return sd_event_source_set_enabled(engine->turn_source, SD_EVENT_ONESHOT);
}

static int on_turn(sd_event_source *source, void *userdata) {
        struct engine *engine = userdata;

        (void) source;
        return engine_check(engine, turn(engine));
}

static int on_uevent(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct engine *engine = userdata;

        (void) source;
        (void) fd;
        (void) revents;
        return engine_check(engine, engine_hear_some(engine));
}

static int on_more(sd_event_source *source, void *userdata) {
        struct engine *engine = userdata;
        uint64_t now = loop_now();
        bool was_unheard = engine->unheard;
        int r = was_unheard ? engine_hear_some(engine) : 0;

        (void) source;
        if (r >= 0 && engine->judge_by > 0 && (!engine->unheard || now >= engine->judge_by))
                r = executor_judge(engine->executor);
        if (r >= 0 && engine->reading)
                r = !was_unheard || now >= engine->read_by ? engine_read_settled(engine) : engine_more(engine);
        return engine_check(engine, r);
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata) {
        struct engine *engine = userdata;
        int r = mhp_ring_event(engine->ring, &(struct mhp_event) { .type = MHP_EVENT_TICK, .now = loop_now() });

        (void) source;
        (void) usec;
        return engine_check(engine, r < 0 ? r : engine_turn_soon(engine));
}

static int on_idle(sd_event_source *source, void *userdata) {
        struct engine *engine = userdata;

        (void) source;
        return engine_check(engine, guard_check(engine->guard));
}

static int add_defer(struct engine *engine, sd_event_handler_t handler, int64_t priority, sd_event_source **ret) {
        int r = sd_event_add_defer(engine->event, ret, handler, engine);

        if (r >= 0)
                r = sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
        return r < 0 ? r : sd_event_source_set_priority(*ret, priority);
}

int engine_add_sources(struct engine *engine) {
        int r = add_defer(engine, on_turn, LOOP_TURN, &engine->turn_source);

        if (r >= 0)
                r = add_defer(engine, on_more, LOOP_MORE, &engine->more_source);
        if (r >= 0)
                r = add_defer(engine, on_idle, LOOP_JOB, &engine->idle_source);
        if (r >= 0)
                r = sd_event_add_time(engine->event, &engine->tick_source, CLOCK_MONOTONIC, UINT64_MAX, 10 * USEC_PER_MSEC, on_tick, engine);
        if (r >= 0)
                r = sd_event_source_set_enabled(engine->tick_source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(engine->tick_source, LOOP_TICK);
        if (r >= 0)
                r = sd_event_add_time(engine->event, &engine->status_source, CLOCK_MONOTONIC, UINT64_MAX, 100 * USEC_PER_MSEC, on_status, engine);
        if (r >= 0)
                r = sd_event_source_set_enabled(engine->status_source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(engine->status_source, LOOP_JOB);
        if (r < 0 || !engine->uevents)
                return r;
        r = sd_event_add_io(engine->event, &engine->uevent_source, mhp_uevents_fd(engine->uevents), EPOLLIN, on_uevent, engine);
        if (r >= 0)
                r = sd_event_source_set_priority(engine->uevent_source, LOOP_UEVENT);
        return r < 0 ? r : sd_event_source_set_ratelimit(engine->uevent_source, UEVENT_PAUSE, 1);
}

static int scan(struct engine *engine) {
        return mhp_scan_into(&engine->root, engine->groups, MHP_RESOLVE_SCAN, loop_now(), unread_scanned, engine);
}

/* Of a teardown that died with the mhpd before this one, the kernel may still be bringing back what it took. */
int engine_first_scan(struct engine *engine) {
        int r = scan(engine);

        if (r >= 0 && engine->saved.removals && engine->ring->teardown && engine->executor) {
                executor_wait(engine->executor, mhp_ring_barrier(engine->ring), UNDO_USEC);
                r = scan(engine);
        }
        if (r >= 0)
                r = hands_off_restore(engine);
        if (r >= 0)
                r = removals_resume(engine);
        if (r >= 0)
                r = jobs_adopt(engine->jobs);
        if (r >= 0)
                r = settled_begin(engine->settled);
        return r < 0 ? r : turn(engine);
}

int engine_new_ring(struct engine *engine, struct mhp_config *config, const struct mhp_arming *arming, uint64_t block_size) {
        _cleanup_map_ struct mhp_map *map = NULL;
        int r = mhp_map_new(block_size, &map);

        if (r >= 0)
                r = mhp_ring_new(map, config, arming, on_step, engine, &engine->ring);
        if (r >= 0)
                map = NULL;
        return r;
}
