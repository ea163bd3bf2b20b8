/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a rule asks of a device. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "edge/names.h"
#include "edge/rules-walk.h"

static enum rule_truth inverse(enum rule_truth t) {
        return (enum rule_truth) (RULE_YES - t);
}

static bool has_key(const struct rule_token *token, const char *key) {
        return strcmp(token->key, key) == 0;
}

/* An attribute that is not there fails a match whichever way it is asked for (token_match_attr(), udev-rules.c). */
static int ask_file(struct rule_walk *walk, const char *path, const struct rule_token *token, enum rule_truth *ret) {
        _cleanup_values_ struct rule_values values = {};
        char text[256];
        int r = mhp_root_read(walk->root, path, text, sizeof(text));

        if (r < 0) {
                *ret = r == -ENOENT || r == -ENOTDIR ? RULE_NO : RULE_MAYBE;
                return 0;
        }
        r = rule_values_add(&values, text);
        *ret = r < 0 ? RULE_NO : rule_values_match(&values, token);
        return r;
}

/* What a block has beside `state` and `online`, which are variables here. */
static bool is_block_attribute(const char *name) {
        static const char *const names[] = { "state", "online", "phys_index", "phys_device", "removable", "valid_zones", "hold", "nr_vmemmap_pages", "uevent" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strcmp(names[i], name) == 0)
                        return true;
        return strchr(name, '/') || strchr(name, '$') || strchr(name, '%');
}

static int ask_attribute(struct rule_walk *walk, const struct rule_token *token, enum rule_truth *ret) {
        static const char dmi[] = "[dmi/id]";
        const char *name = token->attr ? token->attr : "";
        const struct rule_values *values = rule_vars_find(&walk->vars, "ATTR", name);

        if (values) {
                *ret = rule_values_match(values, token);
        } else if (strncmp(name, dmi, sizeof(dmi) - 1) == 0) {
                char path[256];

                name += sizeof(dmi) - 1;
                if (snprintf(path, sizeof(path), NAME_DMI "/%s", name + (*name == '/')) >= (int) sizeof(path) || strstr(name, ".."))
                        *ret = RULE_NO;
                else
                        return ask_file(walk, path, token, ret);
        } else {
                *ret = *name == '[' || is_block_attribute(name) ? RULE_MAYBE : RULE_NO;
        }
        return 0;
}

/* A variable that nobody has set is the empty string to a rule. */
static int ask_variable(struct rule_walk *walk, const struct rule_token *token, enum rule_truth *ret) {
        const struct rule_values *values = rule_vars_find(&walk->vars, token->key, token->attr);
        _cleanup_values_ struct rule_values empty = {};
        bool open = has_key(token, "CONST") || (has_key(token, "ENV") && walk->vars.imported);
        int r;

        if (!values) {
                r = rule_values_add(&empty, "");
                if (r < 0)
                        return r;
                empty.any = open;
        }
        *ret = rule_values_match(values ? values : &empty, token);
        return 0;
}

static enum rule_truth is_there(const struct rule_walk *walk, const char *path) {
        static const char mark[] = NAME_RUNTIME, block[] = NAME_UDEV_BLOCK_PATH "/";

        if (strncmp(path, mark, sizeof(mark) - 1) == 0)
                return walk->mhpd ? RULE_YES : RULE_NO;
        if (strncmp(path, block, sizeof(block) - 1) == 0)
                path += sizeof(block) - 1;
        if (strpbrk(path, "*?["))
                return RULE_MAYBE;
        if (*path != '/')
                return is_block_attribute(path) ? RULE_YES : RULE_NO;
        return path[1] && mhp_root_exists(walk->root, path + 1) ? RULE_YES : RULE_NO;
}

static int ask_path(struct rule_walk *walk, const struct rule_token *token, enum rule_truth *ret) {
        _cleanup_values_ struct rule_values paths = {};
        int r = rule_vars_expand(&walk->vars, token->value, &paths);

        if (r < 0)
                return r;
        *ret = paths.any || paths.n != 1 || token->attr ? RULE_MAYBE : is_there(walk, paths.value[0]);
        if (token->op == RULE_OP_NOMATCH)
                *ret = inverse(*ret);
        return 0;
}

/* `systemd-detect-virt` tells what CONST{virt} is and fails where that is `none`; of containers, in which no udevd runs, it finds none. */
static int run_detect_virt(struct rule_walk *walk, const char *options, struct rule_values *result, enum rule_truth *ret) {
        static const struct rule_token is_vm = { .key = "RESULT", .value = "none", .op = RULE_OP_NOMATCH };
        const struct rule_values *virt = rule_vars_find(&walk->vars, "CONST", "virt");

        if (strstr(options, " -c") || strstr(options, "--container")) {
                *ret = RULE_NO;
                return 0;
        }
        if (!virt || strstr(options, " -r") || strstr(options, " --")) {
                result->any = true;
                return 0;
        }
        *ret = rule_values_match(virt, &is_vm);
        return rule_values_merge(result, virt);
}

