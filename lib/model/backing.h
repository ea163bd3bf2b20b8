/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The backing map from the inside.
 *
 * Hosting regions that are alike and lie side by side are one run: what a frame holds follows from the run by arithmetic, since altmaps are
 * filled in order, so a terabyte of self-hosted blocks is one struct. Only holes and differences cost memory. */

#include "base/macro.h"
#include "base/range.h"
#include "model/geometry.h"

/* PFNs and pages throughout. */
struct mhp_run {
        uint64_t start, end;  /* [start, end) */
        uint64_t unit;        /* pages that each altmap of the run hosts the memmap of; 0: ordinary memory, no altmap */
        uint64_t free;        /* of each altmap: pages set aside, */
        uint64_t align, alloc; /* lost to alignment, and taken */
        uint8_t placement;    /* enum mhp_placement */
};

struct mhp_backing {
        struct mhp_geometry geometry;
        uint64_t section, subsection, block; /* in pages */
        struct mhp_run *runs;                /* sorted, disjoint; owned */
        size_t n_runs, runs_capacity;
        struct mhp_ranges early;             /* section numbers */
        struct mhp_ranges online;            /* block numbers */
};

DEFINE_CLEANUP(struct mhp_backing *, mhp_backing_free)

/* The first run that ends behind pfn; n_runs: none. */
size_t mhp_backing_at(const struct mhp_backing *backing, uint64_t pfn);

/* The first number at or after nr that is in the set (or, with in = false, that is not); UINT64_MAX: none. */
uint64_t mhp_backing_next(const struct mhp_ranges *set, uint64_t nr, bool in);

/* [start, end) in pages from bytes. -EINVAL: empty or not in whole `grain` pages; -ERANGE: beyond what there can be. */
int mhp_backing_span(const struct mhp_backing *backing, uint64_t start, uint64_t size, uint64_t grain, uint64_t *ret_start, uint64_t *ret_end);

/* Whether all of [start, end) is present. */
bool mhp_backing_present(const struct mhp_backing *backing, uint64_t start, uint64_t end);

/* Takes [start, end) out of the run that it lies in. -ENOMEM: it would have to be split. */
int mhp_backing_cut(struct mhp_backing *backing, uint64_t start, uint64_t end);

static inline uint64_t mhp_vmemmap_of(const struct mhp_backing *backing, uint64_t pfn) {
        return backing->geometry.vmemmap_base + pfn * backing->geometry.struct_page;
}

/* What an altmap hosts: the whole sections of [start, end). A part of a section is populated from ordinary memory, page by page,
 * whatever the altmap (vmemmap_populate(), arch/x86/mm/init_64.c). */
static inline void mhp_backing_body(const struct mhp_backing *backing, uint64_t start, uint64_t end, uint64_t *ret_start, uint64_t *ret_end) {
        *ret_start = MIN(mhp_align_up(start, backing->section), end);
        *ret_end = MAX(mhp_align_down(end, backing->section), *ret_start);
}
