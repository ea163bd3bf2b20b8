/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a size is made of: devices that go whole or not at all, and single blocks. */

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/units.h"
#include "core/plan-internal.h"
#include "core/remover.h"
#include "core/subset.h"

/* What leaves by itself: a block, or all that is there of a device's larger block. */
struct single {
        uint32_t nr, n, n_blocks; /* the first that it may have, how many, and how many it has */
        uint64_t weight;
        uint8_t rank;      /* enum mhp_rank */
        bool gave_up;
        bool barred;       /* one of its blocks cannot go */
        bool counts;       /* one of its blocks is worth it */
        bool goes;         /* the answer */
};

/* What there is to choose from. */
struct pool {
        struct mhp_piece *pieces; /* owned; those without fixed pages first, then by address */
        size_t n_pieces;
        struct single *singles;   /* owned; best first */
        size_t n_singles, capacity;
        uint64_t n_clean_singles; /* blocks of those without fixed pages; they are the first */
        uint64_t n_there;         /* blocks of the target that are in the machine, candidates or not */
};

/* What is known of a device while the blocks are walked. */
struct device {
        uint32_t n_blocks, first;
        struct mhp_cost cost;
        bool barred;       /* it cannot go, or has been tried */
};

static void pool_done(struct pool *pool) {
        free(pool->pieces);
        free(pool->singles);
}
#define _cleanup_pool_ _cleanup_(pool_done)

static bool by_keep(const struct mhp_target *target) {
        return target->blocks.n > 0;
}

static bool gave_up(const struct mhp_block *block) {
        return block->state != MHP_STATE_OFFLINE && block->flags & MHP_BLOCK_GAVE_UP;
}

static bool is_barred(const struct mhp_target *target, const struct mhp_block *block) {
        return block->removal != 0 || mhp_rank_of(block) == MHP_RANK_NEVER || (gave_up(block) && !by_keep(target)) ||
               (target->except.n > 0 && mhp_ranges_contain(&target->except, block->nr));
}

/* Whether a block counts by itself. Boot memory in a kernel zone holds what the kernel has had since it started. */
static bool is_single(const struct mhp_target *target, const struct mhp_block *block, enum mhp_source source) {
        if (block->state != MHP_STATE_ONLINE)
                return false;
        if (target->verb == MHP_REMOVAL_UNPLUG)
                return mhp_remover_can(source) && !mhp_source_is_unit(source);
        switch (mhp_zone_class((enum mhp_zone) block->zone)) {
        case MHP_WANT_MOVABLE:
                return true;
        case MHP_WANT_KERNEL:
                return source != MHP_SOURCE_BOOT && source != MHP_SOURCE_UNKNOWN;
        case MHP_WANT_UNSET:
        case MHP_WANT_AUTO:
        case MHP_WANT_NONE:
        case _MHP_WANT_MAX:
                break;
        }
        return false;
}

/* ------------------------------------------------------------------------------------------------------------- gathering */

/* Blocks come by number: those of one piece follow each other. A piece of which one block cannot go stays; counts: that block alone would do. */
static int add_single(const struct mhp_map *map, const struct mhp_block *block, bool by_piece, bool barred, bool counts, struct pool *pool) {
        uint32_t n = 1, first = by_piece ? mhp_map_device_block(map, block, &n) : block->nr;
        struct single *single = pool->n_singles > 0 ? &pool->singles[pool->n_singles - 1] : NULL;

        if (!single || single->nr != first) {
                int r = ARRAY_GROW(pool->singles, pool->n_singles, pool->capacity);
                if (r < 0)
                        return r;
                single = &pool->singles[pool->n_singles++];
                *single = (struct single) { .nr = first, .n = n };
        }
        single->n_blocks++;
        single->weight += mhp_plan_weight(map, block);
        single->rank = MAX(single->rank, (uint8_t) mhp_rank_of(block));
        single->gave_up = single->gave_up || gave_up(block);
        single->barred = single->barred || barred;
        single->counts = single->counts || counts;
        return 0;
}

