/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/settled.h"

#include "base/units.h"

void mhp_settled_done(struct mhp_settled *settled) {
        mhp_ranges_done(&settled->present);
        mhp_ranges_done(&settled->online);
        mhp_ranges_done(&settled->now_present);
        mhp_ranges_done(&settled->now_online);
        *settled = (struct mhp_settled) { 0 };
}

void mhp_settled_change_done(struct mhp_settled_change *change) {
        mhp_ranges_done(&change->added);
        mhp_ranges_done(&change->removed);
        mhp_ranges_done(&change->online);
        mhp_ranges_done(&change->offline);
        *change = (struct mhp_settled_change) { 0 };
}

bool mhp_settled_change_is_empty(const struct mhp_settled_change *change) {
        return change->added.n == 0 && change->removed.n == 0 && change->online.n == 0 && change->offline.n == 0;
}

static int copy(const struct mhp_ranges *from, struct mhp_ranges *to) {
        int r = 0;

        for (size_t i = 0; i < from->n && r >= 0; i++)
                r = mhp_ranges_add(to, from->range[i].first, from->range[i].last);
        return r < 0 ? r : 0;
}

/* What is in `from` and not in `without`. Both are walked once, from the lowest block to the highest. */
static int subtract(const struct mhp_ranges *from, const struct mhp_ranges *without, struct mhp_ranges *ret) {
        size_t k = 0;

        for (size_t i = 0; i < from->n; i++) {
                uint64_t at = from->range[i].first, last = from->range[i].last;

                for (; k < without->n && without->range[k].last < at; k++)
                        ;
                for (; k < without->n && without->range[k].first <= last; k++) {
                        int r = without->range[k].first > at ? mhp_ranges_add(ret, (uint32_t) at, without->range[k].first - 1) : 0;

                        if (r < 0)
                                return r;
                        at = (uint64_t) without->range[k].last + 1;
                        if (at > last)
                                break; /* it may reach into the next one */
                }
                if (at <= last) {
                        int r = mhp_ranges_add(ret, (uint32_t) at, (uint32_t) last);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static bool same(const struct mhp_ranges *a, const struct mhp_ranges *b) {
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (a->range[i].first != b->range[i].first || a->range[i].last != b->range[i].last)
                        return false;
        return true;
}

static void mark(struct mhp_settled *settled, uint64_t now) {
        if (!settled->changed)
                settled->first = now;
        settled->changed = true;
        settled->last = now;
}

int mhp_settled_begin(struct mhp_settled *settled, uint64_t now, const struct mhp_map *map, bool known, struct mhp_ranges *present, struct mhp_ranges *online) {
        int r = 0;

        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b && r >= 0; b = mhp_map_next_block(map, b)) {
                r = mhp_ranges_add(&settled->now_present, b->nr, b->nr);
                if (r >= 0 && b->state == MHP_STATE_ONLINE)
                        r = mhp_ranges_add(&settled->now_online, b->nr, b->nr);
        }
        if (r < 0)
                return r;
        if (!known) {
                r = copy(&settled->now_present, &settled->present);
                return r < 0 ? r : copy(&settled->now_online, &settled->online);
        }
        settled->present = *present;
        settled->online = *online;
        *present = *online = (struct mhp_ranges) { 0 };
        if (!same(&settled->present, &settled->now_present) || !same(&settled->online, &settled->now_online))
                mark(settled, now);
        return 0;
}

/* 1: it was not so before. */
static int set(struct mhp_ranges *ranges, uint32_t nr, bool in) {
        if (mhp_ranges_contain(ranges, nr) == in)
                return 0;

        int r = in ? mhp_ranges_add(ranges, nr, nr) : mhp_ranges_remove(ranges, nr, nr);
        return r < 0 ? r : 1;
}

int mhp_settled_see(struct mhp_settled *settled, uint64_t now, const struct mhp_map *map, uint32_t nr) {
        const struct mhp_block *block = mhp_map_find(map, nr);
        int came = set(&settled->now_present, nr, block);
        int went = came < 0 ? came : set(&settled->now_online, nr, block && block->state == MHP_STATE_ONLINE);

        if (went < 0)
                return went;
        if (came > 0 || went > 0)
                mark(settled, now);
        return 0;
}

/* The time of quiet begins with the end of what was under way. */
uint64_t mhp_settled_turn(struct mhp_settled *settled, uint64_t now, bool idle) {
        uint64_t latest = mhp_add_sat(settled->first, MHP_SETTLED_LATEST);

        if (settled->changed && (!idle || settled->busy))
                settled->last = MAX(settled->last, now);
        settled->busy = !idle;
        if (!settled->changed)
                return UINT64_MAX;
        return idle ? MIN(mhp_add_sat(settled->last, MHP_SETTLED_QUIET), latest) : latest;
}

static int compare(const struct mhp_settled *settled, struct mhp_settled_change *ret) {
        _cleanup_ranges_ struct mhp_ranges off = { 0 };
        int r = subtract(&settled->now_present, &settled->present, &ret->added);

        if (r >= 0)
                r = subtract(&settled->present, &settled->now_present, &ret->removed);
        if (r >= 0)
                r = subtract(&settled->now_online, &settled->online, &ret->online);
        if (r >= 0)
                r = subtract(&settled->online, &settled->now_online, &off);
        return r < 0 ? r : subtract(&off, &ret->removed, &ret->offline);
}

int mhp_settled_take(struct mhp_settled *settled, struct mhp_settled_change *ret) {
        _cleanup_change_ struct mhp_settled_change change = { 0 };
        _cleanup_ranges_ struct mhp_ranges present = { 0 }, online = { 0 };
        int r = compare(settled, &change);

        if (r >= 0)
                r = copy(&settled->now_present, &present);
        if (r >= 0)
                r = copy(&settled->now_online, &online);
        if (r < 0)
                return r;
        mhp_ranges_done(&settled->present);
        mhp_ranges_done(&settled->online);
        settled->present = present;
        settled->online = online;
        present = online = (struct mhp_ranges) { 0 };
        settled->changed = false;
        *ret = change;
        change = (struct mhp_settled_change) { 0 };
        return 0;
}
