/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Devices on the dax bus: memory that may be given to the kmem driver, and the switch that says where its memmap is to lie then
 * (drivers/dax/bus.c, 6.8 and later). */

#include "edge/root.h"
#include "mhp.h"

#define MHP_DAX_NAME_MAX 32

struct mhp_dax {
        char name[MHP_DAX_NAME_MAX]; /* dax0.0 */
        uint64_t size;               /* bytes */
        int node;                    /* target_node; -1: not known */
        bool has_switch;             /* memmap_on_memory is there */
        bool switched_on;
        bool in_kmem;                /* the switch is fixed */
};

/* Every device, by name; the caller free()s the array. No dax bus: none. */
int mhp_dax_list(const struct mhp_root *root, struct mhp_dax **ret, size_t *ret_n);

/* The kernel's answer: -EOPNOTSUPP: self-hosting is off or impossible; -EBUSY: kmem has the device. -EINVAL: not the name of such a device. The write
 * takes the device's lock, which kmem holds while it adds memory. */
int mhp_dax_switch(const struct mhp_root *root, const char *name, bool on);
