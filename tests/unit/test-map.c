/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Allocations of the code under test go through here (ld --wrap), so that any one of them can fail. */

#include "unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "map-random.h"
#include "model/map-text.h"

void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

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

static char *print(const struct mhp_map *map) {
        char *s = NULL;

        assert_int_equal(mhp_map_print(map, &s), 0);
        return s;
}

static int apply(struct mhp_map *map, struct mhp_event event) {
        int r = mhp_map_apply(map, &event);

        assert_true(mhp_map_consistent(map));
        return r;
}

static int read_block(struct mhp_map *map, struct mhp_reading reading) {
        return apply(map, (struct mhp_event) { .type = MHP_EVENT_BLOCK, .block = reading.nr, .reading = &reading });
}

#define DIMM .source = MHP_SOURCE_ACPI, .group = "acpi:PNP0C80:00"
#define OFFLINE(n) (struct mhp_reading) { .nr = (n), .state = MHP_STATE_OFFLINE, .node = 0, .n_nodes = 1, DIMM }
#define ONLINE(n, z) (struct mhp_reading) { .nr = (n), .state = MHP_STATE_ONLINE, .zone = (z), .node = 0, .n_nodes = 1, DIMM }
#define EVENT(t, ...) (struct mhp_event) { .type = (t), __VA_ARGS__ }

static struct mhp_map *new_map(bool scanned) {
        struct mhp_map *map = NULL;

        assert_int_equal(mhp_map_new(UINT64_C(1) << 27, &map), 0);
        if (scanned) {
                apply(map, EVENT(MHP_EVENT_SCAN_BEGIN));
                apply(map, EVENT(MHP_EVENT_SCAN_END));
        }
        return map;
}

static void test_new(void **state) {
        static const struct {
                uint64_t block_size;
                int r;
        } rows[] = {
                { 0, -EINVAL },
                { 1, -EINVAL },
                { UINT64_C(1) << 19, -EINVAL },
                { UINT64_C(1) << 20, 0 },
                { (UINT64_C(1) << 27) + 1, -EINVAL },
                { UINT64_C(3) << 27, -EINVAL },
                { UINT64_C(1) << 63, 0 },
                { UINT64_MAX, -EINVAL },
        };

        ROWS(row, rows) {
                _cleanup_map_ struct mhp_map *map = NULL;

                assert_int_equal(mhp_map_new(row->block_size, &map), row->r);
                assert_int_equal(!map, row->r < 0);
        }
        assert_null(mhp_map_free(NULL));
}

static enum mhp_queue queue_of(const struct mhp_map *map, uint32_t nr) {
        return (enum mhp_queue) mhp_map_find(map, nr)->queue;
}

/* A block that arrives, from its announcement to the zone it was meant for. */
static void test_arrival(void **state) {
        _cleanup_map_ struct mhp_map *map = new_map(true);

        assert_int_equal(apply(map, EVENT(MHP_EVENT_ADDED, .block = 32)), MHP_CHANGE_NEW);
        assert_int_equal(apply(map, EVENT(MHP_EVENT_ADDED, .block = 32)), 0);
        assert_int_equal(queue_of(map, 32), MHP_QUEUE_UNSETTLED);
        assert_int_equal(read_block(map, OFFLINE(32)), MHP_CHANGE_STATE | MHP_CHANGE_GROUP);
        apply(map, EVENT(MHP_EVENT_TAKEN, .block = 32));
        assert_int_equal(queue_of(map, 32), MHP_QUEUE_BUSY);
        apply(map, EVENT(MHP_EVENT_TAKEN, .block = 32));
        apply(map, EVENT(MHP_EVENT_OUTCOME, .block = 32, .verb = MHP_VERB_SETTLE));
        assert_int_equal(queue_of(map, 32), MHP_QUEUE_UNDECIDED);

        assert_int_equal(apply(map, EVENT(MHP_EVENT_GOAL, .block = 32, .want = MHP_WANT_MOVABLE, .reason = MHP_REASON_RULE, .rule = 1)),
                         MHP_CHANGE_GOAL);
        assert_int_equal(queue_of(map, 32), MHP_QUEUE_ONLINE_MOVABLE);
        assert_int_equal(map->total.n_held_movable, 1);
        assert_int_equal(map->total.n_placed_movable, 0);
        assert_int_equal(mhp_map_find_group(map, "acpi:PNP0C80:00")->goal, MHP_WANT_MOVABLE);

        apply(map, EVENT(MHP_EVENT_TAKEN, .block = 32));
        assert_int_equal(read_block(map, ONLINE(32, MHP_ZONE_MOVABLE)), MHP_CHANGE_STATE | MHP_CHANGE_ZONE);
        apply(map, EVENT(MHP_EVENT_TAKEN, .block = 32));
        assert_true(apply(map, EVENT(MHP_EVENT_OUTCOME, .block = 32, .verb = MHP_VERB_ONLINE_MOVABLE)) & MHP_CHANGE_DONE);
        assert_int_equal(queue_of(map, 32), MHP_QUEUE_NONE);
        assert_true(mhp_map_find(map, 32)->flags & MHP_BLOCK_OURS);
        assert_int_equal(map->total.n_placed_movable, 1);
        assert_int_equal(mhp_map_node(map, 0)->n_placed_movable, 1);
        assert_int_equal(mhp_map_node(map, 1)->n_blocks, 0);
}

