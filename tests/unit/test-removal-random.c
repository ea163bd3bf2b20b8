/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Removals on a simulated machine to which anything may happen at any moment. MHPD_TEST_SEED=N MHPD_TEST_ROUNDS=1 replays a
 * failure, MHPD_TEST_TRACE=1 tells its course; MHPD_TEST_OPS=N says how much happens in a round. */

#include "unit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "core/sim.h"
#include "model/map-text.h"

#define FIRST 32
#define SLOTS 8 /* where devices may be */
#define SLOT_BLOCKS 4
#define LAST (FIRST + SLOTS * SLOT_BLOCKS - 1)
#define BLOCK_SIZE (UINT64_C(1) << 27)
#define IDS 4096

struct world {
        uint64_t seed, round;
        struct mhp_sim *sim;
        struct mhp_ring *ring;
        struct mhp_backing *backing;
        bool trace, keep, teardown;
        uint32_t last_id;
        bool begun[IDS], ended[IDS];
        enum mhp_ending ending[IDS];
        enum mhp_removal_verb verb[IDS];
        bool may_rest[LAST + 1];       /* somebody asked for it to be offline, or did it */
        bool touched[LAST + 1];        /* another hand was at it, or onlining it was made to fail, since it became a member */
        uint32_t member[LAST + 1];     /* of which removal, 0: none */
        enum mhp_zone home[LAST + 1];  /* where it was then */
        uint64_t n_ops, n_torn, n_done, n_partly, n_failed, n_cancelled, n_timeout, n_fought, n_restored;
};

static uint32_t dice(struct world *w, uint32_t sides) {
        w->seed = w->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (uint32_t) (w->seed >> 33) % sides;
}

static void dump(const struct mhp_map *map) {
        char *text = NULL;

        if (mhp_map_print(map, &text) == 0)
                (void) fputs(text, stderr);
        free(text);
}

#define CHECK(w, truth, ...) \
        do { \
                if (!(truth)) { \
                        print_error("replay with MHPD_TEST_ROUNDS=1 MHPD_TEST_SEED=%" PRIu64 "\n", (w)->round); \
                        dump((w)->ring->map); \
                        fail_msg(__VA_ARGS__); \
                } \
        } while (0)

static void must(struct world *w, int r, const char *what) {
        CHECK(w, r >= 0, "%s: %s", what, strerror(-r));
}

static enum mhp_source slot_source(uint32_t slot) {
        static const enum mhp_source sources[] = { MHP_SOURCE_ACPI, MHP_SOURCE_ACPI, MHP_SOURCE_VIRTIO_MEM, MHP_SOURCE_DAX,
                                                   MHP_SOURCE_ACPI, MHP_SOURCE_ACPI, MHP_SOURCE_VIRTIO_MEM, MHP_SOURCE_HYPERV };

        return sources[slot];
}

/* Whoever is a member now has its home, and what may rest offline afterwards is what the removal is about. */
static void note_members(struct world *w) {
        for (uint32_t nr = FIRST; nr <= LAST; nr++) {
                const struct mhp_block *block = mhp_map_find(w->ring->map, nr);
                const struct mhp_removal *removal = block && block->removal ? mhp_map_removal(w->ring->map, block->removal) : NULL;

                if (!removal)
                        continue;
                if (w->member[nr] != block->removal) {
                        w->member[nr] = block->removal;
                        const struct mhp_sim_block *real = mhp_sim_find(w->sim, nr);

                        /* What has never come online need not come back, what nobody has heard of cannot be respected, and drift is
                         * repaired all the same, also where a restart hides that. */
                        w->touched[nr] = block->flags & (MHP_BLOCK_REPAIRING | MHP_BLOCK_ASTRAY) || (real && (real->fault[0].n > 0 || real->zone != block->zone)) || (block->state == MHP_STATE_OFFLINE && block->flags & MHP_BLOCK_GAVE_UP);
                        w->home[nr] = (enum mhp_zone) block->home;
                }
                if (w->keep || removal->verb == MHP_REMOVAL_OFFLINE || slot_source((nr - FIRST) / SLOT_BLOCKS) == MHP_SOURCE_HYPERV)
                        w->may_rest[nr] = true;
        }
}

