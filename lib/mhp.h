/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* libmhp: the memory blocks of a Linux machine, who brought them, where they went.
 *
 * Units, everywhere in this file: an address or a size is in bytes, a block is a memory block number (the N of
 * /sys/devices/system/memory/memoryN), a node is a NUMA node number. Functions return 0 or a positive answer, or a
 * negative errno. A pointer got from a map belongs to the map and lives until the map changes or is freed. The
 * library keeps no global state; a map may be used by one thread at a time. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* memoryN/state, state_show() in drivers/base/memory.c. UNKNOWN: the file says a word that this version does not know,
 * or has not been read yet. */
enum mhp_state {
        MHP_STATE_UNKNOWN,
        MHP_STATE_OFFLINE,
        MHP_STATE_ONLINE,
        MHP_STATE_GOING_OFFLINE,
        _MHP_STATE_MAX,
};

/* memoryN/valid_zones, valid_zones_show() in drivers/base/memory.c. UNSET: in no zone, because the block is offline, or
 * not known. NONE is the kernel's word `none`: the block spans zones, nodes or holes and can never go offline. */
enum mhp_zone {
        MHP_ZONE_UNSET,
        MHP_ZONE_NONE,
        MHP_ZONE_DMA,
        MHP_ZONE_DMA32,
        MHP_ZONE_NORMAL,
        MHP_ZONE_HIGHMEM,
        MHP_ZONE_MOVABLE,
        MHP_ZONE_DEVICE,
        _MHP_ZONE_MAX,
};

/* What brought the memory. UNKNOWN: cannot be told (yet, or without privilege). */
enum mhp_source {
        MHP_SOURCE_UNKNOWN,
        MHP_SOURCE_BOOT,
        MHP_SOURCE_ACPI,
        MHP_SOURCE_VIRTIO_MEM,
        MHP_SOURCE_DAX,
        MHP_SOURCE_HYPERV,
        MHP_SOURCE_XEN,
        MHP_SOURCE_OTHER,
        MHP_SOURCE_DLPAR,
        _MHP_SOURCE_MAX,
};

/* The words that sysfs, the map's text form and mhpctl use; NULL outside the enumeration, and for UNSET. The string is static. */
const char *mhp_state_name(enum mhp_state state);
const char *mhp_zone_name(enum mhp_zone zone);
const char *mhp_source_name(enum mhp_source source);

struct mhp_map;

/* One memory block as the map has it. */
struct mhp_block_info {
        uint64_t block;        /* block number */
        uint64_t address;      /* physical, bytes */
        uint64_t size;         /* bytes */
        enum mhp_state state;
        enum mhp_zone zone;    /* UNSET unless online */
        int node;              /* the lowest, -1: not known */
        enum mhp_source source;
        const char *group;     /* SOURCE:DEVICE or NULL: not known; owned by the map */
};

/* Reads the blocks of the machine whose root directory is `root` ("/" or a directory that holds sys and proc).
 * -ENOENT: no /sys/devices/system/memory there; -EINVAL: the tree contradicts itself (block size 0 or no power of
 * two); -ENOMEM, or what open(2) and read(2) say. The caller frees the map with mhp_map_free(). */
int mhp_map_scan(const char *root, struct mhp_map **ret);

/* Parses the text form that mhp_map_print() and `mhpctl dump` write. -EINVAL: *ret_line (may be NULL) has the line;
 * so it has with -E2BIG: more than 4,194,304 blocks. */
int mhp_map_parse(const char *text, size_t len, struct mhp_map **ret, unsigned *ret_line);

/* The map's text form, NUL terminated; the caller free()s it. mhp_map_parse() of it gives an equal map. */
int mhp_map_print(const struct mhp_map *map, char **ret);

/* NULL is fine. Returns NULL. */
struct mhp_map *mhp_map_free(struct mhp_map *map);

/* Bytes in a memory block: block_size_bytes, a power of two. */
uint64_t mhp_map_block_size(const struct mhp_map *map);

/* How many blocks the map has. */
size_t mhp_map_n_blocks(const struct mhp_map *map);

/* Walks the blocks by number. Start with *block = 0; 1: *ret is the first block at or after *block and *block has been
 * moved behind it; 0: no more (*ret untouched). */
int mhp_map_next(const struct mhp_map *map, uint64_t *block, struct mhp_block_info *ret);

/* ---------------------------------------------------------------------------------------------------- where a memmap lies
 *
 * A PFN is a physical address divided by the page size; a page count is in pages of that size; a vmemmap address is the kernel's virtual address of
 * a struct page. All of this is arithmetic: nothing is read from the machine but by mhp_geometry_read() and mhp_verify(). */

#define MHP_NO_PFN UINT64_MAX

