/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Page flags as kernels 6.1 and 6.12 export them. */

#include "unit.h"

#include "model/tally.h"

#define B(n) (UINT64_C(1) << (n))
enum {
        LOCKED = 0, REFERENCED = 2, UPTODATE = 3, DIRTY = 4, LRU = 5, ACTIVE = 6, SLAB = 7, BUDDY = 10, MMAP = 11, ANON = 12, SWAPCACHE = 13,
        SWAPBACKED = 14, HEAD = 15, TAIL = 16, HUGE = 17, UNEVICTABLE = 18, HWPOISON = 19, NOPAGE = 20, KSM = 21, THP = 22, OFFLINE = 23,
        ZERO = 24, IDLE = 25, PGTABLE = 26, RESERVED = 32, MLOCKED = 33, PRIVATE = 35, OWNER = 37, ARCH = 38,
};
#define USED (B(UPTODATE) | B(LRU) | B(SWAPBACKED))
#define UNKNOWN MHP_MAPPED_UNKNOWN

static void test_class(void **state) {
        static const struct {
                const char *text;
                uint64_t flags, mapped;
                enum mhp_class class;
        } rows[] = {
                { "buddy", B(BUDDY), 0, MHP_CLASS_FREE },
                { "buddy, stale flags", B(BUDDY) | B(UPTODATE) | B(REFERENCED), 0, MHP_CLASS_FREE },
                { "anonymous", USED | B(ANON) | B(MMAP), 1, MHP_CLASS_ANON },
                { "shared by fork", USED | B(ANON) | B(MMAP), 7, MHP_CLASS_ANON },
                { "lazily freed", B(UPTODATE) | B(LRU) | B(ANON) | B(MMAP), 1, MHP_CLASS_ANON },
                { "same page of many", USED | B(ANON) | B(KSM) | B(MMAP), 99, MHP_CLASS_ANON },
                { "swapped out, in the cache", USED | B(ANON) | B(SWAPCACHE), 0, MHP_CLASS_ANON },
                { "THP", USED | B(ANON) | B(MMAP) | B(HEAD) | B(THP), 1, MHP_CLASS_ANON },
                { "THP, unmapped in part", USED | B(ANON) | B(MMAP) | B(TAIL) | B(THP), 0, MHP_CLASS_ANON },
                { "not yet on a list", B(UPTODATE) | B(SWAPBACKED) | B(ANON), 0, MHP_CLASS_ANON },
                { "held by a pipe", USED | B(ANON), 0, MHP_CLASS_PINNED },
                { "held, count not known", USED | B(ANON) | B(DIRTY), UNKNOWN, MHP_CLASS_PINNED },
                { "mapped again", USED | B(ANON), 1, MHP_CLASS_ANON },
                { "mapped, count not known", USED | B(ANON) | B(MMAP), UNKNOWN, MHP_CLASS_ANON },
                { "mlocked", USED | B(ANON) | B(MMAP) | B(MLOCKED) | B(UNEVICTABLE), 1, MHP_CLASS_MLOCKED },
                { "mlocked file", B(LRU) | B(UPTODATE) | B(MMAP) | B(MLOCKED) | B(UNEVICTABLE), 1, MHP_CLASS_MLOCKED },
                { "page cache", B(LRU) | B(UPTODATE) | B(REFERENCED), 0, MHP_CLASS_FILE },
                { "page cache, mapped", B(LRU) | B(UPTODATE) | B(MMAP) | B(ACTIVE), 3, MHP_CLASS_FILE },
                { "page cache with buffers", B(LRU) | B(UPTODATE) | B(PRIVATE) | B(DIRTY), 0, MHP_CLASS_FILE },
                { "page cache, checked", B(LRU) | B(UPTODATE) | B(OWNER), 0, MHP_CLASS_FILE },
                { "being read", B(LRU) | B(LOCKED), 0, MHP_CLASS_FILE },
                { "page cache, not yet on a list", B(UPTODATE) | B(LOCKED), 0, MHP_CLASS_FILE },
                { "tmpfs", USED | B(DIRTY), 0, MHP_CLASS_SHMEM },
                { "tmpfs, mapped", USED | B(MMAP), 2, MHP_CLASS_SHMEM },
                { "tmpfs, not yet on a list", B(UPTODATE) | B(SWAPBACKED), 0, MHP_CLASS_SHMEM },
                { "hugetlb in the pool", B(HUGE) | B(HEAD), 0, MHP_CLASS_HUGETLB },
                { "hugetlb, mapped", B(HUGE) | B(TAIL) | B(ANON) | B(MMAP), 1, MHP_CLASS_HUGETLB },
                { "hugetlb, unmapped", B(HUGE) | B(HEAD) | B(ANON) | B(UPTODATE), 0, MHP_CLASS_HUGETLB },
                { "balloon", B(OFFLINE), 0, MHP_CLASS_OFFLINE },
                { "virtio-mem", B(OFFLINE) | B(RESERVED), 0, MHP_CLASS_OFFLINE },
                { "poisoned", USED | B(HWPOISON), 0, MHP_CLASS_POISONED },
                { "memmap", B(OWNER), 0, MHP_CLASS_SELF_HOSTED },
                { "memmap, 6.1", B(OWNER) | B(RESERVED), 0, MHP_CLASS_SELF_HOSTED },
                { "no page", B(NOPAGE), 0, MHP_CLASS_HOLE },
                { "on a processor's list", 0, 0, MHP_CLASS_UNMARKED },
                { "zsmalloc", B(PRIVATE) | B(LOCKED), 0, MHP_CLASS_UNMARKED },
                { "being tracked", B(IDLE), UNKNOWN, MHP_CLASS_UNMARKED },
                { "slab", B(SLAB), 0, MHP_CLASS_SLAB },
                { "slab, tail", B(SLAB) | B(TAIL), 0, MHP_CLASS_SLAB },
                { "slab, a mapping's word in other use", B(SLAB) | B(HEAD) | B(ANON) | B(MMAP), 0, MHP_CLASS_SLAB },
                { "page table", B(PGTABLE), 0, MHP_CLASS_PAGE_TABLE },
                { "page table, a mapping's word in other use", B(PGTABLE) | B(ANON) | B(MMAP), 0, MHP_CLASS_PAGE_TABLE },
                { "reserved", B(RESERVED), 0, MHP_CLASS_RESERVED },
                { "zero page of the image", B(RESERVED) | B(ZERO), 9, MHP_CLASS_RESERVED },
                { "huge zero page", B(ZERO) | B(THP) | B(HEAD), 0, MHP_CLASS_KERNEL },
                { "a driver's, mapped", B(MMAP), 1, MHP_CLASS_KERNEL },
                { "a driver's, in one piece", B(HEAD), 0, MHP_CLASS_KERNEL },
                { "a driver's, tail", B(TAIL), 0, MHP_CLASS_KERNEL },
                { "aio ring", B(MMAP) | B(UPTODATE) | B(DIRTY), 1, MHP_CLASS_KERNEL },
                { "an architecture's flag", B(ARCH), 0, MHP_CLASS_KERNEL },
        };

        ROWS(row, rows)
                ROW_INT(row->text, mhp_page_class(row->flags, row->mapped), row->class);
}

