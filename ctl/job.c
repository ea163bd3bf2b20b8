/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/job.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/units.h"
#include "ctl/target.h"

/* How long a cancelled job may take to say so. */
#define CANCEL_TIMEOUT (10 * USEC_PER_SEC)

struct job {
        struct ctl *ctl;
        sd_bus *bus;       /* owned */
        sd_event *event;   /* owned */
        uint32_t id;       /* 0: not known */
        bool online;
        bool progress;     /* a line on the terminal */
        bool cancelled;
        uint64_t done, total;
        char *result;      /* owned; NULL: no JobRemoved came */
        char *detail;      /* owned */
        const char *lost;  /* why none will come */
};

static void job_done(struct job *job) {
        sd_bus_flush_close_unref(job->bus);
        sd_event_unref(job->event);
        free(job->result);
        free(job->detail);
}

static int on_progress(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct job *job = userdata;
        uint64_t done, failed, total;
        uint32_t id;

        (void) error;
        if (sd_bus_message_read(m, "uttt", &id, &done, &failed, &total) < 0 || id != job->id)
                return 0;
        job->done = done;
        job->total = total;
        if (job->progress) {
                fprintf(stderr, "\r\033[K%" PRIu64 " of %" PRIu64 " blocks %s", done, total, job->online ? "online" : "offline");
                if (failed > 0)
                        fprintf(stderr, ", %" PRIu64 " failed", failed);
        }
        return 0;
}

static int on_removed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *result, *detail;
        struct job *job = userdata;
        uint64_t done, total;
        uint32_t id;

        (void) error;
        if (sd_bus_message_read(m, "ustts", &id, &result, &done, &total, &detail) < 0 || id != job->id || job->result)
                return 0;
        job->done = done;
        job->total = total;
        job->result = strdup(result);
        job->detail = strdup(detail);
        return sd_event_exit(job->event, job->result && job->detail ? 0 : -ENOMEM);
}

static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *name, *old, *new;
        struct job *job = userdata;

        (void) error;
        if (sd_bus_message_read(m, "sss", &name, &old, &new) < 0 || *new)
                return 0;
        job->lost = "mhpd went away before it was done; `mhpctl status` says where things stand";
        return sd_event_exit(job->event, 0);
}

/* Before the call: the job may be over before its number is known here. */
static int watch(struct job *job) {
        int r;

        r = sd_bus_match_signal(job->bus, NULL, CTL_BUS_NAME, CTL_BUS_PATH, CTL_BUS_INTERFACE, "JobProgress", on_progress, job);
        if (r >= 0)
                r = sd_bus_match_signal(job->bus, NULL, CTL_BUS_NAME, CTL_BUS_PATH, CTL_BUS_INTERFACE, "JobRemoved", on_removed, job);
        if (r >= 0)
                r = sd_bus_add_match(job->bus, NULL,
                                     "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                                     "member='NameOwnerChanged',arg0='" CTL_BUS_NAME "'",
                                     on_owner, job);
        return r;
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata) {
        struct job *job = userdata;

        (void) source;
        (void) usec;
        job->lost = "mhpd does not confirm that the job was cancelled";
        return sd_event_exit(job->event, 0);
}

static int ignore_reply(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        (void) m;
        (void) userdata;
        (void) error;
        return 0;
}

/* The first interrupt ends the job and waits for what became of it, the second ends mhpctl. */
static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        struct job *job = userdata;
        int r;

        (void) source;
        (void) info;
        if (job->cancelled) {
                job->lost = "interrupted; mhpd may still be at it";
                return sd_event_exit(job->event, 0);
        }
        job->cancelled = true;
        r = sd_bus_call_method_async(job->bus, NULL, CTL_BUS_NAME, CTL_BUS_PATH, CTL_BUS_INTERFACE, "Cancel", ignore_reply, job, "u", job->id);
        if (r >= 0)
                r = sd_event_add_time_relative(job->event, NULL, CLOCK_MONOTONIC, CANCEL_TIMEOUT, 0, on_late, job);
        return r;
}

