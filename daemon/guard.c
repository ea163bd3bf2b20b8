/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/guard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/units.h"
#include "daemon/arm.h"
#include "daemon/bus.h"
#include "daemon/engine.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/place-table.h"
#include "daemon/report.h"
#include "edge/knobs.h"
#include "edge/watch.h"

/* Who writes a knob a thousand times a second does not have mhpd run as often. */
#define GUARD_PAUSE (50 * USEC_PER_MSEC)

struct guard {
        struct engine *engine;
        struct mhp_watch *watch;  /* owned; NULL: nothing tells of writes */
        sd_event_source *source;  /* owned */
        struct mhp_arming armed;  /* as planned; the ring's own tells what is in force */
        struct mhp_knob_guard hands;
};

void guard_tell(struct engine *engine, const char *knob, const char *value, const char *wanted, bool left) {
        _cleanup_log_ struct log_entry entry = { .priority = LOG_WARNING };
        const char *event = left ? "knob-left" : "knob-set-again";

        mhp_text_printf(&entry.message, "Another hand has written %s", knob);
        if (value)
                mhp_text_printf(&entry.message, ", which says \"%s\"", value);
        if (wanted)
                mhp_text_printf(&entry.message, " and not \"%s\"", wanted);
        mhp_text_add(&entry.message, left ? ": that was done before, so it is left until mhpd is reloaded" : ": it is set again, once");
        log_add(&entry, "MESSAGE_ID", "%s", REPORT_ID_KNOB);
        log_add(&entry, "MHPD_EVENT", "%s", event);
        log_add(&entry, "MHPD_KNOB", "%s", knob);
        if (value)
                log_add(&entry, "MHPD_VALUE", "%s", value);
        log_send(&entry);
        bus_report(engine->bus, &(struct bus_report) {
                .event = event,
                .blocks = "",
                .zone = "",
                .node = -1,
                .group = "",
                .reason = "",
                .message = entry.message.data ? entry.message.data : "",
        });
}

static void look_at(struct guard *guard, enum mhp_knob knob) {
        const char *wanted = guard->armed.value[knob];
        char now[MHP_KNOB_VALUE_MAX];
        int r;

        /* A file that is no sysfs is empty for a moment while it is written. */
        if (!*wanted || mhp_knob_read(&guard->engine->root, knob, now) < 0 || !*now)
                return;
        switch (mhp_knob_judge(&guard->hands, &guard->armed, knob, now)) {
        case MHP_KNOB_SET_AGAIN:
                guard_tell(guard->engine, mhp_knob_name(knob), now, wanted, false);
                r = arm_knob(&guard->engine->root, knob, wanted);
                if (r < 0)
                        log_print(LOG_WARNING, "%s cannot be set to \"%s\" again: %s", mhp_knob_name(knob), wanted, strerror(-r));
                return;
        case MHP_KNOB_LEFT:
                guard_tell(guard->engine, mhp_knob_name(knob), now, wanted, true);
                return;
        case MHP_KNOB_KEPT:
        case MHP_KNOB_KNOWN:
                return;
        }
}

int guard_check(struct guard *guard) {
        if (guard->engine->dry_run)
                return 0;
        for (enum mhp_knob k = 0; k < _MHP_KNOB_MAX; k++)
                look_at(guard, k);
        mhp_knob_in_force(&guard->hands, &guard->armed, &guard->engine->ring->arming);
        return place_table_guard(guard->engine->place_table);
}

void guard_aim(struct guard *guard) {
        struct engine *engine = guard->engine;
        const struct mhp_arming *arming = &engine->ring->arming;

        /* By what was set before: else another hand's value that nobody has looked at yet would be written over and not told. */
        look_at(guard, MHP_KNOB_AUTO_ONLINE_BLOCKS);
        memcpy(guard->armed.value, arming->value, sizeof(guard->armed.value));
        if (!*guard->hands.left[MHP_KNOB_AUTO_ONLINE_BLOCKS])
                arm_again(&engine->root, engine->options->runtime, arming, &engine->saved);
}

void guard_reset(struct guard *guard) {
        guard->armed = guard->engine->ring->arming;
        guard->hands = (struct mhp_knob_guard) { 0 };
}

static int on_write(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct guard *guard = userdata;

        (void) source;
        (void) fd;
        (void) revents;
        return mhp_watch_drain(guard->watch) > 0 ? engine_check(guard->engine, guard_check(guard)) : 0;
}

/* The knob of a block that is announced behind the write is right again before that block is looked at. */
static int listen(struct guard *guard) {
        int r = sd_event_add_io(guard->engine->event, &guard->source, mhp_watch_fd(guard->watch), EPOLLIN, on_write, guard);

        if (r >= 0)
                r = sd_event_source_set_priority(guard->source, LOOP_KNOB);
        return r < 0 ? r : sd_event_source_set_ratelimit(guard->source, GUARD_PAUSE, 1);
}

int guard_new(struct engine *engine, struct guard **ret) {
        _cleanup_(guard_freep) struct guard *guard = calloc(1, sizeof(*guard));
        int r;

        if (!guard)
                return -ENOMEM;
        guard->engine = engine;
        if (!engine->dry_run) {
                r = mhp_watch_new(&engine->root, &guard->watch);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        log_print(LOG_WARNING, "the kernel's knobs are looked at from time to time only, for they cannot be watched: %s", strerror(-r));
                r = guard->watch ? listen(guard) : 0;
                if (r < 0)
                        return r;
        }
        guard_reset(guard);
        *ret = TAKE(guard);
        return 0;
}

struct guard *guard_free(struct guard *guard) {
        if (!guard)
                return NULL;

        sd_event_source_disable_unref(guard->source);
        mhp_watch_free(guard->watch);
        free(guard);
        return NULL;
}
