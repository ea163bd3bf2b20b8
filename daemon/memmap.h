/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Looks where the memmap of blocks lies that have come online, and tells when it is elsewhere than wanted or believed. */

#include "base/macro.h"
#include "model/block.h"

struct engine;
struct memmap;

int memmap_new(struct engine *engine, struct memmap **ret);
struct memmap *memmap_free(struct memmap *memmap);

/* A block has changed; NULL: the one with this number has gone. */
int memmap_touch(struct memmap *memmap, uint32_t nr, const struct mhp_block *block);

/* To be called when nothing is under way: looks at some of the blocks that came online. 1: there are more; 0: none. */
int memmap_check(struct memmap *memmap);
