/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a map keeps of its blocks: the sums that each has a share in, and the queues. */

#include <string.h>

#include "model/map-internal.h"

static void count(uint32_t *sum, bool yes, int sign) {
        if (yes)
                *sum += (uint32_t) sign;
}

static void sums_add(struct mhp_sums *sums, const struct mhp_block *block, int sign) {
        enum mhp_want placed = map_is_placed(block) ? mhp_zone_class(block->zone) : MHP_WANT_UNSET;
        enum mhp_want held = mhp_block_held(block);

        count(&sums->n_blocks, true, sign);
        count(&sums->n_online, map_is_placed(block), sign);
        count(&sums->n_offline, block->state == MHP_STATE_OFFLINE, sign);
        count(&sums->n_placed_movable, placed == MHP_WANT_MOVABLE, sign);
        count(&sums->n_placed_kernel, placed == MHP_WANT_KERNEL, sign);
        count(&sums->n_held_movable, held == MHP_WANT_MOVABLE, sign);
        count(&sums->n_held_kernel, held == MHP_WANT_KERNEL, sign);
        count(&sums->n_gave_up, block->flags & MHP_BLOCK_GAVE_UP, sign);
}

static void group_add(struct mhp_group *group, const struct mhp_block *block, int sign) {
        enum mhp_want placed = map_is_placed(block) ? mhp_zone_class(block->zone) : MHP_WANT_UNSET;
        enum mhp_want held = mhp_block_held(block);
        /* Wherever it is just now: sooner or later it is there, or what is will be accepted. */
        bool anchor = block->reason != MHP_REASON_ACCEPTED;

        if (sign > 0) {
                group->first = group->n_blocks == 0 ? block->nr : MIN(group->first, block->nr);
                group->last = group->n_blocks == 0 ? block->nr : MAX(group->last, block->nr);
        }
        count(&group->n_blocks, true, sign);
        count(&group->n_online, map_is_placed(block), sign);
        count(&group->n_movable, placed == MHP_WANT_MOVABLE, sign);
        count(&group->n_held_movable, held == MHP_WANT_MOVABLE, sign);
        count(&group->n_held_kernel, held == MHP_WANT_KERNEL, sign);
        count(&group->n_anchor_movable, anchor && block->goal == MHP_WANT_MOVABLE, sign);
        count(&group->n_anchor_kernel, anchor && block->goal == MHP_WANT_KERNEL, sign);
}

static void queue_unlink(struct mhp_map *map, struct mhp_block *block) {
        struct mhp_queue_head *head = &map->queues[block->queue];

        if (block->prev == MHP_NO_BLOCK)
                head->head = block->next;
        else
                map_find(map, block->prev)->next = block->next;

        if (block->next == MHP_NO_BLOCK)
                head->tail = block->prev;
        else
                map_find(map, block->next)->prev = block->prev;

        block->prev = block->next = MHP_NO_BLOCK;
        head->n--;
}

void map_unqueue(struct mhp_map *map, struct mhp_block *block) {
        if (block->queue != MHP_QUEUE_NONE)
                queue_unlink(map, block);
        block->queue = MHP_QUEUE_NONE;
}

static void queue_append(struct mhp_map *map, struct mhp_block *block) {
        struct mhp_queue_head *head = &map->queues[block->queue];

        block->prev = head->tail;
        block->next = MHP_NO_BLOCK;
        if (head->tail == MHP_NO_BLOCK)
                head->head = block->nr;
        else
                map_find(map, head->tail)->next = block->nr;
        head->tail = block->nr;
        head->n++;
}

void map_take_out(struct mhp_map *map, struct mhp_block *block) {
        sums_add(&map->total, block, -1);
        sums_add(map_node_sums(map, block->node), block, -1);
        if (block->group != MHP_NO_GROUP)
                group_add(&map->groups[block->group], block, -1);
        if (block->removal != 0)
                map_count_member(map, block, -1);
}

void map_put_in(struct mhp_map *map, struct mhp_block *block) {
        enum mhp_queue queue = mhp_block_queue(block);

        sums_add(&map->total, block, 1);
        sums_add(map_node_sums(map, block->node), block, 1);
        if (block->group != MHP_NO_GROUP)
                group_add(&map->groups[block->group], block, 1);
        if (block->removal != 0)
                map_count_member(map, block, 1);

        if (queue != block->queue) {
                map_unqueue(map, block);
                block->queue = queue;
                if (queue != MHP_QUEUE_NONE)
                        queue_append(map, block);
        }
}
