/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "model/lmb.h"

/* The first byte says which format, and how long an address is; the second is the size of an LMB, as a power of two. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct mhp_lmb_cells cells;
        struct mhp_lmbs lmbs;
        uint32_t drc;

        if (size < 2)
                return 0;
        cells = (struct mhp_lmb_cells) { .address = data[0] >> 1, .size = UINT64_C(1) << (data[1] & 63) };
        if (mhp_lmbs_parse(data + 2, size - 2, data[0] & 1 ? MHP_LMB_V2 : MHP_LMB_V1, cells, &lmbs) < 0)
                return 0;
        MUST(lmbs.n <= size / 20);
        for (size_t i = 0; i < lmbs.n; i++) {
                const struct mhp_lmb_set *set = &lmbs.set[i];

                MUST(set->n > 0 && (i == 0 || lmbs.set[i - 1].address <= set->address));
                /* of sets that begin at one address, the last one counts */
                if (i + 1 == lmbs.n || lmbs.set[i + 1].address > set->address) {
                        MUST(mhp_lmbs_find(&lmbs, set->address, &drc) == !set->reserved);
                        MUST(set->reserved || drc == set->drc);
                }
        }
        mhp_lmbs_done(&lmbs);
        return 0;
}
