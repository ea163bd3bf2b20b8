/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Between the files that make up the engine. */

#include "daemon/engine.h"

/* Takes over config. */
int engine_new_ring(struct engine *engine, struct mhp_config *config, const struct mhp_arming *arming, uint64_t block_size);
int engine_add_sources(struct engine *engine);

/* Another slice, in another round. */
int engine_more(struct engine *engine);

/* The next slice of the blocks that a settle has brought. */
int engine_read_settled(struct engine *engine);

/* Everything is read, what the state file remembers is applied, and the ring turns once. */
int engine_first_scan(struct engine *engine);
