/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Many blocks offline in one write, on a kernel with the companion patch: in the given order, under one hold of the hotplug lock, all or none. Those that
 * went are on hold then: they cannot be onlined until that is lifted. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "edge/root.h"

struct mhp_teardown {
        bool failed;    /* the last one that was begun; false: it came through, or there was none */
        uint32_t block; /* which did not go offline */
        int error;      /* positive errno */
};

bool mhp_teardown_offered(const struct mhp_root *root);

/* -ENOENT: the kernel has no such file. -EINVAL: nothing was begun, for a block is not there or not online, or the list takes a page or more; any other
 * error: one did not go, and mhp_teardown_read() says which. */
int mhp_teardown_write(const struct mhp_root *root, const uint32_t *blocks, size_t n);

int mhp_teardown_read(const struct mhp_root *root, struct mhp_teardown *ret);

/* What the file says: `none`, `ok`, or `failed BLOCK ERRNO PFN`. -EINVAL: something else. */
int mhp_teardown_parse(const char *s, struct mhp_teardown *ret);

/* Whether the block is kept from coming online; where the kernel has no such thing, it is not. */
bool mhp_hold_read(const struct mhp_root *root, uint32_t block);

/* The block may be onlined again, if the kernel kept it from that. 1: it did; 0: it did not. */
int mhp_hold_lift(const struct mhp_root *root, uint32_t block);
