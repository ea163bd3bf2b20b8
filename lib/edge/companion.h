/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a kernel with the companion patch has in sysfs that a stock one has not. Each file stands for itself: a part of the patch may be in a kernel
 * without the others. Which virtio-mem devices say their sizes is another question, mhp_virtio_mem_list(), and whether the kernel has the generic-netlink
 * family is no matter of files: edge/genl.h. */

#include <stdbool.h>
#include <stdint.h>

#include "edge/root.h"

struct mhp_companion {
        bool memmap_policy;    /* a table says where the memmap of arriving memory lies */
        bool teardown;         /* blocks go offline in a given order, all or none */
        bool hold;             /* a block can be kept from coming online */
        bool vmemmap_pages;    /* a block says how much of it holds memmap */
        bool eject_notice;     /* whoever asks is told before a DIMM is ejected */
};

/* What is not there, and what is not known, is false. */
void mhp_companion_read(const struct mhp_root *root, struct mhp_companion *ret);

/* Whether the kernel tells of an eject that the host requests, and waits for an answer, instead of going ahead. -ENOENT: a stock kernel. */
int mhp_eject_notice_read(const struct mhp_root *root, bool *ret);
int mhp_eject_notice_write(const struct mhp_root *root, bool on);

#define MHP_VIRTIO_MEM_NAME_MAX 32
#define MHP_VIRTIO_MEM_MODE_MAX 16

/* A virtio-mem device. Sizes are in bytes. */
struct mhp_virtio_mem {
        char name[MHP_VIRTIO_MEM_NAME_MAX]; /* virtio0 */
        uint64_t requested, plugged;        /* what the host wants the guest to have; what it has */
        uint64_t usable;                    /* how much of the region may be plugged at all */
        uint64_t device_block;              /* it is plugged in such pieces */
        char mode[MHP_VIRTIO_MEM_MODE_MAX]; /* the kernel's word */
};

/* Every device that says its sizes, by name; the caller free()s the array. */
int mhp_virtio_mem_list(const struct mhp_root *root, struct mhp_virtio_mem **ret, size_t *ret_n);
