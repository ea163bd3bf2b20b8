/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl groups`: what comes and goes together. */

#include "ctl/ctl.h"
#include "ctl/rows.h"
#include "ctl/source.h"
#include "ctl/summary.h"
#include "edge/dimm.h"

#define USUAL "NAME,SOURCE,BLOCKS,SIZE,ONLINE,MOVABLE,KERNEL,OFFLINE,NODE,STATE"

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

static int print_json(struct ctl *ctl, const struct mhp_map *map, const struct ctl_groups *groups, const struct mhp_dimm *refused, size_t n) {
        _cleanup_json_ struct ctl_json json = { .out = &ctl->out };
        int r;

        ctl_json_stream(&json, NULL, json_type_object);
        ctl_json_u64(&json, "block_size", map->block_size);
        ctl_json_stream(&json, "groups", json_type_array);
        r = ctl_groups_print(ctl, map, groups, USUAL, &json);
        if (r != CTL_DONE)
                return r;
        ctl_json_close(&json);
        ctl_json_open(&json, "refused", json_type_array);
        for (size_t i = 0; i < n; i++) {
                _cleanup_text_ struct mhp_text name = {};

                mhp_text_printf(&name, "acpi:%s", refused[i].name);
                if (name.error < 0)
                        return name.error;
                ctl_json_string(&json, NULL, name.data);
        }
        ctl_json_close(&json);
        ctl_json_close(&json);
        return CTL_DONE;
}

static int print_table(struct ctl *ctl, const struct mhp_map *map, const struct ctl_groups *groups, const struct mhp_dimm *refused, size_t n) {
        int r = ctl_groups_print(ctl, map, groups, USUAL, NULL);

        for (size_t i = 0; i < n && r == CTL_DONE && !ctl_rows_bare(ctl); i++)
                mhp_text_printf(&ctl->out, "acpi:%s is plugged in, and the kernel has refused it: none of its memory is there (mhpctl doctor)\n",
                                refused[i].name);
        return r;
}

int verb_groups(struct ctl *ctl) {
        _cleanup_map_ struct mhp_map *map = NULL;
        _cleanup_ctl_groups_ struct ctl_groups groups = {};
        _cleanup_free_ struct mhp_dimm *refused = NULL;
        size_t n;
        int r;

        r = ctl_map_read(ctl, &map);
        if (r != CTL_DONE)
                return r;
        r = ctl_groups_gather(map, &groups);
        if (r >= 0)
                r = list_refused(ctl, &refused, &n);
        if (r < 0)
                return r;
        return ctl_given(ctl, CTL_OPT_JSON) ? print_json(ctl, map, &groups, refused, n) : print_table(ctl, map, &groups, refused, n);
}
