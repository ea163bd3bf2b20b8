/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which zone arriving memory joins, and why. Pure: the map, the configuration and the pressure are all it knows. */

#include "core/config.h"
#include "model/map.h"

#define MHP_NODE_WORDS ((MHP_NODE_MAX + 64) / 64)

/* How full the machine is, from /proc/zoneinfo, and where its processors are, from /sys/devices/system/node/has_cpu. */
struct mhp_pressure {
        uint64_t kernel_managed;   /* bytes in DMA, DMA32, Normal; 0: not known, and then there is no pressure */
        uint64_t kernel_available; /* of these, free or droppable page cache */
        uint64_t room;             /* bytes in all zones that are free or droppable, and free swap: where what is moved out of a block may go */
        uint64_t movable_used;     /* bytes in Movable zones that are not free, a balloon's and memmap in its own blocks among them; UINT64_MAX: no such zone */
        uint64_t huge_free;        /* bytes of free huge pages that nobody has reserved: the kernel takes these instead of free memory, or dissolves them */
        uint64_t page_size;        /* bytes; 0: the room, and what is used of Movable, is not known */
        bool processors_known;     /* false: every node may have some */
        uint64_t processors[MHP_NODE_WORDS]; /* a bit a node that has processors online */
};

struct mhp_decision {
        enum mhp_want want;
        enum mhp_reason reason;
        uint8_t rule;             /* 1-based, 0: [Online] */
        int node;                 /* whose figures these are: -1 the machine's */
        uint64_t movable, kernel; /* bytes held without the new memory */
        uint64_t new;             /* bytes that the decision is about */
        unsigned ratio;           /* percent */
        bool follows;             /* the rest of its unit was decided on before: there are no figures */
        bool rest_is_there;       /* ... and some of that rest is online in such a zone */
        enum mhp_source source;   /* of the block's group */
        struct mhp_pressure pressure;
};

/* Decides for one block that is in the map. A block of a unit is decided with its whole group. */
void mhp_policy_decide(const struct mhp_map *map, const struct mhp_config *config, const struct mhp_pressure *pressure,
                       const struct mhp_block *block, struct mhp_decision *ret);

/* What it would be for one more block of that source, of which no more is known. */
void mhp_policy_expect(const struct mhp_map *map, const struct mhp_config *config, const struct mhp_pressure *pressure, enum mhp_source source,
                       struct mhp_decision *ret);

/* The reason in a sentence: `movable 2G + 1G new is within 301 % of 1G kernel memory`. */
void mhp_policy_words(const struct mhp_decision *decision, const struct mhp_config *config, struct mhp_text *text);

/* The first rule that fits; NULL: none. size: bytes of the group. */
const struct mhp_rule *mhp_policy_rule(const struct mhp_config *config, enum mhp_source source, int node, uint64_t size);

/* nodes: all that have processors. A node beyond MHP_NODE_MAX is passed over. */
void mhp_pressure_set_processors(struct mhp_pressure *pressure, const struct mhp_ranges *nodes);

bool mhp_pressure_high(const struct mhp_pressure *pressure, unsigned headroom);
