/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a kernel with the companion patch tells beyond uevents, into the journal and to who listens on the bus. A kernel that tells nothing, or not us,
 * is one without it. */

#include <stdint.h>

#include "base/macro.h"

struct engine;
struct kernel_events;

/* 0: *ret is NULL where there is nothing to hear with. */
int kernel_events_new(struct engine *engine, int buffer, struct kernel_events **ret);
struct kernel_events *kernel_events_free(struct kernel_events *events);

/* The PFN at which the kernel gave up on the block, if it has told so since it was asked last; 0: it has not. events: NULL is fine. */
int kernel_events_page(struct kernel_events *events, uint32_t block, uint64_t *ret);
DEFINE_CLEANUP(struct kernel_events *, kernel_events_free)
