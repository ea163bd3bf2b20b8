/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Why a removal does not begin. Nothing has been changed then. */

#include "base/text.h"
#include "core/plan.h"

enum mhp_refused {
        MHP_REFUSED_NONE,      /* it has begun */
        MHP_REFUSED_NO_BLOCK,  /* `no-block`: there is no such block */
        MHP_REFUSED_TAKEN,     /* `taken`: the block is a member of another removal */
        MHP_REFUSED_ARRIVING,  /* `arriving`: the block is still arriving, so that it is not known yet what else belongs to it */
        MHP_REFUSED_NO_SOURCE, /* `no-source`: what brought the block is not known, and so not who could take it out */
        MHP_REFUSED_BOOT,      /* `boot`: the block was there at boot and cannot leave */
        MHP_REFUSED_NO_ZONE,   /* `no-zone`: the block is in zone none, which the kernel never takes offline */
        MHP_REFUSED_PART,      /* `part`: the block leaves with others that were not asked for: a DIMM, a dax device, a device block */
        MHP_REFUSED_TOO_LARGE, /* `too-large`: there is not that much to be had */
        MHP_REFUSED_TOO_SMALL, /* `too-small`: nothing that can leave is as small as that */
        _MHP_REFUSED_MAX,
};

struct mhp_removal_refusal {
        enum mhp_refused why;
        uint32_t block;   /* that it is about; MHP_NO_BLOCK: about none */
        uint32_t removal; /* TAKEN: id of the other */
};

/* The token; NULL for NONE and outside the enumeration. The string is static. */
const char *mhp_refused_name(enum mhp_refused why);

/* Appends the reason as a sentence without a full stop; nothing for NONE. map is the one that the removal was to begin in, verb what was asked for. */
void mhp_removal_refusal_print(const struct mhp_map *map, const struct mhp_target *target, const struct mhp_removal_refusal *refusal, struct mhp_text *text);
