/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl groups`: what comes and goes together. */

#include "ctl/ctl.h"
#include "ctl/source.h"
#include "ctl/summary.h"
#include "ctl/words.h"
#include "edge/dimm.h"

/* What has no block is in no group of the map. With -H nothing of the other machine but its map is seen. */
static int list_refused(const struct ctl *ctl, struct mhp_dimm **ret, size_t *ret_n) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        int r;

        *ret_n = 0;
        if (ctl->host)
                return 0;
        r = mhp_root_open(ctl_root(ctl), &root);
        return r < 0 ? r : mhp_dimm_list_refused(&root, ret, ret_n);
}

static void json_refused(struct mhp_text *out, const struct mhp_dimm *refused, size_t n) {
        mhp_text_add(out, ",\"refused\":[");
        for (size_t i = 0; i < n; i++)
                mhp_text_printf(out, "%s\"acpi:%s\"", i > 0 ? "," : "", refused[i].name);
        mhp_text_add(out, "]");
}

int verb_groups(struct ctl *ctl) {
        _cleanup_map_ struct mhp_map *map = NULL;
        _cleanup_ctl_groups_ struct ctl_groups groups = {};
        _cleanup_free_ struct mhp_dimm *refused = NULL;
        size_t n_refused;
        int r;

        r = ctl_map_read(ctl, &map);
        if (r != CTL_DONE)
                return r;
        r = ctl_groups_gather(map, &groups);
        if (r >= 0)
                r = list_refused(ctl, &refused, &n_refused);
        if (r < 0)
                return r;

        if (!ctl_given(ctl, CTL_OPT_JSON)) {
                r = ctl_groups_table(ctl, map, &groups, "NAME,SOURCE,BLOCKS,SIZE,ONLINE,MOVABLE,KERNEL,OFFLINE,NODE,STATE", "");
                for (size_t i = 0; i < n_refused && r == CTL_DONE; i++)
                        mhp_text_printf(&ctl->out, "acpi:%s is plugged in, and the kernel has refused it: none of its memory is there (mhpctl doctor)\n",
                                        refused[i].name);
                return r;
        }
        ctl_json_u64(&ctl->out, "{", "block_size", map->block_size);
        mhp_text_add(&ctl->out, ",\"groups\":");
        ctl_groups_json(&ctl->out, map, &groups);
        json_refused(&ctl->out, refused, n_refused);
        mhp_text_add(&ctl->out, "}\n");
        return CTL_DONE;
}
