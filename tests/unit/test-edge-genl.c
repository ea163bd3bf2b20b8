/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>

#include "base/macro.h"
#include "edge/genl-names.h"
#include "edge/genl.h"
#include "model/block.h"

#define FAMILY 37

/* What was received, as in a socket: several messages side by side. */
struct datagram {
        size_t len;
        _Alignas(8) char data[4096];
};

static struct nl_msg *begin(uint16_t type, uint8_t cmd) {
        struct nl_msg *msg = nlmsg_alloc();

        assert_non_null(msg);
        assert_non_null(genlmsg_put(msg, 0, 0, type, 0, 0, cmd, 1));
        return msg;
}

static void add(struct datagram *d, struct nl_msg *msg) {
        const struct nlmsghdr *header = nlmsg_hdr(msg);

        assert_true(d->len + NLMSG_ALIGN(header->nlmsg_len) <= sizeof(d->data));
        memcpy(d->data + d->len, header, header->nlmsg_len);
        d->len += NLMSG_ALIGN(header->nlmsg_len);
        nlmsg_free(msg);
}

static void add_placement(struct datagram *d, uint8_t requested, uint8_t placed, uint8_t reason) {
        struct nl_msg *msg = begin(FAMILY, GENL_PLACEMENT);

        nla_put_u64(msg, GENL_START, 0x140000000);
        nla_put_u64(msg, GENL_SIZE, 0x8000000);
        nla_put_u8(msg, GENL_REQUESTED, requested);
        nla_put_u8(msg, GENL_PLACED, placed);
        nla_put_u64(msg, GENL_VMEMMAP_PAGES, placed == GENL_PLACE_OFF ? 0 : 512);
        if (reason > 0)
                nla_put_u8(msg, GENL_REASON, reason);
        nla_put_u32(msg, 200, 5); /* what a later kernel adds */
        add(d, msg);
}

static void add_failure(struct datagram *d, uint64_t block, uint32_t error, bool page) {
        struct nl_msg *msg = begin(FAMILY, GENL_OFFLINE_FAILED);

        nla_put_u64(msg, GENL_BLOCK, block);
        nla_put_u32(msg, GENL_ERRNO, error);
        if (page) {
                nla_put_u64(msg, GENL_PFN, 0x50123);
                nla_put_u64(msg, GENL_PAGE_FLAGS, 0x80);
        }
        add(d, msg);
}

static void add_zone(struct datagram *d, uint64_t block, const char *old, const char *now) {
        struct nl_msg *msg = begin(FAMILY, GENL_ZONE);

        nla_put_u64(msg, GENL_BLOCK, block);
        nla_put_string(msg, GENL_OLD_ZONE, old);
        nla_put_string(msg, GENL_NEW_ZONE, now);
        add(d, msg);
}

static void add_family(struct datagram *d, uint8_t cmd, const char *name, uint16_t family, const char *group, uint32_t id) {
        struct nl_msg *msg = begin(GENL_ID_CTRL, cmd);
        struct nlattr *groups, *one;

        nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, name);
        nla_put_u16(msg, CTRL_ATTR_FAMILY_ID, family);
        groups = nla_nest_start(msg, CTRL_ATTR_MCAST_GROUPS);
        one = nla_nest_start(msg, 1);
        nla_put_u32(msg, CTRL_ATTR_MCAST_GRP_ID, id);
        nla_put_string(msg, CTRL_ATTR_MCAST_GRP_NAME, group);
        nla_nest_end(msg, one);
        nla_nest_end(msg, groups);
        add(d, msg);
}

static int parse(struct datagram *d, size_t *at, struct mhp_kernel_event *ret) {
        uint16_t family = 0;
        uint32_t group = 0;

        return mhp_genl_parse(d->data, d->len, FAMILY, at, ret, &family, &group);
}

