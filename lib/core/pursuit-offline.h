/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* OFFLINE: the blocks of a unit have their turn, one after the other, several that are empty together, or all in one TEARDOWN. */

#include "core/pursuit-record.h"

/* Returns: 1: the removal has moved on; 0: it waits; or -ENOMEM, or a failure of a report's receiver. */
int pursuit_offline(const struct pursuit_context *c, uint32_t id);

/* Whether the removal wants the blocks that have their turn to go offline in one TEARDOWN. id 0: false. */
bool pursuit_is_together(const struct pursuit_context *c, uint32_t id);

/* A member cannot be read: blocks that wait for their turn wait for that first. 0 or -ENOMEM. */
int pursuit_lost_sight(const struct pursuit_context *c, uint32_t nr);

/* That TEARDOWN is over: blocks that stayed have no turn any more, and the unit goes block by block. 0 or -ENOMEM. */
int pursuit_torn_down(const struct pursuit_context *c, uint32_t id);
