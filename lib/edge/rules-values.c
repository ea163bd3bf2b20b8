/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/rules-values.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "edge/names.h"

#define VALUE_MAX 1024

void rule_values_done(struct rule_values *values) {
        for (size_t i = 0; i < values->n; i++)
                free(values->value[i]);
        *values = (struct rule_values) {};
}

void rule_vars_done(struct rule_vars *vars) {
        for (size_t i = 0; i < vars->n; i++) {
                free(vars->var[i].name);
                rule_values_done(&vars->var[i].values);
        }
        free(vars->var);
        *vars = (struct rule_vars) {};
}

int rule_values_add(struct rule_values *values, const char *value) {
        for (size_t i = 0; i < values->n; i++)
                if (strcmp(values->value[i], value) == 0)
                        return 0;
        if (values->n == RULE_VALUES || strlen(value) > VALUE_MAX) {
                values->any = true;
                return 0;
        }
        char *copy = strdup(value);
        if (!copy)
                return -ENOMEM;
        values->value[values->n++] = copy;
        return 0;
}

int rule_values_merge(struct rule_values *values, const struct rule_values *more) {
        int r = 0;

        values->any = values->any || more->any;
        for (size_t i = 0; i < more->n && r >= 0; i++)
                r = rule_values_add(values, more->value[i]);
        return r;
}

/* `a|b*|`: alternatives, each a shell pattern. */
static bool matches(const struct rule_token *token, const char *value) {
        char pattern[VALUE_MAX + 1];

        for (const char *p = token->value;; p++) {
                size_t len = strcspn(p, "|");

                if (len < sizeof(pattern)) {
                        memcpy(pattern, p, len);
                        pattern[len] = '\0';
                        if (fnmatch(pattern, value, token->fold ? FNM_CASEFOLD : 0) == 0)
                                return true;
                }
                p += len;
                if (!*p)
                        return false;
        }
}

enum rule_truth rule_values_match(const struct rule_values *values, const struct rule_token *token) {
        size_t hits = 0;

        for (size_t i = 0; i < values->n; i++)
                hits += matches(token, values->value[i]) == (token->op == RULE_OP_MATCH);
        if (values->any || (hits > 0 && hits < values->n))
                return RULE_MAYBE;
        return hits > 0 ? RULE_YES : RULE_NO;
}

static void name_of(const char *name, const char *attr, struct mhp_text *text) {
        mhp_text_add(text, name);
        if (attr) {
                mhp_text_add(text, "{");
                mhp_text_add(text, attr);
                mhp_text_add(text, "}");
        }
}

/* `ENV` and `x` of a variable `ENV{x}`. Without a copy: a look that fails for want of memory would pass for a variable that was never set. */
static bool is_called(const struct rule_var *var, const char *name, const char *attr) {
        size_t len = strlen(name), n = attr ? strlen(attr) : 0;
        const char *rest = var->name + len;

        if (strncmp(var->name, name, len) != 0)
                return false;
        if (!attr)
                return !*rest;
        return *rest == '{' && strncmp(rest + 1, attr, n) == 0 && strcmp(rest + 1 + n, "}") == 0;
}

static struct rule_var *find(const struct rule_vars *vars, const char *name, const char *attr) {
        for (size_t i = 0; i < vars->n; i++)
                if (is_called(&vars->var[i], name, attr))
                        return &vars->var[i];
        return NULL;
}

const struct rule_values *rule_vars_find(const struct rule_vars *vars, const char *name, const char *attr) {
        const struct rule_var *var = find(vars, name, attr);

        return var ? &var->values : NULL;
}

int rule_vars_set(struct rule_vars *vars, const char *name, const char *attr, struct rule_values *values, bool keep) {
        struct rule_var *var = find(vars, name, attr);
        int r;

        if (!var) {
                _cleanup_text_ struct mhp_text full = {};

                name_of(name, attr, &full);
                r = ARRAY_GROW(vars->var, vars->n, vars->capacity);
                if (r < 0)
                        return r;
                var = &vars->var[vars->n];
                *var = (struct rule_var) {};
                r = mhp_text_finish(&full, &var->name);
                if (r < 0)
                        return r;
                vars->n++;
                r = keep ? rule_values_add(&var->values, "") : 0;
                if (r < 0)
                        return r;
        }
        if (keep)
                return rule_values_merge(&var->values, values);
        rule_values_done(&var->values);
        var->values = *values;
        *values = (struct rule_values) {};
        return 0;
}