/* ---------------------------------------------------------------------------------------------------------- what comes out */

static bool is_before(const struct mhp_step *step, size_t at, uint32_t nr) {
        for (size_t i = 0; i < at; i++)
                if (step->blocks[i] == nr)
                        return true;
        return false;
}

/* Who describes goes before who hosts. */
static void check_order(struct world *w, const struct mhp_step *step, size_t at) {
        uint32_t nr = step->blocks[at];
        const struct mhp_block *block = mhp_map_find(w->ring->map, nr);
        uint32_t slot = FIRST + (nr - FIRST) / SLOT_BLOCKS * SLOT_BLOCKS;

        for (uint32_t other = slot; block && block->reason == MHP_REASON_REMOVAL && other < slot + SLOT_BLOCKS; other++) {
                const struct mhp_block *b = mhp_map_find(w->ring->map, other);
                uint64_t first, last;

                if (!b || b->nr == nr || b->removal != block->removal || b->state == MHP_STATE_OFFLINE || is_before(step, at, other))
                        continue;
                CHECK(w, !mhp_backing_hosts(w->backing, other, &first, &last) || nr < first || nr > last,
                      "block %u goes before block %u, whose memmap it holds", nr, other);
        }
}

static void check_restored(struct world *w, uint32_t id) {
        for (uint32_t nr = FIRST; nr <= LAST; nr++) {
                const struct mhp_block *block = mhp_map_find(w->ring->map, nr);

                if (w->member[nr] != id)
                        continue;
                w->member[nr] = 0;
                /* Drift from before is repaired all the same; and a block that is not settled came in place of the one that left. */
                if (!block || !(block->flags & MHP_BLOCK_SETTLED) || w->touched[nr] || w->home[nr] == MHP_ZONE_UNSET || w->may_rest[nr] || block->flags & MHP_BLOCK_REPAIRED)
                        continue;
                /* Nor is it the removal's doing if what policy wanted online does not come. */
                if (block->flags & MHP_BLOCK_GAVE_UP && block->reason != MHP_REASON_RESTORED)
                        continue;
                CHECK(w, block->state == MHP_STATE_ONLINE && block->zone == w->home[nr], "block %u was in %s, and after removal %u it is %s %s", nr,
                      mhp_zone_name(w->home[nr]), id, mhp_state_name((enum mhp_state) block->state),
                      mhp_zone_name((enum mhp_zone) block->zone) ? mhp_zone_name((enum mhp_zone) block->zone) : "");
                w->n_restored++;
        }
}

static int on_step(void *userdata, const struct mhp_step *step) {
        struct world *w = userdata;

        if (w->trace)
                print_message("  %s %s %s %u.. (%zu) %s\n", mhp_verb_name(step->verb), mhp_note_name(step->note), step->group ? step->group : "",
                              step->n_blocks ? step->blocks[0] : 0, step->n_blocks, step->words ? step->words : "");
        note_members(w);
        /* What comes under the same number later is another block. */
        for (size_t i = 0; i < step->n_blocks && step->note == MHP_NOTE_GONE; i++)
                if (step->blocks[i] >= FIRST && step->blocks[i] <= LAST)
                        w->member[step->blocks[i]] = 0;
        /* Drift that is repaired, or accepted, gives a block another home. */
        for (size_t i = 0; i < step->n_blocks && (step->note == MHP_NOTE_REPAIRED || step->note == MHP_NOTE_DRIFT); i++)
                w->touched[step->blocks[i]] = true;
        for (size_t i = 0; i < step->n_blocks && (step->verb == MHP_VERB_OFFLINE || step->verb == MHP_VERB_TEARDOWN); i++)
                check_order(w, step, i);
        w->n_torn += step->verb == MHP_VERB_TEARDOWN;
        return 0;
}

