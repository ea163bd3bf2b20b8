/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The words that a what-if is told in: a stretch of memory with a wish for its memmap, and a geometry changed size by size.
 * What is wrong with a word comes back as a static text that says what is allowed, so that whoever took the word can say the
 * rest. */

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "mhp.h"

/* Not empty, and its end is an address. */
struct mhp_stretch {
        uint64_t start, size; /* bytes */
        enum mhp_placement placement;
};

/* `START+SIZE`, with `placed` also `START+SIZE:PLACEMENT`; DRAM unless it says otherwise. Numbers are decimal, hexadecimal
 * after 0x, or sizes as mhp_parse_size() takes them. -EINVAL, -ERANGE. */
int mhp_stretch_parse(const char *s, bool placed, struct mhp_stretch *ret, const char **ret_why);

/* Sets one size; key is `page-size`, `block-size`, `section-size`, `subsection-size`, `pageblock-size`, `pmd-size`,
 * `struct-page` or `vmemmap-base`. -EINVAL, -ERANGE; -ENOENT: no such key (*ret_why untouched). Whether the sizes fit each
 * other is for mhp_geometry_check(). */
int mhp_geometry_set(struct mhp_geometry *geometry, const char *key, const char *value, const char **ret_why);

/* All of them: `page-size 4K, block-size 128M, …`. */
void mhp_geometry_print(const struct mhp_geometry *geometry, struct mhp_text *text);
