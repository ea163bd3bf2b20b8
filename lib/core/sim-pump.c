/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The daemon's part, in small: what engine, executor and worker do between the two doors, in their order. */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/array.h"
#include "base/units.h"
#include "core/sim-internal.h"

/* Item i of the step under way. */
static uint32_t item_nr(const struct mhp_sim *sim, size_t i) {
        return sim->follower.items[i].nr;
}

int mhp_sim_step(void *userdata, const struct mhp_step *step) {
        struct mhp_sim *sim = userdata;
        int r = 0;

        if (step->verb == MHP_VERB_INTERRUPT)
                sim->interrupted = true;
        else if (step->verb != MHP_VERB_REPORT) {
                r = mhp_follower_begin(&sim->follower, step->verb, step->blocks, step->n_blocks);
                if (r >= 0)
                        r = mhp_array_reserve((void **) &sim->was, &sim->was_capacity, step->n_blocks, sizeof(*sim->was));
                if (r < 0)
                        return r;
                sim->at = 0;
                sim->verb = step->verb;
                sim->deadline = step->deadline;
                sim->lift = step->lift;
                sim->stage = MHP_SIM_BEGIN;
                sim->interrupted = sim->timed_out = false;
                sim->device[0] = '\0';
                if (step->group)
                        strncat(sim->device, step->group, sizeof(sim->device) - 1);
        }
        return sim->tell ? sim->tell(sim->userdata, step) : 0;
}

void mhp_sim_wake(struct mhp_sim *sim) {
        sim->turn_due = true;
}

static int gone(struct mhp_sim *sim, struct mhp_ring *ring, uint32_t nr) {
        return mhp_ring_event(ring, &(struct mhp_event) { .type = MHP_EVENT_GONE, .now = sim->now, .block = nr });
}

static int take_reading(struct mhp_sim *sim, struct mhp_ring *ring, const struct mhp_reading *reading) {
        return mhp_ring_event(ring, &(struct mhp_event) { .type = MHP_EVENT_BLOCK, .now = sim->now, .reading = reading });
}

static int unread(struct mhp_sim *sim, struct mhp_ring *ring, struct mhp_sim_block *block) {
        block->n_unread -= block->n_unread != UINT16_MAX;
        return mhp_ring_event(ring, &(struct mhp_event) { .type = MHP_EVENT_UNREAD, .now = sim->now, .block = block->nr, .error = EMFILE });
}

static int read_block(struct mhp_sim *sim, struct mhp_ring *ring, uint32_t nr) {
        struct mhp_sim_block *block = mhp_sim_find(sim, nr);
        struct mhp_reading reading;

        if (block && block->n_unread > 0 && ring->map->scanned) /* a daemon that cannot read at its start does not start */
                return unread(sim, ring, block);
        return mhp_sim_read(sim, nr, &reading) ? take_reading(sim, ring, &reading) : gone(sim, ring, nr);
}

int mhp_sim_scan(struct mhp_sim *sim, struct mhp_ring *ring) {
        struct mhp_event event = { .type = MHP_EVENT_SCAN_BEGIN, .now = sim->now };
        int r = mhp_ring_event(ring, &event);

        for (size_t i = 0; i < sim->n_blocks && r >= 0; i++)
                r = read_block(sim, ring, sim->blocks[i].nr);
        event.type = MHP_EVENT_SCAN_END;
        sim->turn_due = true;
        return r < 0 ? r : mhp_ring_event(ring, &event);
}

/* ---------------------------------------------------------------------------------------------------------------- hearing */

static int take_uevent(struct mhp_sim *sim, struct mhp_ring *ring, const struct mhp_sim_uevent *uevent) {
        const struct mhp_block *block = mhp_map_find(ring->map, uevent->nr);

        switch (uevent->action) {
        case MHP_SIM_ADD:
                return mhp_ring_event(ring, &(struct mhp_event) { .type = MHP_EVENT_ADDED, .now = sim->now, .block = uevent->nr });
        case MHP_SIM_REMOVE:
                mhp_follower_forget(&sim->follower, uevent->nr);
                return gone(sim, ring, uevent->nr);
        case MHP_SIM_CHANGE:
                break;
        }
        if (block && mhp_follower_hears(&sim->follower, block, 1, mhp_ring_settles(ring), false))
                return 0;
        return read_block(sim, ring, uevent->nr);
}

