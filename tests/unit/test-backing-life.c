/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The life of the backing map: what is refused, what runs out, how large it gets. Allocations of the code under test go through
 * here (ld --wrap), so that any one of them can fail. */

#include "backing-unit.h"

#include <stdlib.h>

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

/* --------------------------------------------------------------------------------------------------------------- errors */

static void test_errors(void **state) {
        static const struct {
                const char *text;
                char what; /* a: add dram, s: add self, e: early, +: online, r: remove */
                uint64_t start, size;
                int r;
        } rows[] = {
                { "nothing", 'a', 8 * G, 0, -EINVAL },
                { "half a subsection", 'a', 8 * G, 1 * M, -EINVAL },
                { "from half a subsection", 'a', 8 * G + 1 * M, 2 * M, -EINVAL },
                { "self: not from a block", 's', 8 * G + 2 * M, 128 * M, -EINVAL },
                { "self: half a block", 's', 8 * G, 64 * M, -EINVAL },
                { "over the end", 'a', UINT64_MAX - 2 * M + 1, 4 * M, -ERANGE },
                { "at the end", 'a', UINT64_MAX - 2 * M + 1, 2 * M, -ERANGE },
                { "its memmap beyond the end", 'a', UINT64_C(1) << 52, 2 * M, -ERANGE },
                { "its memmap at the end", 'a', UINT64_C(0x5800000000000) - 2 * M, 2 * M, -ERANGE },
                { "early, its section's memmap at the end", 'e', UINT64_C(0x5800000000000) - 128 * M, 2 * M, -ERANGE },
                { "early, its memmap beyond", 'e', UINT64_C(1) << 52, 2 * M, -ERANGE },
                { "there", 'a', 4 * G, 2 * M, -EEXIST },
                { "there, self", 's', 4 * G, 128 * M, -EEXIST },
                { "there, at its end", 'a', 4 * G + 510 * M, 4 * M, -EEXIST },
                { "all around", 'a', 3 * G, 4 * G, -EEXIST },
                { "early, there", 'e', 4 * G, 128 * M, -EEXIST },
                { "early, nothing", 'e', 8 * G, 0, -EINVAL },
                { "online, not there", '+', 8 * G, 128 * M, -ENOENT },
                { "online, not all there", '+', 4 * G + 384 * M, 256 * M, -ENOENT },
                { "online, a part of a block", '+', 4 * G, 2 * M, -EINVAL },
                { "online, nothing", '+', 4 * G, 0, -EINVAL },
                { "removed, not there", 'r', 8 * G, 128 * M, -ENOENT },
                { "removed, not all there", 'r', 4 * G + 384 * M, 256 * M, -ENOENT },
                { "removed, online", 'r', 4 * G + 128 * M, 128 * M, -EBUSY },
                { "removed, some online", 'r', 4 * G, 512 * M, -EBUSY },
                { "removed, a part", 'r', 4 * G, 2 * M, -EXDEV },
                { "removed, a block and a part", 'r', 4 * G + 256 * M, 130 * M, -EXDEV },
                { "removed, of both kinds", 'r', 4 * G + 384 * M, 130 * M, -EOPNOTSUPP },
                { "removed, nothing", 'r', 4 * G, 0, -EINVAL },
                { "removed, askew", 'r', 4 * G + 4096, 128 * M, -EINVAL },
                { "removed, beyond", 'r', UINT64_MAX - 2 * M + 1, 4 * M, -ERANGE },
        };
        _cleanup_(mhp_backing_freep) struct mhp_backing *backing = new_backing("x86_64");
        struct mhp_admission untouched = { .memmap_pages = 77 };
        struct mhp_teardown *none = NULL;

        add(backing, 4 * G, 512 * M, MHP_PLACEMENT_SELF);
        add(backing, 4 * G + 512 * M, 2 * M, MHP_PLACEMENT_DRAM);
        assert_int_equal(mhp_backing_set_online(backing, 4 * G + 128 * M, 128 * M, true), 0);
        ROWS(row, rows) {
                enum mhp_placement placement = row->what == 's' ? MHP_PLACEMENT_SELF : MHP_PLACEMENT_DRAM;
                int r = row->what == 'e' ? mhp_backing_add_early(backing, row->start, row->size) :
                        row->what == '+' ? mhp_backing_set_online(backing, row->start, row->size, true) :
                        row->what == 'r' ? mhp_backing_remove(backing, row->start, row->size, &none) :
                                           mhp_backing_add(backing, row->start, row->size, placement, &untouched);

                ROW_INT(row->text, r, row->r);
                assert_true(!none && untouched.memmap_pages == 77);
                assert_true(frames(backing, 0).n == 32768 && frames(backing, 0).pfn == 4 * G / 4096);
        }
}

