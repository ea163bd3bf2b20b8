/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What page flags say of a page (stable_page_flags(), fs/proc/page.c), and what of that matters when its block is to go.
 *
 * What cannot be seen: references. kpagecount counts mappings, and no file shows how often a page is held besides. A page that is mapped and
 * held by DMA, RDMA, io_uring, VFIO or a pipe looks like any other of its class. Only an anonymous page that nobody maps and that is not in the
 * swap cache gives itself away: it lives because someone holds it. A page of a file may well be mapped by nobody; one that was cut off
 * its file and is held still looks like page cache. So do pages of memfd_secret(2), which do not move.
 *
 * A page without any flag is free on a processor's list (free_unref_page(), mm/page_alloc.c: such pages are not PageBuddy), or was handed
 * out by the page allocator to someone who marks nothing: kernel stacks, vmalloc, top-level page tables of some architectures, drivers. */

#include "model/tally.h"

#include <linux/kernel-page-flags.h>
#include <stddef.h>

#define BIT(n) (UINT64_C(1) << (n))

/* In no header for user space: "kernel hacking assistances" of include/linux/kernel-page-flags.h. */
#define MLOCKED 33
#define PRIVATE 35

/* Every page of a compound page has its own. */
#define OF_THE_PAGE (BIT(KPF_COMPOUND_HEAD) | BIT(KPF_COMPOUND_TAIL) | BIT(KPF_BUDDY) | BIT(KPF_NOPAGE) | BIT(KPF_HWPOISON))

/* A user of pages may set them on what is not page cache, and zsmalloc's pages, which move, have no more than these. */
#define TELLS_NOTHING (BIT(KPF_LOCKED) | BIT(KPF_IDLE) | BIT(PRIVATE))

/* The first of these that a page has is its class, whatever else it shows. Free pages and such of drivers may have stale flags; a page
 * table or slab uses the words that hold others' mapping for something else. */
static const struct {
        uint64_t flag;
        enum mhp_class class;
} certain[] = {
        { MHP_PAGE_NONE, MHP_CLASS_HOLE },
        { BIT(KPF_HWPOISON), MHP_CLASS_POISONED },
        { BIT(KPF_BUDDY), MHP_CLASS_FREE },
        { BIT(KPF_OFFLINE), MHP_CLASS_OFFLINE },
        { BIT(KPF_PGTABLE), MHP_CLASS_PAGE_TABLE },
        { BIT(KPF_SLAB), MHP_CLASS_SLAB },
        { MHP_PAGE_RESERVED, MHP_CLASS_RESERVED },
        { BIT(KPF_HUGE), MHP_CLASS_HUGETLB },
};

/* KPF_MMAP asks for the whole folio: a page of a THP that was unmapped in part is no pinned one. The count, read at another time, has to agree, for
 * a process that ends leaves pages behind that are unmapped for a moment. Not on an LRU list: on the way there, held by that. */
static enum mhp_class anonymous_class(uint64_t flags, uint64_t mapped) {
        bool is_mapped = (flags & BIT(KPF_MMAP)) || (mapped != MHP_MAPPED_UNKNOWN && mapped > 0);

        if ((flags & BIT(KPF_LRU)) && !is_mapped && !(flags & BIT(KPF_SWAPCACHE)))
                return MHP_CLASS_PINNED;
        return flags & BIT(MLOCKED) ? MHP_CLASS_MLOCKED : MHP_CLASS_ANON;
}

enum mhp_class mhp_page_class(uint64_t flags, uint64_t mapped) {
        if (mhp_page_is_self_hosted(flags))
                return MHP_CLASS_SELF_HOSTED;
        for (size_t i = 0; i < sizeof(certain) / sizeof(certain[0]); i++)
                if (flags & certain[i].flag)
                        return certain[i].class;
        if (flags & BIT(KPF_ANON))
                return anonymous_class(flags, mapped);
        if (flags & BIT(MLOCKED))
                return MHP_CLASS_MLOCKED;
        if (flags & BIT(KPF_SWAPBACKED))
                return MHP_CLASS_SHMEM;
        if (flags & BIT(KPF_LRU))
                return MHP_CLASS_FILE;
        /* neither cache nor a process' own, and mapped: a driver's buffer, a ring of perf, io_uring or aio */
        if (flags & BIT(KPF_MMAP))
                return MHP_CLASS_KERNEL;
        /* on its way to an LRU list (folio_add_lru(), mm/swap.c), or isolated from it */
        if (flags & BIT(KPF_UPTODATE))
                return MHP_CLASS_FILE;
        return flags & ~TELLS_NOTHING ? MHP_CLASS_KERNEL : MHP_CLASS_UNMARKED;
}