/* 6.1 exports of a tail what stands in its own struct page; later kernels export the head's flags. Either way they are one. */
static void test_tails(void **state) {
        static const struct {
                const char *text;
                uint64_t head, tail;
                enum mhp_class class;
        } rows[] = {
                { "shmem, 6.1", USED | B(MMAP) | B(HEAD) | B(THP), B(TAIL) | B(THP) | B(MMAP), MHP_CLASS_SHMEM },
                { "shmem, 6.12", USED | B(MMAP) | B(HEAD) | B(THP), USED | B(TAIL) | B(THP) | B(MMAP), MHP_CLASS_SHMEM },
                { "file, 6.1", B(LRU) | B(UPTODATE) | B(HEAD) | B(THP), B(TAIL) | B(THP), MHP_CLASS_FILE },
                { "mlocked, 6.1", USED | B(MLOCKED) | B(ANON) | B(MMAP) | B(HEAD) | B(THP), B(TAIL) | B(THP) | B(ANON) | B(MMAP), MHP_CLASS_MLOCKED },
                { "pinned, 6.1", USED | B(ANON) | B(HEAD) | B(THP), B(TAIL) | B(THP) | B(ANON), MHP_CLASS_PINNED },
                { "slab", B(SLAB) | B(HEAD), B(TAIL), MHP_CLASS_SLAB },
                { "driver", B(HEAD), B(TAIL), MHP_CLASS_KERNEL },
        };

        ROWS(row, rows) {
                struct mhp_tally t = {};

                mhp_tally_walk(&t, 512, row->head, 0);
                for (uint64_t pfn = 513; pfn < 1024; pfn++)
                        mhp_tally_walk(&t, pfn, row->tail, 0);
                mhp_tally_walk(&t, 1024, 0, 0);
                ROW_INT(row->text, t.pages[row->class], 512);
                ROW_INT(row->text, t.first[row->class], 512);
                ROW_INT(row->text, t.pages[MHP_CLASS_UNMARKED], 1);
        }
}

