/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/job-wait.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"
#include "ctl/job-list.h"

/* How long a cancelled job may take to say so. What was taken offline has to come back first, behind whatever else the kernel is at. */
#define CANCEL_TIMEOUT (10 * USEC_PER_SEC)
#define CANCEL_REMOVAL_TIMEOUT (300 * USEC_PER_SEC)

static bool online(const struct ctl_wait *wait) {
        return wait->progress.kind == CTL_JOB_ONLINE;
}

void ctl_wait_done(struct ctl_wait *wait) {
        sd_bus_flush_close_unref(wait->bus);
        sd_event_unref(wait->event);
        free(wait->result);
        free(wait->detail);
}

static uint64_t now_usec(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * USEC_PER_SEC + (uint64_t) t.tv_nsec / 1000;
}

static void draw(const struct ctl_wait *wait) {
        _cleanup_text_ struct mhp_text line = {};

        if (!wait->show)
                return;
        ctl_progress_print(&wait->progress, now_usec(), &line);
        /* a line that is broken by the terminal cannot be drawn over; writing its last column breaks it on some */
        ctl_cut(&line, ctl_term_width(STDERR_FILENO) - 1);
        if (line.error == 0)
                fprintf(stderr, "\r\033[K%s", line.data);
}

static int on_progress(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        uint64_t done, failed, total;
        struct ctl_wait *wait = userdata;
        uint32_t id;

        (void) error;
        if (sd_bus_message_read(m, "uttt", &id, &done, &failed, &total) < 0 || id != wait->id)
                return 0;
        wait->progress.done = done;
        wait->progress.failed = failed;
        wait->progress.total = total;
        draw(wait);
        return 0;
}

static int on_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct ctl_wait *wait = userdata;
        char path[64];

        (void) error;
        (void) snprintf(path, sizeof(path), CTL_BUS_PATH "/job/%" PRIu32, wait->id);
        if (strcmp(sd_bus_message_get_path(m), path) == 0 && ctl_progress_take(&wait->progress, m, now_usec()) > 0)
                draw(wait);
        return 0;
}

/* The seconds that are left go on by themselves. */
static int on_second(sd_event_source *source, uint64_t usec, void *userdata) {
        const struct ctl_wait *wait = userdata;
        int r;

        if (wait->progress.block != MHP_NO_BLOCK)
                draw(wait);
        r = sd_event_source_set_time(source, usec + USEC_PER_SEC);
        return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* sd_event_exit() would close the bus, which is still asked about the job. */
static int stop(struct ctl_wait *wait) {
        wait->over = true;
        return 0;
}

static int on_removed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *result, *detail;
        struct ctl_wait *wait = userdata;
        uint64_t done, total;
        uint32_t id;

        (void) error;
        if (sd_bus_message_read(m, "ustts", &id, &result, &done, &total, &detail) < 0 || id != wait->id || wait->result)
                return 0;
        wait->progress.done = done;
        wait->progress.total = total;
        wait->result = strdup(result);
        wait->detail = strdup(detail);
        if (!wait->result || !wait->detail)
                wait->lost = "out of memory";
        return stop(wait);
}

static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *name, *old, *new;
        struct ctl_wait *wait = userdata;

        (void) error;
        if (sd_bus_message_read(m, "sss", &name, &old, &new) < 0 || *new)
                return 0;
        wait->lost = "mhpd went away before it was done; `mhpctl status` says where things stand";
        return stop(wait);
}

