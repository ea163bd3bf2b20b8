/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What answers of a step's writer mean while uevents arrive. */

#include "unit.h"

#include <errno.h>

#include "core/follower.h"

static const uint32_t blocks[] = { 32, 33, 34 };

static void begin(struct mhp_follower *f, enum mhp_verb verb) {
        assert_int_equal(mhp_follower_begin(f, verb, blocks, 3), 0);
}

static bool hears(struct mhp_follower *f, uint32_t nr, unsigned n) {
        const struct mhp_block block = { .nr = nr, .queue = MHP_QUEUE_BUSY };

        return mhp_follower_hears(f, &block, n, true, false);
}

static void test_own_and_foreign(void **state) {
        static const struct {
                enum mhp_verb verb;
                unsigned heard;
                int error;
                bool unread;
                enum mhp_follower_answer answer;
        } cases[] = {
                { MHP_VERB_ONLINE_MOVABLE, 0, 0, false, MHP_ANSWER_KEEP },
                { MHP_VERB_ONLINE_MOVABLE, 1, 0, false, MHP_ANSWER_KEEP },     /* our own */
                { MHP_VERB_ONLINE_MOVABLE, 2, 0, false, MHP_ANSWER_READ },     /* and another hand's */
                { MHP_VERB_OFFLINE, 0, EBUSY, false, MHP_ANSWER_KEEP },
                { MHP_VERB_OFFLINE, 1, EBUSY, false, MHP_ANSWER_READ },        /* a write that fails is not announced */
                { MHP_VERB_COUNT, 1, 0, false, MHP_ANSWER_READ },              /* nor is a look */
                { MHP_VERB_ONLINE_KERNEL, 0, ENODEV, true, MHP_ANSWER_READ },
        };
        struct mhp_follower f = { 0 };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                begin(&f, cases[i].verb);
                if (cases[i].heard > 0)
                        assert_true(hears(&f, 33, cases[i].heard));
                assert_int_equal(mhp_follower_answers(&f, 33, cases[i].error, cases[i].unread), cases[i].answer);
        }
        mhp_follower_done(&f);
}

static void test_doubt_and_gone(void **state) {
        struct mhp_follower f = { 0 };

        (void) state;
        begin(&f, MHP_VERB_OFFLINE);
        mhp_follower_forget(&f, 34);
        mhp_follower_doubt(&f);
        assert_int_equal(mhp_follower_answers(&f, 32, 0, false), MHP_ANSWER_READ);
        assert_int_equal(mhp_follower_answers(&f, 34, 0, false), MHP_ANSWER_GONE);
        assert_false(hears(&f, 32, 1)); /* answered: whatever comes now is another hand's */
        assert_false(hears(&f, 34, 1));
        mhp_follower_done(&f);
}

static void test_wrong(void **state) {
        struct mhp_follower f = { 0 };

        (void) state;
        assert_int_equal(mhp_follower_answers(&f, 32, 0, false), MHP_ANSWER_WRONG); /* no step */
        begin(&f, MHP_VERB_OFFLINE);
        assert_int_equal(mhp_follower_answers(&f, 35, 0, false), MHP_ANSWER_WRONG); /* not of this one */
        assert_int_equal(mhp_follower_answers(&f, 32, 0, false), MHP_ANSWER_KEEP);
        assert_int_equal(mhp_follower_answers(&f, 32, 0, false), MHP_ANSWER_WRONG); /* twice */
        mhp_follower_end(&f);
        assert_int_equal(mhp_follower_answers(&f, 33, 0, false), MHP_ANSWER_WRONG);
        assert_int_equal(mhp_follower_n_heard(&f), 0);
        mhp_follower_done(&f);
}

/* A block that is not the step's to write is read at once, one that is still arriving when it is settled. */
static void test_queues(void **state) {
        const struct mhp_block arriving = { .nr = 40, .queue = MHP_QUEUE_UNSETTLED }, idle = { .nr = 41, .queue = MHP_QUEUE_NONE },
                               busy = { .nr = 32, .queue = MHP_QUEUE_BUSY };
        struct mhp_follower f = { 0 };

        (void) state;
        begin(&f, MHP_VERB_OFFLINE);
        assert_true(mhp_follower_hears(&f, &arriving, 1, true, false));
        assert_false(mhp_follower_hears(&f, &arriving, 1, false, false));
        assert_false(mhp_follower_hears(&f, &idle, 1, true, false));
        begin(&f, MHP_VERB_SETTLE);
        assert_true(mhp_follower_hears(&f, &busy, 1, true, false));
        assert_false(mhp_follower_hears(&f, &busy, 1, true, true));
        mhp_follower_done(&f);
}

