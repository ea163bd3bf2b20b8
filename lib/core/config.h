/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the administrator wants, and the one table of the keys by which it is said. */

#include "base/text.h"
#include "model/block.h"

enum mhp_by {
        MHP_BY_AUTO,
        MHP_BY_KERNEL,
        MHP_BY_MHPD,
        _MHP_BY_MAX,
};

/* What becomes of memory whose removal is given up. */
enum mhp_on_failure {
        MHP_ON_FAILURE_RESTORE, /* back to the zone that it was in */
        MHP_ON_FAILURE_KEEP,    /* offline, as far as that has come */
        _MHP_ON_FAILURE_MAX,
};

enum mhp_drift {
        MHP_DRIFT_REPAIR,
        MHP_DRIFT_REPORT,
        _MHP_DRIFT_MAX,
};

/* Where the memmap of arriving memory is wanted, as far as that can be chosen. */
enum mhp_memmap {
        MHP_MEMMAP_UNSET, /* in a rule: as [Memmap] says */
        MHP_MEMMAP_AUTO,  /* as the kernel has it, but in the memory itself where the kernel's zones could not bear it */
        MHP_MEMMAP_DRAM,
        MHP_MEMMAP_SELF,
        MHP_MEMMAP_FORCE,
        _MHP_MEMMAP_MAX,
};

#define MHP_UNIT_NAME_MAX 256 /* with the NUL; systemd's own limit */

#define MHP_RULE_MAX 250 /* rule indices are a byte in struct mhp_block */
#define MHP_RULE_NAME_MAX 45 /* with the NUL; libinih keeps 49 bytes of `Rule NAME` */

struct mhp_rule {
        char name[MHP_RULE_NAME_MAX];
        uint32_t sources;         /* bits 1 << enum mhp_source; 0: any */
        struct mhp_ranges nodes;  /* n == 0: any */
        uint64_t min_size, max_size; /* bytes of the group at the time of the decision, both inside; UINT64_MAX: no limit */
        enum mhp_want zone;       /* UNSET: as [Online] says */
        enum mhp_memmap placement;
};

struct mhp_config {
        enum mhp_by by;
        enum mhp_want zone;
        unsigned movable_ratio;   /* percent */
        bool numa_aware;
        unsigned kernel_headroom; /* percent */
        char settled_unit[MHP_UNIT_NAME_MAX]; /* started when a change of memory has settled; empty: none */
        enum mhp_memmap placement;
        uint64_t offline_timeout; /* µs */
        unsigned attempts;
        uint64_t retry_max;       /* µs */
        enum mhp_on_failure on_failure;
        enum mhp_drift drift;
        struct mhp_rule *rules;   /* owned; in file order */
        size_t n_rules, rules_capacity;
};

/* The defaults; cannot fail. */
void mhp_config_init(struct mhp_config *config);
void mhp_config_done(struct mhp_config *config);
#define _cleanup_config_ _cleanup_(mhp_config_done)

/* One `key=value` of a section. `[Rule NAME]` sections come as "Rule NAME"; a rule stands where its name first appears, and
 * a later file may set its keys anew. 0, or -ENOENT: no such section or key, -EINVAL: bad value, -E2BIG: too many rules, -ENOMEM; nothing
 * is changed then and *ret_allowed says in words what is allowed (static). */
int mhp_config_set(struct mhp_config *config, const char *section, const char *key, const char *value, const char **ret_allowed);

/* Is there such a section? *ret_rule is the NAME of a `[Rule NAME]`, NULL for the others. -ENOENT: no, and *ret_allowed says which are. */
int mhp_config_section(const char *section, const char **ret_rule, const char **ret_allowed);

/* Whether a [Rule] for which this key cannot be used fits more than was meant: true for a condition, and for a key that is not known,
 * since that can be a condition in a wrong spelling. */
bool mhp_config_limits(const char *key);

/* Takes rule i out; those behind it move up. */
void mhp_config_drop_rule(struct mhp_config *config, size_t i);

/* What is wrong with rule i although each of its keys is good. */
enum mhp_rule_fault {
        MHP_RULE_FAULT_NONE,
        MHP_RULE_FAULT_SIZES,   /* no size is within MinSize and MaxSize */
        MHP_RULE_FAULT_COVERED, /* all that it fits is decided by rule *ret_by, which is asked before it */
};
enum mhp_rule_fault mhp_rule_check(const struct mhp_config *config, size_t i, size_t *ret_by);

/* The keys, for `mhpctl policy`, completion and the check against sample file and man page. i from 0; -ENOENT: no more. */
int mhp_config_key(size_t i, const char **ret_section, const char **ret_key, const char **ret_default, const char **ret_allowed);

/* The value of key i as the file would have it (not for [Rule] keys: -ENOENT). */
int mhp_config_print_value(const struct mhp_config *config, size_t i, struct mhp_text *text);

/* A rule as one line: `source=acpi node=1 min-size=2G zone=movable`. */
void mhp_rule_print(const struct mhp_rule *rule, struct mhp_text *text);

/* How long to wait before a try after `failures` of them, µs: 1 s, 2 s, 4 s and so on up to RetryMaxSec=. */
uint64_t mhp_config_backoff(const struct mhp_config *config, unsigned failures);

const char *mhp_by_name(enum mhp_by by);       /* auto kernel mhpd */
const char *mhp_on_failure_name(enum mhp_on_failure on_failure); /* restore keep */
const char *mhp_drift_name(enum mhp_drift drift); /* repair report */
const char *mhp_memmap_name(enum mhp_memmap memmap); /* auto dram self force; NULL: unset */
