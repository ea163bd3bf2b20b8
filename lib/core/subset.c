/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/subset.h"

#include <errno.h>

#include "base/units.h"

#define UNREACHED UINT64_MAX

static uint64_t common_divisor(uint64_t a, uint64_t b) {
        while (b > 0) {
                uint64_t rest = a % b;

                a = b;
                b = rest;
        }
        return a;
}

/* --------------------------------------------------------------------------------------------------------------- exactly */

/* Which pieces are picked: the greatest sum that is not above the limit. `best` has for each sum the best of the pieces so far; a bit for each piece and sum
 * tells whether that piece is among them. A least sum that is enough is asked for from the other side: the pieces that stay are picked, the dearest. */
struct table {
        struct mhp_cost *best; /* owned; grave UNREACHED: no pieces have that sum */
        uint64_t *picked;      /* owned */
        size_t words;          /* of `picked`, a piece */
        uint64_t limit;        /* the greatest sum */
        uint64_t unit;         /* what all sums are multiples of, in blocks */
        bool stays;            /* what is picked stays; else it goes, and the cheapest is best */
};

static void table_done(struct table *table) {
        free(table->best);
        free(table->picked);
}

static int table_init(struct table *table, size_t n) {
        table->words = (size_t) (table->limit / 64 + 1);
        table->best = calloc((size_t) table->limit + 1, sizeof(*table->best));
        table->picked = calloc(n * table->words, sizeof(*table->picked));
        if (!table->best || !table->picked)
                return -ENOMEM;
        for (uint64_t sum = 1; sum <= table->limit; sum++)
                table->best[sum].grave = UNREACHED;
        return 0;
}

static bool is_better(const struct table *table, struct mhp_cost with, struct mhp_cost best) {
        int r = mhp_cost_compare(with, best);

        return best.grave == UNREACHED || (table->stays ? r > 0 : r < 0);
}

/* Downwards, so that the piece is in no sum twice. `reach`: the greatest sum so far. */
static void table_add(struct table *table, const struct mhp_piece *piece, uint64_t *picked, uint64_t *reach) {
        uint64_t size = piece->n_blocks / table->unit;

        *reach = MIN(*reach + size, table->limit);
        for (uint64_t sum = *reach; sum >= size; sum--) {
                struct mhp_cost without = table->best[sum - size], with;

                if (without.grave == UNREACHED)
                        continue;
                with = mhp_cost_add(without, piece->cost);
                if (!is_better(table, with, table->best[sum]))
                        continue;
                table->best[sum] = with;
                picked[sum / 64] |= UINT64_C(1) << (sum % 64);
        }
}

/* Of equals, the first added is picked: those that stay are added from the first on, those that go from the last on. */
static struct mhp_piece *nth(struct mhp_piece *pieces, size_t n, const struct table *table, size_t i) {
        return &pieces[table->stays ? i : n - 1 - i];
}

static int choose_exactly(struct mhp_piece *pieces, size_t n, struct table *table) {
        uint64_t reach = 0, sum = table->limit;
        int r = table_init(table, n);

        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                table_add(table, nth(pieces, n, table, i), table->picked + i * table->words, &reach);

        while (table->best[sum].grave == UNREACHED)
                sum--;
        for (size_t i = n; i-- > 0;) {
                struct mhp_piece *piece = nth(pieces, n, table, i);
                bool picked = table->picked[i * table->words + sum / 64] >> (sum % 64) & 1;

                piece->goes = picked != table->stays;
                if (picked)
                        sum -= piece->n_blocks / table->unit;
        }
        return 0;
}

/* ------------------------------------------------------------------------------------------------------------- by and by */

static int compare_shares(uint64_t a, uint32_t n_a, uint64_t b, uint32_t n_b) {
        uint64_t x = mhp_mul_sat(a, n_b), y = mhp_mul_sat(b, n_a);

        return (x > y) - (x < y);
}

