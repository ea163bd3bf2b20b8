/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "core/settled.h"
#include "edge/settled-file.h"
#include "model/map-text.h"
#include "tree.h"

#define HEAD "map 1\nblock-size 134217728\nscanned\n"
#define BOOT "block 0-7 online zone=Normal node=0 group=boot\n"
#define SEC USEC_PER_SEC

static struct mhp_map *map_of(const char *text) {
        struct mhp_map *map = NULL;

        assert_int_equal(mhp_map_parse(text, strlen(text), &map, NULL), 0);
        return map;
}

static void begin(struct mhp_settled *s, uint64_t now, const char *text) {
        _cleanup_map_ struct mhp_map *map = map_of(text);
        struct mhp_ranges none = { 0 };

        assert_int_equal(mhp_settled_begin(s, now, map, false, &none, &none), 0);
}

/* All blocks up to 99 are looked at. */
static void see(struct mhp_settled *s, uint64_t now, const char *text) {
        _cleanup_map_ struct mhp_map *map = map_of(text);

        for (uint32_t nr = 0; nr < 100; nr++)
                assert_int_equal(mhp_settled_see(s, now, map, nr), 0);
}

static void expect_ranges(const struct mhp_ranges *ranges, const char *wanted) {
        _cleanup_text_ struct mhp_text text = { 0 };

        mhp_ranges_print(ranges, &text);
        assert_string_equal(text.data ? text.data : "", wanted);
}

static void expect_change(struct mhp_settled *s, const char *added, const char *removed, const char *online, const char *offline) {
        _cleanup_change_ struct mhp_settled_change change = { 0 };

        assert_int_equal(mhp_settled_take(s, &change), 0);
        expect_ranges(&change.added, added);
        expect_ranges(&change.removed, removed);
        expect_ranges(&change.online, online);
        expect_ranges(&change.offline, offline);
        assert_int_equal(mhp_settled_change_is_empty(&change), !*added && !*removed && !*online && !*offline);
        assert_true(mhp_settled_turn(s, UINT64_MAX / 2, true) == UINT64_MAX);
}

static void test_first_scan_is_no_change(void **state) {
        struct mhp_settled s = { 0 };

        (void) state;
        begin(&s, SEC, HEAD BOOT);
        assert_true(mhp_settled_turn(&s, 2 * SEC, true) == UINT64_MAX);
        see(&s, 3 * SEC, HEAD BOOT);
        assert_true(mhp_settled_turn(&s, 3 * SEC, true) == UINT64_MAX);
        mhp_settled_done(&s);
}

static void test_quiet(void **state) {
        struct mhp_settled s = { 0 };

        (void) state;
        begin(&s, SEC, HEAD BOOT);
        see(&s, 10 * SEC, HEAD BOOT "block 32-35 offline\n");
        assert_true(mhp_settled_turn(&s, 10 * SEC, false) == 310 * SEC); /* work is under way */
        see(&s, 12 * SEC, HEAD BOOT "block 32-35 online zone=Movable\n");
        assert_true(mhp_settled_turn(&s, 12 * SEC, false) == 310 * SEC);
        assert_true(mhp_settled_turn(&s, 20 * SEC, true) == 25 * SEC); /* its end is where the quiet begins */
        assert_true(mhp_settled_turn(&s, 21 * SEC, true) == 25 * SEC); /* a turn alone changes nothing */
        see(&s, 24 * SEC, HEAD BOOT "block 32-36 online zone=Movable\n");
        assert_true(mhp_settled_turn(&s, 24 * SEC, true) == 29 * SEC); /* another block has come */
        expect_change(&s, "32-36", "", "32-36", "");
        mhp_settled_done(&s);
}

/* Blocks that come and go for ever, and one that is tried again and again, do not keep a change back for ever. */
static void test_latest(void **state) {
        struct mhp_settled s = { 0 };

        (void) state;
        begin(&s, SEC, HEAD BOOT);
        for (uint64_t at = 10; at <= 306; at += 4) {
                see(&s, at * SEC, at % 8 == 2 ? HEAD BOOT "block 32 offline\n" : HEAD BOOT "block 33 offline\n");
                assert_true(mhp_settled_turn(&s, at * SEC, true) == MIN(at + 5, UINT64_C(310)) * SEC);
        }
        mhp_settled_done(&s);
}

