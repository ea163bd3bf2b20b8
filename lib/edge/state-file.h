/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What must outlive a crash: the knobs' values from before mhpd, and the blocks that another hand took offline. */

#include "base/range.h"
#include "core/arming.h"

struct mhp_saved {
        char knob[_MHP_KNOB_MAX][MHP_KNOB_VALUE_MAX]; /* empty: not touched */
        struct mhp_ranges hands_off;                  /* blocks */
};
void mhp_saved_done(struct mhp_saved *saved);
#define _cleanup_saved_ _cleanup_(mhp_saved_done)

/* dir/state. Not there: an empty *ret. Lines that make no sense are passed over: the file is ours, but a full /run may have cut it. */
int mhp_state_file_load(const char *dir, struct mhp_saved *ret);

/* By a new file and rename(2). With nothing to save the file goes away. */
int mhp_state_file_save(const char *dir, const struct mhp_saved *saved);
