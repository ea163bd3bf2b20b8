/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The only way to change a map: one function for each type of event. Each takes the block's share out of the sums,
 * changes it and puts it back; whatever can fail comes before. */

#include <errno.h>
#include <string.h>

#include "model/map-internal.h"

static int apply_scan_begin(struct mhp_map *map) {
        /* The mark is in no sum, so it may be cleared without taking the blocks out. */
        for (size_t i = 0; i < map->n_chunks; i++)
                for (unsigned slot = 0; slot < MHP_CHUNK_BLOCKS; slot++)
                        map->chunks[i]->block[slot].flags &= (uint16_t) ~MHP_BLOCK_SEEN;
        map->scanning = true;
        return 0;
}

static int remove_block(struct mhp_map *map, struct mhp_block *block) {
        uint32_t group = block->group;

        map_take_out(map, block);
        map_unqueue(map, block);
        map_drop(map, block->nr);
        map_sweep_group(map, group);
        return MHP_CHANGE_GONE;
}

static int apply_scan_end(struct mhp_map *map) {
        int change = 0;

        if (!map->scanning)
                return 0;

        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b;) {
                uint32_t nr = b->nr;

                if (!(b->flags & MHP_BLOCK_SEEN))
                        change |= remove_block(map, map_find(map, nr));
                b = nr < MHP_BLOCK_MAX ? mhp_map_at_or_after(map, nr + 1) : NULL;
        }
        map->scanning = false;
        map->scanned = true;
        return change;
}

static void read_into(struct mhp_block *block, const struct mhp_reading *reading) {
        enum mhp_state was = (enum mhp_state) block->state;

        block->state = reading->state;
        /* Going offline it still is where it was, but valid_zones already lists where it might go. */
        if (reading->state != MHP_STATE_GOING_OFFLINE)
                block->zone = reading->state == MHP_STATE_ONLINE ? reading->zone : MHP_ZONE_UNSET;
        if (reading->state == MHP_STATE_OFFLINE && reading->valid)
                block->valid = reading->valid;
        if (reading->state != was)
                block->flags &= (uint16_t) ~(MHP_BLOCK_COUNTED | MHP_BLOCK_CHEAP);
        block->flags &= (uint16_t) ~(MHP_BLOCK_CHOSEN | MHP_BLOCK_UNREAD);
        if (reading->chosen)
                block->flags |= MHP_BLOCK_CHOSEN;
        if (reading->node >= 0) {
                block->node = reading->node;
                block->n_nodes = reading->n_nodes;
        }
}

static int apply_block(struct mhp_map *map, const struct mhp_reading *reading, uint64_t now) {
        uint32_t group = MHP_NO_GROUP;
        struct mhp_block *block;
        bool is_new;
        int r;

        if (reading->nr > MHP_BLOCK_MAX || reading->node < -1 || reading->node > MHP_NODE_MAX)
                return 0;

        r = map_obtain_node(map, reading->node);
        if (r < 0)
                return r;
        if (reading->group) {
                r = map_obtain_group(map, reading->group, reading->source, &group);
                if (r == -ENOMEM)
                        return r;
        }
        r = map_obtain(map, reading->nr, &block, &is_new);
        if (r < 0) {
                map_sweep_group(map, group);
                return r;
        }
        if (!is_new)
                map_take_out(map, block);

        struct mhp_block was = *block;
        read_into(block, reading);
        if (group != MHP_NO_GROUP) {
                block->group = group;
                map->groups[group].device_block = reading->device_block;
        }
        if (map->scanning)
                block->flags |= MHP_BLOCK_SEEN;

        int change = is_new ? MHP_CHANGE_NEW : map_note_transition(map, block, &was, now);
        if (is_new)
                map_init_block(map, block, now);
        map_put_in(map, block);
        if (was.group != block->group)
                map_sweep_group(map, was.group);

        return change | (was.state != block->state ? MHP_CHANGE_STATE : 0) | (was.zone != block->zone ? MHP_CHANGE_ZONE : 0) |
               (was.group != block->group ? MHP_CHANGE_GROUP : 0);
}

static int apply_added(struct mhp_map *map, uint32_t nr, uint64_t now) {
        struct mhp_block *block;
        bool is_new;

        if (nr > MHP_BLOCK_MAX)
                return 0;

        int r = map_obtain(map, nr, &block, &is_new);
        if (r < 0 || !is_new)
                return r;

        block->flags |= MHP_BLOCK_ARRIVED | (map->scanning ? MHP_BLOCK_SEEN : 0);
        block->arrived_at = now;
        map_put_in(map, block);
        return MHP_CHANGE_NEW;
}