static int hear(struct mhp_sim *sim, struct mhp_ring *ring) {
        int r = 0;

        if (sim->n_uevents == 0 && !sim->overflow)
                return 0;
        if (sim->overflow) {
                sim->overflow = false;
                sim->rescan_due = true;
                mhp_follower_doubt(&sim->follower);
        }
        for (size_t i = 0; i < sim->n_uevents && r >= 0; i++)
                r = take_uevent(sim, ring, &sim->uevents[i]);
        sim->n_uevents = 0;
        sim->turn_due = true;
        return r;
}

/* -------------------------------------------------------------------------------------------------------------- the steps */

static int turn(struct mhp_sim *sim, struct mhp_ring *ring) {
        struct mhp_pressure pressure;

        sim->turn_due = false;
        if (sim->rescan_due) {
                const struct mhp_step rescanned = { .verb = MHP_VERB_REPORT, .note = MHP_NOTE_RESCAN, .node = -1 };
                int r = mhp_sim_scan(sim, ring);

                sim->rescan_due = sim->turn_due = false;
                if (r >= 0 && sim->tell)
                        r = sim->tell(sim->userdata, &rescanned);
                if (r < 0)
                        return r;
        }
        mhp_sim_get_pressure(sim, &pressure);
        int r = mhp_ring_turn(ring, sim->now, &pressure);
        if (r >= 0 && mhp_ring_aim(ring))
                mhp_sim_arm(sim, &ring->arming);
        return r;
}

static int end_step(struct mhp_sim *sim, struct mhp_ring *ring, int error) {
        sim->stage = MHP_SIM_IDLE;
        sim->turn_due = true;
        mhp_follower_end(&sim->follower);
        return mhp_ring_step_done(ring, sim->now, error);
}

static void pass_deadline(struct mhp_sim *sim) {
        sim->now += sim->interrupted ? 500 * USEC_PER_MSEC : sim->deadline;
}

static int settle(struct mhp_sim *sim, struct mhp_ring *ring) {
        int r;

        if (sim->stage == MHP_SIM_BEGIN) {
                sim->error = sim->n_settle_stuck > 0 || sim->foreign != MHP_NO_BLOCK ? ETIMEDOUT : 0;
                if (sim->error)
                        sim->now += sim->deadline;
                else
                        mhp_sim_settle(sim);
                sim->n_settle_stuck -= sim->n_settle_stuck > 0 && sim->n_settle_stuck != UINT_MAX;
                sim->stage = MHP_SIM_WRITTEN;
                return 0;
        }

        r = hear(sim, ring);
        for (size_t i = 0; i < sim->follower.n && r >= 0; i++)
                r = read_block(sim, ring, item_nr(sim, i));
        return r < 0 ? r : end_step(sim, ring, sim->error);
}

/* A write to a device's file may wait for a lock as well, for as long as something else holds that. */
static int device(struct mhp_sim *sim, struct mhp_ring *ring) {
        if (sim->stage == MHP_SIM_BEGIN) {
                if (sim->n_device_stuck > 0 || sim->foreign != MHP_NO_BLOCK) {
                        sim->n_device_stuck -= sim->n_device_stuck > 0;
                        sim->stage = MHP_SIM_STUCK;
                        return 0;
                }
                sim->error = mhp_sim_device(sim, sim->verb, sim->device);
                sim->stage = MHP_SIM_WRITTEN;
                return 0;
        }
        if (sim->stage == MHP_SIM_STUCK) {
                pass_deadline(sim);
                sim->error = ETIMEDOUT;
                sim->stage = MHP_SIM_WRITTEN;
                return 0;
        }
        int r = hear(sim, ring);
        return r < 0 ? r : end_step(sim, ring, sim->error);
}

static int tell_tally(struct mhp_sim *sim, struct mhp_ring *ring, uint32_t nr) {
        struct mhp_tally tally;
        bool known = mhp_sim_count(sim, nr, &tally);

        return mhp_ring_event(ring, &(struct mhp_event) {
                .type = MHP_EVENT_COUNT, .now = sim->now, .block = nr, .tally = known ? &tally : NULL });
}

