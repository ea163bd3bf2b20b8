/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/state-file.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "base/units.h"
#include "core/remover.h"
#include "edge/names.h"
#include "edge/root-own.h"

#define KEY_KNOB "knob."
#define KEY_SET "set."
#define KEY_HOLD "hold."
#define KEY_HANDS_OFF "hands-off="
#define KEY_INODE "inode."
#define KEY_PLACE_TABLE "memmap-policy="
#define KEY_NOTICE "eject-notice=0"
#define KEY_REMOVAL "removal."

void mhp_saved_done(struct mhp_saved *saved) {
        mhp_ranges_done(&saved->hands_off);
        free(saved->inode);
        free(saved->place_table);
        free(saved->removals);
        *saved = (struct mhp_saved) { 0 };
}

int mhp_saved_add_inode(struct mhp_saved *saved, uint32_t nr, uint64_t inode) {
        int r = ARRAY_GROW(saved->inode, saved->n_inodes, saved->inodes_capacity);

        if (r < 0)
                return r;
        saved->inode[saved->n_inodes++] = (struct mhp_saved_inode) { .nr = nr, .inode = inode, .at = saved->n_inodes };
        return 0;
}

static int compare_inodes(const void *a, const void *b) {
        const struct mhp_saved_inode *x = a, *y = b;

        return x->nr != y->nr ? (x->nr > y->nr) - (x->nr < y->nr) : (x->at > y->at) - (x->at < y->at);
}

void mhp_saved_sort_inodes(struct mhp_saved *saved) {
        size_t n = 0;

        if (saved->n_inodes > 0)
                qsort(saved->inode, saved->n_inodes, sizeof(*saved->inode), compare_inodes);
        for (size_t i = 0; i < saved->n_inodes; i++) {
                bool last = i + 1 == saved->n_inodes || saved->inode[i + 1].nr != saved->inode[i].nr;

                if (!last || !mhp_ranges_contain(&saved->hands_off, saved->inode[i].nr))
                        continue;
                saved->inode[n] = saved->inode[i];
                saved->inode[n].at = n;
                n++;
        }
        saved->n_inodes = n;
}

/* ---------------------------------------------------------------------------------------------------------------- reading */

/* Behind `line`, which is `name=value`; NULL: it is not. */
static const char *value_of(const char *line, const char *name) {
        size_t n = name ? strlen(name) : 0;

        return n > 0 && strncmp(line, name, n) == 0 && line[n] == '=' ? line + n + 1 : NULL;
}

static int load_knob(char values[static _MHP_KNOB_MAX][MHP_KNOB_VALUE_MAX], const char *line) {
        for (enum mhp_knob k = 0; k < _MHP_KNOB_MAX; k++) {
                const char *value = value_of(line, mhp_knob_name(k));

                if (!value)
                        continue;
                if (!mhp_knob_may_say(k, value))
                        return -EBADMSG;
                memcpy(values[k], value, strlen(value) + 1);
                return 0;
        }
        return -EBADMSG;
}

/* What held before mhpd came was not mhpd's to put on hold, so only the other word is ever saved. */
static int load_hold(struct mhp_saved *saved, const char *line) {
        for (enum mhp_source source = 0; source < _MHP_SOURCE_MAX; source++) {
                const char *value = value_of(line, mhp_source_name(source)), *free_word = mhp_remover_free(source);

                if (!value)
                        continue;
                if (!free_word || strcmp(value, free_word) != 0)
                        return -EBADMSG;
                memcpy(saved->hold[source], value, strlen(value) + 1);
                return 0;
        }
        return -EBADMSG;
}

/* Its lines are one line here. */
static int load_place_table(struct mhp_saved *saved, const char *text) {
        char *copy;

        for (const char *p = text; *p; p++)
                if (*p < ' ' || *p > '~')
                        return -EBADMSG;
        copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        for (char *p = copy; *p; p++)
                if (*p == ';')
                        *p = '\n';
        free(saved->place_table);
        saved->place_table = copy;
        return 0;
}

static int load_hands_off(struct mhp_saved *saved, const char *text) {
        struct mhp_ranges ranges = { 0 };
        int r = mhp_ranges_parse(text, &ranges);

        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        mhp_ranges_done(&saved->hands_off);
        saved->hands_off = ranges;
        return 0;
}

static int load_inode(struct mhp_saved *saved, char *line) {
        char *value = strchr(line, '=');
        uint64_t inode;
        uint32_t nr;

        if (!value)
                return -EBADMSG;
        *value++ = '\0';
        if (mhp_parse_u32(line, &nr) < 0 || nr > MHP_BLOCK_MAX || mhp_parse_u64(value, &inode) < 0)
                return -EBADMSG;
        return mhp_saved_add_inode(saved, nr, inode);
}

/* Behind the key; NULL: the line has another one. */
static char *behind(char *line, const char *key) {
        return strncmp(line, key, strlen(key)) == 0 ? line + strlen(key) : NULL;
}