/* As the daemon's jobs do: whatever has ended is read and forgotten. */
static void reap(struct world *w) {
        const struct mhp_map *map = w->ring->map;

        for (size_t i = 0; i < map->n_removals; i++)
                if (map->removals[i].size > 0 && strcmp(map->removals[i].target, "some") == 0)
                        CHECK(w, map->removals[i].n_done * BLOCK_SIZE <= map->removals[i].size, "more left than was asked for");
        for (size_t i = 0; i < map->n_removals;) {
                const struct mhp_removal *removal = &map->removals[i];
                uint32_t id = removal->id;

                if (removal->phase != MHP_PHASE_ENDED) {
                        i++;
                        continue;
                }
                CHECK(w, !w->ended[id], "removal %u ends twice", id);
                CHECK(w, removal->ending != MHP_ENDING_NONE && removal->held == MHP_SOURCE_UNKNOWN, "removal %u ends like that", id);
                CHECK(w, removal->n_done <= removal->n_total, "removal %u has done %u of %u", id, removal->n_done, removal->n_total);
                w->ended[id] = true;
                w->ending[id] = (enum mhp_ending) removal->ending;
                w->n_done += removal->ending == MHP_ENDING_DONE;
                w->n_partly += removal->ending == MHP_ENDING_PARTLY;
                w->n_failed += removal->ending == MHP_ENDING_FAILED;
                w->n_cancelled += removal->ending == MHP_ENDING_CANCELLED;
                w->n_timeout += removal->ending == MHP_ENDING_TIMEOUT;
                w->n_fought += removal->ending == MHP_ENDING_FOUGHT;
                check_restored(w, id);
                must(w, mhp_ring_forget(w->ring, id), "forget");
        }
}

/* ------------------------------------------------------------------------------------------------------------- what happens */

static void slot_name(uint32_t slot, char name[static MHP_GROUP_NAME_MAX]) {
        (void) snprintf(name, MHP_GROUP_NAME_MAX, "%s:device%u", mhp_source_name(slot_source(slot)), slot);
}

static void plug(struct world *w) {
        uint32_t slot = dice(w, SLOTS), first = FIRST + slot * SLOT_BLOCKS, zone = dice(w, 4), many = dice(w, 4) ? SLOT_BLOCKS : 2;
        char name[MHP_GROUP_NAME_MAX];

        slot_name(slot, name);
        int r = mhp_sim_plug(w->sim, &(struct mhp_sim_plug) {
                .group = name,
                .source = slot_source(slot),
                .blocks = { first, first + many - 1 },
                .device_block = slot == 6 ? 2 : 0,
                .zone = zone > 1 ? MHP_ZONE_UNSET : zone ? MHP_ZONE_MOVABLE : MHP_ZONE_NORMAL,
                .links = MHP_SIM_LINKS_SETTLE,
        });
        for (uint32_t nr = first; r >= 0 && nr < first + many; nr++) {
                /* If events are lost, the map may still have the block that was there before, and that another hand took it offline. */
                w->may_rest[nr] = w->sim->overflow || w->sim->rescan_due;
                w->touched[nr] = true;
        }
}

static struct mhp_range some(struct world *w) {
        uint32_t first = FIRST + dice(w, LAST - FIRST + 1), last = first + dice(w, 4);

        return (struct mhp_range) { first, MIN(last, (uint32_t) LAST) };
}

