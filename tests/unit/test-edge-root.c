/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "edge/root-own.h"
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

static void make_fifo(const struct tree *t, const char *name) {
        assert_int_equal(mkfifoat(t->fd, name, 0600), 0);
}

/* None of these may be waited for, and none is read or written. */
static void test_no_file(void **state) {
        static const struct {
                const char *name;
                int read, write;
        } rows[] = {
                { "fifo", -EBADFD, -EBADFD }, { "zero", -EBADFD, -EBADFD }, { "full", -EBADFD, -EBADFD }, { "terminal", -EBADFD, -EBADFD },
                { "loop", -ELOOP, -ELOOP },  { "folder", -EISDIR, -EISDIR },
        };
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        char *data = NULL, buf[16];
        struct tree t;
        size_t len;

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        make_fifo(&t, "fifo");
        tree_link(&t, "zero", "/dev/zero");
        tree_link(&t, "full", "/dev/full");
        tree_link(&t, "terminal", "/dev/ptmx");
        tree_link(&t, "null", "/dev/null");
        tree_link(&t, "loop", "loop");
        tree_dir(&t, "folder");
        (void) alarm(20);
        ROWS(row, rows) {
                ROW_INT(row->name, mhp_root_read_all(&root, row->name, &data, &len), row->read);
                assert_null(data);
                ROW_INT(row->name, mhp_root_read(&root, row->name, buf, sizeof(buf)), row->read);
                ROW_INT(row->name, mhp_root_write(&root, row->name, "x"), row->write);
        }
        assert_int_equal(mhp_root_read_all(&root, "null", &data, &len), 0);
        assert_int_equal(mhp_root_read(&root, "null", buf, sizeof(buf)), 0);
        assert_int_equal(mhp_root_write(&root, "null", "x"), 0);
        (void) alarm(0);
        assert_int_equal(len, 0);
        free(data);
        tree_remove(&t);
}

