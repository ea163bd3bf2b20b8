/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The ring on a simulated machine to which anything may happen at any moment. MHPD_TEST_SEED=N MHPD_TEST_ROUNDS=1 replays a
 * failure; MHPD_TEST_OPS=N says how much happens in a round. */

#include "unit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "core/sim.h"

#define FIRST 32
#define SLOTS 10 /* where devices may be */
#define SLOT_BLOCKS 6
#define LAST (FIRST + SLOTS * SLOT_BLOCKS - 1)

struct world {
        uint64_t seed, round;
        struct mhp_sim *sim;
        struct mhp_ring *ring;
        bool named_zones;                /* a configuration in this round names zones */
        bool trace;
        bool asked[SLOTS];               /* an administrator had a word about a block there, since it was empty */
        unsigned n_repairs[LAST + 1];    /* begun, since it came or was asked for */
        uint64_t n_ops, n_drifts, n_gave_up, n_online;
};

static uint32_t dice(struct world *w, uint32_t sides) {
        w->seed = w->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (uint32_t) (w->seed >> 33) % sides;
}

#define CHECK(w, truth, ...) \
        do { \
                if (!(truth)) { \
                        print_error("replay with MHPD_TEST_ROUNDS=1 MHPD_TEST_SEED=%" PRIu64 "\n", (w)->round); \
                        dump((w)->ring->map); \
                        fail_msg(__VA_ARGS__); \
                } \
        } while (0)

static void dump(const struct mhp_map *map) {
        char *text = NULL;

        if (mhp_map_print(map, &text) == 0)
                (void) fputs(text, stderr);
        free(text);
}

static bool begins_repair(const struct mhp_block *block) {
        return block->flags & MHP_BLOCK_REPAIRING && block->flags & MHP_BLOCK_REPAIRED && block->attempts == 0;
}

static int on_step(void *userdata, const struct mhp_step *step) {
        struct world *w = userdata;

        if (w->trace)
                print_message("  %s %s %u.. (%zu) %s\n", mhp_verb_name(step->verb), mhp_note_name(step->note),
                              step->n_blocks ? step->blocks[0] : 0, step->n_blocks, step->words ? step->words : "");
        for (size_t i = 0; i < step->n_blocks; i++) {
                uint32_t nr = step->blocks[i];

                if (nr < FIRST || nr > LAST)
                        continue;
                if (step->verb == MHP_VERB_OFFLINE && begins_repair(mhp_map_find(w->ring->map, nr)))
                        CHECK(w, ++w->n_repairs[nr] == 1, "block %u is repaired more than once", nr);
                if (step->verb != MHP_VERB_REPORT)
                        continue;
                if (step->note == MHP_NOTE_GONE)
                        w->n_repairs[nr] = 0;
                w->n_drifts += step->note == MHP_NOTE_DRIFT;
                w->n_gave_up += step->note == MHP_NOTE_GAVE_UP;
                w->n_online += step->note == MHP_NOTE_ONLINE;
        }
        return 0;
}

static void must(struct world *w, int r, const char *what) {
        CHECK(w, r >= 0, "%s: %s", what, strerror(-r));
}

/* ------------------------------------------------------------------------------------------------------------- what happens */

static void plug(struct world *w) {
        static const enum mhp_source sources[] = { MHP_SOURCE_ACPI, MHP_SOURCE_ACPI, MHP_SOURCE_VIRTIO_MEM, MHP_SOURCE_DAX, MHP_SOURCE_HYPERV };
        uint32_t slot = dice(w, SLOTS), first = FIRST + slot * SLOT_BLOCKS;
        /* Always the same in the same slot: when events are lost, a block that belongs to another device all of a sudden is taken for
         * the block that was there before. */
        enum mhp_source source = sources[slot % ELEMENTSOF(sources)];
        uint32_t many = dice(w, SLOT_BLOCKS) + 1, node = dice(w, 4), zone = dice(w, 8), narrow = dice(w, 12);
        char name[MHP_GROUP_NAME_MAX];

        (void) snprintf(name, sizeof(name), "%s:device%u", mhp_source_name(source), slot);
        (void) mhp_sim_plug(w->sim, &(struct mhp_sim_plug) {
                .group = name,
                .source = source,
                .blocks = { first, first + many - 1 },
                .node = (int) node - 1,
                .zone = zone > 1 ? MHP_ZONE_UNSET : zone ? MHP_ZONE_MOVABLE : MHP_ZONE_NORMAL,
                .valid = narrow ? 0 : MHP_ZONE_BIT(MHP_ZONE_NORMAL),
                .links = MHP_SIM_LINKS_SETTLE,
        });
}

static struct mhp_range some(struct world *w) {
        uint32_t first = FIRST + dice(w, LAST - FIRST + 1), last = first + dice(w, 4);

