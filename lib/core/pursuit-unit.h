/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A removal while it is followed, and what can be said of it and of its units without changing anything. */

#include "core/config.h"
#include "core/plan.h"
#include "core/policy.h"
#include "model/tally.h"

struct mhp_notes;

/* What is known of a removal beyond the map. A mhpd that starts finds all of it anew. */
struct pursuit {
        uint32_t id;
        struct mhp_target target;    /* owned; `except` grows with every unit that was tried in vain */
        struct mhp_plan plan;        /* owned; of the members */
        size_t unit, at, end;        /* items of the unit whose turn it is: [unit, end), and the first that has not had its turn */
        enum mhp_verb next;          /* a step that is due, NONE: none */
        bool sent, answered;         /* that step is under way; its answer has come */
        int error;                   /* of the answer, a positive errno */
        struct mhp_ranges uncounted; /* owned: blocks that COUNT has not looked at yet */
        bool empty;                  /* the zone counters say that nothing is in the members */
        bool together;               /* the blocks that have their turn go in one TEARDOWN */
        bool apart;                  /* TEARDOWN was tried with this unit: what is left of it goes block by block */
        bool partly;                 /* what was chosen is less than was asked for */
        bool hopeless;               /* any other choice would fail in the same way */
        char words[256];             /* why it failed */
};

/* All removals that are followed, in no order. */
struct pursuits {
        struct pursuit *pursuit; /* owned */
        size_t n, capacity;
        uint32_t *batch;         /* owned: blocks of the COUNT that was given out last */
        size_t batch_capacity;
        char group[MHP_GROUP_NAME_MAX]; /* of the device step that was given out last */
        bool interrupt;          /* the step under way is not wanted any more */
};

/* What a removal goes by during one call. All pointers are lent by the caller. */
struct pursuit_context {
        struct pursuits *pursuits;
        struct mhp_map *map;
        const struct mhp_config *config;
        const struct mhp_pressure *pressure;
        const struct mhp_backing *backing; /* NULL: no memmap lies in another block */
        struct mhp_notes *notes;
        const struct mhp_tally *tally;     /* of `tally_block`, the block that was counted last */
        uint32_t tally_block;
        enum mhp_verb busy;                /* of the step under way, NONE: none is */
        uint32_t busy_removal;             /* id of the removal that this step is for, 0: for none */
        bool blind;                        /* pages cannot be counted on this machine */
        bool teardown;                     /* the kernel has TEARDOWN */
        uint64_t now;                      /* µs */
};

/* Returns: NULL if the removal is not followed. */
struct pursuit *pursuit_find(const struct pursuit_context *c, uint32_t id);

/* Whether the step under way is for this removal. */
bool pursuit_is_busy(const struct pursuit_context *c, uint32_t id);

/* Whether the target is a size, so that mhpd chooses the blocks. */
bool pursuit_is_sized(const struct pursuit *pursuit);

/* What brought the memory of the unit whose turn it is. It is known from the group's name even when the last block of the group has left. */
enum mhp_source pursuit_source(const struct pursuit_context *c, const struct mhp_removal *removal);

/* Whether another removal than `id` has a hold on `source`, or waits for it to take memory out, which a hold would make fail. */
bool pursuit_is_held(const struct pursuit_context *c, enum mhp_source source, uint32_t id);

/* Offline, and neither a repair nor an arrival is about to bring it online. */
bool pursuit_is_off(const struct mhp_block *block);

/* The first member of the removal at or after block `nr`; NULL: there is none. */
const struct mhp_block *pursuit_member(const struct pursuit_context *c, uint32_t id, uint32_t nr);

/* The loop's body may change the map. */
#define FOREACH_MEMBER(nr, c, id) \
        for (const struct mhp_block *b_ = pursuit_member(c, id, 0); b_; b_ = nr < MHP_BLOCK_MAX ? pursuit_member(c, id, nr + 1) : NULL) \
                if ((nr = b_->nr), true)

/* The block of item i of the plan; NULL: it has left the machine or the removal. */
const struct mhp_block *pursuit_item(const struct pursuit_context *c, const struct pursuit *pursuit, size_t i);

/* Number of blocks of the unit whose turn it is, and whether all of them have left. */
uint32_t pursuit_unit_size(const struct pursuit *pursuit);
bool pursuit_unit_has_gone(const struct pursuit_context *c, const struct pursuit *pursuit);

/* How many items of [from, end) of the plan are no blocks of the machine any more. */
uint32_t pursuit_count_gone(const struct pursuit_context *c, const struct pursuit *pursuit, size_t from, size_t end);

/* The group of items [from, end) of the plan, as the first block says that is still there and has one; NULL: none does. */
const struct mhp_group *pursuit_group(const struct pursuit_context *c, const struct pursuit *pursuit, size_t from, size_t end);
