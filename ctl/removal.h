/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* `mhpctl plan offline` and `plan unplug`: what mhpd would do to have memory leave, step by step, and what will be in the way. */

#include "core/plan.h"
#include "ctl/ctl.h"
#include "ctl/source.h"

/* One step. */
struct ctl_step {
        enum mhp_removal_phase phase;
        size_t item;    /* OFFLINE: index into the plan */
        uint32_t group; /* index into map->groups, MHP_NO_GROUP: none */
        uint32_t n;     /* LEAVE: blocks */
};

struct ctl_obstacle {
        const char *token; /* a promise */
        uint32_t block;    /* MHP_NO_BLOCK: none in particular */
        char *words;       /* owned */
};

/* A block that was counted, and pages of it stay or are missing. */
struct ctl_bad_block {
        uint32_t nr;
        struct mhp_tally tally;
};

struct ctl_removal {
        struct ctl *ctl;
        enum mhp_removal_verb verb;
        struct mhp_map *map;            /* owned */
        struct mhp_target target;
        struct mhp_memmaps memmaps;
        bool memmaps_known;
        struct mhp_backing *backing;    /* owned; NULL: not known */
        struct mhp_plan plan;
        uint64_t asked;                 /* blocks; more than the plan has: the rest is less than anything that could go */
        struct ctl_step *steps;         /* owned */
        size_t n_steps, steps_capacity;
        struct ctl_obstacle *obstacles; /* owned */
        size_t n_obstacles, obstacles_capacity;
        bool together;                  /* the kernel takes what leaves as one offline in one step */
        bool hopeless;                  /* there is no plan; the last obstacle says why */
        int count_error;                /* why blocks were not counted, 0: they were */
        struct ctl_bad_block *bad;      /* owned; by number */
        size_t n_bad, bad_capacity;
};

/* obstacles.c: what makes the plan impossible before it is made, and what is in its way. 0 or -ENOMEM. */
int ctl_obstacles_before(struct ctl_removal *removal);
int ctl_obstacles_too_large(struct ctl_removal *removal, const struct mhp_ranges *smallest);
int ctl_obstacles_too_few(struct ctl_removal *removal, const struct mhp_ranges *all);
int ctl_obstacles_after(struct ctl_removal *removal);

/* plan-remove-show.c */
int ctl_removal_show(struct ctl_removal *removal);
