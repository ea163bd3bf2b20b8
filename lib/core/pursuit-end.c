/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The ways back: a unit that begins again, a removal that is given up, and the end with its report. */

#include "core/pursuit-end.h"

#include "base/units.h"
#include "core/notes.h"
#include "model/word.h"

/* A step for what is not wanted any more must not hold up all else for its whole deadline. The release of a hold is always wanted. */
static void interrupt(const struct pursuit_context *c, uint32_t id) {
        if (pursuit_is_busy(c, id) && c->busy != MHP_VERB_RELEASE)
                c->pursuits->interrupt = true;
}

/* With OnFailure=keep, what is offline stays so as if that had been asked for. */
static int turn_back_block(const struct pursuit_context *c, uint32_t nr) {
        bool keep = c->config->on_failure == MHP_ON_FAILURE_KEEP;
        const struct mhp_block *block = mhp_map_find(c->map, nr);
        enum mhp_want home = mhp_zone_class((enum mhp_zone) block->home);
        int r;

        if (block->reason != MHP_REASON_REMOVAL)
                return 0;
        if ((keep && block->state == MHP_STATE_OFFLINE) || home == MHP_WANT_UNSET)
                r = pursuit_set_goal(c, nr, MHP_WANT_NONE, MHP_REASON_REQUESTED);
        else
                r = pursuit_set_goal(c, nr, home, MHP_REASON_RESTORED);
        return r < 0 || !keep ? r : pursuit_drop_member(c, nr);
}

int pursuit_abandon(const struct pursuit_context *c, uint32_t id, enum mhp_ending why, uint32_t blame, int error, const char *words) {
        struct mhp_removal removal = *mhp_map_removal(c->map, id);
        uint32_t nr;
        int r;

        removal.ending = (uint8_t) why;
        removal.blame = blame;
        removal.error = (uint16_t) error;
        if (words)
                pursuit_set_words(pursuit_find(c, id), words);
        r = pursuit_record(c, &removal);
        if (r < 0)
                return r;
        r = pursuit_set_phase(c, id, MHP_PHASE_RESTORE, 0);
        if (r < 0)
                return r;
        FOREACH_MEMBER (nr, c, id) {
                r = turn_back_block(c, nr);
                if (r < 0)
                        return r;
        }
        interrupt(c, id);
        return 1;
}

int pursuit_fail(const struct pursuit_context *c, uint32_t id, uint32_t blame, int error, const char *words) {
        return pursuit_abandon(c, id, MHP_ENDING_FAILED, blame, error, words);
}

static int report_end(const struct pursuit_context *c, const struct mhp_removal *removal) {
        const struct pursuit *pursuit = pursuit_find(c, removal->id);
        _cleanup_text_ struct mhp_text words = { 0 };

        mhp_text_printf(&words, "%s of %s: %s, %u of %u blocks", mhp_removal_verb_name((enum mhp_removal_verb) removal->verb), removal->target,
                        mhp_ending_name((enum mhp_ending) removal->ending), removal->n_done, removal->n_total);
        if (removal->blame != MHP_NO_BLOCK)
                mhp_text_printf(&words, "; it failed at block %u", removal->blame);
        if (*pursuit->words)
                mhp_text_printf(&words, ": %s", pursuit->words);
        if (words.error < 0)
                return words.error;
        return mhp_notes_send(c->notes, &(struct mhp_step) {
                .verb = MHP_VERB_REPORT, .note = MHP_NOTE_REMOVED, .words = words.data, .node = -1, .barrier = MHP_NO_BLOCK,
                .group = *removal->group ? removal->group : NULL, .error = removal->error, .removal = removal->id });
}

/* Whether less was chosen than was asked for. After a restart only a size tells. */
static bool is_partly(const struct pursuit_context *c, const struct mhp_removal *removal) {
        return pursuit_find(c, removal->id)->partly ||
               (removal->n_total > 0 && mhp_mul_sat(removal->n_total, c->map->block_size) < removal->size);
}

static enum mhp_ending ending(const struct pursuit_context *c, const struct mhp_removal *removal) {
        if (removal->n_done >= removal->n_total && (removal->n_total > 0 || removal->ending == MHP_ENDING_NONE))
                return is_partly(c, removal) ? MHP_ENDING_PARTLY : MHP_ENDING_DONE;
        if (removal->ending == MHP_ENDING_NONE)
                return MHP_ENDING_PARTLY;
        return removal->ending == MHP_ENDING_FAILED && removal->n_done > 0 ? MHP_ENDING_PARTLY : (enum mhp_ending) removal->ending;
}

int pursuit_end(const struct pursuit_context *c, uint32_t id) {
        struct mhp_removal removal = *mhp_map_removal(c->map, id);
        int r = pursuit_drop_members(c, id);

        if (r < 0)
                return r;
        removal.ending = (uint8_t) ending(c, &removal);
        removal.phase = MHP_PHASE_ENDED;
        removal.wait = removal.until = 0;
        r = pursuit_record(c, &removal);
        if (r >= 0)
                r = report_end(c, &removal);
        return r < 0 ? r : 1;
}

/* A block that waits for its turn or for another try may have to go after the one that came back. */
int pursuit_start_over(const struct pursuit_context *c, struct pursuit *pursuit, bool all) {
        for (size_t i = pursuit->unit; i < pursuit->end; i++) {
                const struct mhp_block *block = pursuit_item(c, pursuit, i);

                if (!block || block->reason != MHP_REASON_REMOVAL || block->flags & MHP_BLOCK_BUSY)
                        continue;
                if (block->state != MHP_STATE_ONLINE && !(block->flags & MHP_BLOCK_UNREAD)) /* which may be online */
                        continue;
                if (!all && block->flags & MHP_BLOCK_GAVE_UP)
                        continue;
                enum mhp_want home = mhp_zone_class((enum mhp_zone) block->home);
                int r = pursuit_set_goal(c, block->nr, home != MHP_WANT_UNSET ? home : mhp_zone_class((enum mhp_zone) block->zone), MHP_REASON_RESTORED);
                if (r < 0)
                        return r;
        }
        pursuit->at = pursuit->unit;
        return 0;
}

int pursuit_fought(const struct pursuit_context *c, uint32_t nr) {
        const struct mhp_removal *found = mhp_map_removal(c->map, mhp_map_find(c->map, nr)->removal);
        struct pursuit *pursuit = found ? pursuit_find(c, found->id) : NULL;

        if (!pursuit || found->ending != MHP_ENDING_NONE || found->phase == MHP_PHASE_ENDED)
                return 0;

        struct mhp_removal removal = *found;
        bool again = removal.fights + 1u < c->config->attempts;
        int r;

        removal.fights++;
        r = again ? pursuit_start_over(c, pursuit, true) : 0;
        if (r < 0)
                return r;
        r = pursuit_record(c, &removal);
        if (r < 0)
                return r;
        if (!again)
                return pursuit_abandon(c, removal.id, MHP_ENDING_FOUGHT, nr, 0, "another hand brings it online again and again");
        /* On its way out of the machine it has to go offline once more. */
        if (removal.phase == MHP_PHASE_RELEASE || removal.phase == MHP_PHASE_HAND || removal.phase == MHP_PHASE_LEAVE)
                return pursuit_abandon(c, removal.id, MHP_ENDING_FOUGHT, nr, 0, "another hand brought it online again");
        return 0;
}
