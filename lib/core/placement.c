/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/placement.h"

#include "base/units.h"

/* The memmap would come out of the kernel's zones before the new memory can be used. */
static bool unbearable(const struct mhp_config *config, const struct mhp_geometry *geometry, const struct mhp_placement_case *ask) {
        uint64_t cost = mhp_plug_cost(geometry, MHP_PLACEMENT_DRAM, ask->size);
        struct mhp_pressure after = ask->pressure;

        after.kernel_available = after.kernel_available > cost ? after.kernel_available - cost : 0;
        return mhp_pressure_high(&after, config->kernel_headroom);
}

static bool asks_kernel(enum mhp_source source) {
        /* The callers of add_memory() with MHP_MEMMAP_ON_MEMORY: drivers/acpi/acpi_memhotplug.c, drivers/dax/kmem.c and
         * arch/powerpc/platforms/pseries/hotplug-memory.c (6.12). */
        return source == MHP_SOURCE_ACPI || source == MHP_SOURCE_DAX || source == MHP_SOURCE_DLPAR;
}

/* What becomes of memory whose adder asks for self-hosting, or does not. */
static void predict(const struct mhp_geometry *geometry, const struct mhp_placement_case *ask, bool asked, struct mhp_placement_decision *d) {
        struct mhp_admission admission;

        d->placement = MHP_PLACEMENT_DRAM;
        if (ask->source == MHP_SOURCE_BOOT)
                return;
        if (ask->self_hosting == MHP_SELF_HOSTING_OFF || ask->self_hosting == MHP_SELF_HOSTING_ABSENT) {
                d->refusal = MHP_REFUSAL_DISABLED;
                return;
        }
        if (!asks_kernel(ask->source)) {
                d->refusal = MHP_REFUSAL_SOURCE_IGNORES;
                return;
        }
        if (!asked)
                return;
        if (ask->one_block_only && ask->size != geometry->block_size) {
                d->refusal = MHP_REFUSAL_SEVERAL_BLOCKS;
                return;
        }
        mhp_admit(geometry, ask->self_hosting == MHP_SELF_HOSTING_FORCE ? MHP_PLACEMENT_FORCE : MHP_PLACEMENT_SELF, ask->size, &admission);
        d->placement = admission.placement;
        d->refusal = admission.reason;
}

void mhp_placement_decide(const struct mhp_config *config, const struct mhp_geometry *geometry, const struct mhp_placement_case *ask,
                          struct mhp_placement_decision *ret) {
        const struct mhp_rule *rule = mhp_policy_rule(config, ask->source, ask->node, ask->size);
        struct mhp_placement_decision d = { .want = config->placement, .switch_on = ask->switched_on };

        if (rule && rule->placement != MHP_MEMMAP_UNSET) {
                d.want = rule->placement;
                d.rule = rule->name;
        }
        switch (d.want) {
        case MHP_MEMMAP_SELF:
        case MHP_MEMMAP_FORCE:
                d.self = true;
                break;
        case MHP_MEMMAP_AUTO:
                d.self = ask->switched_on || unbearable(config, geometry, ask);
                break;
        case MHP_MEMMAP_UNSET:
        case MHP_MEMMAP_DRAM:
        case _MHP_MEMMAP_MAX:
                break;
        }

        if (ask->has_switch)
                d.switch_on = d.self;
        predict(geometry, ask, ask->source != MHP_SOURCE_DAX || d.switch_on, &d);
        *ret = d;
}

bool mhp_placement_falls_back(const struct mhp_placement_decision *decision, enum mhp_placement actual) {
        bool self = actual == MHP_PLACEMENT_SELF || actual == MHP_PLACEMENT_FORCE;

        switch (decision->want) {
        case MHP_MEMMAP_SELF:
        case MHP_MEMMAP_FORCE:
                return !self;
        case MHP_MEMMAP_DRAM:
                return self;
        case MHP_MEMMAP_UNSET:
        case MHP_MEMMAP_AUTO:
        case _MHP_MEMMAP_MAX:
                break;
        }
        return false;
}

const char *mhp_placement_remedy(enum mhp_source source, enum mhp_refusal refusal) {
        switch (refusal) {
        case MHP_REFUSAL_DISABLED:
                return "the kernel was booted without memory_hotplug.memmap_on_memory=1, and that cannot be changed later";
        case MHP_REFUSAL_SOURCE_IGNORES:
                return source == MHP_SOURCE_VIRTIO_MEM ? "virtio-mem does not ask the kernel for it, whatever the boot parameter says"
                                                       : "the driver that adds this memory does not ask the kernel for it";
        case MHP_REFUSAL_NOT_PAGE_ALIGNED:
                return "the memmap of a block is no whole number of pages on this machine";
        case MHP_REFUSAL_NOT_PAGEBLOCK_ALIGNED:
                return "the memmap of a block fills no whole pageblocks; memory_hotplug.memmap_on_memory=force would round it up";
        case MHP_REFUSAL_FILLS_BLOCK:
                return "the memmap of a block, rounded up to whole pageblocks, would fill the block";
        case MHP_REFUSAL_NOT_PMD_ALIGNED:
                return "the memmap of a block fills no whole PMDs on this machine";
        case MHP_REFUSAL_SEVERAL_BLOCKS:
                return "this kernel does it only for memory that is added as a single block; Linux 6.8 and later do it block by block";
        case MHP_REFUSAL_HASH_MMU:
                return "with hash page tables (MMU: Hash) the kernel never does it; the radix MMU is what allows it";
        case MHP_REFUSAL_NONE:
        case _MHP_REFUSAL_MAX:
                break;
        }
        return source == MHP_SOURCE_DAX ? "the device was given to kmem with its memmap_on_memory at another value"
                                        : "the kernel decides it by memory_hotplug.memmap_on_memory alone";
}
