/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* When a change of the machine's memory is over, and what it came to: blocks that are there and were not, that are online and were not, and the
 * reverse of both. A change begins with the first block that comes, goes, or goes online or offline, and has settled when nothing is under way and no
 * block has changed for some seconds. What came and went again meanwhile is no change. */

#include "model/map.h"

/* So long nothing has to happen. */
#define MHP_SETTLED_QUIET (UINT64_C(5) * 1000 * 1000)
/* A change that does not come to rest is told after this, and what follows is the next one. */
#define MHP_SETTLED_LATEST (UINT64_C(300) * 1000 * 1000)

struct mhp_settled {
        struct mhp_ranges present, online;         /* owned; as they were told last */
        struct mhp_ranges now_present, now_online; /* owned; as the map has them */
        uint64_t first, last;                      /* µs, the change under way: its begin, and when something happened last */
        bool changed;                              /* there is one */
        bool busy;                                 /* as of the last turn */
};

struct mhp_settled_change {
        struct mhp_ranges added, removed; /* owned */
        struct mhp_ranges online;         /* owned; that came online, whether they were there before or not */
        struct mhp_ranges offline;        /* owned; and are still there */
};

void mhp_settled_done(struct mhp_settled *settled);
void mhp_settled_change_done(struct mhp_settled_change *change);
#define _cleanup_change_ _cleanup_(mhp_settled_change_done)

/* After the first scan. With `present` and `online` as a mhpd before this one told them last, what is different is a change; without (known false) what is
 * there is what was always there. Takes the ranges over. */
int mhp_settled_begin(struct mhp_settled *settled, uint64_t now, const struct mhp_map *map, bool known, struct mhp_ranges *present, struct mhp_ranges *online);

/* A block may have changed. */
int mhp_settled_see(struct mhp_settled *settled, uint64_t now, const struct mhp_map *map, uint32_t nr);

/* After a turn; idle: nothing is under way. When the change will have settled if nothing happens until then, µs; UINT64_MAX: there is none. */
uint64_t mhp_settled_turn(struct mhp_settled *settled, uint64_t now, bool idle);

/* What the change came to, which is told now. All empty: to nothing. */
int mhp_settled_take(struct mhp_settled *settled, struct mhp_settled_change *ret);
bool mhp_settled_change_is_empty(const struct mhp_settled_change *change);
