/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Gathers what is to be told: consecutive facts that differ in the block only become one report. */

#include "model/map.h"

struct mhp_notes;

int mhp_notes_new(mhp_step_fn step, void *userdata, struct mhp_notes **ret);
struct mhp_notes *mhp_notes_free(struct mhp_notes *notes);

/* One fact about one block. `words` may be NULL; it is copied when a report starts with it. */
int mhp_notes_add(struct mhp_notes *notes, const struct mhp_map *map, const struct mhp_block *block, enum mhp_note note, const char *words);

/* Whether what is being gathered is of that kind. */
bool mhp_notes_is(const struct mhp_notes *notes, enum mhp_note note);

/* Sends what was gathered. */
int mhp_notes_flush(struct mhp_notes *notes);
