/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What `plan online` starts from. Sysfs does not show which blocks are offline because somebody wants that: the daemon's map does, so that is taken
 * where a daemon runs. */

#include "model/map.h"

/* A map with the daemon's blocks and goals, and none of its work under way. */
int ctl_plan_basis(const struct mhp_map *daemons, struct mhp_map **ret);