static void test_what_changed(void **state) {
        struct mhp_settled s = { 0 };

        (void) state;
        begin(&s, SEC, HEAD BOOT "block 32-39 online zone=Movable\nblock 48-51 offline\n");
        see(&s, 2 * SEC, HEAD BOOT "block 34-35 offline\nblock 36-39 online zone=Movable\nblock 48-49 online zone=Movable\nblock 52-53 offline\n");
        expect_change(&s, "52-53", "32-33,50-51", "48-49", "34-35");
        see(&s, 3 * SEC, HEAD BOOT);
        expect_change(&s, "", "34-39,48-49,52-53", "", "");
        see(&s, 4 * SEC, HEAD "block 32-34 online zone=Movable\n");
        expect_change(&s, "32-34", "0-7", "32-34", "");
        mhp_settled_done(&s);
}

static void test_there_and_back(void **state) {
        struct mhp_settled s = { 0 };

        (void) state;
        begin(&s, SEC, HEAD BOOT);
        see(&s, 2 * SEC, HEAD BOOT "block 32-39 online zone=Movable\n");
        see(&s, 3 * SEC, HEAD BOOT);
        assert_true(mhp_settled_turn(&s, 3 * SEC, true) == 8 * SEC);
        expect_change(&s, "", "", "", "");
        mhp_settled_done(&s);
}

/* What happened while no mhpd was there is a change; what did not, is none. */
static void test_restart(void **state) {
        static const struct {
                const char *text, *added, *removed, *online, *offline;
        } rows[] = {
                { HEAD BOOT "block 32-35 online zone=Movable\n", "", "", "", "" },
                { HEAD BOOT "block 32-33 online zone=Movable\nblock 34-35 offline\n", "", "", "", "34-35" },
                { HEAD BOOT "block 32-36 online zone=Movable\n", "36", "", "36", "" },
                { HEAD BOOT, "", "32-35", "", "" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct mhp_settled before = { 0 }, after = { 0 };
                struct mhp_ranges present = { 0 }, online = { 0 };
                _cleanup_map_ struct mhp_map *map = map_of(rows[i].text);
                _cleanup_text_ struct mhp_text file = { 0 };

                begin(&before, SEC, HEAD BOOT "block 32-35 online zone=Movable\n");
                assert_int_equal(mhp_settled_file_print(&before, &file), 0);
                assert_int_equal(mhp_settled_file_parse(file.data, &present, &online), 0);
                assert_int_equal(mhp_settled_begin(&after, SEC, map, true, &present, &online), 0);
                assert_true(mhp_settled_turn(&after, SEC, true) == (i == 0 ? UINT64_MAX : 6 * SEC));
                expect_change(&after, rows[i].added, rows[i].removed, rows[i].online, rows[i].offline);
                mhp_settled_done(&before);
                mhp_settled_done(&after);
        }
}

static void test_file(void **state) {
        static const char *const bad[] = { "", "present=0-7\n", "online=1\npresent=1\n", "present=7-0\nonline=\n", "present=0-7\nonline=x\n" };
        struct mhp_settled s = { 0 };
        struct mhp_ranges present = { 0 }, online = { 0 };
        struct tree t;
        const char *dir = t.path;

        (void) state;
        tree_make(&t);
        assert_int_equal(mhp_settled_file_load(dir, &present, &online), -ENOENT);
        begin(&s, SEC, HEAD);
        assert_int_equal(mhp_settled_file_save(dir, &s), 0);
        assert_int_equal(mhp_settled_file_load(dir, &present, &online), 0);
        assert_int_equal(present.n + online.n, 0);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_free_ char *text = strdup(bad[i]);

                assert_int_equal(mhp_settled_file_parse(text, &present, &online), -EBADMSG);
        }
        mhp_settled_done(&s);
        tree_remove(&t);
}

static void test_environment(void **state) {
        _cleanup_change_ struct mhp_settled_change change = { 0 };
        _cleanup_text_ struct mhp_text text = { 0 };

        (void) state;
        assert_int_equal(mhp_ranges_parse("32-33,40", &change.added), 0);
        assert_int_equal(mhp_settled_env_print(&change, 134217728, &text), 0);
        assert_string_equal(text.data, "MHPD_ADDED=32-33,40\nMHPD_ADDED_BYTES=402653184\nMHPD_REMOVED=\nMHPD_REMOVED_BYTES=0\n"
                                       "MHPD_ONLINE=\nMHPD_ONLINE_BYTES=0\nMHPD_OFFLINE=\nMHPD_OFFLINE_BYTES=0\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_first_scan_is_no_change),
                cmocka_unit_test(test_quiet),
                cmocka_unit_test(test_latest),
                cmocka_unit_test(test_what_changed),
                cmocka_unit_test(test_there_and_back),
                cmocka_unit_test(test_restart),
                cmocka_unit_test(test_file),
                cmocka_unit_test(test_environment),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
