/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What `doctor` looks at, and what it finds. */

#include "ctl/ctl.h"
#include "ctl/daemon.h"
#include "ctl/source.h"
#include "edge/rules.h"

enum ctl_severity {
        CTL_NOTE,    /* worth knowing */
        CTL_WARNING, /* will hurt, or may */
        CTL_ERROR,   /* does hurt */
        _CTL_SEVERITY_MAX,
};

struct ctl_finding {
        enum ctl_severity severity;
        const char *token;  /* a promise, for scripts */
        char *blocks;       /* owned; NULL: not about blocks */
        char *message;      /* owned; what is wrong */
        char *evidence;     /* owned; a file and what it says */
        const char *remedy; /* what to do */
};

struct ctl_doctor {
        struct ctl *ctl;
        struct mhp_root root;
        struct mhp_map *map;         /* owned */
        struct mhp_config config;    /* mhpd's own when it answers */
        struct mhp_text warnings;    /* of the configuration, one a line */
        struct ctl_knobs knobs;
        struct ctl_daemon daemon;    /* this machine's; not asked with --sysroot */
        struct mhp_memmaps memmaps;
        bool memmaps_known;
        bool mhpd;                   /* it runs */
        struct mhp_rules_hits rules;     /* which bring blocks online while mhpd runs */
        struct mhp_rules_hits without;   /* and without it */
        struct ctl_finding *findings; /* owned */
        size_t n, capacity;
};

/* What a finding is, but for its words. */
struct ctl_finding_kind {
        enum ctl_severity severity;
        const char *token, *remedy;
        const struct mhp_ranges *blocks; /* NULL or empty: not about blocks */
        const char *evidence;            /* copied */
};

/* -ENOMEM. */
int ctl_doctor_add(struct ctl_doctor *doctor, const struct ctl_finding_kind *kind, const char *format, ...) _printf_(3, 4);

/* `/path: what it says` in *text, of a path below the root. */
void ctl_doctor_quote(struct mhp_text *text, const char *path, const char *says);

/* All about one subject, each in a file of its own. -ENOMEM. */
int ctl_doctor_dimm(struct ctl_doctor *doctor);
int ctl_doctor_kernel(struct ctl_doctor *doctor);
int ctl_doctor_memmap(struct ctl_doctor *doctor);
int ctl_doctor_memory(struct ctl_doctor *doctor);
int ctl_doctor_service(struct ctl_doctor *doctor);
int ctl_doctor_switch(struct ctl_doctor *doctor);
