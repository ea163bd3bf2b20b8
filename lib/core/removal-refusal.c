/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/removal-refusal.h"

#include <errno.h>
#include <inttypes.h>

const char *mhp_refused_name(enum mhp_refused why) {
        static const char *const names[_MHP_REFUSED_MAX] = {
                [MHP_REFUSED_NO_BLOCK] = "no-block",
                [MHP_REFUSED_TAKEN] = "taken",
                [MHP_REFUSED_ARRIVING] = "arriving",
                [MHP_REFUSED_NO_SOURCE] = "no-source",
                [MHP_REFUSED_BOOT] = "boot",
                [MHP_REFUSED_NO_ZONE] = "no-zone",
                [MHP_REFUSED_PART] = "part",
                [MHP_REFUSED_TOO_LARGE] = "too-large",
                [MHP_REFUSED_TOO_SMALL] = "too-small",
        };

        return why >= 0 && why < _MHP_REFUSED_MAX ? names[why] : NULL;
}

static void print_part(const struct mhp_map *map, uint32_t nr, struct mhp_text *text) {
        const struct mhp_block *block = mhp_map_find(map, nr);
        const struct mhp_group *group = block ? mhp_map_group(map, block) : NULL;

        mhp_text_printf(text, "block %" PRIu32 " is a part of %s, which leaves as one%s", nr, group ? group->name : "a device",
                        group && group->device_block > 0 ? " or in larger pieces" : "");
}

static void print_smallest(const struct mhp_map *map, const struct mhp_target *target, struct mhp_text *text) {
        _cleanup_ranges_ struct mhp_ranges smallest = { 0 };

        if (mhp_plan_choose(map, target, &smallest) == -ENOMEM)
                text->error = -ENOMEM;
        else
                mhp_plan_smallest_words(map, target->verb, &smallest, text);
}

void mhp_removal_refusal_print(const struct mhp_map *map, const struct mhp_target *target, const struct mhp_removal_refusal *refusal, struct mhp_text *text) {
        uint32_t nr = refusal->block;

        switch (refusal->why) {
        case MHP_REFUSED_NO_BLOCK:
                mhp_text_printf(text, "there is no block %" PRIu32, nr);
                return;
        case MHP_REFUSED_TAKEN:
                mhp_text_printf(text, "block %" PRIu32 " belongs to job %" PRIu32 " until that has ended", nr, refusal->removal);
                return;
        case MHP_REFUSED_ARRIVING:
                mhp_text_printf(text, "block %" PRIu32 " is still arriving", nr);
                return;
        case MHP_REFUSED_NO_SOURCE:
                mhp_text_printf(text, "what brought block %" PRIu32 " is not known, and so not who could take it out", nr);
                return;
        case MHP_REFUSED_BOOT:
                mhp_text_printf(text, "block %" PRIu32 " was there at boot and cannot leave the machine; it can be taken offline", nr);
                return;
        case MHP_REFUSED_NO_ZONE:
                mhp_text_printf(text, "block %" PRIu32 " is in zone none, which the kernel never takes offline", nr);
                return;
        case MHP_REFUSED_PART:
                print_part(map, nr, text);
                return;
        case MHP_REFUSED_TOO_LARGE:
                mhp_text_printf(text, "there is not that much that could %s", target->verb == MHP_REMOVAL_UNPLUG ? "leave the machine" : "go offline");
                return;
        case MHP_REFUSED_TOO_SMALL:
                print_smallest(map, target, text);
                return;
        case MHP_REFUSED_NONE:
        case _MHP_REFUSED_MAX:
                break;
        }
}