static int run_program(struct rule_walk *walk, const char *command, struct rule_values *result, enum rule_truth *ret) {
        const char *end = command + strcspn(command, " \t"), *name = end;
        const struct rule_values *machine = rule_vars_find(&walk->vars, "MACHINE", NULL);

        while (name > command && name[-1] != '/')
                name--;
        if ((size_t) (end - name) == strlen("systemd-detect-virt") && strncmp(name, "systemd-detect-virt", (size_t) (end - name)) == 0)
                return run_detect_virt(walk, end, result, ret);
        if (machine && end - name == 5 && strncmp(name, "uname", 5) == 0 && (strcmp(end, " -m") == 0 || strcmp(end, " -p") == 0 || strcmp(end, " -i") == 0)) {
                *ret = RULE_YES;
                return rule_values_merge(result, machine);
        }
        result->any = true;
        return 0;
}

/* Every operator but != counts as == here. */
static int ask_program(struct rule_walk *walk, const struct rule_token *token, enum rule_truth *ret) {
        _cleanup_values_ struct rule_values commands = {}, result = {};
        int r = rule_vars_expand(&walk->vars, token->value, &commands);

        *ret = RULE_MAYBE;
        if (r >= 0 && commands.n == 1 && !commands.any)
                r = run_program(walk, commands.value[0], &result, ret);
        else
                result.any = true;
        if (r >= 0)
                r = rule_vars_set(&walk->vars, "RESULT", NULL, &result, false);
        if (token->op == RULE_OP_NOMATCH)
                *ret = inverse(*ret);
        return r;
}

static int ask_import(struct rule_walk *walk, const struct rule_token *token, enum rule_truth *ret) {
        (void) token;
        walk->vars.imported = true;
        *ret = RULE_MAYBE;
        return 0;
}

/* ATTRS and its like are asked of the block itself: above it there is nothing but the folder of all blocks. */
static int ask(struct rule_walk *walk, const struct rule_token *token, enum rule_truth *ret) {
        if (has_key(token, "ATTR") || has_key(token, "ATTRS"))
                return ask_attribute(walk, token, ret);
        if (has_key(token, "SYSCTL") || has_key(token, "TAG") || has_key(token, "TAGS")) {
                *ret = RULE_MAYBE;
                return 0;
        }
        return ask_variable(walk, token, ret);
}

enum phase {
        PHASE_DEVICE,
        PHASE_TEST,
        PHASE_PROGRAM,
        PHASE_IMPORT,
        PHASE_RESULT,
        _PHASE_MAX,
};

/* udevd sorts what a line asks by kind before it asks. */
static enum phase phase_of(const struct rule_token *token) {
        if (has_key(token, "TEST"))
                return PHASE_TEST;
        if (has_key(token, "PROGRAM"))
                return PHASE_PROGRAM;
        if (has_key(token, "IMPORT"))
                return PHASE_IMPORT;
        return has_key(token, "RESULT") ? PHASE_RESULT : PHASE_DEVICE;
}

static bool asks(const struct rule_token *token) {
        return token->op == RULE_OP_MATCH || token->op == RULE_OP_NOMATCH || has_key(token, "PROGRAM") || has_key(token, "IMPORT") || has_key(token, "RESULT") ||
               has_key(token, "TEST");
}

static int ask_in_phase(struct rule_walk *walk, enum phase phase, const struct rule_token *token, enum rule_truth *ret) {
        switch (phase) {
        case PHASE_TEST:
                return ask_path(walk, token, ret);
        case PHASE_PROGRAM:
                return ask_program(walk, token, ret);
        case PHASE_IMPORT:
                return ask_import(walk, token, ret);
        case PHASE_DEVICE:
        case PHASE_RESULT:
        case _PHASE_MAX:
                break;
        }
        return ask(walk, token, ret);
}

/* udevd stops at the first answer that is no: a program behind it does not run. */
int rule_line_holds(struct rule_walk *walk, const struct rule_line *line, enum rule_truth *ret) {
        enum rule_truth all = RULE_YES;

        for (enum phase phase = 0; phase < _PHASE_MAX; phase++)
                for (size_t i = 0; i < line->n && all != RULE_NO; i++) {
                        enum rule_truth one = RULE_MAYBE;
                        int r;

                        if (!asks(&line->token[i]) || phase_of(&line->token[i]) != phase)
                                continue;
                        r = ask_in_phase(walk, phase, &line->token[i], &one);
                        if (r < 0)
                                return r;
                        all = one < all ? one : all;
                }
        *ret = all;
        return 0;
}
