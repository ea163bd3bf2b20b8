/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* /sys/devices/system/memory: what the kernel says of its memory blocks. Readings come without group and source: that is
 * edge/groups.h. */

#include "edge/root.h"
#include "model/block.h"

/* Bytes in a block. -ENOENT: this kernel has no memory blocks; -EINVAL: the file says something that is no block size. */
int mhp_sysfs_block_size(const struct mhp_root *root, uint64_t *ret);

/* One block afresh, nodes included. -ENOENT, -ENODEV or -ENOTDIR: it is gone; another errno passes (mhp_error_passes()). What no try would read is in the
 * reading's `error`. */
int mhp_sysfs_read_block(const struct mhp_root *root, uint32_t nr, struct mhp_reading *ret);

/* State and zone alone (node -1): what a worker reads back after a write. */
int mhp_sysfs_read_zone(const struct mhp_root *root, uint32_t nr, struct mhp_reading *ret);

/* What tells this block from another one that had its number before or will have it. */
int mhp_sysfs_block_inode(const struct mhp_root *root, uint32_t nr, uint64_t *ret);

/* `verb` to memoryN/state in one write(2); the kernel's answer as a negative errno. */
int mhp_sysfs_write_state(const struct mhp_root *root, uint32_t nr, const char *verb);

/* Every block, ascending. Blocks that vanish half-way are left out, and those that cannot be read have an `error`, which may pass. The nodes come from the node directories, in one pass: a
 * look into each block's directory would cost as much as all the rest. */
struct mhp_readings {
        struct mhp_reading *reading; /* owned */
        size_t n, capacity;
        size_t n_ignored; /* directories whose number is above MHP_BLOCK_MAX */
};
int mhp_sysfs_scan(const struct mhp_root *root, struct mhp_readings *ret);
void mhp_readings_done(struct mhp_readings *readings);
#define _cleanup_readings_ _cleanup_(mhp_readings_done)