        return (struct mhp_range) { first, MIN(last, (uint32_t) LAST) };
}

static void foreign(struct world *w) {
        static const enum mhp_zone zones[] = { MHP_ZONE_NORMAL, MHP_ZONE_NORMAL, MHP_ZONE_MOVABLE, MHP_ZONE_DMA32 };
        struct mhp_range range = some(w);
        enum mhp_zone zone = zones[dice(w, ELEMENTSOF(zones))];
        uint32_t what = dice(w, 3);

        for (uint32_t nr = range.first; nr <= range.last; nr++) {
                if (what != 0)
                        (void) mhp_sim_foreign(w->sim, nr, MHP_VERB_OFFLINE, MHP_ZONE_UNSET);
                if (what != 1)
                        (void) mhp_sim_foreign(w->sim, nr, MHP_VERB_ONLINE_KERNEL, zone);
        }
}

/* It is slow, and may give up; mhpd may look at the block meanwhile. */
static void foreign_slowly(struct world *w) {
        uint32_t nr = FIRST + dice(w, LAST - FIRST + 1), done = dice(w, 2), look = dice(w, 2);

        if (w->sim->foreign != MHP_NO_BLOCK)
                must(w, mhp_sim_foreign_end(w->sim, done), "end");
        else if (mhp_sim_foreign_begin(w->sim, nr) >= 0 && look)
                must(w, mhp_sim_scan(w->sim, w->ring), "scan");
}

static void fault(struct world *w) {
        static const unsigned errors[] = { EBUSY, ENOMEM, EBUSY, EIO, EINVAL };
        static const enum mhp_verb verbs[] = { MHP_VERB_NONE, MHP_VERB_OFFLINE, MHP_VERB_ONLINE_KERNEL };

        /* One throw a line: the order in which arguments are evaluated is the compiler's affair, and a seed must mean the same to all. */
        struct mhp_range range = some(w);
        uint32_t what = dice(w, 9), verb = dice(w, ELEMENTSOF(verbs)), error = dice(w, ELEMENTSOF(errors)), n = 1 + dice(w, 4);

        if (what < 6)
                mhp_sim_fault(w->sim, range, verbs[verb], errors[error], n);
        else if (what < 8)
                mhp_sim_stick(w->sim, range, n, error & 1);
        else
                w->sim->n_settle_stuck = n;
}

static void request(struct world *w) {
        struct mhp_range range = some(w);
        enum mhp_want want = (enum mhp_want) (MHP_WANT_AUTO + dice(w, 4));

        for (uint32_t nr = range.first; nr <= range.last; nr++) {
                const struct mhp_block *block = mhp_map_find(w->ring->map, nr);

                if (!block || (want == MHP_WANT_AUTO && block->state == MHP_STATE_ONLINE))
                        continue;
                w->asked[(nr - FIRST) / SLOT_BLOCKS] = true;
                w->n_repairs[nr] = 0;
                must(w, mhp_ring_event(w->ring, &(struct mhp_event) {
                        .type = MHP_EVENT_REQUEST, .now = w->sim->now, .block = nr, .want = want }), "request");
        }
        mhp_sim_wake(w->sim);
}

static void set(struct world *w, struct mhp_config *config, const char *section, const char *key, const char *value) {
        const char *allowed = "";

        CHECK(w, mhp_config_set(config, section, key, value, &allowed) == 0, "%s=%s: %s", key, value, allowed);
}

static void make_config(struct world *w, struct mhp_config *config, struct mhp_arming *arming) {
        static const char *const zones[] = { "auto", "movable", "kernel", "none" };
        static const char *const bys[] = { "auto", "kernel", "mhpd" };
        static const char *const ratios[] = { "301", "100", "0", "1000" };

        mhp_config_init(config);
        set(w, config, "Online", "By", bys[dice(w, 3)]);
        set(w, config, "Online", "Zone", w->named_zones ? zones[dice(w, 4)] : "auto");
        set(w, config, "Online", "MovableRatio", ratios[dice(w, 4)]);
        set(w, config, "Online", "NumaAware", dice(w, 2) ? "yes" : "no");
        set(w, config, "Teardown", "Attempts", dice(w, 2) ? "1" : "3");
        set(w, config, "Teardown", "Drift", dice(w, 3) ? "repair" : "report");
        if (w->named_zones && dice(w, 2)) {
                set(w, config, "Rule r", "Source", dice(w, 2) ? "acpi" : "virtio-mem,dax");
                set(w, config, "Rule r", "Zone", zones[dice(w, 4)]);
        }
        mhp_arming_plan(config, dice(w, 4) > 0, arming);
        mhp_sim_arm(w->sim, arming);
}

