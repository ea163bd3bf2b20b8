/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "edge/hugepages.h"
#include "edge/zoneinfo.h"
#include "tree.h"

/* Two nodes, from a 6.12 guest, the lines that do not matter thinned out. */
#define ZONEINFO \
        "Node 0, zone      DMA\n" \
        "  per-node stats\n" \
        "      nr_inactive_file 53822\n" \
        "      nr_active_file 92985\n" \
        "  pages free     3840\n" \
        "        boost    0\n" \
        "        min      32\n" \
        "        low      40\n" \
        "        high     48\n" \
        "        promo    56\n" \
        "        spanned  4095\n" \
        "        present  3998\n" \
        "        managed  3840\n" \
        "        cma      0\n" \
        "        protection: (0, 3019, 7755, 7755, 7755)\n" \
        "      nr_free_pages 3840\n" \
        "      nr_zone_inactive_anon 0\n" \
        "      nr_zone_active_anon 0\n" \
        "      nr_zone_inactive_file 0\n" \
        "      nr_zone_active_file 0\n" \
        "  pagesets\n" \
        "    cpu: 0\n" \
        "              count:    0\n" \
        "              high:     999\n" \
        "              batch:    1\n" \
        "              high_min: 28\n" \
        "  vm stats threshold: 2\n" \
        "  node_unreclaimable:  0\n" \
        "  start_pfn:           1\n" \
        "Node 0, zone   Normal\n" \
        "  pages free     1000\n" \
        "        high     300\n" \
        "        spanned  262144\n" \
        "        present  262144\n" \
        "        managed  250000\n" \
        "      nr_free_pages 1000\n" \
        "      nr_zone_inactive_file 20\n" \
        "      nr_zone_active_file 30\n" \
        "Node 0, zone  Movable\n" \
        "  pages free     5000\n" \
        "        high     10\n" \
        "        spanned  32768\n" \
        "        present  32768\n" \
        "        managed  32768\n" \
        "      nr_free_pages 5000\n" \
        "      nr_zone_inactive_file 7\n" \
        "Node 1, zone   Normal\n" \
        "  pages free     5\n" \
        "        high     600\n" \
        "        managed  1000\n" \
        "      nr_free_pages 5\n" \
        "Node 1, zone   Device\n" \
        "  pages free     0\n" \
        "        managed  0\n" \
        "Node 1, zone     Cold\n" \
        "        managed  77\n"

static void test_parse(void **state) {
        static const struct mhp_zone_info want[] = {
                { .node = 0, .zone = MHP_ZONE_DMA, .free = 3840, .high = 48, .spanned = 4095, .present = 3998, .managed = 3840 },
                { .node = 0, .zone = MHP_ZONE_NORMAL, .free = 1000, .high = 300, .spanned = 262144, .present = 262144, .managed = 250000, .file = 50 },
                { .node = 0, .zone = MHP_ZONE_MOVABLE, .free = 5000, .high = 10, .spanned = 32768, .present = 32768, .managed = 32768, .file = 7 },
                { .node = 1, .zone = MHP_ZONE_NORMAL, .free = 5, .high = 600, .managed = 1000 },
                { .node = 1, .zone = MHP_ZONE_DEVICE },
                { .node = 1, .zone = MHP_ZONE_UNSET, .managed = 77 },
        };
        _cleanup_zoneinfo_ struct mhp_zoneinfo info = { 0 };

        assert_int_equal(mhp_zoneinfo_parse(ZONEINFO, strlen(ZONEINFO), &info), 0);
        assert_int_equal(info.n, sizeof(want) / sizeof(*want));
        for (size_t i = 0; i < info.n; i++) {
                assert_int_equal(info.zone[i].node, want[i].node);
                assert_int_equal(info.zone[i].zone, want[i].zone);
                assert_int_equal(info.zone[i].free, want[i].free);
                assert_int_equal(info.zone[i].high, want[i].high);
                assert_int_equal(info.zone[i].spanned, want[i].spanned);
                assert_int_equal(info.zone[i].present, want[i].present);
                assert_int_equal(info.zone[i].managed, want[i].managed);
                assert_int_equal(info.zone[i].file, want[i].file);
        }
}

