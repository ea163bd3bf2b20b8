/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Why a block stays, in words. */

#include "base/text.h"
#include "model/block.h"
#include "model/tally.h"

/* What keeps it: `3 slab pages, the first at PFN 0x104200; 1 page table at PFN 0x104310`, classes that are fixed only; or, with error an
 * errno that a failed offline gave and nothing fixed to be seen, what moved too slowly or not at all. Empty when there is nothing to say.
 * tally may be NULL: not known. */
void mhp_explain_keeps(const struct mhp_tally *tally, int error, struct mhp_text *text);

/* Why a block is offline and stays so, where somebody wants that, and how it comes back. As mhpd's map has it: a fresh read of sysfs says nothing of it. */
void mhp_explain_offline(const struct mhp_block *block, struct mhp_text *text);

/* What to do about it, one sentence without a full stop; empty: nothing. */
void mhp_explain_advice(const struct mhp_tally *tally, const struct mhp_block *block, enum mhp_source source, int error, struct mhp_text *text);
