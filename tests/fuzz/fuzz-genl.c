/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include <errno.h>

#include "edge/genl.h"
#include "model/block.h"

#define FAMILY 37 /* as in the corpus */

static void check(const struct mhp_kernel_event *e, uint16_t family, uint32_t group) {
        switch (e->kind) {
        case MHP_KERNEL_PLACEMENT:
                MUST(e->size > 0 && e->start <= UINT64_MAX - e->size && e->requested >= MHP_PLACEMENT_DRAM && e->requested <= MHP_PLACEMENT_FORCE);
                MUST(e->placement >= MHP_PLACEMENT_DRAM && e->placement <= MHP_PLACEMENT_FORCE && e->reason < _MHP_KERNEL_REASON_MAX);
                return;
        case MHP_KERNEL_OFFLINE_FAILED:
                MUST(e->block <= MHP_BLOCK_MAX && e->error > 0 && e->error <= 4095);
                return;
        case MHP_KERNEL_ZONE:
                MUST(e->block <= MHP_BLOCK_MAX && e->zone < _MHP_ZONE_MAX && e->old_zone < _MHP_ZONE_MAX);
                return;
        case MHP_KERNEL_OFFERED:
                MUST(family > 0 && group > 0);
                return;
        case MHP_KERNEL_WITHDRAWN:
                return;
        case _MHP_KERNEL_KIND_MAX:
                MUST(false);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ void *copy = malloc(size > 0 ? size : 1); /* aligned, and a read beyond its end is seen */
        uint16_t family = 0;
        uint32_t group = 0;
        size_t at = 0, before = 0;
        struct mhp_kernel_event e;

        MUST(copy);
        if (size > 0)
                memcpy(copy, data, size);
        while (mhp_genl_parse(copy, size, FAMILY, &at, &e, &family, &group) == 1) {
                MUST(at > before && at <= size);
                before = at;
                check(&e, family, group);
        }
        MUST(at == size);
        return 0;
}
