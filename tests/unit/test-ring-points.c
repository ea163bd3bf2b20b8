/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Every act at every point of every course. A course is something that takes many turns: an arrival, a repair, a removal that fails. It is
 * stopped after each of its moves, and one or two things happen with no turn in between. Whatever they are, nothing may sleep afterwards, and
 * in the end every block is where it is wanted, or somebody was told why not. MHPD_TEST_TRACE=1 shows each case. */

#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "core/sim.h"
#include "model/map-text.h"
#include "model/word.h"

#define FIRST 32
#define LAST 35
#define BLOCK_SIZE (UINT64_C(1) << 27)
#define DIMM "acpi:PNP0C80:00"
#define DEVICE "virtio-mem:virtio1"

static const struct mhp_range all = { FIRST, LAST };

enum course {
        COURSE_ARRIVAL,
        COURSE_ARRIVAL_RACE,  /* another hand is faster */
        COURSE_EJECT_FAILED,  /* three of four blocks come back in Normal */
        COURSE_OFFLINE,
        COURSE_UNPLUG,
        COURSE_UNPLUG_FAILS,  /* the last block stays */
        COURSE_DEVICE,        /* virtio-mem gives back what the host asks for */
        COURSE_REQUEST,       /* to Normal */
        _COURSE_MAX,
};

enum act {
        ACT_OFFLINE,
        ACT_UNPLUG,
        ACT_CANCEL,
        ACT_RELOAD,           /* with Zone=kernel */
        ACT_RELOAD_SAME,
        ACT_TAKEN,            /* another hand takes a block offline */
        ACT_BROUGHT,          /* and brings one online */
        ACT_LOOKED_AT,        /* it is slow and gives up, and mhpd reads the block meanwhile */
        ACT_POLICY,           /* `mhpctl online --policy` */
        ACT_RESCAN,
        ACT_LOST,             /* events are lost */
        ACT_UNREAD,           /* nothing can be read the next time, and the time after that */
        _ACT_MAX,
};

struct world {
        enum course course;
        unsigned point;
        enum act first, second;
        struct mhp_sim *sim;
        struct mhp_ring *ring;
        uint32_t last_id;
};

#define CHECK(w, truth, ...) \
        do { \
                if (!(truth)) { \
                        print_error("course %d, point %u, acts %d and %d\n", (w)->course, (w)->point, (w)->first, (w)->second); \
                        dump((w)->ring->map); \
                        fail_msg(__VA_ARGS__); \
                } \
        } while (0)

static void dump(const struct mhp_map *map) {
        _cleanup_free_ char *text = NULL;

        if (mhp_map_print(map, &text) == 0)
                print_error("%s", text);
}

static void must(struct world *w, int r, const char *what) {
        CHECK(w, r >= 0, "%s: %s", what, strerror(-r));
}

static void make_config(struct world *w, const char *zone, struct mhp_config *config, struct mhp_arming *arming) {
        const char *allowed = "";

        mhp_config_init(config);
        CHECK(w, mhp_config_set(config, "Online", "By", "mhpd", &allowed) == 0 && mhp_config_set(config, "Online", "Zone", zone, &allowed) == 0 &&
                 mhp_config_set(config, "Teardown", "Attempts", "2", &allowed) == 0, "%s", allowed);
        mhp_arming_plan(config, true, arming);
        mhp_sim_arm(w->sim, arming);
}

static void reload(struct world *w, const char *zone) {
        _cleanup_config_ struct mhp_config config = { 0 };
        struct mhp_arming arming;

        make_config(w, zone, &config, &arming);
        must(w, mhp_ring_reload(w->ring, w->sim->now, &config, &arming), "reload");
        mhp_sim_wake(w->sim);
}

/* ------------------------------------------------------------------------------------------------------------ what goes on */

/* As the daemon's jobs do. */
static void reap(struct world *w) {
        for (size_t i = 0; i < w->ring->map->n_removals;) {
                if (w->ring->map->removals[i].phase == MHP_PHASE_ENDED)
                        must(w, mhp_ring_forget(w->ring, w->ring->map->removals[i].id), "forget");
                else
                        i++;
        }
}

/* One move. False: all is quiet. */
static bool pump(struct world *w) {
        int r = mhp_sim_pump(w->sim, w->ring);
        const char *sleeper = w->sim->turn_due || w->sim->n_uevents > 0 || w->sim->overflow ? NULL : mhp_ring_sleeps(w->ring);

        must(w, r, "pump");
        CHECK(w, !sleeper, "nothing wakes what is %s", sleeper);
        CHECK(w, mhp_map_consistent(w->ring->map), "the map is not consistent any more");
        reap(w);
        return r > 0;
}

static void rest(struct world *w) {
        for (unsigned ticks = 0; ticks < 1000; ticks++) {
                for (unsigned n = 0; pump(w); n++)
                        CHECK(w, n < 10000, "it is never quiet");
                if (mhp_ring_next_tick(w->ring) == UINT64_MAX)
                        return;
                must(w, mhp_sim_tick(w->sim, w->ring), "tick");
        }
        CHECK(w, false, "there is always another tick");
}

