/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which memory leaves, and in which order. Looks only; the ring goes by it, and `mhpctl plan` shows it. */

#include "base/range.h"
#include "core/policy.h"
#include "model/map.h"
#include "model/removal.h"
#include "mhp.h"

/* What a target is: blocks, or a size of whatever is best given back. */
struct mhp_target {
        enum mhp_removal_verb verb;
        struct mhp_ranges blocks; /* owned; n == 0: a size */
        uint64_t size;            /* bytes; never more, */
        bool at_least;            /* or never less */
        struct mhp_ranges except; /* owned: no candidates, for they were tried in vain */
        bool hold_first;          /* the device is about to give memory back in its own order: keep it from that before anything else */
        uint64_t keep;            /* bytes that the group of `blocks` keeps (`--to`); MHP_KEEP_NONE: nothing */
};
void mhp_target_done(struct mhp_target *target);
#define _cleanup_target_ _cleanup_(mhp_target_done)

/* Whether there is something to choose. */
static inline bool mhp_target_is_sized(const struct mhp_target *target) {
        return target->blocks.n == 0 || target->keep != MHP_KEEP_NONE;
}

/* `4G`, or `4G+` for at least 4G. -EINVAL: it is no size, or nothing; -ERANGE. */
int mhp_target_parse_size(const char *s, uint64_t *ret_size, bool *ret_at_least);

/* Why a block is where it is in the order, or is no candidate. Tokens: mhp_rank_name(). */
enum mhp_rank {
        MHP_RANK_OFFLINE,   /* `already-offline`: nothing to do */
        MHP_RANK_EMPTY,     /* `empty`: nothing to move */
        MHP_RANK_MOVABLE,   /* `movable`: in Movable; what lies in it moves */
        MHP_RANK_KERNEL,    /* `kernel-zone`: in a kernel zone, and nothing seen in it that stays */
        MHP_RANK_FIXED,     /* `fixed-pages`: pages in it stay, as things are */
        MHP_RANK_NEVER,     /* `never`: zone none, or a block that the kernel refuses for ever */
        _MHP_RANK_MAX,
};
const char *mhp_rank_name(enum mhp_rank rank);

/* From zone and counts; a block that was not counted is taken for MOVABLE or KERNEL by its zone. Refused for ever is what the kernel holds to have
 * holes (EINVAL) or to be bound to the machine (EPERM). */
enum mhp_rank mhp_rank_of(const struct mhp_block *block);

struct mhp_plan_item {
        uint32_t nr;
        uint32_t group;   /* index into map->groups, MHP_NO_GROUP */
        uint32_t unit;    /* blocks of one unit leave together; units in the order of their turn, from 0 */
        uint32_t layer;   /* all of a lower layer have to be offline first: memmap lies in blocks of this one */
        uint32_t used;    /* pages to move; 0 also where not counted */
        uint8_t rank;     /* enum mhp_rank */
};

struct mhp_plan {
        struct mhp_plan_item *items; /* owned; in the order of their going */
        size_t n_items, capacity;
        uint32_t n_units;
        struct mhp_ranges cycle;     /* owned: blocks whose memmaps lie in each other; n == 0: none */
};
void mhp_plan_done(struct mhp_plan *plan);
#define _cleanup_plan_ _cleanup_(mhp_plan_done)

/* The blocks that a size may be chosen of: for OFFLINE every block that is online in Movable, and blocks in kernel zones that were not there at boot; for UNPLUG what can
 * leave the machine (acpi, dax, and, if these do not suffice, what is online of virtio-mem). With `keep`: those of target->blocks that are there, online or
 * not. Never zone none, what another removal has, `except`, or (but for `keep`) what is online and was given up; of a DIMM or dax device all blocks
 * are candidates, or none. */
int mhp_plan_candidates(const struct mhp_map *map, const struct mhp_target *target, struct mhp_ranges *ret);

/* The choice: of DIMMs and dax devices whole ones (for UNPLUG; single blocks for OFFLINE), the greatest sum that is not more than the size, of these the
 * cheapest: with the fewest blocks that hold fixed pages, then the fewest in kernel zones, then the fewest pages to move. What is missing is made up of single
 * blocks of virtio-mem, or of what the device gives back at a time, best rank first. Fixed pages are taken only if that gives more. With `at_least` it
 * is the least sum that is enough: single blocks only where whole devices do not suffice, devices with fixed pages where these do not either. With `keep`: as
 * many blocks of target->blocks as leave no less than that, best rank first, offline ones first of all. Else all of target->blocks. 0; -ENOSPC: there is
 * not that much to be had, *ret is all there is; -ERANGE: nothing is as small as that, *ret is the smallest that could go. */
int mhp_plan_choose(const struct mhp_map *map, const struct mhp_target *target, struct mhp_ranges *ret);

/* How many blocks were asked for; a part of one is one. More than the choice has: the rest is less than anything that could go. */
uint64_t mhp_plan_asked(const struct mhp_map *map, const struct mhp_target *target);

/* `the smallest that can leave is acpi:PNP0C80:01, 8G; name it`, of what mhp_plan_choose() gives with -ERANGE. */
void mhp_plan_smallest_words(const struct mhp_map *map, enum mhp_removal_verb verb, const struct mhp_ranges *smallest, struct mhp_text *words);

/* What is in the blocks of a plan has to go somewhere, and what is free in them goes with them. If that is more than there is, the kernel makes room by
 * killing processes (migrate_pages() allocates its targets with GFP_USER, mm/memory_hotplug.c): nobody who asks for memory wants that. False: there is no
 * room, and `words` gets by how much. A block that was not counted is taken for full, but all such blocks in Movable together for no more than is used
 * of Movable. Free huge pages need no room: the kernel puts others that are in use there, or dissolves them. With pressure->page_size 0 nothing is known,
 * and it is true. */
bool mhp_plan_has_room(const struct mhp_map *map, const struct mhp_plan *plan, const struct mhp_pressure *pressure, struct mhp_text *words);

/* The order: with by_unit, device by device: hosts of others' memmap after these, then whole devices (one unit each) before such as give single blocks (each a
 * unit of its own), then the cheapest first; without, all as one unit. In it by layer, rank, pages to move (a block that was not counted is
 * taken for full), highest block first. backing may be NULL: no block's memmap lies in another. Blocks that are not in the map are passed
 * over. -ENOMEM only: with a cycle, *ret has it, and the blocks of it come last, in one layer. */
int mhp_plan_order(const struct mhp_map *map, const struct mhp_ranges *blocks, bool by_unit, const struct mhp_backing *backing, struct mhp_plan *ret);
