/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/job.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"
#include "ctl/job.h"
#include "ctl/target.h"

/* How long a cancelled job may take to say so. What was taken offline has to come back first, behind whatever else the kernel is at. */
#define CANCEL_TIMEOUT (10 * USEC_PER_SEC)
#define CANCEL_REMOVAL_TIMEOUT (300 * USEC_PER_SEC)

struct job {
        struct ctl *ctl;
        sd_bus *bus;       /* owned */
        sd_event *event;   /* owned */
        uint32_t id;       /* 0: not known */
        bool show;         /* a line on the terminal */
        struct ctl_progress progress;
        char *result;      /* owned; NULL: no JobRemoved came */
        char *detail;      /* owned */
        const char *lost;  /* why none will come */
};

static bool online(const struct job *job) {
        return job->progress.kind == CTL_JOB_ONLINE;
}

static void job_done(struct job *job) {
        sd_bus_flush_close_unref(job->bus);
        sd_event_unref(job->event);
        free(job->result);
        free(job->detail);
}

static uint64_t now_usec(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * USEC_PER_SEC + (uint64_t) t.tv_nsec / 1000;
}

static void draw(const struct job *job) {
        _cleanup_text_ struct mhp_text line = {};

        if (!job->show)
                return;
        ctl_progress_print(&job->progress, now_usec(), &line);
        if (line.error == 0)
                fprintf(stderr, "\r\033[K%s", line.data);
}

static int on_progress(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        uint64_t done, failed, total;
        struct job *job = userdata;
        uint32_t id;

        (void) error;
        if (sd_bus_message_read(m, "uttt", &id, &done, &failed, &total) < 0 || id != job->id)
                return 0;
        job->progress.done = done;
        job->progress.failed = failed;
        job->progress.total = total;
        draw(job);
        return 0;
}

static int on_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct job *job = userdata;
        char path[64];

        (void) error;
        (void) snprintf(path, sizeof(path), CTL_BUS_PATH "/job/%" PRIu32, job->id);
        if (strcmp(sd_bus_message_get_path(m), path) == 0 && ctl_progress_take(&job->progress, m, now_usec()) > 0)
                draw(job);
        return 0;
}

/* The seconds that are left go on by themselves. */
static int on_second(sd_event_source *source, uint64_t usec, void *userdata) {
        const struct job *job = userdata;
        int r;

        if (job->progress.block != MHP_NO_BLOCK)
                draw(job);
        r = sd_event_source_set_time(source, usec + USEC_PER_SEC);
        return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_removed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *result, *detail;
        struct job *job = userdata;
        uint64_t done, total;
        uint32_t id;

        (void) error;
        if (sd_bus_message_read(m, "ustts", &id, &result, &done, &total, &detail) < 0 || id != job->id || job->result)
                return 0;
        job->progress.done = done;
        job->progress.total = total;
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
                r = sd_bus_match_signal(job->bus, NULL, CTL_BUS_NAME, NULL, "org.freedesktop.DBus.Properties", "PropertiesChanged", on_changed, job);
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
        if (job->progress.cancelled) {
                job->lost = "interrupted; mhpd may still be at it";
                return sd_event_exit(job->event, 0);
        }
        job->progress.cancelled = true;
        draw(job);
        r = sd_bus_call_method_async(job->bus, NULL, CTL_BUS_NAME, CTL_BUS_PATH, CTL_BUS_INTERFACE, "Cancel", ignore_reply, job, "u", job->id);
        if (r >= 0)
                r = sd_event_add_time_relative(job->event, NULL, CLOCK_MONOTONIC, online(job) ? CANCEL_TIMEOUT : CANCEL_REMOVAL_TIMEOUT, 0, on_late, job);
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
        if (r >= 0 && job->show)
                r = sd_event_add_time_relative(job->event, NULL, CLOCK_MONOTONIC, USEC_PER_SEC, 100 * USEC_PER_MSEC, on_second, job);
        if (r >= 0)
                r = sd_bus_attach_event(job->bus, job->event, 0);
        if (r >= 0)
                r = sd_bus_set_exit_on_disconnect(job->bus, true);
        if (r >= 0)
                r = sd_event_loop(job->event);
        if (job->show)
                fputs("\r\033[K", stderr);
        return r;
}

