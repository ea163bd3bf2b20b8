/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Tells when a change of the machine's memory has settled: journal, bus, and the unit that SettledUnit= names, once and not for each block. */

#include <stdint.h>

#include "base/macro.h"

struct engine;
struct settled;

int settled_new(struct engine *engine, struct settled **ret);
struct settled *settled_free(struct settled *settled);
DEFINE_CLEANUP(struct settled *, settled_free)

/* After the first scan. */
int settled_begin(struct settled *settled);

/* A block may have changed. */
int settled_touch(struct settled *settled, uint32_t nr);

/* After each turn. */
int settled_turn(struct settled *settled);

/* The bus can be used, again or at last. */
int settled_bus_ready(struct settled *settled);
