/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Arithmetic on a machine's geometry (struct mhp_geometry in mhp.h), and whether the kernel would let a memmap lie in the memory that it
 * describes. */

#include "base/macro.h"
#include "mhp.h"

static inline uint64_t mhp_align_down(uint64_t v, uint64_t power) {
        return v & ~(power - 1);
}

/* Saturates below 2^64 where the true answer is 2^64. */
static inline uint64_t mhp_align_up(uint64_t v, uint64_t power) {
        uint64_t up = mhp_align_down(v + (power - 1), power);

        return up < v ? mhp_align_down(UINT64_MAX, power) : up;
}

/* Bytes of memmap for so many bytes of memory; struct_page is at most a page, so this cannot overflow. */
static inline uint64_t mhp_memmap_size(const struct mhp_geometry *geometry, uint64_t size) {
        return size / geometry->page_size * geometry->struct_page;
}

/* What a 64-bit kernel that is not known is likely to have: tables of a page each with entries of 8 bytes. page_size: 4 KiB to 64 KiB. */
void mhp_geometry_generic(uint64_t page_size, struct mhp_geometry *ret);

/* The block size is always read, and no section is larger than a block. */
void mhp_geometry_set_block(struct mhp_geometry *geometry, uint64_t block_size);

/* What one mapping of the vmemmap covers where a section is populated as a whole: a PMD if a section's memmap is made of these,
 * else a page (vmemmap_populate() of the architectures). */
uint64_t mhp_vmemmap_leaf(const struct mhp_geometry *geometry);
