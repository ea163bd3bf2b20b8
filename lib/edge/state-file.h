/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What must outlive a crash: the knobs' values from before mhpd and those that it gave them, the kernel's placement table, the values of the switches by which memory is held that
 * is on its way out, the blocks that another hand took offline, with what tells each from other memory of the same number, and the removals under way. */

#include "base/range.h"
#include "base/text.h"
#include "core/arming.h"
#include "model/block.h"

#define MHP_SAVED_HOLD_MAX 8 /* with the NUL */

/* What memoryN was when it went offline. The kernel gives each file of sysfs a number of its own (kernfs_new_node(), 64 bits), which comes again with the next
 * boot at the earliest: a block that has another one is other memory. */
struct mhp_saved_inode {
        uint32_t nr;
        uint64_t inode;
        size_t at; /* of two for a block, the later one counts */
};

struct mhp_saved {
        char knob[_MHP_KNOB_MAX][MHP_KNOB_VALUE_MAX]; /* empty: not touched */
        char set[_MHP_KNOB_MAX][MHP_KNOB_VALUE_MAX];  /* what mhpd gave a touched one; empty: not known */
        char hold[_MHP_SOURCE_MAX][MHP_SAVED_HOLD_MAX]; /* likewise */
        struct mhp_ranges hands_off;                  /* blocks */
        struct mhp_saved_inode *inode;                /* owned; of blocks in hands_off, sorted by mhp_saved_sort_inodes() */
        size_t n_inodes, inodes_capacity;
        bool notice;                                  /* the notice of ejects was off before */
        char *place_table;                            /* owned; NULL: not touched */
        char *removals;                               /* owned; text form of a map with removals and their members alone; NULL: none */
        unsigned n_bad, bad_line;                     /* lines that were passed over, and which was the first */
};
void mhp_saved_done(struct mhp_saved *saved);
#define _cleanup_saved_ _cleanup_(mhp_saved_done)

int mhp_saved_add_inode(struct mhp_saved *saved, uint32_t nr, uint64_t inode);

/* Those of blocks that are not in hands_off any more go. To be called before the file is written. */
void mhp_saved_sort_inodes(struct mhp_saved *saved);

/* Another line is found not to be what mhpd writes. */
void mhp_saved_bad_line(struct mhp_saved *saved, unsigned line);

/* dir/state. Not there: an empty *ret. Lines that mhpd does not write are passed over and counted: a full /run may have cut the file. */
int mhp_state_file_load(const char *dir, struct mhp_saved *ret);

/* The text of such a file, len bytes and a NUL, which is changed. */
int mhp_state_file_parse(char *text, size_t len, struct mhp_saved *ret);
int mhp_state_file_print(const struct mhp_saved *saved, struct mhp_text *text);

/* By a new file and rename(2). With nothing to save the file goes away. */
int mhp_state_file_save(const char *dir, const struct mhp_saved *saved);