/* -EBADMSG: not as mhpd writes it. */
static int load_line(struct mhp_saved *saved, char *line, struct mhp_text *removals) {
        char *rest;

        if ((rest = behind(line, KEY_KNOB)))
                return load_knob(saved->knob, rest);
        if ((rest = behind(line, KEY_SET)))
                return load_knob(saved->set, rest);
        if ((rest = behind(line, KEY_HOLD)))
                return load_hold(saved, rest);
        if ((rest = behind(line, KEY_PLACE_TABLE)))
                return load_place_table(saved, rest);
        if ((rest = behind(line, KEY_HANDS_OFF)))
                return load_hands_off(saved, rest);
        if ((rest = behind(line, KEY_INODE)))
                return load_inode(saved, rest);
        if ((rest = behind(line, KEY_REMOVAL)))
                mhp_text_printf(removals, "%s\n", rest);
        else if (strcmp(line, KEY_NOTICE) == 0)
                saved->notice = true;
        else
                return -EBADMSG;
        return 0;
}

void mhp_saved_bad_line(struct mhp_saved *saved, unsigned line) {
        if (saved->n_bad++ == 0)
                saved->bad_line = line;
}

/* A NUL is no end of the text, but a byte that mhpd does not write. */
static int load_piece(struct mhp_saved *saved, char *line, size_t len, unsigned number, struct mhp_text *removals) {
        int r = strlen(line) == len ? load_line(saved, line, removals) : -EBADMSG;

        if (r != -EBADMSG)
                return r;
        mhp_saved_bad_line(saved, number);
        return 0;
}

int mhp_state_file_parse(char *text, size_t len, struct mhp_saved *ret) {
        _cleanup_saved_ struct mhp_saved saved = { 0 };
        _cleanup_text_ struct mhp_text removals = { 0 };
        char *end = text + len, *stop;
        unsigned number = 0;

        for (char *line = text; line < end; line = stop + 1) {
                int r;

                stop = memchr(line, '\n', (size_t) (end - line));
                if (!stop)
                        stop = end;
                *stop = '\0';
                r = load_piece(&saved, line, (size_t) (stop - line), ++number, &removals);
                if (r < 0)
                        return r;
        }
        if (removals.error < 0)
                return removals.error;
        mhp_saved_sort_inodes(&saved);
        saved.removals = TAKE(removals.data);
        *ret = saved;
        saved = (struct mhp_saved) { 0 };
        return 0;
}

int mhp_state_file_load(const char *dir, struct mhp_saved *ret) {
        _cleanup_free_ char *text = NULL;
        size_t len;
        int r = mhp_own_read(dir, NAME_STATE_FILE, &text, &len);

        if (r == -ENOENT) {
                *ret = (struct mhp_saved) { 0 };
                return 0;
        }
        return r < 0 ? r : mhp_state_file_parse(text, len, ret);
}

/* ---------------------------------------------------------------------------------------------------------------- writing */

static void print_removals(const char *line, struct mhp_text *text) {
        while (*line) {
                size_t n = strcspn(line, "\n");

                mhp_text_add(text, KEY_REMOVAL);
                mhp_text_add_n(text, line, n);
                mhp_text_add(text, "\n");
                line += n + (line[n] == '\n');
        }
}

static void print_place_table(const char *table, struct mhp_text *text) {
        mhp_text_add(text, KEY_PLACE_TABLE);
        for (; *table; table += strcspn(table, "\n"), table += *table == '\n') {
                mhp_text_add_n(text, table, strcspn(table, "\n"));
                if (table[strcspn(table, "\n")] == '\n')
                        mhp_text_add(text, ";");
        }
        mhp_text_add(text, "\n");
}

static void print_knobs(const char *key, const char values[static _MHP_KNOB_MAX][MHP_KNOB_VALUE_MAX], struct mhp_text *text) {
        for (unsigned i = 0; i < _MHP_KNOB_MAX; i++)
                if (values[i][0])
                        mhp_text_printf(text, "%s%s=%s\n", key, mhp_knob_name((enum mhp_knob) i), values[i]);
}

int mhp_state_file_print(const struct mhp_saved *saved, struct mhp_text *text) {
        print_knobs(KEY_KNOB, saved->knob, text);
        print_knobs(KEY_SET, saved->set, text);
        if (saved->place_table)
                print_place_table(saved->place_table, text);
        if (saved->notice)
                mhp_text_add(text, KEY_NOTICE "\n");
        for (unsigned i = 0; i < _MHP_SOURCE_MAX; i++)
                if (saved->hold[i][0] && mhp_source_name((enum mhp_source) i))
                        mhp_text_printf(text, KEY_HOLD "%s=%s\n", mhp_source_name((enum mhp_source) i), saved->hold[i]);
        if (saved->hands_off.n > 0) {
                mhp_text_add(text, KEY_HANDS_OFF);
                mhp_ranges_print(&saved->hands_off, text);
                mhp_text_add(text, "\n");
        }
        for (size_t i = 0; i < saved->n_inodes; i++)
                mhp_text_printf(text, KEY_INODE "%" PRIu32 "=%" PRIu64 "\n", saved->inode[i].nr, saved->inode[i].inode);
        if (saved->removals)
                print_removals(saved->removals, text);
        return text->error;
}

int mhp_state_file_save(const char *dir, const struct mhp_saved *saved) {
        _cleanup_text_ struct mhp_text text = { 0 };
        int r = mhp_state_file_print(saved, &text);

        return r < 0 ? r : mhp_own_replace(dir, NAME_STATE_FILE, text.data, text.len);
}
