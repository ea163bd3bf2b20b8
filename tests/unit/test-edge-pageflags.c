/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "edge/pageflags.h"
#include "tree.h"

static void put(const struct tree *t, uint64_t pfn, const uint64_t *flags, size_t n) {
        int fd = openat(t->fd, "proc/kpageflags", O_WRONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, flags, n * sizeof(*flags), (off_t) (pfn * sizeof(*flags))), n * sizeof(*flags));
        close(fd);
}

static void test_read(void **state) {
        static const uint64_t flags[] = { MHP_PAGE_SELF_HOSTED, 0, 1024 };
        _cleanup_pageflags_ struct mhp_pageflags pageflags = MHP_PAGEFLAGS_NONE;
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        uint64_t page[4];
        struct tree t;

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        assert_int_equal(mhp_pageflags_open(&root, &pageflags), -ENOENT);
        tree_file(&t, "proc/kpageflags", "");
        put(&t, 1 << 20, flags, 3);
        assert_int_equal(mhp_pageflags_open(&root, &pageflags), 0);

        assert_int_equal(mhp_pageflags_read(&pageflags, 1 << 20, page, 4), 0);
        assert_int_equal(page[0], MHP_PAGE_SELF_HOSTED);
        assert_int_equal(page[1], 0);
        assert_int_equal(page[2], 1024);
        assert_int_equal(page[3], MHP_PAGE_NONE);
        assert_int_equal(mhp_pageflags_read(&pageflags, (1 << 20) - 1, page, 2), 0);
        assert_int_equal(page[0], 0);
        assert_int_equal(page[1], MHP_PAGE_SELF_HOSTED);

        /* behind the end, and where no offset leads */
        for (uint64_t pfn = 1 << 21; pfn != 0; pfn <<= 1) {
                page[0] = page[3] = 5;
                assert_int_equal(mhp_pageflags_read(&pageflags, pfn, page, 4), 0);
                assert_int_equal(page[0], MHP_PAGE_NONE);
                assert_int_equal(page[3], MHP_PAGE_NONE);
        }
        assert_int_equal(mhp_pageflags_read(&pageflags, UINT64_MAX, page, 4), 0);
        assert_int_equal(mhp_pageflags_read(&pageflags, INT64_MAX / 8, page, 4), 0);
        assert_int_equal(page[0], MHP_PAGE_NONE);
        tree_remove(&t);
}

static void test_no_file(void **state) {
        _cleanup_pageflags_ struct mhp_pageflags pageflags = MHP_PAGEFLAGS_NONE;
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        struct tree t;
        uint64_t page;

        tree_make(&t);
        tree_dir(&t, "proc/kpageflags");
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        assert_int_equal(mhp_pageflags_open(&root, &pageflags), -EISDIR);
        tree_drop(&t, "proc/kpageflags");
        tree_link(&t, "proc/kpageflags", "/proc/self/mem"); /* which has no address 0 */
        assert_int_equal(mhp_pageflags_open(&root, &pageflags), 0);
        assert_int_equal(mhp_pageflags_read(&pageflags, 0, &page, 1), -EIO);
        tree_remove(&t);
}

/* The same for how often pages are mapped; behind the end that is not known. */
static void test_counts(void **state) {
        _cleanup_pagecounts_ struct mhp_pagecounts counts = MHP_PAGECOUNTS_NONE;
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        uint64_t mapped[3];
        struct tree t;

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        assert_int_equal(mhp_pagecounts_open(&root, &counts), -ENOENT);
        assert_int_equal(counts.fd, -1);
        tree_file(&t, "proc/kpagecount", "12345678abcdefgh");
        assert_int_equal(mhp_pagecounts_open(&root, &counts), 0);
        assert_int_equal(mhp_pagecounts_read(&counts, 0, mapped, 3), 0);
        assert_memory_equal(mapped, "12345678abcdefgh", 16);
        assert_int_equal(mapped[2], MHP_MAPPED_UNKNOWN);
        assert_int_equal(mhp_pagecounts_read(&counts, UINT64_MAX, mapped, 3), 0);
        assert_int_equal(mapped[0], MHP_MAPPED_UNKNOWN);
        tree_remove(&t);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_read),
                cmocka_unit_test(test_no_file),
                cmocka_unit_test(test_counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
