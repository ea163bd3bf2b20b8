/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/policy.h"

#include <string.h>

#include "base/units.h"

bool mhp_pressure_high(const struct mhp_pressure *pressure, unsigned headroom) {
        if (pressure->kernel_managed == 0)
                return false;
        return mhp_mul_sat(pressure->kernel_available, 100) < mhp_mul_sat(pressure->kernel_managed, headroom);
}

static bool rule_matches(const struct mhp_rule *rule, enum mhp_source source, int node, uint64_t size) {
        if (rule->sources && !(rule->sources >> source & 1))
                return false;
        if (rule->nodes.n > 0 && (node < 0 || !mhp_ranges_contain(&rule->nodes, (uint32_t) node)))
                return false;
        return size >= rule->min_size && size <= rule->max_size;
}

const struct mhp_rule *mhp_policy_rule(const struct mhp_config *config, enum mhp_source source, int node, uint64_t size) {
        for (size_t i = 0; i < config->n_rules; i++)
                if (rule_matches(&config->rules[i], source, node, size))
                        return &config->rules[i];
        return NULL;
}

static const struct mhp_rule *rule_find(const struct mhp_map *map, const struct mhp_config *config, const struct mhp_block *block) {
        const struct mhp_group *group = mhp_map_group(map, block);
        enum mhp_source source = group ? group->source : MHP_SOURCE_UNKNOWN;
        uint64_t size = mhp_mul_sat(group ? group->n_blocks : 1, map->block_size);

        return mhp_policy_rule(config, source, block->node, size);
}

/* What arrives together and can only leave together: the group, or the block alone. In blocks. */
struct unit {
        uint32_t n;
        uint32_t held_movable, held_kernel; /* its own share of the sums, to be left out of them */
};

static struct unit unit_of(const struct mhp_map *map, const struct mhp_block *block) {
        const struct mhp_group *group = mhp_map_group(map, block);

        if (group && mhp_source_is_unit(group->source))
                return (struct unit) { group->n_blocks, group->n_held_movable, group->n_held_kernel };

        enum mhp_want held = mhp_block_held(block);
        return (struct unit) { 1, held == MHP_WANT_MOVABLE, held == MHP_WANT_KERNEL };
}

static uint64_t less(uint32_t a, uint32_t b, uint64_t size) {
        return a > b ? mhp_mul_sat(a - b, size) : 0;
}

/* movable + new <= ratio % of kernel. The kernel's auto_movable_can_online_movable() has the same form; here `kernel` is all
 * memory in kernel zones, whoever brought it. */
static bool ratio_allows(const struct mhp_map *map, const struct mhp_sums *sums, struct unit unit, unsigned ratio, struct mhp_decision *d) {
        d->movable = less(sums->n_held_movable, unit.held_movable, map->block_size);
        d->kernel = less(sums->n_held_kernel, unit.held_kernel, map->block_size);
        d->new = mhp_mul_sat(unit.n, map->block_size);
        return mhp_mul_sat(mhp_add_sat(d->movable, d->new), 100) <= mhp_mul_sat(d->kernel, ratio);
}

/* Kernel memory that is decided on but not online yet will relieve the pressure; without it a burst of small arrivals would
 * all go to the kernel for the sake of the first. */
static struct mhp_pressure expected_pressure(const struct mhp_map *map, const struct mhp_pressure *now, struct unit unit) {
        struct mhp_pressure p = *now;
        uint64_t coming = less(map->total.n_held_kernel, map->total.n_placed_kernel + unit.held_kernel, map->block_size);

        p.kernel_managed = p.kernel_managed ? mhp_add_sat(p.kernel_managed, coming) : 0;
        p.kernel_available = mhp_add_sat(p.kernel_available, coming);
        return p;
}

static bool follow_unit(const struct mhp_group *group, struct mhp_decision *d) {
        if (group->goal == MHP_WANT_MOVABLE || group->goal == MHP_WANT_KERNEL) {
                d->want = group->goal;
                d->reason = group->reason;
                d->rule = group->rule;
                return true;
        }
        if (group->n_anchor_movable == 0 && group->n_anchor_kernel == 0)
                return false;

        d->want = group->n_anchor_movable >= group->n_anchor_kernel ? MHP_WANT_MOVABLE : MHP_WANT_KERNEL;
        d->reason = MHP_REASON_UNIT;
        return true;
}

static bool follows_unit(const struct mhp_group *group, struct mhp_decision *d) {
        if (!group || !mhp_source_is_unit(group->source) || !follow_unit(group, d))
                return false;

        d->follows = true;
        d->rest_is_there = (d->want == MHP_WANT_MOVABLE ? group->n_movable : group->n_online - group->n_movable) > 0;
        d->source = group->source;
        return true;
}

