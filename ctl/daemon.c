/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/daemon.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"

void ctl_daemon_done(struct ctl_daemon *daemon) {
        free(daemon->warnings);
        free(daemon->problems);
        free(daemon->jobs);
        mhp_map_free(daemon->map);
        for (size_t i = 0; i < _CTL_QUESTION_MAX; i++)
                sd_bus_message_unref(daemon->answer[i]);
        sd_bus_flush_close_unref(daemon->bus);
        *daemon = (struct ctl_daemon) {};
}

static int read_warnings(sd_bus_message *m, struct ctl_daemon *d) {
        const char *warning;
        int r;

        r = sd_bus_message_enter_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(m, "s", &warning)) > 0) {
                r = ARRAY_GROW(d->warnings, d->n_warnings, d->warnings_capacity);
                if (r >= 0)
                        d->warnings[d->n_warnings++] = warning;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r;
}

static int read_property(sd_bus_message *m, const char *name, struct ctl_daemon *d) {
        const struct {
                const char *name, *type;
                void *to;
        } fields[] = {
                { "Version", "s", &d->version },
                { "Path", "s", &d->path },
                { "PathReason", "s", &d->path_reason },
                { "Pending", "t", &d->pending },
                { "GaveUp", "t", &d->gave_up },
                { "Rescans", "t", &d->rescans },
                { "WorkerKills", "t", &d->worker_kills },
                { "LongestRound", "t", &d->longest_round },
                { "LongestRoundProcessor", "t", &d->longest_round_processor },
        };

        if (strcmp(name, "ConfigWarnings") == 0)
                return read_warnings(m, d);
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                if (strcmp(name, fields[i].name) == 0)
                        return sd_bus_message_read(m, "v", fields[i].type, fields[i].to);
        return sd_bus_message_skip(m, "v"); /* of a newer daemon */
}

static int read_properties(sd_bus_message *m, struct ctl_daemon *d) {
        const char *name;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        d->version = d->path = d->path_reason = "";
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0)
                        r = read_property(m, name, d);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

static int read_problems(sd_bus_message *m, struct ctl_daemon *d) {
        struct ctl_problem p;
        int r = sd_bus_message_enter_container(m, 'a', "(ssuis)");

        while (r >= 0 && (r = sd_bus_message_read(m, "(ssuis)", &p.blocks, &p.verb, &p.attempts, &p.error, &p.message)) > 0) {
                r = ARRAY_GROW(d->problems, d->n_problems, d->problems_capacity);
                if (r >= 0)
                        d->problems[d->n_problems++] = p;
        }
        return r;
}

static int read_jobs(sd_bus_message *m, struct ctl_daemon *d) {
        struct ctl_job j;
        int r = sd_bus_message_enter_container(m, 'a', "(uosssttt)");

        while (r >= 0 && (r = sd_bus_message_read(m, "(uosssttt)", &j.id, &j.path, &j.verb, &j.target, &j.phase, &j.done, &j.total, &j.since)) > 0) {
                r = ARRAY_GROW(d->jobs, d->n_jobs, d->jobs_capacity);
                if (r >= 0)
                        d->jobs[d->n_jobs++] = j;
        }
        return r;
}

static int ask(struct ctl_daemon *d, sd_bus_error *error) {
        static const struct ctl_question questions[_CTL_QUESTION_MAX] = {
                [CTL_QUESTION_PROPERTIES] = { "org.freedesktop.DBus.Properties", "GetAll", CTL_BUS_INTERFACE },
                [CTL_QUESTION_PROBLEMS] = { CTL_BUS_INTERFACE, "ListProblems", NULL },
                [CTL_QUESTION_JOBS] = { CTL_BUS_INTERFACE, "ListJobs", NULL },
                [CTL_QUESTION_MAP] = { CTL_BUS_INTERFACE, "Dump", NULL },
                [CTL_QUESTION_CONFIG] = { CTL_BUS_INTERFACE, "GetConfig", NULL },
        };
        int r = ctl_bus_ask_all(d->bus, questions, _CTL_QUESTION_MAX, error, d->answer);

        if (r >= 0)
                r = read_properties(d->answer[CTL_QUESTION_PROPERTIES], d);
        if (r >= 0)
                r = read_problems(d->answer[CTL_QUESTION_PROBLEMS], d);
        if (r >= 0)
                r = read_jobs(d->answer[CTL_QUESTION_JOBS], d);
        return r < 0 ? r : ctl_bus_parse_map(d->answer[CTL_QUESTION_MAP], &d->map);
}

int ctl_daemon_ask(struct ctl *ctl, struct ctl_daemon *ret) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_daemon_ struct ctl_daemon d = {};
        enum ctl_absence absence;
        int r;

        if (ctl->sysroot) {
                *ret = (struct ctl_daemon) { .absence = "mhpd is not asked (--sysroot)" };
                return CTL_DONE;
        }
        r = ctl_bus_open(ctl, &d.bus);
        if (r >= 0)
                r = ask(&d, &error);
        if (r < 0) {
                absence = ctl_bus_absence(r, &error);
                if (ctl->host || absence == CTL_ABSENCE_NONE)
                        return ctl_bus_fail(ctl, r, &error);
                *ret = (struct ctl_daemon) { .absence = ctl_absence_words(absence) };
                return CTL_DONE;
        }
        d.running = true;
        *ret = d;
        d = (struct ctl_daemon) {};
        return CTL_DONE;
}
