/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "model/geometry.h"

#include <errno.h>
#include <string.h>

#define K (UINT64_C(1) << 10)
#define M (UINT64_C(1) << 20)

/* Defaults of Debian 12's kernels, 48 bits of virtual addresses. Sections: asm/sparsemem.h; pageblock: the smaller
 * of a huge page and the largest order of the buddy; vmemmap: VMEMMAP_START. ppc64 with 64K pages lets the memmap of a block
 * be smaller than a PMD (arch/powerpc/include/asm/pgtable.h); its blocks are as large as an LMB, 256 MiB as a rule. s390x chooses the place of its vmemmap at
 * boot, so that addresses count from there. */
static const struct {
        const char *name;
        struct mhp_geometry geometry;
} archs[] = {
        { "x86_64", { 4 * K, 128 * M, 128 * M, 2 * M, 2 * M, 2 * M, 64, UINT64_C(0xffffea0000000000), true, false } },
        { "arm64-4k", { 4 * K, 128 * M, 128 * M, 2 * M, 2 * M, 2 * M, 64, UINT64_C(0xfffffdffc0000000), true, false } },
        { "arm64-16k", { 16 * K, 128 * M, 128 * M, 2 * M, 32 * M, 32 * M, 64, UINT64_C(0xffffff7fc0000000), true, false } },
        { "arm64-64k", { 64 * K, 512 * M, 512 * M, 2 * M, 512 * M, 512 * M, 64, UINT64_C(0xffffffdfc0000000), true, false } },
        { "ppc64-64k", { 64 * K, 256 * M, 16 * M, 2 * M, 2 * M, 2 * M, 64, UINT64_C(0xc00c000000000000), false, false } },
        { "ppc64-4k", { 4 * K, 256 * M, 16 * M, 2 * M, 2 * M, 2 * M, 64, UINT64_C(0xc00c000000000000), true, false } },
        { "s390x", { 4 * K, 256 * M, 256 * M, 2 * M, 1 * M, 1 * M, 64, 0, true, false } },
        { "riscv64", { 4 * K, 128 * M, 128 * M, 2 * M, 2 * M, 2 * M, 64, UINT64_C(0xffff8d8000000000), true, false } },
};

const char *mhp_geometry_arch(size_t i) {
        return i < ELEMENTSOF(archs) ? archs[i].name : NULL;
}

int mhp_geometry_preset(const char *arch, struct mhp_geometry *ret) {
        for (size_t i = 0; i < ELEMENTSOF(archs); i++)
                if (strcmp(archs[i].name, arch) == 0) {
                        *ret = archs[i].geometry;
                        return 0;
                }
        return -ENOENT;
}

static bool is_power(uint64_t v) {
        return v > 0 && (v & (v - 1)) == 0;
}

static const char *wrong(const struct mhp_geometry *g) {
        if (!is_power(g->page_size))
                return "the page size is no power of two";
        if (!is_power(g->block_size))
                return "the block size is no power of two";
        if (!is_power(g->section_size))
                return "the section size is no power of two";
        if (!is_power(g->subsection_size))
                return "the subsection size is no power of two";
        if (!is_power(g->pageblock_size))
                return "the pageblock size is no power of two";
        if (!is_power(g->pmd_size))
                return "the PMD size is no power of two";
        if (g->struct_page == 0 || g->struct_page > g->page_size)
                return "a struct page has between one byte and a page";
        if (g->subsection_size < g->page_size)
                return "a subsection is smaller than a page";
        if (g->section_size < g->subsection_size)
                return "a section is smaller than a subsection";
        if (g->block_size < g->section_size)
                return "a block is smaller than a section";
        if (g->pageblock_size < g->page_size)
                return "a pageblock is smaller than a page";
        if (g->pmd_size < g->page_size)
                return "a PMD maps less than a page";
        if (g->vmemmap_base % g->page_size != 0)
                return "the vmemmap does not begin with a page";
        if (g->vmemmap_base > UINT64_MAX - mhp_memmap_size(g, g->block_size))
                return "the vmemmap begins so high that not even the memmap of one block fits";
        return NULL;
}

int mhp_geometry_check(const struct mhp_geometry *geometry, const char **ret_why) {
        const char *why = wrong(geometry);

        if (!why)
                return 0;
        if (ret_why)
                *ret_why = why;
        return -EINVAL;
}

static const char *const placements[_MHP_PLACEMENT_MAX] = {
        [MHP_PLACEMENT_DRAM] = "dram", [MHP_PLACEMENT_SELF] = "self", [MHP_PLACEMENT_FORCE] = "force", [MHP_PLACEMENT_RANGE] = "range",
};

static const char *const refusals[_MHP_REFUSAL_MAX] = {
        [MHP_REFUSAL_DISABLED] = "disabled",
        [MHP_REFUSAL_SOURCE_IGNORES] = "source-ignores",
        [MHP_REFUSAL_NOT_PAGE_ALIGNED] = "memmap-not-page-aligned",
        [MHP_REFUSAL_NOT_PAGEBLOCK_ALIGNED] = "memmap-not-pageblock-aligned",
        [MHP_REFUSAL_FILLS_BLOCK] = "memmap-fills-block",
        [MHP_REFUSAL_NOT_PMD_ALIGNED] = "memmap-not-pmd-aligned",
        [MHP_REFUSAL_SEVERAL_BLOCKS] = "several-blocks",
        [MHP_REFUSAL_HASH_MMU] = "hash-mmu",
};

