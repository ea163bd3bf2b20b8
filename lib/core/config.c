/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The key table: section, key, type, where the value lies, default, what is allowed. Sample file, manual page,
 * completion and parser all follow it. */

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/units.h"
#include "core/config.h"

enum key_type {
        KEY_BY,
        KEY_ZONE,
        KEY_RATIO,
        KEY_BOOL,
        KEY_PERCENT,
        KEY_TIMEOUT,
        KEY_COUNT,
        KEY_ON_FAILURE,
        KEY_DRIFT,
        KEY_MEMMAP,
        KEY_SOURCES,
        KEY_NODES,
        KEY_SIZE,
        KEY_UNIT,
};

struct key {
        const char *section;
        const char *key;
        enum key_type type;
        size_t offset; /* into struct mhp_config, or into struct mhp_rule for a [Rule] */
        const char *preset;
        const char *allowed;
};

#define RULE "Rule"
#define ZONES "auto, movable, kernel or none"
#define SECTIONS "[Online], [Memmap], [Teardown] or [Rule NAME] with a name of 1 to 44 bytes"
#define PLACEMENTS "auto, dram, self or force"
#define TIMES "a time from 1s to 1h, such as 30, 90s or 5min"
#define UNITS "the name of a service or target, such as kdump.service, or nothing"
#define SIZES "a size, such as 512M, 2G or 2GiB, without a blank"

static const struct key keys[] = {
        { "Online", "By", KEY_BY, offsetof(struct mhp_config, by), "auto", "auto, kernel or mhpd" },
        { "Online", "Zone", KEY_ZONE, offsetof(struct mhp_config, zone), "auto", ZONES },
        { "Online", "MovableRatio", KEY_RATIO, offsetof(struct mhp_config, movable_ratio), "301", "a percentage from 0 to 100000" },
        { "Online", "NumaAware", KEY_BOOL, offsetof(struct mhp_config, numa_aware), "yes", "yes or no (or true, on, 1, false, off, 0)" },
        { "Online", "KernelHeadroom", KEY_PERCENT, offsetof(struct mhp_config, kernel_headroom), "5%", "a percentage from 0% to 100%" },
        { "Online", "SettledUnit", KEY_UNIT, offsetof(struct mhp_config, settled_unit), "", UNITS },
        { "Memmap", "Placement", KEY_MEMMAP, offsetof(struct mhp_config, placement), "auto", PLACEMENTS },
        { "Teardown", "OfflineTimeoutSec", KEY_TIMEOUT, offsetof(struct mhp_config, offline_timeout), "30", TIMES },
        { "Teardown", "Attempts", KEY_COUNT, offsetof(struct mhp_config, attempts), "5", "a number from 1 to 100" },
        { "Teardown", "RetryMaxSec", KEY_TIMEOUT, offsetof(struct mhp_config, retry_max), "60", TIMES },
        { "Teardown", "OnFailure", KEY_ON_FAILURE, offsetof(struct mhp_config, on_failure), "restore", "restore or keep" },
        { "Teardown", "Drift", KEY_DRIFT, offsetof(struct mhp_config, drift), "repair", "repair or report" },
        { RULE, "Source", KEY_SOURCES, offsetof(struct mhp_rule, sources), "", "boot, acpi, virtio-mem, dax, hyperv, xen or other, several with commas" },
        { RULE, "Node", KEY_NODES, offsetof(struct mhp_rule, nodes), "", "node numbers from 0 to 1023, such as 1 or 0,2-3" },
        { RULE, "MinSize", KEY_SIZE, offsetof(struct mhp_rule, min_size), "", SIZES },
        { RULE, "MaxSize", KEY_SIZE, offsetof(struct mhp_rule, max_size), "", SIZES },
        { RULE, "Zone", KEY_ZONE, offsetof(struct mhp_rule, zone), "", ZONES },
        { RULE, "Placement", KEY_MEMMAP, offsetof(struct mhp_rule, placement), "", PLACEMENTS },
};

