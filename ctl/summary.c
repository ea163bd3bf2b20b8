/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/summary.h"

#include <errno.h>

#include "base/units.h"
#include "ctl/table.h"
#include "ctl/words.h"

enum column { NAME, SOURCE, BLOCKS, SIZE, ONLINE, MOVABLE, KERNEL, OFFLINE, NODE, STATE };

static const struct ctl_column columns[] = {
        [NAME] = { "NAME", false },      [SOURCE] = { "SOURCE", false },  [BLOCKS] = { "BLOCKS", false },  [SIZE] = { "SIZE", true },
        [ONLINE] = { "ONLINE", true },   [MOVABLE] = { "MOVABLE", true }, [KERNEL] = { "KERNEL", true },   [OFFLINE] = { "OFFLINE", true },
        [NODE] = { "NODE", true },       [STATE] = { "STATE", false },
};

void ctl_groups_done(struct ctl_groups *groups) {
        for (size_t i = 0; i < groups->n; i++) {
                mhp_ranges_done(&groups->group[i].blocks);
                mhp_ranges_done(&groups->group[i].nodes);
        }
        free(groups->group);
        *groups = (struct ctl_groups) {};
}

static int count_block(struct ctl_group *g, const struct mhp_block *b) {
        int r;

        g->n++;
        g->n_online += b->state == MHP_STATE_ONLINE;
        g->n_offline += b->state == MHP_STATE_OFFLINE;
        if (b->state == MHP_STATE_ONLINE) {
                enum mhp_want class = mhp_zone_class(b->zone);

                g->n_movable += class == MHP_WANT_MOVABLE;
                g->n_kernel += class == MHP_WANT_KERNEL;
        }
        r = mhp_ranges_add(&g->blocks, b->nr, b->nr);
        if (r == 0 && b->node >= 0)
                r = mhp_ranges_add(&g->nodes, (uint32_t) b->node, (uint32_t) b->node);
        return r;
}

static int compare_groups(const void *a, const void *b) {
        const struct ctl_group *g = a, *h = b;
        uint32_t x = g->blocks.n > 0 ? g->blocks.range[0].first : UINT32_MAX;
        uint32_t y = h->blocks.n > 0 ? h->blocks.range[0].first : UINT32_MAX;

        return (x > y) - (x < y);
}

int ctl_groups_gather(const struct mhp_map *map, struct ctl_groups *ret) {
        _cleanup_ctl_groups_ struct ctl_groups groups = {};
        int r;

        groups.group = calloc(map->n_groups + 1, sizeof(*groups.group));
        if (!groups.group)
                return -ENOMEM;
        groups.n = map->n_groups + 1; /* the last: not known */

        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b)) {
                struct ctl_group *g = &groups.group[MIN((size_t) b->group, map->n_groups)];

                g->group = mhp_map_group(map, b);
                r = count_block(g, b);
                if (r < 0)
                        return r;
        }

        /* slots without blocks go to the end, and away */
        qsort(groups.group, groups.n, sizeof(*groups.group), compare_groups);
        while (groups.n > 0 && groups.group[groups.n - 1].n == 0)
                groups.n--;
        *ret = groups;
        groups = (struct ctl_groups) {};
        return 0;
}

static const char *state_word(const struct ctl_group *g, enum ctl_color *ret_color) {
        *ret_color = CTL_WARN;
        if (g->n_online == g->n) {
                *ret_color = CTL_GOOD;
                return "online";
        }
        return g->n_offline == g->n ? "offline" : "mixed";
}

static int ranges_cell(struct ctl_table *table, const struct mhp_ranges *ranges) {
        _cleanup_text_ struct mhp_text text = {};

        mhp_ranges_print(ranges, &text);
        if (text.error < 0)
                return text.error;
        ctl_table_cell(table, text.data && *text.data ? text.data : "unknown", CTL_PLAIN);
        return 0;
}

static int cell(struct ctl *ctl, const struct mhp_map *map, const struct ctl_group *g, enum column column, struct ctl_table *table) {
        _cleanup_text_ struct mhp_text name = {};
        enum ctl_color color = CTL_PLAIN;
        const char *word;

        switch (column) {
        case NAME:
                ctl_groups_word(g->group, g->last, &name);
                if (name.error < 0)
                        return name.error;
                ctl_table_cell(table, name.data, CTL_PLAIN);
                return 0;
        case SOURCE:
                ctl_table_cell(table, ctl_source_word(g->group), CTL_PLAIN);
                return 0;
        case BLOCKS:
                return ranges_cell(table, &g->blocks);
        case SIZE:
                ctl_table_size(ctl, table, mhp_mul_sat(g->n, map->block_size));
                return 0;
        case ONLINE:
                ctl_table_size(ctl, table, mhp_mul_sat(g->n_online, map->block_size));
                return 0;
        case MOVABLE:
                ctl_table_size(ctl, table, mhp_mul_sat(g->n_movable, map->block_size));
                return 0;
        case KERNEL:
                ctl_table_size(ctl, table, mhp_mul_sat(g->n_kernel, map->block_size));
                return 0;
        case OFFLINE:
                ctl_table_size(ctl, table, mhp_mul_sat(g->n_offline, map->block_size));
                return 0;
        case NODE:
                return ranges_cell(table, &g->nodes);
        case STATE:
                word = state_word(g, &color);
                ctl_table_cell(table, word, color);
                return 0;
        }
        return 0;
}

