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

/* The question asked from the other side, where the numbers are mostly smaller: which pieces stay, the greatest sum that may, of these the
 * dearest. `best` has for each sum the dearest of the pieces so far; a bit for each piece and sum tells whether that piece is among them. */
struct table {
        struct mhp_cost *best; /* owned; grave UNREACHED: no pieces have that sum */
        uint64_t *stays;       /* owned */
        size_t words;          /* of `stays`, a piece */
        uint64_t limit;        /* the greatest sum */
        uint64_t unit;         /* what all sums are multiples of, in blocks */
};

static void table_done(struct table *table) {
        free(table->best);
        free(table->stays);
}

static int table_init(struct table *table, size_t n) {
        table->words = (size_t) (table->limit / 64 + 1);
        table->best = calloc((size_t) table->limit + 1, sizeof(*table->best));
        table->stays = calloc(n * table->words, sizeof(*table->stays));
        if (!table->best || !table->stays)
                return -ENOMEM;
        for (uint64_t sum = 1; sum <= table->limit; sum++)
                table->best[sum].grave = UNREACHED;
        return 0;
}

/* Downwards, so that the piece is in no sum twice. `reach`: the greatest sum so far. */
static void table_add(struct table *table, const struct mhp_piece *piece, uint64_t *stays, uint64_t *reach) {
        uint64_t size = piece->n_blocks / table->unit;

        *reach = MIN(*reach + size, table->limit);
        for (uint64_t sum = *reach; sum >= size; sum--) {
                struct mhp_cost *best = &table->best[sum], without = table->best[sum - size], with;

                if (without.grave == UNREACHED)
                        continue;
                with = mhp_cost_add(without, piece->cost);
                if (best->grave != UNREACHED && mhp_cost_compare(with, *best) <= 0)
                        continue;
                *best = with;
                stays[sum / 64] |= UINT64_C(1) << (sum % 64);
        }
}

static int choose_exactly(struct mhp_piece *pieces, size_t n, struct table *table) {
        uint64_t reach = 0, sum = table->limit;
        int r = table_init(table, n);

        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                table_add(table, &pieces[i], table->stays + i * table->words, &reach);

        while (table->best[sum].grave == UNREACHED)
                sum--;
        for (size_t i = n; i-- > 0;) {
                pieces[i].goes = !(table->stays[i * table->words + sum / 64] >> (sum % 64) & 1);
                if (!pieces[i].goes)
                        sum -= pieces[i].n_blocks / table->unit;
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

static int choose_by_and_by(struct mhp_piece *pieces, size_t n, uint64_t need) {
        _cleanup_free_ struct mhp_piece **order = calloc(n, sizeof(*order));
        uint64_t sum = 0;
        size_t end = 0;

        if (!order)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                order[i] = &pieces[i];
        qsort(order, n, sizeof(*order), compare_pieces);

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
        _cleanup_(table_done) struct table table = { 0 };
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
