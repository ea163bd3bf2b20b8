/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is said of a block that stays. */

#include "unit.h"

#include <errno.h>
#include <string.h>

#include "core/explain.h"

struct count {
        enum mhp_class class;
        uint32_t pages;
        uint64_t first;
};
#define COUNTS_MAX 4

static void fill(struct mhp_tally *tally, const struct count *counts) {
        *tally = (struct mhp_tally) {};
        for (size_t i = 0; i < COUNTS_MAX && counts[i].pages > 0; i++) {
                tally->pages[counts[i].class] = counts[i].pages;
                tally->first[counts[i].class] = counts[i].first;
        }
}

static void check(const char *row, const struct mhp_text *text, const char *want) {
        const char *got = text->data ? text->data : "";

        assert_int_equal(text->error, 0);
        if (want ? !strstr(got, want) : *got)
                fail_msg("row \"%s\": \"%s\", wanted \"%s\"", row, got, want ? want : "nothing");
}

static void test_keeps_exactly(void **state) {
        static const struct {
                const char *text;
                struct count counts[COUNTS_MAX];
        } rows[] = {
                { "3 slab pages, the first at PFN 0x104200; 1 page table at PFN 0x104310",
                  { { MHP_CLASS_SLAB, 3, 0x104200 }, { MHP_CLASS_PAGE_TABLE, 1, 0x104310 }, { MHP_CLASS_ANON, 9, 0x104000 } } },
                { "1 pinned page at PFN 0x100000", { { MHP_CLASS_PINNED, 1, 0x100000 } } },
                { "2 reserved pages, the first at PFN 0x9f; 1 other page of the kernel at PFN 0xabcdef012",
                  { { MHP_CLASS_KERNEL, 1, 0xabcdef012 }, { MHP_CLASS_RESERVED, 2, 0x9f } } },
        };

        ROWS(row, rows) {
                _cleanup_text_ struct mhp_text text = {};
                struct mhp_tally tally;

                fill(&tally, row->counts);
                mhp_explain_keeps(&tally, 0, &text);
                assert_string_equal(text.data, row->text);
                /* what is fixed is seen to be the reason, whatever the error was */
                mhp_text_done(&text);
                text = (struct mhp_text) {};
                mhp_explain_keeps(&tally, EBUSY, &text);
                assert_string_equal(text.data, row->text);
        }
}

static void test_keeps(void **state) {
        static const struct {
                const char *name, *want;
                int error;
                struct count counts[COUNTS_MAX];
        } rows[] = {
                { "nothing", NULL, 0, {} },
                { "only what moves", NULL, 0, { { MHP_CLASS_ANON, 3, 1 } } },
                { "unmarked", NULL, 0, { { MHP_CLASS_UNMARKED, 3, 1 } } },
                { "refused as such", NULL, EINVAL, { { MHP_CLASS_ANON, 3, 1 } } },
                { "late", "3 anonymous pages, the first at PFN 0x1: not moved in time", ETIMEDOUT, { { MHP_CLASS_ANON, 3, 1 } } },
                { "late, held", "(DMA, RDMA, io_uring, vmsplice, VFIO)", EINTR, { { MHP_CLASS_SHMEM, 1, 1 } } },
                { "busy, held", "perhaps held by references", EBUSY, { { MHP_CLASS_FILE, 2, 1 } } },
                { "busy, balloon", "7 pages taken by a driver, the first at PFN 0x20, and it does not give them back", EBUSY,
                  { { MHP_CLASS_OFFLINE, 7, 32 }, { MHP_CLASS_ANON, 1, 1 } } },
                { "busy, unmarked", "1 page without a mark at PFN 0x1: the kernel's own", EBUSY, { { MHP_CLASS_UNMARKED, 1, 1 } } },
                { "busy, gone", "not seen any more", EBUSY, { { MHP_CLASS_FREE, 5, 1 } } },
                { "no room", "4 mlocked pages, the first at PFN 0x1: no room", ENOMEM, { { MHP_CLASS_MLOCKED, 4, 1 } } },
                { "no room, nothing seen", "no room elsewhere", ENOMEM, {} },
        };

        ROWS(row, rows) {
                _cleanup_text_ struct mhp_text text = {};
                struct mhp_tally tally;

                fill(&tally, row->counts);
                mhp_explain_keeps(&tally, row->error, &text);
                check(row->name, &text, row->want);
        }
}

static void test_not_counted(void **state) {
        static const struct {
                const char *name, *keeps, *advice;
                int error;
        } rows[] = {
                { "nothing", NULL, NULL, 0 },
                { "late", "too slowly", "more time", ETIMEDOUT },
                { "interrupted", "too slowly", "more time", EINTR },
                { "busy", "do not move", "more time", EBUSY },
                { "no room", "no room", "free or add memory", ENOMEM },
                { "forbidden", NULL, "forbids", EPERM },
                { "other", NULL, NULL, ENODEV },
        };
        const struct mhp_block block = { .state = MHP_STATE_ONLINE, .zone = MHP_ZONE_MOVABLE };

        ROWS(row, rows) {
                _cleanup_text_ struct mhp_text keeps = {}, advice = {};

                mhp_explain_keeps(NULL, row->error, &keeps);
                check(row->name, &keeps, row->keeps);
                mhp_explain_advice(NULL, &block, MHP_SOURCE_ACPI, row->error, &advice);
                check(row->name, &advice, row->advice);
        }
}

