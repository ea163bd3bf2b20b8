/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/rows.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/units.h"
#include "ctl/words.h"

/* Where columns need no common width, rows are printed when there are so many. */
#define PIECE 1024

void ctl_rows_done(struct ctl_rows *rows) {
        scols_unref_table(rows->table);
        *rows = (struct ctl_rows) {};
}

/* The table keeps what it is given; the first failure is set down where the text goes. */
static void note(struct ctl_rows *rows, int r) {
        if (r < 0 && rows->ctl->out.error == 0)
                rows->ctl->out.error = r;
}

/* ------------------------------------------------------------------------------------------------------- which columns */

static int tell_unknown(struct ctl *ctl, const struct ctl_shape *shape, const char *name, size_t len) {
        _cleanup_text_ struct mhp_text names = {};

        for (size_t i = 0; i < shape->n; i++)
                if (shape->columns[i].name)
                        mhp_text_printf(&names, "%s%s", names.len > 0 ? ", " : "", shape->columns[i].name);
        if (names.error < 0)
                return names.error;
        return ctl_fail(ctl, CTL_USAGE, "--output: there is no column \"%.*s\"; there are %s", (int) len, name, names.data);
}

static int show(struct ctl_rows *rows, const char *name, size_t len) {
        const struct ctl_shape *shape = rows->shape;

        for (size_t i = 0; i < shape->n; i++) {
                const char *known = shape->columns[i].name;

                if (!known || strncasecmp(known, name, len) != 0 || known[len] != '\0')
                        continue;
                if (rows->n_shown == CTL_COLUMNS_MAX)
                        return ctl_fail(rows->ctl, CTL_USAGE, "--output: more than %d columns", CTL_COLUMNS_MAX);
                rows->shown[rows->n_shown++] = (uint8_t) i;
                return CTL_DONE;
        }
        return tell_unknown(rows->ctl, shape, name, len);
}

static int show_list(struct ctl_rows *rows, const char *list) {
        for (;;) {
                size_t len = strcspn(list, ",");
                int r = show(rows, list, len);

                if (r != CTL_DONE || list[len] == '\0')
                        return r;
                list += len + 1;
        }
}

bool ctl_rows_show(const struct ctl_rows *rows, size_t column) {
        for (size_t i = 0; i < rows->n_shown; i++)
                if (rows->shown[i] == column)
                        return true;
        return false;
}

/* Without -o JSON has every key, with it those of the columns that were chosen. */
static void choose_keys(struct ctl_rows *rows) {
        const struct ctl_shape *shape = rows->shape;
        const struct ctl_rows chosen = *rows;
        size_t n = shape->json ? shape->n_json : shape->n;

        rows->n_shown = 0;
        for (size_t i = 0; i < n && rows->n_shown < CTL_COLUMNS_MAX; i++) {
                size_t c = shape->json ? shape->json[i] : i;
                const struct ctl_column *column = &shape->columns[c];

                if (column->key && (!rows->ctl->columns || ctl_rows_show(&chosen, column->name ? c : column->with)))
                        rows->shown[rows->n_shown++] = (uint8_t) c;
        }
}

/* ------------------------------------------------------------------------------------------------------------ the table */

/* A heading widens its column even where headings are not printed. */
static int add_column(struct ctl_rows *rows, const struct ctl_column *column, bool first) {
        bool named = !ctl_given(rows->ctl, CTL_OPT_NOHEADINGS) || ctl_given(rows->ctl, CTL_OPT_PAIRS);
        bool tree = first && ctl_given(rows->ctl, CTL_OPT_TREE);
        struct libscols_column *made =
                scols_table_new_column(rows->table, named ? column->name : "", 0, column->flags | (tree ? SCOLS_FL_TREE : 0));

        if (!made)
                return -ENOMEM;
        return rows->ctl->color ? scols_cell_set_color(scols_column_get_header(made), ctl_color_on(rows->ctl, CTL_BOLD)) : 0;
}

