/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "edge/root.h"
#include "edge/state-file.h"
#include "tree.h"

struct machine {
        struct tree t;
        char dir[128]; /* is not there at first, as /run/mhpd */
};

static int setup(void **state) {
        static struct machine m;

        tree_make(&m.t);
        (void) snprintf(m.dir, sizeof(m.dir), "%s/mhpd", m.t.path);
        *state = &m;
        return 0;
}

static int teardown(void **state) {
        struct machine *m = *state;

        tree_remove(&m->t);
        return 0;
}

static bool exists(struct machine *m, const char *path) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;

        return mhp_root_open(m->t.path, &root) == 0 && mhp_root_exists(&root, path);
}

static void fill(struct mhp_saved *saved) {
        *saved = (struct mhp_saved) { 0 };
        strcpy(saved->knob[MHP_KNOB_AUTO_ONLINE_BLOCKS], "offline");
        strcpy(saved->knob[MHP_KNOB_AUTO_MOVABLE_RATIO], "301");
        strcpy(saved->set[MHP_KNOB_AUTO_ONLINE_BLOCKS], "online_movable");
        assert_int_equal(mhp_ranges_add(&saved->hands_off, 32, 39), 0);
        assert_int_equal(mhp_ranges_add(&saved->hands_off, 41, 41), 0);
        strcpy(saved->hold[MHP_SOURCE_ACPI], "1");
        saved->place_table = strdup("node 1 off\ndefault on");
        saved->removals = strdup("map 1\nblock-size 134217728\nremoval 3 unplug phase=hold\n");
}

static void test_nothing(void **state) {
        _cleanup_saved_ struct mhp_saved saved = { 0 };
        struct machine *m = *state;

        assert_int_equal(mhp_state_file_load(m->dir, &saved), 0);
        assert_string_equal(saved.knob[MHP_KNOB_ONLINE_POLICY], "");
        assert_int_equal(saved.hands_off.n, 0);
        assert_int_equal(mhp_state_file_save(m->dir, &saved), 0);
        assert_false(exists(m, "mhpd/state"));
}

static void test_round_trip(void **state) {
        _cleanup_saved_ struct mhp_saved saved = { 0 }, got = { 0 }, empty = { 0 };
        struct machine *m = *state;

        fill(&saved);
        for (int again = 0; again < 2; again++) {
                assert_int_equal(mhp_state_file_save(m->dir, &saved), 0);
                assert_string_equal(tree_read(&m->t, "mhpd/state"), "knob.auto_online_blocks=offline\nknob.auto_movable_ratio=301\nset.auto_online_blocks=online_movable\nmemmap-policy=node 1 off;default on\nhold.acpi=1\nhands-off=32-39,41\n"
                                    "removal.map 1\nremoval.block-size 134217728\nremoval.removal 3 unplug phase=hold\n");
                assert_false(exists(m, "mhpd/state.new"));
        }
        assert_int_equal(mhp_state_file_load(m->dir, &got), 0);
        for (unsigned i = 0; i < _MHP_KNOB_MAX; i++)
                assert_string_equal(got.knob[i], saved.knob[i]), assert_string_equal(got.set[i], saved.set[i]);
        assert_int_equal(mhp_ranges_count(&got.hands_off), 9);
        assert_true(mhp_ranges_contain(&got.hands_off, 41));
        for (unsigned i = 0; i < _MHP_SOURCE_MAX; i++)
                assert_string_equal(got.hold[i], saved.hold[i]);
        assert_string_equal(got.place_table, saved.place_table);
        assert_string_equal(got.removals, saved.removals);

        assert_int_equal(mhp_state_file_save(m->dir, &empty), 0);
        assert_false(exists(m, "mhpd/state"));
        assert_int_equal(mhp_state_file_save(m->dir, &empty), 0);
}

