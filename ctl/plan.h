/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* `mhpctl plan online` between its two halves: plan.c finds out what the ring would do, plan-show.c prints it. */

#include "core/ring.h"
#include "ctl/daemon.h"

/* A decision that policy reported. */
struct plan_decision {
        enum mhp_want want;
        enum mhp_reason reason;
        char *words; /* owned; NULL: the token says it */
};

/* One block of a step, or (verb NONE) one that stays as it is. */
struct plan_item {
        uint32_t nr;
        enum mhp_verb verb;
        uint32_t decision; /* index */
};

struct plan {
        struct ctl *ctl;
        struct ctl_daemon daemon;
        struct mhp_ring *ring;       /* owned */
        struct mhp_ranges only;      /* n == 0: all blocks */
        struct plan_decision *decisions;  /* owned */
        size_t n_decisions, decisions_capacity;
        struct plan_item *decided;        /* owned; by block, once sorted: which decision each got */
        size_t n_decided, decided_capacity;
        struct plan_item *items;          /* owned; in the order of the steps */
        size_t n_items, items_capacity;
};

/* CTL_DONE, or -ENOMEM. */
int plan_show(struct plan *plan);