static void drop_useless(struct pool *pool) {
        size_t n = 0;

        for (size_t i = 0; i < pool->n_singles; i++)
                if (!pool->singles[i].barred && pool->singles[i].counts)
                        pool->singles[n++] = pool->singles[i];
        pool->n_singles = n;
}

/* Tried in vain is worse than any rank; then rank, pages to move, highest first. */
static int compare_singles(const void *a, const void *b) {
        const struct single *x = a, *y = b;

        if (x->gave_up != y->gave_up)
                return x->gave_up ? 1 : -1;
        if (x->rank != y->rank)
                return x->rank < y->rank ? -1 : 1;
        if (x->weight != y->weight)
                return x->weight < y->weight ? -1 : 1;
        return x->nr > y->nr ? -1 : x->nr < y->nr;
}

static int gather_kept(const struct mhp_map *map, const struct mhp_target *target, struct pool *pool) {
        for (size_t i = 0; i < target->blocks.n; i++) {
                const struct mhp_range *range = &target->blocks.range[i];

                for (const struct mhp_block *b = mhp_map_at_or_after(map, range->first); b && b->nr <= range->last; b = mhp_map_next_block(map, b)) {
                        int r = add_single(map, b, true, is_barred(target, b), true, pool);

                        if (r < 0)
                                return r;
                        pool->n_there++;
                }
        }
        return 0;
}

static void add_to_device(const struct mhp_map *map, const struct mhp_target *target, const struct mhp_block *block, struct device *device) {
        if (device->n_blocks++ == 0)
                device->first = block->nr;
        device->cost = mhp_cost_add(device->cost, mhp_plan_cost(map, block));
        device->barred = device->barred || is_barred(target, block);
}

static int gather_all(const struct mhp_map *map, const struct mhp_target *target, struct device *devices, struct pool *pool) {
        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b)) {
                const struct mhp_group *group = mhp_map_group(map, b);
                enum mhp_source source = group ? group->source : MHP_SOURCE_UNKNOWN;
                int r = 0;

                if (target->verb == MHP_REMOVAL_UNPLUG && mhp_source_is_unit(source))
                        add_to_device(map, target, b, &devices[b->group]);
                else if (target->verb == MHP_REMOVAL_UNPLUG && group && group->device_block > 1)
                        r = add_single(map, b, true, is_barred(target, b), is_single(target, b, source), pool);
                else if (is_single(target, b, source))
                        r = add_single(map, b, false, is_barred(target, b), true, pool);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool has_fixed(const struct mhp_piece *piece) {
        return piece->cost.grave >> 32 > 0;
}

static int compare_places(const void *a, const void *b) {
        const struct mhp_piece *x = a, *y = b;

        return (x->first > y->first) - (x->first < y->first);
}

/* Those without fixed pages first. */
static int compare_pieces(const void *a, const void *b) {
        const struct mhp_piece *x = a, *y = b;

        return has_fixed(x) != has_fixed(y) ? has_fixed(x) - has_fixed(y) : compare_places(a, b);
}

static int list_pieces(const struct device *devices, size_t n, struct pool *pool) {
        pool->pieces = calloc(n + 1, sizeof(*pool->pieces));
        if (!pool->pieces)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const struct device *device = &devices[i];

                if (device->n_blocks > 0 && !device->barred)
                        pool->pieces[pool->n_pieces++] = (struct mhp_piece) {
                                .group = (uint32_t) i, .first = device->first, .n_blocks = device->n_blocks, .cost = device->cost,
                        };
        }
        qsort(pool->pieces, pool->n_pieces, sizeof(*pool->pieces), compare_pieces);
        return 0;
}