static void remove_all(struct world *w, enum mhp_removal_verb verb) {
        _cleanup_target_ struct mhp_target target = { .verb = verb, .keep = MHP_KEEP_NONE };
        struct mhp_removal_refusal refusal;

        for (uint32_t nr = FIRST; nr <= LAST; nr++)
                if (mhp_map_find(w->ring->map, nr))
                        must(w, mhp_ranges_add(&target.blocks, nr, nr), "range");
        if (target.blocks.n == 0)
                return;
        must(w, mhp_ring_remove(w->ring, w->sim->now, &target, "all", 0, ++w->last_id, &refusal), "remove");
        CHECK(w, refusal.why <= MHP_REFUSED_NO_SOURCE || refusal.why == MHP_REFUSED_PART, "remove: %s", mhp_refused_name(refusal.why));
        mhp_sim_wake(w->sim);
}

static void plug(struct world *w, const char *group, enum mhp_zone zone) {
        must(w, mhp_sim_plug(w->sim, &(struct mhp_sim_plug) {
                .group = group, .source = mhp_source_of_group(group), .blocks = all, .zone = zone, .links = MHP_SIM_LINKS_SETTLE }), "plug");
}

static void request(struct world *w, enum mhp_want want) {
        for (uint32_t nr = FIRST; nr <= LAST; nr++)
                must(w, mhp_ring_event(w->ring, &(struct mhp_event) { .type = MHP_EVENT_REQUEST, .now = w->sim->now, .block = nr, .want = want }), "request");
        mhp_sim_wake(w->sim);
}

static void begin_course(struct world *w) {
        const char *group = w->course == COURSE_DEVICE ? DEVICE : DIMM;

        plug(w, group, w->course == COURSE_ARRIVAL_RACE ? MHP_ZONE_NORMAL : MHP_ZONE_UNSET);
        if (w->course == COURSE_ARRIVAL || w->course == COURSE_ARRIVAL_RACE)
                return;
        rest(w);
        switch (w->course) {
        case COURSE_EJECT_FAILED:
                for (uint32_t nr = FIRST; nr < LAST; nr++)
                        must(w, mhp_sim_foreign(w->sim, nr, MHP_VERB_OFFLINE, MHP_ZONE_UNSET), "offline");
                for (uint32_t nr = FIRST; nr < LAST; nr++)
                        must(w, mhp_sim_foreign(w->sim, nr, MHP_VERB_ONLINE_KERNEL, MHP_ZONE_NORMAL), "online");
                return;
        case COURSE_OFFLINE:
                remove_all(w, MHP_REMOVAL_OFFLINE);
                return;
        case COURSE_UNPLUG_FAILS:
                mhp_sim_fault(w->sim, (struct mhp_range) { FIRST, FIRST }, MHP_VERB_OFFLINE, EBUSY, 100);
                remove_all(w, MHP_REMOVAL_UNPLUG);
                return;
        case COURSE_UNPLUG:
                remove_all(w, MHP_REMOVAL_UNPLUG);
                return;
        case COURSE_DEVICE:
                must(w, mhp_sim_ask(w->sim, DEVICE, 2), "ask");
                remove_all(w, MHP_REMOVAL_UNPLUG);
                return;
        case COURSE_REQUEST:
                request(w, MHP_WANT_KERNEL);
                return;
        case COURSE_ARRIVAL:
        case COURSE_ARRIVAL_RACE:
        case _COURSE_MAX:
                return;
        }
}

/* What the kernel refuses to the other hand at that point did not happen. */
static void act(struct world *w, enum act what) {
        switch (what) {
        case ACT_OFFLINE:
                remove_all(w, MHP_REMOVAL_OFFLINE);
                return;
        case ACT_UNPLUG:
                remove_all(w, MHP_REMOVAL_UNPLUG);
                return;
        case ACT_CANCEL:
                (void) mhp_ring_give_up(w->ring, w->sim->now, w->last_id, MHP_ENDING_CANCELLED);
                mhp_sim_wake(w->sim);
                return;
        case ACT_RELOAD:
        case ACT_RELOAD_SAME:
                reload(w, what == ACT_RELOAD ? "kernel" : "movable");
                return;
        case ACT_TAKEN:
                (void) mhp_sim_foreign(w->sim, FIRST + 1, MHP_VERB_OFFLINE, MHP_ZONE_UNSET);
                return;
        case ACT_BROUGHT:
                for (uint32_t nr = FIRST; nr <= LAST; nr++)
                        if (mhp_sim_foreign(w->sim, nr, MHP_VERB_ONLINE_KERNEL, MHP_ZONE_NORMAL) >= 0)
                                return;
                return;
        case ACT_LOOKED_AT:
                if (mhp_sim_foreign_begin(w->sim, FIRST + 2) < 0)
                        return;
                must(w, mhp_sim_scan(w->sim, w->ring), "scan");
                must(w, mhp_sim_foreign_end(w->sim, false), "end");
                return;
        case ACT_POLICY:
                request(w, MHP_WANT_AUTO);
                return;
        case ACT_RESCAN:
                must(w, mhp_sim_scan(w->sim, w->ring), "scan");
                return;
        case ACT_LOST:
                mhp_sim_lose_uevents(w->sim);
                return;
        case ACT_UNREAD:
                mhp_sim_hide(w->sim, all, 2);
                return;
        case _ACT_MAX:
                return;
        }
}

