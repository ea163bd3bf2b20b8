/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How the plan of a removal is shown. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "core/remover.h"
#include "ctl/removal.h"
#include "ctl/table.h"
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

/* `41-38` goes downwards. */
static void range_cell(struct ctl_table *table, uint32_t first, uint32_t last) {
        char text[32];

        (void) snprintf(text, sizeof(text), first == last ? "%" PRIu32 : "%" PRIu32 "-%" PRIu32, first, last);
        ctl_table_cell(table, text, CTL_PLAIN);
}

static int print_steps(struct ctl_removal *removal) {
        static const struct ctl_column columns[] = {
                { "STEP", true }, { "VERB", false }, { "WHAT", false }, { "REASON", false }, { "WHY", false },
        };
        _cleanup_table_ struct ctl_table table = {};
        int r = ctl_table_columns(removal->ctl, &table, columns, ELEMENTSOF(columns), "STEP,VERB,WHAT,REASON,WHY");

        for (size_t i = 0, end; i < removal->n_steps && r == CTL_DONE; i = end) {
                const struct ctl_step *step = &removal->steps[i];
                const struct mhp_plan_item *item = item_of(removal, step);
                _cleanup_text_ struct mhp_text words = {};

                add_words(removal, step, &words);
                if (words.error < 0)
                        return words.error;
                end = run_end(removal, i, words.data);
                range_cell(&table, (uint32_t) i + 1, (uint32_t) end);
                ctl_table_cell(&table, mhp_phase_name(step->phase), CTL_PLAIN);
                if (item)
                        range_cell(&table, item->nr, item_of(removal, &removal->steps[end - 1])->nr);
                else
                        ctl_table_cell(&table, ctl_group_word(group_of(removal, step)), CTL_PLAIN);
                ctl_table_cell(&table, item ? mhp_rank_name((enum mhp_rank) item->rank) : "-", CTL_PLAIN);
                ctl_table_cell(&table, words.data, CTL_PLAIN);
        }
        return r == CTL_DONE ? ctl_table_print(removal->ctl, &table, "") : r;
}

static int print_obstacles(struct ctl_removal *removal) {
        static const struct ctl_column columns[] = { { "OBSTACLE", false }, { "BLOCK", true }, { "WHY", false } };
        _cleanup_table_ struct ctl_table table = {};
        int r = ctl_table_columns(removal->ctl, &table, columns, ELEMENTSOF(columns), "OBSTACLE,BLOCK,WHY");

        for (size_t i = 0; i < removal->n_obstacles && r == CTL_DONE; i++) {
                const struct ctl_obstacle *obstacle = &removal->obstacles[i];

                ctl_table_cell(&table, obstacle->token, CTL_WARN);
                if (obstacle->block == MHP_NO_BLOCK)
                        ctl_table_cell(&table, "-", CTL_PLAIN);
                else
                        ctl_table_u64(&table, obstacle->block);
                ctl_table_cell(&table, obstacle->words, CTL_PLAIN);
        }
        return r == CTL_DONE ? ctl_table_print(removal->ctl, &table, "") : r;
}

static int print_table(struct ctl_removal *removal) {
        struct mhp_text *out = &removal->ctl->out;
        size_t n = removal->plan.n_items;
        int r = 0;

        if (removal->n_steps > 0)
                r = print_steps(removal);
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
        return print_obstacles(removal);
}

/* ------------------------------------------------------------------------------------------------------------------ JSON */

static void json_block(struct mhp_text *out, uint32_t nr) {
        if (nr == MHP_NO_BLOCK)
                mhp_text_add(out, ",\"block\":null");
        else
                ctl_json_u64(out, ",", "block", nr);
}

static int json_step(struct ctl_removal *removal, size_t i) {
        const struct ctl_step *step = &removal->steps[i];
        const struct mhp_plan_item *item = item_of(removal, step);
        const struct mhp_group *group = group_of(removal, step);
        struct mhp_text *out = &removal->ctl->out;
        _cleanup_text_ struct mhp_text words = {};

        add_words(removal, step, &words);
        ctl_json_u64(out, i > 0 ? ",\n{" : "\n{", "step", i + 1);
        ctl_json_string(out, ",", "verb", mhp_phase_name(step->phase));
        json_block(out, item ? item->nr : MHP_NO_BLOCK);
        ctl_json_string(out, ",", "group", group ? group->name : NULL);
        ctl_json_string(out, ",", "reason", item ? mhp_rank_name((enum mhp_rank) item->rank) : NULL);
        if (item && mhp_map_find(removal->map, item->nr)->flags & MHP_BLOCK_COUNTED)
                ctl_json_u64(out, ",", "pages", item->used);
        else
                mhp_text_add(out, ",\"pages\":null");
        ctl_json_string(out, ",", "words", words.data);
        mhp_text_add(out, "}");
        return words.error;
}

static int print_json(struct ctl_removal *removal) {
        struct mhp_text *out = &removal->ctl->out;
        _cleanup_text_ struct mhp_text target = {};

        for (size_t i = 1; i < removal->ctl->n_args; i++)
                mhp_text_printf(&target, "%s%s", i > 1 ? " " : "", removal->ctl->args[i]);
        ctl_json_string(out, "{", "target", target.data);
        ctl_json_string(out, ",", "verb", mhp_removal_verb_name(removal->verb));
        mhp_text_add(out, ",\"steps\":[");
        for (size_t i = 0; i < removal->n_steps; i++) {
                int r = json_step(removal, i);

                if (r < 0)
                        return r;
        }
        mhp_text_add(out, "],\"obstacles\":[");
        for (size_t i = 0; i < removal->n_obstacles; i++) {
                const struct ctl_obstacle *obstacle = &removal->obstacles[i];

                ctl_json_string(out, i > 0 ? ",\n{" : "\n{", "token", obstacle->token);
                json_block(out, obstacle->block);
                ctl_json_string(out, ",", "words", obstacle->words);
                mhp_text_add(out, "}");
        }
        ctl_json_u64(out, "],", "blocks", removal->plan.n_items);
        ctl_json_u64(out, ",", "bytes", mhp_mul_sat(removal->plan.n_items, removal->map->block_size));
        mhp_text_printf(out, ",\"together\":%s}\n", removal->together ? "true" : "false");
        return target.error;
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
