/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What administrators asked for, followed until it is done: blocks that are to come online, and removals. A job looks at a block only when
 * that block was touched, and at a removal after each turn. */

#include "base/range.h"
#include "core/plan.h"
#include "core/removal-refusal.h"

struct engine;
struct job_history;
struct jobs;

int jobs_new(struct engine *engine, struct jobs **ret);
struct jobs *jobs_free(struct jobs *jobs);
DEFINE_CLEANUP(struct jobs *, jobs_free)

/* want: MOVABLE, KERNEL or AUTO. moves: with AUTO, what is online elsewhere than policy wants it is taken offline for that. words: the target as it was asked for. timeout in µs, 0: none. Hands the requests to the ring. */
int jobs_add(struct jobs *jobs, const struct mhp_ranges *blocks, enum mhp_want want, bool moves, const char *words, uint64_t timeout,
             uint32_t *ret_id);

/* Memory is to leave. As mhp_ring_remove() has it: 0, and *ret_id is the job, or ret->why says why there is none. */
int jobs_add_removal(struct jobs *jobs, const struct mhp_target *target, const char *words, uint64_t timeout, uint32_t *ret_id, struct mhp_removal_refusal *ret);

/* A job for each removal that has none: those that a mhpd before this one began. */
int jobs_adopt(struct jobs *jobs);

/* -ENOENT: no such job. */
int jobs_cancel(struct jobs *jobs, uint32_t id);

/* Every removal. */
int jobs_give_up(struct jobs *jobs);
bool jobs_removing(const struct jobs *jobs); /* there is one */

/* A block has changed. Looks only; what follows from it happens at the flush. jobs: NULL is fine. */
void jobs_touch(struct jobs *jobs, const struct mhp_map *map, uint32_t nr);
void jobs_touch_all(struct jobs *jobs, const struct mhp_map *map);

/* After a turn: tells progress, ends what is done. */
int jobs_flush(struct jobs *jobs);

/* How far a job is; in blocks. The strings live until the next turn. */
struct job_view {
        uint32_t id;
        const char *verb, *target, *phase;
        uint64_t done, failed, total;
        uint32_t current;      /* the block that is being worked on, MHP_NO_BLOCK: none */
        uint64_t current_left; /* µs until that is interrupted */
        uint64_t since;        /* µs, CLOCK_REALTIME */
        uint64_t ended;        /* likewise; 0: it is under way */
        bool changed;          /* of one that has ended: a block is not where it was when the job began */
        const char *result;    /* done, partly, ...; NULL: it is under way */
        const char *detail;    /* what is not done, and why; NULL: nothing to be said */
};
size_t jobs_n(const struct jobs *jobs);

/* i from 0. False: it has ended, and is only waited for. */
bool jobs_view(const struct jobs *jobs, size_t i, struct job_view *ret);
bool jobs_find(const struct jobs *jobs, uint32_t id, struct job_view *ret);

/* The one that is to bring all of these blocks online, if there is one. */
bool jobs_find_blocks(const struct jobs *jobs, const uint32_t *blocks, size_t n, struct job_view *ret);

/* Jobs that have ended, the oldest first; only the last of them are kept, and only while this mhpd runs. */
const struct job_history *jobs_history(const struct jobs *jobs);
