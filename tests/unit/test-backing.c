/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Where the memmap lies for each placement, and how it goes. */

#include "backing-unit.h"

/* ----------------------------------------------------------------------------------------------------------- placements */

/* One 128 MiB block: 512 pages set aside, one PMD, and page 0's struct page lies in page 0. */
static void test_self(void **state) {
        _cleanup_(mhp_backing_freep) struct mhp_backing *backing = new_backing("x86_64");
        uint64_t pfn = 4 * G / 4096;
        struct mhp_admission admission;
        struct mhp_extent extent;
        struct mhp_altmap altmap;

        assert_int_equal(mhp_backing_add(backing, 4 * G, 128 * M, MHP_PLACEMENT_SELF, &admission), 0);
        assert_int_equal(admission.placement, MHP_PLACEMENT_SELF);
        assert_int_equal(admission.set_aside_pages, 512);
        assert_int_equal(admission.waste_pages, 0);

        extent = frames(backing, 0);
        assert_true(extent.pfn == pfn && extent.n == 32768 && extent.placement == MHP_PLACEMENT_SELF && !extent.early);
        assert_int_equal(extent.vmemmap, UINT64_C(0xffffea0004000000));
        assert_int_equal(extent.vmemmap_end, UINT64_C(0xffffea0004200000));
        assert_true(extent.frame == pfn && extent.n_frames == 512);
        assert_int_equal(mhp_backing_frames(backing, pfn + 32768, &extent), 0);

        extent = frames(backing, pfn + 100);
        assert_true(extent.pfn == pfn + 100 && extent.n == 32668 && extent.frame == pfn + 1 && extent.n_frames == 511);
        assert_int_equal(mhp_backing_described(backing, pfn, &extent), 1);
        assert_true(extent.pfn == pfn && extent.n == 64 && extent.frame == pfn);
        assert_int_equal(mhp_backing_described(backing, pfn + 511, &extent), 1);
        assert_true(extent.pfn == pfn + 32704 && extent.n == 64);
        assert_int_equal(mhp_backing_described(backing, pfn + 512, &extent), 0);
        assert_int_equal(mhp_backing_described(backing, pfn - 1, &extent), 0);

        assert_int_equal(mhp_backing_altmap(backing, pfn + 32767, &altmap), 1);
        assert_true(altmap.base_pfn == pfn && altmap.end_pfn == pfn + 32767);
        assert_true(altmap.reserve == 0 && altmap.free == 512 && altmap.align == 0 && altmap.alloc == 512);
        assert_int_equal(mhp_backing_altmap(backing, pfn + 32768, &altmap), 0);
        assert_true(mhp_backing_self_hosted(backing, pfn) && mhp_backing_self_hosted(backing, pfn + 32767));
        assert_false(mhp_backing_self_hosted(backing, pfn + 32768) || mhp_backing_self_hosted(backing, pfn - 1));
        assert_int_equal(mhp_backing_hosts(backing, 32, &pfn, &pfn), 0);

        struct mhp_teardown *teardown = begin(backing, 4 * G, 128 * M);
        check_step(teardown, MHP_TEARDOWN_SECTION, 4 * G, 4 * G + 128 * M, 0, 512);
        check_step(teardown, MHP_TEARDOWN_FREE, UINT64_C(0xffffea0004000000), UINT64_C(0xffffea0004200000), 0, 0);
        check_end(teardown);
        assert_int_equal(mhp_backing_frames(backing, 0, &extent), 0);
}

static void test_hvo(void **state) {
        static const struct {
                const char *text;
                uint64_t address, size;
                enum mhp_hvo hvo;
        } rows[] = {
                { "self, inside", 4 * G + 2 * M, 2 * M, MHP_HVO_SELF_HOSTED },
                { "self, its memmap", 4 * G, 2 * M, MHP_HVO_SELF_HOSTED },
                { "dram", 8 * G, 2 * M, MHP_HVO_ALLOWED },
                { "dram, huge", 8 * G, 1 * G, MHP_HVO_ALLOWED },
                { "dram, not all there", 8 * G, 2 * G, MHP_HVO_NO_MEMMAP },
                { "boot", 0, 2 * M, MHP_HVO_ALLOWED },
                { "nothing", 6 * G, 2 * M, MHP_HVO_NO_MEMMAP },
                { "far away", UINT64_C(1) << 63, UINT64_C(1) << 63, MHP_HVO_NO_MEMMAP },
                { "small", 8 * G, 256 * 1024, MHP_HVO_TOO_SMALL },
                { "just enough", 8 * G, 512 * 1024, MHP_HVO_ALLOWED },
                { "a page", 8 * G, 4096, MHP_HVO_TOO_SMALL },
                { "askew", 8 * G + 4096, 2 * M, MHP_HVO_NOT_ALIGNED },
                { "no power of two", 8 * G, 3 * M, MHP_HVO_NOT_ALIGNED },
                { "no size", 8 * G, 0, MHP_HVO_NOT_ALIGNED },
                { "less than a page", 8 * G, 2048, MHP_HVO_NOT_ALIGNED },
        };
        _cleanup_(mhp_backing_freep) struct mhp_backing *backing = new_backing("x86_64");

        assert_int_equal(mhp_backing_add_early(backing, 0, 1 * G), 0);
        add(backing, 4 * G, 128 * M, MHP_PLACEMENT_SELF);
        add(backing, 8 * G, 1 * G, MHP_PLACEMENT_DRAM);
        ROWS(row, rows)
                ROW_INT(row->text, mhp_backing_hvo(backing, row->address / 4096, row->size), row->hvo);
}

