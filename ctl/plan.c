/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl plan`: the ring, with an executor that only writes down what it is told to do and says that it worked. */

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "core/ring.h"
#include "ctl/ctl.h"
#include "ctl/source.h"
#include "ctl/table.h"
#include "ctl/target.h"
#include "ctl/words.h"

/* A decision that policy reported. */
struct decision {
        enum mhp_want want;
        enum mhp_reason reason;
        char *words; /* owned; NULL: the token says it */
};

/* One block of a step, or (verb NONE) one that stays as it is. */
struct item {
        uint32_t nr;
        enum mhp_verb verb;
        uint32_t decision; /* index */
};

struct plan {
        struct ctl *ctl;
        struct mhp_ring *ring;       /* owned */
        struct mhp_ranges only;      /* n == 0: all blocks */
        struct decision *decisions;  /* owned */
        size_t n_decisions, decisions_capacity;
        struct item *decided;        /* owned; by block, once sorted: which decision each got */
        size_t n_decided, decided_capacity;
        struct item *items;          /* owned; in the order of the steps */
        size_t n_items, items_capacity;
};

static void plan_done(struct plan *plan) {
        for (size_t i = 0; i < plan->n_decisions; i++)
                free(plan->decisions[i].words);
        free(plan->decisions);
        free(plan->decided);
        free(plan->items);
        mhp_ranges_done(&plan->only);
        mhp_ring_free(plan->ring);
}

static int write_down(struct item **items, size_t *n, size_t *capacity, uint32_t nr, enum mhp_verb verb, size_t decision) {
        int r = mhp_array_reserve((void **) items, capacity, *n + 1, sizeof(**items));

        if (r >= 0)
                (*items)[(*n)++] = (struct item) { .nr = nr, .verb = verb, .decision = (uint32_t) decision };
        return r;
}

static int note_decision(struct plan *plan, const struct mhp_step *report) {
        struct decision d = { .want = report->want, .reason = report->reason };
        int r;

        r = ARRAY_GROW(plan->decisions, plan->n_decisions, plan->decisions_capacity);
        if (r < 0)
                return r;
        if (report->words && !(d.words = strdup(report->words)))
                return -ENOMEM;
        plan->decisions[plan->n_decisions++] = d;
        for (size_t i = 0; i < report->n_blocks; i++) {
                r = write_down(&plan->decided, &plan->n_decided, &plan->decided_capacity, report->blocks[i], MHP_VERB_NONE, plan->n_decisions - 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int compare_items(const void *a, const void *b) {
        uint32_t x = ((const struct item *) a)->nr, y = ((const struct item *) b)->nr;

        return (x > y) - (x < y);
}

/* The door out. The step is only remembered here: the ring is in the middle of its turn. What one step carries is one thing to who reads
 * the plan, so it is shown by number. */
static int on_step(void *userdata, const struct mhp_step *step) {
        struct plan *plan = userdata;
        size_t from = plan->n_items;
        int r;

        if (step->verb == MHP_VERB_REPORT)
                return step->note == MHP_NOTE_DECIDED ? note_decision(plan, step) : 0;
        if (step->verb == MHP_VERB_SETTLE)
                return 0;
        for (size_t i = 0; i < step->n_blocks; i++) {
                r = write_down(&plan->items, &plan->n_items, &plan->items_capacity, step->blocks[i], step->verb, 0);
                if (r < 0)
                        return r;
        }
        if (step->n_blocks > 0)
                qsort(plan->items + from, step->n_blocks, sizeof(*plan->items), compare_items);
        return 0;
}

/* What sysfs would say of the block once the step had worked. */
static int pretend(struct plan *plan, const struct item *item) {
        const struct mhp_block *b = mhp_map_find(plan->ring->map, item->nr);
        const struct mhp_group *group = b ? mhp_map_group(plan->ring->map, b) : NULL;
        struct mhp_reading reading;
        int r;

        if (!b)
                return 0;
        reading = (struct mhp_reading) {
                .nr = b->nr,
                .state = item->verb == MHP_VERB_OFFLINE ? MHP_STATE_OFFLINE : MHP_STATE_ONLINE,
                .zone = item->verb == MHP_VERB_OFFLINE          ? MHP_ZONE_UNSET
                        : item->verb == MHP_VERB_ONLINE_MOVABLE ? MHP_ZONE_MOVABLE
                                                                : MHP_ZONE_NORMAL,
                .valid = b->valid,
                .node = b->node,
                .n_nodes = b->n_nodes,
                .source = group ? group->source : MHP_SOURCE_UNKNOWN,
                .group = group ? group->name : NULL,
        };
        r = mhp_ring_event(plan->ring, &(struct mhp_event) { .type = MHP_EVENT_BLOCK, .reading = &reading });
        return r < 0 ? r : mhp_ring_outcome(plan->ring, 0, item->nr, 0);
}

/* Turns the ring until no step comes any more. */
static int run_ring(struct plan *plan, const struct mhp_pressure *pressure) {
        for (;;) {
                size_t from = plan->n_items;
                int r;

                r = mhp_ring_turn(plan->ring, 0, pressure);
                if (r < 0)
                        return r;
                if (plan->ring->busy == MHP_VERB_NONE)
                        return 0;
                for (size_t i = from; i < plan->n_items; i++) {
                        r = pretend(plan, &plan->items[i]);
                        if (r < 0)
                                return r;
                }
                r = mhp_ring_step_done(plan->ring, 0, 0);
                if (r < 0)
                        return r;
        }
}

static bool wanted(const struct plan *plan, uint32_t nr) {
        return plan->only.n == 0 || mhp_ranges_contain(&plan->only, nr);
}

/* Gives each step's block its decision, drops what was not asked for, and puts what stays behind the steps. */
static int attach_decisions(struct plan *plan) {
        size_t kept = 0;

        if (plan->n_decided > 0)
                qsort(plan->decided, plan->n_decided, sizeof(*plan->decided), compare_items);
        for (size_t i = 0; i < plan->n_items; i++) {
                struct item item = plan->items[i];
                const struct item *decided =
                        plan->n_decided > 0 ? bsearch(&item, plan->decided, plan->n_decided, sizeof(item), compare_items) : NULL;

                if (!decided || !wanted(plan, item.nr))
                        continue;
                item.decision = decided->decision;
                plan->items[kept++] = item;
        }
        plan->n_items = kept;

        for (size_t i = 0; i < plan->n_decided; i++) {
                const struct item *item = &plan->decided[i];
                int r;

                if (plan->decisions[item->decision].want != MHP_WANT_NONE || !wanted(plan, item->nr))
                        continue;
                r = write_down(&plan->items, &plan->n_items, &plan->items_capacity, item->nr, MHP_VERB_NONE, item->decision);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The end of the run of consecutive blocks with one verb and one decision that starts at i. */
static size_t run_end(const struct plan *plan, size_t i) {
        const struct item *items = plan->items;
        size_t end = i + 1;

        while (end < plan->n_items && items[end].nr == items[end - 1].nr + 1 && items[end].verb == items[i].verb &&
               items[end].decision == items[i].decision)
                end++;
        return end;
}

static void print_range(struct mhp_text *text, uint32_t first, uint32_t last) {
        mhp_text_u64(text, first);
        if (last > first) {
                mhp_text_add(text, "-");
                mhp_text_u64(text, last);
        }
}

static int print_table(struct plan *plan) {
        static const struct ctl_column columns[] = {
                { "STEP", true }, { "VERB", false }, { "BLOCKS", false }, { "SIZE", true }, { "ZONE", false }, { "REASON", false }, { "WHY", false },
        };
        _cleanup_table_ struct ctl_table table = {};
        const struct mhp_map *map = plan->ring->map;
        size_t n = 0;
        int r;

        if (plan->n_items == 0) {
                mhp_text_add(&plan->ctl->out, "nothing to do\n");
                return CTL_DONE;
        }
        r = ctl_table_columns(plan->ctl, &table, columns, ELEMENTSOF(columns), "STEP,VERB,BLOCKS,SIZE,ZONE,REASON,WHY");
        if (r != CTL_DONE)
                return r;
        for (size_t i = 0, end; i < plan->n_items; i = end) {
                const struct item *item = &plan->items[i];
                const struct decision *d = &plan->decisions[item->decision];
                _cleanup_text_ struct mhp_text range = {};

                end = run_end(plan, i);
                print_range(&range, item->nr, plan->items[end - 1].nr);
                if (range.error < 0)
                        return range.error;
                if (item->verb == MHP_VERB_NONE)
                        ctl_table_cell(&table, "-", CTL_PLAIN);
                else
                        ctl_table_u64(&table, ++n);
                ctl_table_cell(&table, item->verb == MHP_VERB_NONE ? "stays offline" : mhp_verb_name(item->verb), CTL_PLAIN);
                ctl_table_cell(&table, range.data, CTL_PLAIN);
                ctl_table_size(plan->ctl, &table, (end - i) * map->block_size);
                ctl_table_cell(&table, mhp_want_name(d->want), CTL_PLAIN);
                ctl_table_cell(&table, mhp_reason_name(d->reason), CTL_PLAIN);
                ctl_table_cell(&table, d->words ? d->words : "-", CTL_PLAIN);
        }
        return ctl_table_print(plan->ctl, &table, "");
}

static void print_json_items(struct plan *plan, bool steps) {
        struct mhp_text *out = &plan->ctl->out;
        const char *comma = "";

        mhp_text_printf(out, "\"%s\":[", steps ? "steps" : "stays");
        for (size_t i = 0, end; i < plan->n_items; i = end) {
                const struct item *item = &plan->items[i];
                const struct decision *d = &plan->decisions[item->decision];

                end = run_end(plan, i);
                if (steps != (item->verb != MHP_VERB_NONE))
                        continue;
                mhp_text_printf(out, "%s\n{", comma);
                comma = ",";
                if (steps)
                        ctl_json_string(out, "", "verb", mhp_verb_name(item->verb));
                mhp_text_add(out, steps ? ",\"blocks\":\"" : "\"blocks\":\"");
                print_range(out, item->nr, plan->items[end - 1].nr);
                ctl_json_string(out, "\",", "zone", mhp_want_name(d->want));
                ctl_json_string(out, ",", "reason", mhp_reason_name(d->reason));
                ctl_json_string(out, ",", "words", d->words);
                mhp_text_add(out, "}");
        }
        mhp_text_add(out, "]");
}

static int print_plan(struct plan *plan) {
        if (!ctl_given(plan->ctl, CTL_OPT_JSON))
                return print_table(plan);
        mhp_text_add(&plan->ctl->out, "{");
        print_json_items(plan, true);
        mhp_text_add(&plan->ctl->out, ",");
        print_json_items(plan, false);
        mhp_text_add(&plan->ctl->out, "}\n");
        return CTL_DONE;
}

static int prepare(struct plan *plan) {
        _cleanup_map_ struct mhp_map *map = NULL;
        _cleanup_config_ struct mhp_config config = {};
        _cleanup_text_ struct mhp_text warnings = {};
        struct ctl *ctl = plan->ctl;
        struct mhp_arming arming;
        struct ctl_knobs knobs;
        int r;

        r = ctl_map_read(ctl, &map);
        if (r == CTL_DONE)
                r = ctl_targets_resolve(ctl, map, ctl->args + 1, ctl->n_args - 1, true, &plan->only);
        if (r == CTL_DONE)
                r = ctl_config_read(ctl, &config, &warnings);
        if (r != CTL_DONE)
                return r;
        ctl_knobs_read(ctl, &knobs);
        mhp_arming_plan(&config, knobs.can_arm, &arming);
        r = mhp_ring_new(map, &config, &arming, on_step, plan, &plan->ring);
        if (r < 0)
                return r;
        map = NULL; /* the ring's now */
        return CTL_DONE;
}

int verb_plan(struct ctl *ctl) {
        _cleanup_(plan_done) struct plan plan = { .ctl = ctl };
        struct mhp_pressure pressure = {};
        int r;

        if (ctl_given(ctl, CTL_OPT_NODE) && strcmp(ctl->args[0], "plug") != 0)
                return ctl_fail(ctl, CTL_USAGE, "--node is for plan plug");
        if (ctl_given(ctl, CTL_OPT_TO) && strcmp(ctl->args[0], "unplug") != 0)
                return ctl_fail(ctl, CTL_USAGE, "--to is for plan unplug");
        if (strcmp(ctl->args[0], "plug") == 0)
                return verb_plan_plug(ctl);
        if (strcmp(ctl->args[0], "offline") == 0 || strcmp(ctl->args[0], "unplug") == 0)
                return verb_plan_remove(ctl);
        if (strcmp(ctl->args[0], "online") != 0)
                return ctl_fail(ctl, CTL_USAGE, "\"%s\" cannot be planned; online, offline, plug and unplug can", ctl->args[0]);
        r = ctl_targets_check(ctl, ctl->args + 1, ctl->n_args - 1);
        if (r == CTL_DONE)
                r = prepare(&plan);
        if (r != CTL_DONE)
                return r;
        ctl_pressure_read(ctl, &pressure);
        r = run_ring(&plan, &pressure);
        if (r >= 0)
                r = attach_decisions(&plan);
        return r < 0 ? r : print_plan(&plan);
}
