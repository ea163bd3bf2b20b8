/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Taking a unit offline. The order is that of the plan: a block that hosts memmap of others goes after these, which the plan's layers say. A block that goes
 * offline may take its whole deadline, so that one has its turn at a time, unless nothing is known to lie in several. */

#include "core/pursuit-offline.h"

#include <errno.h>

#include "core/explain.h"
#include "core/pursuit-device.h"
#include "core/pursuit-end.h"
#include "core/remover.h"

/* Empty blocks in one step: to hand each over on its own costs as much as taking it offline. Other steps wait for these, so that there is a limit. */
#define BATCH_EMPTY 32
/* So many blocks one TEARDOWN carries: the kernel takes a list of less than a page. */
#define TEARDOWN_MAX 512

/* ------------------------------------------------------------------------------------------------------------- block by block */

/* Whether all of the lower layers are off, so that the block at `at` may have its turn. A block that has come back since its own turn gets it again. */
static bool layer_is_off(const struct pursuit_context *c, struct pursuit *pursuit) {
        const struct mhp_plan_item *items = pursuit->plan.items;

        if (pursuit->at == pursuit->unit || items[pursuit->at].layer == items[pursuit->at - 1].layer)
                return true;
        for (size_t i = pursuit->unit; i < pursuit->at; i++) {
                const struct mhp_block *block = pursuit_item(c, pursuit, i);

                if (!block || pursuit_is_off(block))
                        continue;
                if (mhp_map_members(c->map, pursuit->id)->n_waiting > 0 || block->state == MHP_STATE_GOING_OFFLINE)
                        return false;
                pursuit->at = i;
        }
        return true;
}

/* The next block that is not off has its turn. Returns: 1: it has; 0: all have had theirs, or some of a lower layer have to go first; -ENOMEM. */
static int next_block(const struct pursuit_context *c, struct pursuit *pursuit) {
        for (; pursuit->at < pursuit->end; pursuit->at++) {
                if (!layer_is_off(c, pursuit))
                        return 0;
                const struct mhp_block *block = pursuit_item(c, pursuit, pursuit->at);
                if (!block || pursuit_is_off(block))
                        continue;
                uint32_t nr = block->nr;
                int r = pursuit_nominate(c, block);
                if (r < 0)
                        return r;
                /* A block that a repair or an arrival was about to bring online stays offline instead, and needs no step. */
                if (pursuit_is_off(mhp_map_find(c->map, nr)))
                        continue;
                pursuit->at++;
                return 1;
        }
        return 0;
}

/* Nothing is known to lie in it, so that it goes at once. If it does not, its deadline ends the step for those behind it. */
static bool is_light(const struct pursuit *pursuit, const struct mhp_block *block) {
        if (block->flags & MHP_BLOCK_COUNTED)
                return block->used == 0 && block->fixed == 0;
        return pursuit->empty && block->zone == MHP_ZONE_MOVABLE;
}

/* Whether the next that is not off may go in one step with the one that had its turn last: both are light, and neither hosts the other's memmap. */
static bool goes_along(const struct pursuit_context *c, const struct pursuit *pursuit) {
        const struct mhp_plan_item *items = pursuit->plan.items;
        const struct mhp_block *last = pursuit_item(c, pursuit, pursuit->at - 1);

        if (!last || !is_light(pursuit, last))
                return false;
        for (size_t i = pursuit->at; i < pursuit->end && items[i].layer == items[pursuit->at - 1].layer; i++) {
                const struct mhp_block *block = pursuit_item(c, pursuit, i);

                if (block && !pursuit_is_off(block))
                        return is_light(pursuit, block);
        }
        return false;
}

/* ------------------------------------------------------------------------------------------------------------------- as one */

/* A block that nobody is at, and that is known where to go back to. */
static bool is_at_rest(const struct mhp_block *block) {
        return block->state == MHP_STATE_ONLINE && !(block->flags & MHP_BLOCK_BUSY) && block->queue != MHP_QUEUE_WAITING &&
               mhp_zone_class((enum mhp_zone) block->home) != MHP_WANT_UNSET;
}

/* Whether the unit goes offline in one TEARDOWN. That leaves the blocks on hold, so that it is only for units that a device takes out of the machine. It is
 * tried once a unit: what fails is then tried again block by block. */
static bool goes_as_one(const struct pursuit_context *c, const struct pursuit *pursuit) {
        const struct mhp_removal *removal = mhp_map_removal(c->map, pursuit->id);
        size_t n = 0;

        if (!c->teardown || pursuit->apart || pursuit->at != pursuit->unit || removal->verb != MHP_REMOVAL_UNPLUG ||
            c->config->on_failure != MHP_ON_FAILURE_RESTORE || !mhp_remover_can(pursuit_source(c, removal)))
                return false;
        for (size_t i = pursuit->unit; i < pursuit->end; i++) {
                const struct mhp_block *block = pursuit_item(c, pursuit, i);

                if (!block || pursuit_is_off(block))
                        continue;
                if (!is_at_rest(block))
                        return false;
                n++;
        }
        return n > 1 && n <= TEARDOWN_MAX;
}