static int pool_fill(const struct mhp_map *map, const struct mhp_target *target, struct pool *pool) {
        _cleanup_free_ struct device *devices = calloc(map->n_groups + 1, sizeof(*devices));
        int r = devices ? 0 : -ENOMEM;

        if (r >= 0)
                r = by_keep(target) ? gather_kept(map, target, pool) : gather_all(map, target, devices, pool);
        if (r >= 0)
                r = list_pieces(devices, map->n_groups, pool);
        if (r < 0)
                return r;
        drop_useless(pool);
        if (pool->n_singles > 0)
                qsort(pool->singles, pool->n_singles, sizeof(*pool->singles), compare_singles);
        for (size_t i = 0; i < pool->n_singles; i++)
                pool->n_clean_singles += pool->singles[i].rank < MHP_RANK_FIXED ? pool->singles[i].n_blocks : 0;
        return 0;
}

/* -------------------------------------------------------------------------------------------------------------- choosing */

/* What was asked for, in whole blocks and perhaps a part of one. */
static uint64_t asked(const struct mhp_map *map, const struct mhp_target *target, uint64_t n_there) {
        uint64_t keep;

        if (!by_keep(target))
                return mhp_div_up(target->size, map->block_size);
        keep = mhp_div_up(target->keep, map->block_size);
        return n_there > keep ? n_there - keep : 0;
}

/* How many blocks that is: a part of one is one more if it may be more than was asked for, else none. */
static uint64_t needed(const struct mhp_map *map, const struct mhp_target *target, const struct pool *pool) {
        return by_keep(target) || target->at_least ? asked(map, target, pool->n_there) : target->size / map->block_size;
}

static uint64_t sum_of(const struct mhp_piece *pieces, size_t n) {
        uint64_t sum = 0;

        for (size_t i = 0; i < n; i++)
                sum += pieces[i].n_blocks;
        return sum;
}

static uint64_t sum_of_singles(const struct pool *pool) {
        uint64_t sum = 0;

        for (size_t i = 0; i < pool->n_singles; i++)
                sum += pool->singles[i].n_blocks;
        return sum;
}

static void take_all(struct pool *pool, size_t n) {
        for (size_t i = 0; i < n; i++)
                pool->pieces[i].goes = true;
}

static void take_none(struct pool *pool) {
        for (size_t i = 0; i < pool->n_pieces; i++)
                pool->pieces[i].goes = false;
        for (size_t i = 0; i < pool->n_singles; i++)
                pool->singles[i].goes = false;
}

/* Marks single ones, best first, until it is enough. */
static void take_singles(struct pool *pool, uint64_t need) {
        uint64_t sum = 0;

        for (size_t i = 0; i < pool->n_singles && sum < need; i++) {
                pool->singles[i].goes = true;
                sum += pool->singles[i].n_blocks;
        }
}

/* Marks those that fit into `most`, best first; clean: none with fixed pages. How many blocks they have. */
static uint64_t fit_singles(struct pool *pool, uint64_t most, bool clean) {
        uint64_t sum = 0;

        for (size_t i = 0; i < pool->n_singles && sum < most; i++) {
                struct single *single = &pool->singles[i];

                single->goes = single->n_blocks <= most - sum && (!clean || single->rank < MHP_RANK_FIXED);
                sum += single->goes ? single->n_blocks : 0;
        }
        return sum;
}

static size_t n_clean(const struct pool *pool) {
        size_t n = 0;

        while (n < pool->n_pieces && !has_fixed(&pool->pieces[n]))
                n++;
        return n;
}

/* At least so much. What is likely to fail is taken only if it does not work without, and what leaves only when the host asks for it (virtio-mem) only if
 * whole devices are not enough. */
static int choose_enough(struct pool *pool, uint64_t need) {
        size_t n = n_clean(pool);
        uint64_t clean = sum_of(pool->pieces, n), all = sum_of(pool->pieces, pool->n_pieces);

        if (clean >= need)
                return mhp_subset_choose(pool->pieces, n, need, MHP_SUBSET_CELLS);
        if (clean + pool->n_clean_singles >= need) {
                take_all(pool, n);
                take_singles(pool, need - clean);
                return 0;
        }
        if (all >= need) {
                qsort(pool->pieces, pool->n_pieces, sizeof(*pool->pieces), compare_places);
                return mhp_subset_choose(pool->pieces, pool->n_pieces, need, MHP_SUBSET_CELLS);
        }
        take_all(pool, pool->n_pieces);
        take_singles(pool, need - all);
        return 0;
}

