/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Standby memory of s390: blocks that the machine has and the kernel does not use yet, each with a switch that says where its memmap is to lie once it
 * is configured (/sys/firmware/memory/memoryN, drivers/s390/char/sclp_mem.c, 7.2). */

#include <stdint.h>

#include "edge/root.h"

struct mhp_standby {
        uint32_t nr;
        bool configured;  /* the switch is fixed */
        bool switched_on;
};

/* Every block that has a switch, by number; the caller free()s the array. Other machines have none. */
int mhp_standby_list(const struct mhp_root *root, struct mhp_standby **ret, size_t *ret_n);

/* The kernel's answer; it takes the hotplug lock. */
int mhp_standby_switch(const struct mhp_root *root, uint32_t nr, bool on);
