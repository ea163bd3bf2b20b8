/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "api/memmap.h"
#include "api/scan.h"
#include "tree.h"

#define BLOCK_PAGES 32768u
#define PAGES 512u

static int setup(void **state) {
        static struct tree t;

        tree_make(&t);
        tree_memory(&t, "8000000");
        tree_add_block(&t, 0, "online", "none", 0, NULL);
        tree_add_block(&t, 32, "online", "Movable", 0, "PNP0C80:00");
        tree_add_block(&t, 33, "offline", "Normal Movable", 0, "PNP0C80:00");
        tree_add_block(&t, 40, "online", "Normal", 0, NULL);
        tree_file(&t, "proc/iomem", "00001000-07ffffff : System RAM\n140000000-147ffffff : virtio0\n");
        tree_file(&t, "sys/module/memory_hotplug/parameters/memmap_on_memory", "Y\n");
        *state = &t;
        return 0;
}

static int teardown(void **state) {
        tree_remove(*state);
        return 0;
}

/* n pages from the first of the block on. */
static void put_flags(const struct tree *t, uint64_t block, uint64_t flags, size_t n) {
        uint64_t page[PAGES + 1];
        int fd;

        assert_true(n <= PAGES + 1);
        for (size_t i = 0; i < n; i++)
                page[i] = flags;
        fd = openat(t->fd, "proc/kpageflags", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, page, n * sizeof(*page), (off_t) (block * BLOCK_PAGES * sizeof(*page))), n * sizeof(*page));
        close(fd);
}

static void open_all(const struct tree *t, struct mhp_map **map, struct mhp_memmaps *memmaps) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;

        assert_int_equal(mhp_root_open(t->path, &root), 0);
        assert_int_equal(mhp_scan_map(&root, map), 0);
        assert_int_equal(mhp_memmap_open(&root, (*map)->block_size, memmaps), 0);
}

static void expect(struct mhp_memmaps *memmaps, const struct mhp_map *map, uint32_t nr, enum mhp_placement placement, enum mhp_evidence evidence,
                   enum mhp_refusal refusal) {
        struct mhp_block_memmap m;

        mhp_memmap_look(memmaps, map, mhp_map_find(map, nr), &m);
        assert_int_equal(m.placement, placement);
        assert_int_equal(m.evidence, evidence);
        assert_int_equal(m.refusal, refusal);
        assert_int_equal(m.pages, PAGES);
        assert_int_equal(m.set_aside, placement == MHP_PLACEMENT_DRAM ? 0 : PAGES);
        assert_int_equal(m.waste, 0);
}

static void test_look(void **state) {
        const struct tree *t = *state;

        for (int flags = 0; flags < 2; flags++) {
                enum mhp_evidence evidence = flags ? MHP_EVIDENCE_OBSERVED : MHP_EVIDENCE_ASSUMED;
                _cleanup_memmaps_ struct mhp_memmaps memmaps = MHP_MEMMAPS_NONE;
                _cleanup_map_ struct mhp_map *map = NULL;

                if (flags) {
                        put_flags(t, 40, 1024, 1);
                        put_flags(t, 32, 1024, PAGES + 1);
                        put_flags(t, 32, MHP_PAGE_SELF_HOSTED, PAGES);
                }
                open_all(t, &map, &memmaps);
                assert_int_equal(memmaps.flags_error, flags ? 0 : -ENOENT);
                expect(&memmaps, map, 0, MHP_PLACEMENT_DRAM, evidence, MHP_REFUSAL_NONE);
                expect(&memmaps, map, 32, MHP_PLACEMENT_SELF, evidence, MHP_REFUSAL_NONE);
                expect(&memmaps, map, 33, MHP_PLACEMENT_SELF, MHP_EVIDENCE_ASSUMED, MHP_REFUSAL_NONE);
                expect(&memmaps, map, 40, MHP_PLACEMENT_DRAM, evidence, MHP_REFUSAL_SOURCE_IGNORES);
        }
}

/* What is kept opened takes notice of what comes later. */
static void test_refresh(void **state) {
        _cleanup_memmaps_ struct mhp_memmaps memmaps = MHP_MEMMAPS_NONE;
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        _cleanup_map_ struct mhp_map *map = NULL;
        const struct tree *t = *state;

        open_all(t, &map, &memmaps);
        expect(&memmaps, map, 32, MHP_PLACEMENT_SELF, MHP_EVIDENCE_ASSUMED, MHP_REFUSAL_NONE);
        assert_true(memmaps.n_dax == 0 && memmaps.asked);
        put_flags(t, 32, 1024, 1);
        tree_file(t, "sys/bus/dax/devices/dax0.0/size", "1073741824\n");
        assert_int_equal(mhp_root_open(t->path, &root), 0);
        for (int twice = 0; twice < 2; twice++) {
                assert_int_equal(mhp_memmap_refresh(&root, &memmaps), 0);
                assert_true(memmaps.n_dax == 1 && !memmaps.asked);
                expect(&memmaps, map, 32, MHP_PLACEMENT_DRAM, MHP_EVIDENCE_OBSERVED, MHP_REFUSAL_NONE);
        }
}

