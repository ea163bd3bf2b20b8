/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/map-text.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "model/line.h"

/* A text may come from a stranger, and one short line names any number of blocks: these bound the memory that it costs. The
 * first is 512 TiB of 128 MiB blocks. */
#define BLOCKS_MAX UINT64_C(4194304)
#define CHUNKS_MAX 32768
#define GROUPS_MAX 4096
#define REMOVALS_MAX 256

/* Everything that is printed. */
static bool alike(const struct mhp_block *a, const struct mhp_block *b) {
        return a->group == b->group && a->retry_at == b->retry_at && a->node == b->node && a->n_nodes == b->n_nodes &&
               a->state == b->state && a->zone == b->zone && a->valid == b->valid && a->goal == b->goal &&
               a->reason == b->reason && a->rule == b->rule && a->attempts == b->attempts && a->error == b->error &&
               ((a->flags ^ b->flags) & ~MHP_BLOCK_SEEN) == 0 && a->removal == b->removal && a->home == b->home && a->used == b->used &&
               a->fixed == b->fixed && a->huge == b->huge;
}

static void print_head(const struct mhp_map *map, struct mhp_text *text) {
        mhp_text_add(text, "map 1\nblock-size ");
        mhp_text_u64(text, map->block_size);
        mhp_text_add(text, map->scanned ? "\nscanned\n" : "\n");
        for (size_t i = 0; i < map->n_removals; i++)
                mhp_removal_line_print(&map->removals[i], text);
}

static void print_blocks(const struct mhp_map *map, bool members_only, struct mhp_text *text) {
        const struct mhp_block *first, *last, *next;

        for (first = mhp_map_at_or_after(map, 0); first; first = next) {
                last = first;
                while ((next = mhp_map_next_block(map, last)) && next->nr == last->nr + 1 && alike(first, next))
                        last = next;
                if (first->removal == 0 && members_only)
                        continue;
                mhp_block_line_print((struct mhp_range){ first->nr, last->nr }, first, mhp_map_group(map, first), text);
        }
}

static int compare_names(const void *a, const void *b) {
        const struct mhp_group *const *x = a, *const *y = b;

        return strcmp((*x)->name, (*y)->name);
}

/* By name: the order of the slots depends on what came and went before. */
static int print_groups(const struct mhp_map *map, struct mhp_text *text) {
        _cleanup_free_ const struct mhp_group **groups = NULL;
        size_t n = 0;

        if (map->n_groups == 0)
                return 0;
        groups = calloc(map->n_groups, sizeof(*groups));
        if (!groups)
                return -ENOMEM;
        for (size_t i = 0; i < map->n_groups; i++)
                if (map->groups[i].n_blocks > 0 && (map->groups[i].goal != MHP_WANT_UNSET || map->groups[i].device_block > 0))
                        groups[n++] = map->groups + i;
        qsort(groups, n, sizeof(*groups), compare_names);
        for (size_t i = 0; i < n; i++)
                mhp_group_line_print(groups[i], text);
        return 0;
}

int mhp_map_print(const struct mhp_map *map, char **ret) {
        _cleanup_text_ struct mhp_text text = {};
        int r;

        print_head(map, &text);
        print_blocks(map, false, &text);
        r = print_groups(map, &text);
        if (r < 0)
                return r;
        return mhp_text_finish(&text, ret);
}

int mhp_map_print_removals(const struct mhp_map *map, char **ret) {
        _cleanup_text_ struct mhp_text text = {};

        print_head(map, &text);
        print_blocks(map, true, &text);
        return mhp_text_finish(&text, ret);
}

struct parser {
        struct mhp_map *map; /* NULL until block-size was read; owned */
        bool begun;          /* `map 1` was read */
        uint64_t n_blocks;
};

static void parser_done(struct parser *parser) {
        mhp_map_free(parser->map);
}