/* hugetlb_vmemmap_optimizable_size(): no struct page may straddle two pages. */
static void test_hvo_struct_page(void **state) {
        _cleanup_(mhp_backing_freep) struct mhp_backing *backing = NULL;
        struct mhp_geometry geometry;

        assert_int_equal(mhp_geometry_preset("x86_64", &geometry), 0);
        geometry.struct_page = 56;
        assert_int_equal(mhp_backing_new(&geometry, &backing), 0);
        add(backing, 4 * G, 128 * M, MHP_PLACEMENT_DRAM);
        assert_int_equal(mhp_backing_hvo(backing, 4 * G / 4096, 2 * M), MHP_HVO_STRUCT_PAGE);
}

/* 10 GiB at 4 GiB with one altmap: 80 sections go, and only then the memmap, from behind, what describes itself last. */
static void test_range(void **state) {
        const uint64_t low = UINT64_C(0xffffea0004000000), high = UINT64_C(0xffffea000e000000), pfn = 4 * G / 4096;
        _cleanup_(mhp_backing_freep) struct mhp_backing *backing = new_backing("x86_64");
        struct mhp_teardown *teardown = NULL;
        uint64_t first = 0, last = 0;
        struct mhp_extent extent;

        add(backing, 4 * G, 10 * G, MHP_PLACEMENT_RANGE);
        extent = frames(backing, 0);
        assert_true(extent.pfn == pfn && extent.n == 10 * G / 4096 && extent.placement == MHP_PLACEMENT_RANGE);
        assert_true(extent.vmemmap == low && extent.vmemmap_end == high && extent.frame == pfn && extent.n_frames == 40960);
        assert_true(mhp_backing_self_hosted(backing, pfn + 10 * G / 4096 - 1));

        /* The memmap fills block 32 and a quarter of block 33. */
        assert_int_equal(mhp_backing_hosts(backing, 32, &first, &last), 0);
        for (uint64_t block = 33; block < 32 + 80; block++) {
                assert_int_equal(mhp_backing_hosts(backing, block, &first, &last), 1);
                assert_true(first == last && first == (block < 32 + 64 ? 32 : 33));
        }

        assert_int_equal(mhp_backing_remove(backing, 4 * G, 5 * G, &teardown), -EXDEV);
        assert_int_equal(mhp_backing_remove(backing, 9 * G, 5 * G, &teardown), -EXDEV);
        assert_int_equal(mhp_backing_remove(backing, 5 * G, 2 * M, &teardown), -EXDEV);
        teardown = begin(backing, 4 * G, 10 * G);
        for (uint64_t i = 0; i < 80; i++)
                check_step(teardown, MHP_TEARDOWN_SECTION, 4 * G + i * 128 * M, 4 * G + (i + 1) * 128 * M, 79 - i, 40960);
        check_step(teardown, MHP_TEARDOWN_FREE, UINT64_C(0xffffea000de00000), high, 0, 40960 - 512);
        for (uint64_t i = 2; i < 80; i++)
                check_step(teardown, MHP_TEARDOWN_FREE, high - i * 2 * M, high - (i - 1) * 2 * M, 0, 40960 - i * 512);
        check_step(teardown, MHP_TEARDOWN_FREE, low, UINT64_C(0xffffea0004200000), 0, 0);
        check_end(teardown);
        assert_int_equal(mhp_backing_frames(backing, 0, &extent), 0);
        assert_int_equal(mhp_backing_remove(backing, 4 * G, 10 * G, &teardown), -ENOENT);
}

