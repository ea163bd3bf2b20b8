/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The model against the kernel: what each block tells of itself, page flags at its head, and what its zones have present and not managed. */

#include <errno.h>

#include "api/memmap.h"
#include "api/scan.h"
#include "base/array.h"
#include "edge/names.h"
#include "edge/zoneinfo.h"
#include "model/backing.h"

struct verifier {
        const struct mhp_map *map;
        const struct mhp_backing *backing;
        const struct mhp_memmaps *memmap;
        struct mhp_verification *result;
        size_t differ_capacity, zones_capacity;
};

struct mhp_verification *mhp_verification_free(struct mhp_verification *verification) {
        if (!verification)
                return NULL;

        free(verification->differ);
        free(verification->zones);
        free(verification);
        return NULL;
}
DEFINE_CLEANUP(struct mhp_verification *, mhp_verification_free)

/* Pages of the block that the model has set aside. */
static uint64_t expected_pages(const struct verifier *v, const struct mhp_block *block) {
        struct mhp_altmap altmap;

        return mhp_backing_altmap(v->backing, mhp_memmap_pfn(v->memmap, block), &altmap) > 0 ? altmap.free : 0;
}

static int verify_block(struct verifier *v, const struct mhp_block *block) {
        struct mhp_verification *result = v->result;
        struct mhp_block_difference difference;
        int r = mhp_memmap_compare(v->memmap, block, expected_pages(v, block), &difference);

        if (r == -ENODATA) {
                result->unseen++;
                return 0;
        }
        if (r == -ENXIO) {
                result->holes++;
                return 0;
        }
        if (r < 0)
                return r;
        result->checked++;
        if (r == 0)
                return 0;
        r = ARRAY_GROW(result->differ, result->n_differ, v->differ_capacity);
        if (r >= 0)
                result->differ[result->n_differ++] = difference;
        return r;
}

/* Pages that the model has set aside in a node's Movable zone. False: the zone cannot be reckoned with: some of it is boot memory, or of a driver
 * that takes single pages out of what is managed (virtio_mem_set_fake_offline(), drivers/virtio/virtio_mem.c; the balloons). */
static bool zone_expected(const struct verifier *v, int node, uint64_t *ret) {
        uint64_t pages = 0;
        bool any = false;

        for (const struct mhp_block *b = mhp_map_at_or_after(v->map, 0); b; b = mhp_map_next_block(v->map, b)) {
                const struct mhp_group *group = mhp_map_group(v->map, b);

                if (b->node != node || b->state == MHP_STATE_OFFLINE || (b->state == MHP_STATE_ONLINE && b->zone != MHP_ZONE_MOVABLE))
                        continue;
                if (b->state != MHP_STATE_ONLINE || !group || !mhp_source_is_unit(group->source))
                        return false;
                pages += expected_pages(v, b);
                any = true;
        }
        *ret = pages;
        return any;
}

static int verify_zones(struct verifier *v, const struct mhp_zoneinfo *info) {
        for (size_t i = 0; i < info->n; i++) {
                const struct mhp_zone_info *zone = &info->zone[i];
                struct mhp_zone_difference difference = { .node = zone->node, .zone = zone->zone };
                int r;

                if (zone->zone != MHP_ZONE_MOVABLE || zone->present < zone->managed || !zone_expected(v, zone->node, &difference.expected))
                        continue;
                difference.observed = zone->present - zone->managed;
                if (difference.observed == difference.expected)
                        continue;
                r = ARRAY_GROW(v->result->zones, v->result->n_zones, v->zones_capacity);
                if (r < 0)
                        return r;
                v->result->zones[v->result->n_zones++] = difference;
        }
        return 0;
}

/* virtio-balloon takes movable pages of any zone out of what is managed (drivers/virtio/virtio_balloon.c). */
static bool has_balloon(const struct mhp_root *root) {
        return mhp_root_exists(root, NAME_VIRTIO_BALLOON_DRIVER) || mhp_root_exists(root, NAME_HV_BALLOON_DRIVER);
}

static int verify_all(struct verifier *v, const struct mhp_root *root) {
        _cleanup_zoneinfo_ struct mhp_zoneinfo info = { 0 };
        int r;

        for (const struct mhp_block *b = mhp_map_at_or_after(v->map, 0); b; b = mhp_map_next_block(v->map, b)) {
                r = verify_block(v, b);
                if (r < 0)
                        return r;
        }
        if (has_balloon(root))
                return 0;
        r = mhp_zoneinfo_read(root, &info);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        return verify_zones(v, &info);
}

static int verify(const struct mhp_root *root, enum mhp_placement assume, struct mhp_verification *result) {
        _cleanup_(mhp_backing_freep) struct mhp_backing *backing = NULL;
        _cleanup_memmaps_ struct mhp_memmaps memmap = MHP_MEMMAPS_NONE;
        _cleanup_map_ struct mhp_map *map = NULL;
        struct verifier v = { .result = result };
        int r = mhp_scan_map(root, &map);

        if (r >= 0)
                r = mhp_memmap_open(root, map->block_size, &memmap);
        if (r < 0)
                return r;
        if (memmap.flags_error < 0 && memmap.memory_fd < 0)
                return memmap.flags_error == -ENOENT ? -ENODATA : memmap.flags_error;
        memmap.assume = assume;
        r = mhp_memmap_fill(&memmap, map, false, &backing);
        if (r < 0)
                return r;
        v.map = map;
        v.memmap = &memmap;
        v.backing = backing;
        return verify_all(&v, root);
}

int mhp_verify(const char *path, enum mhp_placement assume, struct mhp_verification **ret) {
        _cleanup_(mhp_verification_freep) struct mhp_verification *result = NULL;
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        int r;

        if ((unsigned) assume > MHP_PLACEMENT_FORCE)
                return -EINVAL;
        r = mhp_root_open(path, &root);
        if (r < 0)
                return r;
        result = calloc(1, sizeof(*result));
        if (!result)
                return -ENOMEM;
        r = verify(&root, assume, result);
        if (r < 0)
                return r;
        *ret = TAKE(result);
        return 0;
}
