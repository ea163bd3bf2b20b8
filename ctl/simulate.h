/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* `mhpctl simulate` between its two halves: simulate.c reads the command line and tries everything out, simulate-show.c
 * prints. By then nothing can be wrong any more, so what is printed is never the half of an answer. */

#include "ctl/ctl.h"
#include "model/what-if.h"

/* One of --add, --early and --remove, and what became of it. */
struct whatif_op {
        enum ctl_option kind;
        const char *word;               /* the command line's */
        struct mhp_stretch at;
        struct mhp_admission admission; /* of an add */
        uint64_t n_sections, n_frees, freed; /* of a removal; freed: bytes of vmemmap */
        struct mhp_teardown_step first, last; /* the first free and the last one */
};

struct whatif {
        struct mhp_geometry geometry;
        struct whatif_op *ops;          /* in the order of the command line; owned */
        size_t n_ops;
};

/* Does one thing to the backing map; a removal is begun, for the caller to walk through. CTL_DONE, a status after telling,
 * or -ENOMEM. */
int whatif_do(struct ctl *ctl, struct whatif *whatif, struct whatif_op *op, struct mhp_backing *backing,
              struct mhp_teardown **ret);

static inline void whatif_backing_free(struct mhp_backing **backing) {
        *backing = mhp_backing_free(*backing);
}
static inline void whatif_teardown_free(struct mhp_teardown **teardown) {
        *teardown = mhp_teardown_free(*teardown);
}
#define _cleanup_whatif_backing_ _cleanup_(whatif_backing_free)
#define _cleanup_whatif_teardown_ _cleanup_(whatif_teardown_free)

/* CTL_DONE, a status after telling, or -ENOMEM. */
int whatif_print_text(struct ctl *ctl, struct whatif *whatif);
int whatif_print_json(struct ctl *ctl, struct whatif *whatif);
