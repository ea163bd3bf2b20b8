/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "api/scan.h"

#include <errno.h>

#include "edge/sysfs.h"
#include "model/map.h"

static int give(struct mhp_groups *groups, enum mhp_resolve how, uint64_t now, struct mhp_reading *reading, mhp_event_fn event, void *userdata) {
        int r;

        if (how != MHP_RESOLVE_SCAN && mhp_error_passes(-reading->error))
                return event(userdata, &(struct mhp_event) { .type = MHP_EVENT_UNREAD, .now = now, .block = reading->nr, .error = reading->error });
        r = mhp_groups_resolve(groups, how, reading);
        if (how != MHP_RESOLVE_SCAN && r < 0 && r != -ENOMEM)
                return event(userdata, &(struct mhp_event) { .type = MHP_EVENT_UNREAD, .now = now, .block = reading->nr, .error = -r });
        return r < 0 ? r : event(userdata, &(struct mhp_event) { .type = MHP_EVENT_BLOCK, .now = now, .reading = reading });
}

int mhp_scan_into(const struct mhp_root *root, struct mhp_groups *groups, enum mhp_resolve how, uint64_t now, mhp_event_fn event, void *userdata) {
        _cleanup_readings_ struct mhp_readings readings = { 0 };
        int r = mhp_sysfs_scan(root, &readings);

        if (r < 0)
                return r;
        r = mhp_groups_refresh(groups);
        if (r < 0)
                return r;
        r = mhp_groups_load(groups);
        if (r < 0)
                return r;

        r = event(userdata, &(struct mhp_event) { .type = MHP_EVENT_SCAN_BEGIN, .now = now });
        for (size_t i = 0; i < readings.n && r >= 0; i++)
                r = give(groups, how, now, &readings.reading[i], event, userdata);
        if (r < 0)
                return r;
        return event(userdata, &(struct mhp_event) { .type = MHP_EVENT_SCAN_END, .now = now });
}

static int apply(void *userdata, const struct mhp_event *event) {
        int r = mhp_map_apply(userdata, event);

        return r < 0 ? r : 0;
}

int mhp_scan_map(const struct mhp_root *root, struct mhp_map **ret) {
        _cleanup_groups_ struct mhp_groups *groups = NULL;
        _cleanup_map_ struct mhp_map *map = NULL;
        uint64_t block_size;
        int r;

        r = mhp_sysfs_block_size(root, &block_size);
        if (r < 0)
                return r;
        r = mhp_map_new(block_size, &map);
        if (r < 0)
                return r;
        r = mhp_groups_new(root, block_size, &groups);
        if (r < 0)
                return r;
        r = mhp_scan_into(root, groups, MHP_RESOLVE_SCAN, 0, apply, map);
        if (r < 0)
                return r;
        *ret = TAKE(map);
        return 0;
}

int mhp_map_scan(const char *path, struct mhp_map **ret) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        int r = mhp_root_open(path, &root);

        return r < 0 ? r : mhp_scan_map(&root, ret);
}
