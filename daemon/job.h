/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What administrators asked for, followed until it is done. A job looks at a block only when that block was touched. */

#include "base/range.h"
#include "model/map.h"

struct engine;
struct jobs;

int jobs_new(struct engine *engine, struct jobs **ret);
struct jobs *jobs_free(struct jobs *jobs);
DEFINE_CLEANUP(struct jobs *, jobs_free)

/* want: MOVABLE, KERNEL or AUTO to bring online, NONE to take offline. timeout in µs, 0: none. Hands the requests to the ring. */
int jobs_add(struct jobs *jobs, const struct mhp_ranges *blocks, enum mhp_want want, uint64_t timeout, uint32_t *ret_id);

/* -ENOENT: no such job. */
int jobs_cancel(struct jobs *jobs, uint32_t id);

/* A block has changed. Looks only; what follows from it happens at the flush. jobs: NULL is fine. */
void jobs_touch(struct jobs *jobs, const struct mhp_map *map, uint32_t nr);
void jobs_touch_all(struct jobs *jobs, const struct mhp_map *map);

/* After a turn: tells progress, ends what is done. */
int jobs_flush(struct jobs *jobs);
