/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What blocks cost, shared by the choice and the order. */

#include "core/plan.h"

/* By what is likelier to fail first, then by what has to be moved. Sums of these cannot overflow: a block number has 32 bits. */
struct mhp_cost {
        uint64_t grave; /* blocks with fixed pages (and such as never go) in the upper half, blocks in kernel zones in the lower */
        uint64_t pages; /* to move */
};

static inline struct mhp_cost mhp_cost_add(struct mhp_cost a, struct mhp_cost b) {
        return (struct mhp_cost) { a.grave + b.grave, a.pages + b.pages };
}

/* Below, equal to or above 0, as strcmp(). */
static inline int mhp_cost_compare(struct mhp_cost a, struct mhp_cost b) {
        if (a.grave != b.grave)
                return a.grave < b.grave ? -1 : 1;
        return (a.pages > b.pages) - (a.pages < b.pages);
}

/* Pages to move; a block that was not counted is taken for full of small pages. */
uint32_t mhp_plan_weight(const struct mhp_map *map, const struct mhp_block *block);
struct mhp_cost mhp_plan_cost(const struct mhp_map *map, const struct mhp_block *block);