/* It was ours to write to, and cannot be read now: what it is found to be later may be our own doing. */
static void lose_sight(struct mhp_block *block) {
        block->state = MHP_STATE_UNKNOWN;
        block->zone = MHP_ZONE_UNSET;
}

static int apply_unread(struct mhp_map *map, uint32_t nr, uint64_t now) {
        struct mhp_block *block;
        bool is_new;

        if (nr > MHP_BLOCK_MAX)
                return 0;

        int r = map_obtain(map, nr, &block, &is_new);
        if (r < 0)
                return r;
        if (!is_new)
                map_take_out(map, block);
        /* A settle takes a settled block only if it is unread already: this one is in a step that writes to it. */
        if (block->flags & MHP_BLOCK_BUSY && block->flags & MHP_BLOCK_SETTLED && !(block->flags & MHP_BLOCK_UNREAD))
                lose_sight(block);
        block->flags |= MHP_BLOCK_UNREAD | (map->scanning ? MHP_BLOCK_SEEN : 0) | (is_new ? MHP_BLOCK_ARRIVED : 0);
        if (is_new)
                block->arrived_at = now;
        map_put_in(map, block);
        return is_new ? MHP_CHANGE_NEW : 0;
}

/* What was accepted, asked for or put back for one block is no policy for the others. */
static bool is_policy(enum mhp_reason reason) {
        return reason != MHP_REASON_ACCEPTED && reason != MHP_REASON_REQUESTED && reason != MHP_REASON_REMOVAL && reason != MHP_REASON_RESTORED;
}

/* Online in another kind of zone than the one asked for; zone `none` can never be left. */
static bool must_move(const struct mhp_block *block) {
        return block->state == MHP_STATE_ONLINE && block->zone != MHP_ZONE_NONE && !mhp_block_goal_met(block) &&
               (block->goal == MHP_WANT_MOVABLE || block->goal == MHP_WANT_KERNEL);
}

static int apply_goal(struct mhp_map *map, struct mhp_block *block, const struct mhp_event *event) {
        /* The state file's memory of what another hand took offline. */
        if (event->reason == MHP_REASON_FOREIGN_OFFLINE) {
                if (block->state == MHP_STATE_OFFLINE)
                        block->flags |= MHP_BLOCK_HANDS_OFF;
                return MHP_CHANGE_GOAL;
        }

        uint16_t error = block->error;
        bool moves = block->goal == MHP_WANT_UNSET && block->flags & MHP_BLOCK_REPAIRING; /* a request: where policy wants it */

        /* A repair that a removal calls off was none. */
        if (event->reason == MHP_REASON_REMOVAL && block->flags & MHP_BLOCK_REPAIRING)
                block->flags &= (uint16_t) ~MHP_BLOCK_REPAIRED;
        map_set_goal(block, event->want, event->reason, event->rule);
        if (moves && must_move(block))
                block->flags |= MHP_BLOCK_REPAIRING;
        if (block->state == MHP_STATE_ONLINE && mhp_block_goal_met(block))
                block->flags &= (uint16_t) ~MHP_BLOCK_ASTRAY;
        /* Where it could not be taken offline, that is told for as long as it stays as it is. */
        if (event->reason == MHP_REASON_RESTORED && block->state == MHP_STATE_ONLINE)
                block->error = error;
        if (block->group != MHP_NO_GROUP) {
                struct mhp_group *group = &map->groups[block->group];

                if (mhp_source_is_unit(group->source) && group->goal == MHP_WANT_UNSET && is_policy(event->reason)) {
                        group->goal = event->want;
                        group->reason = event->reason;
                        group->rule = event->rule;
                }
        }
        return MHP_CHANGE_GOAL;
}

/* AUTO leaves the choice to policy, which moves a block that is online elsewhere; the request overrides hands off either way. */
static int apply_request(struct mhp_block *block, enum mhp_want want) {
        map_set_goal(block, want == MHP_WANT_AUTO ? MHP_WANT_UNSET : want, want == MHP_WANT_AUTO ? MHP_REASON_UNSET : MHP_REASON_REQUESTED, 0);
        block->flags &= (uint16_t) ~(MHP_BLOCK_HANDS_OFF | MHP_BLOCK_REPAIRED);
        if (must_move(block) || (want != MHP_WANT_MOVABLE && want != MHP_WANT_KERNEL && block->state == MHP_STATE_ONLINE))
                block->flags |= MHP_BLOCK_REPAIRING;
        block->flags |= block->state == MHP_STATE_ONLINE && !mhp_block_goal_met(block) ? MHP_BLOCK_ASTRAY : 0;
        return MHP_CHANGE_GOAL;
}

