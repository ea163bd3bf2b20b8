/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a removal is given up, and how it ends. */

#include "core/pursuit-record.h"

/* Nothing more is taken, and what was taken goes back (OnFailure=keep: stays offline). blame: the block that it failed at, or MHP_NO_BLOCK; error: a positive
 * errno, 0: none; words: why, NULL: as was said before. The removal is in phase RESTORE then.
 * Returns: 1, or -ENOMEM. */
int pursuit_abandon(const struct pursuit_context *c, uint32_t id, enum mhp_ending why, uint32_t blame, int error, const char *words);

/* That with MHP_ENDING_FAILED. */
int pursuit_fail(const struct pursuit_context *c, uint32_t id, uint32_t blame, int error, const char *words);

/* The members become nobody's, the result is reckoned from what has left, and it is reported. The removal is in phase ENDED then.
 * Returns: 1, or -ENOMEM, or a failure of the report's receiver. */
int pursuit_end(const struct pursuit_context *c, uint32_t id);

/* Goals for blocks that have had their turn and came back, or still wait: back to their home. The unit then begins with its first block again. all: also those
 * that have been given up. 0 or -ENOMEM. */
int pursuit_start_over(const struct pursuit_context *c, struct pursuit *pursuit, bool all);

/* Another hand brought member `nr` online that had been taken offline. After Attempts= of these the removal is given up. Returns: 0 or more, or -ENOMEM. */
int pursuit_fought(const struct pursuit_context *c, uint32_t nr);
