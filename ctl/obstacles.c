/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What will be in the way of memory that is to leave, as far as that shows beforehand. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/array.h"
#include "base/units.h"
#include "core/explain.h"
#include "core/remover.h"
#include "ctl/removal.h"
#include "edge/remover.h"

/* `words` is emptied. */
static int add(struct ctl_removal *removal, const char *token, uint32_t block, struct mhp_text *words) {
        struct ctl_obstacle obstacle = { .token = token, .block = block };
        int r = ARRAY_GROW(removal->obstacles, removal->n_obstacles, removal->obstacles_capacity);

        if (r >= 0)
                r = mhp_text_finish(words, &obstacle.words);
        if (r >= 0)
                removal->obstacles[removal->n_obstacles++] = obstacle;
        return r;
}

/* `block 32 is` or `blocks 32-39,41 are`, and the rest. */
static int add_blocks(struct ctl_removal *removal, const char *token, const struct mhp_ranges *blocks, const char *one, const char *many) {
        _cleanup_text_ struct mhp_text words = {};
        bool several = mhp_ranges_count(blocks) > 1;

        if (blocks->n == 0)
                return 0;
        mhp_text_add(&words, several ? "blocks " : "block ");
        mhp_ranges_print(blocks, &words);
        mhp_text_add(&words, several ? many : one);
        return add(removal, token, blocks->range[0].first, &words);
}

/* ------------------------------------------------------------------------------------------------- before there is a plan */

static const struct mhp_group *group_of(const struct ctl_removal *removal, uint32_t group) {
        return group == MHP_NO_GROUP ? NULL : &removal->map->groups[group];
}

/* A DIMM, or a piece of a virtio-mem device, that is asked for in part: the rest of it cannot stay. */
static int find_parts(struct ctl_removal *removal, const struct mhp_group *group, struct mhp_range whole, uint32_t index) {
        _cleanup_ranges_ struct mhp_ranges all = {};
        _cleanup_text_ struct mhp_text words = {};
        bool part = false;

        for (const struct mhp_block *b = mhp_map_at_or_after(removal->map, whole.first); b && b->nr <= whole.last; b = mhp_map_next_block(removal->map, b)) {
                int r;

                if (b->group != index)
                        continue;
                r = mhp_ranges_add(&all, b->nr, b->nr);
                if (r < 0)
                        return r;
                part = part || !mhp_ranges_contain(&removal->target.blocks, b->nr);
        }
        if (!part)
                return 0;
        removal->hopeless = true;
        if (mhp_source_is_unit(group->source))
                mhp_text_printf(&words, "%s leaves as one: name it, or all of its blocks (", group->name);
        else
                mhp_text_printf(&words, "%s gives back %" PRIu32 " blocks at a time: name all of them (", group->name, group->device_block);
        mhp_ranges_print(&all, &words);
        mhp_text_add(&words, ")");
        return add(removal, "part-of-device", all.range[0].first, &words);
}

struct finds {
        struct mhp_ranges never, unknown, boot;
        bool *seen; /* owned; by group */
};

static void finds_done(struct finds *finds) {
        mhp_ranges_done(&finds->never);
        mhp_ranges_done(&finds->unknown);
        mhp_ranges_done(&finds->boot);
        free(finds->seen);
}

static int look_at(struct ctl_removal *removal, const struct mhp_block *block, struct finds *finds) {
        const struct mhp_group *group = group_of(removal, block->group);
        int r = 0;

        if (block->zone == MHP_ZONE_NONE)
                r = mhp_ranges_add(&finds->never, block->nr, block->nr);
        if (r < 0 || removal->verb != MHP_REMOVAL_UNPLUG)
                return r;
        if (!group)
                return mhp_ranges_add(&finds->unknown, block->nr, block->nr);
        if (group->source == MHP_SOURCE_BOOT)
                return mhp_ranges_add(&finds->boot, block->nr, block->nr);
        if (!mhp_source_is_unit(group->source)) {
                uint32_t n, first = mhp_map_device_block(removal->map, block, &n);
                bool told = removal->n_obstacles > 0 && removal->obstacles[removal->n_obstacles - 1].block >= first;

                return n > 1 && !told ? find_parts(removal, group, (struct mhp_range) { first, first + (n - 1) }, block->group) : 0;
        }
        if (finds->seen[block->group])
                return 0;
        finds->seen[block->group] = true;
        return find_parts(removal, group, (struct mhp_range) { group->first, group->last }, block->group);
}

