/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which NUMA nodes have processors: /sys/devices/system/node/has_cpu. The kernel keeps a node in it while a processor of the node is online
 * (N_CPU, vmstat_cpu_online() and vmstat_cpu_dead(), mm/vmstat.c). */

#include "core/policy.h"
#include "edge/root.h"

/* Where there is no such file, or no sense in it, the pressure stays as it is: every node may have processors. -ENOMEM. */
int mhp_nodes_processors(const struct mhp_root *root, struct mhp_pressure *pressure);