/* As much as fits into `most`, of all or of what has no fixed pages; *ret: how much that is. */
static int fit(struct pool *pool, uint64_t most, bool clean, uint64_t *ret) {
        size_t n;
        int r;

        take_none(pool);
        qsort(pool->pieces, pool->n_pieces, sizeof(*pool->pieces), clean ? compare_pieces : compare_places);
        n = clean ? n_clean(pool) : pool->n_pieces;
        r = mhp_subset_fill(pool->pieces, n, most, MHP_SUBSET_CELLS);
        if (r < 0)
                return r;
        *ret = 0;
        for (size_t i = 0; i < n; i++)
                *ret += pool->pieces[i].goes ? pool->pieces[i].n_blocks : 0;
        *ret += fit_singles(pool, most - *ret, clean);
        return 0;
}

static bool is_smaller(const struct mhp_piece *a, const struct mhp_piece *b) {
        return a->n_blocks != b->n_blocks ? a->n_blocks < b->n_blocks : mhp_cost_compare(a->cost, b->cost) <= 0;
}

/* The one that is alone in the answer where nothing fits: the smallest, of these the best. */
static void take_smallest(struct pool *pool) {
        struct mhp_piece *piece = NULL;
        struct single *single = NULL;

        take_none(pool);
        for (size_t i = 0; i < pool->n_pieces; i++)
                if (!piece || is_smaller(&pool->pieces[i], piece))
                        piece = &pool->pieces[i];
        for (size_t i = 0; i < pool->n_singles; i++)
                if (!single || pool->singles[i].n_blocks < single->n_blocks)
                        single = &pool->singles[i];
        if (single && (!piece || single->n_blocks < piece->n_blocks))
                single->goes = true;
        else if (piece)
                piece->goes = true;
}

/* Never more than that. What is likely to fail is taken only if that gives more. */
static int choose_within(struct pool *pool, uint64_t most) {
        uint64_t sum, more = 0;
        int r = fit(pool, most, true, &sum);

        if (r >= 0 && sum < most)
                r = fit(pool, most, false, &more);
        if (r >= 0 && sum < most && more <= sum)
                r = fit(pool, most, true, &more);
        if (r < 0 || MAX(sum, more) > 0)
                return r;
        take_smallest(pool);
        return -ERANGE;
}

static int choose(const struct mhp_map *map, const struct mhp_target *target, struct pool *pool) {
        uint64_t need = needed(map, target, pool), all = sum_of(pool->pieces, pool->n_pieces) + sum_of_singles(pool);

        if (asked(map, target, pool->n_there) == 0)
                return 0;
        if (need > all || all == 0) {
                take_all(pool, pool->n_pieces);
                take_singles(pool, UINT64_MAX);
                return -ENOSPC;
        }
        return target->at_least ? choose_enough(pool, need) : choose_within(pool, need);
}

/* ------------------------------------------------------------------------------------------------------------ the answer */

static int compare_numbers(const void *a, const void *b) {
        const struct single *x = a, *y = b;

        return (x->nr > y->nr) - (x->nr < y->nr);
}

/* Those that go come first, and how many that are. */
static size_t keep_going(struct pool *pool) {
        size_t n = 0;

        for (size_t i = 0; i < pool->n_singles; i++)
                if (pool->singles[i].goes)
                        pool->singles[n++] = pool->singles[i];
        return n;
}

