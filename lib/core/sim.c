/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The simulated kernel: blocks, who hears of them, what writing to them does. */

#include "core/sim-internal.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/array.h"
#include "base/units.h"

#define NO_RANGE (struct mhp_range) { MHP_NO_BLOCK, 0 }

int mhp_sim_new(uint64_t block_size, struct mhp_sim **ret) {
        struct mhp_sim *sim = calloc(1, sizeof(*sim));

        if (!sim)
                return -ENOMEM;
        sim->block_size = block_size;
        sim->hidden = NO_RANGE;
        sim->foreign = MHP_NO_BLOCK;
        *ret = sim;
        return 0;
}

struct mhp_sim *mhp_sim_free(struct mhp_sim *sim) {
        if (!sim)
                return NULL;
        free(sim->blocks);
        free(sim->groups);
        free(sim->uevents);
        mhp_follower_done(&sim->follower);
        free(sim->was);
        free(sim);
        return NULL;
}

static int obtain_group(struct mhp_sim *sim, const char *name, enum mhp_source source, uint32_t *ret) {
        if (!name) {
                *ret = MHP_NO_GROUP;
                return 0;
        }
        for (size_t i = sim->n_groups; i-- > 0;)
                if (strcmp(sim->groups[i].name, name) == 0 && sim->groups[i].source == source) {
                        *ret = (uint32_t) i;
                        return 0;
                }
        if (strlen(name) >= MHP_GROUP_NAME_MAX)
                return -EINVAL;
        int r = ARRAY_GROW(sim->groups, sim->n_groups, sim->groups_capacity);
        if (r < 0)
                return r;
        memset(&sim->groups[sim->n_groups], 0, sizeof(sim->groups[0]));
        strncat(sim->groups[sim->n_groups].name, name, MHP_GROUP_NAME_MAX - 1);
        sim->groups[sim->n_groups].source = source;
        *ret = (uint32_t) sim->n_groups++;
        return 0;
}

/* Room for the range, filled with copies of `like` that are in no zone yet. */
static int insert(struct mhp_sim *sim, struct mhp_range range, const struct mhp_sim_block *like, struct mhp_sim_block **ret) {
        size_t n = (size_t) range.last - range.first + 1, i = sim_search(sim, range.first);

        if (i < sim->n_blocks && sim->blocks[i].nr <= range.last)
                return -EEXIST;
        int r = mhp_array_reserve((void **) &sim->blocks, &sim->blocks_capacity, sim->n_blocks + n, sizeof(*sim->blocks));
        if (r < 0)
                return r;
        memmove(sim->blocks + i + n, sim->blocks + i, (sim->n_blocks - i) * sizeof(*sim->blocks));
        sim->n_blocks += n;
        for (size_t k = 0; k < n; k++) {
                sim->blocks[i + k] = *like;
                sim->blocks[i + k].nr = range.first + (uint32_t) k;
        }
        *ret = sim->blocks + i;
        return 0;
}

int mhp_sim_place(struct mhp_sim *sim, struct mhp_range range, const struct mhp_block *like, const char *group, enum mhp_source source) {
        struct mhp_sim_block block = {
                .node = like->node,
                .n_nodes = like->n_nodes,
                .valid = like->valid ? like->valid : MHP_ZONE_BIT(MHP_ZONE_NORMAL) | MHP_ZONE_BIT(MHP_ZONE_MOVABLE),
                .state = MHP_STATE_OFFLINE,
                .links = MHP_SIM_LINKS_THERE,
        };
        struct mhp_sim_block *first;

        int r = obtain_group(sim, group, source, &block.group);
        if (r < 0)
                return r;
        r = insert(sim, range, &block, &first);
        for (size_t i = 0; r >= 0 && i <= range.last - range.first; i++)
                sim_set_state(sim, first + i, (enum mhp_state) like->state, (enum mhp_zone) like->zone);
        return r;
}

/* default_kernel_zone_for_pfn(), mm/memory_hotplug.c: never Movable. */
static enum mhp_zone kernel_zone(const struct mhp_sim_block *block) {
        for (unsigned zone = MHP_ZONE_DMA; zone < MHP_ZONE_MOVABLE; zone++)
                if (block->valid & MHP_ZONE_BIT(zone))
                        return (enum mhp_zone) zone;
        return MHP_ZONE_NORMAL;
}

