/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libinih splits lines into keys and values and keeps the section. Before that conf-line.c looks at each line, and an empty line stands
 * in for one that cannot be used. */

#include "edge/conf-text.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "edge/conf-line.h"
#include "edge/conf-warning.h"

#define FILE_MAX ((size_t) 256 << 10)

void mhp_conf_reading_done(struct mhp_conf_reading *reading) {
        for (size_t i = 0; i < reading->n_rules; i++)
                free(reading->rule[i].where);
        free(reading->rule);
        free(reading->promise);
        *reading = (struct mhp_conf_reading) { 0 };
}

struct parse {
        struct mhp_conf_reading *reading;
        struct mhp_conf_warnings *warnings;
        const char *name;
        const char *p, *end;
        unsigned line;     /* of the text handed out last; the reader is called once a line, before the handler */
        char section[64];  /* the one that the line is in */
        const char *rule;  /* into section; NULL: it is no [Rule] */
        bool skip;         /* the section is not used */
        int error;
};

static struct mhp_conf_rule *rule_find(const struct mhp_conf_reading *reading, const char *name) {
        for (size_t i = 0; i < reading->n_rules; i++)
                if (strcmp(reading->rule[i].name, name) == 0)
                        return &reading->rule[i];
        return NULL;
}

static int rule_begin(struct parse *parse) {
        struct mhp_conf_reading *reading = parse->reading;
        struct mhp_conf_rule *rule = rule_find(reading, parse->rule);
        int r;

        if (rule && rule->text == reading->texts)
                return mhp_conf_warn(parse->warnings, "%s:%u: second [Rule %s]: expected a name of its own; both are one rule, at the place of the first",
                                     parse->name, parse->line, parse->rule);
        if (rule)
                return 0;
        r = ARRAY_GROW(reading->rule, reading->n_rules, reading->rules_capacity);
        if (r < 0)
                return r;
        rule = &reading->rule[reading->n_rules];
        *rule = (struct mhp_conf_rule) { .text = reading->texts };
        memcpy(rule->name, parse->rule, strlen(parse->rule) + 1);
        if (asprintf(&rule->where, "%s:%u", parse->name, parse->line) < 0)
                return -ENOMEM;
        reading->n_rules++;
        return 0;
}

static int section_begin(struct parse *parse, const struct mhp_conf_line *line) {
        const char *expected;

        memcpy(parse->section, line->piece, line->len);
        parse->section[line->len] = '\0';
        parse->rule = NULL;
        parse->skip = mhp_config_section(parse->section, &parse->rule, &expected) < 0;
        if (parse->skip)
                return mhp_conf_warn(parse->warnings, "%s:%u: unknown section [%s]: expected %s; the section is not used", parse->name, parse->line,
                                     parse->section, expected);
        return parse->rule ? rule_begin(parse) : 0;
}

/* The name stands where the section line was that could not be read. */
static int section_bad(struct parse *parse, const struct mhp_conf_line *line) {
        parse->skip = true;
        parse->rule = NULL;
        return mhp_conf_warn(parse->warnings, "%s:%u: invalid line \"%.*s\": expected %s; the section is not used", parse->name, parse->line,
                             (int) MIN(line->len, (size_t) 60), line->piece, line->expected);
}

static const char *spoil(struct parse *parse) {
        if (!parse->rule)
                return "the line";
        rule_find(parse->reading, parse->rule)->spoiled = true;
        return "the rule";
}

static int line_bad(struct parse *parse, const struct mhp_conf_line *line) {
        if (parse->skip)
                return 0;
        return mhp_conf_warn(parse->warnings, "%s:%u: invalid line \"%.*s\": expected %s; %s is not used", parse->name, parse->line,
                             (int) MIN(line->len, (size_t) 60), line->piece, line->expected, spoil(parse));
}