/* The blocks of the pieces and single ones that go: both by number, so that each is appended. */
static int list_blocks(const struct mhp_map *map, struct pool *pool, struct mhp_ranges *ret) {
        _cleanup_free_ bool *goes = calloc(map->n_groups + 1, sizeof(*goes));
        _cleanup_ranges_ struct mhp_ranges blocks = { 0 };
        size_t at = 0, n = keep_going(pool);
        bool any = false;

        if (!goes)
                return -ENOMEM;
        if (n > 0)
                qsort(pool->singles, n, sizeof(*pool->singles), compare_numbers);
        for (size_t i = 0; i < pool->n_pieces; i++) {
                goes[pool->pieces[i].group] = pool->pieces[i].goes;
                any = any || pool->pieces[i].goes;
        }
        for (const struct mhp_block *b = any || n > 0 ? mhp_map_at_or_after(map, 0) : NULL; b; b = mhp_map_next_block(map, b)) {
                int r = 0;

                while (at < n && b->nr >= pool->singles[at].nr && b->nr - pool->singles[at].nr >= pool->singles[at].n)
                        at++;
                bool single = at < n && b->nr >= pool->singles[at].nr;

                if (single || (b->group != MHP_NO_GROUP && goes[b->group]))
                        r = mhp_ranges_add(&blocks, b->nr, b->nr);
                if (r < 0)
                        return r;
        }
        *ret = blocks;
        blocks = (struct mhp_ranges) { 0 };
        return 0;
}

static int copy_blocks(const struct mhp_ranges *from, struct mhp_ranges *ret) {
        _cleanup_ranges_ struct mhp_ranges blocks = { 0 };

        for (size_t i = 0; i < from->n; i++) {
                int r = mhp_ranges_add(&blocks, from->range[i].first, from->range[i].last);

                if (r < 0)
                        return r;
        }
        *ret = blocks;
        blocks = (struct mhp_ranges) { 0 };
        return 0;
}

/* Whether whole devices give what is asked for, so that nothing else comes into question. 1: they do. */
static int devices_do(const struct mhp_map *map, const struct mhp_target *target, struct pool *pool) {
        uint64_t need = needed(map, target, pool), sum = 0;
        int r;

        if (pool->n_pieces == 0 || target->at_least)
                return pool->n_pieces > 0 && sum_of(pool->pieces, pool->n_pieces) >= need;
        r = mhp_subset_fill(pool->pieces, pool->n_pieces, need, MHP_SUBSET_CELLS);
        for (size_t i = 0; i < pool->n_pieces; i++)
                sum += pool->pieces[i].goes ? pool->pieces[i].n_blocks : 0;
        return r < 0 ? r : sum == need;
}

int mhp_plan_candidates(const struct mhp_map *map, const struct mhp_target *target, struct mhp_ranges *ret) {
        _cleanup_pool_ struct pool pool = { 0 };
        int r;

        if (!mhp_target_is_sized(target))
                return copy_blocks(&target->blocks, ret);
        r = pool_fill(map, target, &pool);
        if (r < 0)
                return r;
        r = devices_do(map, target, &pool);
        if (r < 0)
                return r;
        take_all(&pool, pool.n_pieces);
        if (r == 0)
                take_singles(&pool, UINT64_MAX);
        return list_blocks(map, &pool, ret);
}

int mhp_plan_choose(const struct mhp_map *map, const struct mhp_target *target, struct mhp_ranges *ret) {
        _cleanup_pool_ struct pool pool = { 0 };
        int r, outcome;

        if (!mhp_target_is_sized(target))
                return copy_blocks(&target->blocks, ret);
        r = pool_fill(map, target, &pool);
        if (r < 0)
                return r;
        outcome = choose(map, target, &pool);
        if (outcome == -ENOMEM)
                return outcome;
        r = list_blocks(map, &pool, ret);
        return r < 0 ? r : outcome;
}

uint64_t mhp_plan_asked(const struct mhp_map *map, const struct mhp_target *target) {
        uint64_t n_there = 0;

        for (size_t i = 0; i < target->blocks.n; i++)
                for (const struct mhp_block *b = mhp_map_at_or_after(map, target->blocks.range[i].first); b && b->nr <= target->blocks.range[i].last;
                     b = mhp_map_next_block(map, b))
                        n_there++;
        return mhp_target_is_sized(target) ? asked(map, target, n_there) : n_there;
}