static int next_all(const struct pursuit_context *c, struct pursuit *pursuit) {
        for (; pursuit->at < pursuit->end; pursuit->at++) {
                const struct mhp_block *block = pursuit_item(c, pursuit, pursuit->at);
                int r = block && !pursuit_is_off(block) ? pursuit_nominate(c, block) : 0;

                if (r < 0)
                        return r;
        }
        pursuit->together = true;
        return 1;
}

bool pursuit_is_together(const struct pursuit_context *c, uint32_t id) {
        const struct pursuit *pursuit = id != 0 ? pursuit_find(c, id) : NULL;

        return pursuit && pursuit->together;
}

int pursuit_lost_sight(const struct pursuit_context *c, uint32_t nr) {
        const struct mhp_block *block = mhp_map_find(c->map, nr);
        struct pursuit *pursuit = block && block->removal != 0 ? pursuit_find(c, block->removal) : NULL;
        const struct mhp_removal *removal = pursuit ? mhp_map_removal(c->map, pursuit->id) : NULL;

        if (!removal || removal->phase != MHP_PHASE_OFFLINE || block->flags & MHP_BLOCK_BUSY)
                return 0;
        pursuit->together = false;
        return pursuit_start_over(c, pursuit, false);
}

int pursuit_torn_down(const struct pursuit_context *c, uint32_t id) {
        const struct mhp_removal *removal = mhp_map_removal(c->map, id);
        struct pursuit *pursuit = pursuit_find(c, id);

        if (!pursuit)
                return 0;
        pursuit->together = false;
        pursuit->apart = true;
        return removal && removal->phase == MHP_PHASE_OFFLINE ? pursuit_start_over(c, pursuit, false) : 0;
}

/* ---------------------------------------------------------------------------------------------------------------- the phase */

/* Which block goes before which is for nothing as long as it is not known whether one of them is there still. */
static bool is_unread(const struct pursuit_context *c, const struct pursuit *pursuit) {
        for (size_t i = pursuit->unit; i < pursuit->end; i++) {
                const struct mhp_block *block = pursuit_item(c, pursuit, i);

                if (block && block->flags & MHP_BLOCK_UNREAD)
                        return true;
        }
        return false;
}

/* Returns: 1: one or more blocks have their turn; 0: none has; -ENOMEM. */
static int next_blocks(const struct pursuit_context *c, struct pursuit *pursuit) {
        if (is_unread(c, pursuit))
                return 0;
        if (goes_as_one(c, pursuit))
                return next_all(c, pursuit);

        int r = next_block(c, pursuit);
        for (unsigned n = 1; r > 0 && n < BATCH_EMPTY && goes_along(c, pursuit); n++)
                r = next_block(c, pursuit);
        return r;
}

/* All have had their turn. Another hand may have been at one of them since, or be at it. Returns: whether the unit is offline. */
static bool check_unit(const struct pursuit_context *c, struct pursuit *pursuit) {
        for (size_t i = pursuit->unit; i < pursuit->end; i++) {
                const struct mhp_block *block = pursuit_item(c, pursuit, i);

                if (!block || pursuit_is_off(block))
                        continue;
                if (block->state != MHP_STATE_GOING_OFFLINE)
                        pursuit->at = MIN(pursuit->at, i);
                return false;
        }
        return true;
}

static int blame_block(const struct pursuit_context *c, struct pursuit *pursuit) {
        for (size_t i = pursuit->unit; i < pursuit->end; i++) {
                const struct mhp_block *block = pursuit_item(c, pursuit, i);
                _cleanup_text_ struct mhp_text words = { 0 };

                if (!block || !(block->flags & MHP_BLOCK_GAVE_UP) || block->state == MHP_STATE_OFFLINE)
                        continue;
                mhp_explain_keeps(c->tally_block == block->nr ? c->tally : NULL, block->error, &words);
                if (words.error < 0)
                        return words.error;
                return pursuit_fail(c, pursuit->id, block->nr, block->error, words.data ? words.data : "");
        }
        return 0;
}

int pursuit_offline(const struct pursuit_context *c, uint32_t id) {
        const struct mhp_member_sums *members = mhp_map_members(c->map, id);
        struct pursuit *pursuit = pursuit_find(c, id);
        int r;

        if (members->n_gave_up > 0)
                return blame_block(c, pursuit);
        if (members->n_active > 0)
                return 0;
        r = next_blocks(c, pursuit);
        if (r < 0)
                return r;
        /* The ring takes what has its turn; the removal itself waits for the outcome. */
        if (r > 0 || pursuit->at < pursuit->end || mhp_map_members(c->map, id)->n_waiting > 0)
                return 0;
        if (check_unit(c, pursuit))
                return pursuit_unit_is_off(c, id);
        return pursuit->at < pursuit->end;
}