static int count(struct mhp_sim *sim, struct mhp_ring *ring) {
        int r = hear(sim, ring);

        if (r < 0 || sim->at == sim->follower.n)
                return r < 0 ? r : end_step(sim, ring, 0);
        uint32_t nr = item_nr(sim, sim->at++);
        /* A block that has gone tells nothing of others. */
        r = mhp_sim_find(sim, nr) ? tell_tally(sim, ring, nr) : 0;
        return r < 0 ? r : mhp_ring_outcome(ring, sim->now, nr, 0);
}

/* The worker's own reading knows nothing of node and group. */
static void read_back(struct mhp_sim *sim, uint32_t nr) {
        sim->result_gone = !mhp_sim_read(sim, nr, &sim->result);
        sim->result.node = -1;
        sim->result.n_nodes = 0;
        sim->result.group = NULL;
        sim->result.source = MHP_SOURCE_UNKNOWN;
        sim->stage = MHP_SIM_WRITTEN;
}

static int begin(struct mhp_sim *sim) {
        uint32_t nr = item_nr(sim, sim->at);
        struct mhp_sim_block *block = mhp_sim_find(sim, nr);

        /* It waits for the hotplug lock. */
        if (sim->foreign != MHP_NO_BLOCK) {
                sim->stage = MHP_SIM_STUCK;
                sim->waiting = true;
                return 0;
        }
        if (block && block->n_stuck > 0) {
                block->n_stuck -= block->n_stuck != UINT16_MAX;
                if (!block->killed && sim->verb == MHP_VERB_OFFLINE && block->state == MHP_STATE_ONLINE && block->zone != MHP_ZONE_NONE)
                        block->state = MHP_STATE_GOING_OFFLINE;
                sim->stage = MHP_SIM_STUCK;
                return 0;
        }
        if (block && block->held && sim->lift && sim->verb != MHP_VERB_OFFLINE)
                block->held = false;
        sim->error = mhp_sim_write(sim, nr, sim->verb);
        read_back(sim, nr);
        return 0;
}

/* The worker was killed: what it did not answer for is read afresh. */
static int lost(struct mhp_sim *sim, struct mhp_ring *ring) {
        int r = hear(sim, ring);
        uint32_t nr;

        for (size_t at = 0; r >= 0 && (nr = mhp_follower_open(&sim->follower, &at)) != MHP_NO_BLOCK;) {
                r = read_block(sim, ring, nr);
                if (r < 0)
                        break;
                switch (mhp_follower_fate(&sim->follower, ring->map, nr)) {
                case MHP_FATE_REACHED:
                        r = mhp_ring_outcome(ring, sim->now, nr, 0);
                        break;
                case MHP_FATE_BLAMED:
                        r = mhp_ring_outcome(ring, sim->now, nr, ETIMEDOUT);
                        break;
                case MHP_FATE_UNBEGUN:
                        break;
                }
        }
        return r < 0 ? r : end_step(sim, ring, 0);
}

/* offline_pages() leaves on a signal with EINTR and the block is as it was. */
static int deadline(struct mhp_sim *sim, struct mhp_ring *ring) {
        struct mhp_sim_block *block = mhp_sim_find(sim, item_nr(sim, sim->at));

        bool waiting = sim->waiting;

        pass_deadline(sim);
        sim->waiting = false;
        if (waiting || (block && block->killed))
                return lost(sim, ring);
        if (block && block->state == MHP_STATE_GOING_OFFLINE)
                block->state = MHP_STATE_ONLINE;
        sim->error = ETIMEDOUT;
        sim->timed_out = true;
        read_back(sim, item_nr(sim, sim->at));
        return 0;
}

