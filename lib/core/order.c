/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The order in which blocks go. */

#include <errno.h>

#include "base/array.h"
#include "core/layers.h"
#include "core/plan-internal.h"
#include "model/backing.h"

/* What is put in order together: a device, or everything. */
struct cluster {
        uint32_t highest;  /* block */
        uint32_t layer, place;
        bool singles;      /* its blocks leave one by one */
        bool in_cycle;
        struct mhp_cost cost;
};

struct entry {
        struct mhp_plan_item item;
        uint32_t cluster;  /* index */
        bool in_cycle;
        uint64_t turn;     /* unit and layer in one number, for the sort */
        uint64_t worth;    /* rank and pages to move likewise */
};

struct sorter {
        const struct mhp_map *map;
        const struct mhp_backing *backing; /* NULL: none */
        struct entry *entries;             /* owned; by block, then in order */
        size_t n, capacity;
        struct cluster *clusters;          /* owned */
        size_t n_clusters;
        struct mhp_edge *edges;            /* owned; between entries */
        size_t n_edges, edges_capacity;
};

static void sorter_done(struct sorter *sorter) {
        free(sorter->entries);
        free(sorter->clusters);
        free(sorter->edges);
}

/* ------------------------------------------------------------------------------------------------------------- gathering */

/* Boot memory is taken in whole sections, whatever of it is there: such a block has holes, and offline_pages() refuses it. */
static bool has_hole(const struct mhp_backing *backing, uint32_t nr) {
        uint64_t pages = backing->geometry.block_size / backing->geometry.page_size, start = nr * pages, seen = 0;
        struct mhp_extent extent;

        for (uint64_t pfn = start; mhp_backing_frames(backing, pfn, &extent) > 0 && extent.pfn < start + pages; pfn = extent.pfn + extent.n) {
                if (!extent.early)
                        return false;
                seen += MIN(extent.pfn + extent.n, start + pages) - extent.pfn;
        }
        return seen > 0 && seen < pages;
}

static int add_entry(struct sorter *sorter, const struct mhp_block *block, bool by_unit) {
        const struct mhp_group *group = mhp_map_group(sorter->map, block);
        struct entry entry = {
                .item = { .nr = block->nr, .group = block->group, .rank = (uint8_t) mhp_rank_of(block) },
                .cluster = !by_unit ? 0 : group ? block->group : (uint32_t) sorter->map->n_groups,
        };
        struct cluster *cluster = &sorter->clusters[entry.cluster];
        int r = ARRAY_GROW(sorter->entries, sorter->n, sorter->capacity);

        if (r < 0)
                return r;
        entry.item.used = block->flags & MHP_BLOCK_COUNTED && block->state != MHP_STATE_OFFLINE ? block->used : 0;
        if (sorter->backing && entry.item.rank != MHP_RANK_OFFLINE && has_hole(sorter->backing, block->nr))
                entry.item.rank = MHP_RANK_NEVER;
        entry.worth = (uint64_t) entry.item.rank << 32 | mhp_plan_weight(sorter->map, block);
        sorter->entries[sorter->n++] = entry;

        cluster->highest = block->nr;
        cluster->singles = by_unit && !(group && mhp_source_is_unit(group->source));
        cluster->cost = mhp_cost_add(cluster->cost, mhp_plan_cost(sorter->map, block));
        return 0;
}

