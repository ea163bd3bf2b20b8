/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the errno of a write to a block's state stands for. The tokens are a promise (journal field MHPD_OUTCOME). */

#include <stdbool.h>

enum mhp_outcome {
        MHP_OUTCOME_DONE,          /* `done` */
        MHP_OUTCOME_ALREADY,       /* `already`: it was refused (EINVAL), for the block was there before */
        MHP_OUTCOME_BUSY,          /* `busy`: EBUSY, a page stays or could not be isolated */
        MHP_OUTCOME_INTERRUPTED,   /* `interrupted`: EINTR, by a signal; ETIMEDOUT, by its deadline */
        MHP_OUTCOME_NO_MEMORY,     /* `no-memory`: ENOMEM, a notifier found none, or hugetlb pages whose memmap was given back */
        MHP_OUTCOME_NOT_PERMITTED, /* `not-permitted`: EPERM, EACCES, EROFS; the architecture's veto, or a sandbox */
        MHP_OUTCOME_GONE,          /* `gone`: ENODEV, ENOENT */
        MHP_OUTCOME_POISONED,      /* `poisoned`: EHWPOISON, a page of it is broken */
        MHP_OUTCOME_IMPOSSIBLE,    /* `impossible`: EINVAL, zone none or a hole */
        MHP_OUTCOME_OTHER,         /* `other`: what no kernel is known to answer; or it took the write and did nothing (0) */
        _MHP_OUTCOME_MAX,
};

/* error: positive errno, 0: none. reached: the block is now where the write was to bring it. state_store(), memory_block_change_state() (drivers/base/memory.c),
 * offline_pages() and online_pages() (mm/memory_hotplug.c), 6.1 and 6.12. */
enum mhp_outcome mhp_outcome_of(int error, bool reached);

/* NULL outside the enumeration. The string is static. */
const char *mhp_outcome_name(enum mhp_outcome outcome);

/* Whether the kernel answers the same however often it is asked. */
bool mhp_outcome_is_final(enum mhp_outcome outcome);