/* libinih is told only of lines that it understands as this file does: a section with its brackets, a key, or an empty line. */
static void hand_out(const struct parse *parse, const struct mhp_conf_line *line, char *buf, int size) {
        switch (line->kind) {
        case MHP_CONF_SECTION:
                (void) snprintf(buf, (size_t) size, "[%.*s]\n", (int) line->len, line->piece);
                return;
        case MHP_CONF_KEY:
                if (parse->skip)
                        break;
                (void) snprintf(buf, (size_t) size, "%.*s\n", (int) line->len, line->piece);
                return;
        case MHP_CONF_BLANK:
        case MHP_CONF_BAD_SECTION:
        case MHP_CONF_BAD:
                break;
        }
        (void) snprintf(buf, (size_t) size, "\n");
}

static int look(struct parse *parse, const struct mhp_conf_line *line) {
        switch (line->kind) {
        case MHP_CONF_SECTION:
                return section_begin(parse, line);
        case MHP_CONF_BAD_SECTION:
                return section_bad(parse, line);
        case MHP_CONF_BAD:
                return line_bad(parse, line);
        case MHP_CONF_BLANK:
        case MHP_CONF_KEY:
                break;
        }
        return 0;
}

static char *next_line(char *buf, int size, void *userdata) {
        struct parse *parse = userdata;
        const char *newline, *stop;
        struct mhp_conf_line line;

        if (parse->p >= parse->end || parse->error < 0)
                return NULL;
        newline = memchr(parse->p, '\n', (size_t) (parse->end - parse->p));
        stop = newline ? newline : parse->end;
        line = mhp_conf_line(parse->p, (size_t) (stop - parse->p));
        parse->line++;
        parse->p = newline ? newline + 1 : parse->end;
        parse->error = look(parse, &line);
        if (parse->error < 0)
                return NULL;
        hand_out(parse, &line, buf, size);
        return buf;
}

static int promise(struct mhp_conf_reading *reading, const char *section, const char *key) {
        const char *s, *k, *preset, *allowed;
        int r;

        /* Only the first hundred warnings are kept. */
        if (reading->warnings->full)
                return 0;
        r = ARRAY_GROW(reading->promise, reading->n_promises, reading->promises_capacity);
        if (r < 0)
                return r;
        for (size_t i = 0; mhp_config_key(i, &s, &k, &preset, &allowed) >= 0; i++)
                if (strcmp(s, section) == 0 && strcmp(k, key) == 0)
                        reading->promise[reading->n_promises++] = (struct mhp_conf_promise) { .warning = reading->warnings->n - 1, .key = i };
        return 0;
}

static int value_bad(struct parse *parse, const char *name, const char *value, const char *allowed) {
        bool rule = parse->rule && mhp_config_limits(name);
        int r = mhp_conf_warn(parse->warnings, "%s:%u: invalid %s \"%.60s\": expected %s%s", parse->name, parse->line, name, value, allowed,
                              rule        ? "; the rule is not used" :
                              parse->rule ? "; the line is not used" :
                                            "");

        if (rule)
                (void) spoil(parse);
        return r < 0 || parse->rule ? r : promise(parse->reading, parse->section, name);
}

static int key_unknown(struct parse *parse, const char *name, const char *allowed) {
        if (*parse->section == '\0')
                return mhp_conf_warn(parse->warnings, "%s:%u: %.60s= before any section: expected %s first; the line is not used", parse->name,
                                     parse->line, name, allowed);
        return mhp_conf_warn(parse->warnings, "%s:%u: unknown key \"%.60s\" in [%s]: expected %s; %s is not used", parse->name, parse->line, name,
                             parse->section, allowed, spoil(parse));
}

static int set_key(void *userdata, const char *section, const char *name, const char *value) {
        struct parse *parse = userdata;
        const char *allowed = "";
        int r = mhp_config_set(parse->reading->config, section, name, value, &allowed);

        if (r == -ENOENT)
                r = key_unknown(parse, name, allowed);
        else if (r == -E2BIG)
                r = mhp_conf_warn(parse->warnings, "%s:%u: one rule more: expected %s; %s is not used", parse->name, parse->line, allowed, spoil(parse));
        else if (r < 0 && r != -ENOMEM)
                r = value_bad(parse, name, value, allowed);
        if (r < 0)
                parse->error = r;
        return 1;
}

