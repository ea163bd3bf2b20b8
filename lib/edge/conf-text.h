/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The texts that make up one configuration, read one after the other. */

#include "edge/conf-file.h"

struct mhp_conf_rule {
        char name[MHP_RULE_NAME_MAX];
        char *where;   /* owned; FILE:LINE of its first section line */
        unsigned text; /* that section line's text, counted from 1 */
        bool spoiled;  /* it would fit more than was meant */
};

/* A warning that has to say which value holds in the end. */
struct mhp_conf_promise {
        size_t warning;
        size_t key;
};

struct mhp_conf_reading {
        struct mhp_config *config;
        struct mhp_conf_warnings *warnings;
        unsigned texts;              /* read so far */
        struct mhp_conf_rule *rule;  /* owned; in the order of their first section lines */
        size_t n_rules, rules_capacity;
        struct mhp_conf_promise *promise; /* owned */
        size_t n_promises, promises_capacity;
};
void mhp_conf_reading_done(struct mhp_conf_reading *reading);

/* An outcome or -ENOMEM. MHP_CONF_LOST: it is no text, and nothing of it is used. */
int mhp_conf_read(struct mhp_conf_reading *reading, const char *name, const char *text, size_t len);

/* After the last text: takes out what may not be used, and warns of rules that do not do what was meant. */
int mhp_conf_finish(struct mhp_conf_reading *reading);
