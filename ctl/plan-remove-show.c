/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How the plan of a removal is shown. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "core/remover.h"
#include "ctl/removal.h"
#include "ctl/rows.h"
#include "ctl/words.h"

static const struct mhp_plan_item *item_of(const struct ctl_removal *removal, const struct ctl_step *step) {
        return step->phase == MHP_PHASE_OFFLINE ? &removal->plan.items[step->item] : NULL;
}

static const struct mhp_group *group_of(const struct ctl_removal *removal, const struct ctl_step *step) {
        return step->group == MHP_NO_GROUP ? NULL : &removal->map->groups[step->group];
}

/* `Movable, 12M to move`. */
static void add_block_words(const struct ctl_removal *removal, const struct mhp_plan_item *item, struct mhp_text *words) {
        const struct mhp_block *block = mhp_map_find(removal->map, item->nr);
        char size[MHP_SIZE_MAX];

        mhp_text_add(words, ctl_zone_word(block));
        if (!(block->flags & MHP_BLOCK_COUNTED))
                mhp_text_add(words, item->rank == MHP_RANK_NEVER ? ", never goes offline" : ", not counted");
        else if (item->used == 0)
                mhp_text_add(words, ", nothing to move");
        else
                mhp_text_printf(words, ", %s to move", mhp_format_size(size, mhp_mul_sat(item->used, removal->memmaps.geometry.page_size)));
        if (block->flags & MHP_BLOCK_COUNTED && block->fixed > 0)
                mhp_text_printf(words, ", %" PRIu32 " page%s stay%s", block->fixed, block->fixed == 1 ? "" : "s", block->fixed == 1 ? "s" : "");
        if (item->layer > 0)
                mhp_text_add(words, ", after those whose memmap it holds");
}

static void add_words(const struct ctl_removal *removal, const struct ctl_step *step, struct mhp_text *words) {
        const struct mhp_group *group = group_of(removal, step);
        enum mhp_source source = group ? group->source : MHP_SOURCE_UNKNOWN;

        switch (step->phase) {
        case MHP_PHASE_HOLD:
                mhp_text_add(words, mhp_remover_hold_words(source));
                break;
        case MHP_PHASE_OFFLINE:
                add_block_words(removal, item_of(removal, step), words);
                break;
        case MHP_PHASE_RELEASE:
                mhp_text_add(words, mhp_remover_release_words(source));
                break;
        case MHP_PHASE_HAND:
                mhp_text_add(words, mhp_remover_hand_words(source));
                break;
        case MHP_PHASE_LEAVE:
                if (step->n == 1)
                        mhp_text_add(words, "until its block has left");
                else
                        mhp_text_printf(words, "until its %" PRIu32 " blocks have left", step->n);
                break;
        case MHP_PHASE_COUNT:
        case MHP_PHASE_CHOOSE:
        case MHP_PHASE_RESTORE:
        case MHP_PHASE_LIFT:
        case MHP_PHASE_ENDED:
        case _MHP_PHASE_MAX:
                break;
        }
}

/* ----------------------------------------------------------------------------------------------------------------- table */

/* The end of the run of blocks that starts at i: each follows the one before by number, all upwards or all downwards, and all are told in the
 * same words. What is done with a group is a line of its own. */
static size_t run_end(const struct ctl_removal *removal, size_t i, const char *words) {
        const struct mhp_plan_item *first = item_of(removal, &removal->steps[i]), *last = first;
        int64_t way = 0;

        for (i++; first && i < removal->n_steps; i++) {
                const struct mhp_plan_item *item = item_of(removal, &removal->steps[i]);
                int64_t step = item ? (int64_t) item->nr - last->nr : 0;
                _cleanup_text_ struct mhp_text theirs = {};

                if (!item || item->rank != first->rank || (step != 1 && step != -1) || (way != 0 && step != way))
                        break;
                add_words(removal, &removal->steps[i], &theirs);
                if (theirs.error < 0 || strcmp(words, theirs.data) != 0)
                        break;
                way = step;
                last = item;
        }
        return i;
}

enum column { STEP, VERB, BLOCK, WHAT, GROUP, REASON, PAGES, WHY };

