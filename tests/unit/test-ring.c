/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The ring's contract, step by step and without a simulator: what comes out when, and what memory running out does to it. What
 * it makes of a machine is in tests/scenario. */

#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "core/ring.h"

void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *s);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);

static unsigned fail_at; /* the how-manieth allocation from now on fails, 0: none */

static bool fails(void) {
        return fail_at > 0 && --fail_at == 0;
}

void *__wrap_calloc(size_t n, size_t size) {
        return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size) {
        return fails() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *s) {
        return fails() ? NULL : __real_strdup(s);
}

struct seen {
        enum mhp_verb verb; /* the last one that was no report */
        uint32_t first, barrier, blocks[1024]; /* the first of them */
        size_t n;
        unsigned n_steps, n_notes[_MHP_NOTE_MAX];
        int answer;
};

static int on_step(void *userdata, const struct mhp_step *step) {
        struct seen *seen = userdata;

        if (step->verb == MHP_VERB_REPORT) {
                seen->n_notes[step->note] += (unsigned) step->n_blocks;
                return 0;
        }
        seen->verb = step->verb;
        seen->first = step->n_blocks ? step->blocks[0] : MHP_NO_BLOCK;
        seen->n = step->n_blocks;
        for (size_t i = 0; i < MIN(seen->n, ELEMENTSOF(seen->blocks)); i++)
                seen->blocks[i] = step->blocks[i];
        seen->barrier = step->barrier;
        seen->n_steps++;
        return seen->answer;
}

#define EVENT(t, ...) (&(struct mhp_event) { .type = (t), __VA_ARGS__ })

static struct mhp_ring *new_ring(struct seen *seen, const char *zone) {
        _cleanup_config_ struct mhp_config config = { 0 };
        struct mhp_arming arming;
        struct mhp_ring *ring = NULL;
        struct mhp_map *map = NULL;
        const char *allowed;

        mhp_config_init(&config);
        assert_int_equal(mhp_config_set(&config, "Online", "Zone", zone, &allowed), 0);
        mhp_arming_plan(&config, true, &arming);
        assert_int_equal(mhp_map_new(UINT64_C(1) << 27, &map), 0);
        assert_int_equal(mhp_ring_new(map, &config, &arming, on_step, seen, &ring), 0);
        assert_int_equal(config.attempts, 0); /* it was taken over */
        assert_int_equal(mhp_ring_event(ring, EVENT(MHP_EVENT_SCAN_BEGIN)), 0);
        for (uint32_t nr = 4; nr < 8; nr++)
                assert_int_equal(mhp_ring_event(ring, EVENT(MHP_EVENT_BLOCK, .reading = &(struct mhp_reading) {
                        .nr = nr, .state = MHP_STATE_ONLINE, .zone = MHP_ZONE_NORMAL, .node = 0, .source = MHP_SOURCE_BOOT, .group = "boot" })), 0);
        assert_int_equal(mhp_ring_event(ring, EVENT(MHP_EVENT_SCAN_END)), 0);
        return ring;
}

static void turn(struct mhp_ring *ring, uint64_t now) {
        assert_int_equal(mhp_ring_turn(ring, now, &(struct mhp_pressure) { 0 }), 0);
        assert_true(mhp_map_consistent(ring->map));
}

static void add(struct mhp_ring *ring, uint32_t first, uint32_t last) {
        for (uint32_t nr = first; nr <= last; nr++)
                assert_int_equal(mhp_ring_event(ring, EVENT(MHP_EVENT_ADDED, .block = nr)), 0);
}

static void reads(struct mhp_ring *ring, uint32_t nr, enum mhp_zone zone) {
        assert_int_equal(mhp_ring_event(ring, EVENT(MHP_EVENT_BLOCK, .reading = &(struct mhp_reading) {
                .nr = nr, .state = zone ? MHP_STATE_ONLINE : MHP_STATE_OFFLINE, .zone = zone, .node = 0, .n_nodes = 1,
                .source = MHP_SOURCE_ACPI, .group = "acpi:PNP0C80:00" })), 0);
}

