/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/plan-basis.h"

#include <errno.h>

/* A block as the daemon would find it at rest: settled, nothing under way, nothing to wait for. Online ones are no matter of this plan: they are
 * taken for where they are wanted, so that no repair is planned. */
static struct mhp_block at_rest(const struct mhp_block *block) {
        struct mhp_block b = *block;

        b.flags &= (uint16_t) ~(MHP_BLOCK_BUSY | MHP_BLOCK_REPAIRING);
        b.flags |= MHP_BLOCK_SETTLED;
        b.retry_at = 0;
        b.removal = 0;
        b.home = MHP_ZONE_UNSET;
        if (b.state == MHP_STATE_ONLINE && !mhp_block_goal_met(&b)) {
                b.goal = (uint8_t) mhp_zone_class((enum mhp_zone) b.zone);
                b.reason = MHP_REASON_ACCEPTED;
        }
        return b;
}

int ctl_plan_basis(const struct mhp_map *daemons, struct mhp_map **ret) {
        _cleanup_map_ struct mhp_map *map = NULL;
        int r = mhp_map_new(daemons->block_size, &map);

        for (const struct mhp_block *b = mhp_map_at_or_after(daemons, 0); b && r >= 0; b = mhp_map_next_block(daemons, b)) {
                const struct mhp_group *group = mhp_map_group(daemons, b);
                const struct mhp_block fields = at_rest(b);

                r = mhp_map_restore_block(map, b->nr, &fields, group ? group->name : NULL, group ? group->source : MHP_SOURCE_UNKNOWN);
        }
        for (size_t i = 0; i < daemons->n_groups && r >= 0; i++)
                if (daemons->groups[i].n_blocks > 0)
                        r = mhp_map_restore_group(map, &daemons->groups[i]);
        if (r < 0)
                return r;
        mhp_map_restore_scanned(map, true);
        *ret = TAKE(map);
        return 0;
}
