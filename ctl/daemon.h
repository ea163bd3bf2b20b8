/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the daemon says of itself. */

#include "ctl/bus.h"

struct ctl_problem {
        const char *blocks, *verb, *message;
        uint32_t attempts;
        int32_t error; /* 0: work under way */
};

struct ctl_job {
        uint32_t id;
        const char *path, *verb, *target, *phase;
        uint64_t done, total; /* blocks */
        uint64_t since;       /* µs, CLOCK_REALTIME */
};

/* What it is asked, all at once. */
enum {
        CTL_QUESTION_PROPERTIES,
        CTL_QUESTION_PROBLEMS,
        CTL_QUESTION_JOBS,
        CTL_QUESTION_MAP,
        CTL_QUESTION_CONFIG,
        _CTL_QUESTION_MAX,
};

struct ctl_daemon {
        bool running;
        const char *absence;       /* why it is not asked, in words; NULL when running */
        const char *version, *path, *path_reason;
        uint64_t pending, gave_up, rescans, worker_kills, longest_round, longest_round_processor;
        const char **warnings;     /* owned, the strings are not */
        size_t n_warnings, warnings_capacity;
        struct ctl_problem *problems; /* owned */
        size_t n_problems, problems_capacity;
        struct ctl_job *jobs;      /* owned */
        size_t n_jobs, jobs_capacity;
        struct mhp_map *map;       /* owned; NULL unless running */
        /* owned; the strings above lie in these */
        sd_bus *bus;
        sd_bus_message *answer[_CTL_QUESTION_MAX];
};

void ctl_daemon_done(struct ctl_daemon *daemon);
#define _cleanup_daemon_ _cleanup_(ctl_daemon_done)

/* Asks for everything. CTL_DONE also when no daemon runs here (running false); with -H that is a failure. CTL_FAILED after telling. */
int ctl_daemon_ask(struct ctl *ctl, struct ctl_daemon *ret);
