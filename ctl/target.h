/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* TARGETs of the command line: block numbers and ranges, a group, a size. */

#include "base/range.h"
#include "ctl/ctl.h"

/* Whether the n words can be targets at all: CTL_DONE or CTL_USAGE after telling. Needs no map, so that a typing error is
 * told before anyone is asked. */
int ctl_targets_check(const struct ctl *ctl, char **words, size_t n);

/* The blocks that they are. A size means offline blocks, lowest first, to go `online`, and otherwise blocks in Movable, highest first.
 * CTL_DONE, CTL_FAILED after telling what is not there, -ENOMEM. */
int ctl_targets_resolve(const struct ctl *ctl, const struct mhp_map *map, char **words, size_t n, bool online, struct mhp_ranges *ret);
