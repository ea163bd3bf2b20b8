/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What follows from a block's fields alone: the class of zone that it counts for, whether its goal is met, and the queue that it belongs into. */

#include "model/map-internal.h"

bool map_is_placed(const struct mhp_block *block) {
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
        if (map_is_placed(block))
                return placed_class(block);
        if (block->flags & (MHP_BLOCK_GAVE_UP | MHP_BLOCK_HANDS_OFF))
                return MHP_WANT_UNSET;
        return block->goal;
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
        if (!(block->flags & MHP_BLOCK_SETTLED) || block->flags & MHP_BLOCK_UNREAD)
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
