/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One event on its way through the rules. */

#include "edge/rules-values.h"
#include "edge/rules.h"

struct rule_walk {
        const struct mhp_root *root;
        const char *path;            /* of the file; `/etc/udev/rules.d/40-x.rules` */
        struct rule_vars vars;
        bool mhpd;
        bool run_final;              /* RUN:= has ended the list of programs */
        struct mhp_rules_hits *hits; /* what brings the block online at once; not owned */
        struct mhp_rules_hits run;   /* what will, when all rules have been read; owned */
};

/* A block that is offline, and the event `action` of it. -ENOMEM. */
int rule_walk_begin(const struct mhp_root *root, const char *action, bool mhpd, struct mhp_rules_hits *hits, struct rule_walk *ret);

/* One file. -ENOMEM. */
int rule_walk_file(struct rule_walk *walk, const struct rule_lines *lines);

/* After the last file. -ENOMEM. */
int rule_walk_end(struct rule_walk *walk);
void rule_walk_done(struct rule_walk *walk);

/* rules-match.c: whether all that a line asks holds; what its programs say is kept. -ENOMEM, or 0. */
int rule_line_holds(struct rule_walk *walk, const struct rule_line *line, enum rule_truth *ret);