static int apply_accept(struct mhp_block *block) {
        map_accept_place(block);
        return MHP_CHANGE_GOAL;
}

static int apply_repair(struct mhp_block *block) {
        block->flags |= MHP_BLOCK_REPAIRED | MHP_BLOCK_REPAIRING;
        map_forget_failures(block);
        return 0;
}

static int failed(struct mhp_block *block, const struct mhp_event *event) {
        if (block->attempts < UINT8_MAX)
                block->attempts++;
        block->error = (uint16_t) event->error;
        block->retry_at = event->retry_at;
        if (event->retry_at == 0)
                block->flags |= MHP_BLOCK_GAVE_UP;
        return MHP_CHANGE_FAILED;
}

static enum mhp_verb verb_for(const struct mhp_block *block) {
        return block->goal == MHP_WANT_MOVABLE ? MHP_VERB_ONLINE_MOVABLE : block->goal == MHP_WANT_KERNEL ? MHP_VERB_ONLINE_KERNEL : MHP_VERB_OFFLINE;
}

static int apply_outcome(struct mhp_map *map, struct mhp_block *block, const struct mhp_event *event) {
        /* Not the block that the step took: that one left, and another came in its place. */
        if (!(block->flags & MHP_BLOCK_BUSY))
                return 0;
        block->flags &= (uint16_t) ~MHP_BLOCK_BUSY;

        if (event->verb == MHP_VERB_COUNT)
                return 0;
        if (block->flags & MHP_BLOCK_UNREAD) {
                if (event->verb != MHP_VERB_SETTLE)
                        lose_sight(block);
                return 0;
        }
        if (event->verb == MHP_VERB_SETTLE)
                return map_settle(map, block, event);
        /* Another hand has the hotplug lock: what became of the write is known when that hand is done. */
        if (block->state == MHP_STATE_GOING_OFFLINE) {
                block->attempts += block->attempts < UINT8_MAX;
                map_take_away(block);
                return 0;
        }

        if (mhp_block_goal_met(block)) {
                block->flags |= block->state == MHP_STATE_ONLINE ? MHP_BLOCK_OURS : 0;
                block->flags &= (uint16_t) ~(MHP_BLOCK_REPAIRING | MHP_BLOCK_ASTRAY);
                map_forget_failures(block);
                return MHP_CHANGE_DONE;
        }
        if (block->state != (event->verb == MHP_VERB_OFFLINE ? MHP_STATE_OFFLINE : MHP_STATE_ONLINE))
                return failed(block, event);

        /* Half of a repair is done, and the other half has tries of its own. Or something else was asked for meanwhile, and our own
         * write has to be taken back. Or another hand was faster and put it elsewhere, which is drift and no failure. */
        map_forget_failures(block);
        if (block->state == MHP_STATE_ONLINE) {
                block->flags |= MHP_BLOCK_ASTRAY;
                block->flags &= (uint16_t) ~MHP_BLOCK_REPAIRING;
                if (event->verb != verb_for(block) && must_move(block))
                        block->flags |= MHP_BLOCK_REPAIRING;
        }
        return 0;
}

/* All waiting blocks are looked at, but only those; they are few, and due soon. */
static int apply_tick(struct mhp_map *map, uint64_t now) {
        for (uint32_t nr = map->queues[MHP_QUEUE_WAITING].head; nr != MHP_NO_BLOCK;) {
                struct mhp_block *block = map_find(map, nr);

                nr = block->next;
                if (block->retry_at > now)
                        continue;
                map_take_out(map, block);
                block->retry_at = 0;
                map_put_in(map, block);
        }
        return 0;
}

static bool reopens(const struct mhp_block *block) {
        return block->goal != MHP_WANT_UNSET && block->removal == 0 && block->reason != MHP_REASON_REQUESTED && block->reason != MHP_REASON_ACCEPTED &&
               !(block->flags & (MHP_BLOCK_BUSY | MHP_BLOCK_TAKEN)) && (block->state == MHP_STATE_OFFLINE || !mhp_block_goal_met(block));
}

