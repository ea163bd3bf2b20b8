/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Blocks counted out of files as the kernel has them. */

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "api/count.h"
#include "tree.h"

#define PAGES 5000 /* no multiple of what is read at a time */
#define BUDDY (UINT64_C(1) << 10)
#define ANON (UINT64_C(0x5028)) /* UPTODATE LRU ANON SWAPBACKED */
#define MMAP (UINT64_C(1) << 11)

static void put(const struct tree *t, const char *name, uint64_t pfn, uint64_t value, size_t n) {
        int fd = openat(t->fd, name, O_WRONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(pwrite(fd, &value, sizeof(value), (off_t) ((pfn + i) * sizeof(value))), sizeof(value));
        close(fd);
}

static void make(struct tree *t, struct mhp_root *root) {
        tree_make(t);
        tree_file(t, "proc/kpageflags", "");
        put(t, "proc/kpageflags", PAGES, BUDDY, PAGES);
        put(t, "proc/kpageflags", PAGES + 2040, ANON, 20);
        put(t, "proc/kpageflags", PAGES + 4990, ANON | MMAP, 10);
        assert_int_equal(mhp_root_open(t->path, root), 0);
}

static void test_count(void **state) {
        _cleanup_counter_ struct mhp_counter counter = MHP_COUNTER_NONE;
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        struct mhp_tally tally;
        struct tree t;

        make(&t, &root);
        tree_file(&t, "proc/kpagecount", "");
        put(&t, "proc/kpagecount", PAGES + 2050, 1, 20);
        assert_int_equal(mhp_counter_open(&root, PAGES, &counter), 0);
        assert_int_equal(mhp_counter_block(&counter, 1, &tally), 0);
        assert_int_equal(tally.pages[MHP_CLASS_FREE], PAGES - 30);
        assert_int_equal(tally.first[MHP_CLASS_FREE], PAGES);
        assert_int_equal(tally.pages[MHP_CLASS_PINNED], 10);
        assert_int_equal(tally.first[MHP_CLASS_PINNED], PAGES + 2040);
        assert_int_equal(tally.pages[MHP_CLASS_ANON], 20);
        assert_int_equal(tally.first[MHP_CLASS_ANON], PAGES + 2050);

        /* behind the end of the machine, and of all numbers */
        for (uint64_t block = 2; block != 0; block <<= 1) {
                assert_int_equal(mhp_counter_block(&counter, block, &tally), 0);
                assert_int_equal(tally.pages[MHP_CLASS_HOLE], PAGES);
        }
        tree_remove(&t);
}

/* Without kpagecount the flags decide alone; so they do where it cannot be read. */
static void test_no_counts(void **state) {
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_counter_ struct mhp_counter counter = MHP_COUNTER_NONE;
                _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
                struct mhp_tally tally;
                struct tree t;

                make(&t, &root);
                if (i > 0)
                        tree_dir(&t, "proc/kpagecount");
                assert_int_equal(mhp_counter_open(&root, PAGES, &counter), 0);
                assert_int_equal(mhp_counter_block(&counter, 1, &tally), 0);
                assert_int_equal(tally.pages[MHP_CLASS_PINNED], 20);
                assert_int_equal(tally.pages[MHP_CLASS_ANON], 10);
                tree_remove(&t);
        }
}

static void test_no_flags(void **state) {
        _cleanup_counter_ struct mhp_counter counter = MHP_COUNTER_NONE;
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        struct mhp_tally tally = { .pages = { 77 } };
        struct tree t;

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        assert_int_equal(mhp_counter_open(&root, PAGES, &counter), -ENOENT);
        assert_int_equal(counter.flags.fd, -1);
        tree_dir(&t, "proc/kpageflags");
        assert_int_equal(mhp_counter_open(&root, PAGES, &counter), -EISDIR);
        assert_int_equal(counter.flags.fd, -1);
        tree_drop(&t, "proc/kpageflags");
        tree_link(&t, "proc/kpageflags", "/proc/self/mem"); /* which has no address 0 */
        assert_int_equal(mhp_counter_open(&root, PAGES, &counter), 0);
        assert_int_equal(mhp_counter_block(&counter, 0, &tally), -EIO);
        assert_int_equal(tally.pages[0], 77);
        tree_remove(&t);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_count),
                cmocka_unit_test(test_no_counts),
                cmocka_unit_test(test_no_flags),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
