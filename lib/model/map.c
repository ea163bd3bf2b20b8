/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The map's storage: chunks of blocks, group slots, walking. */

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "model/map-internal.h"

int mhp_map_new(uint64_t block_size, struct mhp_map **ret) {
        if (block_size < UINT64_C(1) << 20 || (block_size & (block_size - 1)) != 0)
                return -EINVAL;

        _cleanup_map_ struct mhp_map *map = calloc(1, sizeof(*map));
        if (!map)
                return -ENOMEM;

        map->block_size = block_size;
        for (size_t i = 0; i < ELEMENTSOF(map->queues); i++)
                map->queues[i] = (struct mhp_queue_head) { .head = MHP_NO_BLOCK, .tail = MHP_NO_BLOCK };

        int r = map_obtain_node(map, -1);
        if (r < 0)
                return r;

        *ret = TAKE(map);
        return 0;
}

struct mhp_map *mhp_map_free(struct mhp_map *map) {
        if (!map)
                return NULL;

        for (size_t i = 0; i < map->n_chunks; i++)
                free(map->chunks[i]);
        free(map->chunks);
        free(map->groups);
        free(map->nodes);
        free(map->removals);
        free(map->members);
        free(map);
        return NULL;
}

/* The index of the first chunk whose base is not below `base`. The last chunk is tried first: arrivals and walks mostly
 * go upwards. */
