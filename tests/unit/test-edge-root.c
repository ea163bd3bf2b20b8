/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/root.h"
#include "tree.h"

static void test_open(void **state) {
        struct mhp_root root = { .fd = 77 };
        struct tree t;

        assert_int_equal(mhp_root_open("", &root), -ENOENT);
        tree_make(&t);
        tree_file(&t, "file", "");
        char path[128];
        (void) snprintf(path, sizeof(path), "%s/none", t.path);
        assert_int_equal(mhp_root_open(path, &root), -ENOENT);
        (void) snprintf(path, sizeof(path), "%s/file", t.path);
        assert_int_equal(mhp_root_open(path, &root), -ENOTDIR);
        assert_int_equal(root.fd, 77);

        assert_int_equal(mhp_root_open(t.path, &root), 0);
        assert_true(mhp_root_exists(&root, "file"));
        assert_false(mhp_root_exists(&root, "none"));
        mhp_root_done(&root);
        assert_int_equal(root.fd, -1);
        mhp_root_done(&root);
        tree_remove(&t);
}

static void test_read(void **state) {
        static const struct {
                const char *content, *want;
                int r;
        } rows[] = {
                { "online\n", "online", 6 },
                { "online", "online", 6 },
                { "", "", 0 },
                { "\n", "", 0 },
                { "a\n\n", "a\n", 2 },
                { "123456789012345", "123456789012345", 15 },
                { "12345678901234\n", "12345678901234", 14 },
                { "1234567890123456", NULL, -E2BIG },
                { "12345678901234567890", NULL, -E2BIG },
        };
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        struct tree t;
        char buf[16];

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        ROWS(row, rows) {
                tree_file(&t, "sys/value", row->content);
                ROW_INT(row->content, mhp_root_read(&root, "sys/value", buf, sizeof(buf)), row->r);
                if (row->want)
                        assert_string_equal(buf, row->want);
        }
        assert_int_equal(mhp_root_read(&root, "sys/none", buf, sizeof(buf)), -ENOENT);
        assert_int_equal(mhp_root_read(&root, "sys", buf, sizeof(buf)), -EISDIR);
        assert_int_equal(mhp_root_read(&root, "sys/value/x", buf, sizeof(buf)), -ENOTDIR);
        tree_remove(&t);
}

/* /proc/iomem of a large machine is read in many pieces, and its size is not known before. */
static void test_read_all(void **state) {
        static const size_t rows[] = { 0, 1, 16383, 16384, 16385, 32768, 100000 };
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        struct tree t;
        char *data = (char *) 1;
        size_t len = 77;

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        ROWS(row, rows) {
                _cleanup_free_ char *content = malloc(*row + 1), *got = NULL;

                assert_non_null(content);
                for (size_t i = 0; i < *row; i++)
                        content[i] = (char) ('a' + i % 23);
                content[*row] = '\0';
                tree_file(&t, "proc/iomem", content);
                assert_int_equal(mhp_root_read_all(&root, "proc/iomem", &got, &len), 0);
                assert_int_equal(len, *row);
                assert_string_equal(got, content);
        }
        len = 77;
        assert_int_equal(mhp_root_read_all(&root, "proc", &data, &len), -EISDIR);
        assert_int_equal(mhp_root_read_all(&root, "proc/none", &data, &len), -ENOENT);
        assert_ptr_equal(data, (char *) 1);
        assert_int_equal(len, 77);
        tree_remove(&t);
}

/* None of these may be waited for. */
static void test_no_file(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        char *data = NULL, path[128], buf[16];
        struct tree t;
        size_t len;

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        (void) snprintf(path, sizeof(path), "%s/fifo", t.path);
        assert_int_equal(mkfifo(path, 0600), 0);
        tree_link(&t, "zero", "/dev/zero");
        tree_link(&t, "null", "/dev/null");
        tree_link(&t, "loop", "loop");
        (void) alarm(20);
        assert_int_equal(mhp_root_read_all(&root, "fifo", &data, &len), -EBADFD);
        assert_int_equal(mhp_root_read_all(&root, "zero", &data, &len), -EBADFD);
        assert_int_equal(mhp_root_read_all(&root, "loop", &data, &len), -ELOOP);
        assert_null(data);
        assert_int_equal(mhp_root_read(&root, "zero", buf, sizeof(buf)), -E2BIG);
        assert_int_equal(mhp_root_read_all(&root, "null", &data, &len), 0);
        (void) alarm(0);
        assert_int_equal(len, 0);
        free(data);
        tree_remove(&t);
}

static void test_read_all_too_large(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        char *data = NULL, path[128];
        struct tree t;
        size_t len;
        FILE *f;

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        (void) snprintf(path, sizeof(path), "%s/large", t.path);
        f = fopen(path, "we");
        assert_non_null(f);
        assert_int_equal(ftruncate(fileno(f), (17 << 20)), 0);
        fclose(f);
        assert_int_equal(mhp_root_read_all(&root, "large", &data, &len), -EFBIG);
        assert_null(data);
        tree_remove(&t);
}

static void test_write(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        struct tree t;

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        tree_file(&t, "state", "");
        assert_int_equal(mhp_root_write(&root, "state", "online_movable"), 0);
        assert_string_equal(tree_read(&t, "state"), "online_movable");
        assert_int_equal(mhp_root_write(&root, "none", "x"), -ENOENT); /* and is not made */
        assert_false(mhp_root_exists(&root, "none"));
        tree_link(&t, "full", "/dev/full");
        assert_int_equal(mhp_root_write(&root, "full", "x"), -ENOSPC);
        tree_remove(&t);
}

static void test_link_name(void **state) {
        static const struct {
                const char *target, *want;
                int r;
        } rows[] = {
                { "../../LNXSYSTM:00/PNP0C80:00", "PNP0C80:00", 0 },
                { "PNP0C80:00", "PNP0C80:00", 0 },
                { "a/12345678901234", "12345678901234", 0 },
                { "a/123456789012345", "123456789012345", 0 },
                { "a/1234567890123456", NULL, -ENAMETOOLONG },
                { "a/", "", 0 },
        };
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        struct tree t;
        char buf[16];

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        ROWS(row, rows) {
                tree_link(&t, "link", row->target);
                ROW_INT(row->target, mhp_root_link_name(&root, "link", buf, sizeof(buf)), row->r);
                if (row->want)
                        assert_string_equal(buf, row->want);
                tree_drop(&t, "link");
        }
        assert_int_equal(mhp_root_link_name(&root, "link", buf, sizeof(buf)), -ENOENT);
        tree_file(&t, "link", "");
        assert_int_equal(mhp_root_link_name(&root, "link", buf, sizeof(buf)), -EINVAL);
        tree_remove(&t);
}

static void test_opendir(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        DIR *dir = NULL;
        struct tree t;

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        tree_file(&t, "sys/file", "");
        assert_int_equal(mhp_root_opendir(&root, "none", &dir), -ENOENT);
        assert_int_equal(mhp_root_opendir(&root, "sys/file", &dir), -ENOTDIR);
        assert_null(dir);
        assert_int_equal(mhp_root_opendir(&root, "sys", &dir), 0);
        closedir(dir);
        tree_remove(&t);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_open),
                cmocka_unit_test(test_read),
                cmocka_unit_test(test_read_all),
                cmocka_unit_test(test_read_all_too_large), cmocka_unit_test(test_no_file),
                cmocka_unit_test(test_write),
                cmocka_unit_test(test_link_name),
                cmocka_unit_test(test_opendir),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
