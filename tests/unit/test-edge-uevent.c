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
                assert_int_equal(mhp_uevents_next(uevents, &event), MHP_UEVENTS_PASSED);
        assert_int_equal(mhp_uevents_next(uevents, &event), 0);
        assert_false(readable(mhp_uevents_fd(uevents)));
}

/* ENOBUFS is told once; the events that fitted are still there, and later ones arrive. */
static void test_lost(void **state) {
        struct mhp_uevents *uevents = *(struct mhp_uevents **) *state;
        struct mhp_uevent event;
        int lost = 0;

        trigger(500);
        for (int i = 0; i < 1000 && readable(mhp_uevents_fd(uevents)); i++) {
                int r = mhp_uevents_next(uevents, &event);

                assert_true(r == MHP_UEVENTS_PASSED || r == -ENOBUFS);
                lost += r == -ENOBUFS;
        }
        assert_int_equal(lost, 1);
        assert_false(readable(mhp_uevents_fd(uevents)));

        trigger(1);
        assert_true(readable(mhp_uevents_fd(uevents)));
        assert_int_equal(mhp_uevents_next(uevents, &event), MHP_UEVENTS_PASSED);
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
                assert_int_equal(mhp_uevents_next(uevents, &event), MHP_UEVENTS_PASSED);
        assert_int_equal(mhp_uevents_next(uevents, &event), 0);
        assert_false(readable(mhp_uevents_fd(uevents)));
}

static void send_raw(const void *data, size_t len) {
        struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = 1 };
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

        assert_true(fd >= 0);
        assert_int_equal(sendto(fd, data, len, 0, (struct sockaddr *) &to, sizeof(to)), len);
        close(fd);
}

/* Nobody who may send to the socket can end whoever listens: the messages that libudev refuses, and those that are too long. */
static void test_garbage(void **state) {
        struct mhp_uevents *uevents = *(struct mhp_uevents **) *state;
        static const size_t lengths[] = { 1, 8, 31, 32, 40, 8191, 8192, 9000 };
        struct mhp_uevent event;
        char data[9000];

        memset(data, 'x', sizeof(data));
        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                int r = 1;

                send_raw(data, lengths[i]);
                for (int k = 0; k < 10 && r != 0; k++) {
                        r = mhp_uevents_next(uevents, &event);
                        assert_true(r == 0 || r == MHP_UEVENTS_PASSED);
                }
                assert_int_equal(r, 0);
                assert_false(readable(mhp_uevents_fd(uevents)));
        }
}

#define HEAD(action, path) action "@" path "\0ACTION=" action "\0DEVPATH=" path "\0"
#define BLOCK "/devices/system/memory/memory"
#define DIMM "/devices/LNXSYSTM:00/LNXSYBUS:00/PNP0C80:03"

static void test_parse(void **state) {
#define MESSAGE(text) text, sizeof(text)
        static const struct {
                const char *text;
                size_t len;
                int r;
                enum mhp_uevent_action action;
                uint32_t block;
        } rows[] = {
                { MESSAGE(HEAD("add", BLOCK "32") "SUBSYSTEM=memory\0SEQNUM=1"), 1, MHP_UEVENT_ADD, 32 },
                { MESSAGE(HEAD("remove", BLOCK "0") "SUBSYSTEM=memory\0SEQNUM=1"), 1, MHP_UEVENT_REMOVE, 0 },
                { MESSAGE(HEAD("online", BLOCK "7") "SUBSYSTEM=memory"), 1, MHP_UEVENT_CHANGE, 7 },
                { MESSAGE(HEAD("add", BLOCK "4294967295") "SUBSYSTEM=memory"), 0, 0, 0 },
                { MESSAGE(HEAD("add", BLOCK "-1") "SUBSYSTEM=memory"), 0, 0, 0 },
                { MESSAGE(HEAD("add", BLOCK) "SUBSYSTEM=memory"), 0, 0, 0 },
                { MESSAGE(HEAD("add", "memory32") "SUBSYSTEM=memory"), 0, 0, 0 },
                { MESSAGE(HEAD("add", BLOCK "32") "SUBSYSTEM=memory_tiering"), 0, 0, 0 },
                { MESSAGE(HEAD("add", BLOCK "32")), 0, 0, 0 },
                { MESSAGE("ACTION=add\0DEVPATH=" BLOCK "32\0SUBSYSTEM=memory"), 0, 0, 0 },
                { HEAD("add", BLOCK "32") "SUBSYSTEM=memory", sizeof(HEAD("add", BLOCK "32") "SUBSYSTEM=memory") - 1, 0, 0, 0 },
                { MESSAGE(HEAD("bind", "/devices/platform/dax0.0") "SUBSYSTEM=dax"), 1, MHP_UEVENT_DAX, MHP_NO_BLOCK },
                { MESSAGE(HEAD("change", DIMM) "SUBSYSTEM=acpi\0EVENT=eject-request"), 1, MHP_UEVENT_EJECT, MHP_NO_BLOCK },
                { MESSAGE(HEAD("change", DIMM) "SUBSYSTEM=acpi"), 0, 0, 0 },
                { MESSAGE(HEAD("change", "/devices/pci/virtio1") "SUBSYSTEM=virtio\0REQUESTED_SIZE=4096\0PLUGGED_SIZE=0"), 1, MHP_UEVENT_RESIZE, MHP_NO_BLOCK },
                { MESSAGE(HEAD("change", "/devices/pci/virtio1") "SUBSYSTEM=virtio\0REQUESTED_SIZE=4096"), 0, 0, 0 },
                { MESSAGE(HEAD("change", "/devices/pci/virtio1") "SUBSYSTEM=net\0REQUESTED_SIZE=4096\0PLUGGED_SIZE=0"), 0, 0, 0 },
                { MESSAGE(""), 0, 0, 0 },
                { "", 0, 0, 0, 0 },
        };

        (void) state;
        ROWS(row, rows) {
                struct mhp_uevent event = { .block = 77 };

                ROW_INT(row->text, mhp_uevent_parse(row->text, row->len, &event), row->r);
                if (row->r > 0)
                        ROW_INT(row->text, event.action, row->action);
                ROW_INT(row->text, event.block, row->r > 0 ? row->block : 77);
        }
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
                T(test_garbage),
                cmocka_unit_test(test_parse),
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
