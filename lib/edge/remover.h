/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What those that bring memory have for taking it out again: a switch that keeps them from doing so in an order of their own (the
 * hold), and a file by which a device is handed over to be taken out.
 *
 *   acpi        hold: 0 to /sys/firmware/acpi/hotplug/memory/enabled, and every eject fails at once   hand-over: 1 to the device's eject
 *   virtio-mem  hold: N to the module parameter unplug_online: it takes offline blocks alone          no hand-over: it takes these by itself
 *   dax         no hold: nobody else takes it out                                                     hand-over: `unplugged` to the device's state, where it
 *                                                                                                     has that file (7.3); else its name to kmem's unbind
 *   dlpar       no hold: the kernel takes whatever the hypervisor asks for                            hand-over: its drc index to /sys/kernel/dlpar
 *
 * The state file shows what was written to it and not the blocks. An unbind leaves nobody to write it; `unplugged` is true of a device without blocks, and a
 * user can bring it back from there by the same file. */

#include "core/remover.h"
#include "edge/root.h"
#include "model/block.h"

#define MHP_HOLD_VALUE_MAX 8 /* with the NUL */

/* Below the root; NULL: such memory has no switch. */
const char *mhp_remover_path(enum mhp_source source);

/* What the switch says now. Does not block. -EOPNOTSUPP: such memory has none; -ENOENT: nor has this kernel. */
int mhp_remover_read(const struct mhp_root *root, enum mhp_source source, char ret[static MHP_HOLD_VALUE_MAX]);

/* The ACPI switch waits for acpi_scan_lock (enabled_store(), drivers/acpi/sysfs.c), which an eject holds as long as it takes. -EINVAL: no value
 * of this switch. */
int mhp_remover_write(const struct mhp_root *root, enum mhp_source source, const char *value);

/* group: `acpi:PNP0C80:00`. -EINVAL: no such name; -EOPNOTSUPP: there is nothing to hand it to. The eject is begun when this returns; the others are over. */
int mhp_remover_hand(const struct mhp_root *root, const char *group);

/* The source that a group's name, or that alone, begins with. -EINVAL. */
int mhp_remover_source(const char *group, enum mhp_source *ret);
