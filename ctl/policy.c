/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl policy`: the keys and rules in force, who brings blocks online and why, and what the kernel's knobs say. */

#include <string.h>

#include "ctl/daemon.h"
#include "ctl/path.h"
#include "ctl/policy-table.h"
#include "ctl/source.h"

struct policy {
        struct ctl_daemon daemon;
        struct mhp_config config;
        struct mhp_text warnings; /* one a line */
        struct mhp_arming arming; /* as it should be */
        struct ctl_knobs knobs;   /* as it is */
        bool has_knobs;
        struct ctl_place_table table;
};

static void policy_done(struct policy *p) {
        ctl_place_table_done(&p->table);
        mhp_text_done(&p->warnings);
        mhp_config_done(&p->config);
        ctl_daemon_done(&p->daemon);
}

/* Where the kernel brings memory online by itself, mhpd tells it where with each arrival: that follows from what is there now. What cannot be read
 * leaves the plan as it begins. */
static void aim(struct ctl *ctl, struct policy *p) {
        _cleanup_map_ struct mhp_map *map = NULL;
        struct mhp_pressure pressure;
        struct mhp_decision d;

        mhp_arming_insist(&p->arming);
        if (mhp_map_scan(ctl_root(ctl), &map) < 0)
                return;
        ctl_pressure_read(ctl, &pressure);
        mhp_policy_expect(map, &p->config, &pressure, MHP_SOURCE_DLPAR, &d);
        (void) mhp_arming_aim(&p->arming, d.want);
}

static int read_policy(struct ctl *ctl, struct policy *p) {
        int r;

        mhp_config_init(&p->config);
        r = ctl_daemon_ask(ctl, &p->daemon);
        if (r != CTL_DONE)
                return r;
        r = p->daemon.running ? ctl_daemon_config(ctl, &p->daemon, &p->config) : ctl_config_read(ctl, &p->config, &p->warnings);
        if (r != CTL_DONE)
                return r;
        for (size_t i = 0; i < p->daemon.n_warnings; i++) {
                mhp_text_add(&p->warnings, p->daemon.warnings[i]);
                mhp_text_add(&p->warnings, "\n");
        }

        p->has_knobs = !ctl->host;
        if (p->has_knobs)
                ctl_knobs_read(ctl, &p->knobs);
        mhp_arming_plan(&p->config, p->knobs.can_arm || !p->has_knobs, &p->arming);
        if (p->knobs.unasked)
                aim(ctl, p);
        r = ctl_place_table_read(ctl, &p->config, &p->table);
        if (r < 0)
                return r;
        return p->warnings.error < 0 ? p->warnings.error : CTL_DONE;
}

static const char *path(const struct policy *p) {
        return p->daemon.running ? p->daemon.path : mhp_path_name(p->arming.path);
}

static const char *path_reason(const struct policy *p) {
        return p->daemon.running ? p->daemon.path_reason : mhp_path_reason_name(p->arming.reason);
}

/* The next warning, as a piece of *rest; false: no more. */
static bool next_warning(const char **rest, const char **ret, size_t *ret_len) {
        if (!*rest || **rest == '\0')
                return false;
        *ret = *rest;
        *ret_len = strcspn(*rest, "\n");
        *rest += *ret_len + ((*rest)[*ret_len] == '\n');
        return true;
}

static void print_keys(struct ctl *ctl, const struct policy *p) {
        const char *section, *key, *preset, *allowed, *last = "";
        struct mhp_text *out = &ctl->out;

        for (size_t i = 0; mhp_config_key(i, &section, &key, &preset, &allowed) == 0; i++) {
                if (strcmp(section, "Rule") == 0)
                        continue;
                if (strcmp(section, last) != 0)
                        mhp_text_printf(out, "\n%s[%s]%s\n", ctl_color_on(ctl, CTL_BOLD), section, ctl_color_off(ctl, CTL_BOLD));
                last = section;
                mhp_text_printf(out, "%s=", key);
                (void) mhp_config_print_value(&p->config, i, out);
                mhp_text_add(out, "\n");
        }
        for (size_t i = 0; i < p->config.n_rules; i++) {
                mhp_text_printf(out, "\n%s[Rule ", ctl_color_on(ctl, CTL_BOLD));
                ctl_add_plain(out, p->config.rules[i].name);
                mhp_text_printf(out, "]%s\n", ctl_color_off(ctl, CTL_BOLD));
                mhp_rule_print(&p->config.rules[i], out);
                mhp_text_add(out, "\n");
        }
}

static void print_knobs(struct ctl *ctl, const struct policy *p) {
        struct mhp_text *out = &ctl->out;

        mhp_text_printf(out, "\n%sKernel%s\n", ctl_color_on(ctl, CTL_BOLD), ctl_color_off(ctl, CTL_BOLD));
        for (enum mhp_knob knob = 0; knob < _MHP_KNOB_MAX; knob++) {
                const char *is = p->knobs.value[knob], *should = p->arming.value[knob];

                mhp_text_printf(out, "%-24s ", mhp_knob_name(knob));
                ctl_add_plain(out, *is ? is : "not there");
                if (*should && strcmp(is, should) != 0)
                        mhp_text_printf(out, " (mhpd sets %s)", should);
                mhp_text_add(out, "\n");
        }
}

static void print_text(struct ctl *ctl, const struct policy *p) {
        const char *rest = p->warnings.data, *warning;
        struct mhp_text *out = &ctl->out;
        size_t len;

        mhp_text_add(out, "path      ");
        ctl_add_plain(out, path(p));
        mhp_text_add(out, ": ");
        ctl_add_plain(out, ctl_path_reason_words(path_reason(p)));
        if (p->daemon.running)
                mhp_text_add(out, "\nread from mhpd\n");
        else
                mhp_text_printf(out, "\nread from the configuration files (%s)\n", p->daemon.absence);
        print_keys(ctl, p);
        if (p->has_knobs)
                print_knobs(ctl, p);
        ctl_place_table_print(ctl, &p->config, &p->table);
        if (rest && *rest)
                mhp_text_printf(out, "\n%sWarnings%s\n", ctl_color_on(ctl, CTL_BOLD), ctl_color_off(ctl, CTL_BOLD));
        while (next_warning(&rest, &warning, &len)) {
                mhp_text_add(out, "  ");
                mhp_text_add_n(out, warning, len);
                mhp_text_add(out, "\n");
        }
}

static int json_keys(struct ctl_json *json, const struct policy *p) {
        const char *section, *key, *preset, *allowed, *last = "";

        ctl_json_open(json, "config", json_type_object);
        for (size_t i = 0; mhp_config_key(i, &section, &key, &preset, &allowed) == 0; i++) {
                _cleanup_text_ struct mhp_text value = {};

                if (strcmp(section, "Rule") == 0)
                        continue;
                if (strcmp(section, last) != 0) {
                        if (*last)
                                ctl_json_close(json);
                        ctl_json_open(json, section, json_type_object);
                }
                last = section;
                (void) mhp_config_print_value(&p->config, i, &value);
                if (value.error < 0)
                        return value.error;
                ctl_json_string(json, key, value.data ? value.data : "");
        }
        if (*last)
                ctl_json_close(json);
        ctl_json_close(json);
        return 0;
}

static void json_rule(struct ctl_json *json, const struct mhp_rule *rule) {
        ctl_json_open(json, NULL, json_type_object);
        ctl_json_string(json, "name", rule->name);
        ctl_json_open(json, "sources", json_type_array);
        for (enum mhp_source source = MHP_SOURCE_UNKNOWN + 1; source < _MHP_SOURCE_MAX; source++)
                if (rule->sources & (1u << source))
                        ctl_json_string(json, NULL, mhp_source_name(source));
        ctl_json_close(json);
        if (rule->nodes.n > 0)
                ctl_json_ranges(json, "nodes", &rule->nodes);
        else
                ctl_json_null(json, "nodes");
        ctl_json_u64(json, "min_size", rule->min_size);
        ctl_json_known_u64(json, "max_size", rule->max_size < UINT64_MAX, rule->max_size);
        ctl_json_string(json, "zone", rule->zone == MHP_WANT_UNSET ? NULL : mhp_want_name(rule->zone));
        ctl_json_string(json, "placement", mhp_memmap_name(rule->placement));
        ctl_json_close(json);
}

static void json_knobs(struct ctl_json *json, const struct policy *p) {
        if (!p->has_knobs) {
                ctl_json_null(json, "knobs");
                return;
        }
        ctl_json_open(json, "knobs", json_type_object);
        for (enum mhp_knob knob = 0; knob < _MHP_KNOB_MAX; knob++) {
                ctl_json_open(json, mhp_knob_name(knob), json_type_object);
                ctl_json_string(json, "value", p->knobs.value[knob][0] ? p->knobs.value[knob] : NULL);
                ctl_json_string(json, "wanted", p->arming.value[knob][0] ? p->arming.value[knob] : NULL);
                ctl_json_close(json);
        }
        ctl_json_close(json);
}

static int print_json(struct ctl *ctl, const struct policy *p) {
        _cleanup_json_ struct ctl_json json = { .out = &ctl->out };
        int r;

        ctl_json_stream(&json, NULL, json_type_object);
        ctl_json_string(&json, "from", p->daemon.running ? "mhpd" : "files");
        ctl_json_string(&json, "path", path(p));
        ctl_json_string(&json, "path_reason", path_reason(p));
        ctl_json_string(&json, "path_words", ctl_path_reason_words(path_reason(p)));
        r = json_keys(&json, p);
        if (r < 0)
                return r;
        ctl_json_stream(&json, "rules", json_type_array);
        for (size_t i = 0; i < p->config.n_rules; i++)
                json_rule(&json, &p->config.rules[i]);
        ctl_json_close(&json);
        json_knobs(&json, p);
        ctl_place_table_json(&json, "memmap_policy", &p->config, &p->table);
        ctl_json_lines(&json, "warnings", p->warnings.data ? p->warnings.data : "");
        ctl_json_close(&json);
        return CTL_DONE;
}

int verb_policy(struct ctl *ctl) {
        _cleanup_(policy_done) struct policy policy = {};
        int r;

        r = read_policy(ctl, &policy);
        if (r != CTL_DONE)
                return r;
        if (ctl_given(ctl, CTL_OPT_JSON))
                return print_json(ctl, &policy);
        print_text(ctl, &policy);
        return CTL_DONE;
}
