/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The text of a udev rule file, taken apart. */

#include <stdbool.h>
#include <stddef.h>

enum rule_op {
        RULE_OP_MATCH,
        RULE_OP_NOMATCH,
        RULE_OP_ASSIGN,
        RULE_OP_ADD,
        RULE_OP_REMOVE,
        RULE_OP_FINAL,
        _RULE_OP_MAX,
};

/* The strings lie in the line's text. */
struct rule_token {
        const char *key;   /* `ATTR` */
        const char *attr;  /* `state`; NULL: none */
        const char *value;
        enum rule_op op;
        bool fold;         /* i"...": upper and lower case are alike */
};

struct rule_line {
        unsigned number;          /* of its first line in the file */
        char *text;               /* owned */
        struct rule_token *token; /* owned */
        size_t n, capacity;
};

struct rule_lines {
        struct rule_line *line;   /* owned */
        size_t n, capacity;
};

void rule_lines_done(struct rule_lines *lines);

/* A line that udevd does not take is left out, as udevd leaves it out. -ENOMEM. */
int rule_lines_parse(const char *text, size_t len, struct rule_lines *ret);

const char *rule_op_name(enum rule_op op);