/* Where the kernel puts an arriving block by itself; UNSET: nowhere. */
static enum mhp_zone auto_zone(const struct mhp_sim *sim, const struct mhp_sim_plug *plug, const struct mhp_sim_block *block) {
        if (plug->zone != MHP_ZONE_UNSET)
                return plug->zone;
        if (sim->auto_default)
                return kernel_zone(block);
        if (sim->auto_online == MHP_VERB_ONLINE_KERNEL)
                return kernel_zone(block);
        if (sim->auto_online == MHP_VERB_ONLINE_MOVABLE && block->valid & MHP_ZONE_BIT(MHP_ZONE_MOVABLE))
                return MHP_ZONE_MOVABLE;
        return plug->source == MHP_SOURCE_DLPAR ? kernel_zone(block) : MHP_ZONE_UNSET; /* dlpar_online_lmb() asks nobody */
}

static int bring_in(struct mhp_sim *sim, const struct mhp_sim_plug *plug, struct mhp_sim_block *first) {
        size_t n = (size_t) plug->blocks.last - plug->blocks.first + 1;
        enum mhp_zone zone = auto_zone(sim, plug, first);
        bool one_by_one = plug->source == MHP_SOURCE_VIRTIO_MEM || plug->source == MHP_SOURCE_DLPAR;
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                r = sim_say(sim, MHP_SIM_ADD, first[i].nr);
                if (zone == MHP_ZONE_UNSET || r < 0)
                        continue;
                sim_set_state(sim, first + i, MHP_STATE_ONLINE, zone);
                if (one_by_one)
                        r = sim_say(sim, MHP_SIM_CHANGE, first[i].nr);
        }
        for (size_t i = 0; i < n && r >= 0 && zone != MHP_ZONE_UNSET && !one_by_one; i++)
                r = sim_say(sim, MHP_SIM_CHANGE, first[i].nr);
        return r;
}

int mhp_sim_plug(struct mhp_sim *sim, const struct mhp_sim_plug *plug) {
        struct mhp_sim_block *first, block = {
                .node = (int16_t) plug->node,
                .n_nodes = plug->node >= 0,
                .valid = plug->valid ? plug->valid : MHP_ZONE_BIT(MHP_ZONE_NORMAL) | MHP_ZONE_BIT(MHP_ZONE_MOVABLE),
                .state = MHP_STATE_OFFLINE,
                .links = (uint8_t) plug->links,
        };

        if (sim->foreign != MHP_NO_BLOCK)
                return -EBUSY;
        int r = obtain_group(sim, plug->group, plug->source, &block.group);
        if (r < 0)
                return r;
        r = insert(sim, plug->blocks, &block, &first);
        if (r < 0)
                return r;
        if (block.group != MHP_NO_GROUP) {
                sim->groups[block.group].device_block = plug->device_block;
                sim->groups[block.group].chosen = plug->chosen;
        }
        if (plug->links == MHP_SIM_LINKS_SETTLE) {
                sim->hidden.first = MIN(sim->hidden.first, plug->blocks.first);
                sim->hidden.last = MAX(sim->hidden.last, plug->blocks.last);
        }
        return bring_in(sim, plug, first);
}

int mhp_sim_foreign_begin(struct mhp_sim *sim, uint32_t nr) {
        struct mhp_sim_block *block = mhp_sim_find(sim, nr);

        if (!block)
                return -ENODEV;
        /* A writer of mhpd's that is stuck inside the operation has the lock, whichever block it is at. */
        if (sim_is_locked(sim, block) || sim->stage == MHP_SIM_STUCK)
                return -EBUSY;
        if (block->state != MHP_STATE_ONLINE || block->zone == MHP_ZONE_NONE)
                return -EINVAL;
        block->state = MHP_STATE_GOING_OFFLINE;
        sim->foreign = nr;
        return 0;
}

int mhp_sim_foreign_end(struct mhp_sim *sim, bool done) {
        struct mhp_sim_block *block = mhp_sim_find(sim, sim->foreign);
        int r = 0;

        sim->foreign = MHP_NO_BLOCK;
        if (!block)
                return 0;
        block->state = MHP_STATE_ONLINE;
        if (done)
                r = sim_set_offline(sim, block);
        return r < 0 || !done ? r : sim_went_offline(sim, block->nr);
}

