/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "api/scan.h"
#include "model/map.h"
#include "tree.h"

static int setup(void **state) {
        static struct tree t;

        tree_make(&t);
        tree_memory(&t, "8000000");
        *state = &t;
        return 0;
}

static int teardown(void **state) {
        tree_remove(*state);
        return 0;
}

/* A 6.12 guest: boot memory, a DIMM, virtio-mem, and a block that nobody has claimed. */
static void make_machine(const struct tree *t) {
        tree_add_block(t, 0, "online", "none", 0, NULL);
        tree_add_block(t, 1, "online", "DMA32", 0, NULL);
        tree_add_block(t, 32, "online", "Movable", 1, "PNP0C80:00");
        tree_add_block(t, 33, "offline", "Normal Movable", 1, "PNP0C80:00");
        tree_add_block(t, 40, "online", "Normal", 0, NULL);
        tree_add_block(t, 50, "offline", "Normal Movable", 0, NULL);
        tree_file(t, "proc/iomem", "00001000-0fffffff : System RAM\n140000000-14fffffff : virtio0\n");
}

static void test_map(void **state) {
        static const char want[] =
                "map 1\n"
                "block-size 134217728\n"
                "scanned\n"
                "block 0 online zone=none node=0 group=boot goal=kernel reason=found-online flags=settled\n"
                "block 1 online zone=DMA32 node=0 group=boot goal=kernel reason=found-online flags=settled\n"
                "block 32 online zone=Movable node=1 group=acpi:PNP0C80:00 goal=movable reason=found-online flags=settled\n"
                "block 33 offline valid=Normal,Movable node=1 group=acpi:PNP0C80:00 flags=arrived\n"
                "block 40 online zone=Normal node=0 group=virtio-mem:virtio0 goal=kernel reason=found-online flags=settled\n"
                "block 50 offline valid=Normal,Movable node=0 flags=arrived\n";
        _cleanup_map_ struct mhp_map *map = NULL;
        _cleanup_free_ char *text = NULL;
        const struct tree *t = *state;

        make_machine(t);
        assert_int_equal(mhp_map_scan(t->path, &map), 0);
        assert_int_equal(mhp_map_print(map, &text), 0);
        assert_string_equal(text, want);
        assert_true(mhp_map_consistent(map));
}

static void test_failures(void **state) {
        static const struct {
                const char *block_size;
                int r;
        } rows[] = {
                { "0", -EINVAL },
                { "8000001", -EINVAL },
                { "80000", -EINVAL }, /* below 1 MiB */
                { "x", -EINVAL },
        };
        const struct tree *t = *state;
        struct mhp_map *map = NULL;

        ROWS(row, rows) {
                tree_memory(t, row->block_size);
                ROW_INT(row->block_size, mhp_map_scan(t->path, &map), row->r);
        }
        assert_int_equal(mhp_map_scan("/nonexistent", &map), -ENOENT);
        tree_drop(t, "sys");
        assert_int_equal(mhp_map_scan(t->path, &map), -ENOENT);
        assert_null(map);
}

/* No block, no node folder, no iomem. */
static void test_bare(void **state) {
        _cleanup_map_ struct mhp_map *map = NULL;
        const struct tree *t = *state;

        assert_int_equal(mhp_map_scan(t->path, &map), 0);
        assert_int_equal(mhp_map_n_blocks(map), 0);
        map = mhp_map_free(map);
        tree_add_block(t, 8192, "online", NULL, -1, NULL);
        assert_int_equal(mhp_map_scan(t->path, &map), 0);
        assert_int_equal(mhp_map_n_blocks(map), 1);
        assert_int_equal(mhp_map_find(map, 8192)->node, -1);
}

struct record {
        char order[64]; /* one letter an event */
        size_t n;
        int fail_at;
};

static int note(void *userdata, const struct mhp_event *event) {
        struct record *record = userdata;

        assert_int_equal(event->now, 4711);
        record->order[record->n++] = event->type == MHP_EVENT_SCAN_BEGIN ? '<' : event->type == MHP_EVENT_SCAN_END ? '>' : 'b';
        return record->fail_at == (int) record->n ? -ENOMEM : 0;
}

static void test_events(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        _cleanup_groups_ struct mhp_groups *groups = NULL;
        const struct tree *t = *state;
        struct record record = { 0 };

        make_machine(t);
        assert_int_equal(mhp_root_open(t->path, &root), 0);
        assert_int_equal(mhp_groups_new(&root, UINT64_C(128) << 20, &groups), 0);
        assert_int_equal(mhp_scan_into(&root, groups, MHP_RESOLVE_SCAN, 4711, note, &record), 0);
        assert_string_equal(record.order, "<bbbbbb>");

        record = (struct record) { .fail_at = 3 };
        assert_int_equal(mhp_scan_into(&root, groups, MHP_RESOLVE_SCAN, 4711, note, &record), -ENOMEM);
        assert_string_equal(record.order, "<bb"); /* and no end: what was not shown is not gone */

        tree_drop(t, "sys/devices/system/memory");
        record = (struct record) { 0 };
        assert_int_equal(mhp_scan_into(&root, groups, MHP_RESOLVE_SCAN, 4711, note, &record), -ENOENT);
        assert_string_equal(record.order, "");
}

/* The machine that the test runs on, which may hide what only root sees. */
static void test_here(void **state) {
        _cleanup_map_ struct mhp_map *map = NULL, *again = NULL;
        _cleanup_free_ char *text = NULL;
        int r = mhp_map_scan("/", &map);

        if (r == -ENOENT)
                skip();
        assert_int_equal(r, 0);
        assert_true(mhp_map_consistent(map));
        assert_int_equal(mhp_map_print(map, &text), 0);
        assert_int_equal(mhp_map_parse(text, strlen(text), &again, NULL), 0);
        assert_int_equal(mhp_map_n_blocks(again), mhp_map_n_blocks(map));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                T(test_map), T(test_failures), T(test_bare), T(test_events), cmocka_unit_test(test_here),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