static void settle(struct mhp_ring *ring, uint32_t first, uint32_t last) {
        assert_int_equal(ring->busy, MHP_VERB_SETTLE);
        for (uint32_t nr = first; nr <= last; nr++)
                reads(ring, nr, MHP_ZONE_UNSET);
        assert_int_equal(mhp_ring_step_done(ring, 0, 0), 0);
}

static void test_arrival(void **state) {
        struct seen seen = { 0 };
        _cleanup_ring_ struct mhp_ring *ring = new_ring(&seen, "movable");

        turn(ring, 0);
        assert_int_equal(seen.n_steps, 0);
        assert_true(mhp_ring_next_tick(ring) == UINT64_MAX);

        add(ring, 32, 35);
        assert_false(mhp_ring_undecided(ring));
        turn(ring, 0);
        assert_int_equal(seen.verb, MHP_VERB_SETTLE);
        assert_int_equal(seen.n, 4);
        assert_int_equal(seen.barrier, 4);

        /* One step at a time, and nothing is decided meanwhile. */
        add(ring, 36, 37);
        turn(ring, 0);
        assert_int_equal(seen.n_steps, 1);
        settle(ring, 32, 35);
        assert_false(mhp_ring_undecided(ring));
        turn(ring, 0);
        assert_int_equal(seen.n_steps, 2);
        assert_int_equal(seen.first, 36);
        settle(ring, 36, 37);
        assert_true(mhp_ring_undecided(ring));

        turn(ring, 0);
        assert_int_equal(seen.n_notes[MHP_NOTE_DECIDED], 6);
        assert_int_equal(seen.verb, MHP_VERB_ONLINE_MOVABLE);
        assert_int_equal(seen.n, 6);
        for (uint32_t nr = 32; nr <= 37; nr++) {
                reads(ring, nr, MHP_ZONE_MOVABLE);
                assert_int_equal(mhp_ring_outcome(ring, 0, nr, 0), 0);
        }
        assert_int_equal(mhp_ring_step_done(ring, 0, 0), 0);
        turn(ring, 0);
        assert_int_equal(seen.n_notes[MHP_NOTE_ONLINE], 6);
        assert_int_equal(seen.n_steps, 3);
}

/* A step that ends before all of it was done: what is left is not blamed, and goes out again. */
static void test_released(void **state) {
        struct seen seen = { 0 };
        _cleanup_ring_ struct mhp_ring *ring = new_ring(&seen, "kernel");

        add(ring, 32, 35);
        turn(ring, 0);
        settle(ring, 32, 35);
        turn(ring, 0);
        assert_int_equal(mhp_ring_outcome(ring, 5, 32, ETIMEDOUT), 0);
        assert_int_equal(mhp_ring_outcome(ring, 5, 99, ETIMEDOUT), 0); /* no such block */
        assert_int_equal(mhp_ring_step_done(ring, 5, 0), 0);
        assert_true(mhp_ring_next_tick(ring) == 5 + USEC_PER_SEC);
        turn(ring, 5);
        assert_int_equal(seen.n_notes[MHP_NOTE_FAILED], 0); /* the others may fare the same */
        assert_true(mhp_ring_next_tick(ring) == 5 + 250 * USEC_PER_MSEC);
        turn(ring, 5 + 250 * USEC_PER_MSEC);
        assert_int_equal(seen.n_notes[MHP_NOTE_FAILED], 1);
        assert_int_equal(seen.verb, MHP_VERB_ONLINE_KERNEL);
        assert_int_equal(seen.n, 3);
        for (uint32_t nr = 33; nr <= 35; nr++)
                assert_int_equal(mhp_map_find(ring->map, nr)->queue, MHP_QUEUE_BUSY);
        assert_int_equal(mhp_map_find(ring->map, 33)->attempts, 0);
}