static void reload(struct world *w) {
        _cleanup_config_ struct mhp_config config = { 0 };
        struct mhp_arming arming;

        /* A repair that the reload calls off was none. */
        for (uint32_t nr = FIRST; nr <= LAST; nr++) {
                const struct mhp_block *block = mhp_map_find(w->ring->map, nr);

                if (block && block->flags & MHP_BLOCK_REPAIRING && !(block->flags & MHP_BLOCK_BUSY))
                        w->n_repairs[nr] = 0;
        }
        make_config(w, &config, &arming);
        must(w, mhp_ring_reload(w->ring, w->sim->now, &config, &arming), "reload");
        mhp_sim_wake(w->sim);
}

static void pressure(struct world *w) {
        uint64_t managed = dice(w, 3) ? UINT64_C(1) << 30 : 0, available = (uint64_t) dice(w, 200) << 20;

        mhp_sim_set_pressure(w->sim, &(struct mhp_pressure) { .kernel_managed = managed, .kernel_available = available });
        if (dice(w, 3) == 0) {
                struct mhp_range with = { 0, dice(w, 2) };

                mhp_sim_set_processors(w->sim, &(struct mhp_ranges) { .range = &with, .n = 1 });
        }
}

/* Whatever the next turn would see to is awake already. */
static void check_awake(struct world *w) {
        const char *sleeper = w->sim->turn_due || w->sim->n_uevents > 0 || w->sim->overflow ? NULL : mhp_ring_sleeps(w->ring);

        CHECK(w, !sleeper, "nothing wakes what is %s", sleeper);
}

static void pump(struct world *w) {
        for (uint32_t n = dice(w, 12); n > 0; n--) {
                must(w, mhp_sim_pump(w->sim, w->ring), "pump");
                check_awake(w);
                CHECK(w, mhp_map_consistent(w->ring->map), "the map is not consistent any more");
        }
}

static void happen(struct world *w) {
        uint32_t what = dice(w, 100);

        w->n_ops++;
        if (w->trace)
                print_message("%" PRIu64 ": %u\n", w->n_ops, what);
        if (what < 15)
                plug(w);
        else if (what < 20)
                must(w, mhp_sim_unplug(w->sim, some(w)) == -ENOMEM ? -ENOMEM : 0, "unplug");
        else if (what < 32)
                foreign(w);
        else if (what < 40)
                fault(w);
        else if (what < 46)
                request(w);
        else if (what < 48)
                reload(w);
        else if (what < 50)
                mhp_sim_lose_uevents(w->sim);
        else if (what < 52)
                must(w, mhp_sim_double_uevents(w->sim), "double");
        else if (what < 54)
                must(w, mhp_sim_scan(w->sim, w->ring), "scan");
        else if (what < 56)
                pressure(w);
        else if (what < 60 && w->sim->foreign == MHP_NO_BLOCK) /* while the lock is not to be had, every try takes its deadline, and there is always one */
                must(w, mhp_sim_advance(w->sim, w->ring, dice(w, 20) * USEC_PER_SEC), "advance");
        else if (what < 63)
                foreign_slowly(w);
        else if (what < 66)
                mhp_sim_hide(w->sim, some(w), dice(w, 4));
        else
                pump(w);
        CHECK(w, mhp_map_consistent(w->ring->map), "the map is not consistent any more");
}

/* ---------------------------------------------------------------------------------------------------------- what must hold */

static void check_block(struct world *w, const struct mhp_block *block) {
        const struct mhp_sim_block *real = mhp_sim_find(w->sim, block->nr);

        CHECK(w, real && real->state == block->state && real->zone == block->zone, "block %u is not what the map says", block->nr);
        CHECK(w, block->queue == MHP_QUEUE_NONE, "block %u is still %s", block->nr, mhp_queue_name((enum mhp_queue) block->queue));
        CHECK(w, block->goal != MHP_WANT_UNSET || block->flags & MHP_BLOCK_HANDS_OFF, "block %u has no goal", block->nr);
        CHECK(w, block->retry_at == 0, "block %u waits for nothing", block->nr);
        CHECK(w, !(block->flags & MHP_BLOCK_GAVE_UP && mhp_block_goal_met(block)), "block %u was given up and is there", block->nr);
        if (mhp_block_goal_met(block) || block->flags & (MHP_BLOCK_GAVE_UP | MHP_BLOCK_HANDS_OFF))
                return;
        CHECK(w, false, "block %u is not where it should be, and nothing is done about it", block->nr);
}

