/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/bus-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/units.h"
#include "daemon/job.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/settled.h"

/* The address that sd_bus_open_system() takes; it is named here because that function does not wait for the socket to appear. */
#define SYSTEM_BUS "unix:path=/run/dbus/system_bus_socket"
/* Between two attempts: doubles up to a minute, so that a machine without a bus sleeps. */
#define RECONNECT_MIN (1 * USEC_PER_SEC)
#define RECONNECT_MAX (64 * USEC_PER_SEC)

struct bus {
        struct engine *engine;
        struct bus_auth *auth;  /* owned */
        sd_bus *bus;            /* owned; NULL: between two connections */
        sd_event_source *timer; /* owned */
        bool ready;             /* the name is ours */
        uint64_t pause;         /* before the next attempt, µs */
        sd_event_source *pending_timer; /* owned */
        uint64_t pending, pending_told; /* blocks */
        uint64_t pending_at;    /* it is told no more before, µs */
};

static int reconnect_later(struct bus *bus) {
        int r = sd_event_source_set_time_relative(bus->timer, bus->pause);

        bus->pause = MIN(bus->pause * 2, RECONNECT_MAX);
        return r < 0 ? r : sd_event_source_set_enabled(bus->timer, SD_EVENT_ONESHOT);
}

static int on_lost(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct bus *bus = userdata;

        (void) m;
        (void) error;
        if (bus->ready)
                log_print(LOG_NOTICE, "the connection to the bus is lost; it is opened anew");
        bus->ready = false;
        /* Not from here: sd-bus is in the middle of it. And the bus that ended needs a moment. */
        return reconnect_later(bus);
}

static int on_name(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct bus *bus = userdata;
        uint32_t answer = 0;

        (void) error;
        if (sd_bus_message_is_method_error(m, NULL)) {
                log_print(LOG_WARNING, "the bus does not give the name " BUS_NAME ": %s", sd_bus_message_get_error(m)->message);
                return 0;
        }
        (void) sd_bus_message_read(m, "u", &answer);
        if (answer == 1 || answer == 4) { /* DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER, _ALREADY_OWNER */
                bus->ready = true;
                bus->pause = RECONNECT_MIN;
                return engine_check(bus->engine, settled_bus_ready(bus->engine->settled));
        }
        log_print(LOG_ERR, "another mhpd runs on this machine");
        return bus->engine->options->dry_run ? 0 : sd_event_exit(bus->engine->event, -EBUSY);
}

static int set_up(struct bus *bus, sd_bus *b) {
        const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
        int r = sd_bus_set_address(b, address && *address ? address : SYSTEM_BUS);

        if (r >= 0)
                r = sd_bus_set_bus_client(b, true);
        if (r >= 0)
                r = sd_bus_negotiate_fds(b, false); /* no argument is one, and what a caller sends all the same would fill our table */
        if (r >= 0)
                r = sd_bus_set_watch_bind(b, true); /* at boot mhpd is earlier */
        if (r >= 0)
                r = sd_bus_set_exit_on_disconnect(b, false);
        if (r >= 0)
                r = sd_bus_start(b);
        if (r >= 0)
                r = sd_bus_add_filter(b, NULL, bus_limit, NULL);
        if (r >= 0)
                r = sd_bus_add_object_vtable(b, NULL, BUS_PATH, BUS_INTERFACE, bus_vtable, bus->engine);
        if (r >= 0)
                r = bus_add_jobs(b, bus->engine);
        if (r >= 0)
                r = sd_bus_match_signal_async(b, NULL, "org.freedesktop.DBus.Local", NULL, "org.freedesktop.DBus.Local", "Disconnected", on_lost,
                                              NULL, bus);
        if (r >= 0)
                r = sd_bus_call_method_async(b, NULL, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName", on_name,
                                             bus, "su", BUS_NAME, 4 /* DBUS_NAME_FLAG_DO_NOT_QUEUE */);
        if (r >= 0)
                r = sd_bus_attach_event(b, bus->engine->event, LOOP_BUS);
        return r;
}

static int connect_bus(struct bus *bus) {
        int r = sd_bus_new(&bus->bus);

        if (r < 0)
                return r;
        r = set_up(bus, bus->bus);
        if (r < 0)
                bus->bus = sd_bus_close_unref(bus->bus);
        return r;
}

static int on_reconnect(sd_event_source *source, uint64_t usec, void *userdata) {
        struct bus *bus = userdata;

        (void) source;
        (void) usec;
        bus_auth_forget(bus->auth);
        bus->bus = sd_bus_close_unref(bus->bus);
        return connect_bus(bus) < 0 ? reconnect_later(bus) : 0;
}

static void tell_pending(struct bus *bus) {
        bus->pending_told = bus->pending;
        bus->pending_at = loop_now() + USEC_PER_SEC;
        (void) sd_event_source_set_enabled(bus->pending_timer, SD_EVENT_OFF);
        (void) sd_bus_emit_properties_changed(bus->bus, BUS_PATH, BUS_INTERFACE, "Pending", NULL);
}

