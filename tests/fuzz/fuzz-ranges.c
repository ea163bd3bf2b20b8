/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "base/range.h"

static void check_order(const struct mhp_ranges *ranges) {
        MUST(ranges->n > 0);
        for (size_t i = 0; i < ranges->n; i++) {
                MUST(ranges->range[i].first <= ranges->range[i].last);
                MUST(ranges->range[i].last <= MHP_BLOCK_MAX);
                MUST(i == 0 || ranges->range[i - 1].last + 1 < ranges->range[i].first);
        }
}

/* What is added last by hand must be in, what is removed must be out, and the count must follow. */
static void check_add_remove(struct mhp_ranges *ranges) {
        struct mhp_range middle = ranges->range[ranges->n / 2];
        uint64_t before = mhp_ranges_count(ranges), n = (uint64_t) middle.last - middle.first + 1;

        MUST(mhp_ranges_contain(ranges, middle.first) && mhp_ranges_contain(ranges, middle.last));
        MUST(mhp_ranges_remove(ranges, middle.first, middle.last) == 0);
        MUST(!mhp_ranges_contain(ranges, middle.first) && !mhp_ranges_contain(ranges, middle.last));
        MUST(mhp_ranges_count(ranges) == before - n);
        MUST(mhp_ranges_add(ranges, middle.first, middle.last) == 0);
        MUST(mhp_ranges_count(ranges) == before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *s = fuzz_string(data, size), *printed = NULL;
        _cleanup_ranges_ struct mhp_ranges ranges = {}, again = {};
        struct mhp_text text = {};

        if (mhp_ranges_parse(s, &ranges) < 0) {
                MUST(!ranges.range);
                return 0;
        }
        check_order(&ranges);
        mhp_ranges_print(&ranges, &text);
        MUST(mhp_text_finish(&text, &printed) == 0);
        MUST(mhp_ranges_parse(printed, &again) == 0);
        MUST(again.n == ranges.n);
        MUST(memcmp(again.range, ranges.range, ranges.n * sizeof(*ranges.range)) == 0);
        check_add_remove(&ranges);
        check_order(&ranges);
        MUST(again.n == ranges.n);
        return 0;
}
