/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/range.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/units.h"

void mhp_ranges_done(struct mhp_ranges *ranges) {
        free(ranges->range);
        *ranges = (struct mhp_ranges){};
}

/* Index of the first range that ends at or after nr; ranges->n: none. */
static size_t first_ending_at(const struct mhp_ranges *ranges, uint32_t nr) {
        size_t low = 0, high = ranges->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (ranges->range[middle].last < nr)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* Puts `with` (0 to 2 ranges) in the place of the `n` ranges from `at` on. */
static int replace(struct mhp_ranges *ranges, size_t at, size_t n, const struct mhp_range *with, size_t n_with) {
        size_t behind = ranges->n - at - n;
        int r;

        r = mhp_array_reserve((void **) &ranges->range, &ranges->capacity, ranges->n - n + n_with, sizeof(*ranges->range));
        if (r < 0)
                return r;
        if (behind > 0 && n != n_with)
                memmove(ranges->range + at + n_with, ranges->range + at + n, behind * sizeof(*ranges->range));
        for (size_t i = 0; i < n_with; i++)
                ranges->range[at + i] = with[i];
        ranges->n = ranges->n - n + n_with;
        return 0;
}

int mhp_ranges_add(struct mhp_ranges *ranges, uint32_t first, uint32_t last) {
        struct mhp_range new = { first, last };
        size_t at, end;

        if (first > last)
                return 0;
        if (ranges->n > 0 && ranges->range[ranges->n - 1].last < first)
                at = ranges->n - (ranges->range[ranges->n - 1].last + 1 == first);
        else
                at = first_ending_at(ranges, first > 0 ? first - 1 : 0);

        for (end = at; end < ranges->n && (ranges->range[end].first <= last || ranges->range[end].first - 1 == last); end++) {
                new.first = MIN(new.first, ranges->range[end].first);
                new.last = MAX(new.last, ranges->range[end].last);
        }
        return replace(ranges, at, end - at, &new, 1);
}

int mhp_ranges_remove(struct mhp_ranges *ranges, uint32_t first, uint32_t last) {
        struct mhp_range rest[2];
        size_t at, end, n_rest = 0;

        if (first > last)
                return 0;
        at = first_ending_at(ranges, first);
        for (end = at; end < ranges->n && ranges->range[end].first <= last; end++)
                ;
        if (end == at)
                return 0;

        if (ranges->range[at].first < first)
                rest[n_rest++] = (struct mhp_range){ ranges->range[at].first, first - 1 };
        if (ranges->range[end - 1].last > last)
                rest[n_rest++] = (struct mhp_range){ last + 1, ranges->range[end - 1].last };
        return replace(ranges, at, end - at, rest, n_rest);
}

bool mhp_ranges_contain(const struct mhp_ranges *ranges, uint32_t nr) {
        size_t i = first_ending_at(ranges, nr);

        return i < ranges->n && ranges->range[i].first <= nr;
}

uint64_t mhp_ranges_count(const struct mhp_ranges *ranges) {
        uint64_t count = 0;

        for (size_t i = 0; i < ranges->n; i++)
                count += (uint64_t) ranges->range[i].last - ranges->range[i].first + 1;
        return count;
}

/* A block number that ends at `stop` or at the end of the string; *s moves onto what stopped it. */
static int take_block(const char **s, uint32_t *ret) {
        char digits[32];
        uint64_t v;
        size_t n;
        int r;

        if (strncmp(*s, "memory", strlen("memory")) == 0)
                *s += strlen("memory");
        n = strspn(*s, "0123456789");
        *s += n;
        if (n >= sizeof(digits))
                return -ERANGE;
        memcpy(digits, *s - n, n);
        digits[n] = '\0';
        r = mhp_parse_u64(digits, &v);
        if (r < 0)
                return r;
        if (v > MHP_BLOCK_MAX)
                return -ERANGE;
        *ret = (uint32_t) v;
        return 0;
}

static int take_range(const char **s, struct mhp_range *ret) {
        struct mhp_range range;
        int r;

        r = take_block(s, &range.first);
        if (r < 0)
                return r;
        range.last = range.first;
        if (**s == '-') {
                (*s)++;
                r = take_block(s, &range.last);
                if (r < 0)
                        return r;
        }
        if (range.first > range.last)
                return -EINVAL;
        *ret = range;
        return 0;
}

static int compare(const void *a, const void *b) {
        const struct mhp_range *x = a, *y = b;

        return x->first < y->first ? -1 : x->first > y->first;
}

/* Sorted in one go: adding one by one would move the tail for each range of a list that descends. */
static int sort(struct mhp_ranges *ranges, struct mhp_ranges *ret) {
        int r;

        qsort(ranges->range, ranges->n, sizeof(*ranges->range), compare);
        for (size_t i = 0; i < ranges->n; i++) {
                r = mhp_ranges_add(ret, ranges->range[i].first, ranges->range[i].last);
                if (r < 0)
                        return r;
        }
        return 0;
}

int mhp_ranges_parse(const char *s, struct mhp_ranges *ret) {
        _cleanup_ranges_ struct mhp_ranges given = {}, sorted = {};
        int r;

        for (;; s++) {
                r = ARRAY_GROW(given.range, given.n, given.capacity);
                if (r < 0)
                        return r;
                r = take_range(&s, &given.range[given.n]);
                if (r < 0)
                        return r;
                given.n++;
                if (!*s)
                        break;
                if (*s != ',')
                        return -EINVAL;
        }

        r = sort(&given, &sorted);
        if (r < 0)
                return r;
        *ret = sorted;
        sorted = (struct mhp_ranges){};
        return 0;
}

void mhp_ranges_print(const struct mhp_ranges *ranges, struct mhp_text *text) {
        for (size_t i = 0; i < ranges->n; i++) {
                if (i > 0)
                        mhp_text_add_n(text, ",", 1);
                mhp_text_u64(text, ranges->range[i].first);
                if (ranges->range[i].last == ranges->range[i].first)
                        continue;
                mhp_text_add_n(text, "-", 1);
                mhp_text_u64(text, ranges->range[i].last);
        }
}
