/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Jobs that have ended, for who asks later what became of one. */

#include "daemon/job.h"

/* As many are kept; conf/org.mhpd1.Manager.xml and mhpctl(1) promise it. */
#define JOB_HISTORY_MAX 64

struct job_history {
        struct job_view view[JOB_HISTORY_MAX]; /* the strings `target` and `detail` are owned */
        size_t first, n;                       /* the oldest, and how many there are */
};

void job_history_done(struct job_history *history);

/* Copies the view; the oldest one goes if there is no room. */
int job_history_add(struct job_history *history, const struct job_view *view);

/* i from 0, the oldest; below history->n. */
const struct job_view *job_history_at(const struct job_history *history, size_t i);

/* NULL: it is not there, or not any more. */
const struct job_view *job_history_find(const struct job_history *history, uint32_t id);
