/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How a block's fields are written for people. */

#include "api/memmap.h"
#include "ctl/ctl.h"

/* For a table: `-` is "has none", `unknown` is "cannot be told (by this user, now)". */
const char *ctl_state_word(const struct mhp_block *block);
enum ctl_color ctl_state_color(const struct mhp_block *block);
const char *ctl_zone_word(const struct mhp_block *block);
const char *ctl_group_word(const struct mhp_group *group);

/* NULL: not known. */
const char *ctl_source_name(const struct mhp_group *group);

/* LMBs of pseries that follow each other are one line of a table, for there may be thousands of them. */
bool ctl_groups_fold(const struct mhp_group *a, const struct mhp_group *b);

/* Those from first to last: `dlpar:80000008-8000000b`; ctl_group_word() where that is one. */
void ctl_groups_word(const struct mhp_group *first, const struct mhp_group *last, struct mhp_text *text);

/* `2026-11-21T14:03:09+01:00`: local time. */
void ctl_add_time(struct mhp_text *text, uint64_t usec);

/* The address behind a block: saturates. */
static inline uint64_t ctl_end_address(const struct mhp_map *map, uint32_t nr) {
        uint64_t end;

        return __builtin_mul_overflow((uint64_t) nr + 1, map->block_size, &end) ? UINT64_MAX : end;
}
