/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* udev's rule files, for one question: do they bring a memory block online that arrives, or that was taken offline? The rules are followed as udevd follows
 * them for such an event (udev(7)), with three answers: what a program or a file that cannot be read would say may be this or that. */

#include <stdbool.h>

#include "edge/root.h"

struct mhp_rules_hit {
        char *where;  /* owned; `/etc/udev/rules.d/40-x.rules:7` */
        char *says;   /* owned; `ATTR{state}="online"` */
        bool certain; /* the rule is reached for sure */
};

struct mhp_rules_hits {
        struct mhp_rules_hit *hit; /* owned; in udevd's order */
        size_t n, capacity;
};

void mhp_rules_done(struct mhp_rules_hits *hits);
#define _cleanup_rules_ _cleanup_(mhp_rules_done)

/* All rules below the root that bring blocks online. mhpd: what they would see that ask for its mark (ENV{MHPD_MANAGED}). -ENOMEM. */
int mhp_rules_find(const struct mhp_root *root, bool mhpd, struct mhp_rules_hits *ret);

/* The same for the text of one file. For tests and fuzzing. */
int mhp_rules_judge(const struct mhp_root *root, const char *name, const char *text, size_t len, bool mhpd, struct mhp_rules_hits *ret);