/* Two ranges meet inside a block: the memmap of one part is in an earlier block, that of the other in the block itself. */
static void test_two_ranges(void **state) {
        static const struct {
                const char *text;
                uint64_t block;
                int hosted;
                uint64_t host;
        } rows[] = {
                { "the first", 8, 0, 0 }, { "the second", 9, 1, 8 }, { "the shared one", 10, 1, 8 },
                { "behind it", 11, 1, 10 }, { "the last", 12, 1, 10 }, { "none", 13, 0, 0 },
        };
        _cleanup_(mhp_backing_freep) struct mhp_backing *backing = NULL;
        struct mhp_geometry geometry;

        assert_int_equal(mhp_geometry_preset("x86_64", &geometry), 0);
        geometry.block_size = 512 * M;
        assert_int_equal(mhp_backing_new(&geometry, &backing), 0);
        add(backing, 4 * G, 1280 * M, MHP_PLACEMENT_RANGE);
        add(backing, 4 * G + 1280 * M, 1 * G, MHP_PLACEMENT_RANGE);
        ROWS(row, rows) {
                uint64_t first = 0, last = 0;

                ROW_INT(row->text, mhp_backing_hosts(backing, row->block, &first, &last), row->hosted);
                ROW_INT(row->text, first, row->host);
                ROW_INT(row->text, last, row->host);
        }
}

/* ppc64: 16 sections in a block, whose memmap is not even one page each; 32 pages are set aside for 4. */
static void test_force(void **state) {
        _cleanup_(mhp_backing_freep) struct mhp_backing *backing = new_backing("ppc64-64k");
        const uint64_t vmemmap = UINT64_C(0xc00c000000000000) + 256 * 1024;
        struct mhp_teardown *teardown;
        struct mhp_extent extent;
        struct mhp_altmap altmap;

        add(backing, 256 * M, 512 * M, MHP_PLACEMENT_FORCE);
        assert_int_equal(mhp_backing_altmap(backing, 4096, &altmap), 1);
        assert_true(altmap.base_pfn == 4096 && altmap.end_pfn == 8191 && altmap.free == 32 && altmap.align == 0 &&
                    altmap.alloc == 4);
        extent = frames(backing, 8192 + 1024);
        assert_true(extent.n == 3072 && extent.frame == 8192 + 1 && extent.n_frames == 3);
        assert_int_equal(mhp_backing_described(backing, 4096 + 3, &extent), 1);
        assert_true(extent.pfn == 4096 + 3072 && extent.n == 1024);
        assert_int_equal(mhp_backing_described(backing, 4096 + 4, &extent), 0);

        teardown = begin(backing, 256 * M, 256 * M);
        for (uint64_t i = 0; i < 16; i++)
                check_step(teardown, MHP_TEARDOWN_SECTION, 256 * M + i * 16 * M, 256 * M + (i + 1) * 16 * M, 15 - i, 4);
        for (uint64_t i = 4; i > 0; i--)
                check_step(teardown, MHP_TEARDOWN_FREE, vmemmap + (i - 1) * 65536, vmemmap + i * 65536, 0, i - 1);
        check_end(teardown);
        assert_int_equal(frames(backing, 0).pfn, 8192);
}

/* What is refused becomes `dram`, and says so. */
static void test_fallback(void **state) {
        _cleanup_(mhp_backing_freep) struct mhp_backing *backing = new_backing("arm64-16k");
        struct mhp_admission admission;
        struct mhp_extent extent;
        struct mhp_altmap altmap;

        assert_int_equal(mhp_backing_add(backing, 1 * G, 128 * M, MHP_PLACEMENT_FORCE, &admission), 0);
        assert_int_equal(admission.requested, MHP_PLACEMENT_FORCE);
        assert_int_equal(admission.placement, MHP_PLACEMENT_DRAM);
        assert_int_equal(admission.reason, MHP_REFUSAL_NOT_PMD_ALIGNED);
        assert_true(admission.set_aside_pages == 0 && admission.waste_pages == 0);
        extent = frames(backing, 0);
        assert_true(extent.placement == MHP_PLACEMENT_DRAM && extent.frame == MHP_NO_PFN && extent.n_frames == 32);
        assert_int_equal(mhp_backing_altmap(backing, extent.pfn, &altmap), 0);
        assert_int_equal(mhp_backing_described(backing, extent.pfn, &extent), 0);
        assert_false(mhp_backing_self_hosted(backing, extent.pfn));
}

/* ---------------------------------------------------------------------------------------------- sections and subsections */

static void check_valid(const struct mhp_backing *backing, uint64_t start, uint64_t end, bool valid) {
        assert_int_equal(mhp_backing_pfn_valid(backing, start / 4096), valid);
        assert_int_equal(mhp_backing_pfn_valid(backing, (end - 4096) / 4096), valid);
}

