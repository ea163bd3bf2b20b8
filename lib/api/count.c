/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "api/count.h"

#include "base/units.h"

/* Words read at a time: 16 KiB of each file. */
#define CHUNK 2048

/* The memory of a process that ends is unmapped a moment before it is free (tlb_finish_mmu(), mm/mmu_gather.c), and looks as if it were pinned
 * meanwhile. What is pinned is so for longer, so a block that shows pinned pages is looked at again. */
#define LOOKS 3

int mhp_counter_open(const struct mhp_root *root, uint64_t pages_per_block, struct mhp_counter *ret) {
        struct mhp_counter counter = MHP_COUNTER_NONE;
        int r = mhp_pageflags_open(root, &counter.flags);

        if (r < 0)
                return r;
        (void) mhp_pagecounts_open(root, &counter.counts);
        counter.pages_per_block = pages_per_block;
        *ret = counter;
        return 0;
}

void mhp_counter_done(struct mhp_counter *counter) {
        mhp_pagecounts_done(&counter->counts);
        mhp_pageflags_done(&counter->flags);
}

/* Not being able to tell how often pages are mapped only makes classes less certain. */
static void read_counts(const struct mhp_counter *counter, uint64_t pfn, uint64_t *ret, size_t n) {
        if (counter->counts.fd >= 0 && mhp_pagecounts_read(&counter->counts, pfn, ret, n) == 0)
                return;
        for (size_t i = 0; i < n; i++)
                ret[i] = MHP_MAPPED_UNKNOWN;
}

static int look(const struct mhp_counter *counter, uint64_t block, struct mhp_tally *tally) {
        uint64_t first = mhp_mul_sat(block, counter->pages_per_block), flags[CHUNK], counts[CHUNK];

        for (uint64_t done = 0; done < counter->pages_per_block; done += CHUNK) {
                size_t n = MIN(counter->pages_per_block - done, (uint64_t) CHUNK);
                uint64_t pfn = mhp_add_sat(first, done);
                int r = mhp_pageflags_read(&counter->flags, pfn, flags, n);

                if (r < 0)
                        return r;
                read_counts(counter, pfn, counts, n);
                for (size_t i = 0; i < n; i++)
                        mhp_tally_walk(tally, pfn + i, flags[i], counts[i]);
        }
        return 0;
}

int mhp_counter_block(const struct mhp_counter *counter, uint64_t block, struct mhp_tally *ret) {
        struct mhp_tally least = {};

        for (unsigned i = 0; i < LOOKS; i++) {
                struct mhp_tally tally = {};
                int r = look(counter, block, &tally);

                if (r < 0)
                        return r;
                if (i == 0 || tally.pages[MHP_CLASS_PINNED] < least.pages[MHP_CLASS_PINNED])
                        least = tally;
                if (least.pages[MHP_CLASS_PINNED] == 0)
                        break;
        }
        *ret = least;
        return 0;
}
