/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Chooses where a memmap is to lie, where and while that can be chosen: for dax devices before they are given to kmem, for standby memory of
 * s390 before it is configured. */

#include "base/macro.h"

struct engine;
struct placer;

int placer_new(struct engine *engine, struct placer **ret);
struct placer *placer_free(struct placer *placer);
DEFINE_CLEANUP(struct placer *, placer_free)

/* Devices or configuration may have changed. Cheap where there are none. */
int placer_look(struct placer *placer);

/* Once more, if that could not be read the last time and it is time to try again. */
int placer_look_again(struct placer *placer);
