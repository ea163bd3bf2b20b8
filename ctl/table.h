/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A table of text: cells are added row by row, the widths follow. One string holds all cells, so that 32,768 rows cost
 * no allocation each. */

#include "ctl/ctl.h"

#define CTL_COLUMNS_MAX 16

struct ctl_column {
        const char *name;
        bool right; /* numbers stand at the right */
};

struct ctl_cell {
        size_t offset, len;
        enum ctl_color color;
};

struct ctl_table {
        const struct ctl_column *all;   /* what -o may name */
        size_t n_all;
        size_t shown[CTL_COLUMNS_MAX];  /* indices into `all`, left to right */
        size_t n_shown;
        struct mhp_text text;
        struct ctl_cell *cells;         /* owned */
        size_t n_cells, capacity;
        int error;                      /* 0 or -ENOMEM, sticky */
};

void ctl_table_done(struct ctl_table *table);
#define _cleanup_table_ _cleanup_(ctl_table_done)

/* Shows `usual` (comma separated), or what -o says. CTL_DONE, or CTL_USAGE after telling. `all` is not copied. */
int ctl_table_columns(struct ctl *ctl, struct ctl_table *table, const struct ctl_column *all, size_t n_all, const char *usual);
bool ctl_table_shows(const struct ctl_table *table, size_t column);

/* The next cell, left to right. */
void ctl_table_cell(struct ctl_table *table, const char *s, enum ctl_color color);
void ctl_table_u64(struct ctl_table *table, uint64_t v);

/* Bytes, as people read them or, with --bytes, as they are. */
void ctl_table_size(struct ctl *ctl, struct ctl_table *table, uint64_t bytes);
void ctl_add_size(struct ctl *ctl, struct mhp_text *text, uint64_t bytes);

/* Appends it to ctl->out; no headings with --noheadings. 0 or -ENOMEM. */
int ctl_table_print(struct ctl *ctl, struct ctl_table *table, const char *indent);
