/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A whole read of the machine, handed to a door as SCAN_BEGIN, a BLOCK for each, SCAN_END. */

#include "edge/groups.h"
#include "edge/root.h"
#include "model/event.h"

/* Of a block that cannot be read just now a rescan says UNREAD; at the start its state is UNKNOWN, as that of one that no try would read.
 * how: MHP_RESOLVE_SCAN at the start and for mhpctl; MHP_RESOLVE_ARRIVING for a rescan. Loads and refreshes groups itself. */
int mhp_scan_into(const struct mhp_root *root, struct mhp_groups *groups, enum mhp_resolve how, uint64_t now, mhp_event_fn event, void *userdata);

/* A map of what is there. */
int mhp_scan_map(const struct mhp_root *root, struct mhp_map **ret);
