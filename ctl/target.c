/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/target.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/units.h"

enum kind { BLOCKS, SIZE, GROUP };

struct target {
        enum kind kind;
        const char *word;
        struct mhp_ranges blocks;
        uint64_t size;
};

static void target_done(struct target *target) {
        mhp_ranges_done(&target->blocks);
}
#define _cleanup_target_ _cleanup_(target_done)

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static int parse(const struct ctl *ctl, const char *word, struct target *ret) {
        struct target t = { .word = word };
        int r;

        if (!is_digit(*word) && !(strncmp(word, "memory", 6) == 0 && is_digit(word[6]))) {
                if (*word == '\0' || *word == '-' || *word == ',')
                        return ctl_fail(ctl, CTL_USAGE, "\"%s\" is no target; block numbers and ranges (32-39,41), a group or a size (4G) are", word);
                t.kind = GROUP;
                *ret = t;
                return CTL_DONE;
        }

        t.kind = BLOCKS;
        r = mhp_ranges_parse(word, &t.blocks);
        if (r == -EINVAL) {
                t.kind = SIZE;
                r = mhp_parse_size(word, &t.size);
                if (r == 0 && t.size == 0)
                        r = -EINVAL;
        }
        if (r == -ERANGE)
                return ctl_fail(ctl, CTL_USAGE, "\"%s\" is too large; block numbers end at %" PRIu32 ", sizes at 16E", word, MHP_BLOCK_MAX);
        if (r == -EINVAL)
                return ctl_fail(ctl, CTL_USAGE,
                                "\"%s\" is no target; block numbers and ranges from low to high (32-39,41), a group or a size (4G) are", word);
        if (r == 0)
                *ret = t;
        return r;
}

int ctl_targets_check(const struct ctl *ctl, char **words, size_t n) {
        for (size_t i = 0; i < n; i++) {
                _cleanup_target_ struct target t = {};
                int r = parse(ctl, words[i], &t);

                if (r != CTL_DONE)
                        return r;
        }
        return CTL_DONE;
}

bool ctl_target_is_size(const char *word) {
        _cleanup_ranges_ struct mhp_ranges blocks = {};
        uint64_t size;

        return mhp_ranges_parse(word, &blocks) < 0 && mhp_parse_size(word, &size) >= 0;
}

int ctl_targets_check_removal(const struct ctl *ctl, char **words, size_t n) {
        int r = ctl_targets_check(ctl, words, n);

        if (r != CTL_DONE)
                return r;
        for (size_t i = 0; i < n; i++)
                if (n > 1 && ctl_target_is_size(words[i]))
                        return ctl_fail(ctl, CTL_USAGE, "\"%s\" is a size, which is a target of its own", words[i]);
        if (ctl_given(ctl, CTL_OPT_AT_LEAST) && !ctl_target_is_size(*words))
                return ctl_fail(ctl, CTL_USAGE, "--at-least goes with a size, and \"%s\" is none", *words);
        if (ctl_given(ctl, CTL_OPT_TO) && (n > 1 || ctl_target_is_size(*words)))
                return ctl_fail(ctl, CTL_USAGE, "--to is how much one group keeps; name that group alone");
        return CTL_DONE;
}

int ctl_keep_check(const struct ctl *ctl, const struct mhp_map *map, const char *word) {
        const struct mhp_group *group;

        if (!ctl_given(ctl, CTL_OPT_TO))
                return CTL_DONE;
        group = mhp_map_find_group(map, word);
        if (!group)
                return ctl_fail(ctl, CTL_USAGE, "--to is how much a virtio-mem group keeps, and \"%s\" is no group", word);
        if (group->source != MHP_SOURCE_VIRTIO_MEM)
                return ctl_fail(ctl, CTL_FAILED, "%s leaves as one; --to is for virtio-mem groups, which can keep a part of their memory", group->name);
        return CTL_DONE;
}

int ctl_targets_check_blocks(const struct ctl *ctl, char **words, size_t n) {
        for (size_t i = 0; i < n; i++) {
                _cleanup_target_ struct target t = {};
                int r = parse(ctl, words[i], &t);

                if (r != CTL_DONE)
                        return r;
                if (t.kind == SIZE)
                        return ctl_fail(ctl, CTL_USAGE, "\"%s\" names no blocks; block numbers and ranges (32-39,41) and groups do", words[i]);
        }
        return CTL_DONE;
}

/* What of first..last is not in the map. The range may be much larger than the machine. */
static int add_missing(const struct mhp_map *map, uint32_t first, uint32_t last, struct mhp_ranges *missing) {
        uint32_t at = first;

        while (at <= last) {
                const struct mhp_block *b = mhp_map_at_or_after(map, at);
                int r = 0;

                if (!b || b->nr > last)
                        return mhp_ranges_add(missing, at, last);
                if (b->nr > at)
                        r = mhp_ranges_add(missing, at, b->nr - 1);
                if (r < 0)
                        return r;
                at = b->nr + 1;
        }
        return 0;
}

static int tell_missing(const struct ctl *ctl, const struct mhp_map *map, const struct mhp_ranges *missing) {
        _cleanup_text_ struct mhp_text there = {}, not_there = {};
        _cleanup_ranges_ struct mhp_ranges present = {};
        int r;

        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b)) {
                r = mhp_ranges_add(&present, b->nr, b->nr);
                if (r < 0)
                        return r;
        }
        mhp_ranges_print(missing, &not_there);
        mhp_ranges_print(&present, &there);
        if (there.error < 0 || not_there.error < 0)
                return -ENOMEM;
        return ctl_fail(ctl, CTL_FAILED, "there is no block %s; there are %.200s%s", not_there.data, there.data ? there.data : "none",
                        there.len > 200 ? " and more" : "");
}