static int wait_for(struct job *job) {
        sigset_t signals;
        int r;

        (void) sigemptyset(&signals);
        (void) sigaddset(&signals, SIGINT);
        (void) sigaddset(&signals, SIGTERM);
        if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
                return -errno;

        r = sd_event_default(&job->event);
        if (r >= 0)
                r = sd_event_add_signal(job->event, NULL, SIGINT, on_signal, job);
        if (r >= 0)
                r = sd_event_add_signal(job->event, NULL, SIGTERM, on_signal, job);
        if (r >= 0)
                r = sd_bus_attach_event(job->bus, job->event, 0);
        if (r >= 0)
                r = sd_bus_set_exit_on_disconnect(job->bus, true);
        if (r >= 0)
                r = sd_event_loop(job->event);
        if (job->progress)
                fputs("\r\033[K", stderr);
        return r;
}

static int tell_end(struct job *job) {
        struct ctl *ctl = job->ctl;
        const char *state = job->online ? "online" : "offline";
        _cleanup_text_ struct mhp_text detail = {};
        int status = job->done > 0 ? CTL_PARTLY : CTL_FAILED;

        if (!job->result)
                return ctl_fail(ctl, CTL_FAILED, "%s", job->lost ? job->lost : "the connection to mhpd broke off");
        if (strcmp(job->result, "done") == 0)
                status = CTL_DONE;
        mhp_text_printf(&ctl->out, "%" PRIu64 " of %" PRIu64 " block%s %s%s\n", job->done, job->total, job->total == 1 ? "" : "s", state,
                        strcmp(job->result, "canceled") == 0 ? ", cancelled" : strcmp(job->result, "timeout") == 0 ? ", time is up" : "");
        if (status == CTL_DONE)
                return status;
        ctl_add_plain(&detail, job->detail);
        return ctl_fail(ctl, status, "%s%s%s", job->result, detail.len > 0 ? ": " : "", detail.len > 0 ? detail.data : "");
}

/* The words of the command line as blocks: groups and sizes are looked up in the daemon's own map. */
static int resolve(struct job *job, char **ret) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_map_ struct mhp_map *map = NULL;
        _cleanup_ranges_ struct mhp_ranges blocks = {};
        _cleanup_text_ struct mhp_text text = {};
        struct ctl *ctl = job->ctl;
        int r;

        r = ctl_bus_map(job->bus, &error, &map);
        if (r < 0)
                return ctl_bus_fail(ctl, r, &error);
        r = ctl_targets_resolve(ctl, map, ctl->args, ctl->n_args, job->online, &blocks);
        if (r != CTL_DONE)
                return r;
        mhp_ranges_print(&blocks, &text);
        return mhp_text_finish(&text, ret);
}

static int start(struct job *job, const char *blocks) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        struct ctl *ctl = job->ctl;
        int r;

        r = watch(job);
        if (r >= 0)
                r = job->online ? ctl_bus_call(job->bus, "Online", true, &error, &reply, "sst", blocks, ctl->zone ? ctl->zone : "auto", ctl->timeout)
                                : ctl_bus_call(job->bus, "Offline", true, &error, &reply, "st", blocks, ctl->timeout);
        if (r >= 0)
                r = sd_bus_message_read(reply, "u", &job->id);
        return r < 0 ? ctl_bus_fail(ctl, r, &error) : CTL_DONE;
}

int ctl_job_run(struct ctl *ctl, bool online) {
        _cleanup_(job_done) struct job job = { .ctl = ctl, .online = online };
        _cleanup_free_ char *blocks = NULL;
        int r;

        r = ctl_targets_check(ctl, ctl->args, ctl->n_args);
        if (r != CTL_DONE)
                return r;
        r = ctl_bus_open(ctl, &job.bus);
        if (r < 0)
                return ctl_bus_fail(ctl, r, NULL);
        r = resolve(&job, &blocks);
        if (r == CTL_DONE)
                r = start(&job, blocks);
        if (r != CTL_DONE)
                return r;

        if (ctl_given(ctl, CTL_OPT_NO_WAIT)) {
                mhp_text_printf(&ctl->out, "job %" PRIu32 "\n", job.id);
                return CTL_DONE;
        }
        job.progress = isatty(STDERR_FILENO);
        r = wait_for(&job);
        return r < 0 ? r : tell_end(&job);
}
