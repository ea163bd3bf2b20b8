/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* `mhpctl explain` between its two halves: explain.c reads and judges, explain-show.c prints. */

#include "api/count.h"
#include "ctl/ctl.h"
#include "ctl/daemon.h"

/* Whether a block would go offline now; worse ones come later. */
enum removable { YES, MOVES, UNKNOWN, NO, NEVER, _REMOVABLE_MAX };

struct explain_item {
        const struct mhp_block *block;
        bool counted;
        struct mhp_tally tally;
        enum removable removable;
        bool held;             /* it cannot come online */
};

struct explain {
        struct ctl *ctl;
        struct ctl_daemon daemon;
        struct mhp_map *scanned;   /* owned; when no daemon's map is there */
        const struct mhp_map *map; /* one of the two */
        struct mhp_root root;
        uint64_t page_size;
        struct mhp_counter counter;
        struct mhp_text unseen;    /* why pages cannot be looked at; empty: they can */
        struct explain_item *items; /* owned */
        size_t n_items;
};

static inline const struct mhp_tally *explain_tally_of(const struct explain_item *item) {
        return item->counted ? &item->tally : NULL;
}

static inline enum mhp_source explain_source_of(const struct explain *view, const struct mhp_block *block) {
        const struct mhp_group *group = mhp_map_group(view->map, block);

        return group ? group->source : MHP_SOURCE_UNKNOWN;
}

/* mhpd's own reason; a fresh read of sysfs has none. */
static inline const char *explain_reason_of(const struct explain *view, const struct mhp_block *block) {
        return view->daemon.running ? mhp_reason_name(mhp_block_reason(block)) : NULL;
}

/* Of the last attempt. What is offline has failed to come online. */
static inline int explain_error_of(const struct mhp_block *block) {
        return block->state == MHP_STATE_ONLINE ? block->error : 0;
}

/* name: the group that was asked for; NULL: blocks. */
void explain_print_text(struct explain *view, const char *name);
void explain_print_json(struct explain *view);