static int on_pending(sd_event_source *source, uint64_t usec, void *userdata) {
        struct bus *bus = userdata;

        (void) source;
        (void) usec;
        if (bus->ready && bus->pending != bus->pending_told)
                tell_pending(bus);
        return 0;
}

void bus_pending(struct bus *bus, uint64_t n) {
        if (!bus)
                return;
        bus->pending = n;
        if (!bus->ready || n == bus->pending_told)
                return;
        if ((n == 0) != (bus->pending_told == 0) || loop_now() >= bus->pending_at)
                tell_pending(bus);
        else if (sd_event_source_set_time(bus->pending_timer, bus->pending_at) >= 0)
                (void) sd_event_source_set_enabled(bus->pending_timer, SD_EVENT_ONESHOT);
}

static int add_timer(struct bus *bus, sd_event_time_handler_t handler, sd_event_source **ret) {
        int r = sd_event_add_time(bus->engine->event, ret, CLOCK_MONOTONIC, UINT64_MAX, 0, handler, bus);

        if (r >= 0)
                r = sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
        return r < 0 ? r : sd_event_source_set_priority(*ret, LOOP_BUS);
}

int bus_new(struct engine *engine, struct bus **ret) {
        _cleanup_(bus_freep) struct bus *bus = calloc(1, sizeof(*bus));
        int r;

        if (!bus)
                return -ENOMEM;
        bus->engine = engine;
        bus->pause = RECONNECT_MIN;
        bus_limit_memory();
        r = bus_auth_new(engine, &bus->auth);
        if (r >= 0)
                r = add_timer(bus, on_reconnect, &bus->timer);
        if (r >= 0)
                r = add_timer(bus, on_pending, &bus->pending_timer);
        if (r < 0)
                return r;

        r = connect_bus(bus);
        if (r < 0) {
                log_print(LOG_WARNING, "the bus cannot be reached, going on without it: %s", strerror(-r));
                r = reconnect_later(bus);
                if (r < 0)
                        return r;
        }
        *ret = TAKE(bus);
        return 0;
}

struct bus *bus_free(struct bus *bus) {
        if (!bus)
                return NULL;
        sd_event_source_disable_unref(bus->timer);
        sd_event_source_disable_unref(bus->pending_timer);
        bus_auth_free(bus->auth);
        /* Flushing waits for a connection that is still being made, and at boot that may be for ever. */
        if (bus->ready)
                sd_bus_flush_close_unref(bus->bus);
        else
                sd_bus_close_unref(bus->bus);
        free(bus);
        return NULL;
}

static const char *or_empty(const char *s) {
        return s ? s : "";
}

/* For people: CLOCK_REALTIME. */
static uint64_t now_usec(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000;
}

void bus_report(struct bus *bus, const struct bus_report *r) {
        if (!bus || !bus->ready)
                return;
        (void) sd_bus_emit_signal(bus->bus, BUS_PATH, BUS_INTERFACE, "Report", "sssissistusss", r->event, r->blocks, r->zone, r->node, r->group, r->reason,
                                  r->error, r->message, now_usec(), r->job, or_empty(r->verb),
                                  or_empty(r->target), or_empty(r->result));
}

void bus_job_progress(struct bus *bus, const struct job_view *job) {
        if (!bus || !bus->ready)
                return;
        (void) sd_bus_emit_signal(bus->bus, BUS_PATH, BUS_INTERFACE, "JobProgress", "uttt", job->id, job->done, job->failed, job->total);
        bus_job_changed(bus->bus, job->id);
}

void bus_job_removed(struct bus *bus, uint32_t id, const char *result, uint64_t done, uint64_t total, const char *detail) {
        if (bus && bus->ready)
                (void) sd_bus_emit_signal(bus->bus, BUS_PATH, BUS_INTERFACE, "JobRemoved", "ustts", id, result, done, total, detail);
}

void bus_settled(struct bus *bus, const struct bus_settled *s) {
        if (bus && bus->ready)
                (void) sd_bus_emit_signal(bus->bus, BUS_PATH, BUS_INTERFACE, "Settled", "tsssstttt", now_usec(), or_empty(s->blocks[0]), or_empty(s->blocks[1]),
                                          or_empty(s->blocks[2]), or_empty(s->blocks[3]), s->bytes[0], s->bytes[1], s->bytes[2], s->bytes[3]);
}

struct bus_auth *bus_get_auth(const struct bus *bus) {
        return bus->auth;
}

bool bus_is_ready(const struct bus *bus) {
        return bus && bus->ready;
}

int bus_restart_unit(struct bus *bus, const char *unit, sd_bus_message_handler_t answer, void *userdata) {
        if (!bus_is_ready(bus))
                return -ENOTCONN;
        return sd_bus_call_method_async(bus->bus, NULL, "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                                        "RestartUnit", answer, userdata, "ss", unit, "replace");
}
