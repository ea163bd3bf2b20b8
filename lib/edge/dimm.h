/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* ACPI memory devices (PNP0C80) of which the kernel has made no memory: it refuses one whose address or size is no multiple of a memory block
 * (check_hotplug_memory_range(), mm/memory_hotplug.c; acpi_memory_enable_device(), drivers/acpi/acpi_memhotplug.c). */

#include "edge/root.h"

#define MHP_DIMM_NAME_MAX 32

struct mhp_dimm {
        char name[MHP_DIMM_NAME_MAX]; /* PNP0C80:03 */
};

/* Those that the firmware has enabled and that have no block, by name; the caller free()s the array. No ACPI: none. A DIMM that is just being added
 * looks the same. -ENOMEM. */
int mhp_dimm_list_refused(const struct mhp_root *root, struct mhp_dimm **ret, size_t *ret_n);