/* The first value of a key that comes twice is not better than the second; what mhpd does not write is passed over and counted. */
static void test_tolerant(void **state) {
        static const struct {
                const char *text;
                const char *blocks; /* knob auto_online_blocks */
                uint64_t n;         /* hands off */
                const char *hold;   /* of acpi; NULL: none */
                const char *removals;
                unsigned n_bad, bad_line;
        } rows[] = {
                { "", "", 0, NULL, NULL, 0, 0 },
                { "hold.acpi=1\n", "", 0, "1", NULL, 0, 0 },
                { "hold.acpi=0\n", "", 0, NULL, NULL, 1, 1 },
                { "hold.acpi=\nhold.acpi=Y\nhold.acpi=11\nhold.acpi=1 \n", "", 0, NULL, NULL, 4, 1 },
                { "hold.acpi=1\nhold.acpi=0\n", "", 0, "1", NULL, 1, 2 },
                { "hold.dax=1\nhold.boot=0\nhold.unknown=\nhold.virtio-mem=N\nhold.virtio-mem=1\n", "", 0, NULL, NULL, 5, 1 },
                { "hold.acpi\nhold.=1\nhold.sapi=1\nhold.acpi=12345678\n", "", 0, NULL, NULL, 4, 1 },
                { "removal.map 1\nremoval.\nhold.acpi=1\nremoval.nonsense\nremoval", "", 0, "1", "map 1\n\nnonsense\n", 1, 5 },
                { "\n\n\n", "", 0, NULL, NULL, 3, 1 },
                { "set.auto_online_blocks=offline\nset.\nset.x=y\n", "", 0, NULL, NULL, 2, 2 },
                { "nonsense\n=\nknob.\nknob.=x\nknob.unheard=1\n", "", 0, NULL, NULL, 5, 1 },
                { "knob.auto_online_blocks=online", "online", 0, NULL, NULL, 0, 0 },
                { "knob.auto_online_blocks=\n", "", 0, NULL, NULL, 1, 1 },
                { "knob.auto_online_blocks=one word\nknob.auto_online_blocks=\x1b[2J\nknob.auto_online_blocks=0\n", "", 0, NULL, NULL, 3, 1 },
                { "knob.auto_movable_ratio=many\nknob.auto_movable_ratio=-1\nknob.auto_movable_numa_aware=1\nset.auto_movable_numa_aware=y\n", "", 0, NULL, NULL, 4, 1 },
                { "knob.auto_online_block=online\nknob.auto_online_blocksx=online\n", "", 0, NULL, NULL, 2, 1 },
                { "knob.auto_online_blocks=a-value-that-is-longer-than-what-any-knob-holds\n", "", 0, NULL, NULL, 1, 1 },
                { "hands-off=32\nknob.auto_online_blocks=offline\n", "offline", 1, NULL, NULL, 0, 0 },
                { "hands-off=32-\n", "", 0, NULL, NULL, 1, 1 },
                { "hands-off=39-32\n", "", 0, NULL, NULL, 1, 1 },
                { "hands-off=99999999999999999999\n", "", 0, NULL, NULL, 1, 1 },
                { "hands-off=1-2\nhands-off=x\n", "", 2, NULL, NULL, 1, 2 },
                { "hands-off=1-2\nhands-off=7\n", "", 1, NULL, NULL, 0, 0 },
                { "inode.\ninode.=\ninode.1\ninode.x=1\ninode.4294967295=1\ninode.1=-1\n", "", 0, NULL, NULL, 6, 1 },
                { "eject-notice=1\neject-notice=0\n", "", 0, NULL, NULL, 1, 1 },
                { "memmap-policy=node 1 off\t\nmemmap-policy=\xff\n", "", 0, NULL, NULL, 2, 1 },
        };
        struct machine *m = *state;

        ROWS(row, rows) {
                _cleanup_saved_ struct mhp_saved saved = { 0 };

                tree_file(&m->t, "mhpd/state", row->text);
                ROW_INT(row->text, mhp_state_file_load(m->dir, &saved), 0);
                ROW_STR(row->text, saved.knob[MHP_KNOB_AUTO_ONLINE_BLOCKS], row->blocks);
                ROW_INT(row->text, mhp_ranges_count(&saved.hands_off), row->n);
                ROW_STR(row->text, saved.hold[MHP_SOURCE_ACPI], row->hold ? row->hold : "");
                ROW_STR(row->text, saved.removals ? saved.removals : "", row->removals ? row->removals : "");
                ROW_INT(row->text, saved.n_bad, row->n_bad);
                ROW_INT(row->text, saved.bad_line, row->bad_line);
                ROW_INT(row->text, saved.place_table != NULL, 0);
        }
}

