/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Keeps watch over the knobs that mhpd set: looks when one may have been written, when memory arrives, and with each tick of the watchdog. What another hand
 * wrote is told and set again, once; the next time it is told and left. */

#include <stdbool.h>

#include "base/macro.h"

struct engine;
struct guard;

/* Only looks at knobs from guard_reset() on. */
int guard_new(struct engine *engine, struct guard **ret);
struct guard *guard_free(struct guard *guard);
DEFINE_CLEANUP(struct guard *, guard_free)

/* The knobs have been set, or not, as the ring's arming says: what was done to them before is forgotten. */
void guard_reset(struct guard *guard);

/* Looks at them now. -ENOMEM is the only failure. */
int guard_check(struct guard *guard);

/* mhp_ring_aim() wants a knob to say something else from now on. One that was left to another hand is not written. */
void guard_aim(struct guard *guard);

/* A knob or the placement table says what mhpd did not set, and was set again, or left: journal and bus. value: NULL: it is too long to be told. */
void guard_tell(struct engine *engine, const char *knob, const char *value, const char *wanted, bool left);
