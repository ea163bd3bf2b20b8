/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What was probably meant by a word that nothing is called. */

struct ctl_near {
        const char *word; /* as it was typed */
        const char *name; /* the nearest so far, NULL: none is near */
        unsigned distance;
};

/* Offers one more name. A name that begins with the word is nearest; among equals, the first offered. */
void ctl_near_try(struct ctl_near *near, const char *name);

/* The verb, as words, for what other tools call it; NULL: no other tool does. */
const char *ctl_near_verb(const char *word);
