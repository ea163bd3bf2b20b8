/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Groups as `groups` and `status` show them. */

#include "base/range.h"
#include "ctl/ctl.h"
#include "ctl/json.h"

struct ctl_group {
        const struct mhp_group *group; /* NULL: the blocks whose group is not known */
        bool part;                     /* some blocks of the group, that are named by their numbers */
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

/* As a table, or with `json` each as an element of the array that is open there. CTL_DONE, CTL_USAGE after telling, -ENOMEM. */
int ctl_groups_print(struct ctl *ctl, const struct mhp_map *map, const struct ctl_groups *groups, const char *usual, struct ctl_json *json);
