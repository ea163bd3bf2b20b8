/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where the memmap of arriving memory is wanted, what the kernel will make of that, and what would change it. Pure, as policy is. */

#include "core/policy.h"
#include "model/geometry.h"

/* The kernel's memmap_on_memory parameter, which is fixed at boot. */
enum mhp_self_hosting {
        MHP_SELF_HOSTING_ABSENT, /* this kernel has no such parameter */
        MHP_SELF_HOSTING_OFF,
        MHP_SELF_HOSTING_ON,
        MHP_SELF_HOSTING_FORCE,
        _MHP_SELF_HOSTING_MAX,
};

/* Memory that comes, or is there. */
struct mhp_placement_case {
        enum mhp_source source;
        int node;                 /* -1: not known */
        uint64_t size;            /* bytes of its group */
        enum mhp_self_hosting self_hosting;
        bool has_switch;          /* a dax device's memmap_on_memory */
        bool switched_on;
        bool one_block_only;      /* a kernel before 6.8: mhp_supports_memmap_on_memory() there wants size == memory_block_size_bytes() */
        struct mhp_pressure pressure;
};

struct mhp_placement_decision {
        enum mhp_memmap want;         /* never UNSET */
        const char *rule;             /* name of the rule that says so, the configuration's; NULL: [Memmap] */
        bool self;                    /* with the memmap in the memory itself, as far as it can be chosen */
        bool switch_on;               /* what the device's switch should say */
        enum mhp_placement placement; /* what it will be */
        enum mhp_refusal refusal;     /* why it is not in the memory itself; NONE: it is, or nobody asked for it */
};

void mhp_placement_decide(const struct mhp_config *config, const struct mhp_geometry *geometry, const struct mhp_placement_case *ask,
                          struct mhp_placement_decision *ret);

/* Whether the memory ends up otherwise than wanted. */
bool mhp_placement_falls_back(const struct mhp_placement_decision *decision, enum mhp_placement actual);

/* Why, and what would change it, in a sentence: `the kernel was booted without memory_hotplug.memmap_on_memory=1`. */
const char *mhp_placement_remedy(enum mhp_source source, enum mhp_refusal refusal);