void mhp_pressure_set_processors(struct mhp_pressure *pressure, const struct mhp_ranges *nodes) {
        memset(pressure->processors, 0, sizeof(pressure->processors));
        for (size_t i = 0; i < nodes->n; i++)
                for (uint32_t node = nodes->range[i].first; node <= MIN(nodes->range[i].last, MHP_NODE_MAX); node++)
                        pressure->processors[node / 64] |= UINT64_C(1) << (node % 64);
        pressure->processors_known = true;
}

static bool has_processors(const struct mhp_pressure *pressure, int node) {
        return !pressure->processors_known || node < 0 || node > MHP_NODE_MAX || pressure->processors[node / 64] >> (node % 64) & 1;
}

/* The ratio keeps memory for the kernel where its processors would take it from. A node that has neither processors nor kernel memory (CXL
 * memory, as a rule) has nothing to keep it for, and by the ratio of 0 bytes it could never have a first Movable block. */
static bool node_allows(const struct mhp_map *map, const struct mhp_config *config, const struct mhp_pressure *pressure, int node, struct unit unit,
                        struct mhp_decision *d) {
        struct mhp_decision here = *d;

        d->reason = MHP_REASON_RATIO_ALLOWS;
        if (!config->numa_aware || node < 0 || ratio_allows(map, mhp_map_node(map, node), unit, config->movable_ratio, &here))
                return true;
        if (here.kernel == 0 && !has_processors(pressure, node)) {
                d->reason = MHP_REASON_MEMORY_ONLY_NODE;
                d->node = node;
                return true;
        }
        *d = here;
        d->reason = MHP_REASON_NODE_RATIO_EXCEEDED;
        d->node = node;
        return false;
}

static void decide_auto(const struct mhp_map *map, const struct mhp_config *config, const struct mhp_pressure *pressure,
                        const struct mhp_block *block, struct mhp_decision *d) {
        struct unit unit = unit_of(map, block);

        d->want = MHP_WANT_KERNEL;
        d->pressure = expected_pressure(map, pressure, unit);

        if (!ratio_allows(map, &map->total, unit, config->movable_ratio, d)) {
                d->reason = MHP_REASON_RATIO_EXCEEDED;
                return;
        }
        if (mhp_pressure_high(&d->pressure, config->kernel_headroom)) {
                d->reason = MHP_REASON_KERNEL_PRESSURE;
                return;
        }
        if (node_allows(map, config, pressure, block->node, unit, d))
                d->want = MHP_WANT_MOVABLE;
}

/* The kernel chose by its own policy, which nobody can predict from outside: what it chose is right by definition. It never splits a
 * unit either, so that a block away from the rest of its unit is another hand's doing. */
static bool kernel_decided(const struct mhp_config *config, const struct mhp_block *block, struct mhp_decision *d) {
        if (config->by != MHP_BY_KERNEL || block->state != MHP_STATE_ONLINE || block->goal != MHP_WANT_UNSET)
                return false;

        d->want = mhp_zone_class((enum mhp_zone) block->zone);
        d->reason = MHP_REASON_KERNEL_DECIDED;
        return true;
}

/* Who writes a zone to the state file of a dax device (Linux 7.3) brings the whole device online there, and the file shows that zone from then on. Another
 * zone would fight a user and make the file false. */
static void yield_to_user(const struct mhp_block *block, struct mhp_decision *d) {
        enum mhp_want there = mhp_zone_class((enum mhp_zone) block->zone);

        if (block->state != MHP_STATE_ONLINE || block->goal != MHP_WANT_UNSET || !(block->flags & MHP_BLOCK_CHOSEN) || d->want == there)
                return;
        d->want = there;
        d->reason = MHP_REASON_ACCEPTED;
        d->follows = false;
}

static bool movable_offered(const struct mhp_block *block) {
        return block->state != MHP_STATE_OFFLINE || block->valid == 0 || block->valid & MHP_ZONE_BIT(MHP_ZONE_MOVABLE);
}

static void decide(const struct mhp_map *map, const struct mhp_config *config, const struct mhp_pressure *pressure, const struct mhp_rule *rule,
                   const struct mhp_block *block, struct mhp_decision *ret) {
        struct mhp_decision d = {
                .want = config->zone,
                .reason = MHP_REASON_ONLINE_ZONE,
                .node = -1,
                .ratio = config->movable_ratio,
        };

        if (rule) {
                d.rule = (uint8_t) (rule - config->rules + 1);
                if (rule->zone != MHP_WANT_UNSET) {
                        d.want = rule->zone;
                        d.reason = MHP_REASON_RULE;
                }
        }

        if (d.want == MHP_WANT_AUTO && !follows_unit(mhp_map_group(map, block), &d) && !kernel_decided(config, block, &d))
                decide_auto(map, config, pressure, block, &d);

        if (d.want == MHP_WANT_MOVABLE && !movable_offered(block)) {
                d.want = MHP_WANT_KERNEL;
                d.reason = MHP_REASON_ZONE_NOT_OFFERED;
        }
        yield_to_user(block, &d);
        *ret = d;
}

