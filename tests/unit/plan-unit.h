/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Machines for the tests of plans, in one line: `RANGE ZONE GROUP [KEY[=VALUE]]...; ...`. ZONE is a zone in small letters, or offline; GROUP `-`: not
 * known. Keys: used=, fixed= and huge= (pages; with any, the block was counted), removal= (an id), error=, gave-up. */

#include "unit.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "core/plan.h"
#include "model/backing.h"

#define BLOCK_SIZE (UINT64_C(128) << 20)

static inline enum mhp_zone unit_zone(const char *word) {
        char name[16] = { 0 };
        enum mhp_zone zone = MHP_ZONE_UNSET;

        if (strcmp(word, "offline") == 0)
                return zone;
        snprintf(name, sizeof(name), "%s", word);
        if (strcmp(word, "none") != 0)
                name[0] = (char) toupper((unsigned char) name[0]);
        assert_int_equal(mhp_zone_parse(name, &zone), 0);
        return zone;
}

static inline uint32_t unit_number(const char *word) {
        const char *equals = strchr(word, '=');
        uint32_t v = 0;

        assert_non_null(equals);
        assert_int_equal(mhp_parse_u32(equals + 1, &v), 0);
        return v;
}

static inline void unit_key(struct mhp_block *block, const char *word) {
        if (strcmp(word, "gave-up") == 0)
                block->flags |= MHP_BLOCK_GAVE_UP;
        else if (strncmp(word, "used=", 5) == 0)
                block->used = unit_number(word), block->flags |= MHP_BLOCK_COUNTED;
        else if (strncmp(word, "fixed=", 6) == 0)
                block->fixed = unit_number(word), block->flags |= MHP_BLOCK_COUNTED;
        else if (strncmp(word, "huge=", 5) == 0)
                block->huge = unit_number(word), block->flags |= MHP_BLOCK_COUNTED;
        else if (strncmp(word, "removal=", 8) == 0)
                block->removal = unit_number(word);
        else if (strncmp(word, "error=", 6) == 0)
                block->error = (uint16_t) unit_number(word);
        else
                fail_msg("\"%s\" is no key", word);
}

/* What the map's own events would have set is put into the block directly: no test here looks at sums. */
static inline void unit_place(struct mhp_map *map, uint32_t nr, const struct mhp_block *block, const char *group) {
        struct mhp_block plain = { .state = block->state, .zone = block->zone, .n_nodes = 1, .flags = MHP_BLOCK_SETTLED };
        enum mhp_source source = MHP_SOURCE_UNKNOWN;
        struct mhp_block *placed;
        char word[32] = { 0 };

        snprintf(word, sizeof(word), "%.*s", (int) MIN(strcspn(group, ":"), sizeof(word) - 1), group);
        if (strcmp(group, "-") != 0)
                assert_int_equal(mhp_source_parse(word, &source), 0);
        assert_int_equal(mhp_map_restore_block(map, nr, &plain, strcmp(group, "-") != 0 ? group : NULL, source), 0);
        placed = (struct mhp_block *) mhp_map_find(map, nr);
        placed->used = block->used;
        placed->fixed = block->fixed;
        placed->huge = block->huge;
        placed->flags |= block->flags;
        placed->error = block->error;
        placed->removal = block->removal;
}

static inline struct mhp_map *unit_machine(const char *text) {
        struct mhp_map *map = NULL;
        char copy[1024], *line, *end = NULL;

        assert_true(strlen(text) < sizeof(copy));
        snprintf(copy, sizeof(copy), "%s", text);
        assert_int_equal(mhp_map_new(BLOCK_SIZE, &map), 0);
        for (line = strtok_r(copy, ";", &end); line; line = strtok_r(NULL, ";", &end)) {
                struct mhp_block block = { 0 };
                _cleanup_ranges_ struct mhp_ranges ranges = { 0 };
                char *word_end = NULL, *word = strtok_r(line, " ", &word_end);
                const char *group;

                if (!word) /* behind the last semicolon */
                        break;
                assert_int_equal(mhp_ranges_parse(word, &ranges), 0);
                block.zone = (uint8_t) unit_zone(strtok_r(NULL, " ", &word_end));
                block.state = block.zone == MHP_ZONE_UNSET ? MHP_STATE_OFFLINE : MHP_STATE_ONLINE;
                group = strtok_r(NULL, " ", &word_end);
                while ((word = strtok_r(NULL, " ", &word_end)))
                        unit_key(&block, word);
                for (size_t i = 0; i < ranges.n; i++)
                        for (uint32_t nr = ranges.range[i].first; nr <= ranges.range[i].last; nr++)
                                unit_place(map, nr, &block, group);
        }
        return map;
}

/* "" is no range. */
static inline void unit_ranges(const char *text, struct mhp_ranges *ret) {
        if (*text)
                assert_int_equal(mhp_ranges_parse(text, ret), 0);
}

#define ROW_RANGES(row_text, got, want) \
        do { \
                _cleanup_text_ struct mhp_text text_ = { 0 }; \
                mhp_ranges_print((got), &text_); \
                if (strcmp(text_.data ? text_.data : "", (want)) != 0) \
                        fail_msg("row \"%s\": %s is \"%s\", wanted \"%s\"", (row_text), #got, text_.data ? text_.data : "", (want)); \
        } while (0)
