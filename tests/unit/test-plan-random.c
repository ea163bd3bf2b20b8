/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Random machines: the choice against all choices there are, the order against the pairs that it has to keep. Failures name the seed. */

#include "plan-unit.h"

#include <stdlib.h>

#include "core/subset.h"
#include "map-random.h"

#define DEVICES 9
#define BLOCKS 200
#define RANGE_FIRST 512 /* of 128 blocks: see test-order.c */
#define RANGE_BLOCKS 128

static uint64_t from_environment(const char *name, uint64_t otherwise) {
        const char *value = getenv(name);

        return value ? strtoull(value, NULL, 10) : otherwise;
}

static void random_block(uint64_t *seed, struct mhp_block *block) {
        static const enum mhp_zone zones[] = { MHP_ZONE_MOVABLE, MHP_ZONE_MOVABLE, MHP_ZONE_MOVABLE, MHP_ZONE_NORMAL, MHP_ZONE_UNSET };

        *block = (struct mhp_block) { .zone = (uint8_t) zones[dice(seed, ELEMENTSOF(zones))] };
        if (!dice(seed, 100))
                block->zone = MHP_ZONE_NONE;
        block->state = block->zone == MHP_ZONE_UNSET ? MHP_STATE_OFFLINE : MHP_STATE_ONLINE;
        if (dice(seed, 3)) {
                block->flags |= MHP_BLOCK_COUNTED;
                block->used = dice(seed, 4);
                block->fixed = dice(seed, 40) ? 0 : 1;
        }
        block->removal = dice(seed, 60) ? 0 : 1;
        if (!dice(seed, 60))
                block->flags |= MHP_BLOCK_GAVE_UP;
}

/* Devices side by side, of one to six blocks, and two virtio-mem devices above. */
static struct mhp_map *random_machine(uint64_t *seed, uint32_t from) {
        struct mhp_map *map = NULL;
        uint32_t nr = from, n = dice(seed, DEVICES + 1);

        assert_int_equal(mhp_map_new(BLOCK_SIZE, &map), 0);
        for (uint32_t d = 0; d < n + 2; d++) {
                uint32_t size = 1 + dice(seed, 6);
                bool rough = dice(seed, 4) == 0;
                struct mhp_block block;
                char group[32];

                snprintf(group, sizeof(group), "%s:%u", d >= n ? "virtio-mem" : dice(seed, 3) ? "acpi" : "dax", d);
                random_block(seed, &block);
                for (uint32_t i = 0; i < size; i++, nr++) {
                        if (rough)
                                random_block(seed, &block);
                        unit_place(map, nr, &block, group);
                }
                nr += dice(seed, 3);
        }
        return map;
}

/* ------------------------------------------------------------------------------------------------------------ the choice */

struct sum {
        uint64_t blocks, fixed, kernel, pages;
};

static void add(struct sum *sum, const struct mhp_map *map, const struct mhp_block *b) {
        enum mhp_rank rank = mhp_rank_of(b);

        sum->blocks++;
        sum->fixed += rank == MHP_RANK_FIXED;
        sum->kernel += rank == MHP_RANK_KERNEL;
        if (b->state != MHP_STATE_OFFLINE)
                sum->pages += b->flags & MHP_BLOCK_COUNTED ? b->used : map->block_size / 4096;
}

static int compare_sums(const struct sum *a, const struct sum *b) {
        uint64_t x[] = { a->blocks, a->fixed, a->kernel, a->pages }, y[] = { b->blocks, b->fixed, b->kernel, b->pages };

        for (size_t i = 0; i < ELEMENTSOF(x); i++)
                if (x[i] != y[i])
                        return x[i] < y[i] ? -1 : 1;
        return 0;
}

static bool tried(const struct mhp_block *b) {
        return b->removal || b->zone == MHP_ZONE_NONE || (b->flags & MHP_BLOCK_GAVE_UP && b->state == MHP_STATE_ONLINE);
}