/* 1 s, 2 s, 4 s … up to RetryMaxSec, for a settle for ever. */
static void test_settle_back_off(void **state) {
        struct seen seen = { 0 };
        _cleanup_ring_ struct mhp_ring *ring = new_ring(&seen, "kernel");
        uint64_t now = 0, wait = USEC_PER_SEC;

        add(ring, 32, 33);
        for (unsigned i = 0; i < 80; i++) {
                turn(ring, now);
                assert_int_equal(seen.n_steps, i + 1);
                assert_int_equal(mhp_ring_step_done(ring, now, ETIMEDOUT), 0);
                assert_true(mhp_ring_next_tick(ring) == now + wait);
                turn(ring, now + wait - 1);
                assert_int_equal(seen.n_steps, i + 1);
                now += wait;
                wait = MIN(wait * 2, 60 * USEC_PER_SEC);
        }
        turn(ring, now);
        settle(ring, 32, 33);
        turn(ring, now);
        assert_int_equal(seen.verb, MHP_VERB_ONLINE_KERNEL);
}

/* Blocks go during their settle and others take their numbers: those have a settle of their own. */
static void test_settle_replaced(void **state) {
        struct seen seen = { 0 };
        _cleanup_ring_ struct mhp_ring *ring = new_ring(&seen, "kernel");

        add(ring, 32, 33);
        turn(ring, 0);
        for (uint32_t nr = 32; nr <= 33; nr++)
                assert_int_equal(mhp_ring_event(ring, EVENT(MHP_EVENT_GONE, .block = nr)), 0);
        add(ring, 32, 32);
        assert_int_equal(mhp_ring_step_done(ring, 0, 0), 0);
        assert_false(mhp_map_find(ring->map, 32)->flags & MHP_BLOCK_SETTLED);
        turn(ring, 0);
        assert_int_equal(seen.n_steps, 2);
        assert_int_equal(seen.verb, MHP_VERB_SETTLE);
        assert_int_equal(seen.n_notes[MHP_NOTE_GONE], 0); /* others may follow */
        assert_int_equal(mhp_ring_flush(ring), 0);
        assert_int_equal(seen.n_notes[MHP_NOTE_GONE], 2);
}

/* The kernel's lock must be knocked at where nothing can happen: at an online block of boot memory, if there is one. */
static void test_barrier(void **state) {
        struct seen seen = { 0 };
        _cleanup_ring_ struct mhp_ring *ring = new_ring(&seen, "kernel");

        for (uint32_t nr = 4; nr < 8; nr++)
                assert_int_equal(mhp_ring_event(ring, EVENT(MHP_EVENT_GONE, .block = nr)), 0);
        add(ring, 32, 33);
        turn(ring, 0);
        assert_int_equal(seen.barrier, MHP_NO_BLOCK);
}

static void all_online(struct mhp_ring *ring, const struct seen *seen) {
        for (size_t i = 0; i < seen->n; i++) {
                reads(ring, seen->blocks[i], MHP_ZONE_MOVABLE);
                assert_int_equal(mhp_ring_outcome(ring, 0, seen->blocks[i], 0), 0);
        }
        assert_int_equal(mhp_ring_step_done(ring, 0, 0), 0);
}

/* The second block of a zone comes last, and where the zone is there already, the first of those that follow on it. */
static void test_hole(void **state) {
        static const uint32_t alone[] = { 32, 34, 35, 33 }, behind[] = { 37, 38, 36 };
        struct seen seen = { 0 };
        _cleanup_ring_ struct mhp_ring *ring = new_ring(&seen, "movable");

        add(ring, 32, 35);
        turn(ring, 0);
        settle(ring, 32, 35);
        turn(ring, 0);
        assert_int_equal(seen.n, ELEMENTSOF(alone));
        assert_memory_equal(seen.blocks, alone, sizeof(alone));
        all_online(ring, &seen);

        add(ring, 36, 38);
        turn(ring, 0);
        settle(ring, 36, 38);
        turn(ring, 0);
        assert_int_equal(seen.n, ELEMENTSOF(behind));
        assert_memory_equal(seen.blocks, behind, sizeof(behind));
        all_online(ring, &seen);

        /* One alone is no hole. */
        add(ring, 39, 39);
        turn(ring, 0);
        settle(ring, 39, 39);
        turn(ring, 0);
        assert_int_equal(seen.n, 1);
        assert_int_equal(seen.first, 39);
}