/* Sizes in bytes, all powers of two but struct_page. */
struct mhp_geometry {
        uint64_t page_size;       /* PAGE_SIZE */
        uint64_t block_size;      /* memory_block_size_bytes() */
        uint64_t section_size;    /* PAGES_PER_SECTION << PAGE_SHIFT */
        uint64_t subsection_size; /* SUBSECTION_SIZE */
        uint64_t pageblock_size;  /* pageblock_nr_pages << PAGE_SHIFT */
        uint64_t pmd_size;        /* PMD_SIZE: what one huge mapping of the vmemmap covers */
        uint64_t struct_page;     /* sizeof(struct page) */
        uint64_t vmemmap_base;    /* vmemmap address of PFN 0 */
        bool needs_pmd;           /* a block's memmap has to fill whole PMDs: arch_supports_memmap_on_memory() as it is by default */
        bool hash_mmu;            /* ppc64 with hash page tables, where no block can host its own memmap */
};

/* i from 0: `x86_64`, `arm64-4k`, `arm64-16k`, `arm64-64k`, `ppc64-64k`, `ppc64-4k`, `s390x`, `riscv64`; NULL: no more. Static. */
const char *mhp_geometry_arch(size_t i);

/* The usual configuration of an architecture. -ENOENT: no such name. */
int mhp_geometry_preset(const char *arch, struct mhp_geometry *ret);

/* Whether this can be a machine. -EINVAL: *ret_why (may be NULL) has the sentence that tells what is wrong; static. */
int mhp_geometry_check(const struct mhp_geometry *geometry, const char **ret_why);

/* The values of a geometry, as bits. */
enum mhp_geometry_value {
        MHP_GEOMETRY_PAGE_SIZE       = 1 << 0,
        MHP_GEOMETRY_BLOCK_SIZE      = 1 << 1,
        MHP_GEOMETRY_SECTION_SIZE    = 1 << 2,
        MHP_GEOMETRY_SUBSECTION_SIZE = 1 << 3,
        MHP_GEOMETRY_PAGEBLOCK_SIZE  = 1 << 4,
        MHP_GEOMETRY_PMD_SIZE        = 1 << 5,
        MHP_GEOMETRY_STRUCT_PAGE     = 1 << 6,
        MHP_GEOMETRY_VMEMMAP_BASE    = 1 << 7,
};

/* The geometry of the machine whose root directory is `root`, as for mhp_map_scan(). *ret_read (may be NULL): enum mhp_geometry_value of what the
 * machine itself says; the rest is the preset of its architecture, or what 64-bit kernels have as a rule. -EINVAL: mhp_geometry_check() finds
 * fault with it; else as mhp_map_scan(). */
int mhp_geometry_read(const char *root, struct mhp_geometry *ret, unsigned *ret_read);

/* Where the memmap of hot-added memory lies. */
enum mhp_placement {
        MHP_PLACEMENT_UNSET,
        MHP_PLACEMENT_DRAM,  /* `dram`: in memory that was there before */
        MHP_PLACEMENT_SELF,  /* `self`: in each block's own first pages (memmap_on_memory=Y) */
        MHP_PLACEMENT_FORCE, /* `force`: likewise, rounded up to whole pageblocks (memmap_on_memory=force) */
        MHP_PLACEMENT_RANGE, /* `range`: at the head of the whole range that is added, as device memory has it */
        _MHP_PLACEMENT_MAX,
};

/* Why a placement is not taken. */
enum mhp_refusal {
        MHP_REFUSAL_NONE,
        MHP_REFUSAL_DISABLED,              /* `disabled`: the kernel was booted with memmap_on_memory=N */
        MHP_REFUSAL_SOURCE_IGNORES,        /* `source-ignores`: whoever adds this memory does not ask for it */
        MHP_REFUSAL_NOT_PAGE_ALIGNED,      /* `memmap-not-page-aligned` */
        MHP_REFUSAL_NOT_PAGEBLOCK_ALIGNED, /* `memmap-not-pageblock-aligned` */
        MHP_REFUSAL_FILLS_BLOCK,           /* `memmap-fills-block` */
        MHP_REFUSAL_NOT_PMD_ALIGNED,       /* `memmap-not-pmd-aligned` */
        MHP_REFUSAL_SEVERAL_BLOCKS,        /* `several-blocks`: before Linux 6.8, only what is added as one block can host itself */
        MHP_REFUSAL_HASH_MMU,              /* `hash-mmu`: ppc64 has hash page tables */
        _MHP_REFUSAL_MAX,
};

/* How a placement is known. */
enum mhp_evidence {
        MHP_EVIDENCE_ASSUMED,  /* `assumed`: inferred from the source and the kernel's parameters */
        MHP_EVIDENCE_OBSERVED, /* `observed`: seen in the kernel's page flags, or told by the block's nr_vmemmap_pages */
        _MHP_EVIDENCE_MAX,
};