static const char *const by_names[_MHP_BY_MAX] = {
        [MHP_BY_AUTO] = "auto",
        [MHP_BY_KERNEL] = "kernel",
        [MHP_BY_MHPD] = "mhpd",
};

static const char *const on_failure_names[_MHP_ON_FAILURE_MAX] = {
        [MHP_ON_FAILURE_RESTORE] = "restore",
        [MHP_ON_FAILURE_KEEP] = "keep",
};

static const char *const drift_names[_MHP_DRIFT_MAX] = {
        [MHP_DRIFT_REPAIR] = "repair",
        [MHP_DRIFT_REPORT] = "report",
};

static const char *const memmap_names[_MHP_MEMMAP_MAX] = {
        [MHP_MEMMAP_AUTO] = "auto",
        [MHP_MEMMAP_DRAM] = "dram",
        [MHP_MEMMAP_SELF] = "self",
        [MHP_MEMMAP_FORCE] = "force",
};

const char *mhp_by_name(enum mhp_by by) {
        return (unsigned) by < _MHP_BY_MAX ? by_names[by] : NULL;
}

const char *mhp_on_failure_name(enum mhp_on_failure on_failure) {
        return (unsigned) on_failure < _MHP_ON_FAILURE_MAX ? on_failure_names[on_failure] : NULL;
}

const char *mhp_drift_name(enum mhp_drift drift) {
        return (unsigned) drift < _MHP_DRIFT_MAX ? drift_names[drift] : NULL;
}

const char *mhp_memmap_name(enum mhp_memmap memmap) {
        return (unsigned) memmap < _MHP_MEMMAP_MAX ? memmap_names[memmap] : NULL;
}

static int name_parse(const char *const *names, size_t n, const char *s, unsigned *ret) {
        for (size_t i = 0; i < n; i++)
                if (names[i] && strcmp(names[i], s) == 0) {
                        *ret = (unsigned) i;
                        return 0;
                }
        return -EINVAL;
}

static int sources_parse(const char *s, uint32_t *ret) {
        uint32_t sources = 0;

        for (;;) {
                size_t len = strcspn(s, ",");
                enum mhp_source source;
                char word[16];

                if (len == 0 || len >= sizeof(word))
                        return -EINVAL;
                memcpy(word, s, len);
                word[len] = '\0';
                if (mhp_source_parse(word, &source) < 0 || source == MHP_SOURCE_UNKNOWN)
                        return -EINVAL;
                sources |= UINT32_C(1) << source;
                if (s[len] == '\0')
                        break;
                s += len + 1;
                s += strspn(s, " ");
        }
        *ret = sources;
        return 0;
}

static int nodes_parse(const char *s, struct mhp_ranges *nodes) {
        _cleanup_ranges_ struct mhp_ranges parsed = { 0 };

        /* The ranges parser also takes the names of memory blocks; a node has no such name. */
        if (strspn(s, "0123456789,-") != strlen(s))
                return -EINVAL;
        int r = mhp_ranges_parse(s, &parsed);
        if (r < 0)
                return r;
        if (parsed.n == 0 || parsed.range[parsed.n - 1].last > 1023)
                return -EINVAL;

        mhp_ranges_done(nodes);
        *nodes = parsed;
        parsed = (struct mhp_ranges) { 0 };
        return 0;
}

/* A plain name or one with an instance: no template, no path, nothing that systemd would have to escape. */
static int unit_parse(const char *s, char ret[static MHP_UNIT_NAME_MAX]) {
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";
        size_t len = strlen(s), stem = len;

        for (const char *const *suffix = (const char *const[]) { ".service", ".target", NULL }; *suffix; suffix++)
                if (len > strlen(*suffix) && strcmp(s + len - strlen(*suffix), *suffix) == 0)
                        stem = len - strlen(*suffix);
        if (len > 0 && (stem == len || len >= MHP_UNIT_NAME_MAX || strspn(s, allowed) != len || *s == '@' || s[stem - 1] == '@'))
                return -EINVAL;
        memcpy(ret, s, len + 1);
        return 0;
}

