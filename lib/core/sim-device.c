/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The devices of the simulated machine: what brought the memory, and takes it out. */

#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "core/sim-internal.h"

#define PAGE_SIZE UINT64_C(4096)

static struct mhp_sim_group *find_group(struct mhp_sim *sim, const char *name) {
        for (size_t i = 0; i < sim->n_groups; i++)
                if (strcmp(sim->groups[i].name, name) == 0)
                        return &sim->groups[i];
        return NULL;
}

static bool is_of(const struct mhp_sim *sim, const struct mhp_sim_block *block, const struct mhp_sim_group *group) {
        return block->group == (uint32_t) (group - sim->groups);
}

void mhp_sim_fill(struct mhp_sim *sim, struct mhp_range range, uint32_t used, uint32_t fixed) {
        for (size_t i = sim_search(sim, range.first); i < sim->n_blocks && sim->blocks[i].nr <= range.last; i++) {
                sim->blocks[i].used = used;
                sim->blocks[i].fixed = fixed;
        }
}

void mhp_sim_fill_more(struct mhp_sim *sim, struct mhp_range range, uint32_t huge, uint32_t balloon) {
        for (size_t i = sim_search(sim, range.first); i < sim->n_blocks && sim->blocks[i].nr <= range.last; i++) {
                sim->blocks[i].huge = huge;
                sim->blocks[i].balloon = balloon;
        }
}

bool mhp_sim_count(struct mhp_sim *sim, uint32_t nr, struct mhp_tally *ret) {
        const struct mhp_sim_block *block = mhp_sim_find(sim, nr);
        uint32_t pages = (uint32_t) (sim->block_size / PAGE_SIZE);
        uint64_t pfn = nr * (uint64_t) pages;

        if (!block || sim->blind)
                return false;
        *ret = (struct mhp_tally) { .pages = { 0 } };
        if (block->state == MHP_STATE_OFFLINE) {
                ret->pages[MHP_CLASS_HOLE] = pages;
                ret->first[MHP_CLASS_HOLE] = pfn;
                return true;
        }
        ret->pages[MHP_CLASS_SLAB] = block->fixed;
        ret->first[MHP_CLASS_SLAB] = pfn;
        ret->pages[MHP_CLASS_ANON] = block->used;
        ret->first[MHP_CLASS_ANON] = pfn + block->fixed;
        ret->pages[MHP_CLASS_HUGETLB] = block->huge;
        ret->pages[MHP_CLASS_OFFLINE] = block->balloon;
        ret->pages[MHP_CLASS_FREE] = pages - block->fixed - block->used - block->huge - block->balloon;
        ret->first[MHP_CLASS_FREE] = pfn + block->fixed + block->used;
        return true;
}

/* The first half of acpi_scan_hot_remove(): every block goes offline, in ascending order. */
static bool take_offline(struct mhp_sim *sim, const struct mhp_sim_group *group, struct mhp_ranges *taken) {
        for (size_t i = 0; i < sim->n_blocks; i++) {
                struct mhp_sim_block *block = &sim->blocks[i];

                if (!is_of(sim, block, group) || block->state == MHP_STATE_OFFLINE)
                        continue;
                if (block->fixed > 0 || block->zone == MHP_ZONE_NONE || sim_set_offline(sim, block) < 0 ||
                    mhp_ranges_add(taken, block->nr, block->nr) < 0)
                        return false;
        }
        return true;
}

/* What had gone comes back, but through device_online() with no zone named: in the kernel's (drivers/base/memory.c, 6.12). */
static int roll_back(struct mhp_sim *sim, const struct mhp_ranges *taken) {
        int r = 0;

        for (size_t i = 0; i < taken->n && r >= 0; i++)
                for (uint64_t nr = taken->range[i].first; nr <= taken->range[i].last && r >= 0; nr++)
                        r = sim_online(sim, (uint32_t) nr, MHP_ZONE_NORMAL);
        return r;
}

static int remove_group(struct mhp_sim *sim, const struct mhp_sim_group *group) {
        int r = 0;

        for (size_t i = 0; i < sim->n_blocks && r >= 0;)
                if (is_of(sim, &sim->blocks[i], group))
                        r = mhp_sim_unplug(sim, (struct mhp_range) { sim->blocks[i].nr, sim->blocks[i].nr });
                else
                        i++;
        return r;
}

int mhp_sim_eject(struct mhp_sim *sim, const char *name) {
        _cleanup_ranges_ struct mhp_ranges taken = { 0 };
        const struct mhp_sim_group *group = find_group(sim, name);

        if (!group)
                return -ENODEV;
        if (sim->vetoed)
                return -EPERM;
        if (sim->foreign != MHP_NO_BLOCK)
                return -EBUSY;
        for (size_t i = 0; i < sim->n_blocks; i++)
                if (is_of(sim, &sim->blocks[i], group) && sim->blocks[i].state == MHP_STATE_GOING_OFFLINE)
                        return -EBUSY;
        if (!take_offline(sim, group, &taken) || sim->firmware_refuses)
                return roll_back(sim, &taken);
        return remove_group(sim, group);
}

/* Unbinding kmem from a device with online memory leaves that where it is for good (dev_dax_kmem_remove(), drivers/dax/kmem.c). */
static int unbind(struct mhp_sim *sim, const char *name) {
        const struct mhp_sim_group *group = find_group(sim, name);

        if (!group)
                return ENODEV;
        for (size_t i = 0; i < sim->n_blocks; i++)
                if (is_of(sim, &sim->blocks[i], group) && sim->blocks[i].state != MHP_STATE_OFFLINE)
                        return EBUSY;
        return remove_group(sim, group) < 0 ? ENOMEM : 0;
}

