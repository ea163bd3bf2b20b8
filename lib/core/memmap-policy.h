/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The configuration's placements in the words of the table by which a kernel with the companion patch places memmaps (memmap_policy). In both the first
 * match wins, but the kernel knows only addresses and nodes. What it has no words for is left out, and so is whatever behind it would take that
 * memory for its own: the table may say less than the configuration, never something else. */

#include "core/placement.h"

/* Where a device's memory is or will be: virtio-mem and dax devices have a region of their own. */
struct mhp_region {
        enum mhp_source source;
        uint64_t first, last; /* physical addresses, both inside; whole blocks of it can be memory */
        int node;             /* -1: not known */
        uint64_t size;        /* bytes of the device; 0: that changes */
};

struct mhp_table_machine {
        uint64_t block_size;
        const struct mhp_ranges *nodes; /* that can ever be; NULL: not known */
        const struct mhp_region *region;
        size_t n;
        bool hidden;          /* regions are not for this user to see */
        enum mhp_self_hosting self_hosting;
};

/* Tokens; mhp_table_reason_name(). */
enum mhp_table_reason {
        MHP_TABLE_REASON_NONE,     /* it is in the table, as far as there is memory that it is about */
        MHP_TABLE_REASON_UNNEEDED, /* the same comes of leaving it out */
        MHP_TABLE_REASON_SOURCE,   /* where such memory will come is not known beforehand */
        MHP_TABLE_REASON_SIZE,     /* how large a device will be is not */
        MHP_TABLE_REASON_NODE,     /* which node a device's memory belongs to is not known */
        MHP_TABLE_REASON_HIDDEN,   /* where a device's memory lies is not for this user to see */
        MHP_TABLE_REASON_AUTO,     /* the table has no word for auto */
        MHP_TABLE_REASON_BEHIND,   /* it would take memory of a rule before it, which is not in the table */
        MHP_TABLE_REASON_FULL,     /* the table has no room */
        _MHP_TABLE_REASON_MAX,
};

/* What became of a rule, or of [Memmap]. */
struct mhp_table_verdict {
        unsigned n_lines;             /* that say it, or a part of it */
        enum mhp_table_reason reason; /* why a part of it is missing, or all */
};

struct mhp_table {
        struct mhp_text text;             /* a rule a line; nothing appended: no table is wanted */
        struct mhp_table_verdict *rule;   /* owned; one for each of the configuration */
        struct mhp_table_verdict memmap;
        bool by_region;                   /* something else may come of it when devices come or go */
};

#define MHP_TABLE_SIZE_MAX 4094 /* bytes: memmap_policy_set() takes a page without two, and the smallest page is 4 KiB */

/* -ENOMEM. */
int mhp_table_compile(const struct mhp_config *config, const struct mhp_table_machine *machine, struct mhp_table *ret);
void mhp_table_done(struct mhp_table *table);
#define _cleanup_memmap_table_ _cleanup_(mhp_table_done)

/* Whether two tables say the same line by line, however the numbers are written. */
bool mhp_table_same(const char *a, const char *b);

const char *mhp_table_reason_name(enum mhp_table_reason reason); /* unneeded source size node hidden auto behind full; NULL: NONE */
const char *mhp_table_reason_words(enum mhp_table_reason reason);
