/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Chooses where the memmap of dax devices is to lie, while it can be chosen: before they are given to kmem. */

#include "base/macro.h"

struct engine;
struct placer;

int placer_new(struct engine *engine, struct placer **ret);
struct placer *placer_free(struct placer *placer);
DEFINE_CLEANUP(struct placer *, placer_free)

/* Devices or configuration may have changed. Cheap where there is no dax bus. */
int placer_look(struct placer *placer);
