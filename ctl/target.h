/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* TARGETs of the command line: block numbers and ranges, a group, a size. */

#include "base/range.h"
#include "ctl/ctl.h"

/* Whether the n words can be targets at all: CTL_DONE or CTL_USAGE after telling. Needs no map, so that a typing error is
 * told before anyone is asked. */
int ctl_targets_check(const struct ctl *ctl, char **words, size_t n);

/* `4G`, and not the block 4. */
bool ctl_target_is_size(const char *word);

/* The same for memory that is to leave: a size only alone, and --to with one group alone. */
int ctl_targets_check_removal(const struct ctl *ctl, char **words, size_t n);

/* Only virtio-mem gives back a part of what it gave: whether --to, if it was given, fits the word. CTL_DONE, or a status after telling. */
int ctl_keep_check(const struct ctl *ctl, const struct mhp_map *map, const char *word);

/* The same for verbs that speak of blocks that are there: a size would not say which. */
int ctl_targets_check_blocks(const struct ctl *ctl, char **words, size_t n);

/* The blocks that they are. A size means offline blocks, lowest first, to go `online`, and otherwise blocks in Movable, highest first.
 * CTL_DONE, CTL_FAILED after telling what is not there, -ENOMEM. */
int ctl_targets_resolve(const struct ctl *ctl, const struct mhp_map *map, char **words, size_t n, bool online, struct mhp_ranges *ret);
