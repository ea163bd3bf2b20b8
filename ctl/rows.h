/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The rows of a verb, as a table for people (by libsmartcols) or as objects of JSON. A verb describes its columns once and has one function, a switch
 * over the columns, that gives the next cell; the same call is text in a table and a value under the column's key in JSON. */

#include <libsmartcols.h>

#include "ctl/ctl.h"
#include "ctl/json.h"

#define CTL_COLUMNS_MAX 16

struct ctl_column {
        const char *name;  /* its heading, and what -o calls it; NULL: in JSON only */
        const char *key;   /* in JSON; NULL: in a table only */
        int flags;         /* SCOLS_FL_RIGHT: of numbers; SCOLS_FL_WRAP: of words that may take several lines on a narrow terminal */
        uint8_t with;      /* of one without a name: the column that brings it into JSON with -o. Its own index: none does */
};

struct ctl_shape {
        const struct ctl_column *columns;
        size_t n;
        const char *usual;   /* the names of those shown without -o, separated by commas */
        const uint8_t *json; /* the order of the keys: indices into columns; NULL: that of the columns */
        size_t n_json;
};

struct ctl_rows {
        struct ctl *ctl;
        const struct ctl_shape *shape;
        struct ctl_json *json;         /* where the objects go; NULL: a table */
        uint8_t shown[CTL_COLUMNS_MAX]; /* of a table left to right; in JSON in the order of the keys */
        size_t n_shown, at;            /* at: the next cell of the row */
        size_t n;                      /* rows */
        struct libscols_table *table;  /* owned; NULL: JSON */
        struct libscols_line *line;    /* the last row of the table */
        struct libscols_line *parent;  /* of the rows to come, in a tree; NULL: none */
};

void ctl_rows_done(struct ctl_rows *rows);
#define _cleanup_rows_ _cleanup_(ctl_rows_done)

/* CTL_DONE, CTL_USAGE after telling of a column that does not exist, or -ENOMEM. The shape is not copied. */
int ctl_rows_open(struct ctl *ctl, struct ctl_rows *rows, const struct ctl_shape *shape, struct ctl_json *json);
bool ctl_rows_show(const struct ctl_rows *rows, size_t column);

/* The column whose cell comes next; false: the row is complete. The call after that begins another row. */
bool ctl_rows_next(struct ctl_rows *rows, size_t *ret_column);

/* One cell, with what a table shows where there is no value. JSON has null there. */
void ctl_cell_string(struct ctl_rows *rows, const char *s, const char *absent, enum ctl_color color);
void ctl_cell_none(struct ctl_rows *rows, const char *absent);
void ctl_cell_u64(struct ctl_rows *rows, uint64_t value);
void ctl_cell_size(struct ctl_rows *rows, uint64_t bytes); /* in a table without --bytes as people read it */
void ctl_cell_time(struct ctl_rows *rows, uint64_t usec);  /* µs, CLOCK_REALTIME; 0: none */
void ctl_cell_node(struct ctl_rows *rows, int node);

/* `32` or `32-39`. */
void ctl_cell_blocks(struct ctl_rows *rows, uint32_t first, uint32_t last);

/* A number in JSON, other words in a table. */
void ctl_cell_u64_as(struct ctl_rows *rows, uint64_t value, const char *words);

/* Of a table only: what is opened in JSON has its cells put by ctl_json_*() with this key. */
void ctl_cell_words(struct ctl_rows *rows, const char *words, enum ctl_color color);
const char *ctl_cell_key(const struct ctl_rows *rows);

/* Whether a table is for programs: nothing may stand around it. */
bool ctl_rows_bare(const struct ctl *ctl);

/* Appends the table to ctl->out. 0 or -ENOMEM. */
int ctl_rows_print(struct ctl_rows *rows);

/* Bytes in a sentence, as people read them or, with --bytes, as they are. */
void ctl_add_size(struct ctl *ctl, struct mhp_text *text, uint64_t bytes);