static int make_table(struct ctl_rows *rows) {
        size_t width = ctl_term_width(STDOUT_FILENO);
        const struct ctl *ctl = rows->ctl;
        struct libscols_table *table = rows->table = scols_new_table();
        int r = 0;

        if (!table)
                return -ENOMEM;
        if (ctl_given(ctl, CTL_OPT_TREE)) /* all else is ASCII, which is faster to measure in the C locale */
                (void) setlocale(LC_CTYPE, "");
        (void) scols_table_enable_noencoding(table, true); /* ctl_add_plain() has seen to that */
        (void) scols_table_set_termforce(table, width < SIZE_MAX ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
        (void) scols_table_set_termwidth(table, width < SIZE_MAX ? width : 0);
        (void) scols_table_enable_colors(table, ctl->color);
        (void) scols_table_enable_noheadings(table, ctl_given(ctl, CTL_OPT_NOHEADINGS));
        (void) scols_table_enable_raw(table, ctl_given(ctl, CTL_OPT_RAW));
        (void) scols_table_enable_export(table, ctl_given(ctl, CTL_OPT_PAIRS));
        (void) scols_table_enable_shellvar(table, ctl_given(ctl, CTL_OPT_PAIRS));
        (void) scols_table_enable_ascii(table, ctl_given(ctl, CTL_OPT_ASCII));
        for (size_t i = 0; i < rows->n_shown && r == 0; i++)
                r = add_column(rows, &rows->shape->columns[rows->shown[i]], i == 0);
        return r;
}

int ctl_rows_open(struct ctl *ctl, struct ctl_rows *rows, const struct ctl_shape *shape, struct ctl_json *json) {
        const char *asked = ctl->columns;
        int r = CTL_DONE;

        *rows = (struct ctl_rows) { .ctl = ctl, .shape = shape, .json = json };
        if (!asked || *asked == '+')
                r = show_list(rows, shape->usual);
        if (r == CTL_DONE && asked)
                r = show_list(rows, *asked == '+' ? asked + 1 : asked);
        if (r != CTL_DONE)
                return r;
        if (!json)
                return make_table(rows);
        choose_keys(rows);
        return CTL_DONE;
}

/* Prints the lines that are there, and drops them. */
static int print_lines(struct ctl_rows *rows) {
        struct mhp_text *out = &rows->ctl->out;
        _cleanup_free_ char *text = NULL;
        int r = scols_print_table_to_string(rows->table, &text);

        if (r < 0)
                return r;
        mhp_text_add(out, text);
        if (*text && out->error == 0 && out->data[out->len - 1] != '\n')
                mhp_text_add(out, "\n");
        scols_table_remove_lines(rows->table);
        rows->line = NULL;
        return 0;
}

bool ctl_rows_bare(const struct ctl *ctl) {
        return ctl_given(ctl, CTL_OPT_RAW | CTL_OPT_PAIRS);
}

/* libsmartcols prints nothing for a table without lines; its headings say what was looked for all the same. */
static int print_headings(struct ctl_rows *rows) {
        if (ctl_given(rows->ctl, CTL_OPT_NOHEADINGS | CTL_OPT_PAIRS))
                return 0;
        rows->line = scols_table_new_line(rows->table, NULL);
        if (!rows->line)
                return -ENOMEM;
        for (rows->at = 1; rows->at <= rows->n_shown; rows->at++)
                ctl_cell_words(rows, rows->shape->columns[rows->shown[rows->at - 1]].name, CTL_BOLD);
        (void) scols_table_enable_noheadings(rows->table, true);
        return print_lines(rows);
}

int ctl_rows_print(struct ctl_rows *rows) {
        int r;

        if (rows->json || rows->ctl->out.error < 0)
                return rows->ctl->out.error;
        r = rows->n > 0 ? print_lines(rows) : print_headings(rows);
        return r < 0 ? r : 0;
}

static void begin(struct ctl_rows *rows) {
        rows->n++;
        if (rows->json) {
                ctl_json_open(rows->json, NULL, json_type_object);
                return;
        }
        rows->line = scols_table_new_line(rows->table, rows->parent);
        if (!rows->line)
                note(rows, -ENOMEM);
}

static void end(struct ctl_rows *rows) {
        rows->at = 0;
        if (rows->json) {
                ctl_json_close(rows->json);
        } else if (ctl_rows_bare(rows->ctl) && rows->n % PIECE == 0) {
                note(rows, print_lines(rows));
                (void) scols_table_enable_noheadings(rows->table, true);
        }
}

bool ctl_rows_next(struct ctl_rows *rows, size_t *ret_column) {
        if (rows->at == 0)
                begin(rows);
        if (rows->at == rows->n_shown) {
                end(rows);
                return false;
        }
        *ret_column = rows->shown[rows->at++];
        return true;
}

/* ----------------------------------------------------------------------------------------------------------- their cells */

const char *ctl_cell_key(const struct ctl_rows *rows) {
        return rows->shape->columns[rows->shown[rows->at - 1]].key;
}

void ctl_cell_words(struct ctl_rows *rows, const char *words, enum ctl_color color) {
        _cleanup_text_ struct mhp_text plain = {};
        _cleanup_free_ char *data = NULL;
        int r;

        if (rows->ctl->out.error < 0)
                return;
        ctl_add_plain(&plain, words && *words ? words : "-");
        r = mhp_text_finish(&plain, &data);
        if (r >= 0)
                r = scols_line_refer_data(rows->line, rows->at - 1, data);
        if (r >= 0)
                data = NULL; /* the line's now */
        if (r >= 0 && rows->ctl->color && color != CTL_PLAIN)
                r = scols_cell_set_color(scols_line_get_cell(rows->line, rows->at - 1), ctl_color_on(rows->ctl, color));
        note(rows, r);
}

void ctl_cell_string(struct ctl_rows *rows, const char *s, const char *absent, enum ctl_color color) {
        if (rows->json)
                ctl_json_string(rows->json, ctl_cell_key(rows), s);
        else
                ctl_cell_words(rows, s ? s : absent, color);
}

void ctl_cell_none(struct ctl_rows *rows, const char *absent) {
        ctl_cell_string(rows, NULL, absent, CTL_PLAIN);
}

void ctl_cell_u64_as(struct ctl_rows *rows, uint64_t value, const char *words) {
        if (rows->json)
                ctl_json_u64(rows->json, ctl_cell_key(rows), value);
        else
                ctl_cell_words(rows, words, CTL_PLAIN);
}

void ctl_cell_u64(struct ctl_rows *rows, uint64_t value) {
        char digits[24];

        (void) snprintf(digits, sizeof(digits), "%" PRIu64, value);
        ctl_cell_u64_as(rows, value, digits);
}

void ctl_cell_size(struct ctl_rows *rows, uint64_t bytes) {
        char size[MHP_SIZE_MAX];

        if (rows->json || ctl_given(rows->ctl, CTL_OPT_BYTES))
                ctl_cell_u64(rows, bytes);
        else
                ctl_cell_words(rows, mhp_format_size(size, bytes), CTL_PLAIN);
}

void ctl_cell_time(struct ctl_rows *rows, uint64_t usec) {
        _cleanup_text_ struct mhp_text text = {};

        if (usec == 0) {
                ctl_cell_none(rows, "-");
                return;
        }
        ctl_add_time(&text, usec);
        ctl_cell_u64_as(rows, usec, text.data);
}

void ctl_cell_node(struct ctl_rows *rows, int node) {
        if (node >= 0)
                ctl_cell_u64(rows, (uint64_t) node);
        else
                ctl_cell_none(rows, "unknown");
}

void ctl_cell_blocks(struct ctl_rows *rows, uint32_t first, uint32_t last) {
        char text[32];

        (void) snprintf(text, sizeof(text), first == last ? "%" PRIu32 : "%" PRIu32 "-%" PRIu32, first, last);
        ctl_cell_string(rows, text, "-", CTL_PLAIN);
}

void ctl_add_size(struct ctl *ctl, struct mhp_text *text, uint64_t bytes) {
        char size[MHP_SIZE_MAX];

        if (ctl_given(ctl, CTL_OPT_BYTES))
                mhp_text_u64(text, bytes);
        else
                mhp_text_add(text, mhp_format_size(size, bytes));
}
