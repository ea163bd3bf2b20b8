/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which device brought a block. ACPI DIMMs by memoryN/firmware_node, virtio-mem and dax by /proc/iomem, whose addresses only
 * root sees; the firmware_node link is made after `add` and, with auto-online, after `online`, so that it is asked for again. The LMBs of
 * pseries by the device tree, which everybody sees: each is a group of its own, called by its drc index. */

#include "edge/root.h"
#include "model/block.h"

struct mhp_groups;

int mhp_groups_new(const struct mhp_root *root, uint64_t block_size, struct mhp_groups **ret);
struct mhp_groups *mhp_groups_free(struct mhp_groups *groups);
DEFINE_CLEANUP(struct mhp_groups *, mhp_groups_free)
#define _cleanup_groups_ _cleanup_(mhp_groups_freep)

/* Reads /proc/iomem, and the list of LMBs, again. What is not there is no error; one that passes (mhp_error_passes()) is, and leaves what was known. */
int mhp_groups_refresh(struct mhp_groups *groups);

/* Reads the ACPI devices' own lists of blocks, for a whole scan: then mhp_groups_resolve() with SCAN asks no link. Errors as above. */
int mhp_groups_load(struct mhp_groups *groups);

enum mhp_resolve {
        MHP_RESOLVE_SCAN,     /* a whole scan, after refresh and load: plain memory that is online counts as boot memory */
        MHP_RESOLVE_ARRIVING, /* what is certain now; plain memory: not known */
        MHP_RESOLVE_SETTLED,  /* nothing more will come: plain memory is a balloon's, or `other` */
};

/* Fills in source and group of the reading. The group's name belongs to `groups` and lives as long. -ENOMEM, and errors as
 * above. */
int mhp_groups_resolve(struct mhp_groups *groups, enum mhp_resolve how, struct mhp_reading *reading);

/* /proc/iomem, parsed: the ranges that tell a device. For tests and fuzzing. */
struct mhp_iomem_range {
        uint64_t first, last; /* bytes, inclusive */
        enum mhp_source source;
        char device[32];      /* virtio0, dax0.0 */
        uint32_t device_block; /* as in struct mhp_group; filled in by mhp_groups_refresh() */
        bool chosen;           /* as in struct mhp_reading; likewise */
};
struct mhp_iomem {
        struct mhp_iomem_range *range; /* owned */
        size_t n, capacity;
        bool hidden; /* every address is 0: the reader is not privileged */
};
int mhp_iomem_parse(const char *text, size_t len, struct mhp_iomem *ret);
void mhp_iomem_done(struct mhp_iomem *iomem);