static int answer(struct mhp_sim *sim, struct mhp_ring *ring) {
        uint32_t nr = item_nr(sim, sim->at);
        struct mhp_sim_block *unseen = NULL;
        int r = hear(sim, ring);

        sim->at++;
        sim->stage = MHP_SIM_BEGIN;
        switch (mhp_follower_answers(&sim->follower, nr, sim->error, sim->result_gone)) {
        case MHP_ANSWER_WRONG:
                return -EBADMSG;
        case MHP_ANSWER_GONE:
                return r;
        case MHP_ANSWER_READ:
                /* What the worker read is better than nothing where that fails, and not to be relied on. */
                unseen = sim->result_gone ? NULL : mhp_sim_find(sim, nr);
                if (unseen && unseen->n_unread == 0)
                        unseen = NULL;
                if (r >= 0)
                        r = unseen ? take_reading(sim, ring, &sim->result) : read_block(sim, ring, nr);
                break;
        case MHP_ANSWER_KEEP:
                r = r < 0 ? r : take_reading(sim, ring, &sim->result);
                break;
        }
        if (r >= 0 && sim->verb == MHP_VERB_OFFLINE && sim->error != 0 && sim->error != EINVAL && sim->error != ENODEV)
                r = tell_tally(sim, ring, nr);
        if (r >= 0)
                r = mhp_ring_outcome(ring, sim->now, nr, sim->error);
        return r < 0 || !unseen ? r : unread(sim, ring, unseen);
}

/* An interrupted offline ends the worker's request; the blocks behind it are only read. */
static int break_off(struct mhp_sim *sim, struct mhp_ring *ring) {
        int r = hear(sim, ring);

        for (; sim->at < sim->follower.n && r >= 0; sim->at++)
                if (!sim->follower.items[sim->at].gone)
                        r = read_block(sim, ring, item_nr(sim, sim->at));
        return r < 0 ? r : end_step(sim, ring, 0);
}

/* --------------------------------------------------------------------------------------------------------------- all or none */

/* What the kernel looks at before it begins; what it finds then is nobody's failure. */
static bool can_begin(struct mhp_sim *sim) {
        for (size_t i = 0; i < sim->follower.n; i++) {
                const struct mhp_sim_block *block = mhp_sim_find(sim, item_nr(sim, i));

                if (!block || block->state != MHP_STATE_ONLINE || block->zone == MHP_ZONE_NONE)
                        return false;
                sim->was[i] = block->zone;
        }
        return true;
}

static int roll_back(struct mhp_sim *sim) {
        int r = 0;

        for (size_t i = sim->at; i-- > 0 && r >= 0;)
                r = mhp_sim_restore(sim, item_nr(sim, i), (enum mhp_zone) sim->was[i]);
        return r < 0 ? r : sim_torn_down(sim);
}

/* Up to the first that is stuck, or stays. at: that one. */
static int tear_down(struct mhp_sim *sim) {
        if (sim->foreign != MHP_NO_BLOCK)
                pass_deadline(sim);
        if (sim->foreign != MHP_NO_BLOCK || !can_begin(sim)) {
                sim->error = ECANCELED;
                sim->stage = MHP_SIM_WRITTEN;
                return 0;
        }
        for (; sim->at < sim->follower.n; sim->at++) {
                struct mhp_sim_block *block = mhp_sim_find(sim, item_nr(sim, sim->at));

                if (block->n_stuck > 0) {
                        block->n_stuck -= block->n_stuck != UINT16_MAX;
                        block->state = MHP_STATE_GOING_OFFLINE;
                        sim->stage = MHP_SIM_STUCK;
                        return 0;
                }
                sim->error = mhp_sim_write(sim, block->nr, MHP_VERB_OFFLINE);
                if (sim->error != 0)
                        break;
        }
        sim->stage = MHP_SIM_WRITTEN;
        if (sim->error != 0)
                return roll_back(sim);
        for (size_t i = 0; i < sim->follower.n; i++)
                mhp_sim_find(sim, item_nr(sim, i))->held = true;
        return sim_torn_down(sim);
}

static int end_teardown(struct mhp_sim *sim, struct mhp_ring *ring) {
        uint32_t failed = sim->error != 0 && sim->error != ECANCELED ? item_nr(sim, sim->at) : MHP_NO_BLOCK;
        int r = hear(sim, ring);

        for (size_t i = 0; i < sim->follower.n && r >= 0; i++) {
                if (sim->follower.items[i].gone)
                        continue;
                r = read_block(sim, ring, item_nr(sim, i));
                if (r >= 0 && item_nr(sim, i) == failed)
                        r = tell_tally(sim, ring, failed);
                if (r >= 0 && (sim->error == 0 || item_nr(sim, i) == failed))
                        r = mhp_ring_outcome(ring, sim->now, item_nr(sim, i), sim->error);
        }
        return r < 0 ? r : end_step(sim, ring, 0);
}