static void foreign(struct world *w) {
        static const enum mhp_zone zones[] = { MHP_ZONE_NORMAL, MHP_ZONE_MOVABLE };
        struct mhp_range range = some(w);
        enum mhp_zone zone = zones[dice(w, ELEMENTSOF(zones))];
        uint32_t what = dice(w, 3);

        for (uint32_t nr = range.first; nr <= range.last; nr++) {
                if (what != 0 && mhp_sim_foreign(w->sim, nr, MHP_VERB_OFFLINE, MHP_ZONE_UNSET) >= 0)
                        w->touched[nr] = w->may_rest[nr] = true;
                if (what != 1 && mhp_sim_foreign(w->sim, nr, MHP_VERB_ONLINE_KERNEL, zone) >= 0)
                        w->touched[nr] = true;
        }
}

/* It is slow, and may give up; mhpd may look at the block meanwhile. */
static void foreign_slowly(struct world *w) {
        uint32_t nr = FIRST + dice(w, LAST - FIRST + 1), done = dice(w, 2), look = dice(w, 2);

        if (w->sim->foreign != MHP_NO_BLOCK) {
                w->touched[w->sim->foreign] |= done, w->may_rest[w->sim->foreign] |= done;
                must(w, mhp_sim_foreign_end(w->sim, done), "end");
        } else if (mhp_sim_foreign_begin(w->sim, nr) >= 0 && look)
                must(w, mhp_sim_scan(w->sim, w->ring), "scan");
}

static void touch(struct world *w, struct mhp_range range) {
        for (uint32_t nr = range.first; nr <= range.last; nr++)
                w->touched[nr] = true;
}

static void fault(struct world *w) {
        static const unsigned errors[] = { EBUSY, ENOMEM, EBUSY, EINTR, EINVAL, EPERM };
        static const enum mhp_verb devices[] = { MHP_VERB_HOLD, MHP_VERB_RELEASE, MHP_VERB_HAND };
        struct mhp_range range = some(w);
        uint32_t what = dice(w, 12), verb = dice(w, 5), error = dice(w, ELEMENTSOF(errors)), n = 1 + dice(w, 4), device = dice(w, 3);
        uint32_t used = dice(w, 2) ? dice(w, 30000) : 0, fixed = dice(w, 3) ? 0 : 1 + dice(w, 9);

        if (what < 3) {
                mhp_sim_fault(w->sim, range, verb ? MHP_VERB_OFFLINE : MHP_VERB_ONLINE_KERNEL, errors[error], n);
                if (!verb)
                        touch(w, range);
        } else if (what < 5)
                mhp_sim_stick(w->sim, range, n, error & 1);
        else if (what < 6)
                w->sim->n_settle_stuck = n;
        else if (what < 7)
                mhp_sim_device_fault(w->sim, devices[device], errors[error] == EPERM ? EIO : errors[error], n);
        else if (what < 8)
                w->sim->n_device_stuck = n;
        else if (what < 9)
                w->sim->firmware_refuses = !w->sim->firmware_refuses;
        else
                mhp_sim_fill(w->sim, range, used, fixed);
}

/* A failed eject moves blocks to other zones, and a successful one is another hand's. */
static void eject(struct world *w) {
        uint32_t slot = dice(w, SLOTS), first = FIRST + slot * SLOT_BLOCKS;
        char name[MHP_GROUP_NAME_MAX];

        slot_name(slot, name);
        if (slot_source(slot) != MHP_SOURCE_ACPI)
                must(w, mhp_sim_ask(w->sim, name, dice(w, SLOT_BLOCKS + 1)) == -ENOMEM ? -ENOMEM : 0, "ask");
        else if (mhp_sim_eject(w->sim, name) >= 0)
                touch(w, (struct mhp_range) { first, first + SLOT_BLOCKS - 1 });
}