/* Before the call: the job may be over before its number is known here. */
int ctl_wait_watch(struct ctl_wait *wait) {
        int r;

        r = sd_bus_match_signal(wait->bus, NULL, CTL_BUS_NAME, CTL_BUS_PATH, CTL_BUS_INTERFACE, "JobProgress", on_progress, wait);
        if (r >= 0)
                r = sd_bus_match_signal(wait->bus, NULL, CTL_BUS_NAME, CTL_BUS_PATH, CTL_BUS_INTERFACE, "JobRemoved", on_removed, wait);
        if (r >= 0)
                r = sd_bus_match_signal(wait->bus, NULL, CTL_BUS_NAME, NULL, "org.freedesktop.DBus.Properties", "PropertiesChanged", on_changed, wait);
        if (r >= 0)
                r = sd_bus_add_match(wait->bus, NULL,
                                     "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                                     "member='NameOwnerChanged',arg0='" CTL_BUS_NAME "'",
                                     on_owner, wait);
        return r;
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata) {
        struct ctl_wait *wait = userdata;

        (void) source;
        (void) usec;
        wait->lost = "mhpd does not confirm that the job was cancelled";
        return stop(wait);
}

static int ignore_reply(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        (void) m;
        (void) userdata;
        (void) error;
        return 0;
}

static int give_up_late(struct ctl_wait *wait) {
        return sd_event_add_time_relative(wait->event, NULL, CLOCK_MONOTONIC, online(wait) ? CANCEL_TIMEOUT : CANCEL_REMOVAL_TIMEOUT, 0, on_late, wait);
}

/* The first interrupt ends the job and waits for what became of it, the second ends mhpctl; who only watches leaves the job alone. */
static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        struct ctl_wait *wait = userdata;
        int r;

        (void) source;
        (void) info;
        if (wait->watch_only || wait->progress.cancelled) {
                wait->lost = wait->watch_only ? "interrupted; the job goes on" : "interrupted; mhpd may still be at it";
                return stop(wait);
        }
        wait->progress.cancelled = true;
        draw(wait);
        r = sd_bus_call_method_async(wait->bus, NULL, CTL_BUS_NAME, CTL_BUS_PATH, CTL_BUS_INTERFACE, "Cancel", ignore_reply, wait, "u", wait->id);
        return r < 0 ? r : give_up_late(wait);
}

int ctl_wait_run(struct ctl_wait *wait) {
        sigset_t signals;
        int r;

        wait->show = ctl_term_draws(STDERR_FILENO);
        (void) sigemptyset(&signals);
        (void) sigaddset(&signals, SIGINT);
        (void) sigaddset(&signals, SIGTERM);
        if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
                return -errno;

        r = sd_event_default(&wait->event);
        if (r >= 0)
                r = sd_event_add_signal(wait->event, NULL, SIGINT, on_signal, wait);
        if (r >= 0)
                r = sd_event_add_signal(wait->event, NULL, SIGTERM, on_signal, wait);
        if (r >= 0 && wait->progress.cancelled)
                r = give_up_late(wait);
        if (r >= 0 && wait->show)
                r = sd_event_add_time_relative(wait->event, NULL, CLOCK_MONOTONIC, USEC_PER_SEC, 100 * USEC_PER_MSEC, on_second, wait);
        if (r >= 0)
                r = sd_bus_attach_event(wait->bus, wait->event, 0);
        if (r >= 0)
                r = sd_bus_set_exit_on_disconnect(wait->bus, true);
        while (r >= 0 && !wait->over && sd_event_get_state(wait->event) != SD_EVENT_FINISHED)
                r = sd_event_run(wait->event, UINT64_MAX);
        if (wait->show)
                fputs("\r\033[K", stderr);
        return r < 0 ? r : sd_bus_detach_event(wait->bus);
}

/* `4 of 4 blocks unplugged (512M)` */
static void print_end(struct ctl_wait *wait) {
        const struct ctl_progress *p = &wait->progress;
        struct mhp_text *out = &wait->ctl->out;
        char size[MHP_SIZE_MAX];

        mhp_text_printf(out, "%" PRIu64 " of %" PRIu64 " block%s %s", p->done, p->total, p->total == 1 ? "" : "s", ctl_job_done_word(p->kind));
        if (!online(wait) && p->block_size > 0)
                mhp_text_printf(out, " (%s)", mhp_format_size(size, mhp_mul_sat(p->done, p->block_size)));
        mhp_text_printf(out, "%s\n", strcmp(wait->result, "cancelled") == 0 ? ", cancelled" : strcmp(wait->result, "timeout") == 0 ? ", time is up" : "");
}

