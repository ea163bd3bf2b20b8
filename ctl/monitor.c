/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl monitor`: mhpd's reports as they come, until an interrupt or until nobody reads them any more. */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "base/units.h"
#include "ctl/bus.h"
#include "ctl/json.h"
#include "ctl/words.h"

struct monitor {
        struct ctl *ctl;
        sd_event *event; /* owned */
        bool told;       /* why it ends */
};

static void monitor_done(struct monitor *monitor) {
        sd_event_unref(monitor->event);
}

struct report {
        const char *event, *blocks, *zone, *group, *reason, *message;
        int32_t node, error;
        uint64_t time; /* µs, CLOCK_REALTIME */
        uint32_t job;  /* 0: none */
        const char *verb, *target, *result;
};

static const char *or_null(const char *s) {
        return s && *s ? s : NULL;
}

/* Each report is one line. */
static void add_json(struct mhp_text *out, const struct report *report) {
        _cleanup_json_ struct ctl_json json = { .out = out };

        ctl_json_open(&json, NULL, json_type_object);
        ctl_json_string(&json, "event", report->event);
        ctl_json_u64(&json, "time_usec", report->time);
        ctl_json_string(&json, "blocks", or_null(report->blocks));
        ctl_json_string(&json, "zone", or_null(report->zone));
        ctl_json_node(&json, "node", report->node);
        ctl_json_string(&json, "group", or_null(report->group));
        ctl_json_string(&json, "reason", or_null(report->reason));
        ctl_json_i64(&json, "errno", report->error);
        ctl_json_string(&json, "message", or_null(report->message));
        ctl_json_known_u64(&json, "job", report->job > 0, report->job);
        ctl_json_string(&json, "verb", or_null(report->verb));
        ctl_json_string(&json, "target", or_null(report->target));
        ctl_json_string(&json, "result", or_null(report->result));
        ctl_json_close(&json);
}

static enum ctl_color event_color(const char *event) {
        if (strcmp(event, "gave-up") == 0 || strcmp(event, "failed") == 0 || strcmp(event, "mhpd-gone") == 0)
                return CTL_BAD;
        if (strcmp(event, "placement-fallback") == 0 || strcmp(event, "offline-failed") == 0 || strcmp(event, "zone-changed") == 0 ||
            strcmp(event, "drift") == 0 || strcmp(event, "foreign-offline") == 0 || strcmp(event, "rescan") == 0 || strncmp(event, "knob-", 5) == 0)
                return CTL_WARN;
        return CTL_GOOD;
}

static void add_field(struct mhp_text *out, const char *key, const char *value) {
        if (!or_null(value))
                return;
        mhp_text_printf(out, " %s=", key);
        ctl_add_plain(out, value);
}

static void add_line(struct ctl *ctl, const struct report *report) {
        enum ctl_color color = event_color(report->event);
        struct mhp_text *out = &ctl->out;

        ctl_add_time(out, report->time);
        mhp_text_add(out, " ");
        mhp_text_add(out, ctl_color_on(ctl, color));
        ctl_add_plain(out, report->event);
        mhp_text_add(out, ctl_color_off(ctl, color));
        add_field(out, "blocks", report->blocks);
        add_field(out, "zone", report->zone);
        if (report->node >= 0)
                mhp_text_printf(out, " node=%" PRIi32, report->node);
        add_field(out, "group", report->group);
        add_field(out, "reason", report->reason);
        if (report->error != 0)
                mhp_text_printf(out, " errno=%" PRIi32, report->error);
        if (report->job > 0)
                mhp_text_printf(out, " job=%" PRIu32, report->job);
        add_field(out, "verb", report->verb);
        add_field(out, "target", report->target);
        add_field(out, "result", report->result);
        if (or_null(report->message)) {
                mhp_text_add(out, ": ");
                ctl_add_plain(out, report->message);
        }
        mhp_text_add(out, "\n");
}

static int flush(struct monitor *monitor) {
        int status = ctl_flush(monitor->ctl);

        monitor->told = status != CTL_DONE;
        return monitor->told ? sd_event_exit(monitor->event, status) : 0;
}

static int tell(struct monitor *monitor, const struct report *report) {
        struct ctl *ctl = monitor->ctl;

        if (ctl_given(ctl, CTL_OPT_JSON))
                add_json(&ctl->out, report);
        else
                add_line(ctl, report);
        return flush(monitor);
}

static int on_report(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct monitor *monitor = userdata;
        struct report report;

        (void) error;
        if (sd_bus_message_read(m, "sssissistusss", &report.event, &report.blocks, &report.zone, &report.node, &report.group, &report.reason, &report.error,
                                &report.message, &report.time, &report.job, &report.verb, &report.target, &report.result) < 0)
                return 0;
        return tell(monitor, &report);
}

/* What a change came to: blocks, then bytes. */
#define KINDS 4
static const char *const kinds[KINDS] = { "added", "removed", "online", "offline" };
static const char *const byte_keys[KINDS] = { "added_bytes", "removed_bytes", "online_bytes", "offline_bytes" };
struct change {
        uint64_t time;
        const char *blocks[KINDS];
        uint64_t bytes[KINDS];
};

static void add_change_json(struct mhp_text *out, const struct change *change) {
        _cleanup_json_ struct ctl_json json = { .out = out };

        ctl_json_open(&json, NULL, json_type_object);
        ctl_json_string(&json, "event", "settled");
        ctl_json_u64(&json, "time_usec", change->time);
        for (size_t i = 0; i < KINDS; i++)
                ctl_json_string(&json, kinds[i], or_null(change->blocks[i]));
        for (size_t i = 0; i < KINDS; i++)
                ctl_json_u64(&json, byte_keys[i], change->bytes[i]);
        ctl_json_close(&json);
}

static void add_change_line(struct ctl *ctl, const struct change *change) {
        char size[MHP_SIZE_MAX];

        ctl_add_time(&ctl->out, change->time);
        mhp_text_printf(&ctl->out, " %ssettled%s", ctl_color_on(ctl, CTL_GOOD), ctl_color_off(ctl, CTL_GOOD));
        for (size_t i = 0; i < KINDS; i++) {
                add_field(&ctl->out, kinds[i], change->blocks[i]);
                if (change->bytes[i] > 0)
                        mhp_text_printf(&ctl->out, " (%s)", mhp_format_size(size, change->bytes[i]));
        }
        mhp_text_add(&ctl->out, "\n");
}

static int on_change(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct monitor *monitor = userdata;
        struct change c;

        (void) error;
        if (sd_bus_message_read(m, "tsssstttt", &c.time, &c.blocks[0], &c.blocks[1], &c.blocks[2], &c.blocks[3], &c.bytes[0], &c.bytes[1], &c.bytes[2],
                                &c.bytes[3]) < 0)
                return 0;
        if (ctl_given(monitor->ctl, CTL_OPT_JSON))
                add_change_json(&monitor->ctl->out, &c);
        else
                add_change_line(monitor->ctl, &c);
        return flush(monitor);
}

static uint64_t now_usec(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_REALTIME, &t);
        return (uint64_t) t.tv_sec * USEC_PER_SEC + (uint64_t) t.tv_nsec / 1000;
}

static int tell_presence(struct monitor *monitor, bool present) {
        const struct report report = {
                .event = present ? "mhpd-appeared" : "mhpd-gone",
                .node = -1,
                .time = now_usec(),
                .message = present ? "mhpd is running" : "mhpd is not running; waiting for it",
        };

        return tell(monitor, &report);
}

static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *name, *old, *new;

        (void) error;
        if (sd_bus_message_read(m, "sss", &name, &old, &new) < 0)
                return 0;
        return tell_presence(userdata, *new != '\0');
}

static int watch(struct monitor *monitor, sd_bus *bus) {
        int r;

        r = sd_bus_match_signal(bus, NULL, CTL_BUS_NAME, CTL_BUS_PATH, CTL_BUS_INTERFACE, "Report", on_report, monitor);
        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, CTL_BUS_NAME, CTL_BUS_PATH, CTL_BUS_INTERFACE, "Settled", on_change, monitor);
        if (r >= 0)
                r = sd_bus_add_match(bus, NULL,
                                     "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                                     "member='NameOwnerChanged',arg0='" CTL_BUS_NAME "'",
                                     on_owner, monitor);
        return r;
}

/* Without the daemon there is nothing to see yet, but it may come: that is told, not an error. */
static int tell_start(struct monitor *monitor, sd_bus *bus) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner", &error, &reply, "s",
                               CTL_BUS_NAME);
        if (r >= 0) {
                int present;

                r = sd_bus_message_read(reply, "b", &present);
                if (r >= 0)
                        return tell_presence(monitor, present);
        }
        return r;
}

static int open_loop(struct monitor *monitor, sd_bus *bus) {
        sigset_t signals;
        int r;

        (void) sigemptyset(&signals);
        (void) sigaddset(&signals, SIGINT);
        (void) sigaddset(&signals, SIGTERM);
        if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
                return -errno;

        r = sd_event_default(&monitor->event);
        if (r >= 0)
                r = sd_event_add_signal(monitor->event, NULL, SIGINT, NULL, NULL);
        if (r >= 0)
                r = sd_event_add_signal(monitor->event, NULL, SIGTERM, NULL, NULL);
        if (r >= 0)
                r = sd_bus_attach_event(bus, monitor->event, 0);
        if (r >= 0)
                r = sd_bus_set_exit_on_disconnect(bus, true);
        return r;
}

int verb_monitor(struct ctl *ctl) {
        _cleanup_(monitor_done) struct monitor monitor = { .ctl = ctl };
        _cleanup_bus_ sd_bus *bus = NULL;
        int r;

        r = ctl_bus_open(ctl, &bus);
        if (r >= 0)
                r = open_loop(&monitor, bus);
        if (r >= 0)
                r = watch(&monitor, bus);
        if (r >= 0)
                r = tell_start(&monitor, bus);
        if (r >= 0)
                r = sd_event_loop(monitor.event);
        if (r < 0)
                return ctl_bus_fail(ctl, r, NULL);
        if (r != CTL_DONE && !monitor.told)
                return ctl_fail(ctl, CTL_FAILED, "the connection to the bus broke off");
        return r;
}