static int teardown(struct mhp_sim *sim, struct mhp_ring *ring) {
        if (sim->stage == MHP_SIM_BEGIN) {
                sim->error = 0;
                return tear_down(sim);
        }
        if (sim->stage == MHP_SIM_WRITTEN)
                return end_teardown(sim, ring);

        pass_deadline(sim);
        struct mhp_sim_block *block = mhp_sim_find(sim, item_nr(sim, sim->at));
        if (block && block->state == MHP_STATE_GOING_OFFLINE)
                block->state = MHP_STATE_ONLINE;
        sim->error = ETIMEDOUT;
        sim->stage = MHP_SIM_WRITTEN;
        return roll_back(sim);
}

void mhp_sim_kill(struct mhp_sim *sim) {
        bool torn = sim->stage == MHP_SIM_STUCK && sim->verb == MHP_VERB_TEARDOWN;

        for (size_t i = 0; i < sim->n_blocks; i++)
                if (sim->blocks[i].state == MHP_STATE_GOING_OFFLINE && sim->blocks[i].nr != sim->foreign)
                        sim->blocks[i].state = MHP_STATE_ONLINE;
        sim->stage = MHP_SIM_IDLE;
        sim->waiting = false;
        mhp_follower_end(&sim->follower);
        if (torn)
                (void) roll_back(sim); /* without memory to say so, nobody is told */
}

static bool is_device(enum mhp_verb verb) {
        return verb == MHP_VERB_HOLD || verb == MHP_VERB_RELEASE || verb == MHP_VERB_HAND;
}

static int advance_step(struct mhp_sim *sim, struct mhp_ring *ring) {
        if (sim->verb == MHP_VERB_SETTLE)
                return settle(sim, ring);
        if (is_device(sim->verb))
                return device(sim, ring);
        if (sim->verb == MHP_VERB_COUNT)
                return count(sim, ring);
        if (sim->verb == MHP_VERB_TEARDOWN)
                return teardown(sim, ring);
        if (sim->stage == MHP_SIM_STUCK)
                return deadline(sim, ring);
        if (sim->stage == MHP_SIM_WRITTEN)
                return answer(sim, ring);

        while (sim->at < sim->follower.n && sim->follower.items[sim->at].gone)
                sim->at++;
        if (sim->verb == MHP_VERB_OFFLINE && sim->at > 0 && (sim->interrupted || sim->timed_out))
                return break_off(sim, ring);
        return sim->at < sim->follower.n ? begin(sim) : end_step(sim, ring, 0);
}

/* --------------------------------------------------------------------------------------------------------------- the loop */

int mhp_sim_pump(struct mhp_sim *sim, struct mhp_ring *ring) {
        int r;

        if (sim->n_uevents > 0 || sim->overflow)
                r = hear(sim, ring);
        else if (sim->turn_due)
                r = turn(sim, ring);
        else if (sim->stage != MHP_SIM_IDLE)
                r = advance_step(sim, ring);
        else
                return 0;
        return r < 0 ? r : 1;
}

int mhp_sim_run(struct mhp_sim *sim, struct mhp_ring *ring) {
        /* No block needs more than a settle, a repair and some tries before time has to pass. */
        uint64_t most = 10000 + 64 * (uint64_t) sim->n_blocks;
        int r;

        sim->turn_due = true;
        for (uint64_t n = 0; n < most; n++) {
                r = mhp_sim_pump(sim, ring);
                if (r <= 0)
                        return r;
        }
        return -ELOOP;
}

int mhp_sim_tick(struct mhp_sim *sim, struct mhp_ring *ring) {
        sim->now = MAX(sim->now, mhp_ring_next_tick(ring));
        sim->turn_due = true;
        return mhp_ring_event(ring, &(struct mhp_event) { .type = MHP_EVENT_TICK, .now = sim->now });
}

int mhp_sim_advance(struct mhp_sim *sim, struct mhp_ring *ring, uint64_t usec) {
        uint64_t until = mhp_add_sat(sim->now, usec), next;
        int r = mhp_sim_run(sim, ring);

        while (r >= 0 && (next = mhp_ring_next_tick(ring)) <= until && next < UINT64_MAX) {
                r = mhp_sim_tick(sim, ring);
                if (r >= 0)
                        r = mhp_sim_run(sim, ring);
        }
        sim->now = MAX(sim->now, until);
        return r;
}
