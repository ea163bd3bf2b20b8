/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which of some things that cannot be divided are enough. */

#include "core/plan-internal.h"

struct mhp_piece {
        uint32_t group, first; /* the caller's */
        uint32_t n_blocks;     /* not 0 */
        struct mhp_cost cost;
        bool goes;             /* the answer */
};

#define MHP_SUBSET_CELLS (UINT64_C(1) << 22)

/* Marks those that together have at least `need` blocks: the least sum that is enough, of these the cheapest, of these the one in which the
 * last piece goes, or else the one before it, and so on. That is exact as long as it takes no more than max_cells steps; beyond, it is
 * a choice out of which nothing can be left. -ENOSPC: all together are too few, none is marked; -ENOMEM. */
int mhp_subset_choose(struct mhp_piece *pieces, size_t n, uint64_t need, uint64_t max_cells);

/* Marks those that together have no more than `most` blocks: the greatest sum that is not more, of these the cheapest, and so on as above. Beyond
 * max_cells it is a choice to which nothing can be added. -ENOMEM. */
int mhp_subset_fill(struct mhp_piece *pieces, size_t n, uint64_t most, uint64_t max_cells);
