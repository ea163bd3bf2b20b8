/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The table by which a kernel with the companion patch places the memmap of memory that arrives: memmap_policy. */

#include "edge/root.h"

/* As the kernel has it, without the newline at its end; the caller free()s it. -ENOENT: this kernel has no such table. */
int mhp_place_table_read(const struct mhp_root *root, char **ret);

/* Instead of the one that is there; an empty text leaves no line. -EINVAL: the kernel takes none of it. It waits for no hotplug work
 * (memmap_policy_set(), mm/memmap_policy.c). */
int mhp_place_table_write(const struct mhp_root *root, const char *text);
