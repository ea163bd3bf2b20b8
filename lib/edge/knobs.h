/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kernel's own onlining: auto_online_blocks and the parameters of the memory_hotplug module. */

#include "core/arming.h"
#include "core/placement.h"
#include "edge/root.h"

/* -ENOENT: this kernel does not have it. */
int mhp_knob_read(const struct mhp_root *root, enum mhp_knob knob, char ret[static MHP_KNOB_VALUE_MAX]);
int mhp_knob_write(const struct mhp_root *root, enum mhp_knob knob, const char *value);

/* auto_online_blocks is there and may be written. */
bool mhp_knob_can_arm(const struct mhp_root *root);

/* The kernel brings new memory online whatever auto_online_blocks says: it is of pseries, which has DLPAR. */
bool mhp_knob_unasked(const struct mhp_root *root);

/* memmap_on_memory, which is fixed at boot: get_memmap_mode() (mm/memory_hotplug.c). */
enum mhp_self_hosting mhp_knob_self_hosting(const struct mhp_root *root);

/* Below the root. */
const char *mhp_knob_path(enum mhp_knob knob);