static int timeout_parse(const char *s, uint64_t *ret) {
        uint64_t usec;
        int r = mhp_parse_usec(s, &usec);

        if (r < 0)
                return r;
        if (usec < USEC_PER_SEC || usec > 3600 * USEC_PER_SEC)
                return -ERANGE;
        *ret = usec;
        return 0;
}

static int count_parse(const char *s, unsigned *ret) {
        uint32_t v;
        int r = mhp_parse_u32(s, &v);

        if (r < 0)
                return r;
        if (v < 1 || v > 100)
                return -ERANGE;
        *ret = v;
        return 0;
}

static int enum_parse(const struct key *key, const char *value, void *p) {
        unsigned v;

        switch (key->type) {
        case KEY_BY:
                if (name_parse(by_names, ELEMENTSOF(by_names), value, &v) < 0)
                        return -EINVAL;
                *(enum mhp_by *) p = (enum mhp_by) v;
                return 0;
        case KEY_ON_FAILURE:
                if (name_parse(on_failure_names, ELEMENTSOF(on_failure_names), value, &v) < 0)
                        return -EINVAL;
                *(enum mhp_on_failure *) p = (enum mhp_on_failure) v;
                return 0;
        case KEY_DRIFT:
                if (name_parse(drift_names, ELEMENTSOF(drift_names), value, &v) < 0)
                        return -EINVAL;
                *(enum mhp_drift *) p = (enum mhp_drift) v;
                return 0;
        case KEY_MEMMAP:
                if (name_parse(memmap_names, ELEMENTSOF(memmap_names), value, &v) < 0)
                        return -EINVAL;
                *(enum mhp_memmap *) p = (enum mhp_memmap) v;
                return 0;
        case KEY_ZONE:
                return mhp_want_parse(value, p);
        case KEY_RATIO:
        case KEY_BOOL:
        case KEY_PERCENT:
        case KEY_TIMEOUT:
        case KEY_COUNT:
        case KEY_SOURCES:
        case KEY_NODES:
        case KEY_SIZE:
        case KEY_UNIT:
                break;
        }
        return -EINVAL;
}

static int value_parse(const struct key *key, const char *value, void *p) {
        switch (key->type) {
        case KEY_BY:
        case KEY_ON_FAILURE:
        case KEY_DRIFT:
        case KEY_MEMMAP:
        case KEY_ZONE:
                return enum_parse(key, value, p);
        case KEY_RATIO:
                return mhp_parse_percent(value, 100000, p);
        case KEY_PERCENT:
                return mhp_parse_percent(value, 100, p);
        case KEY_BOOL:
                return mhp_parse_bool(value, p);
        case KEY_TIMEOUT:
                return timeout_parse(value, p);
        case KEY_COUNT:
                return count_parse(value, p);
        case KEY_SOURCES:
                return sources_parse(value, p);
        case KEY_NODES:
                return nodes_parse(value, p);
        case KEY_SIZE:
                return mhp_parse_size(value, p);
        case KEY_UNIT:
                return unit_parse(value, p);
        }
        return -EINVAL;
}

void mhp_config_init(struct mhp_config *config) {
        *config = (struct mhp_config) { 0 };

        /* Presets are constants of a form that cannot fail, and hold no [Rule] key. */
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (strcmp(keys[i].section, RULE) != 0)
                        (void) value_parse(&keys[i], keys[i].preset, (char *) config + keys[i].offset);
}

void mhp_config_done(struct mhp_config *config) {
        for (size_t i = 0; i < config->n_rules; i++)
                mhp_ranges_done(&config->rules[i].nodes);
        free(config->rules);
        *config = (struct mhp_config) { 0 };
}

static const struct key *key_find(const char *section, const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].key, name) == 0)
                        return &keys[i];
        return NULL;
}

