/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What becomes of a block when it arrives, and when another hand moves it.
 *
 * mhpd hears of both in the same way: a block's state differs from what it was. Three cases have to be told apart, for they are answered
 * differently. A block that another hand brings online while mhpd is about to do so lost a race: it is astray, and is put right. So is what
 * an ACPI eject that failed has brought back, for the kernel chooses a zone of its own then. Everything else is a decision: whoever takes
 * offline, or moves, a block that had its place wants it so, and it stays so. */

#include <errno.h>

#include "base/units.h"
#include "model/map-internal.h"

/* How long after its last offline an ACPI eject may still be at work on a DIMM: it tries the blocks that stay once more. */
#define EJECT_USEC (10 * USEC_PER_SEC)
/* How long after its `add` a block is still what arrives for others: udev works off the events of a DIMM in that time. */
#define ARRIVAL_USEC (10 * USEC_PER_SEC)

void map_forget_failures(struct mhp_block *block) {
        block->flags &= (uint16_t) ~(MHP_BLOCK_GAVE_UP | MHP_BLOCK_TOLD);
        block->attempts = 0;
        block->error = 0;
        block->retry_at = 0;
}

/* A new goal starts with no failures behind it. */
void map_set_goal(struct mhp_block *block, enum mhp_want want, enum mhp_reason reason, uint8_t rule) {
        block->goal = want;
        block->reason = reason;
        block->rule = rule;
        block->flags &= (uint16_t) ~MHP_BLOCK_REPAIRING;
        map_forget_failures(block);
}

/* Where it is is its place from now on. */
void map_accept_place(struct mhp_block *block) {
        map_set_goal(block, block->state == MHP_STATE_OFFLINE ? MHP_WANT_NONE : mhp_zone_class(block->zone), MHP_REASON_ACCEPTED, 0);
        block->flags &= (uint16_t) ~MHP_BLOCK_ASTRAY;
}

/* A member that was offline and is online again; whether it is fought for is not the map's affair. */
static int come_back(struct mhp_block *block) {
        if (block->removal != 0 && block->reason == MHP_REASON_REMOVAL)
                map_accept_place(block);
        return block->removal != 0 ? MHP_CHANGE_FOREIGN_ONLINE : 0;
}

/* The last member of its unit that was online is offline now. */
static void note_taken(struct mhp_map *map, const struct mhp_block *block, uint64_t now) {
        if (block->group == MHP_NO_GROUP)
                return;
        struct mhp_group *group = &map->groups[block->group];

        /* The block's own share is out of the sums while it changes. */
        group->taken_at = now;
        group->taken_whole = group->n_online == 0;
}

/* Another hand is at it. No event tells of a block that stays online in the end, so that its state has to be waited for: it is not settled. */
void map_take_away(struct mhp_block *block) {
        block->flags |= MHP_BLOCK_TAKEN;
        block->flags &= (uint16_t) ~MHP_BLOCK_SETTLED;
}

/* Another hand has taken the block offline. */
static int lose(struct mhp_map *map, struct mhp_block *block, uint64_t now) {
        block->flags |= MHP_BLOCK_HANDS_OFF;
        block->home = MHP_ZONE_UNSET; /* not ours to bring back */
        block->flags &= (uint16_t) ~(MHP_BLOCK_REPAIRING | MHP_BLOCK_OURS | MHP_BLOCK_ASTRAY | MHP_BLOCK_TAKEN);
        map_forget_failures(block);
        note_taken(map, block, now);
        return MHP_CHANGE_FOREIGN_OFFLINE;
}

/* An ACPI eject that fails brings back what it had taken offline, in another zone: acpi_scan_try_to_offline() and acpi_bus_online()
 * (drivers/acpi/scan.c, 6.1 to 7.3). At least one block has stayed online then, for an eject that takes all of them does not fail here. */
static bool is_failed_eject(const struct mhp_map *map, const struct mhp_block *block, const struct mhp_block *was, uint64_t now) {
        const struct mhp_group *group = mhp_map_group(map, block);

        if (!group || group->source != MHP_SOURCE_ACPI || group->taken_whole)
                return false;
        if (was->state == MHP_STATE_OFFLINE)
                return was->flags & MHP_BLOCK_HANDS_OFF && now < mhp_add_sat(group->taken_at, EJECT_USEC);
        return was->state != MHP_STATE_UNKNOWN; /* both were over before it was read */
}

/* mhpd has not brought it online yet. One that it has given up on is still arriving for others for a while. */
static bool is_awaited(const struct mhp_block *was, bool arriving) {
        if (was->state == MHP_STATE_ONLINE || was->state == MHP_STATE_GOING_OFFLINE || was->flags & MHP_BLOCK_HANDS_OFF)
                return false;
        if (was->flags & MHP_BLOCK_GAVE_UP)
                return arriving;
        /* Where it is to stay offline, a rule that brings all online that arrives comes too late to be waited for. */
        return was->goal != MHP_WANT_NONE || (arriving && was->reason != MHP_REASON_REQUESTED && was->reason != MHP_REASON_REMOVAL);
}