static void test_back_off(void **state) {
        _cleanup_map_ struct mhp_map *map = new_map(true);

        read_block(map, OFFLINE(32));
        apply(map, EVENT(MHP_EVENT_TAKEN, .block = 32));
        apply(map, EVENT(MHP_EVENT_OUTCOME, .block = 32, .verb = MHP_VERB_SETTLE));
        apply(map, EVENT(MHP_EVENT_GOAL, .block = 32, .want = MHP_WANT_KERNEL, .reason = MHP_REASON_ONLINE_ZONE));
        apply(map, EVENT(MHP_EVENT_TAKEN, .block = 32));
        assert_int_equal(apply(map, EVENT(MHP_EVENT_OUTCOME, .block = 32, .verb = MHP_VERB_ONLINE_KERNEL, .error = ENOMEM, .retry_at = 100)),
                         MHP_CHANGE_FAILED);
        assert_int_equal(queue_of(map, 32), MHP_QUEUE_WAITING);
        apply(map, EVENT(MHP_EVENT_TICK, .now = 99));
        assert_int_equal(queue_of(map, 32), MHP_QUEUE_WAITING);
        apply(map, EVENT(MHP_EVENT_TICK, .now = 100));
        assert_int_equal(queue_of(map, 32), MHP_QUEUE_ONLINE_KERNEL);
        apply(map, EVENT(MHP_EVENT_TAKEN, .block = 32));
        apply(map, EVENT(MHP_EVENT_OUTCOME, .block = 32, .verb = MHP_VERB_ONLINE_KERNEL, .error = ENOMEM));
        assert_int_equal(queue_of(map, 32), MHP_QUEUE_NONE);
        assert_int_equal(map->total.n_gave_up, 1);
        assert_int_equal(mhp_map_find(map, 32)->attempts, 2);
        assert_int_equal(mhp_map_find(map, 32)->error, ENOMEM);

        apply(map, EVENT(MHP_EVENT_REQUEST, .block = 32, .want = MHP_WANT_MOVABLE));
        assert_int_equal(queue_of(map, 32), MHP_QUEUE_ONLINE_MOVABLE);
        assert_int_equal(map->total.n_gave_up, 0);
        assert_int_equal(mhp_map_find(map, 32)->attempts, 0);
}

static void test_drift(void **state) {
        _cleanup_map_ struct mhp_map *map = new_map(false);

        apply(map, EVENT(MHP_EVENT_SCAN_BEGIN));
        read_block(map, ONLINE(32, MHP_ZONE_MOVABLE));
        read_block(map, ONLINE(33, MHP_ZONE_MOVABLE));
        apply(map, EVENT(MHP_EVENT_SCAN_END));
        assert_int_equal(queue_of(map, 32), MHP_QUEUE_NONE);
        assert_int_equal(mhp_map_find(map, 32)->reason, MHP_REASON_FOUND_ONLINE);

        assert_true(read_block(map, ONLINE(32, MHP_ZONE_NORMAL)) & MHP_CHANGE_ZONE);
        assert_int_equal(queue_of(map, 32), MHP_QUEUE_DRIFT);
        apply(map, EVENT(MHP_EVENT_REPAIR, .block = 32));
        assert_int_equal(queue_of(map, 32), MHP_QUEUE_OFFLINE);
        apply(map, EVENT(MHP_EVENT_ACCEPT, .block = 32));
        assert_int_equal(queue_of(map, 32), MHP_QUEUE_NONE);
        assert_int_equal(mhp_map_find(map, 32)->goal, MHP_WANT_KERNEL);

        assert_true(read_block(map, OFFLINE(33)) & MHP_CHANGE_FOREIGN_OFFLINE);
        assert_int_equal(queue_of(map, 33), MHP_QUEUE_NONE);
}

/* A rescan drops what it does not show, and groups go with their last block. */
static void test_rescan(void **state) {
        _cleanup_map_ struct mhp_map *map = new_map(true);

        for (uint32_t nr = 200; nr < 300; nr++)
                read_block(map, OFFLINE(nr));
        assert_int_equal(map->n_chunks, 2);
        apply(map, EVENT(MHP_EVENT_SCAN_BEGIN));
        read_block(map, OFFLINE(299));
        apply(map, EVENT(MHP_EVENT_ADDED, .block = 500));
        assert_true(apply(map, EVENT(MHP_EVENT_SCAN_END)) & MHP_CHANGE_GONE);
        assert_int_equal(map->n_blocks, 2);
        assert_int_equal(mhp_map_at_or_after(map, 0)->nr, 299);
        assert_null(mhp_map_find(map, 200));
        assert_non_null(mhp_map_find_group(map, "acpi:PNP0C80:00"));
        assert_true(apply(map, EVENT(MHP_EVENT_GONE, .block = 299)) & MHP_CHANGE_GONE);
        assert_null(mhp_map_find_group(map, "acpi:PNP0C80:00"));
        assert_int_equal(apply(map, EVENT(MHP_EVENT_GONE, .block = 299)), 0);
}