static void test_compare(void **state) {
        _cleanup_memmaps_ struct mhp_memmaps memmaps = MHP_MEMMAPS_NONE;
        _cleanup_map_ struct mhp_map *map = NULL;
        struct mhp_block_difference d;
        const struct tree *t = *state;

        open_all(t, &map, &memmaps);
        assert_int_equal(mhp_memmap_compare(&memmaps, mhp_map_find(map, 32), PAGES, &d), -ENOENT);
        mhp_memmap_done(&memmaps);
        map = mhp_map_free(map);

        put_flags(t, 40, 1024, 1);
        put_flags(t, 32, MHP_PAGE_SELF_HOSTED, PAGES);
        open_all(t, &map, &memmaps);
        assert_int_equal(mhp_memmap_compare(&memmaps, mhp_map_find(map, 32), PAGES, &d), 0);
        assert_int_equal(mhp_memmap_compare(&memmaps, mhp_map_find(map, 33), PAGES, &d), -ENODATA);
        assert_int_equal(mhp_memmap_compare(&memmaps, mhp_map_find(map, 40), 0, &d), 0);
        assert_int_equal(mhp_memmap_compare(&memmaps, mhp_map_find(map, 32), PAGES - 1, &d), 1);
        assert_int_equal(d.block, 32);
        assert_int_equal(d.expected, PAGES - 1);
        assert_int_equal(d.observed, PAGES);
        assert_int_equal(d.pfn, 32 * BLOCK_PAGES + PAGES - 1);
        put_flags(t, 32, MHP_PAGE_NONE, 1);
        assert_int_equal(mhp_memmap_compare(&memmaps, mhp_map_find(map, 32), PAGES, &d), -ENXIO);
}

static void test_fill(void **state) {
        _cleanup_memmaps_ struct mhp_memmaps memmaps = MHP_MEMMAPS_NONE;
        _cleanup_map_ struct mhp_map *map = NULL;
        struct mhp_backing *backing;
        struct mhp_altmap altmap;
        const struct tree *t = *state;

        tree_add_block(t, 4294967290, "offline", "Normal", 0, "PNP0C80:01"); /* no address space is so large */
        put_flags(t, 40, 1024, 1);
        open_all(t, &map, &memmaps);
        for (int look = 0; look < 2; look++) {
                assert_int_equal(mhp_memmap_fill(&memmaps, map, look, &backing), 0);
                assert_int_equal(mhp_backing_altmap(backing, 32 * BLOCK_PAGES, &altmap), look ? 0 : 1);
                assert_int_equal(mhp_backing_altmap(backing, 33 * BLOCK_PAGES, &altmap), 1);
                assert_int_equal(altmap.free, PAGES);
                assert_int_equal(mhp_backing_altmap(backing, 40 * BLOCK_PAGES, &altmap), 0);
                assert_true(mhp_backing_pfn_valid(backing, 40 * BLOCK_PAGES));
                assert_false(mhp_backing_pfn_valid(backing, 41 * BLOCK_PAGES));
                mhp_backing_free(backing);
        }
}

static void test_verify(void **state) {
        struct mhp_verification *v = NULL;
        const struct tree *t = *state;

        assert_int_equal(mhp_verify(t->path, MHP_PLACEMENT_UNSET, &v), -ENODATA);
        put_flags(t, 40, 1024, 1);
        put_flags(t, 32, MHP_PAGE_SELF_HOSTED, PAGES);
        assert_int_equal(mhp_verify(t->path, MHP_PLACEMENT_RANGE, &v), -EINVAL);
        assert_int_equal(mhp_verify("/nonexistent", MHP_PLACEMENT_UNSET, &v), -ENOENT);
        assert_null(v);

        assert_int_equal(mhp_verify(t->path, MHP_PLACEMENT_UNSET, &v), 0);
        assert_int_equal(v->checked, 3);
        assert_int_equal(v->unseen, 1);
        assert_int_equal(v->holes, 0);
        assert_int_equal(v->n_differ, 0);
        assert_int_equal(v->n_zones, 0);
        v = mhp_verification_free(v);

        /* the offline block of the zone does not count */
        tree_file(t, "proc/zoneinfo", "Node 0, zone Movable\n  present 32768\n  managed 32256\n");
        assert_int_equal(mhp_verify(t->path, MHP_PLACEMENT_DRAM, &v), 0);
        assert_int_equal(v->n_differ, 1);
        assert_int_equal(v->differ[0].block, 32);
        assert_int_equal(v->n_zones, 1);
        assert_int_equal(v->zones[0].expected, 0);
        assert_int_equal(v->zones[0].observed, PAGES);
        v = mhp_verification_free(v);
        assert_int_equal(mhp_verify(t->path, MHP_PLACEMENT_FORCE, &v), 0);
        assert_int_equal(v->n_differ, 1);
        assert_int_equal(v->differ[0].block, 40);
        mhp_verification_free(v);
}