void mhp_tally_add(struct mhp_tally *tally, uint64_t pfn, enum mhp_class class) {
        if (tally->pages[class]++ == 0)
                tally->first[class] = pfn;
}

void mhp_tally_walk(struct mhp_tally *tally, uint64_t pfn, uint64_t flags, uint64_t mapped) {
        if (flags & BIT(KPF_COMPOUND_TAIL))
                flags |= tally->head;
        else
                tally->head = flags & BIT(KPF_COMPOUND_HEAD) ? flags & ~OF_THE_PAGE : 0;
        mhp_tally_add(tally, pfn, mhp_page_class(flags, mapped));
}

bool mhp_class_is_fixed(enum mhp_class class) {
        switch (class) {
        case MHP_CLASS_SLAB:
        case MHP_CLASS_PAGE_TABLE:
        case MHP_CLASS_PINNED:
        case MHP_CLASS_RESERVED:
        case MHP_CLASS_KERNEL:
                return true;
        case MHP_CLASS_FREE:
        case MHP_CLASS_ANON:
        case MHP_CLASS_FILE:
        case MHP_CLASS_SHMEM:
        case MHP_CLASS_HUGETLB:
        case MHP_CLASS_MLOCKED:
        case MHP_CLASS_OFFLINE:
        case MHP_CLASS_POISONED:
        case MHP_CLASS_SELF_HOSTED:
        case MHP_CLASS_HOLE:
        case MHP_CLASS_UNMARKED:
        case _MHP_CLASS_MAX:
                break;
        }
        return false;
}

bool mhp_class_is_movable(enum mhp_class class) {
        return class == MHP_CLASS_ANON || class == MHP_CLASS_FILE || class == MHP_CLASS_SHMEM || class == MHP_CLASS_HUGETLB ||
               class == MHP_CLASS_MLOCKED;
}

uint32_t mhp_tally_fixed(const struct mhp_tally *tally) {
        uint32_t n = 0;

        for (unsigned c = 0; c < _MHP_CLASS_MAX; c++)
                n += mhp_class_is_fixed((enum mhp_class) c) ? tally->pages[c] : 0;
        return n;
}

uint32_t mhp_tally_movable(const struct mhp_tally *tally) {
        uint32_t n = 0;

        for (unsigned c = 0; c < _MHP_CLASS_MAX; c++)
                n += mhp_class_is_movable((enum mhp_class) c) ? tally->pages[c] : 0;
        return n;
}

const char *mhp_class_name(enum mhp_class class) {
        static const char *const names[_MHP_CLASS_MAX] = {
                [MHP_CLASS_FREE] = "free",
                [MHP_CLASS_ANON] = "anonymous",
                [MHP_CLASS_FILE] = "file",
                [MHP_CLASS_SHMEM] = "shmem",
                [MHP_CLASS_HUGETLB] = "hugetlb",
                [MHP_CLASS_MLOCKED] = "mlocked",
                [MHP_CLASS_OFFLINE] = "offline",
                [MHP_CLASS_POISONED] = "poisoned",
                [MHP_CLASS_SELF_HOSTED] = "self-hosted",
                [MHP_CLASS_HOLE] = "hole",
                [MHP_CLASS_UNMARKED] = "unmarked",
                [MHP_CLASS_SLAB] = "slab",
                [MHP_CLASS_PAGE_TABLE] = "page-table",
                [MHP_CLASS_PINNED] = "pinned",
                [MHP_CLASS_RESERVED] = "reserved",
                [MHP_CLASS_KERNEL] = "kernel",
        };

        return (unsigned) class < _MHP_CLASS_MAX ? names[class] : NULL;
}