static size_t chunk_search(const struct mhp_map *map, uint32_t base) {
        size_t low = 0, high = map->n_chunks;

        if (high > 0 && map->chunks[high - 1]->base < base)
                return high;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (map->chunks[middle]->base < base)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static uint32_t chunk_base(uint32_t nr) {
        return nr - nr % MHP_CHUNK_BLOCKS;
}

static bool chunk_has(const struct mhp_chunk *chunk, unsigned slot) {
        return chunk->present[slot / 64] >> (slot % 64) & 1;
}

struct mhp_block *map_find(struct mhp_map *map, uint32_t nr) {
        size_t i = chunk_search(map, chunk_base(nr));
        unsigned slot = nr % MHP_CHUNK_BLOCKS;

        if (i == map->n_chunks || map->chunks[i]->base != chunk_base(nr) || !chunk_has(map->chunks[i], slot))
                return NULL;
        return &map->chunks[i]->block[slot];
}

const struct mhp_block *mhp_map_find(const struct mhp_map *map, uint32_t nr) {
        return map_find((struct mhp_map *) map, nr);
}

static int chunk_insert(struct mhp_map *map, size_t i, uint32_t base) {
        int r = ARRAY_GROW(map->chunks, map->n_chunks, map->chunks_capacity);
        if (r < 0)
                return r;

        struct mhp_chunk *chunk = calloc(1, sizeof(*chunk));
        if (!chunk)
                return -ENOMEM;

        chunk->base = base;
        memmove(map->chunks + i + 1, map->chunks + i, (map->n_chunks - i) * sizeof(*map->chunks));
        map->chunks[i] = chunk;
        map->n_chunks++;
        return 0;
}

int map_obtain(struct mhp_map *map, uint32_t nr, struct mhp_block **ret, bool *ret_new) {
        size_t i = chunk_search(map, chunk_base(nr));
        unsigned slot = nr % MHP_CHUNK_BLOCKS;

        if (i == map->n_chunks || map->chunks[i]->base != chunk_base(nr)) {
                int r = chunk_insert(map, i, chunk_base(nr));
                if (r < 0)
                        return r;
        }

        struct mhp_chunk *chunk = map->chunks[i];
        bool is_new = !chunk_has(chunk, slot);

        if (is_new) {
                chunk->present[slot / 64] |= UINT64_C(1) << (slot % 64);
                chunk->n++;
                map->n_blocks++;
                chunk->block[slot] = (struct mhp_block) {
                        .nr = nr,
                        .group = MHP_NO_GROUP,
                        .prev = MHP_NO_BLOCK,
                        .next = MHP_NO_BLOCK,
                        .node = -1,
                };
        }

        *ret = &chunk->block[slot];
        *ret_new = is_new;
        return 0;
}

void map_drop(struct mhp_map *map, uint32_t nr) {
        size_t i = chunk_search(map, chunk_base(nr));
        unsigned slot = nr % MHP_CHUNK_BLOCKS;
        struct mhp_chunk *chunk = map->chunks[i];

        chunk->present[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
        map->n_blocks--;
        if (--chunk->n > 0)
                return;

        free(chunk);
        map->n_chunks--;
        memmove(map->chunks + i, map->chunks + i + 1, (map->n_chunks - i) * sizeof(*map->chunks));
}

/* The first present slot at or after `slot`; MHP_CHUNK_BLOCKS: none. */
static unsigned chunk_next(const struct mhp_chunk *chunk, unsigned slot) {
        for (unsigned word = slot / 64; word < ELEMENTSOF(chunk->present); word++) {
                uint64_t bits = chunk->present[word];

                if (word == slot / 64)
                        bits &= UINT64_MAX << (slot % 64);
                if (bits)
                        return word * 64 + (unsigned) __builtin_ctzll(bits);
        }
        return MHP_CHUNK_BLOCKS;
}

const struct mhp_block *mhp_map_at_or_after(const struct mhp_map *map, uint32_t nr) {
        for (size_t i = chunk_search(map, chunk_base(nr)); i < map->n_chunks; i++) {
                const struct mhp_chunk *chunk = map->chunks[i];
                unsigned slot = chunk_next(chunk, chunk->base < nr ? nr - chunk->base : 0);

                if (slot < MHP_CHUNK_BLOCKS)
                        return &chunk->block[slot];
        }
        return NULL;
}

const struct mhp_block *mhp_map_next_block(const struct mhp_map *map, const struct mhp_block *block) {
        /* Within the chunk the next block is found without a search: the block's own slot leads to the chunk's head. */
        unsigned slot = block->nr % MHP_CHUNK_BLOCKS;
        const struct mhp_chunk *chunk =
                (const struct mhp_chunk *) ((const char *) (block - slot) - offsetof(struct mhp_chunk, block));
        unsigned next = slot + 1 < MHP_CHUNK_BLOCKS ? chunk_next(chunk, slot + 1) : MHP_CHUNK_BLOCKS;

        if (next < MHP_CHUNK_BLOCKS)
                return &chunk->block[next];
        if (block->nr >= MHP_BLOCK_MAX)
                return NULL;
        return mhp_map_at_or_after(map, block->nr + 1);
}

const struct mhp_group *mhp_map_group(const struct mhp_map *map, const struct mhp_block *block) {
        return block->group == MHP_NO_GROUP ? NULL : &map->groups[block->group];
}

const struct mhp_group *mhp_map_find_group(const struct mhp_map *map, const char *name) {
        for (size_t i = 0; i < map->n_groups; i++)
                if (map->groups[i].n_blocks > 0 && strcmp(map->groups[i].name, name) == 0)
                        return &map->groups[i];
        return NULL;
}

/* Aligned to its own size: virtio_mem_phys_to_bb_id(), drivers/virtio/virtio_mem.c. */
uint32_t mhp_map_device_block(const struct mhp_map *map, const struct mhp_block *block, uint32_t *ret_n) {
        const struct mhp_group *group = mhp_map_group(map, block);
        uint32_t n = group && group->device_block > 1 ? group->device_block : 1;

        *ret_n = n;
        return block->nr - block->nr % n;
}

int map_obtain_group(struct mhp_map *map, const char *name, enum mhp_source source, uint32_t *ret) {
        size_t len = strlen(name), unused = map->n_groups;

        if (len == 0 || len >= MHP_GROUP_NAME_MAX)
                return -EINVAL;

        /* Blocks of a group come one after the other, so the group asked for last is nearly always the one. */
        if (map->last_group < map->n_groups && strcmp(map->groups[map->last_group].name, name) == 0) {
                *ret = map->last_group;
                return 0;
        }

        for (size_t i = 0; i < map->n_groups; i++) {
                if (strcmp(map->groups[i].name, name) == 0) {
                        *ret = map->last_group = (uint32_t) i;
                        return 0;
                }
                if (map->groups[i].n_blocks == 0)
                        unused = i;
        }

        if (unused == map->n_groups) {
                int r = ARRAY_GROW(map->groups, map->n_groups, map->groups_capacity);
                if (r < 0)
                        return r;
                map->n_groups++;
        }

        struct mhp_group *group = &map->groups[unused];
        *group = (struct mhp_group) { .source = source };
        memcpy(group->name, name, len + 1);
        *ret = map->last_group = (uint32_t) unused;
        return 0;
}

void map_sweep_group(struct mhp_map *map, uint32_t group) {
        if (group != MHP_NO_GROUP && map->groups[group].n_blocks == 0)
                map->groups[group] = (struct mhp_group) { 0 };
}

int map_obtain_node(struct mhp_map *map, int node) {
        size_t need = (size_t) (node + 2);

        if (need <= map->n_nodes)
                return 0;

        int r = mhp_array_reserve((void **) &map->nodes, &map->nodes_capacity, need, sizeof(*map->nodes));
        if (r < 0)
                return r;

        memset(map->nodes + map->n_nodes, 0, (need - map->n_nodes) * sizeof(*map->nodes));
        map->n_nodes = need;
        return 0;
}

const struct mhp_sums *mhp_map_node(const struct mhp_map *map, int node) {
        static const struct mhp_sums nothing;

        if (node < -1 || (size_t) (node + 1) >= map->n_nodes)
                return &nothing;
        return &map->nodes[node + 1];
}
