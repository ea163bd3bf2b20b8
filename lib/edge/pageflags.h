/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* /proc/kpageflags and /proc/kpagecount: what each page of online memory is, and how often it is mapped; eight bytes a page (fs/proc/page.c).
 * Root's alone. */

#include "edge/root.h"
#include "model/tally.h"

struct mhp_pageflags {
        int fd; /* owned */
};
#define MHP_PAGEFLAGS_NONE ((struct mhp_pageflags) { .fd = -1 })

/* -EACCES or -EPERM: not for this user; -ENOENT: no CONFIG_PROC_PAGE_MONITOR. */
int mhp_pageflags_open(const struct mhp_root *root, struct mhp_pageflags *ret);
void mhp_pageflags_done(struct mhp_pageflags *flags);
#define _cleanup_pageflags_ _cleanup_(mhp_pageflags_done)

/* The n pages from pfn on, in one pread(2) where the kernel gives them so; those behind the last page of the machine are MHP_PAGE_NONE. */
int mhp_pageflags_read(const struct mhp_pageflags *flags, uint64_t pfn, uint64_t *ret, size_t n);

struct mhp_pagecounts {
        int fd; /* owned */
};
#define MHP_PAGECOUNTS_NONE ((struct mhp_pagecounts) { .fd = -1 })

/* As the above; MHP_MAPPED_UNKNOWN behind the last page. */
int mhp_pagecounts_open(const struct mhp_root *root, struct mhp_pagecounts *ret);
void mhp_pagecounts_done(struct mhp_pagecounts *counts);
#define _cleanup_pagecounts_ _cleanup_(mhp_pagecounts_done)
int mhp_pagecounts_read(const struct mhp_pagecounts *counts, uint64_t pfn, uint64_t *ret, size_t n);
