/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Events by dice, the likely and the absurd, for maps that have seen everything. */

#include <stdint.h>
#include <stdio.h>

#include "model/map.h"

#define RANDOM_BLOCKS 700 /* three chunks, the last one partly */

static inline uint32_t dice(uint64_t *seed, uint32_t sides) {
        *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (uint32_t) (*seed >> 33) % sides;
}

/* `reading` and `name` are what the event points to. */
static inline struct mhp_event random_event(uint64_t *seed, struct mhp_reading *reading, char name[static MHP_GROUP_NAME_MAX]) {
        static const char *const groups[] = { "boot", "acpi:PNP0C80:00", "acpi:PNP0C80:01", "virtio-mem:virtio1", "dax:dax0.0", "odd:a b\\c\n" };
        static const enum mhp_source sources[] = { MHP_SOURCE_BOOT,       MHP_SOURCE_ACPI, MHP_SOURCE_ACPI,
                                                   MHP_SOURCE_VIRTIO_MEM, MHP_SOURCE_DAX,  MHP_SOURCE_HYPERV };
        static const enum mhp_event_type often[] = { MHP_EVENT_BLOCK, MHP_EVENT_BLOCK, MHP_EVENT_BLOCK, MHP_EVENT_GOAL, MHP_EVENT_OUTCOME };
        uint32_t group = dice(seed, ELEMENTSOF(groups));
        struct mhp_event event = {
                .type = dice(seed, 3) ? often[dice(seed, ELEMENTSOF(often))] : (enum mhp_event_type) dice(seed, _MHP_EVENT_MAX),
                .now = dice(seed, 1000),
                .block = dice(seed, 50) ? dice(seed, RANDOM_BLOCKS) : MHP_NO_BLOCK - dice(seed, 3),
                .want = (enum mhp_want) (MHP_WANT_MOVABLE + dice(seed, 3)),
                .reason = (enum mhp_reason) dice(seed, _MHP_REASON_MAX),
                .rule = (uint8_t) dice(seed, 4),
                .verb = (enum mhp_verb) dice(seed, _MHP_VERB_MAX),
                .error = dice(seed, 2) ? 0 : 16,
                .retry_at = dice(seed, 2) ? 0 : dice(seed, 1000),
                .reading = reading,
        };

        snprintf(name, MHP_GROUP_NAME_MAX, "%s", groups[group]);
        *reading = (struct mhp_reading) {
                .nr = event.block,
                .state = (enum mhp_state) dice(seed, _MHP_STATE_MAX),
                .valid = (uint8_t) (dice(seed, 128) << 1),
                .node = (int16_t) ((int) dice(seed, 6) - 1),
                .n_nodes = (uint8_t) dice(seed, 3),
                .source = sources[group],
                .group = dice(seed, 4) ? name : NULL,
        };
        if (reading->state == MHP_STATE_ONLINE)
                reading->zone = (enum mhp_zone) dice(seed, _MHP_ZONE_MAX);
        return event;
}