/* With a reader, a FIFO can be opened to be written to, and the words would be gone. */
static void test_write_read_fifo(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        struct tree t;
        char buf[16];
        int reader;

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        make_fifo(&t, "fifo");
        reader = openat(t.fd, "fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        assert_true(reader >= 0);
        assert_int_equal(mhp_root_write(&root, "fifo", "x"), -EBADFD);
        assert_int_equal(read(reader, buf, sizeof(buf)), 0);
        close(reader);
        tree_remove(&t);
}

/* Who has the lease is asked for it; a reader does not wait for an answer that does not come. */
static void test_lease(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        struct tree t;
        char buf[16];
        int lease;

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        tree_file(&t, "leased", "x");
        lease = tree_lease(&t, "leased");
        (void) alarm(20); /* a lease holds for 45 s */
        assert_int_equal(mhp_root_read(&root, "leased", buf, sizeof(buf)), -EWOULDBLOCK);
        assert_int_equal(fcntl(lease, F_SETLEASE, F_UNLCK), 0);
        assert_int_equal(mhp_root_read(&root, "leased", buf, sizeof(buf)), 1);
        (void) alarm(0);
        close(lease);
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
        tree_link(&t, "memory", "/proc/self/mem"); /* which has no address 0 */
        assert_int_equal(mhp_root_write(&root, "memory", "x"), -EIO);
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

/* ------------------------------------------------------------------------------------------------------- files of mhpd's own */

static int truncate_at(const struct tree *t, const char *name, off_t size) {
        int fd = openat(t->fd, name, O_WRONLY | O_CLOEXEC), r = fd < 0 ? -1 : ftruncate(fd, size);

        if (fd >= 0)
                close(fd);
        return r;
}

static void put_kind(const struct tree *t, const char *kind, const char *name) {
        char inside[64];

        (void) snprintf(inside, sizeof(inside), "%s/x", name);
        if (strcmp(kind, "file") == 0)
                tree_file(t, name, "old");
        else if (strcmp(kind, "link") == 0)
                tree_link(t, name, "elsewhere");
        else if (strcmp(kind, "fifo") == 0)
                make_fifo(t, name);
        else if (strcmp(kind, "folder") == 0)
                tree_dir(t, name);
        else if (strcmp(kind, "full folder") == 0)
                tree_file(t, inside, "");
}

static void test_own_read(void **state) {
        static const struct {
                const char *name;
                int r;
        } rows[] = {
                { "good", 0 },      { "none", -ENOENT }, { "link", -ELOOP },  { "null", -ELOOP }, { "nowhere", -ELOOP },
                { "fifo", -EBADFD }, { "folder", -EISDIR }, { "large", -EFBIG }, { "foreign", -EPERM },
        };
        bool root = geteuid() == 0;
        struct tree t;

        tree_make(&t);
        tree_file(&t, "good", "text");
        tree_link(&t, "link", "good");
        tree_link(&t, "null", "/dev/null");
        tree_link(&t, "nowhere", "none");
        make_fifo(&t, "fifo");
        tree_dir(&t, "folder");
        tree_file(&t, "large", "");
        assert_int_equal(truncate_at(&t, "large", 17 << 20), 0);
        tree_file(&t, "foreign", "text");
        if (root)
                assert_int_equal(fchownat(t.fd, "foreign", 65534, 65534, 0), 0);
        (void) alarm(20);
        ROWS(row, rows) {
                _cleanup_free_ char *data = NULL;
                size_t len;

                if (!root && row->r == -EPERM)
                        continue;
                ROW_INT(row->name, mhp_own_read(t.path, row->name, &data, &len), row->r);
                if (row->r == 0)
                        assert_string_equal(data, "text");
        }
        (void) alarm(0);
        /* mhpctl as root looks at what an mhpd of another user has left in its own directory. */
        if (root) {
                _cleanup_free_ char *data = NULL;
                size_t len;

                assert_int_equal(chown(t.path, 65534, 65534), 0);
                assert_int_equal(mhp_own_read(t.path, "foreign", &data, &len), 0);
        }
        tree_remove(&t);
}

/* Whatever lies at the name, or at the name of the new file: afterwards there is the text. */
static void test_own_replace(void **state) {
        static const char *const kinds[] = { "nothing", "file", "link", "fifo", "folder", "full folder" };
        struct tree t;

        tree_make(&t);
        tree_file(&t, "elsewhere", "untouched");
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                for (unsigned fresh = 0; fresh < 2; fresh++) {
                        put_kind(&t, kinds[i], fresh ? "state.new" : "state");
                        (void) alarm(20);
                        ROW_INT(kinds[i], mhp_own_replace(t.path, "state", "text", 4), 0);
                        (void) alarm(0);
                        assert_string_equal(tree_read(&t, "state"), "text");
                        assert_int_equal(faccessat(t.fd, "state.new", F_OK, AT_SYMLINK_NOFOLLOW), -1);
                        assert_string_equal(tree_read(&t, "elsewhere"), "untouched");
                        ROW_INT(kinds[i], mhp_own_replace(t.path, "state", NULL, 0), 0);
                        assert_int_equal(faccessat(t.fd, "state", F_OK, AT_SYMLINK_NOFOLLOW), -1);
                }
        tree_remove(&t);
}

static bool put(const char *path, const char *text) {
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t) strlen(text);

        if (fd >= 0)
                close(fd);
        return done;
}

/* As root of a namespace of its own, with a file system of two pages. */
static bool make_small(const char *path) {
        char users[64], groups[64];

        (void) snprintf(users, sizeof(users), "0 %u 1", geteuid());
        (void) snprintf(groups, sizeof(groups), "0 %u 1", getegid());
        return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && put("/proc/self/uid_map", users) && put("/proc/self/setgroups", "deny") &&
               put("/proc/self/gid_map", groups) && mount("none", path, "tmpfs", 0, "size=8k") == 0;
}

/* 77: that cannot be had here. */
static int fill_up(const char *path) {
        char text[3 << 12], old[16] = "";
        int fd;

        memset(text, 'x', sizeof(text));
        if (!make_small(path))
                return 77;
        if (mhp_own_replace(path, "state", "old", 3) != 0 || mhp_own_replace(path, "state", text, sizeof(text)) != -ENOSPC)
                return 1;
        if (chdir(path) < 0 || access("state.new", F_OK) == 0)
                return 2;
        fd = open("state", O_RDONLY | O_CLOEXEC);
        return fd >= 0 && read(fd, old, sizeof(old)) == 3 && strcmp(old, "old") == 0 ? 0 : 3;
}

/* What was there stays, and the errno is the one of the write. */
static void test_own_full(void **state) {
        struct tree t;
        int status;
        pid_t pid;

        tree_make(&t);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                _exit(fill_up(t.path));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        tree_remove(&t);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 77)
                skip();
        assert_int_equal(WEXITSTATUS(status), 0);
}

/* A file takes the place of the one before; where that cannot be, another name is found. */
static void test_own_set_aside(void **state) {
        struct tree t;

        tree_make(&t);
        assert_int_equal(mhp_own_set_aside(t.path, "state"), -ENOENT);
        tree_file(&t, "state", "1");
        assert_int_equal(mhp_own_set_aside(t.path, "state"), 0);
        tree_file(&t, "state", "2");
        assert_int_equal(mhp_own_set_aside(t.path, "state"), 0);
        assert_string_equal(tree_read(&t, "state.bad"), "2");
        tree_file(&t, "state/x", "");
        assert_int_equal(mhp_own_set_aside(t.path, "state"), 0);
        assert_int_equal(faccessat(t.fd, "state.bad1/x", F_OK, 0), 0);
        tree_file(&t, "state", "3");
        assert_int_equal(mhp_own_copy_aside(t.path, "state"), 0);
        assert_string_equal(tree_read(&t, "state"), "3");
        assert_string_equal(tree_read(&t, "state.bad"), "3");
        tree_remove(&t);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_open),
                cmocka_unit_test(test_read),
                cmocka_unit_test(test_read_all),
                cmocka_unit_test(test_read_all_too_large), cmocka_unit_test(test_no_file),
                cmocka_unit_test(test_write), cmocka_unit_test(test_write_read_fifo), cmocka_unit_test(test_lease),
                cmocka_unit_test(test_own_read), cmocka_unit_test(test_own_replace), cmocka_unit_test(test_own_full), cmocka_unit_test(test_own_set_aside),
                cmocka_unit_test(test_link_name),
                cmocka_unit_test(test_opendir),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