int mhp_sim_foreign(struct mhp_sim *sim, uint32_t nr, enum mhp_verb verb, enum mhp_zone zone) {
        struct mhp_sim_block *block = mhp_sim_find(sim, nr);

        if (!block)
                return -ENODEV;
        if (sim_is_locked(sim, block))
                return -EBUSY;
        if (verb == MHP_VERB_OFFLINE) {
                if (block->state != MHP_STATE_ONLINE || block->zone == MHP_ZONE_NONE)
                        return -EINVAL;
                if (block->fixed > 0)
                        return -EBUSY;
                int r = sim_set_offline(sim, block);
                return r < 0 ? r : sim_went_offline(sim, nr);
        }
        return sim_online(sim, nr, zone);
}

/* state_store() -> device_online(), device_offline(): a block that is there already gives 1, and that becomes EINVAL. */
int mhp_sim_write(struct mhp_sim *sim, uint32_t nr, enum mhp_verb verb) {
        struct mhp_sim_block *block = mhp_sim_find(sim, nr);
        enum mhp_zone zone = MHP_ZONE_UNSET;

        if (!block)
                return ENODEV;
        block->n_writes++;

        struct mhp_sim_fault *fault = &block->fault[verb == MHP_VERB_OFFLINE];
        if (fault->n > 0) {
                fault->n -= fault->n != UINT16_MAX;
                return fault->error;
        }
        if ((verb == MHP_VERB_OFFLINE) != (block->state == MHP_STATE_ONLINE) || block->zone == MHP_ZONE_NONE)
                return EINVAL;
        if (verb == MHP_VERB_OFFLINE && block->fixed > 0)
                return EBUSY;
        if (verb != MHP_VERB_OFFLINE && block->held)
                return EBUSY;
        if (verb == MHP_VERB_ONLINE_MOVABLE) {
                if (!(block->valid & MHP_ZONE_BIT(MHP_ZONE_MOVABLE)))
                        return EINVAL;
                zone = MHP_ZONE_MOVABLE;
        } else if (verb == MHP_VERB_ONLINE_KERNEL)
                zone = kernel_zone(block);

        int r = sim_say(sim, MHP_SIM_CHANGE, nr);
        if (r < 0)
                return -r;
        sim_set_state(sim, block, verb == MHP_VERB_OFFLINE ? MHP_STATE_OFFLINE : MHP_STATE_ONLINE, zone);
        r = verb == MHP_VERB_OFFLINE ? sim_went_offline(sim, nr) : 0;
        return r < 0 ? -r : 0;
}

int mhp_sim_restore(struct mhp_sim *sim, uint32_t nr, enum mhp_zone zone) {
        struct mhp_sim_block *block = mhp_sim_find(sim, nr);

        if (!block || block->state != MHP_STATE_OFFLINE)
                return 0;
        sim_set_state(sim, block, MHP_STATE_ONLINE, zone);
        return sim_say(sim, MHP_SIM_CHANGE, nr);
}

bool mhp_sim_read(struct mhp_sim *sim, uint32_t nr, struct mhp_reading *ret) {
        const struct mhp_sim_block *block = mhp_sim_find(sim, nr);

        if (!block)
                return false;

        *ret = (struct mhp_reading) {
                .nr = nr,
                .state = (enum mhp_state) block->state,
                .zone = block->state == MHP_STATE_ONLINE ? (enum mhp_zone) block->zone : MHP_ZONE_UNSET,
                .valid = block->state == MHP_STATE_ONLINE ? 0 : block->valid,
                .node = -1,
        };
        if (block->links == MHP_SIM_LINKS_THERE) {
                ret->node = block->node;
                ret->n_nodes = block->n_nodes;
                if (block->group != MHP_NO_GROUP) {
                        ret->group = sim->groups[block->group].name;
                        ret->source = sim->groups[block->group].source;
                        ret->device_block = sim->groups[block->group].device_block;
                        ret->chosen = sim->groups[block->group].chosen;
                }
        }
        return true;
}

void mhp_sim_settle(struct mhp_sim *sim) {
        if (sim->hidden.first > sim->hidden.last)
                return;
        for (size_t i = sim_search(sim, sim->hidden.first); i < sim->n_blocks && sim->blocks[i].nr <= sim->hidden.last; i++)
                if (sim->blocks[i].links == MHP_SIM_LINKS_SETTLE)
                        sim->blocks[i].links = MHP_SIM_LINKS_THERE;
        sim->hidden = NO_RANGE;
}