static void test_current(void **state) {
        struct mhp_follower f = { 0 };

        (void) state;
        assert_int_equal(mhp_follower_current(&f), MHP_NO_BLOCK);
        begin(&f, MHP_VERB_OFFLINE);
        assert_int_equal(mhp_follower_current(&f), 32);
        assert_true(hears(&f, 32, 1));
        assert_int_equal(mhp_follower_current(&f), 32);
        (void) mhp_follower_answers(&f, 32, 0, false);
        assert_int_equal(mhp_follower_current(&f), 33);
        begin(&f, MHP_VERB_TEARDOWN); /* that answers at its end, and uevents tell how far it is */
        assert_true(hears(&f, 32, 1));
        assert_int_equal(mhp_follower_current(&f), 33);
        assert_int_equal(mhp_follower_n_heard(&f), 1);
        mhp_follower_done(&f);
}

static void place(struct mhp_map *map, uint32_t nr, enum mhp_state state) {
        const struct mhp_reading reading = { .nr = nr, .state = state, .zone = state == MHP_STATE_ONLINE ? MHP_ZONE_MOVABLE : MHP_ZONE_UNSET, .node = -1 };

        assert_true(mhp_map_apply(map, &(struct mhp_event) { .type = MHP_EVENT_BLOCK, .now = 1, .reading = &reading }) >= 0);
}

static void test_lost(void **state) {
        struct mhp_map *map = NULL;
        struct mhp_follower f = { 0 };
        size_t at = 0;

        (void) state;
        assert_int_equal(mhp_map_new(UINT64_C(128) << 20, &map), 0);
        place(map, 32, MHP_STATE_OFFLINE);
        place(map, 33, MHP_STATE_ONLINE);
        place(map, 34, MHP_STATE_ONLINE);
        begin(&f, MHP_VERB_OFFLINE);
        assert_int_equal(mhp_follower_open(&f, &at), 32);
        assert_int_equal(mhp_follower_fate(&f, map, 32), MHP_FATE_REACHED);
        assert_int_equal(mhp_follower_open(&f, &at), 33);
        assert_int_equal(mhp_follower_fate(&f, map, 33), MHP_FATE_BLAMED);
        assert_int_equal(mhp_follower_open(&f, &at), 34);
        assert_int_equal(mhp_follower_fate(&f, map, 34), MHP_FATE_UNBEGUN);
        assert_int_equal(mhp_follower_open(&f, &at), MHP_NO_BLOCK);

        begin(&f, MHP_VERB_ONLINE_MOVABLE); /* another step blames anew; a block that has left is where it was to be, as far as that goes */
        assert_int_equal(mhp_follower_fate(&f, map, 32), MHP_FATE_BLAMED);
        assert_int_equal(mhp_follower_fate(&f, map, 33), MHP_FATE_REACHED);
        assert_int_equal(mhp_follower_fate(&f, map, 99), MHP_FATE_REACHED);
        begin(&f, MHP_VERB_COUNT); /* a look changes nothing that could be seen afterwards */
        assert_int_equal(mhp_follower_fate(&f, map, 33), MHP_FATE_BLAMED);

        at = 0;
        begin(&f, MHP_VERB_OFFLINE);
        (void) mhp_follower_answers(&f, 32, 0, false);
        mhp_follower_forget(&f, 33);
        assert_int_equal(mhp_follower_open(&f, &at), 34);
        mhp_follower_done(&f);
        mhp_map_free(map);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_own_and_foreign),
                cmocka_unit_test(test_doubt_and_gone),
                cmocka_unit_test(test_wrong),
                cmocka_unit_test(test_queues),
                cmocka_unit_test(test_current),
                cmocka_unit_test(test_lost),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
