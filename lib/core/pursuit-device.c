/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A removal and the device that brought the memory. A hold is written down before it is put on, so that a mhpd that finds it after a crash lifts a hold that
 * may not be there, which does no harm, and never overlooks one. */

#include "core/pursuit-device.h"

#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "core/pursuit-choose.h"
#include "core/pursuit-end.h"
#include "core/remover.h"
#include "model/word.h"

/* What is offline leaves at once, or the device is stuck: the least time that the last `remove` is waited for. */
#define LEAVE_USEC (30 * USEC_PER_SEC)
/* So many failures the back-off between two tries to lift a hold stands for. */
#define LIFT_FAILURES 3

static int move_on(const struct pursuit_context *c, uint32_t id, enum mhp_removal_phase phase, uint64_t wait) {
        int r = pursuit_set_phase(c, id, phase, wait);

        return r < 0 ? r : 1;
}

static int wait_for_leave(const struct pursuit_context *c, uint32_t id) {
        return move_on(c, id, MHP_PHASE_LEAVE, c->now + MAX(LEAVE_USEC, c->config->offline_timeout));
}

/* --------------------------------------------------------------------------------------------------------------- the hold */

static int after_hold(const struct pursuit_context *c, uint32_t id, const struct pursuit *pursuit, enum mhp_source source) {
        struct mhp_removal removal = *mhp_map_removal(c->map, id);

        /* A hold that is put on before anything is chosen goes on with the choice. */
        if (pursuit->error == 0)
                return move_on(c, id, pursuit->plan.n_items > 0 ? MHP_PHASE_OFFLINE : MHP_PHASE_COUNT, 0);
        if (pursuit->error != EPERM)
                return pursuit_fail(c, id, MHP_NO_BLOCK, pursuit->error, mhp_remover_no_hold(source));

        /* Another's hold is not ours to lift. */
        removal.held = MHP_SOURCE_UNKNOWN;
        int r = pursuit_record(c, &removal);
        return r < 0 ? r : pursuit_fail(c, id, MHP_NO_BLOCK, EPERM, mhp_remover_foreign_hold(source));
}

/* One hold for one removal: whoever is first lifts it for the hand-over. */
int pursuit_hold(const struct pursuit_context *c, uint32_t id) {
        struct mhp_removal removal = *mhp_map_removal(c->map, id);
        struct pursuit *pursuit = pursuit_find(c, id);
        enum mhp_source source = pursuit_source(c, &removal);

        if (pursuit->answered)
                return after_hold(c, id, pursuit, source);
        if (pursuit->sent || pursuit->next != MHP_VERB_NONE || pursuit_is_held(c, source, id))
                return 0;
        removal.held = (uint8_t) source;
        pursuit->next = MHP_VERB_HOLD;
        return pursuit_record(c, &removal);
}

/* A switch that is not there holds nothing: its module has gone, or it belongs to another kernel. */
static bool is_lifted(int error) {
        return error == 0 || error == ENOENT || error == ENODEV;
}

/* A hold that is left on makes every later eject fail, so that there is no end to the tries. */
int pursuit_lift(const struct pursuit_context *c, uint32_t id) {
        struct mhp_removal removal = *mhp_map_removal(c->map, id);
        struct pursuit *pursuit = pursuit_find(c, id);

        if (removal.held == MHP_SOURCE_UNKNOWN)
                return 1;
        if (!pursuit->answered) {
                if (!pursuit->sent && c->now >= removal.wait)
                        pursuit->next = MHP_VERB_RELEASE;
                return 0;
        }
        pursuit->answered = pursuit->sent = false;
        if (is_lifted(pursuit->error))
                removal.held = MHP_SOURCE_UNKNOWN;
        else
                removal.wait = c->now + mhp_config_backoff(c->config, LIFT_FAILURES);
        int r = pursuit_record(c, &removal);
        return r < 0 ? r : removal.held == MHP_SOURCE_UNKNOWN;
}