/* Cheaper by the block first; the pieces lie in one array, so that their addresses tell which is the last. */
static int compare_pieces(const void *a, const void *b) {
        const struct mhp_piece *x = *(struct mhp_piece *const *) a, *y = *(struct mhp_piece *const *) b;
        int r = compare_shares(x->cost.grave >> 32, x->n_blocks, y->cost.grave >> 32, y->n_blocks);

        if (r == 0)
                r = compare_shares(x->cost.grave & UINT32_MAX, x->n_blocks, y->cost.grave & UINT32_MAX, y->n_blocks);
        if (r == 0)
                r = compare_shares(x->cost.pages, x->n_blocks, y->cost.pages, y->n_blocks);
        return r ? r : (x < y) - (x > y);
}

/* The smallest that fills what is missing; of those of one size the first in the order. NULL: there is none. */
static struct mhp_piece *smallest_filler(struct mhp_piece **order, size_t n, uint64_t missing) {
        struct mhp_piece *found = NULL;

        for (size_t i = 0; i < n; i++)
                if (order[i]->n_blocks >= missing && (!found || order[i]->n_blocks < found->n_blocks))
                        found = order[i];
        return found;
}

/* NULL: no memory. */
static struct mhp_piece **make_order(struct mhp_piece *pieces, size_t n) {
        struct mhp_piece **order = calloc(n, sizeof(*order));

        if (!order)
                return NULL;
        for (size_t i = 0; i < n; i++)
                order[i] = &pieces[i];
        qsort(order, n, sizeof(*order), compare_pieces);
        return order;
}

static int fill_by_and_by(struct mhp_piece *pieces, size_t n, uint64_t most) {
        _cleanup_free_ struct mhp_piece **order = make_order(pieces, n);

        if (!order)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                order[i]->goes = order[i]->n_blocks <= most;
                most -= order[i]->goes ? order[i]->n_blocks : 0;
        }
        return 0;
}

static int choose_by_and_by(struct mhp_piece *pieces, size_t n, uint64_t need) {
        _cleanup_free_ struct mhp_piece **order = make_order(pieces, n);
        uint64_t sum = 0;
        size_t end = 0;

        if (!order)
                return -ENOMEM;
        for (; sum + order[end]->n_blocks < need; end++) {
                order[end]->goes = true;
                sum += order[end]->n_blocks;
        }
        struct mhp_piece *last = smallest_filler(order + end, n - end, need - sum);
        last->goes = true;
        sum += last->n_blocks;

        for (size_t i = end; i-- > 0;)
                if (sum - order[i]->n_blocks >= need) {
                        order[i]->goes = false;
                        sum -= order[i]->n_blocks;
                }
        return 0;
}

int mhp_subset_choose(struct mhp_piece *pieces, size_t n, uint64_t need, uint64_t max_cells) {
        _cleanup_(table_done) struct table table = { .stays = true };
        uint64_t total = 0;

        for (size_t i = 0; i < n; i++) {
                pieces[i].goes = false;
                total += pieces[i].n_blocks;
                table.unit = common_divisor(table.unit, pieces[i].n_blocks);
        }
        if (total < need)
                return -ENOSPC;
        if (need == 0)
                return 0;
        table.limit = (total - need) / table.unit;
        if (mhp_mul_sat(table.limit + 1, n) > max_cells)
                return choose_by_and_by(pieces, n, need);
        return choose_exactly(pieces, n, &table);
}

int mhp_subset_fill(struct mhp_piece *pieces, size_t n, uint64_t most, uint64_t max_cells) {
        _cleanup_(table_done) struct table table = { 0 };
        uint64_t total = 0;

        for (size_t i = 0; i < n; i++) {
                total += pieces[i].n_blocks;
                table.unit = common_divisor(table.unit, pieces[i].n_blocks);
        }
        for (size_t i = 0; i < n; i++)
                pieces[i].goes = total <= most;
        if (total <= most)
                return 0;
        table.limit = most / table.unit;
        return mhp_mul_sat(table.limit + 1, n) > max_cells ? fill_by_and_by(pieces, n, most) : choose_exactly(pieces, n, &table);
}