static int rule_obtain(struct mhp_config *config, const char *name, struct mhp_rule **ret) {
        for (size_t i = 0; i < config->n_rules; i++)
                if (strcmp(config->rules[i].name, name) == 0) {
                        *ret = &config->rules[i];
                        return 0;
                }
        if (config->n_rules == MHP_RULE_MAX)
                return -E2BIG;

        int r = ARRAY_GROW(config->rules, config->n_rules, config->rules_capacity);
        if (r < 0)
                return r;

        struct mhp_rule *rule = &config->rules[config->n_rules++];
        *rule = (struct mhp_rule) { .max_size = UINT64_MAX };
        memcpy(rule->name, name, strlen(name) + 1);
        *ret = rule;
        return 0;
}

static int rule_set(struct mhp_config *config, const char *name, const struct key *key, const char *value) {
        struct mhp_rule *rule, trial = { .max_size = UINT64_MAX };

        /* Tried on a rule of its own first, so that a bad value does not leave an empty rule behind: one that matches everything. */
        int r = value_parse(key, value, (char *) &trial + key->offset);
        mhp_ranges_done(&trial.nodes);
        if (r < 0)
                return r;

        r = rule_obtain(config, name, &rule);
        if (r < 0)
                return r;
        return value_parse(key, value, (char *) rule + key->offset);
}

bool mhp_config_limits(const char *key) {
        const struct key *k = key_find(RULE, key);

        return !k || k->type == KEY_SOURCES || k->type == KEY_NODES || k->type == KEY_SIZE;
}

void mhp_config_drop_rule(struct mhp_config *config, size_t i) {
        mhp_ranges_done(&config->rules[i].nodes);
        config->n_rules--;
        memmove(&config->rules[i], &config->rules[i + 1], (config->n_rules - i) * sizeof(*config->rules));
}

static int rule_section(const char *section, const char **ret_name) {
        size_t n = strlen(RULE);

        if (strncmp(section, RULE " ", n + 1) != 0)
                return -ENOENT;
        const char *name = section + n + 1;
        name += strspn(name, " ");
        if (*name == '\0' || strlen(name) >= MHP_RULE_NAME_MAX)
                return -ENOENT;
        *ret_name = name;
        return 0;
}

static const char *allowed_keys(const char *section, bool rule) {
        if (rule)
                return "Source, Node, MinSize, MaxSize, Zone or Placement";
        if (strcmp(section, "Online") == 0)
                return "By, Zone, MovableRatio, NumaAware, KernelHeadroom or SettledUnit";
        if (strcmp(section, "Memmap") == 0)
                return "Placement";
        if (strcmp(section, "Teardown") == 0)
                return "OfflineTimeoutSec, Attempts, RetryMaxSec, OnFailure or Drift";
        return NULL;
}

int mhp_config_section(const char *section, const char **ret_rule, const char **ret_allowed) {
        const char *name = NULL;

        if (rule_section(section, &name) < 0 && !allowed_keys(section, false)) {
                *ret_allowed = SECTIONS;
                return -ENOENT;
        }
        *ret_rule = name;
        return 0;
}

int mhp_config_set(struct mhp_config *config, const char *section, const char *key, const char *value, const char **ret_allowed) {
        const char *rule_name = NULL;
        bool rule = rule_section(section, &rule_name) == 0;
        const struct key *k = rule || strcmp(section, RULE) != 0 ? key_find(rule ? RULE : section, key) : NULL;
        int r;

        if (!k) {
                const char *known = allowed_keys(section, rule);
                *ret_allowed = known ? known : SECTIONS;
                return -ENOENT;
        }

        r = rule ? rule_set(config, rule_name, k, value) : value_parse(k, value, (char *) config + k->offset);
        if (r == -ENOMEM)
                return r;
        if (r == -E2BIG) {
                *ret_allowed = "at most 250 rules";
                return r;
        }
        if (r < 0) {
                *ret_allowed = k->allowed;
                return -EINVAL;
        }
        return 0;
}