static void test_batches(void **state) {
        struct seen seen = { 0 };
        _cleanup_ring_ struct mhp_ring *ring = new_ring(&seen, "movable");

        add(ring, 1000, 3047);
        turn(ring, 0);
        assert_int_equal(seen.n, 2048);
        settle(ring, 1000, 3047);
        for (unsigned i = 0; i < 2; i++) {
                turn(ring, 0);
                assert_int_equal(seen.verb, MHP_VERB_ONLINE_MOVABLE);
                assert_int_equal(seen.n, 1024);
                all_online(ring, &seen);
        }
        assert_int_equal(seen.blocks[1023], 1001); /* the hole stays for both */
        for (uint32_t nr = 1000; nr < 1002; nr++)
                assert_int_equal(mhp_ring_event(ring, EVENT(MHP_EVENT_REQUEST, .block = nr, .want = MHP_WANT_NONE)), 0);
        turn(ring, 0);
        assert_int_equal(seen.verb, MHP_VERB_OFFLINE);
        assert_int_equal(seen.n, 1); /* it may take its whole deadline */
}

/* What the door says is what the turn says. */
static void test_door_fails(void **state) {
        struct seen seen = { .answer = -EPIPE };
        _cleanup_ring_ struct mhp_ring *ring = new_ring(&seen, "movable");

        add(ring, 32, 33);
        assert_int_equal(mhp_ring_turn(ring, 0, &(struct mhp_pressure) { 0 }), -EPIPE);
}

/* Any allocation may fail: -ENOMEM comes out, and nothing is broken. */
static void test_no_memory(void **state) {
        unsigned n_failed = 0;

        for (unsigned n = 1; n < 200; n++) {
                struct seen seen = { 0 };
                _cleanup_ring_ struct mhp_ring *ring = new_ring(&seen, "movable");
                int r = 0;

                fail_at = n;
                for (uint32_t nr = 32; nr < 600 && r >= 0; nr++)
                        r = mhp_ring_event(ring, EVENT(MHP_EVENT_ADDED, .block = nr));
                if (r >= 0)
                        r = mhp_ring_turn(ring, 0, &(struct mhp_pressure) { 0 });
                if (r >= 0)
                        r = mhp_ring_step_done(ring, 0, 0);
                if (r >= 0)
                        for (uint32_t nr = 32; nr < 600 && r >= 0; nr++)
                                r = mhp_ring_event(ring, EVENT(MHP_EVENT_BLOCK, .reading = &(struct mhp_reading) {
                                        .nr = nr, .state = MHP_STATE_OFFLINE, .node = (int16_t) (nr / 100), .n_nodes = 1 }));
                if (r >= 0)
                        r = mhp_ring_turn(ring, 0, &(struct mhp_pressure) { 0 });
                fail_at = 0;
                assert_true(r == 0 || r == -ENOMEM);
                assert_true(mhp_map_consistent(ring->map));
                n_failed += r < 0;
        }
        assert_true(n_failed > 10);
}

static void test_nothing_to_free(void **state) {
        assert_null(mhp_ring_free(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_arrival),         cmocka_unit_test(test_released),   cmocka_unit_test(test_settle_back_off),
                cmocka_unit_test(test_settle_replaced), cmocka_unit_test(test_barrier),    cmocka_unit_test(test_hole),
                cmocka_unit_test(test_batches),
                cmocka_unit_test(test_door_fails),      cmocka_unit_test(test_no_memory),  cmocka_unit_test(test_nothing_to_free),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
