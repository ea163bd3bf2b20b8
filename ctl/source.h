/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is read from this machine, or from --sysroot, without the daemon. Each gives CTL_DONE, or a status after telling. */

#include "api/memmap.h"
#include "core/arming.h"
#include "core/policy.h"
#include "ctl/ctl.h"

const char *ctl_root(const struct ctl *ctl);

/* Warnings go to *warnings, one a line. */
int ctl_config_read(struct ctl *ctl, struct mhp_config *ret, struct mhp_text *warnings);

/* The form of mhpd.conf, as the daemon gives it. */
int ctl_config_parse(struct ctl *ctl, const char *text, struct mhp_config *ret);

/* How full the kernel's zones are; not known is no failure. */
void ctl_pressure_read(struct ctl *ctl, struct mhp_pressure *ret);

struct ctl_knobs {
        char value[_MHP_KNOB_MAX][MHP_KNOB_VALUE_MAX]; /* empty: not there */
        bool can_arm;
        bool unasked; /* the kernel brings memory online whatever they say */
};

void ctl_knobs_read(struct ctl *ctl, struct ctl_knobs *ret);

/* Where memmaps lie. Tells nothing: 0 or a negative errno of mhp_memmap_open(). */
int ctl_memmaps_open(struct ctl *ctl, const struct mhp_map *map, struct mhp_memmaps *ret);

/* The same, telling why it is not known: CTL_DONE, CTL_FAILED or -ENOMEM. */
int ctl_memmaps_need(struct ctl *ctl, const struct mhp_map *map, struct mhp_memmaps *ret);

/* In words why the machine's geometry is not known. */
int ctl_tell_geometry(const struct ctl *ctl, int r);