static int slot_blocks(struct world *w, uint32_t slot, struct mhp_ranges *ret) {
        char name[MHP_GROUP_NAME_MAX];

        slot_name(slot, name);
        for (uint32_t nr = FIRST + slot * SLOT_BLOCKS; nr < FIRST + (slot + 1) * SLOT_BLOCKS; nr++) {
                const struct mhp_block *block = mhp_map_find(w->ring->map, nr);
                const struct mhp_group *group = block ? mhp_map_group(w->ring->map, block) : NULL;

                if (group && strcmp(group->name, name) == 0 && mhp_ranges_add(ret, nr, nr) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static void begin_target(struct world *w, struct mhp_target *target) {
        uint32_t what = dice(w, 6), slot = dice(w, SLOTS), size = 1 + dice(w, 8);

        *target = (struct mhp_target) { .verb = dice(w, 3) ? MHP_REMOVAL_UNPLUG : MHP_REMOVAL_OFFLINE, .keep = MHP_KEEP_NONE };
        if (what == 0) {
                target->size = size * BLOCK_SIZE;
                target->at_least = dice(w, 2);
                return;
        }
        if (what == 1) {
                struct mhp_range range = some(w);

                for (uint32_t nr = range.first; nr <= range.last; nr++)
                        if (mhp_map_find(w->ring->map, nr))
                                must(w, mhp_ranges_add(&target->blocks, nr, nr), "range");
                return;
        }
        must(w, slot_blocks(w, slot, &target->blocks), "range");
        if (slot_source(slot) == MHP_SOURCE_VIRTIO_MEM && dice(w, 2)) {
                target->verb = MHP_REMOVAL_UNPLUG;
                target->keep = (size - 1) * BLOCK_SIZE;
                target->hold_first = dice(w, 2);
        }
}

static void remove_some(struct world *w) {
        _cleanup_target_ struct mhp_target target = { 0 };
        uint64_t timeout = dice(w, 4) ? 0 : (1 + dice(w, 20)) * USEC_PER_SEC;
        struct mhp_removal_refusal refusal;

        begin_target(w, &target);
        if (target.blocks.n == 0 && target.size == 0)
                return;
        must(w, mhp_ring_remove(w->ring, w->sim->now, &target, target.at_least ? "1M+" : "some", timeout, w->last_id + 1, &refusal), "remove");
        if (refusal.why != MHP_REFUSED_NONE) {
                CHECK(w, refusal.why != MHP_REFUSED_NO_BLOCK, "remove: block %u", refusal.block);
                return;
        }
        w->last_id++;
        CHECK(w, w->last_id < IDS, "too many removals in one round");
        w->begun[w->last_id] = true;
        w->verb[w->last_id] = target.verb;
        mhp_sim_wake(w->sim);
        note_members(w);
}

static void cancel(struct world *w) {
        if (w->last_id == 0)
                return;
        int r = mhp_ring_give_up(w->ring, w->sim->now, w->last_id - dice(w, MIN(w->last_id, 3u)), MHP_ENDING_CANCELLED);
        CHECK(w, r == 0 || r == -ENOENT, "cancel: %s", strerror(-r));
        mhp_sim_wake(w->sim);
}

/* ------------------------------------------------------------------------------------------------------------- the daemon */

static void set(struct world *w, struct mhp_config *config, const char *section, const char *key, const char *value) {
        const char *allowed = "";

        CHECK(w, mhp_config_set(config, section, key, value, &allowed) == 0, "%s=%s: %s", key, value, allowed);
}

static void make_config(struct world *w, struct mhp_config *config, struct mhp_arming *arming) {
        mhp_config_init(config);
        set(w, config, "Online", "Zone", "movable");
        set(w, config, "Online", "By", dice(w, 2) ? "mhpd" : "kernel");
        set(w, config, "Teardown", "Attempts", dice(w, 2) ? "1" : "3");
        set(w, config, "Teardown", "Drift", dice(w, 2) ? "repair" : "report");
        set(w, config, "Teardown", "OnFailure", w->keep ? "keep" : "restore");
        mhp_arming_plan(config, true, arming);
        mhp_sim_arm(w->sim, arming);
}

static void new_ring(struct world *w) {
        _cleanup_config_ struct mhp_config config = { 0 };
        struct mhp_arming arming;
        struct mhp_map *map;

        must(w, mhp_map_new(BLOCK_SIZE, &map), "map");
        make_config(w, &config, &arming);
        must(w, mhp_ring_new(map, &config, &arming, mhp_sim_step, w->sim, &w->ring), "ring");
        w->ring->backing = w->backing;
        w->ring->teardown = w->teardown;
        must(w, mhp_sim_scan(w->sim, w->ring), "scan");
}

/* A device that leaves and comes back unheard looks as if another hand had taken its blocks offline. */
static void forget_uevents(struct world *w) {
        for (size_t i = 0; i < w->sim->n_uevents; i++)
                if (w->sim->uevents[i].action != MHP_SIM_CHANGE)
                        w->may_rest[w->sim->uevents[i].nr] = w->touched[w->sim->uevents[i].nr] = true;
}

/* Killed, with its worker. The state file has the removals, and what another hand took offline. */
static void restart(struct world *w) {
        _cleanup_map_ struct mhp_map *left = NULL;
        _cleanup_free_ char *text = NULL;
        bool rests[LAST + 1] = { false };
        unsigned line;

        must(w, mhp_map_print_removals(w->ring->map, &text), "print");
        for (uint32_t nr = FIRST; nr <= LAST; nr++) {
                const struct mhp_block *b = mhp_map_find(w->ring->map, nr);

                rests[nr] = b && b->state == MHP_STATE_OFFLINE &&
                            (b->flags & MHP_BLOCK_HANDS_OFF || (b->goal == MHP_WANT_NONE && b->reason != MHP_REASON_REMOVAL));
        }
        w->ring = mhp_ring_free(w->ring);
        mhp_sim_kill(w->sim);
        forget_uevents(w);
        w->sim->n_uevents = 0;
        w->sim->overflow = w->sim->rescan_due = false;
        mhp_sim_settle(w->sim);
        new_ring(w);
        for (uint32_t nr = FIRST; nr <= LAST; nr++)
                if (rests[nr])
                        must(w, mhp_ring_event(w->ring, &(struct mhp_event) { .type = MHP_EVENT_GOAL, .now = w->sim->now, .block = nr,
                                               .want = MHP_WANT_NONE, .reason = MHP_REASON_FOREIGN_OFFLINE }), "remember");
        if (mhp_map_parse(text, strlen(text), &left, &line) < 0)
                fail_msg("line %u of what is left cannot be read:\n%s", line, text);
        must(w, mhp_ring_resume(w->ring, w->sim->now, left), "resume");
}

static void reload(struct world *w) {
        _cleanup_config_ struct mhp_config config = { 0 };
        struct mhp_arming arming;

        make_config(w, &config, &arming);
        must(w, mhp_ring_reload(w->ring, w->sim->now, &config, &arming), "reload");
        mhp_sim_wake(w->sim);
}

/* Whatever the next turn would see to is awake already. */
static void check_awake(struct world *w) {
        const char *sleeper = w->sim->turn_due || w->sim->n_uevents > 0 || w->sim->overflow ? NULL : mhp_ring_sleeps(w->ring);

        CHECK(w, !sleeper, "nothing wakes what is %s", sleeper);
}

static void pump(struct world *w) {
        for (uint32_t n = dice(w, 30); n > 0; n--) {
                must(w, mhp_sim_pump(w->sim, w->ring), "pump");
                check_awake(w);
                note_members(w);
                CHECK(w, mhp_map_consistent(w->ring->map), "the map is not consistent any more");
                reap(w);
        }
}

static void lose_uevents(struct world *w) {
        forget_uevents(w);
        mhp_sim_lose_uevents(w->sim);
}

static void happen(struct world *w) {
        uint32_t what = dice(w, 100);

        w->n_ops++;
        if (w->trace)
                print_message("%" PRIu64 ": %u\n", w->n_ops, what);
        if (what < 10)
                plug(w);
        else if (what < 16)
                foreign(w);
        else if (what < 26)
                fault(w);
        else if (what < 29)
                eject(w);
        else if (what < 41)
                remove_some(w);
        else if (what < 44)
                cancel(w);
        else if (what < 46)
                lose_uevents(w);
        else if (what < 48)
                must(w, mhp_sim_double_uevents(w->sim), "double");
        else if (what < 50)
                reload(w);
        else if (what < 52)
                restart(w);
        else if (what < 56 && w->sim->foreign == MHP_NO_BLOCK) /* while the lock is not to be had, every try takes its deadline, and there is always one */
                must(w, mhp_sim_advance(w->sim, w->ring, dice(w, 20) * USEC_PER_SEC), "advance");
        else if (what < 57)
                w->sim->blind = !w->sim->blind;
        else if (what < 60)
                foreign_slowly(w);
        else if (what < 62)
                mhp_sim_hide(w->sim, (struct mhp_range) { dice(w, LAST), LAST }, dice(w, 3));
        else
                pump(w);
        note_members(w);
        CHECK(w, mhp_map_consistent(w->ring->map), "the map is not consistent any more");
        reap(w);
}

/* ---------------------------------------------------------------------------------------------------------- what must hold */

static void check_block(struct world *w, const struct mhp_block *block) {
        const struct mhp_sim_block *real = mhp_sim_find(w->sim, block->nr);

        CHECK(w, !real || !real->held, "block %u is on hold for ever", block->nr);
        CHECK(w, real && real->state == block->state && real->zone == block->zone, "block %u is not what the map says", block->nr);
        CHECK(w, block->queue == MHP_QUEUE_NONE, "block %u is still %s", block->nr, mhp_queue_name((enum mhp_queue) block->queue));
        CHECK(w, block->removal == 0 && block->home == MHP_ZONE_UNSET, "block %u is still a member of removal %u", block->nr, block->removal);
        CHECK(w, block->reason != MHP_REASON_REMOVAL, "block %u is still on its way out", block->nr);
        if (block->nr < FIRST || block->state != MHP_STATE_OFFLINE)
                return;
        /* What policy wanted online and could not have is told of; it is not the removal's doing. */
        CHECK(w, w->may_rest[block->nr] || (block->flags & MHP_BLOCK_GAVE_UP && (w->touched[block->nr] || block->reason != MHP_REASON_RESTORED)),
              "block %u is offline, and nobody asked for that", block->nr);
}

static void come_to_rest(struct world *w) {
        const struct mhp_range all = { 0, LAST };

        must(w, mhp_sim_foreign_end(w->sim, false), "end");
        w->sim->n_settle_stuck = w->sim->n_device_stuck = 0;
        w->sim->firmware_refuses = false;
        memset(w->sim->device_fault, 0, sizeof(w->sim->device_fault));
        mhp_sim_fault(w->sim, all, MHP_VERB_NONE, 0, 0);
        mhp_sim_stick(w->sim, all, 0, false);
        mhp_sim_hide(w->sim, all, 0);
        for (unsigned i = 0; i < 24; i++) {
                must(w, mhp_sim_advance(w->sim, w->ring, 3600 * USEC_PER_SEC), "coming to rest");
                note_members(w);
                reap(w);
        }
        CHECK(w, w->ring->busy == MHP_VERB_NONE && mhp_ring_next_tick(w->ring) == UINT64_MAX, "it does not end");
        CHECK(w, w->ring->map->n_removals == 0, "a removal does not end");
        for (uint32_t id = 1; id <= w->last_id; id++)
                CHECK(w, w->ended[id], "nobody was told how removal %u ended", id);
        CHECK(w, !w->sim->vetoed && !w->sim->no_unplug_online, "ejects are vetoed for ever, or virtio-mem may not take online blocks any more");
        CHECK(w, w->ring->map->n_blocks == w->sim->n_blocks, "%zu blocks, the map has %zu", w->sim->n_blocks, w->ring->map->n_blocks);
        for (const struct mhp_block *b = mhp_map_at_or_after(w->ring->map, 0); b; b = mhp_map_next_block(w->ring->map, b))
                check_block(w, b);
}

static void begin(struct world *w) {
        static const struct mhp_block boot = { .state = MHP_STATE_ONLINE, .zone = MHP_ZONE_NORMAL, .n_nodes = 1 };
        struct mhp_geometry geometry;

        assert_int_equal(mhp_geometry_preset("x86_64", &geometry), 0);
        assert_int_equal(mhp_backing_new(&geometry, &w->backing), 0);
        /* One altmap for a whole device, at its head: its first block hosts the others. */
        for (uint32_t slot = 0; slot < SLOTS; slot++)
                assert_int_equal(mhp_backing_add(w->backing, (FIRST + slot * (uint64_t) SLOT_BLOCKS) * BLOCK_SIZE, SLOT_BLOCKS * BLOCK_SIZE,
                                                 slot & 1 ? MHP_PLACEMENT_RANGE : MHP_PLACEMENT_DRAM, NULL), 0);
        assert_int_equal(mhp_sim_new(BLOCK_SIZE, &w->sim), 0);
        w->sim->tell = on_step;
        w->sim->userdata = w;
        assert_int_equal(mhp_sim_place(w->sim, (struct mhp_range) { 0, 7 }, &boot, "boot", MHP_SOURCE_BOOT), 0);
        new_ring(w);
}

static uint64_t number(const char *name, uint64_t otherwise) {
        const char *s = getenv(name);

        return s ? strtoull(s, NULL, 10) : otherwise;
}

static void test_random(void **state) {
        uint64_t seed = number("MHPD_TEST_SEED", 1), rounds = number("MHPD_TEST_ROUNDS", 600), ops = number("MHPD_TEST_OPS", 100);
        uint64_t n_ops = 0, n_torn = 0, n_done = 0, n_partly = 0, n_failed = 0, n_cancelled = 0, n_timeout = 0, n_fought = 0, n_restored = 0;

        for (uint64_t round = 0; round < rounds; round++) {
                struct world w = { .seed = (seed + round) * UINT64_C(0x9e3779b97f4a7c15), .round = seed + round, .keep = (seed + round) % 4 == 0,
                                   .teardown = (seed + round) % 3 != 0, .trace = getenv("MHPD_TEST_TRACE") };

                begin(&w);
                for (uint64_t i = 0; i < ops; i++) {
                        happen(&w);
                        if (i % 25 == 24)
                                come_to_rest(&w);
                }
                come_to_rest(&w);
                n_ops += w.n_ops, n_torn += w.n_torn, n_done += w.n_done, n_partly += w.n_partly, n_failed += w.n_failed;
                n_cancelled += w.n_cancelled, n_timeout += w.n_timeout, n_fought += w.n_fought, n_restored += w.n_restored;
                mhp_ring_free(w.ring);
                mhp_sim_free(w.sim);
                mhp_backing_free(w.backing);
        }
        print_message("%" PRIu64 " steps from seed %" PRIu64 ": %" PRIu64 " teardowns, %" PRIu64 " removals done, %" PRIu64 " partly, %" PRIu64 " failed, %" PRIu64
                      " cancelled, %" PRIu64 " out of time, %" PRIu64 " fought for; %" PRIu64 " blocks back in their zones\n",
                      n_ops, seed, n_torn, n_done, n_partly, n_failed, n_cancelled, n_timeout, n_fought, n_restored);
        if (rounds >= 600)
                assert_true(n_torn > 100 && n_done > 100 && n_partly > 10 && n_failed > 100 && n_cancelled > 10 && n_timeout > 5 && n_fought > 0 && n_restored > 500);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
