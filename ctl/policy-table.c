/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/policy-table.h"

#include <errno.h>
#include <string.h>

#include "api/table.h"
#include "ctl/source.h"
#include "edge/place-table.h"

int ctl_place_table_read(const struct ctl *ctl, const struct mhp_config *config, struct ctl_place_table *ret) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        _cleanup_map_ struct mhp_map *map = NULL;
        struct ctl_place_table table = {};
        int r = ctl->host ? -EREMOTE : mhp_root_open(ctl_root(ctl), &root);

        if (r >= 0)
                r = mhp_map_scan(ctl_root(ctl), &map);
        if (r >= 0)
                r = mhp_table_for(&root, map, config, &table.table);
        if (r == -ENOMEM)
                return r;
        table.known = r >= 0;
        if (table.known && mhp_place_table_read(&root, &table.now) < 0)
                table.now = NULL;
        *ret = table;
        return 0;
}

void ctl_place_table_done(struct ctl_place_table *table) {
        mhp_table_done(&table->table);
        free(table->now);
        *table = (struct ctl_place_table) {};
}

static const char *wanted(const struct ctl_place_table *table) {
        return table->table.text.data ? table->table.text.data : "";
}

static const struct mhp_table_verdict *verdict_at(const struct ctl_place_table *table, const struct mhp_config *config, size_t i) {
        return i < config->n_rules ? &table->table.rule[i] : &table->table.memmap;
}

static bool is_missing(const struct mhp_table_verdict *verdict) {
        return verdict->reason != MHP_TABLE_REASON_NONE && verdict->reason != MHP_TABLE_REASON_UNNEEDED;
}

static bool any_missing(const struct ctl_place_table *table, const struct mhp_config *config) {
        for (size_t i = 0; i <= config->n_rules; i++)
                if (is_missing(verdict_at(table, config, i)))
                        return true;
        return false;
}

static void print_lines(struct mhp_text *out, const char *indent, const char *text) {
        _cleanup_text_ struct mhp_text line = {};

        for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
                line.len = 0;
                mhp_text_add_n(&line, p, strcspn(p, "\n"));
                mhp_text_add(out, indent);
                ctl_add_plain(out, line.data ? line.data : "");
                mhp_text_add(out, "\n");
        }
}

static void print_missing(struct mhp_text *out, const struct mhp_config *config, size_t i, const struct mhp_table_verdict *verdict) {
        if (i < config->n_rules) {
                mhp_text_add(out, "[Rule ");
                ctl_add_plain(out, config->rules[i].name);
                mhp_text_add(out, "]");
        } else {
                mhp_text_add(out, "[Memmap]");
        }
        mhp_text_printf(out, " is not %s in it: %s\n", verdict->n_lines > 0 ? "all" : "expressible", mhp_table_reason_words(verdict->reason));
}

void ctl_place_table_print(struct ctl *ctl, const struct mhp_config *config, const struct ctl_place_table *table) {
        struct mhp_text *out = &ctl->out;
        const char *text = wanted(table);

        if (!table->known || (!table->now && !*text && !any_missing(table, config)))
                return;
        mhp_text_printf(out, "\n%sPlacement table%s\n", ctl_color_on(ctl, CTL_BOLD), ctl_color_off(ctl, CTL_BOLD));
        if (!table->now)
                mhp_text_printf(out, "this kernel has none%s\n", *text ? "; it would say" : "");
        else if (!*text)
                mhp_text_printf(out, "mhpd leaves it alone; it %s\n", *table->now ? "says" : "is empty");
        print_lines(out, "", *text ? text : table->now ? table->now : "");
        if (table->now && *text && !mhp_table_same(text, table->now)) {
                mhp_text_printf(out, "mhpd sets this; now it %s\n", *table->now ? "says" : "is empty");
                print_lines(out, "  ", table->now);
        }
        for (size_t i = 0; i <= config->n_rules; i++)
                if (is_missing(verdict_at(table, config, i)))
                        print_missing(out, config, i, verdict_at(table, config, i));
}

static void json_rule(struct ctl_json *json, const char *rule, const struct mhp_table_verdict *verdict) {
        ctl_json_open(json, NULL, json_type_object);
        ctl_json_string(json, "rule", rule);
        ctl_json_u64(json, "lines", verdict->n_lines);
        ctl_json_string(json, "reason", mhp_table_reason_name(verdict->reason));
        ctl_json_string(json, "words", mhp_table_reason_words(verdict->reason));
        ctl_json_close(json);
}

void ctl_place_table_json(struct ctl_json *json, const char *key, const struct mhp_config *config, const struct ctl_place_table *table) {
        if (!table->known) {
                ctl_json_null(json, key);
                return;
        }
        ctl_json_open(json, key, json_type_object);
        ctl_json_bool(json, "offered", table->now);
        if (table->now)
                ctl_json_lines(json, "table", table->now);
        else
                ctl_json_null(json, "table");
        ctl_json_lines(json, "wanted", wanted(table));
        ctl_json_open(json, "rules", json_type_array);
        for (size_t i = 0; i <= config->n_rules; i++)
                json_rule(json, i < config->n_rules ? config->rules[i].name : NULL, verdict_at(table, config, i));
        ctl_json_close(json);
        ctl_json_close(json);
}
