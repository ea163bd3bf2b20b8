/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/words.h"

#include <string.h>
#include <time.h>

#include "base/units.h"

const char *ctl_state_word(const struct mhp_block *block) {
        const char *word = mhp_state_name(block->state);

        return word ? word : "unknown";
}

enum ctl_color ctl_state_color(const struct mhp_block *block) {
        switch ((enum mhp_state) block->state) {
        case MHP_STATE_ONLINE:
                return CTL_GOOD;
        case MHP_STATE_OFFLINE:
        case MHP_STATE_GOING_OFFLINE:
                return CTL_WARN;
        case MHP_STATE_UNKNOWN:
        case _MHP_STATE_MAX:
                break;
        }
        return CTL_BAD;
}

const char *ctl_zone_word(const struct mhp_block *block) {
        const char *word = mhp_zone_name(block->zone);

        if (word)
                return word;
        return block->state == MHP_STATE_ONLINE ? "unknown" : "-";
}

const char *ctl_source_name(const struct mhp_group *group) {
        return group && group->source != MHP_SOURCE_UNKNOWN ? mhp_source_name(group->source) : NULL;
}

const char *ctl_group_word(const struct mhp_group *group) {
        return group ? group->name : "unknown";
}

bool ctl_groups_fold(const struct mhp_group *a, const struct mhp_group *b) {
        return a == b || (a && b && a->source == MHP_SOURCE_DLPAR && b->source == MHP_SOURCE_DLPAR);
}

void ctl_groups_word(const struct mhp_group *first, const struct mhp_group *last, struct mhp_text *text) {
        const char *end = last && last != first ? strchr(last->name, ':') : NULL;

        mhp_text_add(text, ctl_group_word(first));
        if (end)
                mhp_text_printf(text, "-%s", end + 1);
}

/* strftime() has no %:z, and ISO 8601 has the colon where the time of day has colons. */
void ctl_add_time(struct mhp_text *text, uint64_t usec) {
        time_t seconds = (time_t) (usec / USEC_PER_SEC);
        char words[sizeof("2026-11-21T14:03:09+0100") + 16], zone[8];
        struct tm tm;

        if (!localtime_r(&seconds, &tm) || strftime(words, sizeof(words), "%Y-%m-%dT%H:%M:%S", &tm) == 0 || strftime(zone, sizeof(zone), "%z", &tm) != 5)
                return;
        mhp_text_printf(text, "%s%.3s:%s", words, zone, zone + 3);
}
