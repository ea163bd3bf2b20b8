/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/kernel-events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "daemon/bus.h"
#include "daemon/engine.h"
#include "daemon/executor.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/report.h"
#include "edge/genl.h"
#include "model/tally.h"

/* A block that could not go: virtio-mem tries again and again, and the same answer is no news. */
struct failure {
        uint32_t block;
        int error;
        uint64_t pfn;
        bool asked; /* somebody wanted to know */
};
#define FAILURES_MAX 256

/* As in core/notes.c: the kernel tells of each block, a hand's breadth apart. */
#define GAP (250 * USEC_PER_MSEC)
#define LATEST (750 * USEC_PER_MSEC)

struct kernel_events {
        struct engine *engine;
        struct mhp_genl *genl;           /* owned */
        sd_event_source *source;         /* owned */
        sd_event_source *timer;          /* owned; when `pending` is told at the latest */
        struct mhp_kernel_event pending; /* what the next event may go on with; size 0: nothing */
        uint64_t pending_since;          /* usec, monotonic */
        bool pending_known;
        struct failure failed[FAILURES_MAX];
        size_t n_failed, oldest;
};

/* What an event is told as. */
struct telling {
        const char *event, *id;
        int priority;
        char blocks[32];
        const char *zone, *placement, *reason;
};

static void describe_placement(const struct mhp_kernel_event *e, struct telling *t) {
        bool fallback = e->placement != e->requested;

        t->event = fallback ? "placement-fallback" : "placement";
        t->id = REPORT_ID_PLACEMENT;
        t->priority = fallback ? LOG_WARNING : LOG_DEBUG;
        t->placement = mhp_placement_name(e->placement);
        t->reason = mhp_kernel_reason_name(e->reason);
}

static bool describe(const struct mhp_kernel_event *e, uint64_t block_size, struct telling *t) {
        uint64_t first = e->start / block_size, last = (e->start + e->size - 1) / block_size;

        *t = (struct telling) { .priority = LOG_INFO };
        if (last > first)
                (void) snprintf(t->blocks, sizeof(t->blocks), "%" PRIu32 "-%" PRIu32, (uint32_t) first, (uint32_t) last);
        else
                (void) snprintf(t->blocks, sizeof(t->blocks), "%" PRIu32, (uint32_t) first);
        switch (e->kind) {
        case MHP_KERNEL_PLACEMENT:
                describe_placement(e, t);
                return true;
        case MHP_KERNEL_OFFLINE_FAILED:
                t->event = "offline-failed";
                t->id = REPORT_ID_OFFLINE_FAILED;
                t->priority = LOG_NOTICE;
                return true;
        case MHP_KERNEL_ZONE:
                t->event = "zone-changed";
                t->id = REPORT_ID_ZONE_CHANGED;
                t->zone = mhp_zone_name(e->zone);
                return true;
        case MHP_KERNEL_OFFERED:
        case MHP_KERNEL_WITHDRAWN:
        case _MHP_KERNEL_KIND_MAX:
                break;
        }
        return false;
}

static void add_page(struct log_entry *entry, const struct mhp_kernel_event *e) {
        _cleanup_text_ struct mhp_text flags = { 0 };

        if (e->kind != MHP_KERNEL_OFFLINE_FAILED || e->pfn == MHP_NO_PFN)
                return;
        mhp_page_flags_words(e->page_flags, &flags);
        log_add(entry, "MHPD_CLASS", "%s", mhp_class_name(mhp_page_class(e->page_flags, MHP_MAPPED_UNKNOWN)));
        log_add(entry, "MHPD_PFN", "%" PRIu64, e->pfn);
        log_add(entry, "MHPD_PAGE_FLAGS", "%s", flags.data ? flags.data : "");
}

/* Whether that was told last of this block; it is from now on. */
static bool is_known(struct kernel_events *events, const struct mhp_kernel_event *e) {
        const struct failure failure = { .block = e->block, .error = e->error, .pfn = e->pfn };
        struct failure *slot = NULL;

        for (size_t i = 0; i < events->n_failed && !slot; i++)
                if (events->failed[i].block == e->block)
                        slot = &events->failed[i];
        if (slot && slot->error == e->error && slot->pfn == e->pfn) {
                slot->asked = false;
                return true;
        }
        if (!slot && events->n_failed < FAILURES_MAX)
                slot = &events->failed[events->n_failed++];
        if (!slot) {
                slot = &events->failed[events->oldest];
                events->oldest = (events->oldest + 1) % FAILURES_MAX;
        }
        *slot = failure;
        return false;
}