/* ----------------------------------------------------------------------------------------------------------- what must hold */

static void check_end(struct world *w) {
        CHECK(w, w->ring->map->n_removals == 0, "a removal does not end");
        CHECK(w, !w->sim->vetoed && !w->sim->no_unplug_online, "a hold is left on");
        for (uint32_t nr = FIRST; nr <= LAST; nr++) {
                const struct mhp_block *block = mhp_map_find(w->ring->map, nr);
                const struct mhp_sim_block *real = mhp_sim_find(w->sim, nr);

                CHECK(w, !block == !real, "block %u is not what the map says", nr);
                if (!block)
                        continue;
                CHECK(w, block->state == real->state && block->zone == real->zone, "block %u is not what the map says", nr);
                CHECK(w, mhp_block_goal_met(block) || block->flags & (MHP_BLOCK_GAVE_UP | MHP_BLOCK_HANDS_OFF), "block %u is not where it is wanted", nr);
                CHECK(w, block->removal == 0 && !(block->flags & MHP_BLOCK_TAKEN), "block %u is still being seen to", nr);
        }
}

/* A removal that fails during a repair costs nobody the repair. */
static bool fails_in_repair(const struct world *w) {
        return w->course == COURSE_EJECT_FAILED && w->first == ACT_OFFLINE && w->second == _ACT_MAX;
}

static void check_home(struct world *w) {
        for (uint32_t nr = FIRST + 1; nr <= LAST && fails_in_repair(w); nr++) {
                const struct mhp_block *block = mhp_map_find(w->ring->map, nr);

                CHECK(w, block && block->zone == MHP_ZONE_MOVABLE, "block %u has made the wrong zone its own", nr);
        }
}

/* false: the course has no such point. */
static bool play(struct world *w) {
        static const struct mhp_block boot = { .state = MHP_STATE_ONLINE, .zone = MHP_ZONE_NORMAL, .n_nodes = 1 };
        _cleanup_config_ struct mhp_config config = { 0 };
        struct mhp_arming arming;
        struct mhp_map *map;
        bool there = true;

        assert_int_equal(mhp_sim_new(BLOCK_SIZE, &w->sim), 0);
        assert_int_equal(mhp_sim_place(w->sim, (struct mhp_range) { 0, 3 }, &boot, "boot", MHP_SOURCE_BOOT), 0);
        assert_int_equal(mhp_map_new(BLOCK_SIZE, &map), 0);
        make_config(w, "movable", &config, &arming);
        assert_int_equal(mhp_ring_new(map, &config, &arming, mhp_sim_step, w->sim, &w->ring), 0);
        must(w, mhp_sim_scan(w->sim, w->ring), "scan");

        begin_course(w);
        for (unsigned n = 0; n < w->point && there; n++) {
                bool quiet = !pump(w);

                if (quiet && mhp_ring_next_tick(w->ring) == UINT64_MAX)
                        there = false;
                else if (quiet)
                        must(w, mhp_sim_tick(w->sim, w->ring), "tick");
        }
        if (there) {
                if (fails_in_repair(w))
                        mhp_sim_fault(w->sim, (struct mhp_range) { FIRST, FIRST }, MHP_VERB_OFFLINE, EBUSY, 100);
                act(w, w->first);
                act(w, w->second);
                rest(w);
                check_end(w);
                check_home(w);
        }
        w->ring = mhp_ring_free(w->ring);
        w->sim = mhp_sim_free(w->sim);
        return there;
}

static void test_points(void **state) {
        unsigned n = 0;

        (void) state;
        for (enum course course = 0; course < _COURSE_MAX; course++)
                for (enum act first = 0; first < _ACT_MAX; first++)
                        for (enum act second = 0; second <= _ACT_MAX; second++)
                                for (unsigned point = 0;; point++) {
                                        struct world w = { .course = course, .point = point, .first = first, .second = second };

                                        if (getenv("MHPD_TEST_TRACE"))
                                                print_message("course %d, acts %d and %d, point %u\n", course, first, second, point);
                                        if (!play(&w))
                                                break;
                                        assert_true(point < 1000);
                                        n++;
                                }
        print_message("%u cases\n", n);
        assert_true(n > 5000);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_points),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
