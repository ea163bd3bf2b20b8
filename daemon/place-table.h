/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Where the kernel has a table by which it places memmaps (the companion patch), it is told what the configuration wants. As with the knobs, what the
 * table said before is written down before it is touched, and put back at the end. A configuration that wants nothing leaves it alone. */

#include "base/macro.h"

struct engine;
struct place_table;

int place_table_new(struct engine *engine, struct place_table **ret);
struct place_table *place_table_free(struct place_table *table);
DEFINE_CLEANUP(struct place_table *, place_table_free)

/* At the start, and when the configuration has changed: tells what cannot be said. -ENOMEM is the only failure. */
int place_table_set(struct place_table *table);

/* Devices may have come or gone. */
void place_table_doubt(struct place_table *table);

/* To be called when nothing is under way: sets the table anew if that can make a difference. */
int place_table_check(struct place_table *table);

/* Another hand may have written the table: told, and set again once (guard.h). NULL: nothing. */
int place_table_guard(struct place_table *table);

/* As it was before mhpd. What another hand has written since stands. */
void place_table_restore(struct engine *engine);
