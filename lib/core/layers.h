/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What has to come before what. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Node `before` goes before the nodes first..last; itself, if it is among them, does not count. */
struct mhp_edge {
        uint32_t before, first, last;
};

/* Gives each of n nodes a layer, the lowest that is above those of all nodes that go before it. What is in a cycle, and what comes after one, is in the
 * last layer together. in_cycle[i]: in a cycle, or between two. Both arrays have n elements and are overwritten. 1: there is a cycle; 0; -ENOMEM. Takes
 * as long as there are nodes and pairs of nodes. */
int mhp_layers(size_t n, const struct mhp_edge *edges, size_t n_edges, uint32_t *layer, bool *in_cycle);
