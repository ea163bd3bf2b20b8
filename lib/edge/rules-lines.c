/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/rules-lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/macro.h"
#include "base/text.h"

static const char *const ops[_RULE_OP_MAX] = {
        [RULE_OP_MATCH] = "==", [RULE_OP_NOMATCH] = "!=", [RULE_OP_ASSIGN] = "=",
        [RULE_OP_ADD] = "+=",   [RULE_OP_REMOVE] = "-=",  [RULE_OP_FINAL] = ":=",
};

/* udevd refuses a line with a key that is not one of these, as a whole. */
static const char *const keys[] = {
        "ACTION", "ATTR", "ATTRS", "CONST", "DEVPATH", "DRIVER", "DRIVERS", "ENV", "GOTO", "GROUP", "IMPORT", "KERNEL", "KERNELS", "LABEL", "MODE", "NAME",
        "OPTIONS", "OWNER", "PROGRAM", "RESULT", "RUN", "SECLABEL", "SUBSYSTEM", "SUBSYSTEMS", "SYMLINK", "SYSCTL", "TAG", "TAGS", "TEST",
};

const char *rule_op_name(enum rule_op op) {
        return ops[op];
}

static void line_done(struct rule_line *line) {
        free(line->text);
        free(line->token);
}

void rule_lines_done(struct rule_lines *lines) {
        for (size_t i = 0; i < lines->n; i++)
                line_done(&lines->line[i]);
        free(lines->line);
        *lines = (struct rule_lines) {};
}

static bool is_key(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (strcmp(keys[i], name) == 0)
                        return true;
        return false;
}

static bool is_blank(char c) {
        return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

/* Puts a NUL behind the key and behind its attribute. 0, or -EINVAL. */
static int read_key(char **p, struct rule_token *token) {
        char *q = *p;
        size_t len = strspn(q, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

        token->key = q;
        q += len;
        if (len > 0 && *q == '{') {
                char *end = strchr(q, '}');

                if (!end)
                        return -EINVAL;
                *q++ = '\0';
                *end = '\0';
                token->attr = q;
                *p = end + 1;
                return is_key(token->key) ? 0 : -EINVAL;
        }
        *p = q;
        return len > 0 ? 0 : -EINVAL;
}

static int read_op(char **p, enum rule_op *ret) {
        char *q = *p + strspn(*p, " \t");

        for (enum rule_op op = 0; op < _RULE_OP_MAX; op++) {
                size_t len = strlen(ops[op]);

                if (strncmp(q, ops[op], len) != 0)
                        continue;
                **p = '\0'; /* ends the key */
                *p = q + len;
                *ret = op;
                return 0;
        }
        return -EINVAL;
}

/* A quote in a value has a backslash before it, which goes; other backslashes stay, but for e"...". */
static int read_value(char **p, struct rule_token *token) {
        char *q = *p + strspn(*p, " \t"), *to;

        for (; *q == 'i' || *q == 'e'; q++)
                token->fold = token->fold || *q == 'i';
        if (*q++ != '"')
                return -EINVAL;
        token->value = to = q;
        for (; *q && *q != '"'; q++) {
                if (*q == '\\' && q[1] == '"')
                        q++;
                *to++ = *q;
        }
        if (!*q)
                return -EINVAL;
        *p = q + 1;
        *to = '\0';
        return 0;
}

static int read_token(char **p, struct rule_token *token) {
        int r = read_key(p, token);

        if (r >= 0)
                r = read_op(p, &token->op);
        if (r >= 0)
                r = read_value(p, token);
        return r >= 0 && is_key(token->key) ? 0 : -EINVAL;
}

/* -EINVAL: udevd would not take it. */
static int read_tokens(struct rule_line *line) {
        char *p = line->text;

        for (;;) {
                struct rule_token token = {};
                int r;

                while (is_blank(*p) || *p == ',')
                        p++;
                if (!*p)
                        return 0;
                r = read_token(&p, &token);
                if (r >= 0)
                        r = ARRAY_GROW(line->token, line->n, line->capacity);
                if (r < 0)
                        return r;
                line->token[line->n++] = token;
        }
}

/* Empties `text`. */
static int add_line(struct rule_lines *lines, unsigned number, struct mhp_text *text) {
        struct rule_line line = { .number = number };
        int r = mhp_text_finish(text, &line.text);

        if (r >= 0)
                r = read_tokens(&line);
        if (r >= 0 && line.n > 0)
                r = ARRAY_GROW(lines->line, lines->n, lines->capacity);
        if (r >= 0 && line.n > 0)
                lines->line[lines->n++] = line;
        else
                line_done(&line);
        return r == -ENOMEM ? r : 0;
}

/* A line that begins with # is left out even between two halves of a rule. */
int rule_lines_parse(const char *text, size_t len, struct rule_lines *ret) {
        _cleanup_(rule_lines_done) struct rule_lines lines = {};
        _cleanup_text_ struct mhp_text rule = {};
        unsigned number = 0, first = 0;
        bool continues = false;

        for (const char *p = text, *end = text + len, *stop; p < end; p = stop + 1) {
                stop = memchr(p, '\n', (size_t) (end - p));
                stop = stop ? stop : end;
                number++;
                while (p < stop && is_blank(*p))
                        p++;
                if (p < stop && *p == '#')
                        continue;
                first = continues ? first : number;
                continues = p < stop && stop[-1] == '\\';
                mhp_text_add_n(&rule, p, (size_t) (stop - p) - continues);
                if (continues)
                        continue;
                int r = add_line(&lines, first, &rule);
                if (r < 0)
                        return r;
        }
        *ret = lines;
        lines = (struct rule_lines) {};
        return 0;
}
