/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Gathers what is to be told: consecutive facts that differ in the block only become one report. A report is closed by a fact that differs in something
 * else, or by a flush. What another hand does to many blocks it does one after the other, and each block is an event and a turn of its own; so
 * the ring may keep a report open for the next turns, until nothing has been added to it for a while. */

#include "model/map.h"

struct mhp_notes;

int mhp_notes_new(mhp_step_fn step, void *userdata, struct mhp_notes **ret);
struct mhp_notes *mhp_notes_free(struct mhp_notes *notes);

/* One fact about one block. `words` may be NULL; it is copied when a report starts with it. */
int mhp_notes_add(struct mhp_notes *notes, const struct mhp_map *map, const struct mhp_block *block, enum mhp_note note, const char *words);

/* Whether what is being gathered is of that kind. */
bool mhp_notes_is(const struct mhp_notes *notes, enum mhp_note note);

/* After each turn: what was added since the turn before was added `now`. */
void mhp_notes_turn(struct mhp_notes *notes, uint64_t now);

/* When a report that was kept open has to be closed, µs; UINT64_MAX: nothing is being gathered, or the next turn knows. */
uint64_t mhp_notes_due(const struct mhp_notes *notes);

/* Sends what was gathered. */
int mhp_notes_flush(struct mhp_notes *notes);

/* Sends what was gathered, and then this report. */
int mhp_notes_send(struct mhp_notes *notes, const struct mhp_step *report);
