/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/line.h"

#include <errno.h>
#include <string.h>

#include "base/units.h"

enum key {
        KEY_ZONE,
        KEY_VALID,
        KEY_NODE,
        KEY_NODES,
        KEY_GROUP,
        KEY_SOURCE,
        KEY_GOAL,
        KEY_REASON,
        KEY_RULE,
        KEY_ATTEMPTS,
        KEY_ERROR,
        KEY_RETRY_AT,
        KEY_FLAGS,
        KEY_HOME,
        KEY_REMOVAL,
        KEY_USED,
        KEY_FIXED,
        KEY_HUGE,
        KEY_DEVICE_BLOCK,
        _KEY_MAX,
};

static const char *const key_names[_KEY_MAX] = {
        [KEY_ZONE] = "zone",
        [KEY_VALID] = "valid",
        [KEY_NODE] = "node",
        [KEY_NODES] = "nodes",
        [KEY_GROUP] = "group",
        [KEY_SOURCE] = "source",
        [KEY_GOAL] = "goal",
        [KEY_REASON] = "reason",
        [KEY_RULE] = "rule",
        [KEY_ATTEMPTS] = "attempts",
        [KEY_ERROR] = "error",
        [KEY_RETRY_AT] = "retry-at",
        [KEY_FLAGS] = "flags",
        [KEY_HOME] = "home",
        [KEY_REMOVAL] = "removal",
        [KEY_USED] = "used",
        [KEY_FIXED] = "fixed",
        [KEY_HUGE] = "huge",
        [KEY_DEVICE_BLOCK] = "device-block",
};

/* By bit of enum mhp_block_flags. A scan's own mark means nothing outside of the scan, which a text does not carry. */
static const char *const flag_names[] = {
        "settled", "busy", "repaired", "repairing", "gave-up", NULL, "arrived", "ours", "hands-off", "counted", "cheap", "told", "chosen", "astray",
        "taken", "unread",
};
_Static_assert(MHP_BLOCK_SEEN == 1 << 5, "the flag without a name has moved");
_Static_assert(MHP_BLOCK_UNREAD == 1 << (ELEMENTSOF(flag_names) - 1), "a flag has no name");

static int parse_max(const char *s, uint64_t max, uint64_t *ret) {
        uint64_t v;
        int r = mhp_parse_u64(s, &v);

        if (r < 0)
                return r;
        if (v > max)
                return -ERANGE;
        *ret = v;
        return 0;
}

static int parse_range(char *s, struct mhp_range *ret) {
        char *dash = strchr(s, '-');
        uint64_t first, last;
        int r;

        if (dash)
                *dash = '\0';
        r = parse_max(s, MHP_BLOCK_MAX, &first);
        if (r < 0)
                return r;
        last = first;
        if (dash)
                r = parse_max(dash + 1, MHP_BLOCK_MAX, &last);
        if (r < 0)
                return r;
        if (last < first)
                return -EINVAL;
        *ret = (struct mhp_range){ (uint32_t) first, (uint32_t) last };
        return 0;
}

static int parse_valid(const char *s, uint8_t *ret) {
        char item[MHP_WORD_MAX];
        uint8_t valid = 0;

        while (mhp_list_next(&s, item)) {
                enum mhp_zone zone;

                if (mhp_zone_parse(item, &zone) < 0)
                        return -EINVAL;
                valid |= (uint8_t) MHP_ZONE_BIT(zone);
        }
        *ret = valid;
        return 0;
}

static int parse_flags(const char *s, uint16_t *ret) {
        char item[MHP_WORD_MAX];
        uint16_t flags = 0;

        while (mhp_list_next(&s, item)) {
                size_t i = 0;

                while (i < ELEMENTSOF(flag_names) && !(flag_names[i] && strcmp(item, flag_names[i]) == 0))
                        i++;
                if (i == ELEMENTSOF(flag_names))
                        return -EINVAL;
                flags |= (uint16_t) (1u << i);
        }
        *ret = flags;
        return 0;
}

/* A goal has been decided, so it is not `auto`. */
static int parse_goal(const char *s, uint8_t *ret) {
        enum mhp_want want;

        if (mhp_want_parse(s, &want) < 0 || want == MHP_WANT_AUTO)
                return -EINVAL;
        *ret = (uint8_t) want;
        return 0;
}

static int set_word(struct mhp_block_line *line, enum key key, const char *s) {
        enum mhp_zone zone;
        enum mhp_reason reason;
        int r;

        switch (key) {
        case KEY_ZONE:
        case KEY_HOME:
                r = mhp_zone_parse(s, &zone);
                if (r >= 0)
                        *(key == KEY_ZONE ? &line->block.zone : &line->block.home) = (uint8_t) zone;
                return r;
        case KEY_VALID:
                return parse_valid(s, &line->block.valid);
        case KEY_GROUP:
                return mhp_group_name_parse(s, line->group);
        case KEY_SOURCE:
                return mhp_source_parse(s, &line->source);
        case KEY_GOAL:
                return parse_goal(s, &line->block.goal);
        case KEY_REASON:
                r = mhp_reason_parse(s, &reason);
                if (r >= 0)
                        line->block.reason = (uint8_t) reason;
                return r;
        case KEY_FLAGS:
                return parse_flags(s, &line->block.flags);
        case KEY_NODE:
        case KEY_NODES:
        case KEY_RULE:
        case KEY_ATTEMPTS:
        case KEY_ERROR:
        case KEY_RETRY_AT:
        case KEY_REMOVAL:
        case KEY_USED:
        case KEY_FIXED:
        case KEY_HUGE:
        case KEY_DEVICE_BLOCK:
        case _KEY_MAX:
                break;
        }
        return -EINVAL;
}