/* The daemon knows more of the job than the signal of its end says. */
static int print_json(struct ctl_wait *wait) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_job_list_ struct ctl_job_list list = {};
        const struct ctl_job_entry *entry;
        int r = ctl_job_list_ask(wait->bus, &error, &list);

        if (r < 0)
                return ctl_bus_fail(wait->ctl, r, &error);
        entry = ctl_job_list_find(&list, wait->id);
        if (!entry)
                return ctl_job_unknown(wait->ctl, wait->id);
        return ctl_job_json(wait->ctl, entry, wait->cancels);
}

int ctl_wait_tell_started(struct ctl_wait *wait) {
        if (ctl_given(wait->ctl, CTL_OPT_JSON))
                return print_json(wait);
        mhp_text_printf(&wait->ctl->out, "job %" PRIu32 "\n", wait->id);
        return CTL_DONE;
}

static int status_of(const struct ctl_wait *wait) {
        if (strcmp(wait->result, wait->cancels ? "cancelled" : "done") == 0)
                return CTL_DONE;
        return wait->progress.done > 0 && !wait->cancels ? CTL_PARTLY : CTL_FAILED;
}

int ctl_wait_tell_end(struct ctl_wait *wait) {
        struct ctl *ctl = wait->ctl;
        _cleanup_text_ struct mhp_text detail = {};
        bool json = ctl_given(ctl, CTL_OPT_JSON);
        int status, r;

        if (!wait->result || !wait->detail)
                return ctl_fail(ctl, CTL_FAILED, "%s", wait->lost ? wait->lost : "the connection to mhpd broke off");
        status = status_of(wait);
        if (json)
                r = print_json(wait);
        else {
                print_end(wait);
                r = CTL_DONE;
        }
        if (r != CTL_DONE)
                return r;
        ctl_add_plain(&detail, wait->detail);
        if (status != CTL_DONE)
                return ctl_fail(ctl, status, "%s%s%s%s", wait->cancels ? "the job ended before it could be cancelled: " : "", wait->result,
                                detail.len > 0 ? ": " : "", detail.len > 0 ? detail.data : "");
        if (detail.len > 0 && !json)
                mhp_text_printf(&ctl->out, "%s\n", detail.data);
        return status;
}

static int adopt(struct ctl_wait *wait, const struct ctl_job_entry *entry) {
        struct ctl_progress *p = &wait->progress;

        wait->id = entry->id;
        p->kind = ctl_job_kind_of(entry->verb);
        p->block_size = entry->total > 0 ? entry->bytes_total / entry->total : 0;
        p->done = entry->done;
        p->failed = entry->failed;
        p->total = entry->total;
        if (*entry->result == '\0')
                return 0;
        wait->result = strdup(entry->result);
        wait->detail = strdup(entry->detail);
        return wait->result && wait->detail ? 0 : -ENOMEM;
}

/* The signals are asked for first: the job may end between the two. */
int ctl_wait_find(struct ctl_wait *wait, const char *word) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_job_list_ struct ctl_job_list list = {};
        const struct ctl_job_entry *entry;
        int r;

        if (mhp_parse_u32(word, &wait->id) < 0 || wait->id == 0)
                return ctl_fail(wait->ctl, CTL_USAGE, "invalid job \"%s\": expected a number, as `mhpctl jobs` lists them", word);
        r = ctl_bus_open(wait->ctl, &wait->bus);
        if (r >= 0)
                r = ctl_wait_watch(wait);
        if (r >= 0)
                r = ctl_job_list_ask(wait->bus, &error, &list);
        if (r < 0)
                return ctl_bus_fail(wait->ctl, r, &error);
        entry = ctl_job_list_find(&list, wait->id);
        return entry ? adopt(wait, entry) : ctl_job_unknown(wait->ctl, wait->id);
}
