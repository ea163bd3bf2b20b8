/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl plan offline` and `plan unplug`: the daemon's own choice and order, over a fresh read of the machine. */

#include <errno.h>
#include <string.h>
#include <time.h>

#include "api/count.h"
#include "base/array.h"
#include "base/units.h"
#include "core/remover.h"
#include "ctl/removal.h"
#include "ctl/source.h"
#include "ctl/target.h"
#include "edge/teardown.h"

#define COUNT_USEC (10 * USEC_PER_SEC) /* as long as the daemon looks before it chooses */

static void removal_done(struct ctl_removal *removal) {
        for (size_t i = 0; i < removal->n_obstacles; i++)
                free(removal->obstacles[i].words);
        free(removal->obstacles);
        free(removal->steps);
        free(removal->bad);
        mhp_plan_done(&removal->plan);
        mhp_backing_free(removal->backing);
        mhp_memmap_done(&removal->memmaps);
        mhp_target_done(&removal->target);
        mhp_map_free(removal->map);
}

/* -------------------------------------------------------------------------------------------------------------- looking */

static uint64_t now_usec(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * USEC_PER_SEC + (uint64_t) t.tv_nsec / 1000;
}

static int count_block(struct ctl_removal *removal, const struct mhp_counter *counter, uint32_t nr) {
        struct mhp_tally tally;
        int r = mhp_counter_block(counter, nr, &tally);

        /* offline since, or beyond what the kernel shows */
        if (r < 0 || tally.pages[MHP_CLASS_HOLE] == counter->pages_per_block)
                return r == -ENOMEM ? r : 0;
        r = mhp_map_apply(removal->map, &(struct mhp_event) { .type = MHP_EVENT_COUNT, .block = nr, .tally = &tally });
        if (r < 0 || (mhp_tally_fixed(&tally) == 0 && tally.pages[MHP_CLASS_HOLE] == 0))
                return MIN(r, 0);
        r = ARRAY_GROW(removal->bad, removal->n_bad, removal->bad_capacity);
        if (r >= 0)
                removal->bad[removal->n_bad++] = (struct ctl_bad_block) { nr, tally };
        return r;
}

static int count_range(struct ctl_removal *removal, const struct mhp_counter *counter, struct mhp_range range, uint64_t end) {
        for (const struct mhp_block *b = mhp_map_at_or_after(removal->map, range.first); b && b->nr <= range.last; b = mhp_map_next_block(removal->map, b)) {
                int r = 0;

                if (now_usec() > end)
                        removal->count_error = -ETIME;
                else if (b->state == MHP_STATE_ONLINE && b->zone != MHP_ZONE_NONE)
                        r = count_block(removal, counter, b->nr);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What lies in the blocks that come into question. That it cannot be seen is no failure. */
static int count_candidates(struct ctl_removal *removal) {
        _cleanup_ranges_ struct mhp_ranges candidates = {};
        _cleanup_counter_ struct mhp_counter counter = MHP_COUNTER_NONE;
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        uint64_t end = mhp_add_sat(now_usec(), COUNT_USEC);
        int r;

        removal->count_error = removal->memmaps_known ? mhp_root_open(ctl_root(removal->ctl), &root) : -EOPNOTSUPP;
        if (removal->count_error >= 0)
                removal->count_error = mhp_counter_open(&root, removal->map->block_size / removal->memmaps.geometry.page_size, &counter);
        if (removal->count_error < 0)
                return removal->count_error == -ENOMEM ? -ENOMEM : 0;

        r = mhp_plan_candidates(removal->map, &removal->target, &candidates);
        for (size_t i = 0; i < candidates.n && r >= 0; i++)
                r = count_range(removal, &counter, candidates.range[i], end);
        return r;
}

static int read_backing(struct ctl_removal *removal) {
        int r = ctl_memmaps_open(removal->ctl, removal->map, &removal->memmaps);

        if (r == -ENOMEM)
                return r;
        removal->memmaps_known = r >= 0;
        return r >= 0 ? mhp_memmap_fill(&removal->memmaps, removal->map, true, &removal->backing) : 0;
}

static int read_target(struct ctl_removal *removal) {
        struct ctl *ctl = removal->ctl;
        char **words = ctl->args + 1;
        size_t n = ctl->n_args - 1;
        int r;

        removal->target.verb = removal->verb;
        removal->target.keep = MHP_KEEP_NONE;
        if (n == 1 && ctl_target_is_size(*words)) {
                (void) mhp_parse_size(*words, &removal->target.size);
                removal->target.at_least = ctl_given(ctl, CTL_OPT_AT_LEAST);
                return CTL_DONE;
        }
        r = ctl_targets_resolve(ctl, removal->map, words, n, false, &removal->target.blocks);
        if (r == CTL_DONE)
                r = ctl_keep_check(ctl, removal->map, *words);
        if (r == CTL_DONE && ctl_given(ctl, CTL_OPT_TO))
                removal->target.keep = ctl->keep;
        return r;
}

/* ---------------------------------------------------------------------------------------------------------------- steps */

static int add_step(struct ctl_removal *removal, struct ctl_step step) {
        int r = ARRAY_GROW(removal->steps, removal->n_steps, removal->steps_capacity);

        if (r >= 0)
                removal->steps[removal->n_steps++] = step;
        return r;
}

/* The end of the items of one device. A device's blocks follow each other. */
static size_t device_end(const struct mhp_plan *plan, size_t i) {
        size_t end = i + 1;

        while (end < plan->n_items && plan->items[end].group == plan->items[i].group)
                end++;
        return end;
}

/* After the blocks of a device are offline. ACPI and dax are handed it; virtio-mem takes them by itself, and only while the hold lasts in our order. */
static int add_end(struct ctl_removal *removal, enum mhp_source source, struct ctl_step step) {
        static const enum mhp_removal_phase handed[] = { MHP_PHASE_RELEASE, MHP_PHASE_HAND, MHP_PHASE_LEAVE };
        static const enum mhp_removal_phase taken[] = { MHP_PHASE_LEAVE, MHP_PHASE_RELEASE };
        bool hands = mhp_remover_hands(source);
        int r = 0;

        for (size_t i = 0; i < (hands ? ELEMENTSOF(handed) : ELEMENTSOF(taken)) && r >= 0; i++) {
                step.phase = hands ? handed[i] : taken[i];
                if (step.phase != MHP_PHASE_RELEASE || mhp_remover_holds(source))
                        r = add_step(removal, step);
        }
        return r;
}

static int add_device(struct ctl_removal *removal, size_t from, size_t end) {
        const struct mhp_plan_item *items = removal->plan.items;
        uint32_t group = items[from].group;
        enum mhp_source source = group == MHP_NO_GROUP ? MHP_SOURCE_UNKNOWN : removal->map->groups[group].source;
        bool leaves = removal->verb == MHP_REMOVAL_UNPLUG && mhp_remover_can(source);
        struct ctl_step step = { .phase = MHP_PHASE_HOLD, .group = group, .n = (uint32_t) (end - from) };
        int r = leaves && mhp_remover_holds(source) ? add_step(removal, step) : 0;

        for (size_t i = from; i < end && r >= 0; i++)
                if (items[i].rank != MHP_RANK_OFFLINE)
                        r = add_step(removal, (struct ctl_step) { .phase = MHP_PHASE_OFFLINE, .item = i, .group = items[i].group });
        return r >= 0 && leaves ? add_end(removal, source, step) : r;
}

static int make_steps(struct ctl_removal *removal) {
        bool by_device = removal->verb == MHP_REMOVAL_UNPLUG;

        for (size_t i = 0, end; i < removal->plan.n_items; i = end) {
                int r;

                end = by_device ? device_end(&removal->plan, i) : removal->plan.n_items;
                r = add_device(removal, i, end);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ----------------------------------------------------------------------------------------------------------------- plan */

static int make_plan(struct ctl_removal *removal) {
        _cleanup_ranges_ struct mhp_ranges chosen = {};
        int r;

        r = ctl_obstacles_before(removal);
        if (r < 0 || removal->hopeless)
                return r;
        r = mhp_plan_choose(removal->map, &removal->target, &chosen);
        if (r == -ENOSPC)
                return ctl_obstacles_too_few(removal, &chosen);
        if (r == -ERANGE)
                return ctl_obstacles_too_large(removal, &chosen);
        removal->asked = mhp_plan_asked(removal->map, &removal->target);
        if (r >= 0)
                r = mhp_plan_order(removal->map, &chosen, removal->verb == MHP_REMOVAL_UNPLUG, removal->backing, &removal->plan);
        if (r >= 0)
                r = make_steps(removal);
        return r < 0 ? r : ctl_obstacles_after(removal);
}

/* The blocks of one device, that is: what only goes offline is taken one by one all the same. */
static bool goes_together(const struct ctl_removal *removal) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;

        return removal->verb == MHP_REMOVAL_UNPLUG && mhp_root_open(ctl_root(removal->ctl), &root) >= 0 && mhp_teardown_offered(&root);
}

static int check_arguments(const struct ctl *ctl) {
        if (ctl->n_args < 2)
                return ctl_fail(ctl, CTL_USAGE, "an argument is missing: mhpctl plan %s TARGET...", *ctl->args);
        return ctl_targets_check_removal(ctl, ctl->args + 1, ctl->n_args - 1);
}

int verb_plan_remove(struct ctl *ctl) {
        _cleanup_(removal_done) struct ctl_removal removal = { .ctl = ctl, .memmaps = MHP_MEMMAPS_NONE };
        int r;

        (void) mhp_removal_verb_parse(*ctl->args, &removal.verb);
        r = check_arguments(ctl);
        if (r == CTL_DONE)
                r = ctl_map_read(ctl, &removal.map);
        if (r == CTL_DONE)
                r = read_target(&removal);
        if (r != CTL_DONE)
                return r;
        removal.together = goes_together(&removal);
        r = read_backing(&removal);
        if (r >= 0)
                r = count_candidates(&removal);
        if (r >= 0)
                r = make_plan(&removal);
        return r < 0 ? r : ctl_removal_show(&removal);
}