/* Device memory beside the end of boot memory, both in one section: what boot made for the section is used, and stays until all
 * is gone. */
static void test_early(void **state) {
        _cleanup_(mhp_backing_freep) struct mhp_backing *backing = new_backing("x86_64");
        struct mhp_teardown *teardown;
        struct mhp_extent extent;

        assert_int_equal(mhp_backing_add_early(backing, 0, 1 * G + 64 * M), 0);
        check_valid(backing, 1 * G + 64 * M, 1 * G + 128 * M, true); /* the rest of the section */
        check_valid(backing, 1 * G + 128 * M, 2 * G, false);
        assert_int_equal(mhp_backing_frames(backing, (1 * G + 64 * M) / 4096, &extent), 0);

        assert_int_equal(mhp_backing_add(backing, 1 * G + 62 * M, 4 * M, MHP_PLACEMENT_DRAM, NULL), -EEXIST);
        assert_int_equal(mhp_backing_add_early(backing, 1 * G, 2 * M), -EEXIST);
        add(backing, 1 * G + 64 * M, 4 * M, MHP_PLACEMENT_DRAM);
        add(backing, 1 * G + 130 * M, 2 * M, MHP_PLACEMENT_DRAM);
        check_valid(backing, 1 * G + 130 * M, 1 * G + 132 * M, true); /* no early section: by the subsection */
        check_valid(backing, 1 * G + 128 * M, 1 * G + 130 * M, false);
        check_valid(backing, 1 * G + 132 * M, 1 * G + 256 * M, false);
        assert_true(frames(backing, (1 * G + 64 * M) / 4096).early);
        assert_false(frames(backing, (1 * G + 130 * M) / 4096).early);

        teardown = begin(backing, 1 * G + 64 * M, 4 * M);
        check_step(teardown, MHP_TEARDOWN_SECTION, 1 * G + 64 * M, 1 * G + 68 * M, 0, 0);
        check_end(teardown); /* nothing is freed */
        check_valid(backing, 1 * G + 64 * M, 1 * G + 68 * M, true);
        teardown = begin(backing, 1 * G + 130 * M, 2 * M);
        check_step(teardown, MHP_TEARDOWN_SECTION, 1 * G + 130 * M, 1 * G + 132 * M, 0, 0);
        check_step(teardown, MHP_TEARDOWN_FREE, UINT64_C(0xffffea0001208000), UINT64_C(0xffffea0001210000), 0, 0);
        check_end(teardown);
        teardown = begin(backing, 1 * G, 64 * M);
        check_step(teardown, MHP_TEARDOWN_SECTION, 1 * G, 1 * G + 64 * M, 0, 0);
        check_step(teardown, MHP_TEARDOWN_FREE, UINT64_C(0xffffea0001000000), UINT64_C(0xffffea0001200000), 0, 0);
        check_end(teardown);
        check_valid(backing, 1 * G, 1 * G + 128 * M, false);
        check_valid(backing, 0, 1 * G, true);
}

/* A range that begins and ends within a section: these parts are in ordinary memory, the first in what boot made. */
static void test_range_subsections(void **state) {
        _cleanup_(mhp_backing_freep) struct mhp_backing *backing = new_backing("x86_64");
        const uint64_t start = 1 * G + 126 * M, body = 1 * G + 128 * M, pfn = start / 4096;
        struct mhp_admission admission;
        struct mhp_teardown *teardown;
        struct mhp_extent extent;

        assert_int_equal(mhp_backing_add_early(backing, 0, 1 * G + 126 * M), 0);
        assert_int_equal(mhp_backing_add(backing, start, 260 * M, MHP_PLACEMENT_RANGE, &admission), 0);
        assert_true(admission.placement == MHP_PLACEMENT_RANGE && admission.memmap_pages == 1040);
        assert_true(admission.set_aside_pages == 1536 && admission.waste_pages == 512); /* two sections' memmap lie there */
        extent = frames(backing, pfn);
        assert_true(extent.n == 512 && extent.early && extent.frame == MHP_NO_PFN && extent.placement == MHP_PLACEMENT_RANGE);
        extent = frames(backing, body / 4096);
        assert_true(extent.n == 65536 && !extent.early && extent.frame == pfn && extent.n_frames == 1024);
        extent = frames(backing, body / 4096 + 65536);
        assert_true(extent.n == 512 && !extent.early && extent.frame == MHP_NO_PFN);

        teardown = begin(backing, start, 260 * M);
        check_step(teardown, MHP_TEARDOWN_SECTION, start, body, 3, 1024);
        check_step(teardown, MHP_TEARDOWN_SECTION, body, body + 128 * M, 2, 1024);
        check_step(teardown, MHP_TEARDOWN_SECTION, body + 128 * M, body + 256 * M, 1, 1024);
        check_step(teardown, MHP_TEARDOWN_SECTION, body + 256 * M, body + 258 * M, 0, 1024);
        check_step(teardown, MHP_TEARDOWN_FREE, UINT64_C(0xffffea0001600000), UINT64_C(0xffffea0001608000), 0, 1024);
        check_step(teardown, MHP_TEARDOWN_FREE, UINT64_C(0xffffea0001400000), UINT64_C(0xffffea0001600000), 0, 512);
        check_step(teardown, MHP_TEARDOWN_FREE, UINT64_C(0xffffea0001200000), UINT64_C(0xffffea0001400000), 0, 0);
        check_end(teardown);
        assert_int_equal(frames(backing, 0).n, (1 * G + 126 * M) / 4096);
}

