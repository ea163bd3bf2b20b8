/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl policy`: the keys and rules in force, who brings blocks online and why, and what the kernel's knobs say. */

#include <string.h>

#include "ctl/daemon.h"
#include "ctl/path.h"
#include "ctl/policy-table.h"
#include "ctl/source.h"
#include "ctl/words.h"

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

static int json_keys(struct mhp_text *out, const struct policy *p) {
        const char *section, *key, *preset, *allowed, *last = "";

        mhp_text_add(out, ",\n\"config\":{");
        for (size_t i = 0; mhp_config_key(i, &section, &key, &preset, &allowed) == 0; i++) {
                _cleanup_text_ struct mhp_text value = {};
                bool first = strcmp(section, last) != 0;

                if (strcmp(section, "Rule") == 0)
                        continue;
                if (first)
                        mhp_text_printf(out, "%s\"%s\":{", *last ? "}," : "", section);
                last = section;
                (void) mhp_config_print_value(&p->config, i, &value);
                if (value.error < 0)
                        return value.error;
                ctl_json_string(out, first ? "" : ",", key, value.data ? value.data : "");
        }
        mhp_text_add(out, *last ? "}}" : "}");
        return 0;
}

static void json_rule(struct mhp_text *out, const struct mhp_rule *rule) {
        const char *comma = "";

        ctl_json_string(out, "\n{", "name", rule->name);
        mhp_text_add(out, ",\"sources\":[");
        for (enum mhp_source source = MHP_SOURCE_UNKNOWN + 1; source < _MHP_SOURCE_MAX; source++)
                if (rule->sources & (1u << source)) {
                        mhp_text_printf(out, "%s\"%s\"", comma, mhp_source_name(source));
                        comma = ",";
                }
        mhp_text_add(out, "]");
        if (rule->nodes.n > 0)
                ctl_json_ranges(out, ",", "nodes", &rule->nodes);
        else
                ctl_json_string(out, ",", "nodes", NULL);
        ctl_json_u64(out, ",", "min_size", rule->min_size);
        if (rule->max_size == UINT64_MAX)
                ctl_json_string(out, ",", "max_size", NULL);
        else
                ctl_json_u64(out, ",", "max_size", rule->max_size);
        ctl_json_string(out, ",", "zone", rule->zone == MHP_WANT_UNSET ? NULL : mhp_want_name(rule->zone));
        ctl_json_string(out, ",", "placement", mhp_memmap_name(rule->placement));
        mhp_text_add(out, "}");
}

static void json_knobs(struct mhp_text *out, const struct policy *p) {
        if (!p->has_knobs) {
                mhp_text_add(out, ",\n\"knobs\":null");
                return;
        }
        mhp_text_add(out, ",\n\"knobs\":{");
        for (enum mhp_knob knob = 0; knob < _MHP_KNOB_MAX; knob++) {
                mhp_text_printf(out, "%s\"%s\":{", knob > 0 ? "," : "", mhp_knob_name(knob));
                ctl_json_string(out, "", "value", p->knobs.value[knob][0] ? p->knobs.value[knob] : NULL);
                ctl_json_string(out, ",", "wanted", p->arming.value[knob][0] ? p->arming.value[knob] : NULL);
                mhp_text_add(out, "}");
        }
        mhp_text_add(out, "}");
}

static int json_warnings(struct mhp_text *out, const struct policy *p) {
        const char *rest = p->warnings.data, *warning, *comma = "";
        size_t len;

        mhp_text_add(out, ",\n\"warnings\":[");
        while (next_warning(&rest, &warning, &len)) {
                _cleanup_text_ struct mhp_text one = {};

                mhp_text_add_n(&one, warning, len);
                if (one.error < 0)
                        return one.error;
                mhp_text_add(out, comma);
                mhp_text_json(out, one.data);
                comma = ",";
        }
        mhp_text_add(out, "]}\n");
        return 0;
}

static int print_json(struct ctl *ctl, const struct policy *p) {
        struct mhp_text *out = &ctl->out;
        int r;

        ctl_json_string(out, "{", "from", p->daemon.running ? "mhpd" : "files");
        ctl_json_string(out, ",", "path", path(p));
        ctl_json_string(out, ",", "path_reason", path_reason(p));
        ctl_json_string(out, ",", "path_words", ctl_path_reason_words(path_reason(p)));
        r = json_keys(out, p);
        if (r < 0)
                return r;
        mhp_text_add(out, ",\n\"rules\":[");
        for (size_t i = 0; i < p->config.n_rules; i++) {
                mhp_text_add(out, i > 0 ? "," : "");
                json_rule(out, &p->config.rules[i]);
        }
        mhp_text_add(out, "]");
        json_knobs(out, p);
        ctl_place_table_json(out, &p->config, &p->table);
        return json_warnings(out, p);
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
