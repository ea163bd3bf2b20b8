/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a name in a rule may stand for: one value, or one of several, or anything. */

#include "edge/root.h"
#include "edge/rules-lines.h"

enum rule_truth {
        RULE_NO,
        RULE_MAYBE,
        RULE_YES,
};

#define RULE_VALUES 8

struct rule_values {
        char *value[RULE_VALUES]; /* owned */
        size_t n;
        bool any;                 /* others as well */
};

struct rule_var {
        char *name;               /* owned; `ENV{x}`, `ATTR{state}`, `CONST{virt}`, `RESULT` */
        struct rule_values values;
};

struct rule_vars {
        struct rule_var *var;     /* owned */
        size_t n, capacity;
        bool imported;            /* a program may have set any variable */
};

void rule_values_done(struct rule_values *values);
#define _cleanup_values_ _cleanup_(rule_values_done)
void rule_vars_done(struct rule_vars *vars);

/* A value that is too long, or one too many, makes it anything. -ENOMEM. */
int rule_values_add(struct rule_values *values, const char *value);
int rule_values_merge(struct rule_values *values, const struct rule_values *more);

enum rule_truth rule_values_match(const struct rule_values *values, const struct rule_token *token);

/* NULL: never set. */
const struct rule_values *rule_vars_find(const struct rule_vars *vars, const char *name, const char *attr);

/* Takes over `values`; keep: what it was before stays possible. -ENOMEM. */
int rule_vars_set(struct rule_vars *vars, const char *name, const char *attr, struct rule_values *values, bool keep);
int rule_vars_set_one(struct rule_vars *vars, const char *name, const char *attr, const char *value);

/* What `$env{x}`, `%k` and the like in a value become. -ENOMEM. */
int rule_vars_expand(const struct rule_vars *vars, const char *value, struct rule_values *ret);

/* What can be told of this machine's processor and hypervisor: CONST{arch} and CONST{virt}. -ENOMEM. */
int rule_vars_machine(const struct mhp_root *root, struct rule_vars *vars);