static const struct ctl_column columns[] = {
        [STEP] = { .name = "STEP", .key = "step", .flags = SCOLS_FL_RIGHT },
        [VERB] = { .name = "VERB", .key = "verb" },
        [WHAT] = { .name = "WHAT" },
        [REASON] = { .name = "REASON", .key = "reason" },
        [WHY] = { .name = "WHY", .key = "words", .flags = SCOLS_FL_WRAP },
        [BLOCK] = { .key = "block", .with = WHAT },
        [GROUP] = { .key = "group", .with = WHAT },
        [PAGES] = { .key = "pages", .with = WHAT },
};

static const struct ctl_shape shape = { columns, ELEMENTSOF(columns), "STEP,VERB,WHAT,REASON,WHY", NULL, 0 };

/* Steps from i to before end, told in the same words. A range of blocks may go downwards: `41-38`. */
struct run {
        size_t i, end;
        const char *words;
};

static void what_cell(struct ctl_rows *rows, const struct ctl_removal *removal, const struct run *run) {
        const struct ctl_step *step = &removal->steps[run->i];
        const struct mhp_plan_item *item = item_of(removal, step);

        if (item)
                ctl_cell_blocks(rows, item->nr, item_of(removal, &removal->steps[run->end - 1])->nr);
        else
                ctl_cell_words(rows, ctl_group_word(group_of(removal, step)), CTL_PLAIN);
}

static void cell(struct ctl_rows *rows, const struct ctl_removal *removal, const struct run *run, enum column column) {
        const struct ctl_step *step = &removal->steps[run->i];
        const struct mhp_plan_item *item = item_of(removal, step);
        const struct mhp_group *group = group_of(removal, step);

        switch (column) {
        case STEP:
                if (rows->json)
                        ctl_cell_u64(rows, run->i + 1);
                else
                        ctl_cell_blocks(rows, (uint32_t) run->i + 1, (uint32_t) run->end);
                break;
        case VERB:
                ctl_cell_string(rows, mhp_phase_name(step->phase), NULL, CTL_PLAIN);
                break;
        case WHAT:
                what_cell(rows, removal, run);
                break;
        case REASON:
                ctl_cell_string(rows, item ? mhp_rank_name((enum mhp_rank) item->rank) : NULL, "-", CTL_PLAIN);
                break;
        case WHY:
                ctl_cell_string(rows, run->words, "-", CTL_PLAIN);
                break;
        case BLOCK:
                ctl_json_known_u64(rows->json, ctl_cell_key(rows), item, item ? item->nr : 0);
                break;
        case GROUP:
                ctl_cell_string(rows, group ? group->name : NULL, NULL, CTL_PLAIN);
                break;
        case PAGES:
                ctl_json_known_u64(rows->json, ctl_cell_key(rows), item && mhp_map_find(removal->map, item->nr)->flags & MHP_BLOCK_COUNTED,
                                   item ? item->used : 0);
                break;
        }
}

/* A table merges steps; JSON has each on its own. */
static int print_steps(struct ctl_removal *removal, struct ctl_json *json) {
        _cleanup_rows_ struct ctl_rows rows = {};
        int r = ctl_rows_open(removal->ctl, &rows, &shape, json);

        for (size_t i = 0, end; i < removal->n_steps && r == CTL_DONE; i = end) {
                _cleanup_text_ struct mhp_text words = {};

                add_words(removal, &removal->steps[i], &words);
                if (words.error < 0)
                        return words.error;
                end = json ? i + 1 : run_end(removal, i, words.data ? words.data : "");
                for (size_t column; ctl_rows_next(&rows, &column);)
                        cell(&rows, removal, &(struct run) { i, end, words.data }, (enum column) column);
        }
        return r == CTL_DONE ? ctl_rows_print(&rows) : r;
}

/* --------------------------------------------------------------------------------------------------------- its obstacles */

enum obstacle_column { OBSTACLE, AT, BECAUSE };

static const struct ctl_column obstacle_columns[] = {
        [OBSTACLE] = { .name = "OBSTACLE", .key = "token" },
        [AT] = { .name = "BLOCK", .key = "block", .flags = SCOLS_FL_RIGHT },
        [BECAUSE] = { .name = "WHY", .key = "words", .flags = SCOLS_FL_WRAP },
};

