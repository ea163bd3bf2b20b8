/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What has to be known of memory on its way out even if mhpd dies: removals and their members, and what the switches said by which that memory is
 * held. It is in the state file before the step that makes it true goes out, and leaves it when it is true no more. */

#include "edge/worker.h"
#include "model/event.h"

struct engine;

/* Writes the removals down if they have changed. Costs next to nothing if not. */
int removals_save(struct engine *engine);

/* What a HOLD, RELEASE or HAND has to write. 1: *ret_device and `value` are for the worker; 0: there is nothing to write, and *ret_error is the step's
 * errno, 0: done. */
int removals_prepare(struct engine *engine, const struct mhp_step *step, const char **ret_device, char value[static MHP_WORKER_VALUE_MAX],
                     int *ret_error);

/* Such a step is over. */
int removals_step_over(struct engine *engine, enum mhp_verb verb, int error);

/* After the first scan: goes on with what a mhpd before this one left behind, and lifts holds that nothing of it owns. */
int removals_resume(struct engine *engine);
