/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The numbers by which a kernel with the companion patch tells what happens to memory, over generic netlink. They are fixed for ever; what a later
 * kernel adds has higher ones, and is passed over. Addresses and sizes are in bytes. */

#define GENL_FAMILY "mhp"
#define GENL_GROUP "events"

/* What a message is. 1 is a question. */
enum {
        GENL_PLACEMENT = 2,      /* memory was added: START, SIZE, REQUESTED, PLACEMENT, VMEMMAP_PAGES; REASON if the two differ */
        GENL_OFFLINE_FAILED = 3, /* BLOCK, ERRNO; PFN and PAGE_FLAGS if one page is to blame */
        GENL_ZONE = 4,           /* a block is online in another zone than the last time: BLOCK, OLD_ZONE, ZONE */
};

/* What a message carries. */
enum {
        GENL_BLOCK = 2,          /* u64, the N of memoryN */
        GENL_START = 3,          /* u64 */
        GENL_SIZE = 4,           /* u64 */
        GENL_REQUESTED = 6,      /* u8, below */
        GENL_PLACED = 7,         /* u8, below */
        GENL_REASON = 8,         /* u8, below */
        GENL_VMEMMAP_PAGES = 9,  /* u64, of each block */
        GENL_ERRNO = 10,         /* u32, positive */
        GENL_PFN = 11,           /* u64 */
        GENL_PAGE_FLAGS = 12,    /* u64, as in kpageflags */
        GENL_NEW_ZONE = 13,      /* string, as in valid_zones */
        GENL_OLD_ZONE = 14,      /* string */
        GENL_ATTRIBUTE_MAX = GENL_OLD_ZONE,
};

/* REQUESTED and PLACED. */
enum {
        GENL_PLACE_OFF = 0,
        GENL_PLACE_ON = 1,
        GENL_PLACE_FORCE = 2,
};

/* REASON, in the order of enum mhp_kernel_reason. */
enum {
        GENL_REASON_LAST = 6,
};