static void test_advice(void **state) {
        static const struct {
                const char *name, *want;
                enum mhp_zone zone;
                enum mhp_source source;
                int error;
                struct count counts[COUNTS_MAX];
        } rows[] = {
#define DIMM(zone) MHP_ZONE_##zone, MHP_SOURCE_ACPI
                { "free", NULL, DIMM(MOVABLE), 0, { { MHP_CLASS_FREE, 9, 1 } } },
                { "moves", NULL, DIMM(MOVABLE), 0, { { MHP_CLASS_ANON, 9, 1 }, { MHP_CLASS_MLOCKED, 9, 1 } } },
                { "huge pages", "can be had elsewhere", DIMM(MOVABLE), 0, { { MHP_CLASS_HUGETLB, 512, 1 } } },
                { "none", "never goes offline", MHP_ZONE_NONE, MHP_SOURCE_BOOT, 0, { { MHP_CLASS_SLAB, 9, 1 } } },
                { "none, tried", "never goes offline", MHP_ZONE_NONE, MHP_SOURCE_BOOT, EINVAL, {} },
                { "slab", "Zone=movable", DIMM(NORMAL), 0, { { MHP_CLASS_SLAB, 9, 1 } } },
                { "slab caches", "dropping caches", DIMM(NORMAL), 0, { { MHP_CLASS_SLAB, 9, 1 } } },
                { "tables", "Zone=movable", DIMM(NORMAL), EBUSY, { { MHP_CLASS_PAGE_TABLE, 9, 1 } } },
                { "reserved", "at boot", MHP_ZONE_NORMAL, MHP_SOURCE_BOOT, 0, { { MHP_CLASS_RESERVED, 9, 1 } } },
                { "boot", "boot memory", MHP_ZONE_NORMAL, MHP_SOURCE_BOOT, 0, { { MHP_CLASS_SLAB, 9, 1 } } },
                { "pinned", "vmsplice", DIMM(MOVABLE), 0, { { MHP_CLASS_PINNED, 9, 1 } } },
                { "odd", "not expected", DIMM(MOVABLE), 0, { { MHP_CLASS_KERNEL, 9, 1 } } },
                { "clean kernel zone", "soon", DIMM(NORMAL), 0, { { MHP_CLASS_FREE, 9, 1 } } },
                { "unmarked kernel zone", "only a try", DIMM(NORMAL), 0, { { MHP_CLASS_UNMARKED, 9, 1 } } },
                { "unmarked Movable", NULL, DIMM(MOVABLE), 0, { { MHP_CLASS_UNMARKED, 9, 1 } } },
                { "held", "DMA, RDMA, io_uring", DIMM(MOVABLE), ETIMEDOUT, { { MHP_CLASS_ANON, 9, 1 } } },
                { "kernel zone, busy", "try again", DIMM(NORMAL), EBUSY, { { MHP_CLASS_UNMARKED, 9, 1 } } },
                { "huge, no room", "huge pages elsewhere", DIMM(MOVABLE), ENOMEM, { { MHP_CLASS_HUGETLB, 9, 1 } } },
                { "huge, busy", "reserved", DIMM(MOVABLE), EBUSY, { { MHP_CLASS_HUGETLB, 9, 1 } } },
                { "no room", "nowhere to go", DIMM(MOVABLE), ENOMEM, { { MHP_CLASS_ANON, 9, 1 } } },
                { "balloon", "deflate", DIMM(MOVABLE), EBUSY, { { MHP_CLASS_OFFLINE, 9, 1 } } },
                { "virtio-mem", "shrink", MHP_ZONE_MOVABLE, MHP_SOURCE_VIRTIO_MEM, EBUSY, { { MHP_CLASS_OFFLINE, 9, 1 } } },
        };

        ROWS(row, rows) {
                _cleanup_text_ struct mhp_text text = {};
                struct mhp_block block = { .state = MHP_STATE_ONLINE, .zone = (uint8_t) row->zone };
                struct mhp_tally tally;

                fill(&tally, row->counts);
                mhp_explain_advice(&tally, &block, row->source, row->error, &text);
                check(row->name, &text, row->want);
                if (text.len > 0)
                        assert_int_not_equal(text.data[text.len - 1], '.');
                block.state = MHP_STATE_OFFLINE;
                mhp_text_done(&text);
                text = (struct mhp_text) {};
                mhp_explain_advice(&tally, &block, row->source, row->error, &text);
                check(row->name, &text, NULL);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_keeps_exactly),
                cmocka_unit_test(test_keeps),
                cmocka_unit_test(test_not_counted),
                cmocka_unit_test(test_advice),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
