/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What test-backing-random.c does, and what has to hold meanwhile. */

#include "unit.h"

#include <inttypes.h>

#include "backing-oracle.h"

struct world {
        uint64_t seed, round;
        struct oracle oracle;
        struct mhp_backing *backing;
        uint64_t page;                      /* bytes */
        bool trace;
        uint64_t op; /* of the round */
        uint64_t n_ops, n_adds, n_hosted, n_aligned, n_fallbacks, n_removed, n_steps, n_refused, n_shared;
};

uint32_t dice(struct world *w, uint32_t sides);

/* The machine and how to come back here, for somebody who reads of a failure. */
void describe(const struct world *w);

#define CHECK(w, truth, ...) \
        do { \
                if (!(truth)) { \
                        describe(w); \
                        fail_msg(__VA_ARGS__); \
                } \
        } while (0)

/* Everything that the backing map answers is what the oracle knows, for every page, frame, block and altmap. */
void check_all(struct world *w);
void check_hvo(struct world *w); /* for some huge page */
