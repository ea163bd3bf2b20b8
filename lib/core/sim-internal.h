/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files that make up the simulator. */

#include "core/sim.h"
#include "model/word.h"

/* The index of the first block at or after nr. */
size_t sim_search(const struct mhp_sim *sim, uint32_t nr);

/* The kernel takes it offline and says so. */
int sim_set_offline(struct mhp_sim *sim, struct mhp_sim_block *block);

/* A teardown is over, well or not: virtio-mem goes on. */
int sim_torn_down(struct mhp_sim *sim);

/* It went offline, by whatever hand: virtio-mem may take it out at once. */
int sim_went_offline(struct mhp_sim *sim, uint32_t nr);