static void test_events(void **state) {
        struct datagram d = { 0 };
        struct mhp_kernel_event e;
        size_t at = 0;

        add_placement(&d, GENL_PLACE_FORCE, GENL_PLACE_OFF, 4);
        add_failure(&d, 39, 16, true);
        add_failure(&d, 40, 4, false);
        add_zone(&d, 41, "Movable", "Normal");
        add_zone(&d, 42, "Tepid", "Movable");

        assert_int_equal(parse(&d, &at, &e), 1);
        assert_int_equal(e.kind, MHP_KERNEL_PLACEMENT);
        assert_true(e.start == 0x140000000 && e.size == 0x8000000 && e.pages == 0);
        assert_true(e.requested == MHP_PLACEMENT_FORCE && e.placement == MHP_PLACEMENT_DRAM && e.reason == MHP_KERNEL_REASON_FILLS_BLOCK);
        assert_int_equal(parse(&d, &at, &e), 1);
        assert_int_equal(e.kind, MHP_KERNEL_OFFLINE_FAILED);
        assert_true(e.block == 39 && e.error == EBUSY && e.pfn == 0x50123 && e.page_flags == 0x80);
        assert_int_equal(parse(&d, &at, &e), 1);
        assert_true(e.block == 40 && e.error == EINTR && e.pfn == MHP_NO_PFN);
        assert_int_equal(parse(&d, &at, &e), 1);
        assert_int_equal(e.kind, MHP_KERNEL_ZONE);
        assert_true(e.block == 41 && e.old_zone == MHP_ZONE_MOVABLE && e.zone == MHP_ZONE_NORMAL);
        assert_int_equal(parse(&d, &at, &e), 1);
        assert_true(e.block == 42 && e.old_zone == MHP_ZONE_UNSET && e.zone == MHP_ZONE_MOVABLE);
        assert_int_equal(parse(&d, &at, &e), 0);
        assert_int_equal(at, d.len);
}

/* Nothing of this is an event, and what comes behind it is still found. */
static void test_nonsense(void **state) {
        struct datagram d = { 0 };
        struct mhp_kernel_event e;
        struct nl_msg *msg;
        size_t at = 0;

        add(&d, begin(FAMILY, 77));                      /* a command of a later kernel */
        add(&d, begin(FAMILY, GENL_PLACEMENT));          /* without attributes */
        add(&d, begin(FAMILY + 1, GENL_OFFLINE_FAILED)); /* another family */
        add_placement(&d, GENL_PLACE_ON, 9, 0);
        add_failure(&d, UINT64_C(1) << 32, 16, false);
        add_failure(&d, 39, 0, false);
        add_failure(&d, 39, 5000, false);
        msg = begin(FAMILY, GENL_OFFLINE_FAILED); /* a block of two bytes */
        nla_put_u16(msg, GENL_BLOCK, 7);
        nla_put_u32(msg, GENL_ERRNO, 16);
        add(&d, msg);
        msg = begin(FAMILY, GENL_ZONE); /* a string without an end */
        nla_put_u64(msg, GENL_BLOCK, 7);
        nla_put(msg, GENL_NEW_ZONE, 3, "abc");
        nla_put_string(msg, GENL_OLD_ZONE, "Normal");
        add(&d, msg);
        msg = begin(FAMILY, GENL_PLACEMENT); /* beyond the end of all addresses */
        nla_put_u64(msg, GENL_START, UINT64_MAX - 5);
        nla_put_u64(msg, GENL_SIZE, 4096);
        nla_put_u8(msg, GENL_REQUESTED, 0);
        nla_put_u8(msg, GENL_PLACED, 0);
        add(&d, msg);
        add_failure(&d, 40, 16, false);

        assert_int_equal(parse(&d, &at, &e), 1);
        assert_int_equal(e.block, 40);
        assert_int_equal(parse(&d, &at, &e), 0);
}

/* A datagram that ends anywhere. */
static void test_cut(void **state) {
        struct datagram d = { 0 };

        add_zone(&d, 41, "Movable", "Normal");
        for (size_t len = 0; len < d.len; len++) {
                _cleanup_free_ void *data = malloc(len > 0 ? len : 1);
                struct mhp_kernel_event e;
                uint16_t family = 0;
                uint32_t group = 0;
                size_t at = 0;

                assert_non_null(data);
                memcpy(data, d.data, len);
                assert_int_equal(mhp_genl_parse(data, len, FAMILY, &at, &e, &family, &group), 0);
                assert_int_equal(at, len);
        }
}

static void test_family(void **state) {
        struct datagram d = { 0 };
        struct mhp_kernel_event e;
        uint16_t family = 0;
        uint32_t group = 0;
        size_t at = 0;

        add_family(&d, CTRL_CMD_NEWFAMILY, "nl80211", 40, "events", 9);
        add_family(&d, CTRL_CMD_NEWFAMILY, "mhp", 41, "others", 9);
        add_family(&d, CTRL_CMD_NEWMCAST_GRP, "mhp", 41, "events", 9);
        add_family(&d, CTRL_CMD_NEWFAMILY, "mhp", 42, "events", 11);
        add_family(&d, CTRL_CMD_DELFAMILY, "mhp", 42, "events", 11);
        assert_int_equal(mhp_genl_parse(d.data, d.len, 0, &at, &e, &family, &group), 1);
        assert_int_equal(e.kind, MHP_KERNEL_OFFERED);
        assert_true(family == 42 && group == 11);
        assert_int_equal(mhp_genl_parse(d.data, d.len, 42, &at, &e, &family, &group), 1);
        assert_int_equal(e.kind, MHP_KERNEL_WITHDRAWN);
        assert_int_equal(mhp_genl_parse(d.data, d.len, 0, &at, &e, &family, &group), 0);
}