/* DMA 3840 - 48, Normal 1000 + 50 - 300; node 1 has less than its watermark: nothing, and not less. */
static void test_pressure(void **state) {
        _cleanup_zoneinfo_ struct mhp_zoneinfo info = { 0 };
        struct mhp_pressure pressure;

        assert_int_equal(mhp_zoneinfo_parse(ZONEINFO, strlen(ZONEINFO), &info), 0);
        pressure = mhp_zoneinfo_pressure(&info, 4096);
        assert_int_equal(pressure.kernel_managed, (3840 + 250000 + 1000) * UINT64_C(4096));
        assert_int_equal(pressure.kernel_available, (3792 + 750) * UINT64_C(4096));
        assert_int_equal(pressure.room, (3792 + 750 + 4997) * UINT64_C(4096));
        assert_int_equal(pressure.page_size, 4096);
        assert_int_equal(pressure.movable_used, (32768 - 5000) * UINT64_C(4096));
        /* Without a Movable zone nothing is known of what is in one. */
        info.n = 2;
        assert_true(mhp_zoneinfo_pressure(&info, 4096).movable_used == UINT64_MAX);
        info.n = 6;
        pressure = mhp_zoneinfo_pressure(&info, 65536);
        assert_int_equal(pressure.kernel_available, (3792 + 750) * UINT64_C(65536));
}

/* DMA: 3840 less its minimum and what is kept for Normal; Normal: 1000 + 50 file, none of it dirty; node 1: 5. */
static void test_available(void **state) {
        static const char small[] = "Node 0, zone DMA32\n min 100\n protection: (0, 0, 40, 900)\n nr_free_pages 1000\n nr_zone_active_file 30\n"
                                    " nr_zone_write_pending 10\nNode 0, zone HighMem\n protection: (0, 0, 0, 0)\nNode 0, zone Normal\n"
                                    " protection: (0, 0, 0, 860)\nNode 0, zone Movable\n protection: (0, 0, 0, 0)\n nr_free_pages 5000\n";
        _cleanup_zoneinfo_ struct mhp_zoneinfo info = { 0 }, other = { 0 };

        assert_int_equal(mhp_zoneinfo_parse(ZONEINFO, strlen(ZONEINFO), &info), 0);
        assert_int_equal(info.zone[0].min, 32);
        assert_int_equal(info.zone[0].reserve[1], 3019);
        assert_int_equal(info.zone[0].reserve[4], 7755);
        assert_int_equal(info.zone[0].reserve[5], 0);
        assert_int_equal(mhp_zoneinfo_available(&info, -1, 1), 3840 - 32 - 3019 + 1050 + 5);
        assert_int_equal(mhp_zoneinfo_available(&info, 1, 4096), 5 * 4096);
        assert_int_equal(mhp_zoneinfo_available(&info, 2, 4096), 0);

        /* what is kept for Normal is that at its place; what would be kept for Movable is no concern of the kernel's */
        assert_int_equal(mhp_zoneinfo_parse(small, strlen(small), &other), 0);
        assert_int_equal(mhp_zoneinfo_available(&other, -1, 1), 1000 - 100 - 40 + 20);
}