/* The words; NULL outside the enumeration, for UNSET and for NONE. Static. */
const char *mhp_placement_name(enum mhp_placement placement);
const char *mhp_refusal_name(enum mhp_refusal refusal);
const char *mhp_evidence_name(enum mhp_evidence evidence);
int mhp_placement_parse(const char *word, enum mhp_placement *ret); /* -EINVAL */

/* What the kernel makes of a wish. Page counts are of one block for SELF and FORCE as requested, of the whole range else. */
struct mhp_admission {
        enum mhp_placement requested, placement; /* placement is DRAM when the wish is refused */
        enum mhp_refusal reason;
        uint64_t memmap_pages;    /* that the memmap needs, wherever it lies */
        uint64_t set_aside_pages; /* of the new memory itself; 0 for DRAM */
        uint64_t waste_pages;     /* of these, the ones that hold no memmap */
};

/* mhp_supports_memmap_on_memory() (mm/memory_hotplug.c, 6.12) without the question whether it is enabled; for RANGE what memremap_pages() needs
 * of an altmap. size: bytes of the range that is added. */
void mhp_admit(const struct mhp_geometry *geometry, enum mhp_placement requested, uint64_t size, struct mhp_admission *ret);

/* Bytes of memory that is there already (on the node of the new memory, if it has any) that the memmap of `size` new bytes takes before the first
 * of them can be used. */
uint64_t mhp_plug_cost(const struct mhp_geometry *geometry, enum mhp_placement placement, uint64_t size);

/* Bytes that would be added beyond [start, start + size) if only whole sections could be. */
uint64_t mhp_section_padding(const struct mhp_geometry *geometry, uint64_t start, uint64_t size);

/* The backing map: whose memmap lies where, kept as the kernel keeps it. */
struct mhp_backing;

int mhp_backing_new(const struct mhp_geometry *geometry, struct mhp_backing **ret); /* -EINVAL: mhp_geometry_check() */
struct mhp_backing *mhp_backing_free(struct mhp_backing *backing); /* NULL is fine. Returns NULL. */

/* Boot memory: its sections are early ones. In bytes, whole subsections. -EINVAL: not aligned, or empty; -ERANGE: its end or its memmap's is beyond the address
 * space; -EEXIST: some of it is there already. */
int mhp_backing_add_early(struct mhp_backing *backing, uint64_t start, uint64_t size);

/* Adds memory, offline; as above. SELF and FORCE: whole blocks; else whole subsections. A placement that is refused becomes DRAM, as the
 * kernel does it, and *ret (may be NULL) says so. */
int mhp_backing_add(struct mhp_backing *backing, uint64_t start, uint64_t size, enum mhp_placement placement, struct mhp_admission *ret);

/* Whole blocks go online or offline; the memmap stays. -EINVAL: no whole blocks; -ENOENT: some of it is not there. */
int mhp_backing_set_online(struct mhp_backing *backing, uint64_t start, uint64_t size, bool online);

/* Takes memory away, step by step. Nothing is changed on failure: -EINVAL: not aligned; -ENOENT: some of it is not there (any more); -EBUSY: a block is
 * online; -EXDEV: it is part of what one altmap hosts, which goes as a whole; -EOPNOTSUPP: some of it has an altmap and some not, which the
 * kernel takes away separately only. The backing must not be used otherwise before mhp_teardown_free(), which takes away what is left. */
struct mhp_teardown;
int mhp_backing_remove(struct mhp_backing *backing, uint64_t start, uint64_t size, struct mhp_teardown **ret);
struct mhp_teardown *mhp_teardown_free(struct mhp_teardown *teardown); /* NULL is fine. Returns NULL. */

enum mhp_teardown_kind {
        MHP_TEARDOWN_SECTION, /* a section (or the part of it that was added) has gone; start, end: physical addresses */
        MHP_TEARDOWN_FREE,    /* vmemmap is freed; start, end: vmemmap addresses */
};
struct mhp_teardown_step {
        enum mhp_teardown_kind kind;
        uint64_t start, end;     /* [start, end) */
        uint64_t sections_left;  /* of the hosting region */
        uint64_t alloc;          /* what the region's altmap says is allocated, in pages, after the step; 0 for DRAM */
};

/* 1: a step; 0: it is over, *ret untouched. What one altmap hosts is freed after its last section has gone, backwards and a PMD (or page, where the vmemmap is mapped by
 * pages) at a time; what lies in DRAM goes section by section. */
int mhp_teardown_next(struct mhp_teardown *teardown, struct mhp_teardown_step *ret);

/* Some pages and their memmap. */
struct mhp_extent {
        uint64_t pfn, n;           /* pages that are described */
        enum mhp_placement placement;
        bool early;                /* boot memory */
        uint64_t vmemmap, vmemmap_end; /* where their struct pages are, [vmemmap, vmemmap_end) */
        uint64_t frame, n_frames;  /* the PFNs that hold them; frame MHP_NO_PFN: memory that the model does not follow */
};

