/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Work that the daemon does while mhpctl watches. */

#include "ctl/bus.h"

enum ctl_job_kind {
        CTL_JOB_ONLINE,
        CTL_JOB_OFFLINE,
        CTL_JOB_UNPLUG,
};

/* That with the words of the command line as targets. An enum ctl_status. */
int ctl_job_run(struct ctl *ctl, enum ctl_job_kind kind);

/* job-progress.c: what a job under way has told of itself, and the line on the terminal that shows it. */
struct ctl_progress {
        enum ctl_job_kind kind;
        uint64_t block_size;     /* bytes */
        uint64_t done, failed, total;
        char phase[16];          /* empty: not told */
        uint32_t block;          /* MHP_NO_BLOCK: none */
        uint64_t deadline;       /* µs, CLOCK_MONOTONIC: when the try on that block is interrupted */
        bool cancelled;
};

/* Takes the properties of org.mhpd1.Job in a PropertiesChanged. */
int ctl_progress_take(struct ctl_progress *progress, sd_bus_message *m, uint64_t now);
void ctl_progress_print(const struct ctl_progress *progress, uint64_t now, struct mhp_text *text);
const char *ctl_job_done_word(enum ctl_job_kind kind); /* online, offline, unplugged */
enum ctl_job_kind ctl_job_kind_of(const char *verb);   /* as the daemon names it */