/* What each device would give; nothing where it cannot go. */
struct offer {
        struct sum sum;
        bool barred, single;
};

static size_t list_offers(const struct mhp_map *map, struct offer *offers) {
        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b)) {
                struct offer *offer = &offers[b->group];

                offer->single = map->groups[b->group].source == MHP_SOURCE_VIRTIO_MEM;
                if (!offer->single)
                        offer->barred = offer->barred || tried(b);
                if (!offer->single || (!tried(b) && b->state == MHP_STATE_ONLINE))
                        add(&offer->sum, map, b);
        }
        return map->n_groups;
}

/* The best of all subsets of whole devices, with or without such as hold fixed pages. False: none is enough. */
static bool best_subset(const struct offer *offers, size_t n, uint64_t need, bool fixed, struct sum *ret) {
        bool found = false;

        for (uint32_t set = 0; set < 1u << n; set++) {
                struct sum sum = { 0 };

                for (size_t i = 0; i < n; i++) {
                        const struct offer *o = &offers[i];

                        if (!(set >> i & 1))
                                continue;
                        if (o->single || o->barred || (!fixed && o->sum.fixed > 0)) {
                                sum.blocks = 0;
                                break;
                        }
                        sum = (struct sum) { sum.blocks + o->sum.blocks, sum.fixed + o->sum.fixed, sum.kernel + o->sum.kernel, sum.pages + o->sum.pages };
                }
                if (sum.blocks < need || (found && compare_sums(&sum, ret) >= 0))
                        continue;
                *ret = sum;
                found = true;
        }
        return found;
}

/* What was chosen, and that no device is divided. */
static struct sum judge(const struct mhp_map *map, const struct mhp_ranges *chosen, uint64_t seed) {
        struct sum sum = { 0 };
        uint32_t taken[DEVICES + 2] = { 0 };

        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b)) {
                if (!mhp_ranges_contain(chosen, b->nr))
                        continue;
                add(&sum, map, b);
                taken[b->group]++;
        }
        assert_int_equal(mhp_ranges_count(chosen), sum.blocks);
        for (size_t i = 0; i < map->n_groups; i++)
                if (mhp_source_is_unit(map->groups[i].source) && taken[i] != 0 && taken[i] != map->groups[i].n_blocks)
                        fail_msg("seed %llu: %s is divided", (unsigned long long) seed, map->groups[i].name);
        return sum;
}

static void check_choice(const struct mhp_map *map, uint64_t size, uint64_t seed) {
        struct mhp_target target = { .verb = MHP_REMOVAL_UNPLUG, .size = size * BLOCK_SIZE, .at_least = true, .keep = MHP_KEEP_NONE };
        struct offer offers[DEVICES + 2] = { 0 };
        size_t n = list_offers(map, offers);
        _cleanup_ranges_ struct mhp_ranges chosen = { 0 };
        int r = mhp_plan_choose(map, &target, &chosen);
        struct sum got = judge(map, &chosen, seed), best = { 0 }, whole = { 0 };
        uint64_t singles = 0, all = 0, clean = 0, clean_singles = 0;

        for (size_t i = 0; i < n; i++) {
                if (offers[i].single) {
                        singles += offers[i].sum.blocks;
                        clean_singles += offers[i].sum.blocks - offers[i].sum.fixed;
                } else if (!offers[i].barred) {
                        all += offers[i].sum.blocks;
                        clean += offers[i].sum.fixed ? 0 : offers[i].sum.blocks;
                }
        }
        if (r != (all + singles < size ? -ENOSPC : 0) || (r < 0 && got.blocks != all + singles))
                fail_msg("seed %llu: %d for %llu blocks of %llu, got %llu", (unsigned long long) seed, r, (unsigned long long) size,
                         (unsigned long long) (all + singles), (unsigned long long) got.blocks);
        if (r < 0)
                return;
        if (best_subset(offers, n, size, false, &best) || (clean + clean_singles < size && best_subset(offers, n, size, true, &best)))
                whole = best;
        else
                whole = (struct sum) { .blocks = size };
        if (got.blocks != whole.blocks || (best.blocks && compare_sums(&got, &best) != 0))
                fail_msg("seed %llu: %llu blocks, fixed %llu, kernel %llu, pages %llu for %llu; there are %llu, %llu, %llu, %llu", (unsigned long long) seed,
                         (unsigned long long) got.blocks, (unsigned long long) got.fixed, (unsigned long long) got.kernel,
                         (unsigned long long) got.pages, (unsigned long long) size, (unsigned long long) whole.blocks,
                         (unsigned long long) whole.fixed, (unsigned long long) whole.kernel, (unsigned long long) whole.pages);
        if (!best.blocks && clean + clean_singles >= size && got.fixed > 0)
                fail_msg("seed %llu: fixed pages without need", (unsigned long long) seed);
}

