/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The first phases of a removal, and the unit whose turn it is. */

#include "core/pursuit-record.h"

/* Each returns 1: the removal has moved on; 0: it waits; or -ENOMEM, or a failure of a report's receiver. */

/* COUNT: what lies in the blocks that the choice and the order are about. Ends after 10 s with what is known by then. */
int pursuit_count(const struct pursuit_context *c, uint32_t id);

/* CHOOSE: the blocks of a size, the order, and whether what lies in them has room elsewhere. */
int pursuit_choose(const struct pursuit_context *c, uint32_t id);

/* The next unit has its turn: phase HOLD or OFFLINE; without one, LIFT or ENDED. */
int pursuit_start_unit(const struct pursuit_context *c, uint32_t id);
