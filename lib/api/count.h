/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Blocks counted page by page, by class. */

#include "edge/pageflags.h"
#include "edge/root.h"
#include "model/tally.h"

struct mhp_counter {
        struct mhp_pageflags flags;
        struct mhp_pagecounts counts; /* fd -1: cannot be read; classes are told from the flags alone then */
        uint64_t pages_per_block;
};
#define MHP_COUNTER_NONE ((struct mhp_counter) { .flags = MHP_PAGEFLAGS_NONE, .counts = MHP_PAGECOUNTS_NONE })

/* -EACCES, -EPERM: not for this user; -ENOENT: no CONFIG_PROC_PAGE_MONITOR. */
int mhp_counter_open(const struct mhp_root *root, uint64_t pages_per_block, struct mhp_counter *ret);
void mhp_counter_done(struct mhp_counter *counter);
#define _cleanup_counter_ _cleanup_(mhp_counter_done)

/* A block that is not online is all HOLE. Fails with what pread(2) says. */
int mhp_counter_block(const struct mhp_counter *counter, uint64_t block, struct mhp_tally *ret);
