/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The blocks of the simulated kernel: finding them, changing their state, and the uevents that tell of that. */

#include "core/sim-internal.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"

/* The index of the first block at or after nr. Blocks are mostly asked for one after the other. */
size_t sim_search(const struct mhp_sim *sim, uint32_t nr) {
        size_t low = 0, high = sim->n_blocks;

        for (size_t i = sim->hint; i < MIN(sim->hint + 2, sim->n_blocks); i++)
                if (sim->blocks[i].nr == nr)
                        return i;
        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (sim->blocks[middle].nr < nr)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

struct mhp_sim_block *mhp_sim_find(struct mhp_sim *sim, uint32_t nr) {
        size_t i = sim_search(sim, nr);

        if (i == sim->n_blocks || sim->blocks[i].nr != nr)
                return NULL;
        sim->hint = i;
        return &sim->blocks[i];
}

int sim_say(struct mhp_sim *sim, enum mhp_sim_action action, uint32_t nr) {
        int r = ARRAY_GROW(sim->uevents, sim->n_uevents, sim->uevents_capacity);
        if (r < 0)
                return r;
        sim->uevents[sim->n_uevents++] = (struct mhp_sim_uevent) { action, nr };
        return 0;
}

void sim_set_state(struct mhp_sim *sim, struct mhp_sim_block *block, enum mhp_state state, enum mhp_zone zone) {
        sim->n_kernel -= block->state == MHP_STATE_ONLINE && mhp_zone_class((enum mhp_zone) block->zone) == MHP_WANT_KERNEL;
        block->state = (uint8_t) state;
        block->zone = (uint8_t) (state == MHP_STATE_ONLINE ? zone : MHP_ZONE_UNSET);
        sim->n_kernel += block->state == MHP_STATE_ONLINE && mhp_zone_class((enum mhp_zone) block->zone) == MHP_WANT_KERNEL;
}

int sim_set_offline(struct mhp_sim *sim, struct mhp_sim_block *block) {
        sim_set_state(sim, block, MHP_STATE_OFFLINE, MHP_ZONE_UNSET);
        return sim_say(sim, MHP_SIM_CHANGE, block->nr);
}

/* A teardown has the hotplug lock, also while it waits for another of its blocks. */
bool sim_is_locked(const struct mhp_sim *sim, const struct mhp_sim_block *block) {
        return sim->foreign != MHP_NO_BLOCK || block->state == MHP_STATE_GOING_OFFLINE || (sim->stage == MHP_SIM_STUCK && sim->verb == MHP_VERB_TEARDOWN);
}

int sim_online(struct mhp_sim *sim, uint32_t nr, enum mhp_zone zone) {
        struct mhp_sim_block *block = mhp_sim_find(sim, nr);

        if (!block)
                return -ENODEV;
        if (sim_is_locked(sim, block) || block->held)
                return -EBUSY;
        if (block->state == MHP_STATE_ONLINE)
                return -EINVAL;
        sim_set_state(sim, block, MHP_STATE_ONLINE, zone);
        return sim_say(sim, MHP_SIM_CHANGE, nr);
}

/* Both passes of the kernel: all offline, then all removed (acpi_scan_hot_remove(), try_remove_memory()). */
int mhp_sim_unplug(struct mhp_sim *sim, struct mhp_range range) {
        size_t i = sim_search(sim, range.first), end = i;
        int r = 0;

        if (sim->foreign != MHP_NO_BLOCK)
                return -EBUSY;
        for (; end < sim->n_blocks && sim->blocks[end].nr <= range.last; end++)
                if (sim->blocks[end].state == MHP_STATE_GOING_OFFLINE || sim->blocks[end].zone == MHP_ZONE_NONE)
                        return -EBUSY;
        for (size_t k = i; k < end && r >= 0; k++)
                if (sim->blocks[k].state == MHP_STATE_ONLINE) {
                        sim_set_state(sim, &sim->blocks[k], MHP_STATE_OFFLINE, MHP_ZONE_UNSET);
                        r = sim_say(sim, MHP_SIM_CHANGE, sim->blocks[k].nr);
                }
        for (size_t k = i; k < end && r >= 0; k++)
                r = sim_say(sim, MHP_SIM_REMOVE, sim->blocks[k].nr);
        if (r < 0)
                return r;
        memmove(sim->blocks + i, sim->blocks + end, (sim->n_blocks - end) * sizeof(*sim->blocks));
        sim->n_blocks -= end - i;
        return 0;
}
