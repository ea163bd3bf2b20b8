/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/summary.h"

#include <errno.h>

#include "base/units.h"
#include "ctl/rows.h"
#include "ctl/words.h"

enum column { NAME, SOURCE, BLOCKS, SIZE, ONLINE, MOVABLE, KERNEL, OFFLINE, NODE, STATE };

static const struct ctl_column columns[] = {
        [NAME] = { .name = "NAME", .key = "group" },
        [SOURCE] = { .name = "SOURCE", .key = "source" },
        [BLOCKS] = { .name = "BLOCKS", .key = "blocks", .flags = SCOLS_FL_WRAP },
        [SIZE] = { .name = "SIZE", .key = "size", .flags = SCOLS_FL_RIGHT },
        [ONLINE] = { .name = "ONLINE", .key = "online", .flags = SCOLS_FL_RIGHT },
        [MOVABLE] = { .name = "MOVABLE", .key = "movable", .flags = SCOLS_FL_RIGHT },
        [KERNEL] = { .name = "KERNEL", .key = "kernel", .flags = SCOLS_FL_RIGHT },
        [OFFLINE] = { .name = "OFFLINE", .key = "offline", .flags = SCOLS_FL_RIGHT },
        [NODE] = { .name = "NODE", .key = "nodes", .flags = SCOLS_FL_RIGHT },
        [STATE] = { .name = "STATE", .key = "state" },
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

static const char *state_word(const struct ctl_group *g) {
        return g->n_online == g->n ? "online" : g->n_offline == g->n ? "offline" : "mixed";
}

static void ranges_cell(struct ctl_rows *rows, const struct mhp_ranges *ranges) {
        _cleanup_text_ struct mhp_text text = {};

        if (rows->json) {
                ctl_json_ranges(rows->json, ctl_cell_key(rows), ranges);
                return;
        }
        mhp_ranges_print(ranges, &text);
        ctl_cell_words(rows, text.data && *text.data ? text.data : "unknown", CTL_PLAIN);
}

static void nodes_cell(struct ctl_rows *rows, const struct mhp_ranges *nodes) {
        if (!rows->json) {
                ranges_cell(rows, nodes);
                return;
        }
        ctl_json_open(rows->json, ctl_cell_key(rows), json_type_array);
        for (size_t i = 0; i < nodes->n; i++)
                for (uint32_t node = nodes->range[i].first; node <= nodes->range[i].last; node++)
                        ctl_json_u64(rows->json, NULL, node);
        ctl_json_close(rows->json);
}

static void name_cell(struct ctl_rows *rows, const struct ctl_group *g) {
        _cleanup_text_ struct mhp_text name = {};

        if (g->part) {
                ranges_cell(rows, &g->blocks);
        } else if (rows->json) {
                ctl_cell_string(rows, g->group ? g->group->name : NULL, NULL, CTL_PLAIN);
        } else {
                ctl_groups_word(g->group, g->last, &name);
                ctl_cell_words(rows, name.data, CTL_PLAIN);
        }
}

static void cell(struct ctl_rows *rows, const struct mhp_map *map, const struct ctl_group *g, enum column column) {
        uint64_t size = map->block_size;

        switch (column) {
        case NAME:
                name_cell(rows, g);
                break;
        case SOURCE:
                ctl_cell_string(rows, ctl_source_name(g->group), "unknown", CTL_PLAIN);
                break;
        case BLOCKS:
                ranges_cell(rows, &g->blocks);
                break;
        case SIZE:
                ctl_cell_size(rows, mhp_mul_sat(g->n, size));
                break;
        case ONLINE:
                ctl_cell_size(rows, mhp_mul_sat(g->n_online, size));
                break;
        case MOVABLE:
                ctl_cell_size(rows, mhp_mul_sat(g->n_movable, size));
                break;
        case KERNEL:
                ctl_cell_size(rows, mhp_mul_sat(g->n_kernel, size));
                break;
        case OFFLINE:
                ctl_cell_size(rows, mhp_mul_sat(g->n_offline, size));
                break;
        case NODE:
                nodes_cell(rows, &g->nodes);
                break;
        case STATE:
                ctl_cell_string(rows, state_word(g), NULL, g->n_online == g->n ? CTL_GOOD : CTL_WARN);
                break;
        }
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

static void add_row(struct ctl_rows *rows, const struct mhp_map *map, const struct ctl_group *g) {
        for (size_t column; ctl_rows_next(rows, &column);)
                cell(rows, map, g, (enum column) column);
}

static void empty(struct ctl_group *g) {
        mhp_ranges_done(&g->blocks);
        mhp_ranges_done(&g->nodes);
        *g = (struct ctl_group) {};
}

static bool is_next(const struct mhp_block *last, const struct mhp_block *b) {
        return last->nr + 1 == b->nr && last->state == b->state && last->zone == b->zone && last->node == b->node;
}

/* A row for each run of consecutive blocks of the range that are alike in state, zone and node. */
static int add_parts(struct ctl_rows *rows, const struct mhp_map *map, const struct mhp_group *group, struct mhp_range range) {
        const struct mhp_block *last = NULL;
        struct ctl_group part = {};
        int r = 0;

        for (const struct mhp_block *b = mhp_map_at_or_after(map, range.first); b && b->nr <= range.last && r >= 0; b = mhp_map_next_block(map, b)) {
                if (last && !is_next(last, b)) {
                        add_row(rows, map, &part);
                        empty(&part);
                }
                part.group = group;
                part.part = true;
                r = count_block(&part, b);
                last = b;
        }
        if (r >= 0 && last)
                add_row(rows, map, &part);
        empty(&part);
        return r;
}

static int add_tree(struct ctl_rows *rows, const struct mhp_map *map, const struct ctl_group *line) {
        int r = 0;

        rows->parent = rows->line;
        for (size_t i = 0; i < line->blocks.n && r >= 0; i++)
                r = add_parts(rows, map, line->group, line->blocks.range[i]);
        rows->parent = NULL;
        return r;
}

static int add_line(struct ctl_rows *rows, const struct mhp_map *map, const struct ctl_group *first, size_t n) {
        struct ctl_group line;
        int r = merge(first, n, &line);

        if (r >= 0)
                add_row(rows, map, &line);
        if (r >= 0 && ctl_given(rows->ctl, CTL_OPT_TREE))
                r = add_tree(rows, map, &line);
        empty(&line);
        return r;
}

int ctl_groups_print(struct ctl *ctl, const struct mhp_map *map, const struct ctl_groups *groups, const char *usual, struct ctl_json *json) {
        const struct ctl_shape shape = { .columns = columns, .n = ELEMENTSOF(columns), .usual = usual };
        _cleanup_rows_ struct ctl_rows rows = {};
        int r = ctl_rows_open(ctl, &rows, &shape, json);

        for (size_t i = 0, n; i < groups->n && r == CTL_DONE; i += n) {
                for (n = 1; !json && i + n < groups->n && goes_on(&groups->group[i + n - 1], &groups->group[i + n]);)
                        n++;
                r = add_line(&rows, map, &groups->group[i], n);
        }
        return r == CTL_DONE ? ctl_rows_print(&rows) : r;
}