/* The greatest sum of whole devices that is not above `most`. */
static uint64_t most_within(const struct offer *offers, size_t n, uint64_t most, bool fixed) {
        uint64_t best = 0;

        for (uint32_t set = 0; set < 1u << n; set++) {
                uint64_t sum = 0;

                for (size_t i = 0; i < n; i++)
                        if (set >> i & 1)
                                sum += offers[i].single || offers[i].barred || (!fixed && offers[i].sum.fixed > 0) ? most + 1 : offers[i].sum.blocks;
                if (sum <= most)
                        best = MAX(best, sum);
        }
        return best;
}

/* Never more than was asked for, as much of it as can be, and no fixed pages if it can be had without. */
static void check_within(const struct mhp_map *map, uint64_t size, uint64_t seed) {
        struct mhp_target target = { .verb = MHP_REMOVAL_UNPLUG, .size = size * BLOCK_SIZE + 1, .keep = MHP_KEEP_NONE };
        struct offer offers[DEVICES + 2] = { 0 };
        size_t n = list_offers(map, offers);
        _cleanup_ranges_ struct mhp_ranges chosen = { 0 };
        int r = mhp_plan_choose(map, &target, &chosen);
        struct sum got = judge(map, &chosen, seed);
        uint64_t singles = 0, clean_singles = 0, all = 0, clean, want;

        for (size_t i = 0; i < n; i++) {
                singles += offers[i].single ? offers[i].sum.blocks : 0;
                clean_singles += offers[i].single ? offers[i].sum.blocks - offers[i].sum.fixed : 0;
                all += offers[i].single || offers[i].barred ? 0 : offers[i].sum.blocks;
        }
        clean = MIN(size, most_within(offers, n, size, false) + clean_singles);
        want = MAX(clean, MIN(size, most_within(offers, n, size, true) + singles));
        if (all + singles == 0 || all + singles < size)
                assert_int_equal(r, -ENOSPC);
        else if (want == 0)
                assert_true(r == -ERANGE && got.blocks > size);
        else if (r != 0 || got.blocks != want || (got.fixed > 0 && clean == want))
                fail_msg("seed %llu: %d, %llu blocks for %llu, wanted %llu", (unsigned long long) seed, r, (unsigned long long) got.blocks,
                         (unsigned long long) size, (unsigned long long) want);
}

static void check_keep(const struct mhp_map *map, uint64_t keep, uint64_t seed) {
        _cleanup_target_ struct mhp_target target = { .verb = MHP_REMOVAL_UNPLUG, .keep = keep * BLOCK_SIZE };
        _cleanup_ranges_ struct mhp_ranges chosen = { 0 };
        uint64_t there = 0, can = 0;
        int r;

        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b)) {
                if (map->groups[b->group].source != MHP_SOURCE_VIRTIO_MEM)
                        continue;
                assert_int_equal(mhp_ranges_add(&target.blocks, b->nr, b->nr), 0);
                there++;
                can += !b->removal && mhp_rank_of(b) != MHP_RANK_NEVER;
        }
        r = mhp_plan_choose(map, &target, &chosen);
        if (r != (there > keep && can < there - keep ? -ENOSPC : 0))
                fail_msg("seed %llu: %d", (unsigned long long) seed, r);
        if (mhp_ranges_count(&chosen) != (there > keep ? MIN(can, there - keep) : 0))
                fail_msg("seed %llu: of %llu, %llu are to stay, and %llu go", (unsigned long long) seed, (unsigned long long) there,
                         (unsigned long long) keep, (unsigned long long) mhp_ranges_count(&chosen));
}