/* The socket, with a kernel of our own behind it: what recvfrom(2) has, and what joining a group says. */
static struct {
        bool on;
        int error;       /* of recvfrom() */
        uint32_t sender;
        struct datagram *datagram;
        int join_error;
        uint32_t joined;
} fake;

ssize_t __real_recvfrom(int fd, void *data, size_t size, int flags, struct sockaddr *from, socklen_t *from_len);
ssize_t __wrap_recvfrom(int fd, void *data, size_t size, int flags, struct sockaddr *from, socklen_t *from_len);
ssize_t __wrap_recvfrom(int fd, void *data, size_t size, int flags, struct sockaddr *from, socklen_t *from_len) {
        const struct sockaddr_nl sender = { .nl_family = AF_NETLINK, .nl_pid = fake.sender };
        struct datagram *d = fake.datagram;

        if (!fake.on)
                return __real_recvfrom(fd, data, size, flags, from, from_len);
        errno = fake.error ? fake.error : EAGAIN;
        fake.error = 0;
        if (errno != EAGAIN || !d)
                return -1;
        fake.datagram = NULL;
        memcpy(data, d->data, MIN(size, d->len));
        memcpy(from, &sender, sizeof(sender));
        *from_len = sizeof(sender);
        return (ssize_t) d->len;
}

int __real_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len) {
        if (!fake.on || level != SOL_NETLINK)
                return __real_setsockopt(fd, level, name, value, len);
        memcpy(&fake.joined, value, sizeof(fake.joined));
        errno = fake.join_error;
        return fake.join_error ? -1 : 0;
}

static void test_next(void **state) {
        _cleanup_(mhp_genl_freep) struct mhp_genl *genl = NULL;
        struct datagram family = { 0 }, events = { 0 }, forged = { 0 };
        struct mhp_kernel_event e;
        int r = mhp_genl_new(65536, &genl);

        if (r < 0)
                skip(); /* no generic netlink in here */
        assert_in_range(r, 0, MHP_GENL_REFUSED);
        assert_true(mhp_genl_fd(genl) >= 0);
        fake.on = true;
        assert_int_equal(mhp_genl_next(genl, &e), 0);

        add_family(&family, CTRL_CMD_NEWFAMILY, "mhp", FAMILY, "events", 11);
        add_failure(&family, 5, EBUSY, false); /* heard from the first on */
        fake.datagram = &family;
        assert_int_equal(mhp_genl_next(genl, &e), 1);
        assert_true(e.kind == MHP_KERNEL_OFFERED && e.error == 0 && fake.joined == 11);
        assert_int_equal(mhp_genl_next(genl, &e), 1);
        assert_true(e.kind == MHP_KERNEL_OFFLINE_FAILED && e.block == 5);

        add_zone(&forged, 41, "Movable", "Normal");
        fake.datagram = &forged;
        fake.sender = 4711;
        assert_int_equal(mhp_genl_next(genl, &e), 0);
        fake.sender = 0;
        fake.error = EINTR;
        fake.datagram = &forged;
        assert_int_equal(mhp_genl_next(genl, &e), 1);
        fake.error = ENOBUFS;
        assert_int_equal(mhp_genl_next(genl, &e), MHP_GENL_LOST);
        assert_int_equal(mhp_genl_next(genl, &e), 0);

        add_family(&events, CTRL_CMD_DELFAMILY, "mhp", FAMILY, "events", 11);
        add_zone(&events, 41, "Movable", "Normal"); /* nobody's any more */
        add_family(&events, CTRL_CMD_NEWFAMILY, "mhp", FAMILY + 3, "events", 12);
        fake.datagram = &events;
        fake.join_error = EPERM;
        assert_int_equal(mhp_genl_next(genl, &e), 1);
        assert_int_equal(e.kind, MHP_KERNEL_WITHDRAWN);
        assert_int_equal(mhp_genl_next(genl, &e), 1);
        assert_true(e.kind == MHP_KERNEL_OFFERED && e.error == EPERM && fake.joined == 12);
        assert_int_equal(mhp_genl_next(genl, &e), 0);
        fake.on = false;
}

