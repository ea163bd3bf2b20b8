/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Removals, their members, and what lies in blocks. */

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "model/map-internal.h"

/* There is one, or a few: an administrator asks for them. */
static size_t find(const struct mhp_map *map, uint32_t id) {
        size_t i = 0;

        while (i < map->n_removals && map->removals[i].id != id)
                i++;
        return i;
}

const struct mhp_removal *mhp_map_removal(const struct mhp_map *map, uint32_t id) {
        size_t i = find(map, id);

        return i < map->n_removals ? &map->removals[i] : NULL;
}

const struct mhp_member_sums *mhp_map_members(const struct mhp_map *map, uint32_t id) {
        static const struct mhp_member_sums nothing;
        size_t i = find(map, id);

        return i < map->n_removals ? &map->members[i] : &nothing;
}

static void count(uint32_t *sum, bool yes, int sign) {
        if (yes)
                *sum += (uint32_t) sign;
}

void map_count_member(struct mhp_map *map, const struct mhp_block *block, int sign) {
        struct mhp_member_sums *sums = &map->members[find(map, block->removal)];
        bool gave_up = block->flags & MHP_BLOCK_GAVE_UP;
        /* Not one that somebody wanted offline before, and that is so again. */
        bool away = (block->state == MHP_STATE_OFFLINE || block->flags & MHP_BLOCK_UNREAD) && block->home != MHP_ZONE_UNSET && !(block->flags & MHP_BLOCK_HANDS_OFF) &&
                    (block->goal != MHP_WANT_NONE || block->reason == MHP_REASON_REMOVAL);
        enum mhp_queue queue = mhp_block_queue(block);

        count(&sums->n, true, sign);
        count(&sums->n_online, block->state != MHP_STATE_OFFLINE, sign);
        count(&sums->n_away, away, sign);
        count(&sums->n_lost, away && gave_up, sign);
        count(&sums->n_active, queue == MHP_QUEUE_OFFLINE || queue == MHP_QUEUE_BUSY, sign);
        count(&sums->n_waiting, queue == MHP_QUEUE_WAITING || queue == MHP_QUEUE_UNSETTLED, sign);
        count(&sums->n_gave_up, block->state != MHP_STATE_OFFLINE && gave_up, sign);
}

static int forget(struct mhp_map *map, size_t i) {
        map->n_removals--;
        memmove(map->removals + i, map->removals + i + 1, (map->n_removals - i) * sizeof(*map->removals));
        memmove(map->members + i, map->members + i + 1, (map->n_removals - i) * sizeof(*map->members));
        return 0;
}

int map_apply_removal(struct mhp_map *map, uint32_t id, const struct mhp_removal *removal) {
        size_t i = find(map, removal ? removal->id : id);
        size_t n = map->n_removals;
        int r;

        if (!removal)
                /* Members know it by its id: it stays as long as there is one. */
                return i < n && map->members[i].n == 0 ? forget(map, i) : 0;
        if (removal->id == 0)
                return 0;
        if (i == n) {
                r = ARRAY_GROW(map->removals, map->n_removals, map->removals_capacity);
                if (r >= 0)
                        r = ARRAY_GROW(map->members, n, map->members_capacity);
                if (r < 0)
                        return r;
                while (i > 0 && map->removals[i - 1].id > removal->id)
                        i--;
                memmove(map->removals + i + 1, map->removals + i, (n - i) * sizeof(*map->removals));
                memmove(map->members + i + 1, map->members + i, (n - i) * sizeof(*map->members));
                map->members[i] = (struct mhp_member_sums) { 0 };
                map->n_removals++;
        }
        map->removals[i] = *removal;
        return 0;
}

int map_apply_member(const struct mhp_map *map, struct mhp_block *block, uint32_t id, enum mhp_zone home) {
        if (id != 0 && find(map, id) == map->n_removals)
                return 0;
        block->removal = id;
        block->home = id != 0 ? (uint8_t) home : MHP_ZONE_UNSET;
        return 0;
}

/* The drivers that hold back pages of the memory that they brought, and let its blocks go offline with these (virtio_mem_fake_offline_going_offline(),
 * drivers/virtio/virtio_mem.c). Elsewhere a page of class OFFLINE is a balloon's, and is moved like any other (balloon_page_migrate()). */
static bool takes_pages(enum mhp_source source) {
        return source == MHP_SOURCE_VIRTIO_MEM || source == MHP_SOURCE_HYPERV;
}

/* Pages that are to be moved before the block can go. Outside Movable, a page without a mark is mostly one that the kernel keeps, and that only a try can
 * tell: a block full of them is not empty. */
static uint32_t used_pages(const struct mhp_map *map, const struct mhp_block *block, const struct mhp_tally *tally) {
        const struct mhp_group *group = mhp_map_group(map, block);
        uint32_t n = mhp_tally_movable(tally);

        if (block->zone != MHP_ZONE_MOVABLE)
                n += tally->pages[MHP_CLASS_UNMARKED];
        if (!group || !takes_pages(group->source))
                n += tally->pages[MHP_CLASS_OFFLINE];
        return n;
}

/* A quarter of a block is moved in the time that an administrator takes to read about it. */
static bool is_cheap(const struct mhp_tally *tally, uint32_t used) {
        uint64_t all = 0;

        for (unsigned i = 0; i < _MHP_CLASS_MAX; i++)
                all += tally->pages[i];
        return mhp_tally_fixed(tally) == 0 && (uint64_t) used * 4 <= all;
}

int map_apply_count(const struct mhp_map *map, struct mhp_block *block, const struct mhp_tally *tally) {
        block->flags &= (uint16_t) ~(MHP_BLOCK_COUNTED | MHP_BLOCK_CHEAP);
        block->used = block->fixed = block->huge = 0;
        if (!tally)
                return 0;
        block->used = used_pages(map, block, tally);
        block->huge = tally->pages[MHP_CLASS_HUGETLB];
        block->flags |= MHP_BLOCK_COUNTED | (is_cheap(tally, block->used) ? MHP_BLOCK_CHEAP : 0);
        block->fixed = mhp_tally_fixed(tally);
        return 0;
}
