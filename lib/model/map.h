/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What mhpd believes of the machine's memory.
 *
 * Blocks lie in chunks of 256 consecutive numbers, sorted: a lookup is a binary search over few chunks, walking is in
 * order of address, and an arrival moves at most the chunk index. Each block stands in one queue, a list through the
 * blocks themselves. Sums per node and per group, and the queue, are functions of a block's fields; map_apply() takes a
 * block's share out, changes it and puts the share back, so nothing is ever counted anew. */

#include "model/event.h"
#include "model/group.h"
#include "model/removal.h"

#define MHP_CHUNK_BLOCKS 256
#define MHP_NODE_MAX 1023 /* the kernel's CONFIG_NODES_SHIFT ends at 10 */

struct mhp_chunk {
        uint32_t base;                             /* first block number, a multiple of MHP_CHUNK_BLOCKS */
        uint32_t n;                                /* blocks present */
        uint64_t present[MHP_CHUNK_BLOCKS / 64];
        struct mhp_block block[MHP_CHUNK_BLOCKS];
};

/* In blocks. "placed": online in such a zone. "held": with a goal to be there, or placed: what the ratio is computed with, mhp_block_held(). */
struct mhp_sums {
        uint32_t n_blocks, n_online, n_offline;
        uint32_t n_placed_movable, n_placed_kernel;
        uint32_t n_held_movable, n_held_kernel;
        uint32_t n_gave_up;
};

struct mhp_queue_head {
        uint32_t head, tail; /* block numbers or MHP_NO_BLOCK; first in, first out */
        uint32_t n;
};

/* Of the members of a removal. */
struct mhp_member_sums {
        uint32_t n;
        uint32_t n_online;
        uint32_t n_away;    /* offline, with a home to go back to */
        uint32_t n_lost;    /* of these, given up: they do not come back */
        uint32_t n_active;  /* their turn has come: to be taken offline at once, or in the step under way */
        uint32_t n_waiting; /* to be tried again later, or when another hand is done with them */
        uint32_t n_gave_up; /* online, and the kernel does not let them go */
};

struct mhp_map {
        uint64_t block_size; /* bytes */
        struct mhp_chunk **chunks; /* sorted by base; owned, as are the chunks */
        size_t n_chunks, chunks_capacity;
        size_t n_blocks;
        struct mhp_group *groups; /* slots; free ones have n_blocks 0 and no name */
        size_t n_groups, groups_capacity;
        uint32_t last_group; /* the slot asked for last */
        struct mhp_sums total;
        struct mhp_sums *nodes; /* index: node + 1; [0] is node not known; owned */
        size_t n_nodes, nodes_capacity;
        struct mhp_queue_head queues[_MHP_QUEUE_MAX];
        struct mhp_removal *removals; /* by id; owned */
        size_t n_removals, removals_capacity;
        struct mhp_member_sums *members; /* of the removal with the same index; owned */
        size_t members_capacity;
        bool scanned;  /* a first scan has ended */
        bool scanning;
};

/* block_size in bytes, a power of two, not below 1 MiB: -EINVAL. */
int mhp_map_new(uint64_t block_size, struct mhp_map **ret);
DEFINE_CLEANUP(struct mhp_map *, mhp_map_free)
#define _cleanup_map_ _cleanup_(mhp_map_freep)

/* What an event did; the ring makes its reports from it. */
enum mhp_change {
        MHP_CHANGE_NONE            = 0,
        MHP_CHANGE_NEW             = 1 << 0,
        MHP_CHANGE_STATE           = 1 << 1,
        MHP_CHANGE_ZONE            = 1 << 2,
        MHP_CHANGE_GROUP           = 1 << 3,
        MHP_CHANGE_GOAL            = 1 << 4,
        MHP_CHANGE_GONE            = 1 << 5,
        MHP_CHANGE_FOREIGN_OFFLINE = 1 << 6, /* it went offline and mhpd was not doing that */
        MHP_CHANGE_DONE            = 1 << 7, /* an OUTCOME: online where the goal said */
        MHP_CHANGE_FOREIGN_ONLINE  = 1 << 9, /* a member that was offline is online again, and mhpd was not doing that */
        MHP_CHANGE_FOREIGN_MOVE    = 1 << 10, /* another hand that took it from where it was has brought it online again, there or elsewhere */
        MHP_CHANGE_FAILED          = 1 << 8, /* an OUTCOME: it failed, or the block is not where it should be */
};

/* The only function that changes a map. Returns enum mhp_change bits, or -ENOMEM; an event that makes no sense (a block that is
 * not there) changes nothing and returns 0. */
int mhp_map_apply(struct mhp_map *map, const struct mhp_event *event);

/* NULL: not there. The pointer lives until the next mhp_map_apply(). */
const struct mhp_block *mhp_map_find(const struct mhp_map *map, uint32_t nr);

/* The first block at or after nr; NULL: none. */
const struct mhp_block *mhp_map_at_or_after(const struct mhp_map *map, uint32_t nr);

const struct mhp_group *mhp_map_group(const struct mhp_map *map, const struct mhp_block *block); /* NULL: not known */
const struct mhp_group *mhp_map_find_group(const struct mhp_map *map, const char *name);
const struct mhp_removal *mhp_map_removal(const struct mhp_map *map, uint32_t id); /* NULL: there is none */
const struct mhp_member_sums *mhp_map_members(const struct mhp_map *map, uint32_t id); /* never NULL: zeroes if there is none */
const struct mhp_sums *mhp_map_node(const struct mhp_map *map, int node); /* never NULL: zeroes for an unknown node */

/* Walk: for (b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b)) */
const struct mhp_block *mhp_map_next_block(const struct mhp_map *map, const struct mhp_block *block);

/* Whether a block is where its goal wants it. */
bool mhp_block_goal_met(const struct mhp_block *block);

/* Which kind of memory the block counts as: MOVABLE, KERNEL or UNSET. It is that kind, or is about to be. */
enum mhp_want mhp_block_held(const struct mhp_block *block);

/* Which queue a block belongs in, from its other fields alone. */
enum mhp_queue mhp_block_queue(const struct mhp_block *block);

/* For the text form: puts back a block with exactly these fields (numbers, links and queue aside), a unit's goal, the
 * scanned mark. -EEXIST: the block is there already; -EINVAL: the group name is too long or there is no such group; -ENOMEM. */
int mhp_map_restore_block(struct mhp_map *map, uint32_t nr, const struct mhp_block *fields, const char *group, enum mhp_source source);
/* What leaves in one piece with the block: the first block of that, *ret_n blocks. For most it is the block alone; a DIMM's whole is its group. */
uint32_t mhp_map_device_block(const struct mhp_map *map, const struct mhp_block *block, uint32_t *ret_n);

int mhp_map_restore_group(struct mhp_map *map, const struct mhp_group *as);
int mhp_map_restore_removal(struct mhp_map *map, const struct mhp_removal *removal); /* before its members; -EEXIST */
void mhp_map_restore_scanned(struct mhp_map *map, bool scanned);

/* For tests: recomputes every sum, count and queue and compares. True when all agree. */
bool mhp_map_consistent(const struct mhp_map *map);
