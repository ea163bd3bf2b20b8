/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The words that lines of the map's text form and of scenarios are made of, and names in them. */

#include "base/text.h"
#include "model/group.h"

/* The longest word: a group's name with each byte escaped, and its key. */
#define MHP_WORD_MAX 320

struct mhp_words {
        const char *p, *end; /* what is left of the line; no NUL inside */
};

/* 1: the next word, NUL terminated; 0: no more; -EINVAL: too long, and word has its beginning. */
int mhp_words_next(struct mhp_words *words, char word[static MHP_WORD_MAX]);

/* The next of `a,b,c`, a word; 0: no more. */
int mhp_list_next(const char **s, char item[static MHP_WORD_MAX]);

/* Blanks, control characters and the backslash cannot stand in a word, so they are written as \x20. */
int mhp_group_name_parse(const char *s, char ret[static MHP_GROUP_NAME_MAX]);
void mhp_group_name_print(const char *name, struct mhp_text *text);

/* `acpi:PNP0C80:00` is acpi's, `boot` is boot's; a prefix that this version does not know is some other source. UNKNOWN: an
 * empty name. */
enum mhp_source mhp_source_of_group(const char *group);
