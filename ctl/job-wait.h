/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Waiting for a job of the daemon, with a line of progress on a terminal. */

#include <systemd/sd-event.h>

#include "ctl/bus.h"
#include "ctl/job.h"

struct ctl_wait {
        struct ctl *ctl;
        sd_bus *bus;       /* owned */
        sd_event *event;   /* owned */
        uint32_t id;       /* 0: not known */
        bool show;         /* a line on the terminal */
        bool over;         /* there is nothing more to wait for */
        bool watch_only;   /* an interrupt leaves the job alone */
        bool cancels;      /* the job is to end as cancelled */
        struct ctl_progress progress;
        char *result;      /* owned; NULL: it has not ended, as far as is known */
        char *detail;      /* owned */
        const char *lost;  /* why its end will not be known */
};

void ctl_wait_done(struct ctl_wait *wait);

/* Asks for the signals of all jobs: before the call that begins one, which may be over before its number is known here. */
int ctl_wait_watch(struct ctl_wait *wait);

/* Opens the bus, asks for the signals, and looks up the job with this number: `result` is set if it has ended. A status after telling, or a negative errno. */
int ctl_wait_find(struct ctl_wait *wait, const char *word);

/* Until the job has ended or its end will not be known. */
int ctl_wait_run(struct ctl_wait *wait);

/* Prints what became of it; the exit status. */
int ctl_wait_tell_end(struct ctl_wait *wait);

/* Prints the number of the job, or the job as the daemon has it now, for who does not wait. */
int ctl_wait_tell_started(struct ctl_wait *wait);
