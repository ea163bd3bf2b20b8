/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writing down what a removal has come to. All of these apply events to the map; 0 or -ENOMEM. */

#include "core/pursuit-unit.h"

/* The removal's fields in the map become these. */
int pursuit_record(const struct pursuit_context *c, const struct mhp_removal *removal);

/* The removal enters a phase; wait, µs: its deadline or the time of the next try, 0: none. A step that was asked for before is forgotten. */
int pursuit_set_phase(const struct pursuit_context *c, uint32_t id, enum mhp_removal_phase phase, uint64_t wait);

/* What is wanted for a block. */
int pursuit_set_goal(const struct pursuit_context *c, uint32_t nr, enum mhp_want want, enum mhp_reason reason);

/* It is to go offline now, as a member of its removal. */
int pursuit_nominate(const struct pursuit_context *c, const struct mhp_block *block);

/* The block, or each of the blocks, becomes a member of the removal and remembers the zone that it would have to go back to. */
int pursuit_set_member(const struct pursuit_context *c, uint32_t nr, uint32_t id);
int pursuit_set_members(const struct pursuit_context *c, const struct mhp_ranges *blocks, uint32_t id);

/* The block, or each member of the removal, becomes nobody's. */
int pursuit_drop_member(const struct pursuit_context *c, uint32_t nr);
int pursuit_drop_members(const struct pursuit_context *c, uint32_t id);

/* Why the removal failed, cut off where it is too long. */
void pursuit_set_words(struct pursuit *pursuit, const char *words);