/* A NUL does not hide what is behind it. */
static void test_nul(void **state) {
        static const char text[] = "hold.acpi=1\0\nhands-off=3\n\0";
        _cleanup_saved_ struct mhp_saved saved = { 0 };
        struct machine *m = *state;

        tree_bytes(&m->t, "mhpd/state", text, sizeof(text) - 1);
        assert_int_equal(mhp_state_file_load(m->dir, &saved), 0);
        assert_string_equal(saved.hold[MHP_SOURCE_ACPI], "");
        assert_int_equal(mhp_ranges_count(&saved.hands_off), 1);
        assert_int_equal(saved.n_bad, 2);
}

/* Of two for a block the later one counts, and of a block that is not kept none. */
static void test_inodes(void **state) {
        _cleanup_saved_ struct mhp_saved saved = { 0 }, got = { 0 };
        struct machine *m = *state;

        assert_int_equal(mhp_ranges_add(&saved.hands_off, 32, 33), 0);
        assert_int_equal(mhp_saved_add_inode(&saved, 33, 700), 0);
        assert_int_equal(mhp_saved_add_inode(&saved, 32, UINT64_MAX), 0);
        assert_int_equal(mhp_saved_add_inode(&saved, 34, 701), 0);
        assert_int_equal(mhp_saved_add_inode(&saved, 33, 5), 0);
        mhp_saved_sort_inodes(&saved);
        assert_int_equal(mhp_state_file_save(m->dir, &saved), 0);
        assert_string_equal(tree_read(&m->t, "mhpd/state"), "hands-off=32-33\ninode.32=18446744073709551615\ninode.33=5\n");
        assert_int_equal(mhp_state_file_load(m->dir, &got), 0);
        assert_int_equal(got.n_inodes, 2);
        assert_true(got.inode[0].nr == 32 && got.inode[0].inode == UINT64_MAX && got.inode[1].nr == 33 && got.inode[1].inode == 5);
        assert_int_equal(mhp_saved_add_inode(&got, 33, 6), 0);
        mhp_saved_sort_inodes(&got);
        assert_int_equal(got.inode[1].inode, 6);
}

/* A table without rules is not the same as one that was not touched. */
static void test_place_table(void **state) {
        static const char *const texts[] = { "", "default on", "node 1 off\ndefault on", "default on\n" };
        struct machine *m = *state;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_saved_ struct mhp_saved saved = { .place_table = strdup(texts[i]) }, got = { 0 };

                assert_non_null(saved.place_table);
                assert_int_equal(mhp_state_file_save(m->dir, &saved), 0);
                assert_int_equal(mhp_state_file_load(m->dir, &got), 0);
                assert_non_null(got.place_table);
                assert_string_equal(got.place_table, texts[i]);
        }
}

static void test_failures(void **state) {
        _cleanup_saved_ struct mhp_saved saved = { 0 }, got = { 0 };
        struct machine *m = *state;

        fill(&saved);
        strcpy(got.knob[0], "untouched");
        tree_dir(&m->t, "mhpd/state");
        assert_int_equal(mhp_state_file_load(m->dir, &got), -EISDIR);
        assert_string_equal(got.knob[0], "untouched");
        assert_int_equal(mhp_state_file_save(m->dir, &saved), 0);
        assert_true(exists(m, "mhpd/state.bad"));
        assert_false(exists(m, "mhpd/state.new"));

        tree_drop(&m->t, "mhpd");
        tree_file(&m->t, "mhpd", "");
        assert_int_equal(mhp_state_file_load(m->dir, &got), -ENOTDIR);
        assert_int_equal(mhp_state_file_save(m->dir, &saved), -ENOTDIR);

        (void) snprintf(m->dir, sizeof(m->dir), "%s/a/b", m->t.path);
        assert_int_equal(mhp_state_file_save(m->dir, &saved), -ENOENT);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                T(test_nothing),
                T(test_round_trip),
                T(test_tolerant), T(test_nul), T(test_inodes),
                T(test_place_table),
                T(test_failures),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