static void tell(struct kernel_events *events, const struct mhp_kernel_event *e, bool known) {
        uint64_t block_size = events->engine->ring->map->block_size;
        _cleanup_log_ struct log_entry entry = { 0 };
        struct telling t;

        if (!describe(e, block_size, &t))
                return;
        entry.priority = known ? LOG_DEBUG : t.priority;
        mhp_kernel_event_words(e, block_size, &entry.message);
        log_add(&entry, "MESSAGE_ID", "%s", t.id);
        log_add(&entry, "MHPD_EVENT", "%s", t.event);
        log_add(&entry, "MHPD_BLOCK", "%s", t.blocks);
        if (t.zone)
                log_add(&entry, "MHPD_ZONE", "%s", t.zone);
        if (t.placement)
                log_add(&entry, "MHPD_PLACEMENT", "%s", t.placement);
        if (t.reason)
                log_add(&entry, "MHPD_REASON", "%s", t.reason);
        if (e->error)
                log_add(&entry, "ERRNO", "%d", e->error);
        add_page(&entry, e);
        log_send(&entry);
        bus_report(events->engine->bus, &(struct bus_report) {
                .event = t.event,
                .blocks = t.blocks,
                .zone = t.zone ? t.zone : "",
                .node = -1,
                .group = "",
                .reason = t.reason ? t.reason : "",
                .error = e->error,
                .message = entry.message.data ? entry.message.data : "",
        });
}

static void flush(struct kernel_events *events) {
        if (events->pending.size == 0)
                return;
        tell(events, &events->pending, events->pending_known);
        events->pending.size = 0;
        (void) sd_event_source_set_enabled(events->timer, SD_EVENT_OFF);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        (void) source;
        (void) usec;
        flush(userdata);
        return 0;
}

/* Whether e is of the block behind those that p is about, and says the same. A page that is in the way is one block's. */
static bool goes_on(const struct mhp_kernel_event *p, const struct mhp_kernel_event *e) {
        return p->size > 0 && p->start + p->size == e->start && p->kind == e->kind && p->requested == e->requested && p->placement == e->placement &&
               p->reason == e->reason && p->pages == e->pages && p->zone == e->zone && p->old_zone == e->old_zone && p->error == e->error &&
               (e->kind != MHP_KERNEL_OFFLINE_FAILED || (p->pfn == MHP_NO_PFN && e->pfn == MHP_NO_PFN));
}

/* virtio-mem adds block by block, and blocks come online one by one: what goes on from the one before is told with it. Without a timer it is told at once. */
static void take_told(struct kernel_events *events, const struct mhp_kernel_event *e, bool known) {
        struct mhp_kernel_event *p = &events->pending;
        uint64_t now;

        if (sd_event_now(events->engine->event, CLOCK_MONOTONIC, &now) < 0)
                now = 0;
        if (goes_on(p, e) && known == events->pending_known) {
                p->size += e->size;
        } else {
                flush(events);
                *p = *e;
                events->pending_since = now;
                events->pending_known = known;
        }
        if (sd_event_source_set_time(events->timer, MIN(now + GAP, events->pending_since + LATEST)) < 0 ||
            sd_event_source_set_enabled(events->timer, SD_EVENT_ONESHOT) < 0)
                flush(events);
}

/* A uevent says so too, if it is not lost. What is under way is read when it is through. */
static int read_block(struct engine *engine, uint32_t nr) {
        const struct mhp_block *block = mhp_map_find(engine->ring->map, nr);
        int r;

        if (!block || block->queue == MHP_QUEUE_BUSY || block->queue == MHP_QUEUE_UNSETTLED)
                return 0;
        r = engine_read(engine, MHP_RESOLVE_ARRIVING, nr);
        return r < 0 ? r : engine_turn_soon(engine);
}