/* The memmap of what is present at or after `pfn`, as far as it lies in one piece. 1, or 0: nothing more. Walk: pfn = ret.pfn + ret.n. */
int mhp_backing_frames(const struct mhp_backing *backing, uint64_t pfn, struct mhp_extent *ret);

/* And back: what is described by the frame with this PFN. 1, or 0: it holds no memmap. */
int mhp_backing_described(const struct mhp_backing *backing, uint64_t frame, struct mhp_extent *ret);

/* Whether the memmap page that describes this PFN lies in hot-added memory that describes itself: the kernel marks it PG_vmemmap_self_hosted. */
bool mhp_backing_self_hosted(const struct mhp_backing *backing, uint64_t pfn);

/* pfn_valid(): early sections whole, others by subsection (include/linux/mmzone.h). */
bool mhp_backing_pfn_valid(const struct mhp_backing *backing, uint64_t pfn);

/* The other blocks that this block's memmap lies in, first to last: they have to stay until it has gone. 1, or 0: none. */
int mhp_backing_hosts(const struct mhp_backing *backing, uint64_t block, uint64_t *ret_first, uint64_t *ret_last);

/* May hugetlb free vmemmap pages of the huge page of `size` bytes at this PFN (vmemmap_should_optimize_folio(), mm/hugetlb_vmemmap.c)? */
enum mhp_hvo {
        MHP_HVO_ALLOWED,
        MHP_HVO_SELF_HOSTED, /* `self-hosted` */
        MHP_HVO_NO_MEMMAP,   /* `no-memmap`: not all of it is there */
        MHP_HVO_NOT_ALIGNED, /* `not-aligned`: no huge page can start here, or size is no power of two */
        MHP_HVO_TOO_SMALL,   /* `too-small`: its struct pages fit into one page */
        MHP_HVO_STRUCT_PAGE, /* `struct-page`: the size of a struct page is no power of two, so that some straddle two pages */
        _MHP_HVO_MAX,
};
enum mhp_hvo mhp_backing_hvo(const struct mhp_backing *backing, uint64_t pfn, uint64_t size);
const char *mhp_hvo_name(enum mhp_hvo hvo); /* NULL for ALLOWED */

/* The altmap that hosts this PFN's memmap, struct vmem_altmap (include/linux/memremap.h), all in pages but the first two. 1, or 0: none. */
struct mhp_altmap {
        uint64_t base_pfn, end_pfn; /* end: the last one */
        uint64_t reserve, free, align, alloc;
};
int mhp_backing_altmap(const struct mhp_backing *backing, uint64_t pfn, struct mhp_altmap *ret);

/* Bytes that the model takes. */
size_t mhp_backing_footprint(const struct mhp_backing *backing);

/* A block whose set-aside pages are not where the model has them. Page counts. */
struct mhp_block_difference {
        uint64_t block;
        uint64_t expected, observed; /* pages set aside */
        uint64_t pfn;                /* the first page that differs; MHP_NO_PFN: the block's nr_vmemmap_pages does */
};

/* A zone whose pages that are present but not managed are not the pages set aside in its blocks. Page counts. */
struct mhp_zone_difference {
        int node;
        enum mhp_zone zone;
        uint64_t expected, observed;
};

/* What came of comparing model and kernel. */
struct mhp_verification {
        size_t checked; /* blocks compared */
        size_t unseen;  /* blocks that are not online and tell no nr_vmemmap_pages: the kernel shows nothing of them */
        size_t holes;   /* online blocks whose first page does not exist, and that tell no nr_vmemmap_pages */
        struct mhp_block_difference *differ; /* by number */
        size_t n_differ;
        struct mhp_zone_difference *zones;
        size_t n_zones;
};

/* Compares where the model has every block's memmap with what the blocks tell of it (a kernel with the companion patch), the page flags and the zone
 * counters of the machine whose root directory is `root`. The model says what the sources and the kernel's parameters make likely or, unless it is
 * UNSET, that all hot-added memory was added as `assume`; where the kernel places by a table, it begins with what the blocks tell. 0, with
 * or without differences; -EACCES or -EPERM: page flags are not for this user, and blocks tell nothing; -ENODATA: this kernel has none; -EOPNOTSUPP, -EINVAL:
 * mhp_geometry_read(); else as mhp_map_scan(). The caller frees the answer with mhp_verification_free(). */
int mhp_verify(const char *root, enum mhp_placement assume, struct mhp_verification **ret);
struct mhp_verification *mhp_verification_free(struct mhp_verification *verification); /* NULL is fine. Returns NULL. */

#ifdef __cplusplus
}
#endif