/* The line goes on with the next group, of LMBs that look the same. */
static bool goes_on(const struct ctl_group *g, const struct ctl_group *next) {
        return g->group && g->group != next->group && ctl_groups_fold(g->group, next->group) && g->n_online == next->n_online && g->n_movable == next->n_movable &&
               g->n_kernel == next->n_kernel && g->n_offline == next->n_offline && g->nodes.n == next->nodes.n &&
               (g->nodes.n == 0 || g->nodes.range[0].first == next->nodes.range[0].first);
}

/* The groups of one line as one. */
static int merge(const struct ctl_group *first, size_t n, struct ctl_group *ret) {
        struct ctl_group line = { .group = first->group, .last = first[n - 1].group };
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                line.n += first[i].n;
                line.n_online += first[i].n_online;
                line.n_offline += first[i].n_offline;
                line.n_movable += first[i].n_movable;
                line.n_kernel += first[i].n_kernel;
                for (size_t k = 0; k < first[i].blocks.n && r >= 0; k++)
                        r = mhp_ranges_add(&line.blocks, first[i].blocks.range[k].first, first[i].blocks.range[k].last);
                for (size_t k = 0; k < first[i].nodes.n && r >= 0; k++)
                        r = mhp_ranges_add(&line.nodes, first[i].nodes.range[k].first, first[i].nodes.range[k].last);
        }
        *ret = line;
        return r < 0 ? r : 0;
}

static int add_line(struct ctl *ctl, const struct mhp_map *map, const struct ctl_group *first, size_t n, struct ctl_table *table) {
        struct ctl_group line;
        int r = merge(first, n, &line);

        for (size_t c = 0; c < table->n_shown && r >= 0; c++)
                r = cell(ctl, map, &line, (enum column) table->shown[c], table);
        mhp_ranges_done(&line.blocks);
        mhp_ranges_done(&line.nodes);
        return r;
}

int ctl_groups_table(struct ctl *ctl, const struct mhp_map *map, const struct ctl_groups *groups, const char *usual, const char *indent) {
        _cleanup_table_ struct ctl_table table = {};
        int r;

        r = ctl_table_columns(ctl, &table, columns, ELEMENTSOF(columns), usual);
        if (r != CTL_DONE)
                return r;
        for (size_t i = 0, n; i < groups->n; i += n) {
                for (n = 1; i + n < groups->n && goes_on(&groups->group[i + n - 1], &groups->group[i + n]);)
                        n++;
                r = add_line(ctl, map, &groups->group[i], n, &table);
                if (r < 0)
                        return r;
        }
        return ctl_table_print(ctl, &table, indent);
}

static void group_json(struct mhp_text *out, const struct mhp_map *map, const struct ctl_group *g) {
        enum mhp_source source = g->group ? g->group->source : MHP_SOURCE_UNKNOWN;
        enum ctl_color color;

        ctl_json_string(out, "{", "group", g->group ? g->group->name : NULL);
        ctl_json_string(out, ",", "source", source == MHP_SOURCE_UNKNOWN ? NULL : mhp_source_name(source));
        ctl_json_ranges(out, ",", "blocks", &g->blocks);
        ctl_json_u64(out, ",", "size", mhp_mul_sat(g->n, map->block_size));
        ctl_json_u64(out, ",", "online", mhp_mul_sat(g->n_online, map->block_size));
        ctl_json_u64(out, ",", "movable", mhp_mul_sat(g->n_movable, map->block_size));
        ctl_json_u64(out, ",", "kernel", mhp_mul_sat(g->n_kernel, map->block_size));
        ctl_json_u64(out, ",", "offline", mhp_mul_sat(g->n_offline, map->block_size));
        mhp_text_add(out, ",\"nodes\":[");
        for (size_t i = 0; i < g->nodes.n; i++)
                for (uint32_t node = g->nodes.range[i].first; node <= g->nodes.range[i].last; node++) {
                        if (i > 0 || node > g->nodes.range[0].first)
                                mhp_text_add(out, ",");
                        mhp_text_u64(out, node);
                }
        ctl_json_string(out, "],", "state", state_word(g, &color));
        mhp_text_add(out, "}");
}

void ctl_groups_json(struct mhp_text *out, const struct mhp_map *map, const struct ctl_groups *groups) {
        mhp_text_add(out, "[");
        for (size_t i = 0; i < groups->n; i++) {
                mhp_text_add(out, i > 0 ? ",\n" : "\n");
                group_json(out, map, &groups->group[i]);
        }
        mhp_text_add(out, "\n]");
}
