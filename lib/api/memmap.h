/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where the memmap of each block lies: predicted from who brought it and from the kernel's parameters (core/placement.h), told by the kernel where it
 * has the companion patch (nr_vmemmap_pages), and seen in the page flags where these can be read. Each question reads of the machine what it is about and no more. */

#include "core/placement.h"
#include "edge/dax.h"
#include "edge/machine.h"
#include "edge/pageflags.h"
#include "edge/root.h"
#include "model/map.h"

struct mhp_memmaps {
        struct mhp_geometry geometry;
        unsigned read;                        /* enum mhp_geometry_value */
        bool generic;                         /* the rest is of no preset: struct mhp_machine */
        enum mhp_self_hosting self_hosting;
        bool one_block_only;                  /* as in struct mhp_placement_case */
        enum mhp_placement assume;            /* of all hot-added memory; UNSET: predict */
        struct mhp_admission self, force;     /* of a block on this machine, whatever the parameter says */
        struct mhp_dax *dax;                  /* owned */
        size_t n_dax;
        struct mhp_pageflags flags;
        int flags_error;                      /* 0, or why the page flags cannot be read */
        int memory_fd;                        /* owned; directory of the blocks, each of which tells its nr_vmemmap_pages; -1: they do not */
        bool by_table;                        /* the kernel places by a table: parameters and sources say little of what is there */
        uint64_t *area;                       /* owned; flags of the pages that could be set aside, and of one behind */
        size_t n_area;
        bool asked;                           /* the prediction for last_group is in `last` */
        uint32_t last_group;
        struct mhp_placement_decision last;
};

/* block_size: as the map has it. -EOPNOTSUPP, -EINVAL: as mhp_geometry_read(); -ENOMEM. That page flags cannot be read is no failure. */
int mhp_memmap_open(const struct mhp_root *root, uint64_t block_size, struct mhp_memmaps *ret);

/* Likewise where the machine has been read before, with its block size. To read it anew is not for a loop that others wait for: of a pageblock's size
 * /proc/pagetypeinfo speaks alone, which walks all pageblocks of the machine to be shown (pagetypeinfo_showblockcount(), mm/vmstat.c). */
int mhp_memmap_open_on(const struct mhp_root *root, const struct mhp_machine *machine, struct mhp_memmaps *ret);

/* Of what was opened before, reads anew what changes while a kernel runs: dax devices come, go and are switched. -ENOMEM; *memmap is then as it was. */
int mhp_memmap_refresh(const struct mhp_root *root, struct mhp_memmaps *memmap);
void mhp_memmap_done(struct mhp_memmaps *memmap);
#define _cleanup_memmaps_ _cleanup_(mhp_memmap_done)
#define MHP_MEMMAPS_NONE ((struct mhp_memmaps) { .flags = MHP_PAGEFLAGS_NONE, .memory_fd = -1 })

/* All pages are those of one block. */
struct mhp_block_memmap {
        enum mhp_placement placement;
        enum mhp_refusal refusal;      /* why it is predicted to lie in ordinary memory; NONE: it is not, or nobody asked */
        enum mhp_evidence evidence;
        uint64_t pages;                /* of memmap, wherever it lies */
        uint64_t set_aside, waste;     /* of the block itself; of these, without memmap */
};

/* What source and parameters make likely. The prediction for a group is kept until another group is asked for. */
void mhp_memmap_predict(struct mhp_memmaps *memmap, const struct mhp_map *map, const struct mhp_block *block, struct mhp_block_memmap *ret);

/* The same, or what the block itself tells where the kernel places by a table, which may have said something else when the block came: what a model of the
 * machine begins with. A number of pages that no placement on this machine has is not believed. */
void mhp_memmap_expect(struct mhp_memmaps *memmap, const struct mhp_map *map, const struct mhp_block *block, struct mhp_block_memmap *ret);

/* The prediction, or what the block tells or, where it does not, the page flags show instead: at most three of them are read. */
void mhp_memmap_look(struct mhp_memmaps *memmap, const struct mhp_map *map, const struct mhp_block *block, struct mhp_block_memmap *ret);

/* Compares what a block tells and its page flags, page by page over what could be set aside, with `expected` pages set aside. 1: *ret tells how they differ;
 * 0: they agree; -ENODATA: the kernel shows nothing of the block, it is not online; -ENXIO: its first page does not exist; or why page flags cannot be read, or what pread(2) says. */
int mhp_memmap_compare(const struct mhp_memmaps *memmap, const struct mhp_block *block, uint64_t expected, struct mhp_block_difference *ret);

/* The model of the machine, by mhp_memmap_look() or, with look = false, by mhp_memmap_expect(). */
int mhp_memmap_fill(struct mhp_memmaps *memmap, const struct mhp_map *map, bool look, struct mhp_backing **ret);

/* The first page of a block. */
static inline uint64_t mhp_memmap_pfn(const struct mhp_memmaps *memmap, const struct mhp_block *block) {
        return (uint64_t) block->nr * (memmap->geometry.block_size / memmap->geometry.page_size);
}
