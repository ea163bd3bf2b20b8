/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Between the files that make up the jobs: what a job is, and how far it is. */

#include <systemd/sd-event.h>

#include "daemon/job.h"

enum job_status {
        JOB_OPEN,
        JOB_DONE,
        JOB_FAILED,
};

/* Why an item failed, besides a positive errno. */
enum job_why {
        JOB_WHY_GONE = -1,
        JOB_WHY_POLICY = -2,     /* policy keeps it offline */
        JOB_WHY_SUPERSEDED = -3, /* somebody wants something else of it */
        JOB_WHY_OPEN = -4,       /* its turn did not come */
        JOB_WHY_NO_EFFECT = -5,  /* the kernel took the write, and that was all */
        JOB_WHY_ELSEWHERE = -6, /* online, but in another zone than asked for */
};

struct job_item {
        uint32_t nr;
        enum job_status status;
        int why;
};

struct job {
        struct jobs *jobs;
        uint32_t id;
        bool removal;           /* follows the removal with its id; items, want and timer are of the other kind */
        char *target;           /* owned; as it was asked for */
        struct mhp_ranges blocks; /* owned; of a removal: what is to go, empty: whatever is best given */
        uint64_t since;         /* µs, CLOCK_REALTIME */
        struct job_view told;   /* what was told last */
        uint64_t told_at;       /* µs */
        enum mhp_want want;
        bool moves;             /* with AUTO: also what is online elsewhere than policy wants it */
        struct job_item *items; /* ascending; owned */
        size_t n_items, n_done, n_failed;
        uint64_t before;        /* blocks that were where they are to go, of a removal those in the machine and those online, when it began */
        uint64_t most_done;     /* of a removal: blocks that were offline or gone at some time */
        bool touched;           /* since the last flush */
        bool ended;             /* told as over; kept while a block of it is still under way */
        sd_event_source *timer; /* owned */
};

struct job *job_free(struct job *job);
DEFINE_CLEANUP(struct job *, job_free)

/* job-judge.c: jobs that bring online. NULL: the block is none of the job's. */
struct job_item *job_find(const struct job *job, uint32_t nr);

/* Whether it is online elsewhere than asked for: such an item is failed without asking. */
bool job_refuse(struct job *job, struct job_item *item, const struct mhp_block *block);

/* Looks at the block again, if it is open. */
void job_judge(struct job *job, struct job_item *item, const struct mhp_map *map);

/* `32-39: Device or resource busy; 41: left the machine`, of all that is not done. */
void job_detail(const struct job *job, const struct mhp_map *map, struct mhp_text *text);

static inline size_t job_n_open(const struct job *job) {
        return job->n_items - job->n_done - job->n_failed;
}

/* job-removal.c: jobs that follow a removal. */
void job_removal_view(const struct job *job, struct job_view *ret);

/* What is still there, and why. */
int job_removal_detail(const struct job *job, const struct mhp_removal *removal, struct mhp_text *text);

/* The members of a removal that was begun by another mhpd, and how many blocks it would have counted before it began. */
int job_removal_members(const struct mhp_map *map, uint32_t id, struct mhp_ranges *ret);
uint64_t job_removal_count_members(const struct mhp_map *map, uint32_t id);

/* The blocks of its target that are in the machine, and again those that are online: a removal that has changed nothing leaves the sum as it was. */
uint64_t job_removal_count(const struct job *job);

/* Whether a removal that has ended changed anything. */
bool job_removal_changed(const struct job *job, const struct mhp_removal *removal);

/* job.c */
struct engine *job_engine(const struct job *job);
