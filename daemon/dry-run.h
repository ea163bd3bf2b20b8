/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The executor of --dry-run: tells each step and answers as a kernel that never refuses would, so that the steps after it are
 * told as well. */

#include <systemd/sd-event.h>

#include "base/macro.h"
#include "model/event.h"

struct dry_run;
struct engine;

int dry_run_new(struct engine *engine, sd_event *event, struct dry_run **ret);
struct dry_run *dry_run_free(struct dry_run *dry_run);
DEFINE_CLEANUP(struct dry_run *, dry_run_free)

int dry_run_start(struct dry_run *dry_run, const struct mhp_step *step);
