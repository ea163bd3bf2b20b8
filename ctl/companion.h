/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What this machine's kernel offers beyond a stock one, as `status` shows it. */

#include "ctl/ctl.h"
#include "ctl/json.h"
#include "edge/companion.h"

struct ctl_companion {
        bool known;                    /* it is this machine, or a tree */
        struct mhp_companion files;
        int events;                    /* 1: the netlink family is there, 0: not, -1: not known */
        struct mhp_virtio_mem *device; /* owned; those that say their sizes */
        size_t n;
};

/* Another machine's is not known. -ENOMEM. */
int ctl_companion_read(const struct ctl *ctl, struct ctl_companion *ret);
void ctl_companion_done(struct ctl_companion *companion);

void ctl_companion_print(struct ctl *ctl, const struct ctl_companion *companion);

/* `companion` and `virtio_mem` of a document that is a stream. */
void ctl_companion_json(struct ctl_json *json, const struct ctl_companion *companion);