/* Whose being online is mhpd's own doing by policy: the same zone for all of a device. */
static void check_units(struct world *w) {
        const struct mhp_map *map = w->ring->map;

        for (uint32_t slot = 0; slot < SLOTS; slot++) {
                uint32_t first = FIRST + slot * SLOT_BLOCKS, last = first + SLOT_BLOCKS - 1;
                enum mhp_want zone[_MHP_SOURCE_MAX] = { MHP_WANT_UNSET };
                const struct mhp_block *any = mhp_map_at_or_after(map, first);

                if (!any || any->nr > last)
                        w->asked[slot] = false;
                for (uint32_t nr = first; nr <= last && !w->asked[slot]; nr++) {
                        const struct mhp_block *block = mhp_map_find(map, nr);
                        const struct mhp_group *group = block ? mhp_map_group(map, block) : NULL;

                        if (!group || !mhp_source_is_unit(group->source) || !(block->flags & MHP_BLOCK_OURS) ||
                            block->reason == MHP_REASON_ACCEPTED || block->reason == MHP_REASON_ZONE_NOT_OFFERED)
                                continue;
                        CHECK(w, zone[group->source] == MHP_WANT_UNSET || zone[group->source] == block->goal,
                              "block %u was put in another zone than the rest of %s", nr, group->name);
                        zone[group->source] = (enum mhp_want) block->goal;
                }
        }
}

static void come_to_rest(struct world *w) {
        must(w, mhp_sim_foreign_end(w->sim, false), "end");
        w->sim->n_settle_stuck = 0;
        mhp_sim_fault(w->sim, (struct mhp_range) { 0, LAST }, MHP_VERB_NONE, 0, 0);
        mhp_sim_stick(w->sim, (struct mhp_range) { 0, LAST }, 0, false);
        mhp_sim_hide(w->sim, (struct mhp_range) { 0, LAST }, 0);
        must(w, mhp_sim_advance(w->sim, w->ring, 24 * 3600 * USEC_PER_SEC), "coming to rest");

        CHECK(w, w->ring->busy == MHP_VERB_NONE && mhp_ring_next_tick(w->ring) == UINT64_MAX, "it does not end");
        CHECK(w, w->ring->map->n_blocks == w->sim->n_blocks, "%zu blocks, the map has %zu", w->sim->n_blocks, w->ring->map->n_blocks);
        for (const struct mhp_block *b = mhp_map_at_or_after(w->ring->map, 0); b; b = mhp_map_next_block(w->ring->map, b))
                check_block(w, b);
        if (!w->named_zones)
                check_units(w);
}

static void begin(struct world *w) {
        static const struct mhp_block boot = { .state = MHP_STATE_ONLINE, .zone = MHP_ZONE_NORMAL, .n_nodes = 1 };
        _cleanup_config_ struct mhp_config config = { 0 };
        struct mhp_arming arming;
        struct mhp_map *map;

        must(w, mhp_sim_new(UINT64_C(1) << 27, &w->sim), "sim");
        w->sim->tell = on_step;
        w->sim->userdata = w;
        must(w, mhp_sim_place(w->sim, (struct mhp_range) { 0, 7 }, &boot, "boot", MHP_SOURCE_BOOT), "place");
        must(w, mhp_map_new(w->sim->block_size, &map), "map");
        make_config(w, &config, &arming);
        must(w, mhp_ring_new(map, &config, &arming, mhp_sim_step, w->sim, &w->ring), "ring");
        must(w, mhp_sim_scan(w->sim, w->ring), "scan");
}

static uint64_t number(const char *name, uint64_t otherwise) {
        const char *s = getenv(name);

        return s ? strtoull(s, NULL, 10) : otherwise;
}

static void test_random(void **state) {
        uint64_t seed = number("MHPD_TEST_SEED", 1), rounds = number("MHPD_TEST_ROUNDS", 400), ops = number("MHPD_TEST_OPS", 100);
        uint64_t n_ops = 0, n_drifts = 0, n_gave_up = 0, n_online = 0;

        for (uint64_t round = 0; round < rounds; round++) {
                struct world w = { .seed = (seed + round) * UINT64_C(0x9e3779b97f4a7c15), .round = seed + round, .named_zones = (seed + round) & 1,
                                   .trace = getenv("MHPD_TEST_TRACE") };

                begin(&w);
                for (uint64_t i = 0; i < ops; i++) {
                        happen(&w);
                        if (i % 25 == 24)
                                come_to_rest(&w);
                }
                come_to_rest(&w);
                n_ops += w.n_ops;
                n_drifts += w.n_drifts;
                n_gave_up += w.n_gave_up;
                n_online += w.n_online;
                w.ring = mhp_ring_free(w.ring);
                w.sim = mhp_sim_free(w.sim);
        }
        print_message("%" PRIu64 " operations from seed %" PRIu64 ": %" PRIu64 " blocks brought online, %" PRIu64 " drifted, %" PRIu64
                      " given up\n", n_ops, seed, n_online, n_drifts, n_gave_up);
        if (rounds >= 400)
                assert_true(n_online > 1000 && n_drifts > 100 && n_gave_up > 50);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_random),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