static const char *const evidences[_MHP_EVIDENCE_MAX] = {
        [MHP_EVIDENCE_ASSUMED] = "assumed", [MHP_EVIDENCE_OBSERVED] = "observed",
};

static const char *const hvos[_MHP_HVO_MAX] = {
        [MHP_HVO_SELF_HOSTED] = "self-hosted", [MHP_HVO_NO_MEMMAP] = "no-memmap", [MHP_HVO_NOT_ALIGNED] = "not-aligned",
        [MHP_HVO_TOO_SMALL] = "too-small", [MHP_HVO_STRUCT_PAGE] = "struct-page",
};

const char *mhp_placement_name(enum mhp_placement placement) {
        return (unsigned) placement < ELEMENTSOF(placements) ? placements[placement] : NULL;
}

const char *mhp_refusal_name(enum mhp_refusal refusal) {
        return (unsigned) refusal < ELEMENTSOF(refusals) ? refusals[refusal] : NULL;
}

const char *mhp_evidence_name(enum mhp_evidence evidence) {
        return (unsigned) evidence < ELEMENTSOF(evidences) ? evidences[evidence] : NULL;
}

const char *mhp_hvo_name(enum mhp_hvo hvo) {
        return (unsigned) hvo < ELEMENTSOF(hvos) ? hvos[hvo] : NULL;
}

int mhp_placement_parse(const char *word, enum mhp_placement *ret) {
        for (size_t i = 0; i < ELEMENTSOF(placements); i++)
                if (placements[i] && strcmp(placements[i], word) == 0) {
                        *ret = (enum mhp_placement) i;
                        return 0;
                }
        return -EINVAL;
}

void mhp_geometry_generic(uint64_t page_size, struct mhp_geometry *ret) {
        uint64_t pmd = page_size / sizeof(uint64_t) * page_size, pageblock = MIN(pmd, page_size << 10);

        *ret = (struct mhp_geometry) { page_size, 128 * M, 128 * M, 2 * M, pageblock, pmd, 64, 0, true, false };
}

void mhp_geometry_set_block(struct mhp_geometry *geometry, uint64_t block_size) {
        geometry->block_size = block_size;
        geometry->section_size = MIN(geometry->section_size, block_size);
        geometry->subsection_size = MIN(geometry->subsection_size, geometry->section_size);
}

uint64_t mhp_vmemmap_leaf(const struct mhp_geometry *geometry) {
        return mhp_memmap_size(geometry, geometry->section_size) % geometry->pmd_size == 0 ? geometry->pmd_size : geometry->page_size;
}

/* The kernel's questions in the kernel's order. For a range there is no architecture to ask, and whole pageblocks are set aside: the
 * migrate type of the first usable pageblock has to be set (mm/memremap.c). */
static enum mhp_refusal refusal(const struct mhp_geometry *g, enum mhp_placement requested, uint64_t memmap, uint64_t size, uint64_t set_aside) {
        if (memmap % g->page_size != 0)
                return MHP_REFUSAL_NOT_PAGE_ALIGNED;
        if (set_aside % g->pageblock_size != 0)
                return MHP_REFUSAL_NOT_PAGEBLOCK_ALIGNED;
        if (set_aside >= size || set_aside < memmap) /* the latter: it was rounded up beyond all addresses */
                return MHP_REFUSAL_FILLS_BLOCK;
        if (requested != MHP_PLACEMENT_RANGE && g->hash_mmu)
                return MHP_REFUSAL_HASH_MMU;
        if (requested != MHP_PLACEMENT_RANGE && g->needs_pmd && memmap % g->pmd_size != 0)
                return MHP_REFUSAL_NOT_PMD_ALIGNED;
        return MHP_REFUSAL_NONE;
}

void mhp_admit(const struct mhp_geometry *g, enum mhp_placement requested, uint64_t size, struct mhp_admission *ret) {
        bool by_block = requested == MHP_PLACEMENT_SELF || requested == MHP_PLACEMENT_FORCE;
        uint64_t hosted = by_block ? g->block_size : size;
        uint64_t memmap = mhp_memmap_size(g, hosted);
        uint64_t set_aside = mhp_align_up(memmap, g->page_size);
        struct mhp_admission admission = {
                .requested = requested,
                .placement = MHP_PLACEMENT_DRAM,
                .memmap_pages = set_aside / g->page_size,
        };

        if (requested == MHP_PLACEMENT_FORCE || requested == MHP_PLACEMENT_RANGE)
                set_aside = mhp_align_up(set_aside, g->pageblock_size);
        if (by_block || requested == MHP_PLACEMENT_RANGE) {
                admission.reason = refusal(g, requested, memmap, hosted, set_aside);
                if (admission.reason == MHP_REFUSAL_NONE) {
                        admission.placement = requested;
                        admission.set_aside_pages = set_aside / g->page_size;
                        admission.waste_pages = admission.set_aside_pages - admission.memmap_pages;
                }
        }
        *ret = admission;
}

uint64_t mhp_plug_cost(const struct mhp_geometry *geometry, enum mhp_placement placement, uint64_t size) {
        struct mhp_admission admission;

        mhp_admit(geometry, placement, size, &admission);
        return admission.placement == MHP_PLACEMENT_DRAM ? mhp_memmap_size(geometry, size) : 0;
}

uint64_t mhp_section_padding(const struct mhp_geometry *geometry, uint64_t start, uint64_t size) {
        uint64_t section = geometry->section_size, end = start + size;

        if (size == 0)
                return 0;
        return start % section + (section - end % section) % section;
}