static int tell_end(struct job *job) {
        const struct ctl_progress *p = &job->progress;
        struct ctl *ctl = job->ctl;
        _cleanup_text_ struct mhp_text detail = {};
        int status = p->done > 0 ? CTL_PARTLY : CTL_FAILED;
        char size[MHP_SIZE_MAX];

        if (!job->result)
                return ctl_fail(ctl, CTL_FAILED, "%s", job->lost ? job->lost : "the connection to mhpd broke off");
        if (strcmp(job->result, "done") == 0)
                status = CTL_DONE;
        mhp_text_printf(&ctl->out, "%" PRIu64 " of %" PRIu64 " block%s %s", p->done, p->total, p->total == 1 ? "" : "s", ctl_job_done_word(p->kind));
        if (!online(job) && p->block_size > 0)
                mhp_text_printf(&ctl->out, " (%s)", mhp_format_size(size, mhp_mul_sat(p->done, p->block_size)));
        mhp_text_printf(&ctl->out, "%s\n", strcmp(job->result, "canceled") == 0 ? ", cancelled" : strcmp(job->result, "timeout") == 0 ? ", time is up" : "");
        ctl_add_plain(&detail, job->detail);
        if (status == CTL_DONE) {
                if (detail.len > 0)
                        mhp_text_printf(&ctl->out, "%s\n", detail.data);
                return status;
        }
        return ctl_fail(ctl, status, "%s%s%s", job->result, detail.len > 0 ? ": " : "", detail.len > 0 ? detail.data : "");
}

static int check_words(const struct job *job) {
        const struct ctl *ctl = job->ctl;

        return online(job) ? ctl_targets_check(ctl, ctl->args, ctl->n_args) : ctl_targets_check_removal(ctl, ctl->args, ctl->n_args);
}

/* The words of the command line as one target. One word stays as it is, if the daemon knows better what to make of it: it chooses what is best given
 * back for a size, and a group's name is what it tells others. Else blocks, looked up in the daemon's own map. */
static int resolve(struct job *job, char **ret) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_map_ struct mhp_map *map = NULL;
        _cleanup_ranges_ struct mhp_ranges blocks = {};
        _cleanup_text_ struct mhp_text text = {};
        struct ctl *ctl = job->ctl;
        bool sized = !online(job) && ctl_target_is_size(*ctl->args);
        int r;

        r = ctl_bus_map(job->bus, &error, &map);
        if (r < 0)
                return ctl_bus_fail(ctl, r, &error);
        job->progress.block_size = map->block_size;
        if (!sized) {
                r = ctl_targets_resolve(ctl, map, ctl->args, ctl->n_args, online(job), &blocks);
                if (r == CTL_DONE)
                        r = ctl_keep_check(ctl, map, *ctl->args);
                if (r != CTL_DONE)
                        return r;
        }
        if (sized || (!online(job) && ctl->n_args == 1 && mhp_map_find_group(map, *ctl->args)))
                mhp_text_add(&text, *ctl->args);
        else
                mhp_ranges_print(&blocks, &text);
        return mhp_text_finish(&text, ret);
}

static int call(struct job *job, const char *target, sd_bus_error *error, sd_bus_message **ret) {
        const struct ctl *ctl = job->ctl;

        switch (job->progress.kind) {
        case CTL_JOB_ONLINE:
                return ctl_bus_call(job->bus, "Online", true, error, ret, "sst", target, ctl->zone ? ctl->zone : "auto", ctl->timeout);
        case CTL_JOB_OFFLINE:
                return ctl_bus_call(job->bus, "Offline", true, error, ret, "st", target, ctl->timeout);
        case CTL_JOB_UNPLUG:
                return ctl_bus_call(job->bus, "Unplug", true, error, ret, "stt", target, ctl_given(ctl, CTL_OPT_TO) ? ctl->keep : UINT64_MAX, ctl->timeout);
        }
        return -EINVAL;
}

static int start(struct job *job, const char *target) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r;

        r = watch(job);
        if (r >= 0)
                r = call(job, target, &error, &reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "u", &job->id);
        return r < 0 ? ctl_bus_fail(job->ctl, r, &error) : CTL_DONE;
}

int ctl_job_run(struct ctl *ctl, enum ctl_job_kind kind) {
        _cleanup_(job_done) struct job job = { .ctl = ctl, .progress = { .kind = kind, .block = MHP_NO_BLOCK } };
        _cleanup_free_ char *target = NULL;
        int r;

        r = check_words(&job);
        if (r != CTL_DONE)
                return r;
        r = ctl_bus_open(ctl, &job.bus);
        if (r < 0)
                return ctl_bus_fail(ctl, r, NULL);
        r = resolve(&job, &target);
        if (r == CTL_DONE)
                r = start(&job, target);
        if (r != CTL_DONE)
                return r;

        if (ctl_given(ctl, CTL_OPT_NO_WAIT)) {
                mhp_text_printf(&ctl->out, "job %" PRIu32 "\n", job.id);
                return CTL_DONE;
        }
        job.show = isatty(STDERR_FILENO);
        r = wait_for(&job);
        return r < 0 ? r : tell_end(&job);
}