int ctl_obstacles_before(struct ctl_removal *removal) {
        _cleanup_(finds_done) struct finds finds = { .seen = calloc(removal->map->n_groups + 1, sizeof(*finds.seen)) };
        const struct mhp_ranges *blocks = &removal->target.blocks;
        int r = finds.seen ? 0 : -ENOMEM;

        if (removal->target.keep != MHP_KEEP_NONE)
                return r;
        for (size_t i = 0; i < blocks->n && r >= 0; i++)
                for (const struct mhp_block *b = mhp_map_at_or_after(removal->map, blocks->range[i].first); b && b->nr <= blocks->range[i].last && r >= 0;
                     b = mhp_map_next_block(removal->map, b))
                        r = look_at(removal, b, &finds);
        if (r >= 0)
                r = add_blocks(removal, "zone-none", &finds.never, " is in zone none and never goes offline", " are in zone none and never go offline");
        if (r >= 0)
                r = add_blocks(removal, "group-unknown", &finds.unknown, ": it is not known what brought it (root sees more)",
                               ": it is not known what brought them (root sees more)");
        if (r >= 0)
                r = add_blocks(removal, "boot-memory", &finds.boot, " was there at boot and cannot leave the machine; it can be taken offline",
                               " were there at boot and cannot leave the machine; they can be taken offline");
        removal->hopeless = removal->hopeless || finds.never.n > 0 || finds.unknown.n > 0 || finds.boot.n > 0;
        return r;
}

int ctl_obstacles_too_few(struct ctl_removal *removal, const struct mhp_ranges *all) {
        const char *what = removal->target.keep != MHP_KEEP_NONE        ? "of this group can go"
                           : removal->verb == MHP_REMOVAL_UNPLUG ? "can leave the machine"
                                                                 : "can be taken offline";
        _cleanup_text_ struct mhp_text words = {};
        char size[MHP_SIZE_MAX];

        removal->hopeless = true;
        if (all->n == 0)
                mhp_text_printf(&words, "nothing %s", what);
        else
                mhp_text_printf(&words, "only %s %s", mhp_format_size(size, mhp_mul_sat(mhp_ranges_count(all), removal->map->block_size)), what);
        return add(removal, "not-enough", MHP_NO_BLOCK, &words);
}

int ctl_obstacles_too_large(struct ctl_removal *removal, const struct mhp_ranges *smallest) {
        _cleanup_text_ struct mhp_text words = {};

        removal->hopeless = true;
        mhp_plan_smallest_words(removal->map, removal->verb, smallest, &words);
        return add(removal, "too-large", smallest->range[0].first, &words);
}

/* ------------------------------------------------------------------------------------------------------ when there is one */

static int compare_numbers(const void *a, const void *b) {
        uint32_t x = ((const struct ctl_bad_block *) a)->nr, y = ((const struct ctl_bad_block *) b)->nr;

        return (x > y) - (x < y);
}

static const struct mhp_tally *find_tally(const struct ctl_removal *removal, uint32_t nr) {
        const struct ctl_bad_block key = { .nr = nr }, *found =
                removal->n_bad > 0 ? bsearch(&key, removal->bad, removal->n_bad, sizeof(key), compare_numbers) : NULL;

        return found ? &found->tally : NULL;
}

static int add_fixed(struct ctl_removal *removal, const struct mhp_plan_item *item) {
        const struct mhp_tally *tally = item->rank == MHP_RANK_FIXED ? find_tally(removal, item->nr) : NULL;
        _cleanup_text_ struct mhp_text words = {};

        if (!tally)
                return 0;
        mhp_text_printf(&words, "block %" PRIu32 " has ", item->nr);
        mhp_explain_keeps(tally, 0, &words);
        return add(removal, "fixed-pages", item->nr, &words);
}

/* Whether somebody has vetoed ejects already. */
static bool is_vetoed(const struct ctl_removal *removal, enum mhp_source source) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        char value[MHP_HOLD_VALUE_MAX];

        return mhp_root_open(ctl_root(removal->ctl), &root) >= 0 && mhp_remover_read(&root, source, value) >= 0 &&
               strcmp(value, mhp_remover_held(source)) == 0;
}

static int add_device(struct ctl_removal *removal, const struct mhp_group *group) {
        _cleanup_text_ struct mhp_text words = {};
        const char *token, *why;

        if (!mhp_remover_can(group->source)) {
                token = "no-remover";
                why = mhp_remover_none();
        } else if (group->source == MHP_SOURCE_VIRTIO_MEM) {
                token = "host-must-ask";
                why = "the host has to ask for the memory, and what it has not asked for comes back online";
        } else if (group->source == MHP_SOURCE_ACPI && is_vetoed(removal, group->source)) {
                token = "foreign-hold";
                why = mhp_remover_foreign_hold(group->source);
        } else {
                return 0;
        }
        mhp_text_printf(&words, "%s: %s", group->name, why);
        return add(removal, token, group->first, &words);
}

static const char *not_counted_why(const struct ctl_removal *removal) {
        switch (removal->count_error) {
        case -EACCES:
        case -EPERM:
                return ": root can see what lies there";
        case -ETIME:
                return ": there are too many to look at in time";
        default:
                return "";
        }
}

