/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The lines of the map's text form: words between blanks, `key=value` after the leading ones. */

#include "model/map-text.h"
#include "model/word.h"

/* group: NULL: not known. */
void mhp_block_line_print(struct mhp_range range, const struct mhp_block *block, const struct mhp_group *group,
                          struct mhp_text *text);

/* Name, goal, reason and rule. The words behind `group`. */
int mhp_group_line_parse(struct mhp_words words, struct mhp_group *ret);
void mhp_group_line_print(const struct mhp_group *group, struct mhp_text *text);

/* The words behind `removal`. */
int mhp_removal_line_parse(struct mhp_words words, struct mhp_removal *ret);
void mhp_removal_line_print(const struct mhp_removal *removal, struct mhp_text *text);
