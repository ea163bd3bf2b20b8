/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What mhp.h offers of a map, on top of the model. */

#include "base/units.h"
#include "model/map.h"

uint64_t mhp_map_block_size(const struct mhp_map *map) {
        return map->block_size;
}

size_t mhp_map_n_blocks(const struct mhp_map *map) {
        return map->n_blocks;
}

int mhp_map_next(const struct mhp_map *map, uint64_t *block, struct mhp_block_info *ret) {
        const struct mhp_block *b;
        const struct mhp_group *group;

        if (*block > MHP_BLOCK_MAX)
                return 0;
        b = mhp_map_at_or_after(map, (uint32_t) *block);
        if (!b)
                return 0;
        group = mhp_map_group(map, b);

        *ret = (struct mhp_block_info){
                .block = b->nr,
                .address = mhp_mul_sat(b->nr, map->block_size),
                .size = map->block_size,
                .state = (enum mhp_state) b->state,
                .zone = (enum mhp_zone) b->zone,
                .node = b->node,
                .source = group ? group->source : MHP_SOURCE_UNKNOWN,
                .group = group ? group->name : NULL,
        };
        *block = (uint64_t) b->nr + 1;
        return 1;
}
