/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Putting a map back from its text form, and the test that all that is kept agrees with what it is kept of. */

#include <errno.h>
#include <string.h>

#include "model/map-internal.h"

int mhp_map_restore_block(struct mhp_map *map, uint32_t nr, const struct mhp_block *fields, const char *group, enum mhp_source source) {
        uint32_t slot = MHP_NO_GROUP;
        struct mhp_block *block;
        bool is_new;
        int r;

        if (nr > MHP_BLOCK_MAX || fields->node < -1 || fields->node > MHP_NODE_MAX)
                return -EINVAL;
        if (mhp_map_find(map, nr))
                return -EEXIST;
        if (fields->removal != 0 && !mhp_map_removal(map, fields->removal))
                return -EINVAL;

        r = map_obtain_node(map, fields->node);
        if (r < 0)
                return r;
        if (group) {
                r = map_obtain_group(map, group, source, &slot);
                if (r < 0)
                        return r;
        }
        r = map_obtain(map, nr, &block, &is_new);
        if (r < 0) {
                map_sweep_group(map, slot);
                return r;
        }

        *block = *fields;
        block->nr = nr;
        block->group = slot;
        block->prev = block->next = MHP_NO_BLOCK;
        block->queue = MHP_QUEUE_NONE;
        map_put_in(map, block);
        return 0;
}

int mhp_map_restore_group(struct mhp_map *map, const struct mhp_group *as) {
        struct mhp_group *group = (struct mhp_group *) mhp_map_find_group(map, as->name);

        if (!group)
                return -EINVAL;

        group->goal = as->goal;
        group->reason = as->reason;
        group->rule = as->rule;
        group->device_block = as->device_block;
        return 0;
}

int mhp_map_restore_removal(struct mhp_map *map, const struct mhp_removal *removal) {
        return mhp_map_removal(map, removal->id) ? -EEXIST : map_apply_removal(map, removal->id, removal);
}

void mhp_map_restore_scanned(struct mhp_map *map, bool scanned) {
        map->scanned = scanned;
}

static bool queues_consistent(const struct mhp_map *map) {
        size_t n = 0;

        for (unsigned q = 0; q < _MHP_QUEUE_MAX; q++) {
                uint32_t prev = MHP_NO_BLOCK, count = 0;

                for (uint32_t nr = map->queues[q].head; nr != MHP_NO_BLOCK; count++) {
                        const struct mhp_block *block = mhp_map_find(map, nr);

                        if (!block || block->queue != q || block->prev != prev || count > map->n_blocks)
                                return false;
                        prev = nr;
                        nr = block->next;
                }
                if (count != map->queues[q].n || map->queues[q].tail != prev)
                        return false;
                n += count;
        }

        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b)) {
                if (b->queue != mhp_block_queue(b))
                        return false;
                n += b->queue == MHP_QUEUE_NONE;
        }
        return n == map->n_blocks;
}

/* Every block once more into an empty map with the same groups in the same slots; then all sums must be the same. */
static bool groups_equal(const struct mhp_map *map, const struct mhp_map *again) {
        for (size_t i = 0; i < map->n_groups; i++) {
                const struct mhp_group *a = &map->groups[i], *b;

                if (a->n_blocks == 0) {
                        if (a->name[0])
                                return false;
                        continue;
                }
                b = mhp_map_find_group(again, a->name);
                if (!b || a->first > b->first || a->last < b->last || a->n_blocks != b->n_blocks || a->n_online != b->n_online ||
                    a->n_movable != b->n_movable || a->n_held_movable != b->n_held_movable || a->n_held_kernel != b->n_held_kernel ||
                    a->n_anchor_movable != b->n_anchor_movable || a->n_anchor_kernel != b->n_anchor_kernel)
                        return false;
        }
        return true;
}

static bool sums_equal(const struct mhp_map *map, const struct mhp_map *again) {
        if (memcmp(&map->total, &again->total, sizeof(map->total)) != 0)
                return false;
        if (map->n_removals > 0 && memcmp(map->members, again->members, map->n_removals * sizeof(*map->members)) != 0)
                return false;

        for (int node = -1; node < (int) MAX(map->n_nodes, again->n_nodes) - 1; node++)
                if (memcmp(mhp_map_node(map, node), mhp_map_node(again, node), sizeof(struct mhp_sums)) != 0)
                        return false;
        return groups_equal(map, again);
}

bool mhp_map_consistent(const struct mhp_map *map) {
        _cleanup_map_ struct mhp_map *again = NULL;

        if (mhp_map_new(map->block_size, &again) < 0)
                return false;
        for (size_t i = 0; i < map->n_removals; i++)
                if (mhp_map_restore_removal(again, &map->removals[i]) < 0)
                        return false;

        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b)) {
                const struct mhp_group *group = mhp_map_group(map, b);

                if (mhp_map_restore_block(again, b->nr, b, group ? group->name : NULL, group ? group->source : MHP_SOURCE_UNKNOWN) < 0)
                        return false;
        }
        return map->n_blocks == again->n_blocks && sums_equal(map, again) && queues_consistent(map);
}
