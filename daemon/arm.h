/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The kernel's knobs: set as the policy says, put back at the end. What they said before mhpd is written down before they are
 * touched, and what is written down is not written again: after a crash it is still the first values that count. */

#include "core/arming.h"
#include "edge/root.h"
#include "edge/state-file.h"

/* Plans, sets and reads back. Where the kernel refuses, the plan becomes mhpd's own hand (no-knob) and a warning is logged.
 * Changes `saved` and its file in `dir`. dry_run: only the plan. -ENOMEM. */
int arm(const struct mhp_root *root, const char *dir, const struct mhp_config *config, bool dry_run, struct mhp_saved *saved,
        struct mhp_arming *ret);

/* Writes a knob, unless it says that, and reads it back. -EREMOTEIO: it did not take the value. */
int arm_knob(const struct mhp_root *root, enum mhp_knob knob, const char *value);

/* Sets what the plan says since mhp_ring_aim(). What fails is logged: the block that comes next is moved then. */
void arm_again(const struct mhp_root *root, const char *dir, const struct mhp_arming *arming, struct mhp_saved *saved);

/* Puts back what was saved, and forgets it. What another hand has written since stands. */
void disarm(const struct mhp_root *root, const char *dir, struct mhp_saved *saved);