static int add_blocks(const struct ctl *ctl, const struct mhp_map *map, const struct mhp_ranges *blocks, struct mhp_ranges *ret) {
        _cleanup_ranges_ struct mhp_ranges missing = {};
        int r;

        for (size_t i = 0; i < blocks->n; i++) {
                r = add_missing(map, blocks->range[i].first, blocks->range[i].last, &missing);
                if (r < 0)
                        return r;
        }
        if (missing.n > 0)
                return tell_missing(ctl, map, &missing);
        for (size_t i = 0; i < blocks->n; i++) {
                r = mhp_ranges_add(ret, blocks->range[i].first, blocks->range[i].last);
                if (r < 0)
                        return r;
        }
        return CTL_DONE;
}

#define GROUPS_TOLD 24

static int tell_groups(const struct ctl *ctl, const struct mhp_map *map, const char *word) {
        _cleanup_text_ struct mhp_text names = {};
        const char *more = "";
        size_t n = 0;

        if (!ctl->sysroot && !ctl->host)
                for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b))
                        if (b->group == MHP_NO_GROUP)
                                more = " (root sees more; everybody does while mhpd runs)";
        for (size_t i = 0; i < map->n_groups; i++) {
                if (map->groups[i].n_blocks == 0)
                        continue;
                if (n < GROUPS_TOLD) {
                        mhp_text_add(&names, n > 0 ? ", " : "");
                        ctl_add_plain(&names, map->groups[i].name);
                }
                n++;
        }
        if (n > GROUPS_TOLD)
                mhp_text_printf(&names, " and %zu more", n - GROUPS_TOLD);
        if (names.error < 0)
                return names.error;
        if (n == 0)
                return ctl_fail(ctl, CTL_FAILED, "there is no group \"%s\"; no group is known%s", word, more);
        return ctl_fail(ctl, CTL_FAILED, "there is no group \"%s\"; there %s %s%s", word, n == 1 ? "is" : "are", names.data, more);
}

static int add_group(const struct ctl *ctl, const struct mhp_map *map, const char *name, struct mhp_ranges *ret) {
        const struct mhp_group *group = mhp_map_find_group(map, name);
        int r;

        if (!group)
                return tell_groups(ctl, map, name);
        for (const struct mhp_block *b = mhp_map_at_or_after(map, group->first); b && b->nr <= group->last; b = mhp_map_next_block(map, b)) {
                if (mhp_map_group(map, b) != group)
                        continue;
                r = mhp_ranges_add(ret, b->nr, b->nr);
                if (r < 0)
                        return r;
        }
        return CTL_DONE;
}

/* The blocks that a size may be made of, less those that another word has named. */
static int gather_candidates(const struct mhp_map *map, bool online, const struct mhp_ranges *taken, struct mhp_ranges *ret) {
        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b)) {
                bool fits = online ? b->state == MHP_STATE_OFFLINE : b->state == MHP_STATE_ONLINE && b->zone == MHP_ZONE_MOVABLE;
                int r;

                if (!fits || mhp_ranges_contain(taken, b->nr))
                        continue;
                r = mhp_ranges_add(ret, b->nr, b->nr);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_size(const struct ctl *ctl, const struct mhp_map *map, uint64_t size, bool online, struct mhp_ranges *ret) {
        uint64_t need = size / map->block_size + (size % map->block_size != 0);
        _cleanup_ranges_ struct mhp_ranges from = {};
        char have[MHP_SIZE_MAX];
        int r;

        r = gather_candidates(map, online, ret, &from);
        if (r < 0)
                return r;
        if (mhp_ranges_count(&from) < need)
                return ctl_fail(ctl, CTL_FAILED, "there %s only %s %s", online ? "is" : "are",
                                mhp_format_size(have, mhp_mul_sat(mhp_ranges_count(&from), map->block_size)),
                                online ? "of offline memory" : "online in Movable");
        for (size_t i = 0; i < from.n && need > 0; i++) {
                const struct mhp_range *range = &from.range[online ? i : from.n - 1 - i];
                uint32_t n = (uint32_t) MIN(need, (uint64_t) range->last - range->first + 1);

                r = online ? mhp_ranges_add(ret, range->first, range->first + n - 1) : mhp_ranges_add(ret, range->last - n + 1, range->last);
                if (r < 0)
                        return r;
                need -= n;
        }
        return CTL_DONE;
}

int ctl_targets_resolve(const struct ctl *ctl, const struct mhp_map *map, char **words, size_t n, bool online, struct mhp_ranges *ret) {
        _cleanup_ranges_ struct mhp_ranges blocks = {};

        for (size_t i = 0; i < n; i++) {
                _cleanup_target_ struct target t = {};
                int r = parse(ctl, words[i], &t);

                if (r != CTL_DONE)
                        return r;
                switch (t.kind) {
                case BLOCKS:
                        r = add_blocks(ctl, map, &t.blocks, &blocks);
                        break;
                case SIZE:
                        r = add_size(ctl, map, t.size, online, &blocks);
                        break;
                case GROUP:
                        r = add_group(ctl, map, t.word, &blocks);
                        break;
                }
                if (r != CTL_DONE)
                        return r;
        }
        *ret = blocks;
        blocks = (struct mhp_ranges) {};
        return CTL_DONE;
}