static int add_lists(struct ctl_removal *removal, const struct mhp_ranges *kernel, const struct mhp_ranges *dark, const struct mhp_ranges *hidden) {
        _cleanup_text_ struct mhp_text one = {}, many = {}, hidden_one = {}, hidden_many = {};
        int r;

        mhp_text_printf(&one, " was not counted%s", not_counted_why(removal));
        mhp_text_printf(&many, " were not counted%s", not_counted_why(removal));
        mhp_text_printf(&hidden_one, " is in a kernel zone and was not counted%s", not_counted_why(removal));
        mhp_text_printf(&hidden_many, " are in kernel zones and were not counted%s", not_counted_why(removal));
        if (one.error < 0 || many.error < 0 || hidden_one.error < 0 || hidden_many.error < 0)
                return -ENOMEM;
        r = add_blocks(removal, "kernel-zone", kernel, " is in a kernel zone, where the kernel can put pages that stay at any time",
                       " are in kernel zones, where the kernel can put pages that stay at any time");
        if (r >= 0)
                r = add_blocks(removal, "kernel-zone-not-counted", hidden, hidden_one.data, hidden_many.data);
        return r < 0 ? r : add_blocks(removal, "not-counted", dark, one.data, many.data);
}

struct lists {
        struct mhp_ranges kernel, dark, hidden, holes;
};

static void lists_done(struct lists *lists) {
        mhp_ranges_done(&lists->kernel);
        mhp_ranges_done(&lists->dark);
        mhp_ranges_done(&lists->hidden);
        mhp_ranges_done(&lists->holes);
}

/* By what is in the way of a block of the plan. */
static int list_item(const struct ctl_removal *removal, const struct mhp_plan_item *item, struct lists *lists) {
        const struct mhp_block *block = mhp_map_find(removal->map, item->nr);
        const struct mhp_tally *tally = find_tally(removal, item->nr);
        bool counted = block->flags & MHP_BLOCK_COUNTED;

        if (item->rank == MHP_RANK_OFFLINE)
                return 0;
        if (item->rank == MHP_RANK_NEVER || (tally && tally->pages[MHP_CLASS_HOLE] > 0))
                return mhp_ranges_add(&lists->holes, item->nr, item->nr);
        if (item->rank == MHP_RANK_KERNEL)
                return mhp_ranges_add(counted ? &lists->kernel : &lists->hidden, item->nr, item->nr);
        return counted ? 0 : mhp_ranges_add(&lists->dark, item->nr, item->nr);
}

static int add_groups(struct ctl_removal *removal) {
        uint32_t last = MHP_NO_GROUP;

        for (size_t i = 0; i < removal->plan.n_items; i++) {
                uint32_t group = removal->plan.items[i].group;
                int r = 0;

                if (group != last && group != MHP_NO_GROUP)
                        r = add_device(removal, group_of(removal, group));
                if (r < 0)
                        return r;
                last = group;
        }
        return 0;
}

/* Single blocks and whole devices do not make up the size. */
static int add_rest(struct ctl_removal *removal) {
        uint64_t rest = removal->asked > removal->plan.n_items ? removal->asked - removal->plan.n_items : 0;
        _cleanup_text_ struct mhp_text words = {};
        char size[MHP_SIZE_MAX];

        if (rest == 0)
                return 0;
        mhp_text_printf(&words, "up to %s less than was asked for: anything else that could go is more than that",
                        mhp_format_size(size, mhp_mul_sat(rest, removal->map->block_size)));
        return add(removal, "less-than-asked", MHP_NO_BLOCK, &words);
}

/* mhpd refuses that, and the machine may be another one by the time it is asked. */
static int add_room(struct ctl_removal *removal) {
        _cleanup_text_ struct mhp_text words = {};
        struct mhp_pressure pressure;

        ctl_pressure_read(removal->ctl, &pressure);
        if (mhp_plan_has_room(removal->map, &removal->plan, &pressure, &words))
                return 0;
        return add(removal, "no-room", MHP_NO_BLOCK, &words);
}

int ctl_obstacles_after(struct ctl_removal *removal) {
        _cleanup_(lists_done) struct lists lists = {};
        int r = removal->verb == MHP_REMOVAL_UNPLUG ? add_groups(removal) : 0;

        if (r >= 0)
                r = add_rest(removal);
        if (r >= 0)
                r = add_room(removal);
        for (size_t i = 0; i < removal->plan.n_items && r >= 0; i++) {
                r = add_fixed(removal, &removal->plan.items[i]);
                if (r >= 0)
                        r = list_item(removal, &removal->plan.items[i], &lists);
        }
        if (r >= 0)
                r = add_blocks(removal, "dependency-cycle", &removal->plan.cycle, " holds memmap of its own device and of another",
                               ": the memmaps of these devices lie in each other, so that none can leave before the other");
        if (r >= 0)
                r = add_blocks(removal, "hole", &lists.holes, " has a hole and never goes offline", " have holes and never go offline");
        return r < 0 ? r : add_lists(removal, &lists.kernel, &lists.dark, &lists.hidden);
}
