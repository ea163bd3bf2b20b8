/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a removal begins: asked for, or found in what a mhpd before this one left behind. */

#include "core/pursuit-record.h"
#include "core/removal-refusal.h"

/* See mhp_ring_remove(). */
int pursuit_begin(const struct pursuit_context *c, const struct mhp_target *target, const char *words, uint64_t timeout, uint32_t id,
                  struct mhp_removal_refusal *ret);

/* See mhp_ring_resume(). */
int pursuit_resume(const struct pursuit_context *c, const struct mhp_map *left);

/* The removal is not followed any more, and not in the map. 0 or -ENOMEM. */
int pursuit_forget(const struct pursuit_context *c, uint32_t id);

void pursuits_done(struct pursuits *pursuits);
