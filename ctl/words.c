/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/words.h"

#include <string.h>
#include <time.h>

#include "base/units.h"

const char *ctl_state_word(const struct mhp_block *block, enum ctl_color *ret_color) {
        const char *word = mhp_state_name(block->state);

        switch ((enum mhp_state) block->state) {
        case MHP_STATE_ONLINE:
                *ret_color = CTL_GOOD;
                break;
        case MHP_STATE_OFFLINE:
        case MHP_STATE_GOING_OFFLINE:
                *ret_color = CTL_WARN;
                break;
        case MHP_STATE_UNKNOWN:
        case _MHP_STATE_MAX:
                *ret_color = CTL_BAD;
                break;
        }
        return word ? word : "unknown";
}

const char *ctl_zone_word(const struct mhp_block *block) {
        const char *word = mhp_zone_name(block->zone);

        if (word)
                return word;
        return block->state == MHP_STATE_ONLINE ? "unknown" : "-";
}

static const char *source_name(const struct mhp_group *group) {
        return group && group->source != MHP_SOURCE_UNKNOWN ? mhp_source_name(group->source) : NULL;
}

const char *ctl_source_word(const struct mhp_group *group) {
        const char *word = source_name(group);

        return word ? word : "unknown";
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

static void add_key(struct mhp_text *out, const char *start, const char *key) {
        mhp_text_add(out, start);
        mhp_text_add_n(out, "\"", 1);
        mhp_text_add(out, key);
        mhp_text_add_n(out, "\":", 2);
}

void ctl_json_string(struct mhp_text *out, const char *start, const char *key, const char *value) {
        add_key(out, start, key);
        mhp_text_json(out, value);
}

void ctl_json_u64(struct mhp_text *out, const char *start, const char *key, uint64_t value) {
        add_key(out, start, key);
        mhp_text_u64(out, value);
}

void ctl_json_node(struct mhp_text *out, const char *start, int node) {
        if (node >= 0)
                ctl_json_u64(out, start, "node", (uint64_t) node);
        else
                ctl_json_string(out, start, "node", NULL);
}

void ctl_json_block_fields(struct mhp_text *out, const struct mhp_block *block, const struct mhp_group *group) {
        ctl_json_string(out, ",", "state", mhp_state_name(block->state));
        ctl_json_string(out, ",", "zone", mhp_zone_name(block->zone));
        ctl_json_node(out, ",", block->node);
        ctl_json_string(out, ",", "source", source_name(group));
        ctl_json_string(out, ",", "group", group ? group->name : NULL);
}

void ctl_json_memmap(struct mhp_text *out, const struct mhp_block_memmap *memmap) {
        mhp_text_add(out, ",\"memmap\":");
        ctl_json_string(out, "{", "placement", mhp_placement_name(memmap->placement));
        ctl_json_u64(out, ",", "pages", memmap->pages);
        ctl_json_u64(out, ",", "waste", memmap->waste);
        ctl_json_string(out, ",", "evidence", mhp_evidence_name(memmap->evidence));
        mhp_text_add_n(out, "}", 1);
}

void ctl_json_ranges(struct mhp_text *out, const char *start, const char *key, const struct mhp_ranges *ranges) {
        add_key(out, start, key);
        mhp_text_add_n(out, "\"", 1);
        mhp_ranges_print(ranges, out);
        mhp_text_add_n(out, "\"", 1);
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
