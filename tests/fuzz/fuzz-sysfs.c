/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include <errno.h>

#include "edge/groups.h"
#include "edge/sysfs.h"

/* The input is a tree with what is below sys/devices/system, sys/bus and proc. */

static void check_reading(const struct mhp_reading *reading) {
        MUST(reading->nr <= MHP_BLOCK_MAX);
        MUST((unsigned) reading->state < _MHP_STATE_MAX && (unsigned) reading->zone < _MHP_ZONE_MAX);
        MUST(reading->zone == MHP_ZONE_UNSET || reading->state == MHP_STATE_ONLINE);
        MUST(reading->valid == 0 || reading->state != MHP_STATE_ONLINE);
        MUST(reading->node >= -1 && (reading->node >= 0) == (reading->n_nodes > 0));
}

static void print(const struct mhp_reading *reading, struct mhp_text *text) {
        mhp_text_printf(text, "%u %u %u %u %d %u %s %u %d\n", reading->nr, reading->state, reading->zone, reading->valid, reading->node, reading->n_nodes,
                        reading->group ? reading->group : "-", reading->device_block, reading->chosen);
}

/* Whose it is, and how it looks alone. Texts are made where no memory fails. */
static void check_block(const struct mhp_root *root, struct mhp_groups *groups, struct mhp_reading *reading) {
        struct mhp_reading one;

        check_reading(reading);
        if (mhp_sysfs_read_zone(root, reading->nr, &one) == 0) {
                check_reading(&one);
                MUST(one.state == reading->state);
                if (reading->node >= 0)
                        MUST(one.zone == reading->zone && one.valid == reading->valid);
        }
        if (mhp_sysfs_read_block(root, reading->nr, &one) == 0)
                check_reading(&one);
        for (enum mhp_resolve how = MHP_RESOLVE_SCAN; how <= MHP_RESOLVE_SETTLED; how++) {
                int r = mhp_groups_resolve(groups, how, reading);

                MUST(FINE(r));
                if (r < 0)
                        continue;
                MUST((reading->group != NULL) == (reading->source != MHP_SOURCE_UNKNOWN));
                MUST(!reading->group || strncmp(reading->group, mhp_source_name(reading->source), strlen(mhp_source_name(reading->source))) == 0);
        }
}

void fuzz_one(const uint8_t *data, size_t size) {
        _cleanup_readings_ struct mhp_readings all = {};
        _cleanup_groups_ struct mhp_groups *groups = NULL;
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        _cleanup_text_ struct mhp_text text = {};
        uint64_t block_size = 0;
        int r;

        if (!fake_files(data, size))
                return;
        MUST(mhp_root_open(FAKE_ROOT, &root) == 0);
        r = mhp_sysfs_block_size(&root, &block_size);
        MUST(r == 0 ? block_size && !(block_size & (block_size - 1)) : block_size == 0);
        r = mhp_groups_new(&root, block_size, &groups);
        if (r >= 0)
                r = mhp_groups_load(groups);
        if (r >= 0)
                r = mhp_sysfs_scan(&root, &all);
        if (r < 0)
                return;
        for (size_t i = 0; i < all.n; i++) {
                MUST(i == 0 || all.reading[i - 1].nr <= all.reading[i].nr);
                check_block(&root, groups, &all.reading[i]);
        }
        if (all.n > 0)
                (void) mhp_sysfs_write_state(&root, all.reading[0].nr, "offline");
        fake_memory_rest();
        for (size_t i = 0; i < all.n; i++)
                print(&all.reading[i], &text);
        if (!fake_memory_failed())
                fake_result(&text);
}