static void test_geometry(void **state) {
        struct mhp_geometry geometry;
        const struct tree *t = *state;
        unsigned read;

        assert_int_equal(mhp_geometry_read(t->path, &geometry, &read), 0);
        assert_int_equal(read, MHP_GEOMETRY_BLOCK_SIZE);
        assert_int_equal(geometry.block_size, 128u << 20);
        assert_int_equal(mhp_geometry_read(t->path, &geometry, NULL), 0);
        tree_memory(t, "1000000"); /* smaller than a section as the preset has it, which is wrong then */
        assert_int_equal(mhp_geometry_read(t->path, &geometry, &read), 0);
        assert_int_equal(geometry.section_size, 16u << 20);
        tree_memory(t, "800"); /* smaller than a page */
        assert_int_equal(mhp_geometry_read(t->path, &geometry, &read), -EINVAL);
        tree_memory(t, "80000000");
        assert_int_equal(mhp_geometry_read(t->path, &geometry, NULL), 0);
        assert_int_equal(geometry.block_size, UINT64_C(2) << 30);
        tree_file(t, "proc/sys/kernel/arch", "vax\n");
        assert_int_equal(mhp_geometry_read(t->path, &geometry, NULL), 0);
        assert_int_equal(mhp_geometry_read("/nonexistent", &geometry, NULL), -ENOENT);
}

/* What a block tells of itself goes before page flags and prediction, and holds while it is offline. */
static void test_told(void **state) {
        _cleanup_memmaps_ struct mhp_memmaps memmaps = MHP_MEMMAPS_NONE, by_table = MHP_MEMMAPS_NONE;
        _cleanup_map_ struct mhp_map *map = NULL, *again = NULL;
        const struct tree *t = *state;
        struct mhp_block_difference d;
        struct mhp_block_memmap m;

        put_flags(t, 32, MHP_PAGE_SELF_HOSTED, PAGES);
        tree_set(t, 0, "nr_vmemmap_pages", "0");
        tree_set(t, 32, "nr_vmemmap_pages", "0");
        tree_set(t, 33, "nr_vmemmap_pages", "512");
        tree_set(t, 40, "nr_vmemmap_pages", "700");
        open_all(t, &map, &memmaps);
        expect(&memmaps, map, 32, MHP_PLACEMENT_DRAM, MHP_EVIDENCE_OBSERVED, MHP_REFUSAL_NONE);
        expect(&memmaps, map, 33, MHP_PLACEMENT_SELF, MHP_EVIDENCE_OBSERVED, MHP_REFUSAL_NONE);
        mhp_memmap_look(&memmaps, map, mhp_map_find(map, 40), &m);
        assert_true(m.set_aside == 700 && m.waste == 700 - PAGES && m.evidence == MHP_EVIDENCE_OBSERVED);
        assert_int_equal(mhp_memmap_compare(&memmaps, mhp_map_find(map, 33), PAGES, &d), 0);
        assert_int_equal(mhp_memmap_compare(&memmaps, mhp_map_find(map, 32), PAGES, &d), 1);
        assert_true(d.observed == 0 && d.expected == PAGES && d.pfn == MHP_NO_PFN);
        assert_int_equal(mhp_memmap_compare(&memmaps, mhp_map_find(map, 32), 0, &d), 1); /* page flags say otherwise */
        assert_true(d.pfn == 32 * BLOCK_PAGES);

        mhp_memmap_expect(&memmaps, map, mhp_map_find(map, 32), &m); /* without a table, the prediction */
        assert_int_equal(m.placement, MHP_PLACEMENT_SELF);
        tree_file(t, "sys/devices/system/memory/memmap_policy", "");
        open_all(t, &again, &by_table);
        mhp_memmap_expect(&by_table, again, mhp_map_find(again, 32), &m);
        assert_int_equal(m.placement, MHP_PLACEMENT_DRAM);
        mhp_memmap_expect(&by_table, again, mhp_map_find(again, 40), &m); /* no placement has so many */
        assert_int_equal(m.placement, MHP_PLACEMENT_DRAM);
        assert_int_equal(m.refusal, MHP_REFUSAL_NONE);
        by_table.assume = MHP_PLACEMENT_SELF;
        mhp_memmap_expect(&by_table, again, mhp_map_find(again, 32), &m);
        assert_int_equal(m.placement, MHP_PLACEMENT_SELF);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_look, setup, teardown),
                cmocka_unit_test_setup_teardown(test_refresh, setup, teardown),
                cmocka_unit_test_setup_teardown(test_compare, setup, teardown),
                cmocka_unit_test_setup_teardown(test_told, setup, teardown),
                cmocka_unit_test_setup_teardown(test_fill, setup, teardown),
                cmocka_unit_test_setup_teardown(test_verify, setup, teardown),
                cmocka_unit_test_setup_teardown(test_geometry, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
