/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What turns the ring: it hands events in, takes steps out, and owns all that the ring's two doors lead to. */

#include <systemd/sd-event.h>

#include "core/ring.h"
#include "daemon/loop.h"
#include "daemon/options.h"
#include "daemon/unread.h"
#include "edge/conf-file.h"
#include "edge/groups.h"
#include "edge/machine.h"
#include "edge/state-file.h"
#include "edge/uevent.h"
#include "edge/worker.h"

struct bus;
struct dry_run;
struct executor;
struct guard;
struct host;
struct jobs;
struct kernel_events;
struct memmap;
struct place_table;
struct placer;
struct settled;

struct engine {
        const struct options *options;
        sd_event *event;                     /* owned, as is everything below that can be */
        struct mhp_root root;
        int lock;                            /* presence.h; -1: none */
        struct mhp_groups *groups;
        struct mhp_machine machine;
        bool machine_known;                  /* else `machine` is made up of what is most common */
        struct mhp_uevents *uevents;         /* NULL: not listening */
        struct mhp_ring *ring;
        struct executor *executor;
        struct dry_run *dry_run;             /* instead of the executor */
        struct jobs *jobs;
        struct settled *settled;
        struct kernel_events *kernel_events; /* NULL: not listening */
        struct placer *placer;
        struct place_table *place_table;
        struct guard *guard;
        struct memmap *memmap;
        struct host *host;
        struct bus *bus;
        struct mhp_saved saved;              /* as it is, or is about to be, in the state file */
        struct mhp_conf_warnings warnings;   /* of the configuration in force */
        char *refused;                       /* owned; why the last reload changed nothing; NULL: it did */
        sd_event_source *uevent_source, *turn_source, *tick_source, *stop_source, *status_source;
        sd_event_source *more_source;        /* goes on with what follows, slice by slice */
        sd_event_source *idle_source;        /* loop_run() */
        bool unheard;                        /* there are more uevents to be taken in */
        unsigned n_more;                     /* slices that were asked for, ever */
        uint64_t judge_by;                   /* an answer of the worker's waits for uevents that came before it, at most until then; 0: none does */
        bool reading;                        /* a settle is over, and its blocks are being read: */
        uint64_t read_by;                    /* at the latest from then on, */
        size_t n_read;                       /* so many of them, */
        int settle_error;                    /* and this is what it came to */
        struct mhp_uevent *heard;            /* uevents of one bunch, and what is left of the one before */
        size_t n_heard, heard_capacity;
        bool rescan;                         /* events were lost */
        struct unread unread;
        struct mhp_pressure pressure;        /* as it was when it could be read last */
        uint64_t rescan_at;                  /* µs: not before, for the last one took its time */
        bool save;                           /* `saved` has changed */
        bool stopping;                       /* SIGTERM came: over as soon as nothing is half-way any more */
        bool impatient;                      /* and came again */
        uint64_t removals_mark;              /* of what saved.removals says */
        enum mhp_source device_source;       /* of the HOLD, RELEASE or HAND under way */
        uint64_t rescans;
        struct loop_longest longest;
        char *status;                        /* last told to the service manager */
        uint64_t status_at;                  /* it is told no more before */
};

#define ENGINE_NONE ((struct engine) { .root = MHP_ROOT_NONE, .lock = -1 })

/* Reads configuration and state, opens everything, sets the knobs, scans, turns once. Tells what fails. */
int engine_start(struct engine *engine, sd_event *event, const struct options *options);

/* Instead of a start, where a mhpd died: the knobs and the placement table back as they were. What holds memory on its way out stays for the next mhpd to go
 * on with. -EBUSY: one runs. Tells what fails. */
int engine_put_back(struct engine *engine, const struct options *options);

/* Ends the loop when memory that is on its way out is back or gone, at the latest after a while, however often it is asked. */
int engine_stop_soon(struct engine *engine);

/* The knobs back as they were. */
void engine_stop(struct engine *engine);
void engine_done(struct engine *engine);
#define _cleanup_engine_ _cleanup_(engine_done)

/* The configuration anew; -EBADMSG leaves everything as it is, and engine->refused says why. */
int engine_reload(struct engine *engine);

/* The door in, with all that looks on. */
int engine_event(struct engine *engine, const struct mhp_event *event);

/* Has the ring turn when everything more urgent is done. */
int engine_turn_soon(struct engine *engine);

/* For the end of a handler: a failure ends the loop, since half-done work is not gone on with. What is true is in the kernel, and
 * a restarted mhpd reads it. */
int engine_check(struct engine *engine, int r);

/* A block has changed in some way: job and state file may want to know. */
int engine_touch(struct engine *engine, uint32_t nr);

/* Blocks on which there is still work to do. */
uint64_t engine_pending(const struct engine *engine);

/* A fresh read of one block, handed to the ring. */
int engine_read(struct engine *engine, enum mhp_resolve how, uint32_t nr);

/* Takes in the uevents that are there, as many as a slice is enough for, and the rest in the next rounds. */
int engine_hear_some(struct engine *engine);

/* Before an answer of the worker's is judged: what was announced before it has to be known. 1: it is. 0: there is more than a slice of it, and
 * executor_judge() is called when it is heard; at the latest after a while, and what the answer says is not relied on then. */
int engine_hear_first(struct engine *engine);

/* From the executors. One block of the step under way; tally: what lies in it, NULL: not counted; n_heard: uevents of it since the step began. */
int engine_result(struct engine *engine, const struct mhp_worker_result *result, const struct mhp_tally *tally, unsigned n_heard);

/* The step is over, every block has had its result. error: of a settle, or of a device's step. */
int engine_step_over(struct engine *engine, enum mhp_verb verb, int error);

/* The step is over, and of these blocks nothing is known. */
int engine_lost(struct engine *engine, enum mhp_verb verb, const uint32_t *blocks, size_t n, int error);