static int check_text(struct mhp_conf_warnings *warnings, const char *name, const char *text, size_t len) {
        size_t valid = len <= FILE_MAX ? mhp_utf8_valid(text, len) : 0;
        unsigned line = 1;

        if (len > FILE_MAX)
                return mhp_conf_lose(warnings, "%s: %zu bytes: expected at most %zu; the file is not used", name, len, FILE_MAX);
        if (valid == len)
                return MHP_CONF_READ;
        for (size_t i = 0; i < valid; i++)
                line += text[i] == '\n';
        return mhp_conf_lose(warnings, "%s:%u: a byte 0x%02x that is no text: expected UTF-8 without NUL; the file is not used", name, line,
                             (unsigned char) text[valid]);
}

int mhp_conf_read(struct mhp_conf_reading *reading, const char *name, const char *text, size_t len) {
        struct parse parse = { .reading = reading, .warnings = reading->warnings, .name = name, .p = text, .end = text + len };
        int r = check_text(reading->warnings, name, text, len);

        if (r != MHP_CONF_READ)
                return r;
        reading->texts++;
        if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
                parse.p += 3;

        /* Neither a line that cannot be read nor the end for an error of ours is news here. */
        r = ini_parse_stream(next_line, &parse, set_key, &parse);
        if (parse.error < 0)
                return parse.error;
        return r == -2 ? -ENOMEM : MHP_CONF_READ;
}

static int keep_promises(struct mhp_conf_reading *reading) {
        for (size_t i = 0; i < reading->n_promises; i++) {
                _cleanup_text_ struct mhp_text value = { 0 };
                const char *section, *key, *preset, *allowed;
                int r = mhp_config_key(reading->promise[i].key, &section, &key, &preset, &allowed);

                if (r >= 0)
                        r = mhp_config_print_value(reading->config, reading->promise[i].key, &value);
                if (r >= 0)
                        r = value.error;
                const char *now = value.data ? value.data : "";
                if (r >= 0)
                        r = mhp_conf_warn_more(reading->warnings, reading->promise[i].warning, "; %s=%s is in force%s", key, now,
                                               strcmp(now, preset) == 0 ? ", the default" : "");
                if (r < 0)
                        return r;
        }
        return 0;
}

static size_t config_find(const struct mhp_config *config, const char *name) {
        size_t i = 0;

        while (i < config->n_rules && strcmp(config->rules[i].name, name) != 0)
                i++;
        return i;
}

static int check_rule(struct mhp_conf_reading *reading, const struct mhp_conf_rule *rule, size_t i) {
        const struct mhp_config *config = reading->config;
        size_t by;

        switch (mhp_rule_check(config, i, &by)) {
        case MHP_RULE_FAULT_NONE:
                return 0;
        case MHP_RULE_FAULT_SIZES:
                return mhp_conf_warn(reading->warnings, "%s: [Rule %s] fits nothing: expected a MaxSize above 0 and not below MinSize", rule->where,
                                     rule->name);
        case MHP_RULE_FAULT_COVERED:
                return mhp_conf_warn(reading->warnings, "%s: [Rule %s] is never asked: expected it before [Rule %s], which fits all that it fits",
                                     rule->where, rule->name, config->rules[by].name);
        }
        return 0;
}

static int check_rules(struct mhp_conf_reading *reading) {
        int r = 0;

        for (size_t k = 0; k < reading->n_rules && r >= 0; k++) {
                const struct mhp_conf_rule *rule = &reading->rule[k];
                size_t i = config_find(reading->config, rule->name);

                if (rule->spoiled)
                        continue;
                if (i < reading->config->n_rules)
                        r = check_rule(reading, rule, i);
                else
                        r = mhp_conf_warn(reading->warnings, "%s: [Rule %s] has no key that can be used: expected Zone= or Placement=, and what they are for; the rule is not used",
                                          rule->where, rule->name);
        }
        return r;
}

int mhp_conf_finish(struct mhp_conf_reading *reading) {
        int r;

        for (size_t k = 0; k < reading->n_rules; k++) {
                size_t i = config_find(reading->config, reading->rule[k].name);

                if (reading->rule[k].spoiled && i < reading->config->n_rules)
                        mhp_config_drop_rule(reading->config, i);
        }
        r = keep_promises(reading);
        return r < 0 ? r : check_rules(reading);
}