static int take(struct kernel_events *events, const struct mhp_kernel_event *e) {
        uint64_t block_size = events->engine->ring->map->block_size;
        struct mhp_kernel_event told = *e;
        _cleanup_text_ struct mhp_text words = { 0 };

        if (e->kind == MHP_KERNEL_OFFERED || e->kind == MHP_KERNEL_WITHDRAWN) {
                flush(events);
                mhp_kernel_event_words(e, 1, &words);
                log_print(e->error ? LOG_NOTICE : LOG_INFO, "%s", words.data ? words.data : "");
                return 0;
        }
        if (e->kind != MHP_KERNEL_PLACEMENT) {
                told.start = e->block * block_size;
                told.size = block_size;
        }
        take_told(events, &told, e->kind == MHP_KERNEL_OFFLINE_FAILED && is_known(events, e));
        return e->kind == MHP_KERNEL_ZONE ? read_block(events->engine, e->block) : 0;
}

/* As after lost uevents: what was not heard of may be about any block. */
static int lost(struct engine *engine) {
        engine->rescan = true;
        if (engine->executor)
                executor_doubt(engine->executor);
        return engine_turn_soon(engine);
}

/* What is there, or what there is time for: the kernel sends each in a datagram of its own, so the rest is there in the next round. */
static int hear(struct kernel_events *events, uint64_t until) {
        struct mhp_kernel_event e;
        int r;

        while ((r = mhp_genl_next(events->genl, &e)) > 0) {
                r = r == MHP_GENL_LOST ? lost(events->engine) : take(events, &e);
                if (r < 0 || loop_now() >= until)
                        return r;
        }
        return r;
}

/* The kernel tells before the write that failed returns. */
int kernel_events_page(struct kernel_events *events, uint32_t block, uint64_t *ret) {
        int r = events ? hear(events, loop_now() + LOOP_SLICE) : 0;

        if (r < 0)
                return r;
        *ret = 0;
        for (size_t i = 0; events && i < events->n_failed; i++) {
                struct failure *failure = &events->failed[i];

                if (failure->block != block || failure->asked)
                        continue;
                failure->asked = true;
                *ret = failure->pfn == MHP_NO_PFN ? 0 : failure->pfn;
        }
        return 0;
}

static int on_event(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct kernel_events *events = userdata;
        int r = hear(events, loop_now() + LOOP_SLICE);

        (void) source;
        (void) fd;
        (void) revents;
        if (r == -ENOMEM)
                return engine_check(events->engine, r);
        if (r < 0) {
                log_print(LOG_WARNING, "the kernel's memory events are not heard any more: %s", strerror(-r));
                events->source = sd_event_source_disable_unref(events->source);
        }
        return 0;
}

static int open_events(struct kernel_events *events, int buffer) {
        int r = mhp_genl_new(buffer, &events->genl);

        if (r == 0)
                log_print(LOG_INFO, "the kernel's memory events are heard");
        else if (r == MHP_GENL_REFUSED)
                log_print(LOG_NOTICE, "the kernel's memory events are not for this user (they need CAP_NET_ADMIN); mhpd goes on without them");
        else if (r < 0 && r != -ENOMEM)
                log_print(LOG_NOTICE, "there is no generic netlink, and so no memory events of the kernel but uevents: %s", strerror(-r));
        return r;
}

int kernel_events_new(struct engine *engine, int buffer, struct kernel_events **ret) {
        _cleanup_(kernel_events_freep) struct kernel_events *events = calloc(1, sizeof(*events));
        int r;

        if (!events)
                return -ENOMEM;
        events->engine = engine;
        r = open_events(events, buffer);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        r = sd_event_add_io(engine->event, &events->source, mhp_genl_fd(events->genl), EPOLLIN, on_event, events);
        if (r >= 0)
                r = sd_event_source_set_priority(events->source, LOOP_KERNEL);
        if (r >= 0)
                r = sd_event_add_time(engine->event, &events->timer, CLOCK_MONOTONIC, UINT64_MAX, GAP / 10, on_timer, events);
        if (r >= 0)
                r = sd_event_source_set_enabled(events->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE(events);
        return 0;
}

struct kernel_events *kernel_events_free(struct kernel_events *events) {
        if (!events)
                return NULL;

        flush(events);
        sd_event_source_disable_unref(events->timer);
        sd_event_source_disable_unref(events->source);
        mhp_genl_free(events->genl);
        free(events);
        return NULL;
}
