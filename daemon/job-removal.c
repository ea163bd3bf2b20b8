/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How far a removal is, for those who wait for it. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "daemon/engine.h"
#include "daemon/executor.h"
#include "daemon/job-internal.h"

void job_removal_view(const struct job *job, struct job_view *ret) {
        const struct engine *engine = job_engine(job);
        const struct mhp_ring *ring = engine->ring;
        const struct mhp_removal *removal = mhp_map_removal(ring->map, job->id);

        if (!removal)
                return;

        /* Members that are offline count as gone while there is hope for the rest. */
        const struct mhp_member_sums *members = mhp_map_members(ring->map, job->id);
        ret->verb = mhp_removal_verb_name((enum mhp_removal_verb) removal->verb);
        ret->phase = mhp_phase_name((enum mhp_removal_phase) removal->phase);
        ret->total = removal->n_total;
        ret->done = removal->n_done;
        if (removal->phase != MHP_PHASE_ENDED)
                ret->done += members->n - members->n_online;
        ret->failed = members->n_gave_up;
        if (ring->busy_removal != job->id || !engine->executor)
                return;
        if (ring->busy == MHP_VERB_TEARDOWN)
                ret->done += executor_n_heard(engine->executor);
        if (ring->busy == MHP_VERB_OFFLINE || ring->busy == MHP_VERB_TEARDOWN)
                (void) executor_current(engine->executor, &ret->current, &ret->current_left);
}

int job_removal_members(const struct mhp_map *map, uint32_t id, struct mhp_ranges *ret) {
        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b)) {
                int r = b->removal == id ? mhp_ranges_add(ret, b->nr, b->nr) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

uint64_t job_removal_count(const struct job *job) {
        const struct mhp_map *map = job_engine(job)->ring->map;
        uint64_t n = 0;

        for (size_t i = 0; i < job->blocks.n; i++)
                for (const struct mhp_block *b = mhp_map_at_or_after(map, job->blocks.range[i].first); b && b->nr <= job->blocks.range[i].last;
                     b = mhp_map_next_block(map, b))
                        n += b->state == MHP_STATE_OFFLINE ? 1 : 2;
        return n;
}

/* A member has a home if it was online when its removal began. */
uint64_t job_removal_count_members(const struct mhp_map *map, uint32_t id) {
        uint64_t n = 0;

        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b))
                if (b->removal == id)
                        n += mhp_zone_class((enum mhp_zone) b->home) == MHP_WANT_UNSET ? 1 : 2;
        return n;
}

/* Which blocks went for a size is only known as long as they are on their way. */
bool job_removal_changed(const struct job *job, const struct mhp_removal *removal) {
        if (job->blocks.n > 0)
                return job_removal_count(job) != job->before;
        if (removal->n_done > 0)
                return true;
        return job_engine(job)->ring->config.on_failure == MHP_ON_FAILURE_KEEP && job->most_done > 0;
}

static bool stays(const struct mhp_block *block, enum mhp_removal_verb verb) {
        return verb == MHP_REMOVAL_UNPLUG || block->state != MHP_STATE_OFFLINE;
}

static int list_remains(const struct job *job, enum mhp_removal_verb verb, struct mhp_ranges *ret) {
        const struct mhp_map *map = job_engine(job)->ring->map;

        for (size_t i = 0; i < job->blocks.n; i++)
                for (const struct mhp_block *b = mhp_map_at_or_after(map, job->blocks.range[i].first); b && b->nr <= job->blocks.range[i].last;
                     b = mhp_map_next_block(map, b)) {
                        int r = stays(b, verb) ? mhp_ranges_add(ret, b->nr, b->nr) : 0;
                        if (r < 0)
                                return r;
                }
        return 0;
}

/* One after the other, as far as each is known: what is still there; where it failed; why. */
int job_removal_detail(const struct job *job, const struct mhp_removal *removal, struct mhp_text *text) {
        enum mhp_removal_verb verb = (enum mhp_removal_verb) removal->verb;
        const char *words = mhp_ring_removal_words(job_engine(job)->ring, job->id);
        _cleanup_ranges_ struct mhp_ranges remains = { 0 };
        const char *gap = "";

        if (removal->ending == MHP_ENDING_DONE) {
                mhp_text_add(text, words); /* what there is to say nevertheless */
                return text->error;
        }
        int r = list_remains(job, verb, &remains);
        if (r < 0)
                return r;
        if (remains.n > 0) {
                mhp_ranges_print(&remains, text);
                mhp_text_add(text, verb == MHP_REMOVAL_UNPLUG ? " still in the machine" : " not offline");
                gap = "; ";
        }
        if (removal->blame != MHP_NO_BLOCK) {
                mhp_text_printf(text, "%sat block %" PRIu32, gap, removal->blame);
                gap = ": ";
        }
        if (*words)
                mhp_text_printf(text, "%s%s", gap, words);
        else if (removal->error)
                mhp_text_printf(text, "%s%s", gap, strerror(removal->error));
        return text->error;
}
