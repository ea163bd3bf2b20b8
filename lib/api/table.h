/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The placement table for a machine: the configuration, and what of it the machine's regions and nodes let be said. */

#include "core/memmap-policy.h"
#include "edge/root.h"

/* map: tells the nodes of regions. -ENOMEM. */
int mhp_table_for(const struct mhp_root *root, const struct mhp_map *map, const struct mhp_config *config, struct mhp_table *ret);
