/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Groups as `groups` and `status` show them. */

#include "base/range.h"
#include "ctl/ctl.h"

struct ctl_group {
        const struct mhp_group *group; /* NULL: the blocks whose group is not known */
        const struct mhp_group *last;  /* of a line of a table that is about several */
        struct mhp_ranges blocks, nodes;
        uint32_t n, n_online, n_offline; /* blocks */
        uint32_t n_movable, n_kernel;    /* online in such a zone */
};

struct ctl_groups {
        struct ctl_group *group; /* owned; by first block */
        size_t n;
};

void ctl_groups_done(struct ctl_groups *groups);
#define _cleanup_ctl_groups_ _cleanup_(ctl_groups_done)

/* One walk over the map, which has to outlive the answer. -ENOMEM. */
int ctl_groups_gather(const struct mhp_map *map, struct ctl_groups *ret);

/* As a table; CTL_DONE, CTL_USAGE after telling, -ENOMEM. */
int ctl_groups_table(struct ctl *ctl, const struct mhp_map *map, const struct ctl_groups *groups, const char *usual, const char *indent);

/* As a JSON array. */
void ctl_groups_json(struct mhp_text *out, const struct mhp_map *map, const struct ctl_groups *groups);