int pursuit_release(const struct pursuit_context *c, uint32_t id) {
        enum mhp_source source = pursuit_source(c, mhp_map_removal(c->map, id));
        int r = pursuit_lift(c, id);

        if (r <= 0)
                return r;
        /* virtio-mem takes what is offline when the hold is off, and was waited for before. */
        return mhp_remover_hands(source) ? move_on(c, id, MHP_PHASE_HAND, 0) : pursuit_start_unit(c, id);
}

/* ----------------------------------------------------------------------------------------------------------- the hand-over */

int pursuit_hand(const struct pursuit_context *c, uint32_t id) {
        struct pursuit *pursuit = pursuit_find(c, id);

        if (!pursuit->answered) {
                if (!pursuit->sent)
                        pursuit->next = MHP_VERB_HAND;
                return 0;
        }
        /* A device that has gone meanwhile is where it was to be. */
        if (pursuit->error == 0 || pursuit_unit_has_gone(c, pursuit))
                return wait_for_leave(c, id);
        return pursuit_fail(c, id, MHP_NO_BLOCK, pursuit->error, mhp_remover_no_hand(pursuit_source(c, mhp_map_removal(c->map, id))));
}

/* Whether the next unit is of the same device, so that the hold on it stays. */
static bool goes_on(const struct pursuit_context *c, const struct pursuit *pursuit, const char *name) {
        const struct mhp_group *group = pursuit_group(c, pursuit, pursuit->end, pursuit->plan.n_items);

        return group && strcmp(group->name, name) == 0;
}

/* The unit has gone, or is offline for good. */
static int finish_unit(const struct pursuit_context *c, uint32_t id) {
        struct mhp_removal removal = *mhp_map_removal(c->map, id);
        struct pursuit *pursuit = pursuit_find(c, id);
        int r;

        for (size_t i = pursuit->unit; i < pursuit->end; i++) {
                const struct mhp_block *block = pursuit_item(c, pursuit, i);

                if (!block)
                        continue;
                r = pursuit_set_goal(c, block->nr, MHP_WANT_NONE, MHP_REASON_REQUESTED);
                if (r >= 0)
                        r = pursuit_drop_member(c, pursuit->plan.items[i].nr);
                if (r < 0)
                        return r;
        }
        if (removal.verb == MHP_REMOVAL_UNPLUG && *removal.group && !mhp_remover_can(mhp_source_of_group(removal.group)))
                pursuit_set_words(pursuit, mhp_remover_none());
        removal.n_done += pursuit_unit_size(pursuit);
        pursuit->unit = pursuit->at = pursuit->end;
        r = pursuit_record(c, &removal);
        if (r < 0)
                return r;
        if (removal.held != MHP_SOURCE_UNKNOWN && !goes_on(c, pursuit, removal.group))
                return move_on(c, id, MHP_PHASE_RELEASE, 0);
        return pursuit_start_unit(c, id);
}

int pursuit_leave(const struct pursuit_context *c, uint32_t id) {
        const struct mhp_removal *removal = mhp_map_removal(c->map, id);
        struct pursuit *pursuit = pursuit_find(c, id);
        enum mhp_source source = pursuit_source(c, removal);

        if (pursuit_unit_has_gone(c, pursuit))
                return finish_unit(c, id);
        if (c->now < removal->wait)
                return 0;
        /* That the host has not asked is so for every block of the device. */
        pursuit->hopeless = !mhp_remover_hands(source);
        return pursuit_fail(c, id, MHP_NO_BLOCK, ETIMEDOUT, mhp_remover_stays(source));
}

int pursuit_unit_is_off(const struct pursuit_context *c, uint32_t id) {
        const struct mhp_removal *removal = mhp_map_removal(c->map, id);
        enum mhp_source source = pursuit_source(c, removal);

        if (removal->verb == MHP_REMOVAL_OFFLINE || !mhp_remover_can(source))
                return finish_unit(c, id);
        if (!mhp_remover_hands(source))
                return wait_for_leave(c, id);
        return move_on(c, id, removal->held != MHP_SOURCE_UNKNOWN ? MHP_PHASE_RELEASE : MHP_PHASE_HAND, 0);
}
