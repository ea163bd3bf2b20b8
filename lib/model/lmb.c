/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What drmem_init() reads (arch/powerpc/mm/drmem.c, 6.12): a count, then as many entries. An entry of v1 is
 *
 *      address, drc index, reserved word, associativity index, flags
 *
 * and one of v2 has the number of its LMBs first, and no reserved word. The address has as many words as the root node says, all others one. */

#include "model/lmb.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/units.h"

#define WORD sizeof(uint32_t)
#define FLAG_RESERVED UINT32_C(0x80) /* DRCONF_MEM_RESERVED, arch/powerpc/include/asm/drmem.h */

uint64_t mhp_big_endian(const void *data, size_t n) {
        const uint8_t *p = data;
        uint64_t value = 0;

        for (size_t i = 0; i < n; i++)
                value = value << 8 | p[i];
        return value;
}

void mhp_lmbs_done(struct mhp_lmbs *lmbs) {
        free(lmbs->set);
        *lmbs = (struct mhp_lmbs) { 0 };
}

static struct mhp_lmb_set read_entry(const uint8_t *p, enum mhp_lmb_format format, unsigned address_cells) {
        struct mhp_lmb_set set = { .n = 1 };

        if (format == MHP_LMB_V2) {
                set.n = mhp_big_endian(p, WORD);
                p += WORD;
        }
        set.address = mhp_big_endian(p, address_cells * WORD);
        p += address_cells * WORD;
        set.drc = (uint32_t) mhp_big_endian(p, WORD);
        p += (format == MHP_LMB_V2 ? 2 : 3) * WORD;
        set.reserved = mhp_big_endian(p, WORD) & FLAG_RESERVED;
        return set;
}

/* v1 names each LMB by itself; the next one mostly goes on where the last one ends. */
static bool goes_on(const struct mhp_lmbs *lmbs, const struct mhp_lmb_set *set) {
        const struct mhp_lmb_set *last = lmbs->n > 0 ? &lmbs->set[lmbs->n - 1] : NULL;

        return last && last->reserved == set->reserved && set->drc - last->drc == last->n && set->address > last->address &&
               set->address - last->address == mhp_mul_sat(last->n, lmbs->size);
}

static int add(struct mhp_lmbs *lmbs, const struct mhp_lmb_set *set) {
        int r;

        if (set->n == 0)
                return 0;
        if (goes_on(lmbs, set)) {
                lmbs->set[lmbs->n - 1].n += set->n;
                return 0;
        }
        r = ARRAY_GROW(lmbs->set, lmbs->n, lmbs->capacity);
        if (r >= 0)
                lmbs->set[lmbs->n++] = *set;
        return r;
}

static int compare_sets(const void *a, const void *b) {
        uint64_t x = ((const struct mhp_lmb_set *) a)->address, y = ((const struct mhp_lmb_set *) b)->address;

        return (x > y) - (x < y);
}

int mhp_lmbs_parse(const void *data, size_t len, enum mhp_lmb_format format, struct mhp_lmb_cells cells, struct mhp_lmbs *ret) {
        size_t entry = (4 + cells.address) * WORD; /* v2 counts where v1 has the reserved word */
        _cleanup_lmbs_ struct mhp_lmbs lmbs = { .size = cells.size };
        const uint8_t *p = data;
        uint64_t n;
        int r = 0;

        if (cells.address < 1 || cells.address > 2 || cells.size == 0 || (cells.size & (cells.size - 1)) != 0 || len < WORD)
                return -EINVAL;
        n = mhp_big_endian(p, WORD);
        if ((len - WORD) / entry < n)
                return -EINVAL;

        p += WORD;
        for (uint64_t i = 0; i < n && r >= 0; i++, p += entry) {
                struct mhp_lmb_set set = read_entry(p, format, cells.address);

                r = add(&lmbs, &set);
        }
        if (r < 0)
                return r;
        if (lmbs.n > 0)
                qsort(lmbs.set, lmbs.n, sizeof(*lmbs.set), compare_sets);
        *ret = lmbs;
        lmbs = (struct mhp_lmbs) { 0 };
        return 0;
}

int mhp_lmbs_find(const struct mhp_lmbs *lmbs, uint64_t address, uint32_t *ret) {
        size_t low = 0, high = lmbs->n;
        const struct mhp_lmb_set *set;
        uint64_t nr;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (lmbs->set[middle].address <= address)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == 0)
                return 0;
        set = &lmbs->set[low - 1];
        nr = (address - set->address) / lmbs->size;
        if (set->reserved || nr >= set->n)
                return 0;
        *ret = set->drc + (uint32_t) nr;
        return 1;
}