static void test_life(void **state) {
        _cleanup_(mhp_backing_freep) struct mhp_backing *backing = new_backing("x86_64");
        struct mhp_teardown *teardown = NULL;
        struct mhp_extent extent;

        assert_null(mhp_backing_free(NULL));
        assert_null(mhp_teardown_free(NULL));

        /* The memmap stays when a block goes offline. */
        add(backing, 4 * G, 256 * M, MHP_PLACEMENT_SELF);
        assert_int_equal(mhp_backing_set_online(backing, 4 * G, 256 * M, true), 0);
        assert_int_equal(mhp_backing_set_online(backing, 4 * G, 256 * M, true), 0);
        assert_int_equal(mhp_backing_remove(backing, 4 * G, 256 * M, &teardown), -EBUSY);
        assert_int_equal(mhp_backing_set_online(backing, 4 * G, 128 * M, false), 0);
        assert_int_equal(mhp_backing_remove(backing, 4 * G, 256 * M, &teardown), -EBUSY);
        assert_int_equal(frames(backing, 0).frame, 4 * G / 4096);

        /* What one altmap hosts goes alone, and may come back otherwise. Freed after a step: the rest goes too. */
        teardown = begin(backing, 4 * G, 128 * M);
        check_step(teardown, MHP_TEARDOWN_SECTION, 4 * G, 4 * G + 128 * M, 0, 512);
        assert_null(mhp_teardown_free(teardown));
        assert_int_equal(frames(backing, 0).pfn, (4 * G + 128 * M) / 4096);
        assert_int_equal(mhp_backing_remove(backing, 4 * G, 128 * M, &teardown), -ENOENT);
        add(backing, 4 * G, 128 * M, MHP_PLACEMENT_DRAM);
        extent = frames(backing, 0);
        assert_true(extent.n == 32768 && extent.placement == MHP_PLACEMENT_DRAM);
        assert_int_equal(mhp_backing_set_online(backing, 4 * G, 256 * M, false), 0);
        assert_int_equal(mhp_backing_remove(backing, 4 * G, 256 * M, &teardown), -EOPNOTSUPP);
        mhp_teardown_free(begin(backing, 4 * G + 128 * M, 128 * M));
        mhp_teardown_free(begin(backing, 4 * G, 128 * M));
        assert_int_equal(mhp_backing_frames(backing, 0, &extent), 0);
}

static void test_new(void **state) {
        struct mhp_geometry geometry;
        struct mhp_backing *backing = NULL;

        assert_int_equal(mhp_geometry_preset("x86_64", &geometry), 0);
        geometry.struct_page = 0;
        assert_int_equal(mhp_backing_new(&geometry, &backing), -EINVAL);
        assert_null(backing);
        geometry.struct_page = 64;
        fail_at = 1;
        assert_int_equal(mhp_backing_new(&geometry, &backing), -ENOMEM);
        assert_null(backing);
}

/* One operation for a row; 1 if it failed for want of memory, and then nothing has changed. */
static int attempt(struct mhp_backing *backing, int what) {
        struct mhp_teardown *teardown = NULL;
        int r = what == 0 ? mhp_backing_add_early(backing, 0, 1 * G + 2 * M) :
                what == 1 ? mhp_backing_add(backing, 8 * G, 1 * G, MHP_PLACEMENT_SELF, NULL) :
                what == 2 ? mhp_backing_add(backing, 16 * G, 1 * G, MHP_PLACEMENT_DRAM, NULL) :
                what == 3 ? mhp_backing_set_online(backing, 8 * G + 128 * M, 128 * M, true) :
                what == 4 ? mhp_backing_set_online(backing, 8 * G + 512 * M, 128 * M, true) :
                what == 5 ? mhp_backing_remove(backing, 16 * G + 512 * M, 2 * M, &teardown) :
                            mhp_backing_remove(backing, 512 * M, 128 * M, &teardown);

        assert_true(r == 0 || (r == -ENOMEM && !teardown));
        (void) mhp_teardown_free(teardown);
        return r < 0;
}

static size_t count(const struct mhp_backing *backing) {
        struct mhp_extent extent;
        size_t n = 0;

        for (uint64_t pfn = 0; mhp_backing_frames(backing, pfn, &extent) > 0; pfn = extent.pfn + extent.n)
                n += extent.n + extent.early;
        return n;
}

static void test_no_memory(void **state) {
        _cleanup_(mhp_backing_freep) struct mhp_backing *backing = new_backing("x86_64");
        size_t n_failed = 0;

        for (int what = 0; what < 7; what++) {
                size_t before = count(backing);
                int failed = 1;

                for (unsigned n = 1; failed; n++) {
                        fail_at = n;
                        failed = attempt(backing, what);
                        n_failed += (size_t) failed;
                        if (failed)
                                assert_int_equal(count(backing), before);
                }
                fail_at = 0;
                if (what < 3 || what > 4)
                        assert_int_not_equal(count(backing), before);
        }
        assert_true(n_failed >= 4);
}

/* --------------------------------------------------------------------------------------------------------------- size */

/* 1 TiB of blocks, added at once, one by one, in no order, every other one online: 64 bytes a block are the most. */
static void test_footprint(void **state) {
        for (uint64_t way = 0; way < 3; way++) {
                _cleanup_(mhp_backing_freep) struct mhp_backing *backing = new_backing("x86_64");
                const uint64_t n = 1 * T / (128 * M);

                if (way == 0)
                        add(backing, 4 * G, 1 * T, MHP_PLACEMENT_SELF);
                for (uint64_t i = 0; i < n && way > 0; i++) /* 4095 and 8192 have no divisor in common */
                        add(backing, 4 * G + (way == 1 ? i : i * 4095 % n) * 128 * M, 128 * M, MHP_PLACEMENT_SELF);
                for (uint64_t i = 0; i < n; i += 2)
                        assert_int_equal(mhp_backing_set_online(backing, 4 * G + i * 128 * M, 128 * M, true), 0);
                assert_int_equal(count(backing), 1 * T / 4096);
                assert_true(mhp_backing_footprint(backing) <= 64 * n);
                for (uint64_t i = 1; i < n; i += 2)
                        mhp_teardown_free(begin(backing, 4 * G + i * 128 * M, 128 * M));
                assert_int_equal(count(backing), 1 * T / 4096 / 2);
                assert_true(mhp_backing_footprint(backing) <= 64 * n);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_life),
                cmocka_unit_test(test_new),
                cmocka_unit_test(test_no_memory),
                cmocka_unit_test(test_footprint),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
