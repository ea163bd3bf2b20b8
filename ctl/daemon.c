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
        sd_bus_message_unref(daemon->properties);
        sd_bus_message_unref(daemon->problem_list);
        sd_bus_message_unref(daemon->job_list);
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
        };

        if (strcmp(name, "ConfigWarnings") == 0)
                return read_warnings(m, d);
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                if (strcmp(name, fields[i].name) == 0)
                        return sd_bus_message_read(m, "v", fields[i].type, fields[i].to);
        return sd_bus_message_skip(m, "v"); /* of a newer daemon */
}

static int read_properties(struct ctl_daemon *d, sd_bus_error *error) {
        _cleanup_message_ sd_bus_message *call = NULL;
        const char *name;
        int r;

        d->version = d->path = d->path_reason = "";
        r = sd_bus_message_new_method_call(d->bus, &call, CTL_BUS_NAME, CTL_BUS_PATH, "org.freedesktop.DBus.Properties", "GetAll");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(call, false);
        if (r >= 0)
                r = sd_bus_message_append(call, "s", CTL_BUS_INTERFACE);
        if (r >= 0)
                r = sd_bus_call(d->bus, call, CTL_BUS_READ_TIMEOUT, error, &d->properties);
        if (r >= 0)
                r = sd_bus_message_enter_container(d->properties, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(d->properties, 'e', "sv")) > 0) {
                r = sd_bus_message_read(d->properties, "s", &name);
                if (r >= 0)
                        r = read_property(d->properties, name, d);
                if (r >= 0)
                        r = sd_bus_message_exit_container(d->properties);
        }
        return r;
}

static int read_problems(struct ctl_daemon *d, sd_bus_error *error) {
        struct ctl_problem p;
        int r;

        r = ctl_bus_call(d->bus, "ListProblems", false, error, &d->problem_list, NULL);
        if (r >= 0)
                r = sd_bus_message_enter_container(d->problem_list, 'a', "(ssuis)");
        while (r >= 0 && (r = sd_bus_message_read(d->problem_list, "(ssuis)", &p.blocks, &p.verb, &p.attempts, &p.error, &p.message)) > 0) {
                r = ARRAY_GROW(d->problems, d->n_problems, d->problems_capacity);
                if (r >= 0)
                        d->problems[d->n_problems++] = p;
        }
        return r;
}

static int read_jobs(struct ctl_daemon *d, sd_bus_error *error) {
        struct ctl_job j;
        int r;

        r = ctl_bus_call(d->bus, "ListJobs", false, error, &d->job_list, NULL);
        if (r >= 0)
                r = sd_bus_message_enter_container(d->job_list, 'a', "(uosssttt)");
        while (r >= 0 && (r = sd_bus_message_read(d->job_list, "(uosssttt)", &j.id, &j.path, &j.verb, &j.target, &j.phase, &j.done, &j.total, &j.since)) > 0) {
                r = ARRAY_GROW(d->jobs, d->n_jobs, d->jobs_capacity);
                if (r >= 0)
                        d->jobs[d->n_jobs++] = j;
        }
        return r;
}

int ctl_daemon_ask(struct ctl *ctl, struct ctl_daemon *ret) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_daemon_ struct ctl_daemon d = {};
        const char *absence = "mhpd is not running";
        int r;

        if (ctl->sysroot) {
                *ret = (struct ctl_daemon) { .absence = "mhpd is not asked (--sysroot)" };
                return CTL_DONE;
        }
        r = ctl_bus_open(ctl, &d.bus);
        if (r >= 0)
                r = read_properties(&d, &error);
        if (r >= 0)
                r = read_problems(&d, &error);
        if (r >= 0)
                r = read_jobs(&d, &error);
        if (r >= 0)
                r = ctl_bus_map(d.bus, &error, &d.map);
        if (r < 0) {
                if (ctl->host)
                        return ctl_bus_fail(ctl, r, &error);
                if (r == -ETIMEDOUT || sd_bus_error_has_names(&error, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT))
                        absence = "mhpd does not answer";
                else if (!ctl_bus_absent(r, &error))
                        return ctl_bus_fail(ctl, r, &error);
                *ret = (struct ctl_daemon) { .absence = absence };
                return CTL_DONE;
        }
        d.running = true;
        *ret = d;
        d = (struct ctl_daemon) {};
        return CTL_DONE;
}
