/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rules that do not do what their author meant, although each of their keys is good. */

#include "core/config.h"

static bool has_no_size(const struct mhp_rule *rule) {
        return rule->min_size > rule->max_size || rule->max_size == 0;
}

/* Ranges do not touch each other, so one of the inner ones lies within one of the outer ones or not at all. */
static bool nodes_within(const struct mhp_ranges *inner, const struct mhp_ranges *outer) {
        for (size_t i = 0; i < inner->n; i++) {
                bool within = false;

                for (size_t j = 0; j < outer->n && !within; j++)
                        within = inner->range[i].first >= outer->range[j].first && inner->range[i].last <= outer->range[j].last;
                if (!within)
                        return false;
        }
        return true;
}

/* No condition, n == 0 and sources == 0, fits everything. */
static bool covers(const struct mhp_rule *outer, const struct mhp_rule *inner) {
        if (outer->sources && (!inner->sources || inner->sources & ~outer->sources))
                return false;
        if (outer->nodes.n > 0 && (inner->nodes.n == 0 || !nodes_within(&inner->nodes, &outer->nodes)))
                return false;
        return outer->min_size <= inner->min_size && outer->max_size >= inner->max_size;
}

enum mhp_rule_fault mhp_rule_check(const struct mhp_config *config, size_t i, size_t *ret_by) {
        if (has_no_size(&config->rules[i]))
                return MHP_RULE_FAULT_SIZES;
        for (size_t j = 0; j < i; j++)
                if (covers(&config->rules[j], &config->rules[i])) {
                        *ret_by = j;
                        return MHP_RULE_FAULT_COVERED;
                }
        return MHP_RULE_FAULT_NONE;
}