void mhp_policy_decide(const struct mhp_map *map, const struct mhp_config *config, const struct mhp_pressure *pressure,
                       const struct mhp_block *block, struct mhp_decision *ret) {
        decide(map, config, pressure, rule_find(map, config, block), block, ret);
}

void mhp_policy_expect(const struct mhp_map *map, const struct mhp_config *config, const struct mhp_pressure *pressure, enum mhp_source source,
                       struct mhp_decision *ret) {
        const struct mhp_block block = { .nr = MHP_NO_BLOCK, .group = MHP_NO_GROUP, .node = -1, .state = MHP_STATE_OFFLINE };

        decide(map, config, pressure, mhp_policy_rule(config, source, -1, map->block_size), &block, ret);
}

static void ratio_words(const struct mhp_decision *d, const char *relation, struct mhp_text *text) {
        char movable[MHP_SIZE_MAX], new[MHP_SIZE_MAX], kernel[MHP_SIZE_MAX];

        if (d->reason == MHP_REASON_MEMORY_ONLY_NODE)
                mhp_text_printf(text, "node %d has neither processors nor kernel memory, and on the whole machine ", d->node);
        else if (d->node >= 0)
                mhp_text_printf(text, "on node %d, ", d->node);
        mhp_text_printf(text, "%s movable and %s new memory are %s %u %% of %s kernel memory", mhp_format_size(movable, d->movable),
                        mhp_format_size(new, d->new), relation, d->ratio, mhp_format_size(kernel, d->kernel));
}

static void pressure_words(const struct mhp_decision *d, const struct mhp_config *config, struct mhp_text *text) {
        char available[MHP_SIZE_MAX], managed[MHP_SIZE_MAX];

        mhp_text_printf(text, "the kernel's zones have %s of %s left, less than the %u %% that KernelHeadroom= keeps",
                        mhp_format_size(available, d->pressure.kernel_available), mhp_format_size(managed, d->pressure.kernel_managed),
                        config->kernel_headroom);
}

static void unit_words(const struct mhp_decision *d, struct mhp_text *text) {
        const char *unit = d->source == MHP_SOURCE_ACPI ? "DIMM" : d->source == MHP_SOURCE_DAX ? "dax device" : "device";

        mhp_text_printf(text, "the rest of its %s %s %s, and a %s leaves as one", unit, d->rest_is_there ? "is in" : "goes to",
                        d->want == MHP_WANT_MOVABLE ? "Movable" : "a kernel zone", unit);
}

void mhp_policy_words(const struct mhp_decision *decision, const struct mhp_config *config, struct mhp_text *text) {
        if (decision->follows && decision->reason != MHP_REASON_ZONE_NOT_OFFERED) {
                unit_words(decision, text);
                return;
        }
        switch (decision->reason) {
        case MHP_REASON_RULE:
                mhp_text_printf(text, "[Rule %s] says Zone=%s",
                                decision->rule > 0 && decision->rule <= config->n_rules ? config->rules[decision->rule - 1].name : "?",
                                mhp_want_name(decision->want));
                return;
        case MHP_REASON_ONLINE_ZONE:
                mhp_text_printf(text, "[Online] says Zone=%s", mhp_want_name(decision->want));
                return;
        case MHP_REASON_RATIO_ALLOWS:
        case MHP_REASON_MEMORY_ONLY_NODE:
                ratio_words(decision, "within", text);
                return;
        case MHP_REASON_RATIO_EXCEEDED:
        case MHP_REASON_NODE_RATIO_EXCEEDED:
                ratio_words(decision, "beyond", text);
                return;
        case MHP_REASON_KERNEL_PRESSURE:
                pressure_words(decision, config, text);
                return;
        case MHP_REASON_UNIT:
                unit_words(decision, text);
                return;
        case MHP_REASON_ZONE_NOT_OFFERED:
                mhp_text_add(text, "the kernel does not offer Movable for this block");
                return;
        case MHP_REASON_KERNEL_DECIDED:
                mhp_text_add(text, "the kernel's auto-movable policy chose");
                return;
        case MHP_REASON_ACCEPTED:
                mhp_text_add(text, "another hand put it there, and it is left there");
                return;
        case MHP_REASON_UNSET:
        case MHP_REASON_REQUESTED:
        case MHP_REASON_FOUND_ONLINE:
        case MHP_REASON_FOREIGN_OFFLINE:
        case MHP_REASON_REMOVAL:
        case MHP_REASON_RESTORED:
        case _MHP_REASON_MAX:
                break;
        }
        mhp_text_add(text, mhp_reason_name(decision->reason));
}
