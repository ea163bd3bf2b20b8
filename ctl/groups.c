/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl groups`: what comes and goes together. */

#include "ctl/ctl.h"
#include "ctl/summary.h"
#include "ctl/words.h"

int verb_groups(struct ctl *ctl) {
        _cleanup_map_ struct mhp_map *map = NULL;
        _cleanup_ctl_groups_ struct ctl_groups groups = {};
        int r;

        r = ctl_map_read(ctl, &map);
        if (r != CTL_DONE)
                return r;
        r = ctl_groups_gather(map, &groups);
        if (r < 0)
                return r;

        if (!ctl_given(ctl, CTL_OPT_JSON))
                return ctl_groups_table(ctl, map, &groups, "NAME,SOURCE,BLOCKS,SIZE,ONLINE,MOVABLE,KERNEL,OFFLINE,NODE,STATE", "");
        ctl_json_u64(&ctl->out, "{", "block_size", map->block_size);
        mhp_text_add(&ctl->out, ",\"groups\":");
        ctl_groups_json(&ctl->out, map, &groups);
        mhp_text_add(&ctl->out, "}\n");
        return CTL_DONE;
}