static void test_offered(void **state) {
        int r = mhp_genl_offered();

        if (r < 0)
                skip();
        assert_in_range(r, 0, 1);
}

static void test_sentences(void **state) {
        static const struct {
                struct mhp_kernel_event event;
                const char *words;
        } rows[] = {
                { { .kind = MHP_KERNEL_PLACEMENT, .start = UINT64_C(32) << 27, .size = UINT64_C(8) << 27, .requested = MHP_PLACEMENT_SELF,
                    .placement = MHP_PLACEMENT_SELF, .pages = 512 },
                  "The memmap of blocks 32-39 lies in the blocks themselves, 512 pages of each" },
                { { .kind = MHP_KERNEL_PLACEMENT, .start = UINT64_C(32) << 27, .size = 1 << 27, .requested = MHP_PLACEMENT_FORCE,
                    .placement = MHP_PLACEMENT_DRAM, .reason = MHP_KERNEL_REASON_SOURCE },
                  "The memmap of block 32 lies in ordinary memory, though the kernel was to have it in whole pageblocks of the block itself: "
                  "this kind of memory cannot have it" },
                { { .kind = MHP_KERNEL_OFFLINE_FAILED, .block = 39, .error = EBUSY, .pfn = 0x50123, .page_flags = 1 << 7 | 1 << 15 },
                  "The kernel cannot take block 39 offline: Device or resource busy; page 0x50123 is in the way, slab with the flags slab,compound-head" },
                { { .kind = MHP_KERNEL_OFFLINE_FAILED, .block = 39, .error = EINTR, .pfn = MHP_NO_PFN },
                  "The kernel cannot take block 39 offline: Interrupted system call" },
                { { .kind = MHP_KERNEL_ZONE, .block = 41, .old_zone = MHP_ZONE_MOVABLE, .zone = MHP_ZONE_UNSET },
                  "Block 41 came online in another zone, and was in Movable before" },
                { { .kind = MHP_KERNEL_ZONE, .block = 41, .start = UINT64_C(41) << 27, .size = UINT64_C(3) << 27, .old_zone = MHP_ZONE_MOVABLE,
                    .zone = MHP_ZONE_NORMAL },
                  "Blocks 41-43 came online in Normal, and were in Movable before" },
                { { .kind = MHP_KERNEL_OFFLINE_FAILED, .block = 39, .start = UINT64_C(39) << 27, .size = UINT64_C(2) << 27, .error = EINTR, .pfn = MHP_NO_PFN },
                  "The kernel cannot take blocks 39-40 offline: Interrupted system call" },
                { { .kind = MHP_KERNEL_OFFERED }, "The kernel's memory events are heard" },
                { { .kind = MHP_KERNEL_OFFERED, .error = EPERM }, "The kernel's memory events cannot be heard: Operation not permitted" },
                { { .kind = MHP_KERNEL_WITHDRAWN }, "The kernel tells no memory events any more" },
        };

        ROWS(row, rows) {
                _cleanup_text_ struct mhp_text text = { 0 };

                mhp_kernel_event_words(&row->event, 1 << 27, &text);
                assert_string_equal(text.data, row->words);
        }
}

static void test_flags(void **state) {
        _cleanup_text_ struct mhp_text text = { 0 };

        mhp_page_flags_words(0, &text);
        mhp_text_add(&text, " ");
        mhp_page_flags_words(UINT64_C(1) << 63 | UINT64_C(1) << 37 | 1 << 28 | 1, &text);
        assert_string_equal(text.data, "none locked,28,owner-private,63");
}

static void test_words(void **state) {
        assert_null(mhp_kernel_reason_name(MHP_KERNEL_REASON_NONE));
        assert_null(mhp_kernel_reason_name(_MHP_KERNEL_REASON_MAX));
        for (unsigned i = 1; i < _MHP_KERNEL_REASON_MAX; i++) {
                assert_non_null(mhp_kernel_reason_name((enum mhp_kernel_reason) i));
                assert_non_null(mhp_kernel_reason_words((enum mhp_kernel_reason) i));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_events), cmocka_unit_test(test_nonsense), cmocka_unit_test(test_cut),
                cmocka_unit_test(test_family), cmocka_unit_test(test_next),     cmocka_unit_test(test_offered),
                cmocka_unit_test(test_words),  cmocka_unit_test(test_sentences), cmocka_unit_test(test_flags),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
