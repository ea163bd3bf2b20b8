/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which blocks somebody wants offline, over a restart: in the state file as numbers, and as what each number stood for. */

#include "model/block.h"

struct engine;

/* The block may have changed; block: NULL, it is gone. */
int hands_off_touch(struct engine *engine, uint32_t nr, const struct mhp_block *block);

/* After the first scan: what the state file remembers is told to the ring. Before it, a block that is replaced meanwhile would be taken for the one that was
 * there; after it, its events are heard. */
int hands_off_restore(struct engine *engine);