static int set_number(struct mhp_block_line *line, enum key key, const char *s) {
        struct mhp_block *block = &line->block;
        static const uint64_t max[_KEY_MAX] = {
                [KEY_NODE] = MHP_NODE_MAX,
                [KEY_NODES] = UINT8_MAX,
                [KEY_RULE] = UINT8_MAX,
                [KEY_ATTEMPTS] = UINT8_MAX,
                [KEY_ERROR] = UINT16_MAX,
                [KEY_RETRY_AT] = UINT64_MAX,
                [KEY_REMOVAL] = UINT32_MAX,
                [KEY_USED] = UINT32_MAX,
                [KEY_FIXED] = UINT32_MAX,
                [KEY_HUGE] = UINT32_MAX,
                [KEY_DEVICE_BLOCK] = UINT32_MAX,
        };
        uint64_t v;
        int r;

        r = parse_max(s, max[key], &v);
        if (r < 0)
                return r;
        if (key == KEY_NODE)
                block->node = (int16_t) v;
        else if (key == KEY_NODES)
                block->n_nodes = (uint8_t) v;
        else if (key == KEY_RULE)
                block->rule = (uint8_t) v;
        else if (key == KEY_ATTEMPTS)
                block->attempts = (uint8_t) v;
        else if (key == KEY_ERROR)
                block->error = (uint16_t) v;
        else if (key == KEY_REMOVAL)
                block->removal = (uint32_t) v;
        else if (key == KEY_USED)
                block->used = (uint32_t) v;
        else if (key == KEY_FIXED)
                block->fixed = (uint32_t) v;
        else if (key == KEY_HUGE)
                block->huge = (uint32_t) v;
        else if (key == KEY_DEVICE_BLOCK)
                line->device_block = (uint32_t) v;
        else
                block->retry_at = v;
        return 0;
}

#define NUMBERS \
        (1u << KEY_NODE | 1u << KEY_NODES | 1u << KEY_RULE | 1u << KEY_ATTEMPTS | 1u << KEY_ERROR | 1u << KEY_RETRY_AT | \
         1u << KEY_REMOVAL | 1u << KEY_USED | 1u << KEY_FIXED | 1u << KEY_HUGE | 1u << KEY_DEVICE_BLOCK)
#define GROUP_KEYS (1u << KEY_GOAL | 1u << KEY_REASON | 1u << KEY_RULE | 1u << KEY_DEVICE_BLOCK)

/* The `key=value` words that are left, each at most once and of those in `allowed`. *ret_seen: which came. */
static int parse_keys(struct mhp_words *words, unsigned allowed, struct mhp_block_line *line, unsigned *ret_seen) {
        char word[MHP_WORD_MAX];
        unsigned seen = 0;
        int r;

        while ((r = mhp_words_next(words, word)) > 0) {
                char *value = strchr(word, '=');
                unsigned key = 0;

                if (!value)
                        return -EINVAL;
                *value++ = '\0';
                while (key < _KEY_MAX && strcmp(word, key_names[key]) != 0)
                        key++;
                if (key == _KEY_MAX || !(allowed & 1u << key) || seen & 1u << key)
                        return -EINVAL;
                seen |= 1u << key;
                r = NUMBERS & 1u << key ? set_number(line, (enum key) key, value) : set_word(line, (enum key) key, value);
                if (r < 0)
                        return r;
        }
        if (r == 0)
                *ret_seen = seen;
        return r;
}

int mhp_block_line_parse(const char *s, size_t len, struct mhp_block_line *ret) {
        struct mhp_block_line line = {
                .block = { .nr = MHP_NO_BLOCK, .group = MHP_NO_GROUP, .prev = MHP_NO_BLOCK, .next = MHP_NO_BLOCK, .node = -1 },
        };
        struct mhp_words words = { s, s + len };
        char word[MHP_WORD_MAX];
        enum mhp_state state;
        unsigned seen;
        int r;

        if (memchr(s, '\0', len) || mhp_words_next(&words, word) <= 0 || strcmp(word, "block") != 0)
                return -EINVAL;
        if (mhp_words_next(&words, word) <= 0)
                return -EINVAL;
        r = parse_range(word, &line.range);
        if (r < 0)
                return r;
        if (mhp_words_next(&words, word) <= 0 || mhp_state_parse(word, &state) < 0)
                return -EINVAL;
        line.block.state = (uint8_t) state;
        r = parse_keys(&words, ~(1u << KEY_DEVICE_BLOCK), &line, &seen);
        if (r < 0)
                return r;

        if (!(seen & 1u << KEY_NODES))
                line.block.n_nodes = line.block.node >= 0;
        if (!(seen & 1u << KEY_SOURCE))
                line.source = mhp_source_of_group(line.group);
        *ret = line;
        return 0;
}

