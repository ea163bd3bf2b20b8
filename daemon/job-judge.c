/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How far a job is that brings blocks online, from the map. */

#include <string.h>

#include "daemon/job-internal.h"

struct job_item *job_find(const struct job *job, uint32_t nr) {
        size_t low = 0, high = job->n_items;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (job->items[middle].nr < nr)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < job->n_items && job->items[low].nr == nr ? &job->items[low] : NULL;
}

static bool is_there(const struct job *job, const struct mhp_block *block) {
        if (job->moves)
                return mhp_block_goal_met(block);
        if (block->state != MHP_STATE_ONLINE)
                return false;
        return job->want == MHP_WANT_AUTO || mhp_zone_class((enum mhp_zone) block->zone) == job->want;
}

/* 0: still open. */
static int why_failed(const struct job *job, const struct mhp_block *block) {
        enum mhp_want want = job->want;

        if (block->flags & MHP_BLOCK_GAVE_UP)
                return block->error ? block->error : JOB_WHY_NO_EFFECT;
        if (block->flags & MHP_BLOCK_HANDS_OFF)
                return JOB_WHY_SUPERSEDED;
        if (want == MHP_WANT_AUTO)
                return block->goal == MHP_WANT_NONE && !job->moves ? JOB_WHY_POLICY : 0;
        return block->goal != want ? JOB_WHY_SUPERSEDED : 0;
}

static enum job_status judge(const struct job *job, const struct mhp_block *block, int *ret_why) {
        if (!block) {
                *ret_why = JOB_WHY_GONE;
                return JOB_FAILED;
        }
        if (block->flags & MHP_BLOCK_BUSY || !(block->flags & MHP_BLOCK_SETTLED))
                return JOB_OPEN;
        if (is_there(job, block))
                return JOB_DONE;
        *ret_why = why_failed(job, block);
        return *ret_why ? JOB_FAILED : JOB_OPEN;
}

/* Moving a block that is in use is no way to bring it online: whoever wants that says so, and takes it offline first. */
bool job_refuse(struct job *job, struct job_item *item, const struct mhp_block *block) {
        if (!block || job->moves || block->state != MHP_STATE_ONLINE || is_there(job, block))
                return false;
        item->status = JOB_FAILED;
        item->why = JOB_WHY_ELSEWHERE;
        job->n_failed++;
        return true;
}

void job_judge(struct job *job, struct job_item *item, const struct mhp_map *map) {
        if (item->status != JOB_OPEN)
                return;
        item->status = judge(job, mhp_map_find(map, item->nr), &item->why);
        job->n_done += item->status == JOB_DONE;
        job->n_failed += item->status == JOB_FAILED;
}

/* What an item that is not done has to say for itself; of an open one the last failure, if there was one. */
static int why(const struct job_item *item, const struct mhp_map *map) {
        const struct mhp_block *block = mhp_map_find(map, item->nr);

        if (item->status == JOB_FAILED)
                return item->why;
        return block && block->error ? block->error : JOB_WHY_OPEN;
}

static const char *words(int reason) {
        switch (reason) {
        case JOB_WHY_GONE:
                return "left the machine";
        case JOB_WHY_POLICY:
                return "the policy says Zone=none; name a zone to bring it online nevertheless";
        case JOB_WHY_SUPERSEDED:
                return "something else was decided about it meanwhile; mhpctl status has more";
        case JOB_WHY_OPEN:
                return "not done yet";
        case JOB_WHY_ELSEWHERE:
                return "online in another zone; take it offline first";
        case JOB_WHY_NO_EFFECT:
                return "the kernel took it and did not do it";
        default: /* an errno */
                return strerror(reason);
        }
}

static bool told_before(const struct job *job, const struct mhp_map *map, size_t i, int reason) {
        for (size_t k = 0; k < i; k++)
                if (job->items[k].status != JOB_DONE && why(&job->items[k], map) == reason)
                        return true;
        return false;
}

void job_detail(const struct job *job, const struct mhp_map *map, struct mhp_text *text) {
        for (size_t i = 0; i < job->n_items; i++) {
                _cleanup_ranges_ struct mhp_ranges ranges = { 0 };
                int reason = why(&job->items[i], map);

                /* There are few reasons, and the first block of each is found soon. */
                if (job->items[i].status == JOB_DONE || told_before(job, map, i, reason))
                        continue;
                for (size_t k = i; k < job->n_items; k++)
                        if (job->items[k].status != JOB_DONE && why(&job->items[k], map) == reason &&
                            mhp_ranges_add(&ranges, job->items[k].nr, job->items[k].nr) < 0)
                                return;
                mhp_text_add(text, text->len > 0 ? "; " : "");
                mhp_ranges_print(&ranges, text);
                mhp_text_printf(text, ": %s", words(reason));
        }
}
