/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is derived from a block's fields: its share in the sums, its place in a queue. */

#include <string.h>

#include "model/map-internal.h"

static bool is_placed(const struct mhp_block *block) {
        return block->state == MHP_STATE_ONLINE || block->state == MHP_STATE_GOING_OFFLINE;
}

/* Of a block that is online. One that is on its way to another zone counts as being there, and one that another hand brought online before anybody
 * decided on it counts nowhere yet: else a burst of such blocks would be decided on as if each of them were there twice. What cannot be moved counts where
 * it is. */
static enum mhp_want placed_class(const struct mhp_block *block) {
        bool decided = block->goal == MHP_WANT_MOVABLE || block->goal == MHP_WANT_KERNEL;

        if (decided && !(block->flags & MHP_BLOCK_GAVE_UP) && block->zone != MHP_ZONE_NONE)
                return block->goal;
        if (block->goal == MHP_WANT_UNSET && block->flags & MHP_BLOCK_ARRIVED)
                return MHP_WANT_UNSET;
        return mhp_zone_class(block->zone);
}

enum mhp_want mhp_block_held(const struct mhp_block *block) {
        if (is_placed(block))
                return placed_class(block);
        if (block->flags & (MHP_BLOCK_GAVE_UP | MHP_BLOCK_HANDS_OFF))
                return MHP_WANT_UNSET;
        return block->goal;
}

static void count(uint32_t *sum, bool yes, int sign) {
        if (yes)
                *sum += (uint32_t) sign;
}

static void sums_add(struct mhp_sums *sums, const struct mhp_block *block, int sign) {
        enum mhp_want placed = is_placed(block) ? mhp_zone_class(block->zone) : MHP_WANT_UNSET;
        enum mhp_want held = mhp_block_held(block);

        count(&sums->n_blocks, true, sign);
        count(&sums->n_online, is_placed(block), sign);
        count(&sums->n_offline, block->state == MHP_STATE_OFFLINE, sign);
        count(&sums->n_placed_movable, placed == MHP_WANT_MOVABLE, sign);
        count(&sums->n_placed_kernel, placed == MHP_WANT_KERNEL, sign);
        count(&sums->n_held_movable, held == MHP_WANT_MOVABLE, sign);
        count(&sums->n_held_kernel, held == MHP_WANT_KERNEL, sign);
        count(&sums->n_gave_up, block->flags & MHP_BLOCK_GAVE_UP, sign);
}

static void group_add(struct mhp_group *group, const struct mhp_block *block, int sign) {
        enum mhp_want placed = is_placed(block) ? mhp_zone_class(block->zone) : MHP_WANT_UNSET;
        enum mhp_want held = mhp_block_held(block);
        /* Wherever it is just now: sooner or later it is there, or what is will be accepted. */
        bool anchor = block->reason != MHP_REASON_ACCEPTED;

        if (sign > 0) {
                group->first = group->n_blocks == 0 ? block->nr : MIN(group->first, block->nr);
                group->last = group->n_blocks == 0 ? block->nr : MAX(group->last, block->nr);
        }
        count(&group->n_blocks, true, sign);
        count(&group->n_online, is_placed(block), sign);
        count(&group->n_movable, placed == MHP_WANT_MOVABLE, sign);
        count(&group->n_held_movable, held == MHP_WANT_MOVABLE, sign);
        count(&group->n_held_kernel, held == MHP_WANT_KERNEL, sign);
        count(&group->n_anchor_movable, anchor && block->goal == MHP_WANT_MOVABLE, sign);
        count(&group->n_anchor_kernel, anchor && block->goal == MHP_WANT_KERNEL, sign);
}

bool mhp_block_goal_met(const struct mhp_block *block) {
        switch ((enum mhp_want) block->goal) {
        case MHP_WANT_MOVABLE:
        case MHP_WANT_KERNEL:
                return block->state == MHP_STATE_ONLINE && mhp_zone_class(block->zone) == block->goal;
        case MHP_WANT_NONE:
                return block->state == MHP_STATE_OFFLINE;
        case MHP_WANT_UNSET:
        case MHP_WANT_AUTO:
        case _MHP_WANT_MAX:
                break;
        }
        return false;
}

/* A block that work is to be done on: at once, later, or never again. */
static enum mhp_queue work_queue(const struct mhp_block *block, enum mhp_queue queue) {
        if (block->flags & MHP_BLOCK_GAVE_UP)
                return MHP_QUEUE_NONE;
        return block->retry_at > 0 ? MHP_QUEUE_WAITING : queue;
}

static enum mhp_queue offline_queue(const struct mhp_block *block) {
        if (block->flags & MHP_BLOCK_HANDS_OFF)
                return MHP_QUEUE_NONE;

        switch ((enum mhp_want) block->goal) {
        case MHP_WANT_UNSET:
                return MHP_QUEUE_UNDECIDED;
        case MHP_WANT_MOVABLE:
                return work_queue(block, MHP_QUEUE_ONLINE_MOVABLE);
        case MHP_WANT_KERNEL:
                return work_queue(block, MHP_QUEUE_ONLINE_KERNEL);
        case MHP_WANT_NONE:
        case MHP_WANT_AUTO:
        case _MHP_WANT_MAX:
                break;
        }
        return MHP_QUEUE_NONE;
}

static enum mhp_queue online_queue(const struct mhp_block *block) {
        /* Online in a zone that cannot be read: there is nothing to compare a goal with. */
        if (mhp_zone_class((enum mhp_zone) block->zone) == MHP_WANT_UNSET)
                return MHP_QUEUE_NONE;
        if (block->goal == MHP_WANT_UNSET)
                return MHP_QUEUE_UNDECIDED;
        if (mhp_block_goal_met(block))
                return MHP_QUEUE_NONE;
        if (block->flags & MHP_BLOCK_REPAIRING || (block->goal == MHP_WANT_NONE && block->reason == MHP_REASON_REMOVAL))
                return work_queue(block, MHP_QUEUE_OFFLINE);
        return MHP_QUEUE_DRIFT;
}

enum mhp_queue mhp_block_queue(const struct mhp_block *block) {
        if (block->flags & MHP_BLOCK_BUSY)
                return MHP_QUEUE_BUSY;
        if (!(block->flags & MHP_BLOCK_SETTLED))
                return MHP_QUEUE_UNSETTLED;

        switch ((enum mhp_state) block->state) {
        case MHP_STATE_OFFLINE:
                return offline_queue(block);
        case MHP_STATE_ONLINE:
                return online_queue(block);
        case MHP_STATE_UNKNOWN:
        case MHP_STATE_GOING_OFFLINE:
        case _MHP_STATE_MAX:
                break;
        }
        return MHP_QUEUE_NONE;
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