static int gather(struct sorter *sorter, const struct mhp_ranges *blocks, bool by_unit) {
        sorter->n_clusters = by_unit ? sorter->map->n_groups + 1 : 1;
        sorter->clusters = calloc(sorter->n_clusters, sizeof(*sorter->clusters));
        if (!sorter->clusters)
                return -ENOMEM;
        for (size_t i = 0; i < blocks->n; i++) {
                const struct mhp_range *range = &blocks->range[i];
                const struct mhp_block *b = mhp_map_at_or_after(sorter->map, range->first);

                for (; b && b->nr <= range->last; b = mhp_map_next_block(sorter->map, b)) {
                        int r = add_entry(sorter, b, by_unit);

                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* ---------------------------------------------------------------------------------------------------------------- layers */

/* The first entry whose block is not below nr. */
static size_t find_entry(const struct sorter *sorter, uint64_t nr) {
        size_t low = 0, high = sorter->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (sorter->entries[middle].item.nr < nr)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static int add_edge(struct mhp_edge **edges, size_t *n, size_t *capacity, size_t before, size_t first, size_t last) {
        int r = mhp_array_reserve((void **) edges, capacity, *n + 1, sizeof(**edges));

        if (r >= 0)
                (*edges)[(*n)++] = (struct mhp_edge) { (uint32_t) before, (uint32_t) first, (uint32_t) last };
        return r;
}

static int find_edges(struct sorter *sorter) {
        for (size_t i = 0; i < sorter->n; i++) {
                uint64_t first, last;
                size_t low, high;
                int r;

                if (mhp_backing_hosts(sorter->backing, sorter->entries[i].item.nr, &first, &last) == 0)
                        continue;
                low = find_entry(sorter, first);
                high = find_entry(sorter, last + 1);
                if (low == high)
                        continue;
                r = add_edge(&sorter->edges, &sorter->n_edges, &sorter->edges_capacity, i, low, high - 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int layer_entries(struct sorter *sorter) {
        _cleanup_free_ uint32_t *layer = calloc(sorter->n + 1, sizeof(*layer));
        _cleanup_free_ bool *in_cycle = calloc(sorter->n + 1, sizeof(*in_cycle));
        int r = layer && in_cycle ? mhp_layers(sorter->n, sorter->edges, sorter->n_edges, layer, in_cycle) : -ENOMEM;

        if (r < 0)
                return r;
        for (size_t i = 0; i < sorter->n; i++) {
                sorter->entries[i].item.layer = layer[i];
                sorter->entries[i].in_cycle = in_cycle[i];
        }
        return 0;
}

/* Devices whose memmaps lie in each other cannot leave one after the other, even if their blocks could go offline in turns. */
static int layer_clusters(struct sorter *sorter) {
        _cleanup_free_ uint32_t *layer = calloc(sorter->n_clusters, sizeof(*layer));
        _cleanup_free_ bool *in_cycle = calloc(sorter->n_clusters, sizeof(*in_cycle));
        _cleanup_free_ struct mhp_edge *edges = NULL;
        size_t n = 0, capacity = 0;
        int r = layer && in_cycle ? 0 : -ENOMEM;

        for (size_t e = 0; e < sorter->n_edges && r >= 0; e++) {
                uint32_t from = sorter->entries[sorter->edges[e].before].cluster, last = from;

                for (uint32_t i = sorter->edges[e].first; i <= sorter->edges[e].last && r >= 0; i++) {
                        uint32_t to = sorter->entries[i].cluster;

                        if (to == last)
                                continue;
                        r = add_edge(&edges, &n, &capacity, from, to, to);
                        last = to;
                }
        }
        if (r >= 0)
                r = mhp_layers(sorter->n_clusters, edges, n, layer, in_cycle);
        if (r < 0)
                return r;
        for (size_t i = 0; i < sorter->n_clusters; i++) {
                sorter->clusters[i].layer = layer[i];
                sorter->clusters[i].in_cycle = in_cycle[i];
        }
        return 0;
}

static int find_layers(struct sorter *sorter) {
        int r = find_edges(sorter);

        if (r < 0 || sorter->n_edges == 0)
                return r;
        r = layer_entries(sorter);
        return r < 0 ? r : layer_clusters(sorter);
}

/* --------------------------------------------------------------------------------------------------------------- sorting */

/* What leaves in one piece has one worth, that of all of it, so that it stays together. entries are by block. */
static void level_pieces(struct sorter *sorter) {
        for (size_t i = 0, end; i < sorter->n; i = end) {
                const struct mhp_block *block = mhp_map_find(sorter->map, sorter->entries[i].item.nr);
                uint32_t n, first = mhp_map_device_block(sorter->map, block, &n), cluster = sorter->entries[i].cluster;
                uint64_t rank = 0, weight = 0;

                for (end = i; end < sorter->n && sorter->entries[end].cluster == cluster && sorter->entries[end].item.nr - first < n; end++) {
                        rank = MAX(rank, sorter->entries[end].worth >> 32);
                        weight += (uint32_t) sorter->entries[end].worth;
                }
                for (size_t k = i; k < end && n > 1 && sorter->clusters[cluster].singles; k++)
                        sorter->entries[k].worth = rank << 32 | MIN(weight, (uint64_t) UINT32_MAX);
        }
}

static int compare_clusters(const void *a, const void *b) {
        const struct cluster *x = *(struct cluster *const *) a, *y = *(struct cluster *const *) b;
        int r;

        if (x->layer != y->layer)
                return x->layer < y->layer ? -1 : 1;
        if (x->singles != y->singles)
                return x->singles ? 1 : -1;
        r = mhp_cost_compare(x->cost, y->cost);
        if (r != 0)
                return r;
        return x->highest > y->highest ? -1 : x->highest < y->highest;
}

static int place_clusters(struct sorter *sorter) {
        _cleanup_free_ struct cluster **order = calloc(sorter->n_clusters, sizeof(*order));

        if (!order)
                return -ENOMEM;
        for (size_t i = 0; i < sorter->n_clusters; i++)
                order[i] = &sorter->clusters[i];
        qsort(order, sorter->n_clusters, sizeof(*order), compare_clusters);
        for (size_t i = 0; i < sorter->n_clusters; i++)
                order[i]->place = (uint32_t) i;
        for (size_t i = 0; i < sorter->n; i++) {
                struct entry *entry = &sorter->entries[i];

                entry->item.unit = sorter->clusters[entry->cluster].place;
                entry->turn = (uint64_t) entry->item.unit << 32 | entry->item.layer;
        }
        return 0;
}

static int compare_entries(const void *a, const void *b) {
        const struct entry *x = a, *y = b;

        if (x->turn != y->turn)
                return x->turn < y->turn ? -1 : 1;
        if (x->worth != y->worth)
                return x->worth < y->worth ? -1 : 1;
        return x->item.nr > y->item.nr ? -1 : x->item.nr < y->item.nr;
}

static int list_cycle(const struct sorter *sorter, struct mhp_ranges *cycle) {
        for (size_t i = 0; i < sorter->n; i++) {
                const struct entry *entry = &sorter->entries[i];
                int r = 0;

                if (entry->in_cycle || sorter->clusters[entry->cluster].in_cycle)
                        r = mhp_ranges_add(cycle, entry->item.nr, entry->item.nr);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int list_items(struct sorter *sorter, struct mhp_plan *plan) {
        uint32_t last = 0, last_first = 0;
        int r = mhp_array_reserve((void **) &plan->items, &plan->capacity, sorter->n, sizeof(*plan->items));

        if (r < 0)
                return r;
        for (size_t i = 0; i < sorter->n; i++) {
                struct mhp_plan_item item = sorter->entries[i].item;

                const struct mhp_block *block = mhp_map_find(sorter->map, item.nr);
                uint32_t n, first = mhp_map_device_block(sorter->map, block, &n);
                bool single = sorter->clusters[sorter->entries[i].cluster].singles;

                if (i == 0 || item.unit != last || (single && first != last_first))
                        plan->n_units++;
                last = item.unit;
                last_first = first;
                item.unit = plan->n_units - 1;
                plan->items[plan->n_items++] = item;
        }
        return 0;
}

int mhp_plan_order(const struct mhp_map *map, const struct mhp_ranges *blocks, bool by_unit, const struct mhp_backing *backing, struct mhp_plan *ret) {
        _cleanup_(sorter_done) struct sorter sorter = { .map = map, .backing = backing };
        _cleanup_plan_ struct mhp_plan plan = { 0 };
        int r = gather(&sorter, blocks, by_unit);

        if (r >= 0 && backing)
                r = find_layers(&sorter);
        if (r >= 0)
                r = list_cycle(&sorter, &plan.cycle);
        if (r >= 0)
                r = place_clusters(&sorter);
        if (r < 0)
                return r;
        level_pieces(&sorter);
        if (sorter.n > 0)
                qsort(sorter.entries, sorter.n, sizeof(*sorter.entries), compare_entries);
        r = list_items(&sorter, &plan);
        if (r < 0)
                return r;
        *ret = plan;
        plan = (struct mhp_plan) { 0 };
        return 0;
}
