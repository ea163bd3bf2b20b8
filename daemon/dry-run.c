/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/dry-run.h"

#include <errno.h>

#include "base/range.h"
#include "daemon/engine.h"
#include "daemon/log.h"
#include "daemon/loop.h"

struct dry_run {
        struct engine *engine;
        sd_event_source *source; /* owned */
        enum mhp_verb verb;
        struct mhp_ranges blocks;
};

static int answer_block(struct dry_run *d, uint32_t nr) {
        struct mhp_worker_result result = { .nr = nr, .state = MHP_STATE_ONLINE };

        /* Looking is nothing that is done to the machine; what cannot be known yet is taken as such. */
        if (d->verb == MHP_VERB_COUNT) {
                result.read_error = EAGAIN;
                return engine_result(d->engine, &result, NULL, 0);
        }
        if (d->verb == MHP_VERB_OFFLINE || d->verb == MHP_VERB_TEARDOWN) {
                result.state = MHP_STATE_OFFLINE;
                result.valid = MHP_ZONE_BIT(MHP_ZONE_NORMAL) | MHP_ZONE_BIT(MHP_ZONE_MOVABLE);
        } else
                result.zone = d->verb == MHP_VERB_ONLINE_MOVABLE ? MHP_ZONE_MOVABLE : MHP_ZONE_NORMAL;
        return engine_result(d->engine, &result, NULL, 0);
}

/* Not from the door itself: the ring takes outcomes when its turn is over. */
static int on_answer(sd_event_source *source, void *userdata) {
        struct dry_run *d = userdata;
        int r = 0;

        (void) source;
        for (size_t i = 0; i < d->blocks.n && d->verb != MHP_VERB_SETTLE; i++)
                for (uint32_t nr = d->blocks.range[i].first; nr <= d->blocks.range[i].last && r >= 0; nr++)
                        r = answer_block(d, nr);
        if (r >= 0)
                r = engine_step_over(d->engine, d->verb, 0);
        return engine_check(d->engine, r);
}

static void tell_device(const struct mhp_step *step) {
        const char *group = step->group && *step->group ? step->group : "the memory";

        if (step->verb == MHP_VERB_HOLD)
                log_print(LOG_NOTICE, "dry run: what brought %s would be kept from taking it out by itself", group);
        else if (step->verb == MHP_VERB_RELEASE)
                log_print(LOG_NOTICE, "dry run: what brought %s would be let do so again", group);
        else
                log_print(LOG_NOTICE, "dry run: %s would be handed over to be taken out", group);
}

static int tell(const struct dry_run *d) {
        _cleanup_text_ struct mhp_text blocks = { 0 };

        mhp_ranges_print(&d->blocks, &blocks);
        if (blocks.error < 0)
                return blocks.error;
        if (d->verb == MHP_VERB_TEARDOWN)
                log_print(LOG_NOTICE, "dry run: blocks %s would be taken offline at once, all or none", blocks.data);
        else
                log_print(LOG_NOTICE, "dry run: %s would be written to the state of block%s %s", mhp_verb_name(d->verb),
                          mhp_ranges_count(&d->blocks) == 1 ? "" : "s", blocks.data);
        return 0;
}

int dry_run_start(struct dry_run *d, const struct mhp_step *step) {
        int r = 0;

        mhp_ranges_done(&d->blocks);
        d->verb = step->verb;
        for (size_t i = 0; i < step->n_blocks && r >= 0; i++)
                r = mhp_ranges_add(&d->blocks, step->blocks[i], step->blocks[i]);
        if (mhp_verb_is_device(step->verb))
                tell_device(step);
        else if (r >= 0 && step->verb != MHP_VERB_SETTLE && step->verb != MHP_VERB_COUNT)
                r = tell(d);
        return r < 0 ? r : sd_event_source_set_enabled(d->source, SD_EVENT_ONESHOT);
}

int dry_run_new(struct engine *engine, sd_event *event, struct dry_run **ret) {
        _cleanup_(dry_run_freep) struct dry_run *d = calloc(1, sizeof(*d));
        int r;

        if (!d)
                return -ENOMEM;
        d->engine = engine;
        r = sd_event_add_defer(event, &d->source, on_answer, d);
        if (r >= 0)
                r = sd_event_source_set_enabled(d->source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(d->source, LOOP_WORKER);
        if (r < 0)
                return r;
        *ret = TAKE(d);
        return 0;
}

struct dry_run *dry_run_free(struct dry_run *d) {
        if (!d)
                return NULL;
        sd_event_source_disable_unref(d->source);
        mhp_ranges_done(&d->blocks);
        free(d);
        return NULL;
}
