/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The state file, from the daemon's side, and what is done with a file below the runtime directory that cannot be used. */

#include <stdbool.h>

#include "edge/state-file.h"

/* What an mhpd before this one has left. One that cannot be read, or not as a whole, is kept as state.bad, which is told, and mhpd goes on with what could be
 * read of it. dry_run: it stays as it is. An error is no fault of the file: -ENOMEM, or no descriptors. */
int state_load(const char *dir, bool dry_run, struct mhp_saved *ret);

/* Writes it. Without it mhpd goes on, and a failure is told here, with what a crash would lose: `what the knobs said before`. */
int state_save(const char *dir, struct mhp_saved *saved, const char *loss);

/* Renames dir/name, which cannot be used for `error`, and tells. False: it is not there, or the error is no fault of its own. */
bool state_set_aside(const char *dir, const char *name, int error);
