/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files that make up the simulator. */

#include "core/sim.h"
#include "model/word.h"

/* The index of the first block at or after nr. */
size_t sim_search(const struct mhp_sim *sim, uint32_t nr);

/* A uevent. 0 or -ENOMEM. */
int sim_say(struct mhp_sim *sim, enum mhp_sim_action action, uint32_t nr);

/* Its state and zone, and the sum that follows; nobody is told. */
void sim_set_state(struct mhp_sim *sim, struct mhp_sim_block *block, enum mhp_state state, enum mhp_zone zone);

/* Whether whoever wants to change the block has to wait for somebody else's offlining. */
bool sim_is_locked(const struct mhp_sim *sim, const struct mhp_sim_block *block);

/* The kernel brings it online and says so. -ENODEV, -EBUSY or -EINVAL as device_online() would have it. */
int sim_online(struct mhp_sim *sim, uint32_t nr, enum mhp_zone zone);

/* The kernel takes it offline and says so. */
int sim_set_offline(struct mhp_sim *sim, struct mhp_sim_block *block);

/* A teardown is over, well or not: virtio-mem goes on. */
int sim_torn_down(struct mhp_sim *sim);

/* It went offline, by whatever hand: virtio-mem may take it out at once. */
int sim_went_offline(struct mhp_sim *sim, uint32_t nr);
