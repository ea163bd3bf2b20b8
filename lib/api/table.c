/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "api/table.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "edge/dax.h"
#include "edge/groups.h"
#include "edge/knobs.h"
#include "edge/names.h"

struct sight {
        struct mhp_iomem iomem;
        struct mhp_dax *dax;       /* owned */
        size_t n_dax;
        struct mhp_region *region; /* owned */
        size_t n, capacity;
        struct mhp_ranges nodes;
};

static void sight_done(struct sight *sight) {
        mhp_iomem_done(&sight->iomem);
        mhp_ranges_done(&sight->nodes);
        free(sight->dax);
        free(sight->region);
}

/* The node of a block that is there already; -1: none is. */
static int node_of(const struct mhp_map *map, const struct mhp_iomem_range *range) {
        for (const struct mhp_block *b = mhp_map_at_or_after(map, (uint32_t) MIN(range->first / map->block_size, MHP_BLOCK_MAX));
             b && b->nr <= range->last / map->block_size; b = mhp_map_next_block(map, b))
                if (b->node >= 0)
                        return b->node;
        return -1;
}

static int add_region(struct sight *sight, const struct mhp_map *map, const struct mhp_iomem_range *range) {
        struct mhp_region region = { .source = range->source, .first = range->first, .last = range->last, .node = -1 };
        int r = ARRAY_GROW(sight->region, sight->n, sight->capacity);

        if (r < 0)
                return r;
        for (size_t i = 0; i < sight->n_dax; i++)
                if (strcmp(sight->dax[i].name, range->device) == 0) {
                        region.node = sight->dax[i].node;
                        region.size = sight->dax[i].size;
                }
        if (region.node < 0)
                region.node = node_of(map, range);
        sight->region[sight->n++] = region;
        return 0;
}

static int look(const struct mhp_root *root, const struct mhp_map *map, struct sight *sight) {
        _cleanup_free_ char *text = NULL;
        size_t len;
        int r = mhp_root_read_all(root, NAME_IOMEM, &text, &len);

        sight->iomem.hidden = true;
        if (r >= 0)
                r = mhp_iomem_parse(text, len, &sight->iomem);
        if (mhp_error_passes(r))
                return r;
        r = mhp_dax_list(root, &sight->dax, &sight->n_dax);
        for (size_t i = 0; i < sight->iomem.n && r >= 0; i++)
                r = add_region(sight, map, &sight->iomem.range[i]);
        return r;
}

/* Without NUMA there is no such file, and node 0 alone. */
static int read_nodes(const struct mhp_root *root, struct mhp_ranges *ret) {
        _cleanup_free_ char *text = NULL;
        size_t len;
        int r = mhp_root_read_all(root, NAME_NODES_POSSIBLE, &text, &len);

        if (r >= 0) {
                text[strcspn(text, "\n")] = '\0';
                r = mhp_ranges_parse(text, ret);
        }
        return mhp_error_passes(r) || r >= 0 ? r : mhp_ranges_add(ret, 0, 0);
}

int mhp_table_for(const struct mhp_root *root, const struct mhp_map *map, const struct mhp_config *config, struct mhp_table *ret) {
        _cleanup_(sight_done) struct sight sight = { 0 };
        int r = look(root, map, &sight);

        if (r >= 0)
                r = read_nodes(root, &sight.nodes);
        if (r < 0)
                return r;
        return mhp_table_compile(config, &(struct mhp_table_machine) {
                .block_size = map->block_size,
                .nodes = &sight.nodes,
                .region = sight.region,
                .n = sight.n,
                .hidden = sight.iomem.hidden,
                .self_hosting = mhp_knob_self_hosting(root),
        }, ret);
}
