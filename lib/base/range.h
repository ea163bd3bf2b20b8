/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Sets of block numbers as sorted, disjoint, non-touching ranges: `32-39,41`. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "base/text.h"

/* The largest block number taken. The kernel's block ids stay far below it on every architecture (52 bits of physical
 * address, 16 MiB the smallest section), and a 32-bit index keeps the map small. */
#define MHP_BLOCK_MAX (UINT32_MAX - 1)
#define MHP_NO_BLOCK UINT32_MAX

struct mhp_range {
        uint32_t first, last; /* block numbers, both inside */
};

struct mhp_ranges {
        struct mhp_range *range; /* owned */
        size_t n, capacity;
};

void mhp_ranges_done(struct mhp_ranges *ranges);
#define _cleanup_ranges_ _cleanup_(mhp_ranges_done)

/* Adds first..last, joining what overlaps or touches. -ENOMEM. Appending in ascending order is O(1). */
int mhp_ranges_add(struct mhp_ranges *ranges, uint32_t first, uint32_t last);
int mhp_ranges_remove(struct mhp_ranges *ranges, uint32_t first, uint32_t last);
bool mhp_ranges_contain(const struct mhp_ranges *ranges, uint32_t nr);
uint64_t mhp_ranges_count(const struct mhp_ranges *ranges);

/* `32`, `32-39`, `32-39,41`; also `memory32`, as the sysfs directory is called. -EINVAL: not of this form or a range upside down, -ERANGE: above MHP_BLOCK_MAX. */
int mhp_ranges_parse(const char *s, struct mhp_ranges *ret);
void mhp_ranges_print(const struct mhp_ranges *ranges, struct mhp_text *text);
