/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the pages of a block are, as far as /proc/kpageflags and /proc/kpagecount show it. */

#include <stdbool.h>
#include <stdint.h>

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

/* How often a page is mapped is not known. */
#define MHP_MAPPED_UNKNOWN UINT64_MAX

/* The names are a promise (JSON of `mhpctl explain`, journal field MHPD_CLASS). */
enum mhp_class {
        MHP_CLASS_FREE,        /* `free`: in the buddy allocator */
        MHP_CLASS_ANON,        /* `anonymous` */
        MHP_CLASS_FILE,        /* `file`: page cache */
        MHP_CLASS_SHMEM,       /* `shmem`: shared memory and tmpfs */
        MHP_CLASS_HUGETLB,     /* `hugetlb`: moves, if another huge page can be had */
        MHP_CLASS_MLOCKED,     /* `mlocked`: moves all the same */
        MHP_CLASS_OFFLINE,     /* `offline`: taken by a driver (virtio-mem, a balloon) */
        MHP_CLASS_POISONED,    /* `poisoned`: broken; does not keep its block */
        MHP_CLASS_SELF_HOSTED, /* `self-hosted`: the block's own memmap; does not keep its block */
        MHP_CLASS_HOLE,        /* `hole`: no page, or its block is not online */
        MHP_CLASS_UNMARKED,    /* `unmarked`: no flag tells; free on a processor's own list, or the kernel's (stacks, vmalloc, drivers) */
        MHP_CLASS_SLAB,        /* `slab` */
        MHP_CLASS_PAGE_TABLE,  /* `page-table` */
        MHP_CLASS_PINNED,      /* `pinned`: referenced though nobody maps it any more */
        MHP_CLASS_RESERVED,    /* `reserved`: boot-time allocations, firmware */
        MHP_CLASS_KERNEL,      /* `kernel`: something else of the kernel's, not known what */
        _MHP_CLASS_MAX,
};

struct mhp_tally {
        uint32_t pages[_MHP_CLASS_MAX];
        uint64_t first[_MHP_CLASS_MAX]; /* PFN of the first page of the class; meaningful where pages is not 0 */
        uint64_t kept;                  /* PFN of the page at which the kernel gave up, where it tells; 0: not known */
        uint64_t head;                  /* flags of the compound page that is being walked through, 0: none */
};

/* The class of a page. flags: its word of kpageflags. mapped: its word of kpagecount, or MHP_MAPPED_UNKNOWN. Of a page in a kernel that keeps
 * most flags of a compound page at its head (6.1), the flags have to be completed first, as mhp_tally_walk() does. */
enum mhp_class mhp_page_class(uint64_t flags, uint64_t mapped);

void mhp_tally_add(struct mhp_tally *tally, uint64_t pfn, enum mhp_class class);

/* The next page of a block; all of them are to be walked through in their order. */
void mhp_tally_walk(struct mhp_tally *tally, uint64_t pfn, uint64_t flags, uint64_t mapped);

/* Whether pages of that class keep their block from going offline for good, whoever asks. UNMARKED is not known to: in Movable it is free or
 * moves, in a kernel zone it mostly stays. */
bool mhp_class_is_fixed(enum mhp_class class);

/* Whether they have to be moved first, and can be. */
bool mhp_class_is_movable(enum mhp_class class);

uint32_t mhp_tally_fixed(const struct mhp_tally *tally);
uint32_t mhp_tally_movable(const struct mhp_tally *tally);

const char *mhp_class_name(enum mhp_class class); /* NULL outside the enumeration */
