/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl plan`: the ring, with an executor that only writes down what it is told to do and says that it worked. */

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "core/explain.h"
#include "ctl/ctl.h"
#include "ctl/path.h"
#include "ctl/plan-basis.h"
#include "ctl/plan.h"
#include "ctl/source.h"
#include "ctl/target.h"

static void plan_done(struct plan *plan) {
        for (size_t i = 0; i < plan->n_decisions; i++)
                free(plan->decisions[i].words);
        free(plan->decisions);
        free(plan->decided);
        free(plan->items);
        mhp_ranges_done(&plan->only);
        mhp_ring_free(plan->ring);
        ctl_daemon_done(&plan->daemon);
}

static int write_down(struct plan_item **items, size_t *n, size_t *capacity, uint32_t nr, enum mhp_verb verb, size_t decision) {
        int r = mhp_array_reserve((void **) items, capacity, *n + 1, sizeof(**items));

        if (r >= 0)
                (*items)[(*n)++] = (struct plan_item) { .nr = nr, .verb = verb, .decision = (uint32_t) decision };
        return r;
}

static int note_decision(struct plan *plan, const struct mhp_step *report) {
        struct plan_decision d = { .want = report->want, .reason = report->reason };
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
        uint32_t x = ((const struct plan_item *) a)->nr, y = ((const struct plan_item *) b)->nr;

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
static int pretend(struct plan *plan, const struct plan_item *item) {
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

/* A goal that the daemon had before. */
static int recall_decision(struct plan *plan, const struct mhp_block *block, uint32_t *ret) {
        struct plan_decision d = { .want = (enum mhp_want) block->goal, .reason = mhp_block_reason(block) };
        _cleanup_text_ struct mhp_text words = {};
        int r;

        if (block->state == MHP_STATE_OFFLINE) {
                d.want = MHP_WANT_NONE;
                mhp_explain_offline(block, &words);
        }
        r = ARRAY_GROW(plan->decisions, plan->n_decisions, plan->decisions_capacity);
        if (r >= 0 && words.len > 0)
                r = mhp_text_finish(&words, &d.words);
        if (r < 0)
                return r;
        plan->decisions[plan->n_decisions] = d;
        *ret = (uint32_t) plan->n_decisions++;
        return 0;
}

static const struct plan_item *find_decided(const struct plan *plan, uint32_t nr) {
        const struct plan_item key = { .nr = nr };

        return plan->n_decided > 0 ? bsearch(&key, plan->decided, plan->n_decided, sizeof(key), compare_items) : NULL;
}

static bool same_goal(const struct mhp_block *a, const struct mhp_block *b) {
        return a && a->goal == b->goal && mhp_block_reason(a) == mhp_block_reason(b) && a->flags == b->flags && a->attempts == b->attempts;
}

/* last: the block of the step or the line before, whose decision serves for this one too if it is the same. */
static int decision_of(struct plan *plan, uint32_t nr, const struct mhp_block **last, uint32_t *decision) {
        const struct plan_item *decided = find_decided(plan, nr);
        const struct mhp_block *block = mhp_map_find(plan->ring->map, nr);
        bool same = !decided && block && same_goal(*last, block);

        *last = decided ? NULL : block;
        if (decided)
                *decision = decided->decision;
        return decided || same || !block ? 0 : recall_decision(plan, block, decision);
}

/* Gives each step's block its decision and drops what was not asked for. */
static int attach_decisions(struct plan *plan) {
        const struct mhp_block *last = NULL;
        uint32_t decision = 0;
        size_t kept = 0;
        int r;

        if (plan->n_decided > 0)
                qsort(plan->decided, plan->n_decided, sizeof(*plan->decided), compare_items);
        for (size_t i = 0; i < plan->n_items; i++) {
                struct plan_item item = plan->items[i];

                if (!wanted(plan, item.nr))
                        continue;
                r = decision_of(plan, item.nr, &last, &decision);
                if (r < 0)
                        return r;
                item.decision = decision;
                plan->items[kept++] = item;
        }
        plan->n_items = kept;
        return 0;
}

/* What is offline when all is done goes behind the steps. */
static int add_stays(struct plan *plan) {
        const struct mhp_map *map = plan->ring->map;
        const struct mhp_block *last = NULL;
        uint32_t decision = 0;
        int r;

        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b)) {
                if (b->state != MHP_STATE_OFFLINE || !wanted(plan, b->nr))
                        continue;
                r = decision_of(plan, b->nr, &last, &decision);
                if (r >= 0)
                        r = write_down(&plan->items, &plan->n_items, &plan->items_capacity, b->nr, MHP_VERB_NONE, decision);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void tell_warnings(const struct ctl *ctl, const struct mhp_text *warnings) {
        const char *p = warnings->data;

        while (p && *p) {
                size_t len = strcspn(p, "\n");

                (void) ctl_fail(ctl, CTL_DONE, "warning: %.*s", (int) len, p);
                p += len + (p[len] == '\n');
        }
}

static int read_basis(struct plan *plan, struct mhp_map **ret_map, struct mhp_config *ret_config) {
        _cleanup_text_ struct mhp_text warnings = {};
        struct ctl *ctl = plan->ctl;
        int r = ctl_daemon_ask(ctl, &plan->daemon);

        if (r != CTL_DONE)
                return r;
        if (plan->daemon.running) {
                r = ctl_plan_basis(plan->daemon.map, ret_map);
                return r < 0 ? r : ctl_daemon_config(ctl, &plan->daemon, ret_config);
        }
        r = ctl_map_read(ctl, ret_map);
        if (r == CTL_DONE)
                r = ctl_config_read(ctl, ret_config, &warnings);
        if (r != CTL_DONE)
                return r;
        if (warnings.error < 0)
                return warnings.error;
        tell_warnings(ctl, &warnings);
        return CTL_DONE;
}

static int prepare(struct plan *plan) {
        _cleanup_map_ struct mhp_map *map = NULL;
        _cleanup_config_ struct mhp_config config = {};
        struct ctl *ctl = plan->ctl;
        struct mhp_arming arming;
        struct ctl_knobs knobs;
        int r;

        r = read_basis(plan, &map, &config);
        if (r == CTL_DONE)
                r = ctl_targets_resolve(ctl, map, ctl->args + 1, ctl->n_args - 1, true, &plan->only);
        if (r != CTL_DONE)
                return r;
        ctl_knobs_read(ctl, &knobs);
        mhp_arming_plan(&config, knobs.can_arm, &arming);
        if (knobs.unasked)
                mhp_arming_insist(&arming);
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
        if (ctl_given(ctl, CTL_OPT_AT_LEAST) && strcmp(ctl->args[0], "unplug") != 0 && strcmp(ctl->args[0], "offline") != 0)
                return ctl_fail(ctl, CTL_USAGE, "--at-least is for plan offline and plan unplug");
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
        if (r >= 0)
                r = add_stays(&plan);
        return r < 0 ? r : plan_show(&plan);
}