/* A range that begins where no mapping can: the first pages are lost, and without room for that it is refused. */
static void test_align(void **state) {
        const struct mhp_geometry geometry = { 4096, 64 * 4096, 64 * 4096, 4 * 4096, 16 * 4096, 8 * 4096, 1024,
                                               UINT64_C(0xffffea0000000000), false, false };
        _cleanup_(mhp_backing_freep) struct mhp_backing *backing = NULL;
        struct mhp_admission admission;
        struct mhp_altmap altmap;
        struct mhp_extent extent;

        assert_int_equal(mhp_backing_new(&geometry, &backing), 0);
        add(backing, 28 * 4096, 104 * 4096, MHP_PLACEMENT_RANGE);
        assert_int_equal(mhp_backing_altmap(backing, 28, &altmap), 1);
        assert_true(altmap.base_pfn == 28 && altmap.free == 32 && altmap.align == 4 && altmap.alloc == 16);
        extent = frames(backing, 64);
        assert_true(extent.n == 64 && extent.frame == 32 && extent.n_frames == 16);
        assert_int_equal(mhp_backing_described(backing, 31, &extent), 0);
        assert_int_equal(mhp_backing_described(backing, 32, &extent), 1);
        assert_true(extent.pfn == 64 && extent.n == 4);
        assert_int_equal(mhp_backing_described(backing, 47, &extent), 1);
        assert_int_equal(mhp_backing_described(backing, 48, &extent), 0);

        assert_int_equal(mhp_backing_add(backing, 316 * 4096, 68 * 4096, MHP_PLACEMENT_RANGE, &admission), 0);
        assert_int_equal(admission.placement, MHP_PLACEMENT_RANGE); /* 17 pages, 32 set aside: room for 4 + 16 */
        (void) mhp_backing_free(backing);

        struct mhp_geometry tight = geometry;
        tight.pageblock_size = 4096;
        assert_int_equal(mhp_backing_new(&tight, &backing), 0);
        assert_int_equal(mhp_backing_add(backing, 316 * 4096, 68 * 4096, MHP_PLACEMENT_RANGE, &admission), 0);
        assert_int_equal(admission.placement, MHP_PLACEMENT_DRAM); /* 17 are set aside */
        assert_int_equal(admission.reason, MHP_REFUSAL_NOT_PMD_ALIGNED);
}

/* Less than a section, and not up to its end. */
static void test_range_in_a_section(void **state) {
        _cleanup_(mhp_backing_freep) struct mhp_backing *backing = new_backing("x86_64");
        struct mhp_extent extent;

        add(backing, 1 * G + 2 * M, 4 * M, MHP_PLACEMENT_RANGE);
        extent = frames(backing, 0);
        assert_true(extent.pfn == (1 * G + 2 * M) / 4096 && extent.n == 1024 && extent.frame == MHP_NO_PFN);
        assert_int_equal(mhp_backing_frames(backing, extent.pfn + extent.n, &extent), 0);
        mhp_teardown_free(begin(backing, 1 * G + 2 * M, 4 * M));
        assert_int_equal(mhp_backing_frames(backing, 0, &extent), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_self),
                cmocka_unit_test(test_hvo),
                cmocka_unit_test(test_hvo_struct_page),
                cmocka_unit_test(test_range),
                cmocka_unit_test(test_two_ranges),
                cmocka_unit_test(test_force),
                cmocka_unit_test(test_fallback),
                cmocka_unit_test(test_early),
                cmocka_unit_test(test_range_subsections),
                cmocka_unit_test(test_align),
                cmocka_unit_test(test_range_in_a_section),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
