/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Following removals: the doors for the ring. */

#include "core/pursuit-unit.h"

/* Each removal goes as far as it can without waiting. 0, or -ENOMEM, or a failure of a report's receiver. */
int pursuits_advance(const struct pursuit_context *c);

/* The next step that a removal asks for (COUNT, HOLD, RELEASE, HAND); it counts as under way from now on. *ret and what it points to are the removals', until
 * the next call. Returns: 1; 0: none is due; -ENOMEM. */
int pursuits_next_step(const struct pursuit_context *c, struct mhp_step *ret);

/* What that step came to, a positive errno; of the step under way, c->busy_removal. */
void pursuits_answer(const struct pursuit_context *c, int error);

/* Nothing more is taken, and what was taken goes back. -ENOENT: there is no such removal, or it has ended. */
int pursuit_give_up(const struct pursuit_context *c, uint32_t id, enum mhp_ending why);

/* The earliest moment at which a removal wants a turn, µs; UINT64_MAX: none does. */
uint64_t pursuits_tick(const struct mhp_map *map);

/* For tests: whether the removal waits for something that nothing brings. */
bool pursuit_sleeps(const struct pursuit_context *c, const struct mhp_removal *removal);
