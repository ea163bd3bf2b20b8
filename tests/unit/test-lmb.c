/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "model/lmb.h"

#define M (UINT64_C(1) << 20)
#define W(x) (uint8_t) ((uint32_t) (x) >> 24), (uint8_t) ((uint32_t) (x) >> 16), (uint8_t) ((uint32_t) (x) >> 8), (uint8_t) (x)
#define A(x) W((uint64_t) (x) >> 32), W(x)
#define CELLS ((struct mhp_lmb_cells) { .address = 2, .size = 256 * M })

/* QEMU 7.2, -m 2G,slots=32,maxmem=32G: boot memory is reserved, a DIMM of 1 GiB is there, the rest is free. */
static const uint8_t qemu[] = {
        W(3),
        W(8), A(0), W(0), W(0xffffffff), W(0xc0),
        W(4), A(0x80000000), W(0x80000008), W(0), W(0x8),
        W(116), A(0xc0000000), W(0x8000000c), W(0xffffffff), W(0),
};

/* An entry for each LMB: two that follow each other, one behind a gap, and a reserved one. */
static const uint8_t v1[] = {
        W(4),
        A(0x10000000), W(0x80000001), W(0), W(0), W(0x8),
        A(0x20000000), W(0x80000002), W(0), W(0), W(0x8),
        A(0x40000000), W(0x80000004), W(0), W(0), W(0x8),
        A(0x50000000), W(0x80000005), W(0), W(0), W(0x88),
};

static void check(const struct mhp_lmbs *lmbs, uint64_t address, uint32_t drc) {
        uint32_t got = 7;

        assert_int_equal(mhp_lmbs_find(lmbs, address, &got), drc != 0);
        assert_int_equal(got, drc != 0 ? drc : 7);
}

static void test_v2(void **state) {
        _cleanup_lmbs_ struct mhp_lmbs lmbs = { 0 };

        assert_int_equal(mhp_lmbs_parse(qemu, sizeof(qemu), MHP_LMB_V2, CELLS, &lmbs), 0);
        assert_int_equal(lmbs.n, 2); /* what goes on is one set */
        check(&lmbs, 0, 0);
        check(&lmbs, 0x7fffffff, 0);
        check(&lmbs, 0x80000000, 0x80000008);
        check(&lmbs, 0x8fffffff, 0x80000008);
        check(&lmbs, 0xbfffffff, 0x8000000b);
        check(&lmbs, 0xc0000000, 0x8000000c);
        check(&lmbs, UINT64_C(0x7ffffffff), 0x8000007f);
        check(&lmbs, UINT64_C(0x800000000), 0);
        check(&lmbs, UINT64_MAX, 0);
}

static void test_v1(void **state) {
        _cleanup_lmbs_ struct mhp_lmbs lmbs = { 0 };

        assert_int_equal(mhp_lmbs_parse(v1, sizeof(v1), MHP_LMB_V1, CELLS, &lmbs), 0);
        assert_int_equal(lmbs.n, 3);
        check(&lmbs, 0, 0);
        check(&lmbs, 0x10000000, 0x80000001);
        check(&lmbs, 0x2fffffff, 0x80000002);
        check(&lmbs, 0x30000000, 0);
        check(&lmbs, 0x40000000, 0x80000004);
        check(&lmbs, 0x50000000, 0);
}

/* One word an address; sets that are not in order. */
static void test_narrow(void **state) {
        static const uint8_t data[] = { W(2), W(1), W(0x20000000), W(5), W(0), W(8), W(1), W(0x10000000), W(9), W(0), W(8) };
        _cleanup_lmbs_ struct mhp_lmbs lmbs = { 0 };

        assert_int_equal(mhp_lmbs_parse(data, sizeof(data), MHP_LMB_V2, (struct mhp_lmb_cells) { 1, 256 * M }, &lmbs), 0);
        check(&lmbs, 0x10000000, 9);
        check(&lmbs, 0x20000000, 5);
}

static void test_bad(void **state) {
        static const struct {
                const char *text;
                size_t len;
                struct mhp_lmb_cells cells;
                int r;
        } rows[] = {
                { "whole", sizeof(qemu), { 2, 256 * M }, 0 },
                { "a byte is missing", sizeof(qemu) - 1, { 2, 256 * M }, -EINVAL },
                { "an entry is missing", sizeof(qemu) - 24, { 2, 256 * M }, -EINVAL },
                { "no entries", 4, { 2, 256 * M }, -EINVAL },
                { "no count", 3, { 2, 256 * M }, -EINVAL },
                { "nothing", 0, { 2, 256 * M }, -EINVAL },
                { "no address", sizeof(qemu), { 0, 256 * M }, -EINVAL },
                { "a long address", sizeof(qemu), { 3, 256 * M }, -EINVAL },
                { "no size", sizeof(qemu), { 2, 0 }, -EINVAL },
                { "no power of two", sizeof(qemu), { 2, 3 * M }, -EINVAL },
        };

        ROWS(row, rows) {
                struct mhp_lmbs lmbs = { .n = 77 };

                ROW_INT(row->text, mhp_lmbs_parse(qemu, row->len, MHP_LMB_V2, row->cells, &lmbs), row->r);
                if (row->r < 0)
                        ROW_INT(row->text, lmbs.n, 77);
                else
                        mhp_lmbs_done(&lmbs);
        }
}

static void test_none(void **state) {
        static const uint8_t none[] = { W(0) };
        _cleanup_lmbs_ struct mhp_lmbs lmbs = { 0 };

        check(&lmbs, 0, 0);
        assert_int_equal(mhp_lmbs_parse(none, sizeof(none), MHP_LMB_V2, CELLS, &lmbs), 0);
        check(&lmbs, 0, 0);
        assert_int_equal(mhp_big_endian("\x01\x02\x03", 3), 0x010203);
        assert_int_equal(mhp_big_endian("", 0), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_v2), cmocka_unit_test(test_v1), cmocka_unit_test(test_narrow), cmocka_unit_test(test_bad), cmocka_unit_test(test_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
