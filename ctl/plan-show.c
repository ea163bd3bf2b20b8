/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/plan.h"
#include "ctl/rows.h"

enum column { STEP, VERB, BLOCKS, SIZE, ZONE, REASON, WHY };

static const struct ctl_column columns[] = {
        [STEP] = { .name = "STEP", .flags = SCOLS_FL_RIGHT },
        [VERB] = { .name = "VERB", .key = "verb" },
        [BLOCKS] = { .name = "BLOCKS", .key = "blocks" },
        [SIZE] = { .name = "SIZE", .flags = SCOLS_FL_RIGHT },
        [ZONE] = { .name = "ZONE", .key = "zone" },
        [REASON] = { .name = "REASON", .key = "reason" },
        [WHY] = { .name = "WHY", .key = "words", .flags = SCOLS_FL_WRAP },
};

#define USUAL "STEP,VERB,BLOCKS,SIZE,ZONE,REASON,WHY"

static const uint8_t keys_of_stays[] = { BLOCKS, ZONE, REASON, WHY };

static const struct ctl_shape steps = { columns, ELEMENTSOF(columns), USUAL, NULL, 0 };
static const struct ctl_shape stays = { columns, ELEMENTSOF(columns), USUAL, keys_of_stays, ELEMENTSOF(keys_of_stays) };

/* The end of the run of consecutive blocks with one verb and one decision that starts at i. */
static size_t run_end(const struct plan *plan, size_t i) {
        const struct plan_item *items = plan->items;
        size_t end = i + 1;

        while (end < plan->n_items && items[end].nr == items[end - 1].nr + 1 && items[end].verb == items[i].verb &&
               items[end].decision == items[i].decision)
                end++;
        return end;
}

/* step: its number among the steps. */
static void cell(struct ctl_rows *rows, const struct plan *plan, size_t i, size_t end, size_t step, enum column column) {
        const struct plan_item *item = &plan->items[i];
        const struct plan_decision *d = &plan->decisions[item->decision];

        switch (column) {
        case STEP:
                if (item->verb == MHP_VERB_NONE)
                        ctl_cell_none(rows, "-");
                else
                        ctl_cell_u64(rows, step);
                break;
        case VERB:
                ctl_cell_string(rows, item->verb == MHP_VERB_NONE ? NULL : mhp_verb_name(item->verb), "stays offline", CTL_PLAIN);
                break;
        case BLOCKS:
                ctl_cell_blocks(rows, item->nr, plan->items[end - 1].nr);
                break;
        case SIZE:
                ctl_cell_size(rows, (end - i) * plan->ring->map->block_size);
                break;
        case ZONE:
                ctl_cell_string(rows, mhp_want_name(d->want), "-", CTL_PLAIN);
                break;
        case REASON:
                ctl_cell_string(rows, mhp_reason_name(d->reason), "-", CTL_PLAIN);
                break;
        case WHY:
                ctl_cell_string(rows, d->words, "-", CTL_PLAIN);
                break;
        }
}

static void add_rows(struct ctl_rows *rows, const struct plan *plan, bool with_steps, bool with_stays) {
        size_t step = 0;

        for (size_t i = 0, end; i < plan->n_items; i = end) {
                bool stay = plan->items[i].verb == MHP_VERB_NONE;

                end = run_end(plan, i);
                step += !stay;
                if (!(stay ? with_stays : with_steps))
                        continue;
                for (size_t column; ctl_rows_next(rows, &column);)
                        cell(rows, plan, i, end, step, (enum column) column);
        }
}

static int print_table(const struct plan *plan) {
        _cleanup_rows_ struct ctl_rows rows = {};
        struct ctl *ctl = plan->ctl;
        int r;

        if (plan->n_items == 0) {
                mhp_text_add(&ctl->out, "nothing to do\n");
                return CTL_DONE;
        }
        r = ctl_rows_open(ctl, &rows, &steps, NULL);
        if (r != CTL_DONE)
                return r;
        add_rows(&rows, plan, true, true);
        r = ctl_rows_print(&rows);
        if (r >= 0 && !plan->daemon.running)
                mhp_text_printf(&ctl->out, "%s: which of these blocks are offline because somebody wants that is not known.\n", plan->daemon.absence);
        return r;
}

static int print_list(const struct plan *plan, struct ctl_json *json, bool stay) {
        _cleanup_rows_ struct ctl_rows rows = {};
        int r = ctl_rows_open(plan->ctl, &rows, stay ? &stays : &steps, json);

        if (r != CTL_DONE)
                return r;
        ctl_json_stream(json, stay ? "stays" : "steps", json_type_array);
        add_rows(&rows, plan, !stay, stay);
        ctl_json_close(json);
        return CTL_DONE;
}

static int print_json(const struct plan *plan) {
        _cleanup_json_ struct ctl_json json = { .out = &plan->ctl->out };
        int r;

        ctl_json_stream(&json, NULL, json_type_object);
        ctl_json_string(&json, "from", plan->daemon.running ? "mhpd" : "sysfs");
        r = print_list(plan, &json, false);
        if (r == CTL_DONE)
                r = print_list(plan, &json, true);
        ctl_json_close(&json);
        return r;
}

int plan_show(struct plan *plan) {
        return ctl_given(plan->ctl, CTL_OPT_JSON) ? print_json(plan) : print_table(plan);
}
