/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A removal in the map's text form. */

#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "model/line.h"

enum key {
        KEY_PHASE,
        KEY_TARGET,
        KEY_GROUP,
        KEY_HELD,
        KEY_ENDING,
        KEY_TOTAL,
        KEY_DONE,
        KEY_SIZE,
        KEY_UNTIL,
        KEY_WAIT,
        KEY_BLAME,
        KEY_ERROR,
        KEY_FIGHTS,
        _KEY_MAX,
};

/* Those from `total` on are numbers. */
static const struct {
        const char *name;
        uint64_t max, otherwise;
} keys[_KEY_MAX] = {
        [KEY_PHASE] = { .name = "phase" },
        [KEY_TARGET] = { .name = "target" },
        [KEY_GROUP] = { .name = "group" },
        [KEY_HELD] = { .name = "held" },
        [KEY_ENDING] = { .name = "ending" },
        [KEY_TOTAL] = { "total", UINT32_MAX, 0 },
        [KEY_DONE] = { "done", UINT32_MAX, 0 },
        [KEY_SIZE] = { "size", UINT64_MAX, 0 },
        [KEY_UNTIL] = { "until", UINT64_MAX, 0 },
        [KEY_WAIT] = { "wait", UINT64_MAX, 0 },
        [KEY_BLAME] = { "blame", MHP_BLOCK_MAX, MHP_NO_BLOCK },
        [KEY_ERROR] = { "error", UINT16_MAX, 0 },
        [KEY_FIGHTS] = { "fights", UINT8_MAX, 0 },
};

static int set_word(struct mhp_removal *removal, enum key key, const char *s) {
        enum mhp_removal_phase phase;
        enum mhp_ending ending;
        enum mhp_source source;
        int r;

        if (key == KEY_TARGET)
                return mhp_group_name_parse(s, removal->target);
        if (key == KEY_GROUP)
                return mhp_group_name_parse(s, removal->group);
        if (key == KEY_HELD) {
                r = mhp_source_parse(s, &source);
                if (r >= 0)
                        removal->held = (uint8_t) source;
        } else if (key == KEY_ENDING) {
                r = mhp_ending_parse(s, &ending);
                if (r >= 0)
                        removal->ending = (uint8_t) ending;
        } else {
                r = mhp_phase_parse(s, &phase);
                if (r >= 0)
                        removal->phase = (uint8_t) phase;
        }
        return r;
}

static int set_number(struct mhp_removal *removal, enum key key, const char *s) {
        uint64_t v;
        int r = mhp_parse_u64(s, &v);

        if (r < 0)
                return r;
        if (v > keys[key].max)
                return -ERANGE;
        if (key == KEY_TOTAL)
                removal->n_total = (uint32_t) v;
        else if (key == KEY_DONE)
                removal->n_done = (uint32_t) v;
        else if (key == KEY_SIZE)
                removal->size = v;
        else if (key == KEY_UNTIL)
                removal->until = v;
        else if (key == KEY_WAIT)
                removal->wait = v;
        else if (key == KEY_BLAME)
                removal->blame = (uint32_t) v;
        else if (key == KEY_ERROR)
                removal->error = (uint16_t) v;
        else
                removal->fights = (uint8_t) v;
        return 0;
}

static int parse_head(struct mhp_words *words, struct mhp_removal *ret) {
        char word[MHP_WORD_MAX];
        enum mhp_removal_verb verb;
        uint64_t id;

        if (mhp_words_next(words, word) <= 0 || mhp_parse_u64(word, &id) < 0 || id == 0 || id > UINT32_MAX)
                return -EINVAL;
        if (mhp_words_next(words, word) <= 0 || mhp_removal_verb_parse(word, &verb) < 0)
                return -EINVAL;
        *ret = (struct mhp_removal) { .id = (uint32_t) id, .verb = (uint8_t) verb, .blame = MHP_NO_BLOCK };
        return 0;
}

int mhp_removal_line_parse(struct mhp_words words, struct mhp_removal *ret) {
        struct mhp_removal removal;
        char word[MHP_WORD_MAX];
        unsigned seen = 0;
        int r = parse_head(&words, &removal);

        if (r < 0)
                return r;
        while ((r = mhp_words_next(&words, word)) > 0) {
                char *value = strchr(word, '=');
                unsigned key = 0;

                if (!value)
                        return -EINVAL;
                *value++ = '\0';
                while (key < _KEY_MAX && strcmp(word, keys[key].name) != 0)
                        key++;
                if (key == _KEY_MAX || seen & 1u << key)
                        return -EINVAL;
                seen |= 1u << key;
                r = key < KEY_TOTAL ? set_word(&removal, (enum key) key, value) : set_number(&removal, (enum key) key, value);
                if (r < 0)
                        return r;
        }
        if (r == 0)
                *ret = removal;
        return r;
}

static void print_word(struct mhp_text *text, enum key key, const char *value) {
        if (value)
                mhp_text_printf(text, " %s=%s", keys[key].name, value);
}

static void print_name(struct mhp_text *text, enum key key, const char *name) {
        if (!*name)
                return;
        print_word(text, key, "");
        mhp_group_name_print(name, text);
}

static void print_number(struct mhp_text *text, enum key key, uint64_t v) {
        if (v == keys[key].otherwise)
                return;
        print_word(text, key, "");
        mhp_text_u64(text, v);
}

void mhp_removal_line_print(const struct mhp_removal *removal, struct mhp_text *text) {
        mhp_text_add(text, "removal ");
        mhp_text_u64(text, removal->id);
        mhp_text_add(text, " ");
        mhp_text_add(text, mhp_removal_verb_name((enum mhp_removal_verb) removal->verb));
        print_word(text, KEY_PHASE, mhp_phase_name((enum mhp_removal_phase) removal->phase));
        print_name(text, KEY_TARGET, removal->target);
        print_name(text, KEY_GROUP, removal->group);
        if (removal->held != MHP_SOURCE_UNKNOWN)
                print_word(text, KEY_HELD, mhp_source_name((enum mhp_source) removal->held));
        print_word(text, KEY_ENDING, mhp_ending_name((enum mhp_ending) removal->ending));
        print_number(text, KEY_TOTAL, removal->n_total);
        print_number(text, KEY_DONE, removal->n_done);
        print_number(text, KEY_SIZE, removal->size);
        print_number(text, KEY_UNTIL, removal->until);
        print_number(text, KEY_WAIT, removal->wait);
        print_number(text, KEY_BLAME, removal->blame);
        print_number(text, KEY_ERROR, removal->error);
        print_number(text, KEY_FIGHTS, removal->fights);
        mhp_text_add(text, "\n");
}