static void test_odd(void **state) {
        static const struct {
                const char *text;
                size_t n;
                uint64_t managed;
        } rows[] = {
                { "", 0, 0 },
                { "\n\n\n", 0, 0 },
                { "managed 5\n", 0, 0 },
                { "Nodes\n managed 5\n", 0, 0 },
                { "Node", 1, 0 },
                { "Node 0", 1, 0 },
                { "Node 0, zone", 1, 0 },
                { "Node 0, zone Normal", 1, 0 },
                { "Node 0, zone Normal\n managed 5", 1, 5 },
                { "Node 0, zone Normal\n managed 5 6\n", 1, 5 },
                { "Node 0, zone Normal\n managed -5\n", 1, 0 },
                { "Node 0, zone Normal\n managed 18446744073709551616\n", 1, 0 },
                { "Node 0, zone Normal\n managed 18446744073709551615\n", 1, UINT64_MAX },
                { "Node 0, zone Normal\n managed 5\nNode 99999999999, zone Normal\n managed 6\n", 2, 5 },
                { "Node 0, zone Normal\n managed 5\nNode -1, zone Normal\n managed 6\n", 2, 5 },
                { "Node 0, zone Normal\n managed 5\nNode 1, realm Normal\n managed 6\n", 2, 5 },
                { "Node 0, zone Normal\n a-name-that-is-much-longer-than-any-that-we-are-looking-for 5\n", 1, 0 },
        };

        ROWS(row, rows) {
                struct mhp_zoneinfo info;

                ROW_INT(row->text, mhp_zoneinfo_parse(row->text, strlen(row->text), &info), 0);
                ROW_INT(row->text, info.n, row->n);
                if (row->n > 0)
                        ROW_INT(row->text, info.zone[0].managed, row->managed);
                (void) mhp_zoneinfo_pressure(&info, UINT64_MAX);
                (void) mhp_zoneinfo_available(&info, -1, UINT64_MAX);
                mhp_zoneinfo_done(&info);
        }
}

static void test_read(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        _cleanup_zoneinfo_ struct mhp_zoneinfo info = { 0 };
        struct tree t;

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        assert_int_equal(mhp_zoneinfo_read(&root, &info), -ENOENT);
        tree_file(&t, "proc/zoneinfo", ZONEINFO);
        assert_int_equal(mhp_zoneinfo_read(&root, &info), 0);
        assert_int_equal(info.n, 6);
        tree_remove(&t);
}

/* A balloon takes its pages out of what the zone manages, down to nothing; they are used all the same. */
static void test_balloon(void **state) {
        static const char text[] = "Node 0, zone Movable\n pages free 0\n present 32768\n managed 0\n nr_free_pages 0\n";
        _cleanup_zoneinfo_ struct mhp_zoneinfo info = { 0 };

        assert_int_equal(mhp_zoneinfo_parse(text, strlen(text), &info), 0);
        assert_int_equal(mhp_zoneinfo_pressure(&info, 4096).movable_used, 32768 * UINT64_C(4096));
}

/* Of each size what is free and not reserved; a pool that reserves more than it has is not less than empty. */
static void test_hugepages(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        struct tree t;

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        assert_int_equal(mhp_hugepages_free(&root), 0);
        tree_file(&t, "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "10\n");
        tree_file(&t, "sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages", "3\n");
        tree_file(&t, "sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "1\n");
        tree_file(&t, "sys/kernel/mm/hugepages/hugepages-1048576kB/resv_hugepages", "2\n");
        tree_file(&t, "sys/kernel/mm/hugepages/hugepages-kB/free_hugepages", "5\n");
        tree_file(&t, "sys/kernel/mm/hugepages/hugepages-x64kB/free_hugepages", "5\n");
        tree_file(&t, "sys/kernel/mm/hugepages/hugepages-64MB/free_hugepages", "5\n");
        assert_int_equal(mhp_hugepages_free(&root), 7 * (UINT64_C(2) << 20));
        tree_file(&t, "sys/kernel/mm/hugepages/hugepages-64kB/free_hugepages", "2\n");
        assert_int_equal(mhp_hugepages_free(&root), 7 * (UINT64_C(2) << 20) + 131072);
        tree_remove(&t);
}

/* The machine that the test runs on: its zones cannot have more than they manage. */
static void test_here(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        _cleanup_zoneinfo_ struct mhp_zoneinfo info = { 0 };
        struct mhp_pressure pressure;

        assert_int_equal(mhp_root_open("/", &root), 0);
        if (mhp_zoneinfo_read(&root, &info) < 0 || info.n == 0)
                skip();
        pressure = mhp_zoneinfo_pressure(&info, 4096);
        assert_true(pressure.kernel_managed > 0);
        assert_true(pressure.kernel_available <= pressure.kernel_managed);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_pressure),
                cmocka_unit_test(test_available),
                cmocka_unit_test(test_odd),
                cmocka_unit_test(test_read),
                cmocka_unit_test(test_balloon),
                cmocka_unit_test(test_hugepages),
                cmocka_unit_test(test_here),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
