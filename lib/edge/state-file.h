/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What must outlive a crash: the knobs' values from before mhpd and those that it gave them, the kernel's placement table, the values of the switches by which memory is held that
 * is on its way out, the blocks that another hand took offline, and the removals under way. */

#include "base/range.h"
#include "base/text.h"
#include "core/arming.h"
#include "model/block.h"

#define MHP_SAVED_HOLD_MAX 8 /* with the NUL */

struct mhp_saved {
        char knob[_MHP_KNOB_MAX][MHP_KNOB_VALUE_MAX]; /* empty: not touched */
        char set[_MHP_KNOB_MAX][MHP_KNOB_VALUE_MAX];  /* what mhpd gave a touched one; empty: not known */
        char hold[_MHP_SOURCE_MAX][MHP_SAVED_HOLD_MAX]; /* likewise */
        struct mhp_ranges hands_off;                  /* blocks */
        bool notice;                                  /* the notice of ejects was off before */
        char *place_table;                            /* owned; NULL: not touched */
        char *removals;                               /* owned; text form of a map with removals and their members alone; NULL: none */
};
void mhp_saved_done(struct mhp_saved *saved);
#define _cleanup_saved_ _cleanup_(mhp_saved_done)

/* dir/state. Not there: an empty *ret. Lines that make no sense are passed over: the file is ours, but a full /run may have cut it. */
int mhp_state_file_load(const char *dir, struct mhp_saved *ret);

/* The text of such a file, which is changed. */
int mhp_state_file_parse(char *text, struct mhp_saved *ret);
int mhp_state_file_print(const struct mhp_saved *saved, struct mhp_text *text);

/* By a new file and rename(2). With nothing to save the file goes away. */
int mhp_state_file_save(const char *dir, const struct mhp_saved *saved);