/* A flag of one page of a compound page is not the others', and a head is forgotten behind its last tail. */
static void test_head_ends(void **state) {
        struct mhp_tally t = {};

        mhp_tally_walk(&t, 0, USED | B(ANON) | B(MMAP) | B(HEAD) | B(THP) | B(HWPOISON), 1);
        mhp_tally_walk(&t, 1, B(TAIL) | B(THP) | B(ANON) | B(MMAP), 1);
        mhp_tally_walk(&t, 2, B(LRU) | B(UPTODATE), 0);
        mhp_tally_walk(&t, 3, B(TAIL), 0);
        assert_int_equal(t.pages[MHP_CLASS_POISONED], 1);
        assert_int_equal(t.pages[MHP_CLASS_ANON], 1);
        assert_int_equal(t.pages[MHP_CLASS_FILE], 1);
        assert_int_equal(t.pages[MHP_CLASS_KERNEL], 1);
}

static void test_sums(void **state) {
        struct mhp_tally t = {};
        unsigned fixed = 0, movable = 0;

        for (unsigned c = 0; c < _MHP_CLASS_MAX; c++) {
                bool is_fixed = mhp_class_is_fixed((enum mhp_class) c), is_movable = mhp_class_is_movable((enum mhp_class) c);

                assert_false(is_fixed && is_movable);
                assert_non_null(mhp_class_name((enum mhp_class) c));
                for (unsigned i = 0; i <= c; i++)
                        mhp_tally_add(&t, 1000 - i, (enum mhp_class) c);
                assert_int_equal(t.first[c], 1000);
                fixed += is_fixed ? c + 1 : 0;
                movable += is_movable ? c + 1 : 0;
        }
        assert_int_equal(mhp_tally_fixed(&t), fixed);
        assert_int_equal(mhp_tally_movable(&t), movable);
        assert_null(mhp_class_name(_MHP_CLASS_MAX));
        assert_false(mhp_class_is_fixed(MHP_CLASS_UNMARKED));
        assert_false(mhp_class_is_movable(MHP_CLASS_UNMARKED));
        assert_true(mhp_class_is_fixed(MHP_CLASS_PINNED));
        assert_true(mhp_class_is_movable(MHP_CLASS_MLOCKED));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_class),
                cmocka_unit_test(test_tails),
                cmocka_unit_test(test_head_ends),
                cmocka_unit_test(test_sums),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
