/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Ranks, costs, and what a target and a plan own. The choice is in choose.c, the order in order.c. */

#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "core/plan-internal.h"

#define SMALL_PAGE 4096 /* the smallest that any architecture has: a guess that is too high puts what is not known last */

static const char *const rank_names[_MHP_RANK_MAX] = {
        [MHP_RANK_OFFLINE] = "already-offline",
        [MHP_RANK_EMPTY] = "empty",
        [MHP_RANK_MOVABLE] = "movable",
        [MHP_RANK_KERNEL] = "kernel-zone",
        [MHP_RANK_FIXED] = "fixed-pages",
        [MHP_RANK_NEVER] = "never",
};

const char *mhp_rank_name(enum mhp_rank rank) {
        return (size_t) rank < ELEMENTSOF(rank_names) ? rank_names[rank] : NULL;
}

/* The kernel says EINVAL of blocks with holes and of such as span zones (offline_pages()), EPERM of boot memory of arm64 (its notifier): that
 * does not change while the machine runs. */
static bool is_refused(const struct mhp_block *block) {
        return block->zone == MHP_ZONE_NONE || ((block->flags & MHP_BLOCK_GAVE_UP) && (block->error == EINVAL || block->error == EPERM));
}

enum mhp_rank mhp_rank_of(const struct mhp_block *block) {
        if (block->state == MHP_STATE_OFFLINE)
                return MHP_RANK_OFFLINE;
        if (is_refused(block))
                return MHP_RANK_NEVER;
        if (block->flags & MHP_BLOCK_COUNTED && block->fixed > 0)
                return MHP_RANK_FIXED;
        if (block->flags & MHP_BLOCK_COUNTED && block->used == 0)
                return MHP_RANK_EMPTY;
        return block->zone == MHP_ZONE_MOVABLE ? MHP_RANK_MOVABLE : MHP_RANK_KERNEL;
}

uint32_t mhp_plan_weight(const struct mhp_map *map, const struct mhp_block *block) {
        if (block->state == MHP_STATE_OFFLINE)
                return 0;
        return block->flags & MHP_BLOCK_COUNTED ? block->used : (uint32_t) MIN(map->block_size / SMALL_PAGE, UINT32_MAX);
}

struct mhp_cost mhp_plan_cost(const struct mhp_map *map, const struct mhp_block *block) {
        struct mhp_cost cost = { .pages = mhp_plan_weight(map, block) };

        switch (mhp_rank_of(block)) {
        case MHP_RANK_OFFLINE:
        case MHP_RANK_EMPTY:
        case MHP_RANK_MOVABLE:
        case _MHP_RANK_MAX:
                break;
        case MHP_RANK_KERNEL:
                cost.grave = 1;
                break;
        case MHP_RANK_FIXED:
        case MHP_RANK_NEVER:
                cost.grave = UINT64_C(1) << 32;
                break;
        }
        return cost;
}

void mhp_target_done(struct mhp_target *target) {
        mhp_ranges_done(&target->blocks);
        mhp_ranges_done(&target->except);
}

void mhp_plan_done(struct mhp_plan *plan) {
        free(plan->items);
        mhp_ranges_done(&plan->cycle);
        *plan = (struct mhp_plan) { 0 };
}

int mhp_target_parse_size(const char *s, uint64_t *ret_size, bool *ret_at_least) {
        char digits[32] = { 0 };
        size_t len = strlen(s);
        bool at_least = len > 0 && s[len - 1] == '+';
        uint64_t size;
        int r;

        len -= at_least;
        if (len >= sizeof(digits))
                return -EINVAL;
        memcpy(digits, s, len);
        r = mhp_parse_size(digits, &size);
        if (r < 0 || size == 0)
                return r < 0 ? r : -EINVAL;
        *ret_size = size;
        *ret_at_least = at_least;
        return 0;
}

void mhp_plan_smallest_words(const struct mhp_map *map, enum mhp_removal_verb verb, const struct mhp_ranges *smallest, struct mhp_text *words) {
        const struct mhp_block *block = smallest->n > 0 ? mhp_map_find(map, smallest->range[0].first) : NULL;
        const struct mhp_group *group = block ? mhp_map_group(map, block) : NULL;
        uint64_t n = mhp_ranges_count(smallest);
        char size[MHP_SIZE_MAX];

        mhp_text_printf(words, "the smallest that can %s is ", verb == MHP_REMOVAL_UNPLUG ? "leave" : "go offline");
        if (verb == MHP_REMOVAL_UNPLUG && group && mhp_source_is_unit(group->source)) {
                mhp_text_add(words, group->name);
        } else {
                mhp_text_add(words, n == 1 ? "block " : "blocks ");
                mhp_ranges_print(smallest, words);
        }
        mhp_text_printf(words, ", %s; name it", mhp_format_size(size, mhp_mul_sat(n, map->block_size)));
}

/* What the blocks of a plan hold, in pages. */
struct load {
        uint64_t move, huge, lost; /* to be moved, of these such of hugetlb, and free */
        uint64_t dark;             /* in blocks of Movable that were not counted */
        bool guessed;              /* a block was not counted */
};

static void add_load(struct load *load, const struct mhp_block *block, uint64_t pages) {
        uint64_t used = MIN((uint64_t) block->used, pages);

        load->guessed = load->guessed || !(block->flags & MHP_BLOCK_COUNTED);
        if (block->flags & MHP_BLOCK_COUNTED) {
                load->move += used;
                load->huge += MIN((uint64_t) block->huge, used);
                load->lost += pages - MIN(used + block->fixed, pages);
        } else if (block->zone == MHP_ZONE_MOVABLE) {
                load->dark += pages;
        } else {
                load->move += pages;
        }
}

/* A huge page that is dissolved gets back the part of its memmap that HVO has freed (hugetlb_vmemmap_restore_folio(), mm/hugetlb_vmemmap.c): less than
 * this share of it. */
#define HUGE_MEMMAP 64

static void add_guesses(struct load *load, const struct mhp_pressure *pressure) {
        uint64_t used = pressure->movable_used / pressure->page_size, dark = MIN(load->dark, used);

        load->move += dark;
        load->lost += load->dark - dark;
        load->move -= MIN(load->huge, pressure->huge_free / pressure->page_size);
        load->move += load->huge / HUGE_MEMMAP;
}

bool mhp_plan_has_room(const struct mhp_map *map, const struct mhp_plan *plan, const struct mhp_pressure *pressure, struct mhp_text *words) {
        char needed[MHP_SIZE_MAX], there[MHP_SIZE_MAX];
        struct load load = { 0 };

        if (pressure->page_size == 0)
                return true;
        for (size_t i = 0; i < plan->n_items; i++) {
                const struct mhp_block *block = mhp_map_find(map, plan->items[i].nr);

                if (block && block->state != MHP_STATE_OFFLINE)
                        add_load(&load, block, map->block_size / pressure->page_size);
        }
        add_guesses(&load, pressure);

        uint64_t need = mhp_mul_sat(load.move, pressure->page_size), lost = mhp_mul_sat(load.lost, pressure->page_size);
        uint64_t room = pressure->room > lost ? pressure->room - lost : 0;
        if (need <= room)
                return true;
        mhp_text_printf(words, "%s%s in it would have to be moved, and there is room for %s", load.guessed ? "up to " : "", mhp_format_size(needed, need),
                        mhp_format_size(there, room));
        return false;
}
