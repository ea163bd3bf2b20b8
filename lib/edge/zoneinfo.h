/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* /proc/zoneinfo: how large the zones are and how full. */

#include "core/policy.h"
#include "edge/root.h"

#define MHP_RESERVES_MAX 8

struct mhp_zone_info {
        int node;
        enum mhp_zone zone;
        uint64_t free, min, high, spanned, present, managed, file; /* pages; file: on the zone's LRU lists */
        uint64_t pending; /* of these, dirty or under write */
        uint64_t reserve[MHP_RESERVES_MAX]; /* `protection`: kept from requests that would rather have the zone of that index */
};

struct mhp_zoneinfo {
        struct mhp_zone_info *zone; /* owned */
        size_t n, capacity;
};

int mhp_zoneinfo_parse(const char *text, size_t len, struct mhp_zoneinfo *ret);
int mhp_zoneinfo_read(const struct mhp_root *root, struct mhp_zoneinfo *ret);
void mhp_zoneinfo_done(struct mhp_zoneinfo *info);
#define _cleanup_zoneinfo_ _cleanup_(mhp_zoneinfo_done)

/* page_size in bytes. */
struct mhp_pressure mhp_zoneinfo_pressure(const struct mhp_zoneinfo *info, uint64_t page_size);

/* What is free of this machine's swap is room as well. */
void mhp_pressure_add_swap(struct mhp_pressure *pressure);

/* Bytes that the kernel can have for itself (GFP_KERNEL) without taking from anyone: free pages of the kernel's zones above their minimum and what
 * is kept for lower zones, and clean page cache. node -1: all of them. */
uint64_t mhp_zoneinfo_available(const struct mhp_zoneinfo *info, int node, uint64_t page_size);
