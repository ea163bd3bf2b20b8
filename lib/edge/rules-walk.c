/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a rule does to a device, and where it sends it on. */

#include "edge/rules-walk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "edge/names.h"

/* A label that is waited for. */
struct jump {
        const char *label;
        enum rule_truth reach;
};

static bool has_key(const struct rule_token *token, const char *key) {
        return strcmp(token->key, key) == 0;
}

static bool has_attr(const struct rule_token *token, const char *attr) {
        return token->attr && strcmp(token->attr, attr) == 0;
}

void mhp_rules_done(struct mhp_rules_hits *hits) {
        for (size_t i = 0; i < hits->n; i++) {
                free(hits->hit[i].where);
                free(hits->hit[i].says);
        }
        free(hits->hit);
        *hits = (struct mhp_rules_hits) {};
}

static int hit(struct mhp_rules_hits *hits, const char *path, const struct rule_line *line, const struct rule_token *token, enum rule_truth truth) {
        _cleanup_text_ struct mhp_text where = {}, says = {};
        struct mhp_rules_hit new = { .certain = truth == RULE_YES };
        int r;

        mhp_text_printf(&where, "%s:%u", path, line->number);
        mhp_text_add(&says, token->key);
        if (token->attr)
                mhp_text_printf(&says, "{%s}", token->attr);
        mhp_text_printf(&says, "%s\"%s\"", rule_op_name(token->op), token->value);
        r = ARRAY_GROW(hits->hit, hits->n, hits->capacity);
        if (r >= 0)
                r = mhp_text_finish(&where, &new.where);
        if (r >= 0)
                r = mhp_text_finish(&says, &new.says);
        if (r < 0) {
                free(new.where);
                return r;
        }
        hits->hit[hits->n++] = new;
        return 0;
}

/* The share of the values of which `is` holds. */
static enum rule_truth share(const struct rule_values *values, bool (*is)(const char *value)) {
        size_t n = 0;

        for (size_t i = 0; i < values->n; i++)
                n += is(values->value[i]);
        if (n == values->n && n > 0 && !values->any)
                return RULE_YES;
        return n > 0 || values->any ? RULE_MAYBE : RULE_NO;
}

static bool is_state(const char *value) {
        return strcmp(value, "online") == 0 || strcmp(value, "online_kernel") == 0 || strcmp(value, "online_movable") == 0;
}

/* kstrtobool(), which the driver core asks about what is written to `online`. */
static bool is_true(const char *value) {
        return (*value && strchr("1yYtT", *value)) || ((*value == 'o' || *value == 'O') && (value[1] == 'n' || value[1] == 'N'));
}

/* A shell that writes to `state` or `online`, or one of the tools for that. */
static bool is_command(const char *value) {
        if (strstr(value, "chmem") && (strstr(value, " -e") || strstr(value, "--enable")))
                return true;
        if (strstr(value, "daxctl") && strstr(value, "online-memory"))
                return true;
        return (strstr(value, "/state") && strstr(value, "online")) || (strstr(value, "/online") && (strstr(value, "echo 1") || strstr(value, "echo -n 1")));
}

/* What is written to `state` may be anything where that cannot be told; of a program its text says enough, whatever a part of it becomes. */
static enum rule_truth brings_online(const struct rule_token *token, struct rule_values *values) {
        if (!has_key(token, "RUN"))
                return share(values, has_attr(token, "online") ? is_true : is_state);
        values->any = false;
        return token->attr && strcmp(token->attr, "program") != 0 ? RULE_NO : share(values, is_command);
}

static int set_attribute(struct rule_walk *walk, const struct rule_line *line, const struct rule_token *token, struct rule_values *values, enum rule_truth reach) {
        enum rule_truth online = brings_online(token, values), truth = online < reach ? online : reach;
        int r = 0;

        if (truth != RULE_NO)
                r = hit(walk->hits, walk->path, line, token, truth);
        /* what follows finds the block as this leaves it */
        if (r >= 0 && truth != RULE_NO) {
                struct rule_values online_values = {};

                r = rule_values_add(&online_values, "online");
                if (r >= 0 && truth == RULE_MAYBE)
                        r = rule_values_add(&online_values, "offline");
                if (r >= 0)
                        r = rule_vars_set(&walk->vars, "ATTR", "state", &online_values, false);
                rule_values_done(&online_values);
        }
        return r;
}

static int add_program(struct rule_walk *walk, const struct rule_line *line, const struct rule_token *token, struct rule_values *values,
                       enum rule_truth reach) {
        enum rule_truth online = brings_online(token, values), truth = online < reach ? online : reach;
        int r = 0;

        if (walk->run_final)
                return 0;
        if (reach == RULE_YES && (token->op == RULE_OP_ASSIGN || token->op == RULE_OP_FINAL))
                mhp_rules_done(&walk->run);
        if (truth != RULE_NO)
                r = hit(&walk->run, walk->path, line, token, truth);
        walk->run_final = token->op == RULE_OP_FINAL && reach == RULE_YES;
        return r;
}