void mhp_sim_link(struct mhp_sim *sim, struct mhp_range range) {
        for (size_t i = sim_search(sim, range.first); i < sim->n_blocks && sim->blocks[i].nr <= range.last; i++)
                sim->blocks[i].links = MHP_SIM_LINKS_THERE;
}

void mhp_sim_fault(struct mhp_sim *sim, struct mhp_range range, enum mhp_verb verb, unsigned error, unsigned n) {
        struct mhp_sim_fault fault = { (uint16_t) error, (uint16_t) (error ? MIN(n, (unsigned) UINT16_MAX) : 0) };

        for (size_t i = sim_search(sim, range.first); i < sim->n_blocks && sim->blocks[i].nr <= range.last; i++) {
                if (verb != MHP_VERB_OFFLINE)
                        sim->blocks[i].fault[0] = fault;
                if (verb == MHP_VERB_OFFLINE || verb == MHP_VERB_NONE)
                        sim->blocks[i].fault[1] = fault;
        }
}

void mhp_sim_hide(struct mhp_sim *sim, struct mhp_range blocks, unsigned n) {
        for (size_t i = 0; i < sim->n_blocks; i++)
                if (sim->blocks[i].nr >= blocks.first && sim->blocks[i].nr <= blocks.last)
                        sim->blocks[i].n_unread = (uint16_t) MIN(n, (unsigned) UINT16_MAX);
}

void mhp_sim_stick(struct mhp_sim *sim, struct mhp_range range, unsigned n, bool killed) {
        for (size_t i = sim_search(sim, range.first); i < sim->n_blocks && sim->blocks[i].nr <= range.last; i++) {
                sim->blocks[i].n_stuck = (uint16_t) MIN(n, (unsigned) UINT16_MAX);
                sim->blocks[i].killed = killed;
        }
}

void mhp_sim_lose_uevents(struct mhp_sim *sim) {
        sim->n_uevents = 0;
        sim->overflow = true;
}

int mhp_sim_double_uevents(struct mhp_sim *sim) {
        size_t n = sim->n_uevents;

        int r = mhp_array_reserve((void **) &sim->uevents, &sim->uevents_capacity, 2 * n, sizeof(*sim->uevents));
        if (r < 0)
                return r;
        for (size_t i = n; i-- > 0;)
                sim->uevents[2 * i] = sim->uevents[2 * i + 1] = sim->uevents[i];
        sim->n_uevents = 2 * n;
        return 0;
}

void mhp_sim_arm(struct mhp_sim *sim, const struct mhp_arming *arming) {
        const char *value = arming->value[MHP_KNOB_AUTO_ONLINE_BLOCKS];

        if (!*value)
                return;
        sim->auto_online = strcmp(value, "online_movable") == 0  ? MHP_VERB_ONLINE_MOVABLE
                           : strcmp(value, "online_kernel") == 0 ? MHP_VERB_ONLINE_KERNEL
                                                                 : MHP_VERB_NONE;
        sim->auto_default = strcmp(value, "online") == 0;
}

void mhp_sim_set_pressure(struct mhp_sim *sim, const struct mhp_pressure *pressure) {
        struct mhp_pressure next = *pressure;

        next.processors_known = sim->pressure.processors_known;
        memcpy(next.processors, sim->pressure.processors, sizeof(next.processors));
        sim->pressure = next;
        sim->pressure_kernel = sim->n_kernel;
}

void mhp_sim_set_processors(struct mhp_sim *sim, const struct mhp_ranges *nodes) {
        mhp_pressure_set_processors(&sim->pressure, nodes);
}

/* Memory that has come to the kernel's zones since is free; what has gone was. */
void mhp_sim_get_pressure(const struct mhp_sim *sim, struct mhp_pressure *ret) {
        uint64_t more = sim->n_kernel > sim->pressure_kernel ? mhp_mul_sat(sim->n_kernel - sim->pressure_kernel, sim->block_size) : 0;
        uint64_t less = sim->n_kernel < sim->pressure_kernel ? mhp_mul_sat(sim->pressure_kernel - sim->n_kernel, sim->block_size) : 0;

        *ret = sim->pressure;
        if (ret->kernel_managed == 0)
                return;
        ret->kernel_managed = mhp_add_sat(ret->kernel_managed, more);
        ret->kernel_managed -= MIN(ret->kernel_managed - 1, less);
        ret->kernel_available = mhp_add_sat(ret->kernel_available, more);
        ret->kernel_available -= MIN(ret->kernel_available, less);
}