int mhp_config_key(size_t i, const char **ret_section, const char **ret_key, const char **ret_default, const char **ret_allowed) {
        if (i >= ELEMENTSOF(keys))
                return -ENOENT;

        *ret_section = keys[i].section;
        *ret_key = keys[i].key;
        *ret_default = keys[i].preset;
        *ret_allowed = keys[i].allowed;
        return 0;
}

static void usec_print(uint64_t usec, struct mhp_text *text) {
        mhp_text_u64(text, usec % USEC_PER_SEC == 0 ? usec / USEC_PER_SEC : usec / USEC_PER_MSEC);
        if (usec % USEC_PER_SEC != 0)
                mhp_text_add(text, "ms");
}

int mhp_config_print_value(const struct mhp_config *config, size_t i, struct mhp_text *text) {
        if (i >= ELEMENTSOF(keys) || strcmp(keys[i].section, RULE) == 0)
                return -ENOENT;

        const void *p = (const char *) config + keys[i].offset;

        switch (keys[i].type) {
        case KEY_BY:
                mhp_text_add(text, mhp_by_name(*(const enum mhp_by *) p));
                break;
        case KEY_ZONE:
                mhp_text_add(text, mhp_want_name(*(const enum mhp_want *) p));
                break;
        case KEY_ON_FAILURE:
                mhp_text_add(text, mhp_on_failure_name(*(const enum mhp_on_failure *) p));
                break;
        case KEY_DRIFT:
                mhp_text_add(text, mhp_drift_name(*(const enum mhp_drift *) p));
                break;
        case KEY_MEMMAP:
                mhp_text_add(text, mhp_memmap_name(*(const enum mhp_memmap *) p));
                break;
        case KEY_BOOL:
                mhp_text_add(text, *(const bool *) p ? "yes" : "no");
                break;
        case KEY_RATIO:
        case KEY_COUNT:
                mhp_text_u64(text, *(const unsigned *) p);
                break;
        case KEY_PERCENT:
                mhp_text_printf(text, "%u%%", *(const unsigned *) p);
                break;
        case KEY_TIMEOUT:
                usec_print(*(const uint64_t *) p, text);
                break;
        case KEY_UNIT:
                mhp_text_add(text, p);
                break;
        case KEY_SOURCES:
        case KEY_NODES:
        case KEY_SIZE:
                break;
        }
        return 0;
}

void mhp_rule_print(const struct mhp_rule *rule, struct mhp_text *text) {
        const char *gap = "";
        const char *comma = "source=";
        char size[MHP_SIZE_MAX];

        for (unsigned i = 0; i < _MHP_SOURCE_MAX; i++)
                if (rule->sources >> i & 1) {
                        mhp_text_printf(text, "%s%s", comma, mhp_source_name((enum mhp_source) i));
                        comma = ",";
                        gap = " ";
                }
        if (rule->nodes.n > 0) {
                mhp_text_printf(text, "%snode=", gap);
                mhp_ranges_print(&rule->nodes, text);
                gap = " ";
        }
        if (rule->min_size > 0) {
                mhp_text_printf(text, "%smin-size=%s", gap, mhp_format_size(size, rule->min_size));
                gap = " ";
        }
        if (rule->max_size < UINT64_MAX) {
                mhp_text_printf(text, "%smax-size=%s", gap, mhp_format_size(size, rule->max_size));
                gap = " ";
        }
        if (rule->zone != MHP_WANT_UNSET) {
                mhp_text_printf(text, "%szone=%s", gap, mhp_want_name(rule->zone));
                gap = " ";
        }
        if (rule->placement != MHP_MEMMAP_UNSET)
                mhp_text_printf(text, "%splacement=%s", gap, mhp_memmap_name(rule->placement));
}

uint64_t mhp_config_backoff(const struct mhp_config *config, unsigned failures) {
        return MIN(USEC_PER_SEC << MIN(failures, 20u), config->retry_max);
}