static void test_choice(void **state) {
        uint64_t rounds = from_environment("MHPD_TEST_ROUNDS", 2000), first = from_environment("MHPD_TEST_SEED", 1);

        for (uint64_t round = first; round < first + rounds; round++) {
                uint64_t seed = round;
                _cleanup_map_ struct mhp_map *map = random_machine(&seed, 32);

                check_choice(map, dice(&seed, 50), round);
                check_choice(map, dice(&seed, 12), round);
                check_keep(map, dice(&seed, 12), round);
                check_within(map, dice(&seed, 50), round);
                check_within(map, dice(&seed, 8), round);
        }
}

/* The choice by and by: enough, and nothing in it that is not needed. */
static void test_by_and_by(void **state) {
        uint64_t rounds = from_environment("MHPD_TEST_ROUNDS", 2000), first = from_environment("MHPD_TEST_SEED", 1);

        for (uint64_t round = first; round < first + rounds; round++) {
                struct mhp_piece pieces[24] = { 0 };
                uint64_t seed = round, total = 0, sum = 0, need;
                size_t n = dice(&seed, ELEMENTSOF(pieces) + 1);

                for (size_t i = 0; i < n; i++) {
                        pieces[i].n_blocks = 1 + dice(&seed, 30);
                        pieces[i].cost = (struct mhp_cost) { (uint64_t) dice(&seed, 2) << (dice(&seed, 2) ? 32 : 0), dice(&seed, 100) };
                        total += pieces[i].n_blocks;
                }
                need = dice(&seed, (uint32_t) total + 5);
                assert_int_equal(mhp_subset_choose(pieces, n, need, 0), total < need ? -ENOSPC : 0);
                for (size_t i = 0; i < n; i++)
                        sum += pieces[i].goes ? pieces[i].n_blocks : 0;
                if (total < need ? sum != 0 : sum < need)
                        fail_msg("seed %llu: %llu for %llu", (unsigned long long) round, (unsigned long long) sum, (unsigned long long) need);
                for (size_t i = 0; i < n; i++)
                        if (pieces[i].goes && sum - pieces[i].n_blocks >= need)
                                fail_msg("seed %llu: piece %zu is not needed", (unsigned long long) round, i);

                assert_int_equal(mhp_subset_fill(pieces, n, need, 0), 0);
                sum = 0;
                for (size_t i = 0; i < n; i++)
                        sum += pieces[i].goes ? pieces[i].n_blocks : 0;
                assert_true(sum <= need);
                for (size_t i = 0; i < n; i++)
                        if (!pieces[i].goes && sum + pieces[i].n_blocks <= need)
                                fail_msg("seed %llu: piece %zu could be added", (unsigned long long) round, i);
        }
}

/* ------------------------------------------------------------------------------------------------------------- the order */

