/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "edge/uevent.h"

/* Real uevents of the loopback device in a network namespace of our own, which nobody else hears. Events of memory blocks are for
 * tests/system and tests/vm; the kernel tells those to every namespace, so while tests/system has some told, this test waits. */

#define LO "/sys/class/net/lo/uevent"

static int setup(void **state) {
        static struct mhp_uevents *uevents;

        uevents = NULL;
        *state = &uevents;
        return mhp_uevents_new(4096, &uevents);
}

static int teardown(void **state) {
        mhp_uevents_free(*(struct mhp_uevents **) *state);
        return 0;
}

static void trigger(unsigned n) {
        for (unsigned i = 0; i < n; i++) {
                int fd = open(LO, O_WRONLY | O_CLOEXEC);

                assert_true(fd >= 0);
                assert_int_equal(write(fd, "change", 6), 6);
                close(fd);
        }
}

static bool readable(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        return poll(&p, 1, 0) == 1;
}

static void test_quiet(void **state) {
        struct mhp_uevents *uevents = *(struct mhp_uevents **) *state;
        struct mhp_uevent event;

        assert_int_equal(mhp_uevents_next(uevents, &event), 0);
        assert_false(readable(mhp_uevents_fd(uevents)));
}

/* Devices that are no memory blocks are passed over, and nothing is left that would wake the loop again. */
static void test_others(void **state) {
        struct mhp_uevents *uevents = *(struct mhp_uevents **) *state;
        struct mhp_uevent event;

        trigger(1);
        assert_true(readable(mhp_uevents_fd(uevents)));
        for (int i = 0; i < 10 && readable(mhp_uevents_fd(uevents)); i++)
                assert_int_equal(mhp_uevents_next(uevents, &event), 0);
        assert_false(readable(mhp_uevents_fd(uevents)));
}

/* libudev 252 hands the ENOBUFS of recvmsg(2) on in errno, once; the events that fitted are still there, and later ones arrive. */
static void test_lost(void **state) {
        struct mhp_uevents *uevents = *(struct mhp_uevents **) *state;
        struct mhp_uevent event;
        int lost = 0;

        trigger(500);
        for (int i = 0; i < 1000 && readable(mhp_uevents_fd(uevents)); i++) {
                int r = mhp_uevents_next(uevents, &event);

                assert_true(r == 0 || r == -ENOBUFS);
                lost += r == -ENOBUFS;
        }
        assert_int_equal(lost, 1);
        assert_false(readable(mhp_uevents_fd(uevents)));

        trigger(1);
        assert_true(readable(mhp_uevents_fd(uevents)));
        assert_int_equal(mhp_uevents_next(uevents, &event), 0);
}

/* Only the kernel is believed. */
static void test_forged(void **state) {
        static const char text[] = "remove@/devices/system/memory/memory32\0ACTION=remove\0DEVPATH=/devices/system/memory/memory32\0"
                                   "SUBSYSTEM=memory\0SEQNUM=4711";
        struct mhp_uevents *uevents = *(struct mhp_uevents **) *state;
        struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = 1 };
        struct mhp_uevent event;
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

        assert_true(fd >= 0);
        assert_int_equal(sendto(fd, text, sizeof(text), 0, (struct sockaddr *) &to, sizeof(to)), sizeof(text));
        close(fd);
        assert_true(readable(mhp_uevents_fd(uevents)));
        for (int i = 0; i < 10 && readable(mhp_uevents_fd(uevents)); i++)
                assert_int_equal(mhp_uevents_next(uevents, &event), 0);
        assert_false(readable(mhp_uevents_fd(uevents)));
}

/* The lock of tests/system/test_events.py. It goes with the process. One of each user's: a file of another one's cannot be opened. */
static int wait_for_quiet(void) {
        const char *dir = getenv("TMPDIR");
        char path[4096];
        int fd;

        (void) snprintf(path, sizeof(path), "%s/mhpd-test-uevents-%u.lock", dir ? dir : "/tmp", geteuid());
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        return fd < 0 ? -errno : flock(fd, LOCK_EX) < 0 ? -errno : 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                T(test_quiet),
                T(test_others),
                T(test_lost),
                T(test_forged),
        };

        if (wait_for_quiet() < 0)
                return 99; /* automake's word for an error */
        if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("sysfs", "/sys", "sysfs", 0, NULL) < 0) {
                (void) fprintf(stderr, "skipped: a network namespace with its own sysfs needs root\n");
                return 77; /* automake's word for skipped */
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
