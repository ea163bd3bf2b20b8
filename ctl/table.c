/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/units.h"

void ctl_table_done(struct ctl_table *table) {
        mhp_text_done(&table->text);
        free(table->cells);
        *table = (struct ctl_table) {};
}

static int tell_unknown(struct ctl *ctl, const struct ctl_table *table, const char *name, size_t len) {
        _cleanup_text_ struct mhp_text names = {};

        for (size_t i = 0; i < table->n_all; i++)
                mhp_text_printf(&names, "%s%s", i > 0 ? ", " : "", table->all[i].name);
        if (names.error < 0)
                return names.error;
        return ctl_fail(ctl, CTL_USAGE, "--output: there is no column \"%.*s\"; there are %s", (int) len, name, names.data);
}

static int show(struct ctl *ctl, struct ctl_table *table, const char *name, size_t len) {
        for (size_t i = 0; i < table->n_all; i++) {
                if (strncasecmp(table->all[i].name, name, len) != 0 || table->all[i].name[len] != '\0')
                        continue;
                if (table->n_shown == CTL_COLUMNS_MAX)
                        return ctl_fail(ctl, CTL_USAGE, "--output: more than %d columns", CTL_COLUMNS_MAX);
                table->shown[table->n_shown++] = i;
                return CTL_DONE;
        }
        return tell_unknown(ctl, table, name, len);
}

static int show_list(struct ctl *ctl, struct ctl_table *table, const char *list) {
        for (;;) {
                size_t len = strcspn(list, ",");
                int r = show(ctl, table, list, len);

                if (r != CTL_DONE || list[len] == '\0')
                        return r;
                list += len + 1;
        }
}

int ctl_table_columns(struct ctl *ctl, struct ctl_table *table, const struct ctl_column *all, size_t n_all, const char *usual) {
        const char *asked = ctl->columns;
        int r = CTL_DONE;

        table->all = all;
        table->n_all = n_all;
        table->n_shown = 0;
        if (!asked || *asked == '+')
                r = show_list(ctl, table, usual);
        if (r == CTL_DONE && asked)
                r = show_list(ctl, table, *asked == '+' ? asked + 1 : asked);
        return r;
}

bool ctl_table_shows(const struct ctl_table *table, size_t column) {
        for (size_t i = 0; i < table->n_shown; i++)
                if (table->shown[i] == column)
                        return true;
        return false;
}

void ctl_table_cell(struct ctl_table *table, const char *s, enum ctl_color color) {
        struct ctl_cell cell = { .offset = table->text.len, .color = color };

        if (table->error < 0)
                return;
        ctl_add_plain(&table->text, *s ? s : "-");
        cell.len = table->text.len - cell.offset;
        table->error = table->text.error;
        if (table->error == 0)
                table->error = ARRAY_GROW(table->cells, table->n_cells, table->capacity);
        if (table->error == 0)
                table->cells[table->n_cells++] = cell;
}

void ctl_table_u64(struct ctl_table *table, uint64_t v) {
        char digits[24];

        snprintf(digits, sizeof(digits), "%" PRIu64, v);
        ctl_table_cell(table, digits, CTL_PLAIN);
}

void ctl_table_size(struct ctl *ctl, struct ctl_table *table, uint64_t bytes) {
        char size[MHP_SIZE_MAX];

        if (ctl_given(ctl, CTL_OPT_BYTES))
                ctl_table_u64(table, bytes);
        else
                ctl_table_cell(table, mhp_format_size(size, bytes), CTL_PLAIN);
}

void ctl_add_size(struct ctl *ctl, struct mhp_text *text, uint64_t bytes) {
        char size[MHP_SIZE_MAX];

        if (ctl_given(ctl, CTL_OPT_BYTES))
                mhp_text_u64(text, bytes);
        else
                mhp_text_add(text, mhp_format_size(size, bytes));
}

static void pad(struct mhp_text *out, size_t n) {
        static const char blanks[] = "                                                                ";

        while (n > 0) {
                size_t part = MIN(n, sizeof(blanks) - 1);

                mhp_text_add_n(out, blanks, part);
                n -= part;
        }
}

/* One cell; the last of a line is not padded, so that no line ends in blanks. */
static void print_cell(struct ctl *ctl, const struct ctl_table *table, size_t column, const char *s, size_t len, enum ctl_color color,
                       size_t width) {
        bool right = table->all[table->shown[column]].right;

        if (column > 0)
                mhp_text_add_n(&ctl->out, " ", 1);
        if (right)
                pad(&ctl->out, width - len);
        mhp_text_add(&ctl->out, ctl_color_on(ctl, color));
        mhp_text_add_n(&ctl->out, s, len);
        mhp_text_add(&ctl->out, ctl_color_off(ctl, color));
        if (!right && column + 1 < table->n_shown)
                pad(&ctl->out, width - len);
}

static void measure(const struct ctl_table *table, bool headings, size_t *widths) {
        for (size_t c = 0; c < table->n_shown; c++)
                widths[c] = headings ? strlen(table->all[table->shown[c]].name) : 0;
        for (size_t i = 0; i < table->n_cells; i++)
                widths[i % table->n_shown] = MAX(widths[i % table->n_shown], table->cells[i].len);
}

int ctl_table_print(struct ctl *ctl, struct ctl_table *table, const char *indent) {
        bool headings = !ctl_given(ctl, CTL_OPT_NOHEADINGS);
        size_t widths[CTL_COLUMNS_MAX];

        if (table->error < 0)
                return table->error;
        measure(table, headings, widths);
        if (headings) {
                mhp_text_add(&ctl->out, indent);
                for (size_t c = 0; c < table->n_shown; c++) {
                        const char *name = table->all[table->shown[c]].name;

                        print_cell(ctl, table, c, name, strlen(name), CTL_BOLD, widths[c]);
                }
                mhp_text_add(&ctl->out, "\n");
        }
        for (size_t i = 0; i < table->n_cells; i++) {
                const struct ctl_cell *cell = &table->cells[i];
                size_t c = i % table->n_shown;

                if (c == 0)
                        mhp_text_add(&ctl->out, indent);
                print_cell(ctl, table, c, table->text.data + cell->offset, cell->len, cell->color, widths[c]);
                if (c + 1 == table->n_shown)
                        mhp_text_add(&ctl->out, "\n");
        }
        return 0;
}
