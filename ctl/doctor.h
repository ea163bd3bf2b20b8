/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What `doctor` looks at, and what it finds. */

#include "ctl/ctl.h"
#include "ctl/source.h"

struct ctl_finding {
        const char *token;  /* a promise, for scripts */
        char *blocks;       /* owned; NULL: not about blocks */
        char *message;      /* owned; what is wrong */
        const char *remedy; /* what to do */
};

struct ctl_doctor {
        struct ctl *ctl;
        struct mhp_root root;
        struct mhp_map *map;         /* owned */
        struct mhp_config config;
        struct mhp_text warnings;    /* of the configuration, one a line */
        struct ctl_knobs knobs;
        struct mhp_memmaps memmaps;
        bool memmaps_known;
        bool mhpd;                   /* it runs */
        char *rule;                  /* owned; a udev rule that brings blocks online, NULL: there is none */
        struct ctl_finding *findings; /* owned */
        size_t n, capacity;
};

/* blocks may be NULL or empty. -ENOMEM. */
int ctl_doctor_add(struct ctl_doctor *doctor, const char *token, const struct mhp_ranges *blocks, const char *remedy, const char *format, ...)
        _printf_(5, 6);

/* doctor-dimm.c: DIMMs of which the kernel has made no memory. */
int ctl_doctor_dimm(struct ctl_doctor *doctor);

/* doctor-memmap.c: all about where memmaps lie. */
int ctl_doctor_memmap(struct ctl_doctor *doctor);
