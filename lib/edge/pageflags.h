/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* /proc/kpageflags: what each page of online memory is, eight bytes a page (fs/proc/page.c). Root's alone. */

#include <stdint.h>

#include "edge/root.h"

/* All that a page shows which was set aside for a memmap and whose block is online: KPF_OWNER_PRIVATE, which is PG_owner_priv_1, which is
 * PG_vmemmap_self_hosted (mhp_init_memmap_on_memory(), mm/memory_hotplug.c). */
#define MHP_PAGE_SELF_HOSTED (UINT64_C(1) << 37)

/* KPF_RESERVED, which such a page had beside it on older kernels (6.1). */
#define MHP_PAGE_RESERVED (UINT64_C(1) << 32)

static inline bool mhp_page_is_self_hosted(uint64_t flags) {
        return (flags & ~MHP_PAGE_RESERVED) == MHP_PAGE_SELF_HOSTED;
}

/* KPF_NOPAGE: a hole, or a block that is offline. */
#define MHP_PAGE_NONE (UINT64_C(1) << 20)

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