int mhp_group_line_parse(struct mhp_words words, struct mhp_group *ret) {
        struct mhp_block_line line = {};
        char word[MHP_WORD_MAX];
        unsigned seen;
        int r;

        if (mhp_words_next(&words, word) <= 0)
                return -EINVAL;
        r = mhp_group_name_parse(word, line.group);
        if (r < 0)
                return r;
        r = parse_keys(&words, GROUP_KEYS, &line, &seen);
        if (r < 0)
                return r;
        *ret = (struct mhp_group){
                .goal = line.block.goal, .reason = line.block.reason, .rule = line.block.rule, .device_block = line.device_block };
        memcpy(ret->name, line.group, sizeof(ret->name));
        return 0;
}

static void print_word(struct mhp_text *text, enum key key, const char *value) {
        if (!value)
                return;
        mhp_text_add_n(text, " ", 1);
        mhp_text_add(text, key_names[key]);
        mhp_text_add_n(text, "=", 1);
        mhp_text_add(text, value);
}

static void print_number(struct mhp_text *text, enum key key, uint64_t value) {
        print_word(text, key, "");
        mhp_text_u64(text, value);
}

/* Names of the bits of a set that has any, with commas between. */
static void print_set(struct mhp_text *text, enum key key, unsigned set) {
        const char *comma = "";

        print_word(text, key, "");
        for (unsigned i = 0; set >> i; i++) {
                const char *name = key == KEY_VALID ? mhp_zone_name((enum mhp_zone) i) : flag_names[i];

                if (!(set >> i & 1))
                        continue;
                mhp_text_add(text, comma);
                mhp_text_add(text, name);
                comma = ",";
        }
}

static void print_goal(struct mhp_text *text, enum mhp_want goal, enum mhp_reason reason, uint8_t rule) {
        print_word(text, KEY_GOAL, mhp_want_name(goal));
        print_word(text, KEY_REASON, mhp_reason_name(reason));
        if (rule > 0)
                print_number(text, KEY_RULE, rule);
}

void mhp_block_line_print(struct mhp_range range, const struct mhp_block *block, const struct mhp_group *group,
                          struct mhp_text *text) {
        mhp_text_add(text, "block ");
        mhp_text_u64(text, range.first);
        if (range.last != range.first) {
                mhp_text_add_n(text, "-", 1);
                mhp_text_u64(text, range.last);
        }
        mhp_text_add_n(text, " ", 1);
        mhp_text_add(text, mhp_state_name((enum mhp_state) block->state));
        print_word(text, KEY_ZONE, mhp_zone_name((enum mhp_zone) block->zone));
        if (block->valid & ~MHP_ZONE_BIT(MHP_ZONE_UNSET))
                print_set(text, KEY_VALID, block->valid & ~MHP_ZONE_BIT(MHP_ZONE_UNSET));
        if (block->node >= 0)
                print_number(text, KEY_NODE, (uint64_t) block->node);
        if (block->n_nodes != (block->node >= 0))
                print_number(text, KEY_NODES, block->n_nodes);
        if (group) {
                print_word(text, KEY_GROUP, "");
                mhp_group_name_print(group->name, text);
                if (group->source != mhp_source_of_group(group->name))
                        print_word(text, KEY_SOURCE, mhp_source_name(group->source));
        }
        print_goal(text, (enum mhp_want) block->goal, (enum mhp_reason) block->reason, block->rule);
        if (block->attempts > 0)
                print_number(text, KEY_ATTEMPTS, block->attempts);
        if (block->error > 0)
                print_number(text, KEY_ERROR, block->error);
        if (block->retry_at > 0)
                print_number(text, KEY_RETRY_AT, block->retry_at);
        if (block->flags & ~MHP_BLOCK_SEEN)
                print_set(text, KEY_FLAGS, block->flags & ~(unsigned) MHP_BLOCK_SEEN);
        if (block->removal > 0)
                print_number(text, KEY_REMOVAL, block->removal);
        print_word(text, KEY_HOME, mhp_zone_name((enum mhp_zone) block->home));
        if (block->used > 0)
                print_number(text, KEY_USED, block->used);
        if (block->fixed > 0)
                print_number(text, KEY_FIXED, block->fixed);
        if (block->huge > 0)
                print_number(text, KEY_HUGE, block->huge);
        mhp_text_add_n(text, "\n", 1);
}

void mhp_group_line_print(const struct mhp_group *group, struct mhp_text *text) {
        mhp_text_add(text, "group ");
        mhp_group_name_print(group->name, text);
        print_goal(text, group->goal, group->reason, group->rule);
        if (group->device_block > 0)
                print_number(text, KEY_DEVICE_BLOCK, group->device_block);
        mhp_text_add_n(text, "\n", 1);
}