/* Whether nobody has decided that the block be where another hand has just brought it. An act on a block that had its place is a decision. */
static bool is_astray(const struct mhp_map *map, const struct mhp_block *block, const struct mhp_block *was, uint64_t now) {
        bool arriving = was->flags & MHP_BLOCK_ARRIVED && now < mhp_add_sat(was->arrived_at, ARRIVAL_USEC);

        if (mhp_block_goal_met(block))
                return false;
        return was->flags & MHP_BLOCK_ASTRAY || is_awaited(was, arriving) || is_failed_eject(map, block, was, now);
}

static int come_online(const struct mhp_map *map, struct mhp_block *block, const struct mhp_block *was, uint64_t now) {
        bool taken = was->state != MHP_STATE_OFFLINE || was->flags & MHP_BLOCK_HANDS_OFF;
        /* Not at its arrival, where the hand that was faster has taken it from nowhere; but one that brings online what is to stay offline may not be done. */
        int moved = taken || (was->goal == MHP_WANT_NONE && was->reason != MHP_REASON_REMOVAL) ? MHP_CHANGE_FOREIGN_MOVE : 0;

        /* Half of a repair was ours, the other half another hand's: that is judged anew, or the two would go on for ever. */
        block->flags &= (uint16_t) ~(MHP_BLOCK_REPAIRING | MHP_BLOCK_OURS | MHP_BLOCK_ASTRAY);
        if (is_astray(map, block, was, now))
                block->flags |= MHP_BLOCK_ASTRAY;
        map_forget_failures(block);
        return moved | (was->state == MHP_STATE_OFFLINE ? come_back(block) : 0);
}

/* What becomes of a block's history when another hand moved it. What comes of our own writes is for apply_outcome() to judge. */
int map_note_transition(struct mhp_map *map, struct mhp_block *block, const struct mhp_block *was, uint64_t now) {
        bool was_online = was->state == MHP_STATE_ONLINE || was->state == MHP_STATE_GOING_OFFLINE;

        if (was->state == MHP_STATE_OFFLINE && block->state == MHP_STATE_ONLINE)
                block->flags &= (uint16_t) ~MHP_BLOCK_HANDS_OFF;
        /* A settle has a settled block only because it could not be read; of one that was written to meanwhile, the state was lost sight of. */
        bool unread = was->flags & MHP_BLOCK_UNREAD && was->flags & MHP_BLOCK_SETTLED;

        if (block->flags & MHP_BLOCK_BUSY && !unread)
                return 0;
        if (block->state == MHP_STATE_GOING_OFFLINE && !(block->flags & MHP_BLOCK_BUSY))
                map_take_away(block);
        if (unread && was->state == MHP_STATE_UNKNOWN)
                return 0;
        if (was_online && block->state == MHP_STATE_OFFLINE)
                return lose(map, block, now);
        if (block->state == MHP_STATE_ONLINE && (was->state == MHP_STATE_OFFLINE || was->zone != block->zone))
                return come_online(map, block, was, now);
        return 0;
}

/* A block seen for the first time. What is online when mhpd first looks is as it should be, also if it is on its way offline just then;
 * everything else has arrived. */
void map_init_block(const struct mhp_map *map, struct mhp_block *block, uint64_t now) {
        if (map->scanned || (block->state != MHP_STATE_ONLINE && block->state != MHP_STATE_GOING_OFFLINE)) {
                block->flags |= MHP_BLOCK_ARRIVED | (block->state == MHP_STATE_ONLINE ? MHP_BLOCK_ASTRAY : 0);
                block->arrived_at = now;
                return;
        }
        block->reason = MHP_REASON_FOUND_ONLINE;
        if (block->state == MHP_STATE_GOING_OFFLINE) {
                map_take_away(block);
                return;
        }
        block->flags |= MHP_BLOCK_SETTLED;
        block->goal = mhp_zone_class(block->zone);
}

/* Nobody looked while it was being settled. What another hand was taking offline is offline now, or stays where it was. */
int map_settle(struct mhp_map *map, struct mhp_block *block, const struct mhp_event *event) {
        bool taken = block->flags & MHP_BLOCK_TAKEN;

        if (block->state == MHP_STATE_GOING_OFFLINE) {
                map_take_away(block); /* one that began after the wait */
                return 0;
        }
        if (block->flags & MHP_BLOCK_SETTLED) /* it was read again, and what that showed is judged */
                return 0;
        if (event->error == 0) {
                block->flags |= MHP_BLOCK_SETTLED;
                block->flags &= (uint16_t) ~MHP_BLOCK_TAKEN;
        }
        if (taken && block->state == MHP_STATE_OFFLINE && block->goal != MHP_WANT_NONE)
                return lose(map, block, event->now);
        if (taken && block->state == MHP_STATE_ONLINE && block->reason == MHP_REASON_FOUND_ONLINE)
                block->goal = mhp_zone_class(block->zone);
        if (taken || block->state != MHP_STATE_ONLINE)
                return 0;
        block->flags |= mhp_block_goal_met(block) ? 0 : MHP_BLOCK_ASTRAY;
        return come_back(block);
}