/* The two lines that come first. 1: this was one of them. */
static int parse_head(struct parser *parser, struct mhp_words words) {
        char word[MHP_WORD_MAX];
        uint64_t v;

        if (parser->map)
                return 0;
        if (mhp_words_next(&words, word) <= 0 || strcmp(word, parser->begun ? "block-size" : "map") != 0)
                return -EINVAL;
        if (mhp_words_next(&words, word) <= 0 || mhp_parse_u64(word, &v) < 0 || mhp_words_next(&words, word) != 0)
                return -EINVAL;
        if (parser->begun) {
                int r = mhp_map_new(v, &parser->map);

                return r < 0 ? r : 1;
        }
        if (v != 1)
                return -EINVAL;
        parser->begun = true;
        return 1;
}

static int parse_block(struct parser *parser, const char *line, size_t len) {
        struct mhp_block_line block;
        const char *name;
        int r;

        r = mhp_block_line_parse(line, len, &block);
        if (r < 0)
                return r;
        parser->n_blocks += (uint64_t) block.range.last - block.range.first + 1;
        if (parser->n_blocks > BLOCKS_MAX || parser->map->n_chunks > CHUNKS_MAX || parser->map->n_groups > GROUPS_MAX)
                return -E2BIG;

        name = *block.group ? block.group : NULL;
        for (uint64_t nr = block.range.first; nr <= block.range.last; nr++) {
                r = mhp_map_restore_block(parser->map, (uint32_t) nr, &block.block, name, block.source);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int parse_group(struct parser *parser, struct mhp_words words) {
        struct mhp_group group;
        int r;

        r = mhp_group_line_parse(words, &group);
        if (r < 0)
                return r;
        return mhp_map_restore_group(parser->map, &group);
}

static int parse_removal(struct parser *parser, struct mhp_words words) {
        struct mhp_removal removal;
        int r;

        r = mhp_removal_line_parse(words, &removal);
        if (r < 0)
                return r;
        if (parser->map->n_removals >= REMOVALS_MAX)
                return -E2BIG;
        return mhp_map_restore_removal(parser->map, &removal);
}

static int parse_line(struct parser *parser, const char *line, size_t len) {
        struct mhp_words words = { line, line + len }, rest;
        char word[MHP_WORD_MAX];
        int r;

        if (memchr(line, '\0', len))
                return -EINVAL;
        rest = words;
        r = mhp_words_next(&rest, word);
        if (r == 0 || *word == '#')
                return 0;
        if (r < 0)
                return r;
        r = parse_head(parser, words);
        if (r != 0)
                return r < 0 ? r : 0;
        if (strcmp(word, "block") == 0)
                return parse_block(parser, line, len);
        if (strcmp(word, "group") == 0)
                return parse_group(parser, rest);
        if (strcmp(word, "removal") == 0)
                return parse_removal(parser, rest);
        if (strcmp(word, "scanned") != 0 || mhp_words_next(&rest, word) != 0)
                return -EINVAL;
        mhp_map_restore_scanned(parser->map, true);
        return 0;
}

/* What a number too large or a block given twice is to whoever wrote the text. */
static int parse_error(int r) {
        return r == -ENOMEM || r == -E2BIG ? r : -EINVAL;
}

int mhp_map_parse(const char *text, size_t len, struct mhp_map **ret, unsigned *ret_line) {
        _cleanup_(parser_done) struct parser parser = {};
        const char *end = text + len;
        unsigned n = 1;
        int r = 0;

        for (; text < end; n++) {
                const char *newline = memchr(text, '\n', (size_t) (end - text));
                const char *stop = newline ? newline : end;

                r = parse_line(&parser, text, (size_t) (stop - text));
                if (r < 0)
                        break;
                text = newline ? newline + 1 : end;
        }
        if (r == 0 && !parser.map)
                r = -EINVAL;
        if (r < 0) {
                if (ret_line)
                        *ret_line = n;
                return parse_error(r);
        }
        *ret = TAKE(parser.map);
        return 0;
}
