/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/state-file.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "edge/names.h"
#include "edge/root-own.h"
#include "edge/root.h"

#define KEY_KNOB "knob."
#define KEY_SET "set."
#define KEY_HOLD "hold."
#define KEY_HANDS_OFF "hands-off="
#define KEY_PLACE_TABLE "memmap-policy="
#define KEY_NOTICE "eject-notice=0"
#define KEY_REMOVAL "removal."

void mhp_saved_done(struct mhp_saved *saved) {
        mhp_ranges_done(&saved->hands_off);
        free(saved->place_table);
        free(saved->removals);
        *saved = (struct mhp_saved) { 0 };
}

static void load_knob(char values[static _MHP_KNOB_MAX][MHP_KNOB_VALUE_MAX], const char *line) {
        const char *value = strchr(line, '=');

        if (!value || strlen(value + 1) >= MHP_KNOB_VALUE_MAX)
                return;
        for (unsigned i = 0; i < _MHP_KNOB_MAX; i++) {
                const char *name = mhp_knob_name((enum mhp_knob) i);

                if (strlen(name) == (size_t) (value - line) && strncmp(name, line, (size_t) (value - line)) == 0)
                        memcpy(values[i], value + 1, strlen(value + 1) + 1);
        }
}

static void load_hold(struct mhp_saved *saved, const char *line) {
        const char *value = strchr(line, '=');

        if (!value || strlen(value + 1) >= MHP_SAVED_HOLD_MAX)
                return;
        for (unsigned i = 0; i < _MHP_SOURCE_MAX; i++) {
                const char *name = mhp_source_name((enum mhp_source) i);

                if (name && strlen(name) == (size_t) (value - line) && strncmp(name, line, (size_t) (value - line)) == 0)
                        memcpy(saved->hold[i], value + 1, strlen(value + 1) + 1);
        }
}

/* Its lines are one line here. */
static int load_place_table(struct mhp_saved *saved, const char *text) {
        char *copy = strdup(text);

        if (!copy)
                return -ENOMEM;
        for (char *p = copy; *p; p++)
                if (*p == ';')
                        *p = '\n';
        free(saved->place_table);
        saved->place_table = copy;
        return 0;
}

static int load_line(struct mhp_saved *saved, const char *line, struct mhp_text *removals) {
        if (strncmp(line, KEY_KNOB, strlen(KEY_KNOB)) == 0)
                load_knob(saved->knob, line + strlen(KEY_KNOB));
        else if (strncmp(line, KEY_SET, strlen(KEY_SET)) == 0)
                load_knob(saved->set, line + strlen(KEY_SET));
        else if (strncmp(line, KEY_HOLD, strlen(KEY_HOLD)) == 0)
                load_hold(saved, line + strlen(KEY_HOLD));
        else if (strncmp(line, KEY_PLACE_TABLE, strlen(KEY_PLACE_TABLE)) == 0)
                return load_place_table(saved, line + strlen(KEY_PLACE_TABLE));
        else if (strcmp(line, KEY_NOTICE) == 0)
                saved->notice = true;
        else if (strncmp(line, KEY_REMOVAL, strlen(KEY_REMOVAL)) == 0)
                mhp_text_printf(removals, "%s\n", line + strlen(KEY_REMOVAL));
        else if (strncmp(line, KEY_HANDS_OFF, strlen(KEY_HANDS_OFF)) == 0) {
                struct mhp_ranges ranges = { 0 };
                int r = mhp_ranges_parse(line + strlen(KEY_HANDS_OFF), &ranges);

                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        return 0;
                mhp_ranges_done(&saved->hands_off);
                saved->hands_off = ranges;
        }
        return 0;
}

int mhp_state_file_parse(char *text, struct mhp_saved *ret) {
        _cleanup_saved_ struct mhp_saved saved = { 0 };
        _cleanup_text_ struct mhp_text removals = { 0 };
        char *rest = NULL;

        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                int r = load_line(&saved, line, &removals);
                if (r < 0)
                        return r;
        }
        if (removals.error < 0)
                return removals.error;
        saved.removals = TAKE(removals.data);
        *ret = saved;
        saved = (struct mhp_saved) { 0 };
        return 0;
}

int mhp_state_file_load(const char *dir, struct mhp_saved *ret) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        _cleanup_free_ char *text = NULL;
        size_t len;
        int r = mhp_root_open(dir, &root);

        if (r >= 0)
                r = mhp_root_read_all(&root, NAME_STATE_FILE, &text, &len);
        if (r == -ENOENT) {
                *ret = (struct mhp_saved) { 0 };
                return 0;
        }
        return r < 0 ? r : mhp_state_file_parse(text, ret);
}

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
        if (saved->removals)
                print_removals(saved->removals, text);
        return text->error;
}

int mhp_state_file_save(const char *dir, const struct mhp_saved *saved) {
        _cleanup_text_ struct mhp_text text = { 0 };
        int r = mhp_state_file_print(saved, &text);

        return r < 0 ? r : mhp_own_replace(dir, NAME_STATE_FILE, text.data, text.len);
}
