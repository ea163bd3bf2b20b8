/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The kernel's placement table, as `policy` shows it: what it says, what it should say, and what of the configuration it cannot say. */

#include "core/memmap-policy.h"
#include "ctl/ctl.h"
#include "ctl/json.h"

struct ctl_place_table {
        bool known;             /* of this machine, or a tree with blocks */
        char *now;              /* owned; NULL: this kernel has no such table */
        struct mhp_table table; /* as it should be */
};

/* -ENOMEM. */
int ctl_place_table_read(const struct ctl *ctl, const struct mhp_config *config, struct ctl_place_table *ret);
void ctl_place_table_done(struct ctl_place_table *table);

/* Nothing where there is nothing to tell. */
void ctl_place_table_print(struct ctl *ctl, const struct mhp_config *config, const struct ctl_place_table *table);
void ctl_place_table_json(struct ctl_json *json, const char *key, const struct mhp_config *config, const struct ctl_place_table *table);
