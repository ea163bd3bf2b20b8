/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Blocks that come and go together. */

#include "model/block.h"

#define MHP_GROUP_NAME_MAX 64 /* with the NUL; `virtio-mem:virtio12`, `acpi:PNP0C80:0a` */

struct mhp_group {
        char name[MHP_GROUP_NAME_MAX];
        enum mhp_source source;
        uint32_t first, last;     /* no member lies outside (members may have left inside) */
        uint32_t n_blocks;        /* 0: the slot is free */
        uint32_t n_online;
        uint32_t n_movable;       /* online in Movable */
        uint32_t n_held_movable, n_held_kernel; /* counted in struct mhp_sums for members that are placed, or have a goal */
        uint32_t n_anchor_movable, n_anchor_kernel; /* members that are wanted in such a zone, not only accepted there: what the rest of a unit follows */
        uint32_t device_block;    /* blocks, a power of two: what a virtio-mem device gives back at a time, if that is more than one; 0: one */
        enum mhp_want goal;       /* of a unit: what its blocks inherit; UNSET: not decided */
        enum mhp_reason reason;
        uint8_t rule;
        bool taken_whole;         /* by that hand: no member was left online */
        uint64_t taken_at;        /* when another hand last took a member offline, µs; 0: never. In no text */
};
