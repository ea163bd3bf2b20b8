/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "model/map-text.h"

/* Texts that ask for a great many blocks are right, and bounded, but what they cost would keep the fuzzer from everything else. */
#define BLOCKS_MAX 20000

static uint64_t count_blocks(const char *s, size_t size) {
        uint64_t n = 0;

        for (const char *end = s + size; s < end;) {
                const char *stop = memchr(s, '\n', (size_t) (end - s));
                struct mhp_block_line line;

                stop = stop ? stop : end;
                if (mhp_block_line_parse(s, (size_t) (stop - s), &line) == 0)
                        n += (uint64_t) line.range.last - line.range.first + 1;
                s = stop + (stop < end);
        }
        return n;
}

static void check_walk(const struct mhp_map *map) {
        struct mhp_block_info info;
        uint64_t block = 0, before = 0;
        size_t n = 0;

        while (mhp_map_next(map, &block, &info) > 0) {
                MUST(n == 0 || info.block >= before);
                MUST(block == info.block + 1 && info.size == mhp_map_block_size(map));
                before = block;
                n++;
        }
        MUST(n == mhp_map_n_blocks(map));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *input = malloc(size + 1), *first = NULL, *second = NULL;
        _cleanup_map_ struct mhp_map *map = NULL, *again = NULL;
        unsigned line = 0;
        int r;

        /* no NUL behind it: the parser is given a length */
        MUST(input);
        if (size > 0)
                memcpy(input, data, size);
        if (count_blocks(input, size) > BLOCKS_MAX)
                return -1;
        r = mhp_map_parse(input, size, &map, &line);
        if (r < 0) {
                MUST(!map && line > 0);
                return 0;
        }
        MUST(mhp_map_consistent(map));
        check_walk(map);
        MUST(mhp_map_print(map, &first) == 0);
        MUST(mhp_map_parse(first, strlen(first), &again, NULL) == 0);
        MUST(mhp_map_consistent(again));
        MUST(mhp_map_print(again, &second) == 0);
        MUST(strcmp(first, second) == 0);
        return 0;
}