static int apply_reload(struct mhp_map *map) {
        for (size_t i = 0; i < map->n_groups; i++) {
                map->groups[i].goal = MHP_WANT_UNSET;
                map->groups[i].reason = MHP_REASON_UNSET;
                map->groups[i].rule = 0;
        }
        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b)) {
                struct mhp_block *block = (struct mhp_block *) b;

                if (!reopens(block))
                        continue;
                map_take_out(map, block);
                /* A repair that is called off was none. */
                if (block->flags & MHP_BLOCK_REPAIRING)
                        block->flags &= (uint16_t) ~MHP_BLOCK_REPAIRED;
                map_set_goal(block, MHP_WANT_UNSET, MHP_REASON_UNSET, 0);
                map_put_in(map, block);
        }
        return MHP_CHANGE_GOAL;
}

static int change_block(struct mhp_map *map, struct mhp_block *block, const struct mhp_event *event) {
        switch (event->type) {
        case MHP_EVENT_GOAL:
                return apply_goal(map, block, event);
        case MHP_EVENT_REQUEST:
                /* A member goes where its removal takes it; who wants it elsewhere ends that first. */
                return block->removal == 0 ? apply_request(block, event->want) : 0;
        case MHP_EVENT_REPAIR:
                return apply_repair(block);
        case MHP_EVENT_ACCEPT:
                return apply_accept(block);
        case MHP_EVENT_TOLD:
                block->flags |= MHP_BLOCK_TOLD;
                return 0;
        case MHP_EVENT_TAKEN:
                block->flags |= MHP_BLOCK_BUSY;
                return 0;
        case MHP_EVENT_RELEASED:
                if (block->flags & MHP_BLOCK_BUSY && block->flags & MHP_BLOCK_UNREAD)
                        lose_sight(block);
                block->flags &= (uint16_t) ~MHP_BLOCK_BUSY;
                if (block->state == MHP_STATE_GOING_OFFLINE)
                        map_take_away(block);
                return 0;
        case MHP_EVENT_OUTCOME:
                return apply_outcome(map, block, event);
        case MHP_EVENT_MEMBER:
                return map_apply_member(map, block, event->id, event->zone);
        case MHP_EVENT_COUNT:
                return map_apply_count(map, block, event->tally);
        case MHP_EVENT_SCAN_BEGIN:
        case MHP_EVENT_SCAN_END:
        case MHP_EVENT_BLOCK:
        case MHP_EVENT_ADDED:
        case MHP_EVENT_UNREAD:
        case MHP_EVENT_GONE:
        case MHP_EVENT_TICK:
        case MHP_EVENT_RELOAD:
        case MHP_EVENT_REMOVAL:
        case _MHP_EVENT_MAX:
                break;
        }
        return 0;
}

static int apply_to_block(struct mhp_map *map, const struct mhp_event *event) {
        struct mhp_block *block = event->block <= MHP_BLOCK_MAX ? map_find(map, event->block) : NULL;

        if (!block)
                return 0;
        if (event->type == MHP_EVENT_GONE)
                return remove_block(map, block);

        map_take_out(map, block);
        int change = change_block(map, block, event);
        map_put_in(map, block);
        return change;
}

int mhp_map_apply(struct mhp_map *map, const struct mhp_event *event) {
        switch (event->type) {
        case MHP_EVENT_SCAN_BEGIN:
                return apply_scan_begin(map);
        case MHP_EVENT_SCAN_END:
                return apply_scan_end(map);
        case MHP_EVENT_BLOCK:
                return apply_block(map, event->reading, event->now);
        case MHP_EVENT_ADDED:
                return apply_added(map, event->block, event->now);
        case MHP_EVENT_UNREAD:
                return apply_unread(map, event->block, event->now);
        case MHP_EVENT_TICK:
                return apply_tick(map, event->now);
        case MHP_EVENT_RELOAD:
                return apply_reload(map);
        case MHP_EVENT_GONE:
        case MHP_EVENT_GOAL:
        case MHP_EVENT_REQUEST:
        case MHP_EVENT_REPAIR:
        case MHP_EVENT_ACCEPT:
        case MHP_EVENT_TOLD:
        case MHP_EVENT_TAKEN:
        case MHP_EVENT_OUTCOME:
        case MHP_EVENT_RELEASED:
        case MHP_EVENT_MEMBER:
        case MHP_EVENT_COUNT:
                return apply_to_block(map, event);
        case MHP_EVENT_REMOVAL:
                return map_apply_removal(map, event->id, event->removal);
        case _MHP_EVENT_MAX:
                break;
        }
        return 0;
}
