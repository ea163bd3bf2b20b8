/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What cannot be read. An error that passes (mhp_error_passes()) is about this moment: it is told once for as long as it lasts, and whatever wanted to read
 * tries again, for no event would come to remind it. A block that no try would read is told of once, and left alone. */

#include <stdint.h>

#include "base/range.h"
#include "base/units.h"

struct engine;
struct mhp_event;

struct unread {
        bool told;             /* that something cannot be read, and not yet that it can be again */
        unsigned failures;     /* turns in a row that something could not be read in */
        uint64_t again_at;     /* µs: there is a turn then; 0: everything was read */
        struct mhp_ranges odd; /* blocks that are left alone, owned */
};
void unread_done(struct unread *unread);

/* There is a turn soon, and later each time that this is called in a row. */
void unread_again(struct engine *engine);

/* error: a positive errno, which passes. A turn follows. */
void unread_tell(struct engine *engine, const char *path, int error);

/* It was block nr: what is known of it stays, and it is read again. */
int unread_block(struct engine *engine, uint32_t nr, int error);

/* Of a block that was read: error as in struct mhp_reading. */
int unread_note(struct engine *engine, uint32_t nr, int error);

/* A mhp_event_fn for a scan, with the engine as userdata. */
int unread_scanned(void *engine, const struct mhp_event *event);

/* At the begin of a turn: what could not be read may be asked for again. At its end: whether everything was. */
void unread_begin(struct engine *engine);
void unread_end(struct engine *engine);
