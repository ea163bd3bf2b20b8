/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The state file, from the daemon's side. */

#include "edge/state-file.h"

/* Writes it. Without it mhpd goes on, and a failure is told here, with what a crash would lose: `what the knobs said before`. */
int state_save(const char *dir, const struct mhp_saved *saved, const char *loss);