static int hand(struct mhp_sim *sim, enum mhp_source source, const char *name) {
        if (source == MHP_SOURCE_DAX || source == MHP_SOURCE_DLPAR)
                return unbind(sim, name);
        if (sim->vetoed)
                return ENODEV; /* eject_store(), drivers/acpi/device_sysfs.c: the handler is not enabled */
        /* The work runs behind the writer's back. */
        int r = mhp_sim_eject(sim, name);
        return r == -ENODEV ? ENODEV : 0;
}

static bool is_tearing_down(const struct mhp_sim *sim) {
        return sim->verb == MHP_VERB_TEARDOWN && (sim->stage == MHP_SIM_BEGIN || sim->stage == MHP_SIM_STUCK);
}

/* The piece of the device that block i is in. */
static struct mhp_range piece_of(const struct mhp_sim *sim, const struct mhp_sim_group *group, size_t i) {
        uint32_t n = MAX(group->device_block, 1u), first = sim->blocks[i].nr - sim->blocks[i].nr % n;

        return (struct mhp_range) { first, first + (n - 1) };
}

/* Whether all of it may be taken: it is offline, or may be taken online. *ret_n: its blocks. */
static bool may_go(const struct mhp_sim *sim, struct mhp_range piece, bool online, uint32_t *ret_n) {
        bool may = true;

        *ret_n = 0;
        for (size_t i = sim_search(sim, piece.first); i < sim->n_blocks && sim->blocks[i].nr <= piece.last; i++) {
                const struct mhp_sim_block *block = &sim->blocks[i];

                ++*ret_n;
                if (block->state == MHP_STATE_GOING_OFFLINE || block->zone == MHP_ZONE_NONE ||
                    (block->state == MHP_STATE_ONLINE && (!online || block->fixed > 0)))
                        may = false;
        }
        return may;
}

/* What is offline goes first; online blocks, if they may be taken, the highest first (virtio_mem_sbm_unplug_request(), virtio_mem_bbm_unplug_request()). */
static int give(struct mhp_sim *sim, struct mhp_sim_group *group) {
        bool any = !sim->no_unplug_online;

        if (is_tearing_down(sim))
                return 0; /* it has the lock */
        for (unsigned pass = 0; pass < 1u + any; pass++)
                for (size_t i = sim->n_blocks; i-- > 0 && group->asked > 0;) {
                        uint32_t n;

                        if (!is_of(sim, &sim->blocks[i], group))
                                continue;
                        struct mhp_range piece = piece_of(sim, group, i);
                        if (!may_go(sim, piece, pass > 0, &n) || n > group->asked)
                                continue;
                        group->asked -= n;
                        int r = mhp_sim_unplug(sim, piece);
                        if (r < 0)
                                return r;
                        i = MIN(i, sim->n_blocks);
                }
        return 0;
}

int mhp_sim_ask(struct mhp_sim *sim, const char *name, uint32_t n) {
        struct mhp_sim_group *group = find_group(sim, name);

        if (!group || group->source != MHP_SOURCE_VIRTIO_MEM)
                return -ENODEV;
        group->asked = n;
        return give(sim, group);
}

int sim_torn_down(struct mhp_sim *sim) {
        int r = 0;

        for (size_t i = 0; i < sim->n_groups && r >= 0; i++)
                if (sim->groups[i].asked > 0)
                        r = give(sim, &sim->groups[i]);
        return r;
}

int sim_went_offline(struct mhp_sim *sim, uint32_t nr) {
        const struct mhp_sim_block *block = mhp_sim_find(sim, nr);
        struct mhp_sim_group *group = block && block->group != MHP_NO_GROUP ? &sim->groups[block->group] : NULL;
        uint32_t n;

        if (!group || group->asked == 0 || is_tearing_down(sim))
                return 0;
        struct mhp_range piece = piece_of(sim, group, (size_t) (block - sim->blocks));
        if (!may_go(sim, piece, false, &n) || n > group->asked)
                return 0;
        group->asked -= n;
        return mhp_sim_unplug(sim, piece);
}

void mhp_sim_device_fault(struct mhp_sim *sim, enum mhp_verb verb, unsigned error, unsigned n) {
        if (verb >= MHP_VERB_HOLD && verb <= MHP_VERB_HAND)
                sim->device_fault[verb - MHP_VERB_HOLD] = (struct mhp_sim_fault) { (uint16_t) error, (uint16_t) MIN(n, (unsigned) UINT16_MAX) };
}

int mhp_sim_device(struct mhp_sim *sim, enum mhp_verb verb, const char *name) {
        struct mhp_sim_fault *fault = &sim->device_fault[verb - MHP_VERB_HOLD];
        enum mhp_source source = mhp_source_of_group(name);

        if (fault->n > 0) {
                fault->n--;
                return fault->error;
        }
        if (verb == MHP_VERB_HAND)
                return hand(sim, source, name);
        if (source == MHP_SOURCE_VIRTIO_MEM)
                sim->no_unplug_online = verb == MHP_VERB_HOLD;
        else if (sim->foreign_veto)
                return EPERM;
        else
                sim->vetoed = verb == MHP_VERB_HOLD;
        return 0;
}