static int assign(struct rule_walk *walk, const struct rule_line *line, const struct rule_token *token, enum rule_truth reach) {
        _cleanup_values_ struct rule_values values = {};
        int r;

        if (token->op == RULE_OP_REMOVE)
                return 0;
        r = rule_vars_expand(&walk->vars, token->value, &values);
        if (r < 0)
                return r;
        if (has_key(token, "RUN"))
                return add_program(walk, line, token, &values, reach);
        if (has_key(token, "ENV")) {
                values.any = values.any || token->op == RULE_OP_ADD;
                return rule_vars_set(&walk->vars, "ENV", token->attr, &values, reach != RULE_YES);
        }
        return has_attr(token, "state") || has_attr(token, "online") ? set_attribute(walk, line, token, &values, reach) : 0;
}

/* udevd sorts what a line does as well: variables, then attributes, then programs. */
static int act(struct rule_walk *walk, const struct rule_line *line, enum rule_truth reach) {
        static const char *const order[] = { "ENV", "ATTR", "RUN" };
        int r = 0;

        for (size_t k = 0; k < ELEMENTSOF(order); k++)
                for (size_t i = 0; i < line->n && r >= 0; i++) {
                        const struct rule_token *token = &line->token[i];

                        if (token->op != RULE_OP_MATCH && token->op != RULE_OP_NOMATCH && has_key(token, order[k]))
                                r = assign(walk, line, token, reach);
                }
        return r;
}

static const char *value_of(const struct rule_line *line, const char *key) {
        for (size_t i = 0; i < line->n; i++)
                if (has_key(&line->token[i], key))
                        return line->token[i].value;
        return NULL;
}

/* udevd finds labels behind the line alone, and passes over a GOTO without one. */
static bool is_label_behind(const struct rule_lines *lines, size_t i, const char *label) {
        while (++i < lines->n) {
                const char *here = value_of(&lines->line[i], "LABEL");

                if (here && strcmp(here, label) == 0)
                        return true;
        }
        return false;
}

static enum rule_truth land(const struct jump *jumps, size_t n, const char *label, enum rule_truth reach) {
        for (size_t i = 0; i < n && label; i++)
                if (jumps[i].label && strcmp(jumps[i].label, label) == 0 && jumps[i].reach > reach)
                        reach = jumps[i].reach;
        return reach;
}

int rule_walk_file(struct rule_walk *walk, const struct rule_lines *lines) {
        _cleanup_free_ struct jump *jumps = NULL;
        size_t n = 0, capacity = 0;
        enum rule_truth reach = RULE_YES;
        int r = 0;

        for (size_t i = 0; i < lines->n && r >= 0; i++) {
                const struct rule_line *line = &lines->line[i];
                const char *label = value_of(line, "GOTO");
                enum rule_truth holds, here;

                reach = land(jumps, n, value_of(line, "LABEL"), reach);
                if (reach == RULE_NO)
                        continue;
                r = rule_line_holds(walk, line, &holds);
                here = holds < reach ? holds : reach;
                if (r < 0 || here == RULE_NO)
                        continue;
                r = act(walk, line, here);
                if (r < 0 || !label || !is_label_behind(lines, i, label))
                        continue;
                r = ARRAY_GROW(jumps, n, capacity);
                if (r >= 0)
                        jumps[n++] = (struct jump) { .label = label, .reach = here };
                reach = holds == RULE_YES ? RULE_NO : RULE_MAYBE;
        }
        return r;
}

void rule_walk_done(struct rule_walk *walk) {
        rule_vars_done(&walk->vars);
        mhp_rules_done(&walk->run);
}

int rule_walk_begin(const struct mhp_root *root, const char *action, bool mhpd, struct mhp_rules_hits *hits, struct rule_walk *ret) {
        const struct {
                const char *name, *attr, *value;
        } known[] = {
                { "ACTION", NULL, action },     { "ENV", "ACTION", action },
                { "SUBSYSTEM", NULL, "memory" }, { "SUBSYSTEMS", NULL, "memory" }, { "ENV", "SUBSYSTEM", "memory" },
                { "KERNEL", NULL, strrchr(NAME_UDEV_BLOCK, '/') + 1 }, { "KERNELS", NULL, strrchr(NAME_UDEV_BLOCK, '/') + 1 },
                { "DEVPATH", NULL, NAME_UDEV_BLOCK }, { "ENV", "DEVPATH", NAME_UDEV_BLOCK },
                { "ATTR", "state", "offline" }, { "ATTR", "online", "0" },
                { "ENV", "MHPD_MANAGED", mhpd ? "1" : "" },
        };
        struct rule_walk walk = { .root = root, .mhpd = mhpd, .hits = hits };
        int r = rule_vars_machine(root, &walk.vars);

        for (size_t i = 0; i < ELEMENTSOF(known) && r >= 0; i++)
                r = rule_vars_set_one(&walk.vars, known[i].name, known[i].attr, known[i].value);
        if (r < 0)
                rule_walk_done(&walk);
        else
                *ret = walk;
        return r;
}

int rule_walk_end(struct rule_walk *walk) {
        int r = 0;

        for (size_t i = 0; i < walk->run.n && r >= 0; i++) {
                r = ARRAY_GROW(walk->hits->hit, walk->hits->n, walk->hits->capacity);
                if (r >= 0) {
                        walk->hits->hit[walk->hits->n++] = walk->run.hit[i];
                        walk->run.hit[i] = (struct mhp_rules_hit) {};
                }
        }
        return r;
}