/* Events about what is not there, and out of range. */
static void test_nonsense(void **state) {
        static const uint32_t nrs[] = { 7, MHP_BLOCK_MAX, MHP_NO_BLOCK };
        _cleanup_map_ struct mhp_map *map = new_map(true);
        _cleanup_free_ char *before = print(map);

        for (size_t i = 0; i < ELEMENTSOF(nrs); i++)
                for (int type = 0; type <= _MHP_EVENT_MAX; type++) {
                        if (type == MHP_EVENT_BLOCK || type == MHP_EVENT_ADDED || type == MHP_EVENT_UNREAD || type == MHP_EVENT_RELOAD)
                                continue;
                        assert_int_equal(apply(map, EVENT((enum mhp_event_type) type, .block = nrs[i])), 0);
                }
        assert_int_equal(apply(map, EVENT(MHP_EVENT_ADDED, .block = MHP_NO_BLOCK)), 0);
        assert_int_equal(apply(map, EVENT(MHP_EVENT_UNREAD, .block = MHP_NO_BLOCK)), 0);
        assert_int_equal(read_block(map, OFFLINE(MHP_NO_BLOCK)), 0);
        assert_int_equal(read_block(map, (struct mhp_reading) { .nr = 1, .node = -2 }), 0);
        assert_int_equal(read_block(map, (struct mhp_reading) { .nr = 1, .node = MHP_NODE_MAX + 1 }), 0);
        _cleanup_free_ char *after = print(map);

        assert_string_equal(before, after);
}

static void test_random(void **state) {
        uint64_t seed = 1718064000;

        print_message("seed %llu\n", (unsigned long long) seed);
        for (unsigned round = 0; round < 8; round++) {
                _cleanup_map_ struct mhp_map *map = new_map(round % 2);

                for (unsigned i = 0; i < 1000; i++) {
                        struct mhp_reading reading;
                        char name[MHP_GROUP_NAME_MAX];

                        assert_true(apply(map, random_event(&seed, &reading, name)) >= 0);
                }
        }
}

/* An event that fails for want of memory has changed nothing, and succeeds when it comes again. */
static void test_no_memory(void **state) {
        uint64_t seed = 7;
        unsigned failed = 0;

        print_message("seed %llu\n", (unsigned long long) seed);
        for (unsigned round = 0; round < 40; round++) {
                _cleanup_map_ struct mhp_map *map = new_map(true);

                for (unsigned i = 0; i < 60; i++) {
                        struct mhp_reading reading;
                        char name[MHP_GROUP_NAME_MAX];
                        struct mhp_event event = random_event(&seed, &reading, name);
                        _cleanup_free_ char *before = print(map);

                        fail_at = 1 + dice(&seed, 4);
                        int r = mhp_map_apply(map, &event);
                        fail_at = 0;

                        assert_true(mhp_map_consistent(map));
                        if (r >= 0)
                                continue;
                        _cleanup_free_ char *after = print(map);

                        failed++;
                        assert_int_equal(r, -ENOMEM);
                        assert_string_equal(before, after);
                        assert_true(mhp_map_apply(map, &event) >= 0);
                }
        }
        assert_true(failed > 50);
}

/* Printing and parsing survive each single failure as well. */
static void test_no_memory_text(void **state) {
        static const char text[] = "map 1\nblock-size 134217728\nblock 0 online node=3 group=boot\nblock 700 offline group=acpi:x\ngroup boot goal=kernel\n";
        unsigned n = 0;
        int r = -ENOMEM;

        while (r < 0) {
                struct mhp_map *map = NULL;

                fail_at = ++n;
                r = mhp_map_parse(text, strlen(text), &map, NULL);
                fail_at = 0;
                if (r == 0)
                        mhp_map_free(map);
                else
                        assert_int_equal(r, -ENOMEM);
        }
        assert_true(n > 6);

        _cleanup_map_ struct mhp_map *map = NULL;
        assert_int_equal(mhp_map_parse(text, strlen(text), &map, NULL), 0);
        for (n = 0, r = -ENOMEM; r < 0;) {
                _cleanup_free_ char *s = NULL;

                fail_at = ++n;
                r = mhp_map_print(map, &s);
                fail_at = 0;
                assert_true(r == 0 ? strcmp(s, text) == 0 : r == -ENOMEM && !s);
        }
        assert_true(n > 2);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_new),
                cmocka_unit_test(test_arrival),
                cmocka_unit_test(test_back_off),
                cmocka_unit_test(test_drift),
                cmocka_unit_test(test_rescan),
                cmocka_unit_test(test_nonsense),
                cmocka_unit_test(test_random),
                cmocka_unit_test(test_no_memory),
                cmocka_unit_test(test_no_memory_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
