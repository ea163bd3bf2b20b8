/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files that make up the map: storage (map.c), sums and queues (map-sums.c), events (map-apply.c,
 * map-transition.c). */

#include "model/map.h"

/* block-queue.c: online, or about to leave a zone that it still is in. */
bool map_is_placed(const struct mhp_block *block);

/* The block, made if it is not there yet with every field at its default and in no sum. -ENOMEM. */
int map_obtain(struct mhp_map *map, uint32_t nr, struct mhp_block **ret, bool *ret_new);
struct mhp_block *map_find(struct mhp_map *map, uint32_t nr);

/* Drops a block that is in no sum and no queue any more. */
void map_drop(struct mhp_map *map, uint32_t nr);

/* The slot of the group with that name, made if need be. -ENOMEM; -EINVAL: the name is empty or too long. */
int map_obtain_group(struct mhp_map *map, const char *name, enum mhp_source source, uint32_t *ret);

/* Room for the node in map->nodes. */
int map_obtain_node(struct mhp_map *map, int node);

/* Take a block's share out of sums, group and queue; put it back. A block may be changed only between the two. */
void map_take_out(struct mhp_map *map, struct mhp_block *block);
void map_put_in(struct mhp_map *map, struct mhp_block *block);

/* Out of its queue for good: before map_drop(). */
void map_unqueue(struct mhp_map *map, struct mhp_block *block);

/* Frees the slot of a group without blocks: a device of the same name that comes later must not inherit its goal. */
void map_sweep_group(struct mhp_map *map, uint32_t group);

/* map-removal.c. A member's share in the sums of its removal, which is there. */
void map_count_member(struct mhp_map *map, const struct mhp_block *block, int sign);
int map_apply_removal(struct mhp_map *map, uint32_t id, const struct mhp_removal *removal);
int map_apply_member(const struct mhp_map *map, struct mhp_block *block, uint32_t id, enum mhp_zone home);
int map_apply_count(const struct mhp_map *map, struct mhp_block *block, const struct mhp_tally *tally);

/* map-transition.c. Where the block's history begins; what another hand's act makes of it (enum mhp_change bits); the end of a settle. */
void map_init_block(const struct mhp_map *map, struct mhp_block *block, uint64_t now);
int map_note_transition(struct mhp_map *map, struct mhp_block *block, const struct mhp_block *was, uint64_t now);
void map_take_away(struct mhp_block *block); /* GOING_OFFLINE, by another hand */
int map_settle(struct mhp_map *map, struct mhp_block *block, const struct mhp_event *event);
/* A goal, with no failures behind it; the block's place as its goal. */
void map_set_goal(struct mhp_block *block, enum mhp_want want, enum mhp_reason reason, uint8_t rule);
void map_accept_place(struct mhp_block *block);
void map_forget_failures(struct mhp_block *block);

static inline struct mhp_sums *map_node_sums(struct mhp_map *map, int node) {
        return &map->nodes[node + 1];
}