int rule_vars_set_one(struct rule_vars *vars, const char *name, const char *attr, const char *value) {
        _cleanup_values_ struct rule_values values = {};
        int r = rule_values_add(&values, value);

        return r < 0 ? r : rule_vars_set(vars, name, attr, &values, false);
}

/* Each value that is there so far with each of `more` behind it. */
static int append(struct rule_values *values, const struct rule_values *more) {
        _cleanup_values_ struct rule_values result = { .any = values->any || more->any };
        int r = 0;

        for (size_t i = 0; i < values->n; i++)
                for (size_t k = 0; k < more->n && r >= 0; k++) {
                        char both[VALUE_MAX * 2 + 3];

                        snprintf(both, sizeof(both), "%s%s", values->value[i], more->value[k]);
                        r = rule_values_add(&result, both);
                }
        if (r < 0)
                return r;
        rule_values_done(values);
        *values = result;
        result = (struct rule_values) {};
        return 0;
}

/* `$name{attr}` at p: the letter that stands for it, as udev(7) lists them, and *p behind it. '\0' and *p as it was: none. */
static char read_substitution(const char **p, char attr[static 128]) {
        static const struct {
                const char *word;
                char letter;
        } words[] = { { "kernel", 'k' }, { "devpath", 'p' }, { "sys", 'S' }, { "env", 'E' }, { "attr", 's' }, { "result", 'c' },
                      { "number", 'n' }, { "id", 'b' },      { "driver", 'd' }, { "major", 'M' }, { "minor", 'm' }, { "parent", 'P' },
                      { "name", 'D' },   { "links", 'L' },   { "root", 'r' }, { "devnode", 'N' }, { "sysfs", 's' }, { "tempnode", 'N' } };
        const char *q = *p + 1;
        char letter = '\0';

        attr[0] = '\0';
        if (**p == '%' && *q)
                letter = *q++;
        for (size_t i = 0; **p == '$' && !letter && i < ELEMENTSOF(words); i++)
                if (strncmp(q, words[i].word, strlen(words[i].word)) == 0) {
                        letter = words[i].letter;
                        q += strlen(words[i].word);
                }
        if (letter && *q == '{') {
                size_t len = strcspn(q, "}");

                if (!q[len] || len >= 128)
                        return '\0';
                memcpy(attr, q + 1, len - 1);
                attr[len - 1] = '\0';
                q += len + 1;
        }
        if (letter)
                *p = q;
        return letter;
}

static int substitute(const struct rule_vars *vars, char letter, const char *attr, struct rule_values *ret) {
        const struct rule_values *found = NULL;

        if (letter == 'E' || letter == 's')
                found = rule_vars_find(vars, letter == 'E' ? "ENV" : "ATTR", attr);
        else if (letter == 'c' && !*attr)
                found = rule_vars_find(vars, "RESULT", NULL);
        if (found)
                return rule_values_merge(ret, found);
        if (letter == 'k')
                return rule_values_add(ret, strrchr(NAME_UDEV_BLOCK, '/') + 1);
        if (letter == 'n')
                return rule_values_add(ret, strpbrk(NAME_UDEV_BLOCK, "0123456789"));
        if (letter == 'p')
                return rule_values_add(ret, NAME_UDEV_BLOCK);
        if (letter == 'S')
                return rule_values_add(ret, "/sys");
        if (letter == 'E' && !vars->imported)
                return rule_values_add(ret, "");
        ret->any = true;
        return rule_values_add(ret, "");
}

/* Whatever cannot be told leaves the rest of the text. */
int rule_vars_expand(const struct rule_vars *vars, const char *value, struct rule_values *ret) {
        _cleanup_values_ struct rule_values values = {};
        int r = rule_values_add(&values, "");

        for (const char *p = value; *p && r >= 0;) {
                _cleanup_values_ struct rule_values piece = {};
                char attr[128], plain[VALUE_MAX + 1], letter = '\0';
                size_t len = strcspn(p, "$%");

                if (len == 0 && p[1] != *p)
                        letter = read_substitution(&p, attr);
                if (letter) {
                        r = substitute(vars, letter, attr, &piece);
                } else {
                        bool doubled = len == 0 && p[1] == *p;

                        len = len > 0 ? len : 1;
                        snprintf(plain, sizeof(plain), "%.*s", (int) (len > VALUE_MAX ? VALUE_MAX : len), p);
                        r = rule_values_add(&piece, plain);
                        p += len + doubled;
                }
                if (r >= 0)
                        r = append(&values, &piece);
        }
        if (r < 0)
                return r;
        *ret = values;
        values = (struct rule_values) {};
        return 0;
}