static const struct ctl_shape obstacle_shape = { obstacle_columns, ELEMENTSOF(obstacle_columns), "OBSTACLE,BLOCK,WHY", NULL, 0 };

static void obstacle_cell(struct ctl_rows *rows, const struct ctl_obstacle *obstacle, enum obstacle_column column) {
        switch (column) {
        case OBSTACLE:
                ctl_cell_string(rows, obstacle->token, NULL, CTL_WARN);
                break;
        case AT:
                if (obstacle->block == MHP_NO_BLOCK)
                        ctl_cell_none(rows, "-");
                else
                        ctl_cell_u64(rows, obstacle->block);
                break;
        case BECAUSE:
                ctl_cell_string(rows, obstacle->words, NULL, CTL_PLAIN);
                break;
        }
}

static int print_obstacles(struct ctl_removal *removal, struct ctl_json *json) {
        _cleanup_rows_ struct ctl_rows rows = {};
        int r = ctl_rows_open(removal->ctl, &rows, &obstacle_shape, json);

        for (size_t i = 0; i < removal->n_obstacles && r == CTL_DONE; i++)
                for (size_t column; ctl_rows_next(&rows, &column);)
                        obstacle_cell(&rows, &removal->obstacles[i], (enum obstacle_column) column);
        return r == CTL_DONE ? ctl_rows_print(&rows) : r;
}

/* ---------------------------------------------------------------------------------------------------------- all of it */

static int print_table(struct ctl_removal *removal) {
        struct mhp_text *out = &removal->ctl->out;
        size_t n = removal->plan.n_items;
        int r = 0;

        if (removal->n_steps > 0)
                r = print_steps(removal, NULL);
        if (r >= 0 && removal->n_steps > 0) {
                mhp_text_printf(out, "\n%zu block%s, ", n, n == 1 ? "" : "s");
                ctl_add_size(removal->ctl, out, mhp_mul_sat(n, removal->map->block_size));
                mhp_text_add(out, removal->together && n > 1 ? "; those that leave as one go offline in one step, all or none\n" : "\n");
        } else if (r >= 0) {
                mhp_text_add(out, "nothing to do\n");
        }
        if (r < 0 || removal->n_obstacles == 0)
                return r;
        mhp_text_add(out, "\n");
        return print_obstacles(removal, NULL);
}

static int print_json(struct ctl_removal *removal) {
        struct ctl *ctl = removal->ctl;
        _cleanup_json_ struct ctl_json json = { .out = &ctl->out };
        _cleanup_text_ struct mhp_text target = {};
        int r;

        for (size_t i = 1; i < ctl->n_args; i++)
                mhp_text_printf(&target, "%s%s", i > 1 ? " " : "", ctl->args[i]);
        ctl_json_stream(&json, NULL, json_type_object);
        ctl_json_string(&json, "target", target.data);
        ctl_json_string(&json, "verb", mhp_removal_verb_name(removal->verb));
        ctl_json_stream(&json, "steps", json_type_array);
        r = print_steps(removal, &json);
        ctl_json_close(&json);
        ctl_json_stream(&json, "obstacles", json_type_array);
        if (r == CTL_DONE)
                r = print_obstacles(removal, &json);
        ctl_json_close(&json);
        ctl_json_u64(&json, "blocks", removal->plan.n_items);
        ctl_json_u64(&json, "bytes", mhp_mul_sat(removal->plan.n_items, removal->map->block_size));
        ctl_json_bool(&json, "together", removal->together);
        ctl_json_close(&json);
        return r < 0 ? r : target.error;
}

int ctl_removal_show(struct ctl_removal *removal) {
        struct ctl *ctl = removal->ctl;
        int r = 0;

        if (ctl_given(ctl, CTL_OPT_JSON))
                r = print_json(removal);
        else if (!removal->hopeless)
                r = print_table(removal);
        if (r < 0 || !removal->hopeless)
                return r;
        return ctl_fail(ctl, CTL_FAILED, "%s", removal->obstacles[removal->n_obstacles - 1].words);
}