static void check_pair(const struct mhp_map *map, const struct mhp_plan *plan, size_t i, uint64_t seed) {
        const struct mhp_plan_item *a = &plan->items[i - 1], *b = &plan->items[i];
        const struct mhp_block *x = mhp_map_find(map, a->nr), *y = mhp_map_find(map, b->nr);
        uint64_t known_a = a->rank == MHP_RANK_OFFLINE || x->flags & MHP_BLOCK_COUNTED ? a->used : map->block_size / 4096;
        uint64_t known_b = b->rank == MHP_RANK_OFFLINE || y->flags & MHP_BLOCK_COUNTED ? b->used : map->block_size / 4096;
        bool together = a->unit == b->unit || (a->group == b->group && map->groups[a->group].source == MHP_SOURCE_VIRTIO_MEM);

        if (b->unit != a->unit && b->unit != a->unit + 1)
                fail_msg("seed %llu: unit %u after %u", (unsigned long long) seed, b->unit, a->unit);
        if (!together)
                return;
        if (b->layer < a->layer || (b->layer == a->layer && b->rank < a->rank))
                fail_msg("seed %llu: layer or rank of %u after %u", (unsigned long long) seed, b->nr, a->nr);
        if (b->layer == a->layer && b->rank == a->rank && (known_b < known_a || (known_b == known_a && b->nr > a->nr)))
                fail_msg("seed %llu: %u after %u", (unsigned long long) seed, b->nr, a->nr);
}

/* Each block is there once; what lies elsewhere goes before its host. */
static void check_order(const struct mhp_map *map, const struct mhp_ranges *blocks, const struct mhp_backing *backing, const struct mhp_plan *plan, uint64_t seed) {
        size_t place[RANGE_FIRST + RANGE_BLOCKS] = { 0 }, n = 0;

        for (size_t i = 0; i < plan->n_items; i++) {
                assert_true(mhp_ranges_contain(blocks, plan->items[i].nr));
                assert_int_equal(place[plan->items[i].nr], 0);
                place[plan->items[i].nr] = i + 1;
                if (i > 0)
                        check_pair(map, plan, i, seed);
        }
        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b)) {
                uint64_t first, last;

                if (!mhp_ranges_contain(blocks, b->nr))
                        continue;
                n++;
                assert_true(place[b->nr] > 0);
                if (plan->cycle.n > 0 || mhp_backing_hosts(backing, b->nr, &first, &last) == 0)
                        continue;
                for (uint64_t host = first; host <= last; host++)
                        if (host != b->nr && place[host] && place[host] < place[b->nr])
                                fail_msg("seed %llu: host %llu before %u", (unsigned long long) seed, (unsigned long long) host, b->nr);
        }
        assert_int_equal(n, plan->n_items);
}

static void test_order(void **state) {
        uint64_t rounds = from_environment("MHPD_TEST_ROUNDS", 2000), first = from_environment("MHPD_TEST_SEED", 1);

        for (uint64_t round = first; round < first + rounds; round++) {
                uint64_t seed = round;
                _cleanup_map_ struct mhp_map *map = random_machine(&seed, RANGE_FIRST);
                _cleanup_(mhp_backing_freep) struct mhp_backing *backing = NULL;
                _cleanup_ranges_ struct mhp_ranges blocks = { 0 };
                struct mhp_geometry geometry = { 0 };

                assert_int_equal(mhp_geometry_preset("x86_64", &geometry), 0);
                assert_int_equal(mhp_backing_new(&geometry, &backing), 0);
                assert_int_equal(mhp_backing_add(backing, RANGE_FIRST * BLOCK_SIZE, RANGE_BLOCKS * BLOCK_SIZE, MHP_PLACEMENT_RANGE, NULL), 0);
                for (uint32_t nr = RANGE_FIRST; nr < RANGE_FIRST + RANGE_BLOCKS; nr++)
                        if (dice(&seed, 4))
                                assert_int_equal(mhp_ranges_add(&blocks, nr, nr), 0);
                for (unsigned by_unit = 0; by_unit < 2; by_unit++) {
                        _cleanup_plan_ struct mhp_plan plan = { 0 };

                        assert_int_equal(mhp_plan_order(map, &blocks, by_unit, backing, &plan), 0);
                        assert_true(plan.cycle.n == 0); /* devices lie side by side here */
                        check_order(map, &blocks, backing, &plan, round);
                }
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_choice),
                cmocka_unit_test(test_by_and_by),
                cmocka_unit_test(test_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
