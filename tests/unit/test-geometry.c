/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "unit.h"

#include <errno.h>
#include <string.h>

#include "model/geometry.h"

#define K (UINT64_C(1) << 10)
#define M (UINT64_C(1) << 20)
#define G (UINT64_C(1) << 30)

static struct mhp_geometry preset(const char *arch) {
        struct mhp_geometry geometry = { 0 };

        assert_int_equal(mhp_geometry_preset(arch, &geometry), 0);
        return geometry;
}

static void test_presets(void **state) {
        static const char *const names[] = { "x86_64", "arm64-4k", "arm64-16k", "arm64-64k", "ppc64-64k", "ppc64-4k", "s390x", "riscv64" };
        struct mhp_geometry geometry = { .page_size = 7 };
        size_t n = 0;

        for (const char *arch; (arch = mhp_geometry_arch(n)); n++) {
                assert_true(n < sizeof(names) / sizeof(names[0]));
                assert_string_equal(arch, names[n]);
                geometry = preset(arch);
                assert_int_equal(mhp_geometry_check(&geometry, NULL), 0);
        }
        assert_int_equal(n, sizeof(names) / sizeof(names[0]));
        assert_null(mhp_geometry_arch(SIZE_MAX));

        geometry.page_size = 7;
        assert_int_equal(mhp_geometry_preset("vax", &geometry), -ENOENT);
        assert_int_equal(mhp_geometry_preset("", &geometry), -ENOENT);
        assert_int_equal(mhp_geometry_preset("x86_64 ", &geometry), -ENOENT);
        assert_int_equal(geometry.page_size, 7);

        geometry = preset("x86_64");
        assert_true(geometry.page_size == 4 * K && geometry.block_size == 128 * M && geometry.section_size == 128 * M);
        assert_true(geometry.subsection_size == 2 * M && geometry.pageblock_size == 2 * M && geometry.pmd_size == 2 * M);
        assert_true(geometry.struct_page == 64 && geometry.vmemmap_base == UINT64_C(0xffffea0000000000) && geometry.needs_pmd);
}

/* One value of a good geometry is replaced by a bad one. */
static void test_check(void **state) {
        static const struct {
                const char *text;
                size_t offset;
                uint64_t value;
                const char *word; /* in the sentence */
        } rows[] = {
#define ROW(field, value, word) { #field " " #value, offsetof(struct mhp_geometry, field), value, word }
                ROW(page_size, 0, "page"),
                ROW(page_size, 4095, "page"),
                ROW(page_size, 4 * M, "subsection"),
                ROW(block_size, 0, "block"),
                ROW(block_size, 128 * M + 1, "block"),
                ROW(block_size, 384 * M, "block"),
                ROW(block_size, 64 * M, "section"),
                ROW(block_size, UINT64_MAX, "block"),
                ROW(section_size, 0, "section"),
                ROW(section_size, 96 * M, "section"),
                ROW(section_size, 256 * M, "section"),
                ROW(section_size, 1 * M, "subsection"),
                ROW(subsection_size, 0, "subsection"),
                ROW(subsection_size, 3 * M, "subsection"),
                ROW(subsection_size, 256 * M, "subsection"),
                ROW(subsection_size, 2 * K, "subsection"),
                ROW(pageblock_size, 0, "pageblock"),
                ROW(pageblock_size, 3 * M, "pageblock"),
                ROW(pageblock_size, 2 * K, "pageblock"),
                ROW(pmd_size, 0, "PMD"),
                ROW(pmd_size, 3 * M, "PMD"),
                ROW(pmd_size, 2 * K, "PMD"),
                ROW(struct_page, 0, "struct page"),
                ROW(struct_page, 4097, "struct page"),
                ROW(struct_page, UINT64_MAX, "struct page"),
                ROW(vmemmap_base, UINT64_C(0xffffea0000000001), "vmemmap"),
                ROW(vmemmap_base, UINT64_MAX, "vmemmap"),
                ROW(vmemmap_base, UINT64_MAX - 4095, "vmemmap"), /* not even one block's memmap fits */
                ROW(vmemmap_base, UINT64_MAX - 2 * M + 1, "vmemmap"),
#undef ROW
        };

        ROWS(row, rows) {
                struct mhp_geometry geometry = preset("x86_64");
                const char *why = NULL;

                memcpy((char *) &geometry + row->offset, &row->value, sizeof(row->value));
                ROW_INT(row->text, mhp_geometry_check(&geometry, &why), -EINVAL);
                ROW_INT(row->text, mhp_geometry_check(&geometry, NULL), -EINVAL);
                if (!why || !strstr(why, row->word))
                        fail_msg("row \"%s\": \"%s\" does not speak of \"%s\"", row->text, why, row->word);
        }
}

/* Whatever the sizes; what a device hosts for itself is not asked. */
static void test_hash_mmu(void **state) {
        struct mhp_geometry geometry = preset("ppc64-4k");
        struct mhp_admission got;

        geometry.hash_mmu = true;
        mhp_admit(&geometry, MHP_PLACEMENT_FORCE, 256 * M, &got);
        assert_true(got.placement == MHP_PLACEMENT_DRAM && got.reason == MHP_REFUSAL_HASH_MMU && got.set_aside_pages == 0);
        mhp_admit(&geometry, MHP_PLACEMENT_RANGE, 256 * M, &got);
        assert_true(got.placement == MHP_PLACEMENT_RANGE);
}

static void test_generic(void **state) {
        static const struct {
                const char *text;
                uint64_t page, pmd, pageblock;
        } rows[] = { { "4K", 4 * K, 2 * M, 2 * M }, { "16K", 16 * K, 32 * M, 16 * M }, { "64K", 64 * K, 512 * M, 64 * M } };

        ROWS(row, rows) {
                struct mhp_geometry geometry;

                mhp_geometry_generic(row->page, &geometry);
                ROW_INT(row->text, geometry.pmd_size, row->pmd);
                ROW_INT(row->text, geometry.pageblock_size, row->pageblock);
                for (uint64_t block = 2 * M; block <= 64 * G; block *= 2) {
                        mhp_geometry_set_block(&geometry, block);
                        ROW_INT(row->text, mhp_geometry_check(&geometry, NULL), 0);
                }
        }
}

/* What is unusual but possible. */
static void test_check_odd(void **state) {
        static const struct mhp_geometry rows[] = {
                { 4 * K, 128 * M, 128 * M, 128 * M, 4 * K, 4 * K, 1, 0, false, false },
                { 4 * K, 4 * K, 4 * K, 4 * K, 4 * K, 4 * K, 4 * K, 0, true, false },
                { 4 * K, UINT64_C(1) << 63, 128 * M, 2 * M, UINT64_C(1) << 63, UINT64_C(1) << 63, 64, 0, true, false },
                { 4 * K, 2 * G, 128 * M, 2 * M, 2 * M, 2 * M, 56, UINT64_C(0xffffea0000000000), true, false },
        };
        const char *why = "untouched";

        ROWS(row, rows) {
                assert_int_equal(mhp_geometry_check(row, &why), 0);
                assert_string_equal(why, "untouched");
        }
}

/* The table of memmap_on_memory as the kernel has it: who gets it, who does not and why, and what it wastes. */
static void test_admit(void **state) {
        static const struct {
                const char *arch;
                enum mhp_placement placement;
                uint64_t block, size; /* block: 0: the preset's */
                const char *reason;
                uint64_t memmap, set_aside, waste;
        } rows[] = {
                { "x86_64", MHP_PLACEMENT_SELF, 0, 128 * M, NULL, 512, 512, 0 },
                { "x86_64", MHP_PLACEMENT_FORCE, 0, 128 * M, NULL, 512, 512, 0 },
                { "x86_64", MHP_PLACEMENT_SELF, 0, 8 * G, NULL, 512, 512, 0 },
                { "x86_64", MHP_PLACEMENT_SELF, 2 * G, 8 * G, NULL, 8192, 8192, 0 },
                { "x86_64", MHP_PLACEMENT_DRAM, 0, 1 * G, NULL, 4096, 0, 0 },
                { "x86_64", MHP_PLACEMENT_RANGE, 0, 10 * G, NULL, 40960, 40960, 0 },
                { "x86_64", MHP_PLACEMENT_RANGE, 0, 2 * M, "memmap-fills-block", 8, 0, 0 },
                { "x86_64", MHP_PLACEMENT_RANGE, 0, 4 * M, NULL, 16, 512, 496 },
                { "x86_64", MHP_PLACEMENT_RANGE, 0, 0, "memmap-fills-block", 0, 0, 0 },
                { "arm64-4k", MHP_PLACEMENT_SELF, 0, 128 * M, NULL, 512, 512, 0 },
                { "arm64-16k", MHP_PLACEMENT_SELF, 0, 128 * M, "memmap-not-pageblock-aligned", 32, 0, 0 },
                { "arm64-16k", MHP_PLACEMENT_FORCE, 0, 128 * M, "memmap-not-pmd-aligned", 32, 0, 0 },
                { "arm64-64k", MHP_PLACEMENT_SELF, 0, 512 * M, "memmap-not-pageblock-aligned", 8, 0, 0 },
                { "arm64-64k", MHP_PLACEMENT_FORCE, 0, 512 * M, "memmap-fills-block", 8, 0, 0 },
                { "arm64-64k", MHP_PLACEMENT_RANGE, 0, 1 * G, NULL, 16, 8192, 8176 }, /* half of it */
                { "ppc64-64k", MHP_PLACEMENT_SELF, 0, 256 * M, "memmap-not-pageblock-aligned", 4, 0, 0 },
                { "ppc64-64k", MHP_PLACEMENT_FORCE, 0, 256 * M, NULL, 4, 32, 28 },
                { "ppc64-64k", MHP_PLACEMENT_FORCE, 0, 1 * G, NULL, 4, 32, 28 },
                { "ppc64-4k", MHP_PLACEMENT_SELF, 0, 256 * M, NULL, 1024, 1024, 0 }, /* seen so on Linux 6.12 */
                { "ppc64-4k", MHP_PLACEMENT_FORCE, 0, 256 * M, NULL, 1024, 1024, 0 },
                { "s390x", MHP_PLACEMENT_SELF, 0, 256 * M, NULL, 1024, 1024, 0 },
                { "riscv64", MHP_PLACEMENT_SELF, 0, 128 * M, NULL, 512, 512, 0 },
                { "ppc64-64k", MHP_PLACEMENT_SELF, 16 * M, 16 * M, "memmap-not-page-aligned", 1, 0, 0 },
                { "ppc64-64k", MHP_PLACEMENT_FORCE, 16 * M, 16 * M, "memmap-not-page-aligned", 1, 0, 0 },
        };

        ROWS(row, rows) {
                struct mhp_geometry geometry = preset(row->arch);
                struct mhp_admission admission;
                const char *reason;

                geometry.block_size = row->block ? row->block : geometry.block_size;
                mhp_admit(&geometry, row->placement, row->size, &admission);
                reason = mhp_refusal_name(admission.reason);
                if (row->reason ? !reason || strcmp(reason, row->reason) != 0 : reason != NULL)
                        fail_msg("%s %s: %s, not %s", row->arch, mhp_placement_name(row->placement), reason, row->reason);
                ROW_INT(row->arch, admission.requested, row->placement);
                ROW_INT(row->arch, admission.placement, row->reason ? MHP_PLACEMENT_DRAM : row->placement);
                ROW_INT(row->arch, admission.memmap_pages, row->memmap);
                ROW_INT(row->arch, admission.set_aside_pages, row->set_aside);
                ROW_INT(row->arch, admission.waste_pages, row->waste);
        }
}

/* The memmap would be all of the block; and sizes near the end of what can be counted: the answer need only be coherent. */
static void test_admit_extreme(void **state) {
        struct mhp_geometry geometry = preset("x86_64");
        struct mhp_admission admission;

        geometry.struct_page = 4096;
        for (enum mhp_placement p = MHP_PLACEMENT_SELF; p < _MHP_PLACEMENT_MAX; p++) {
                mhp_admit(&geometry, p, 128 * M, &admission);
                assert_int_equal(admission.reason, MHP_REFUSAL_FILLS_BLOCK);
                assert_int_equal(admission.placement, MHP_PLACEMENT_DRAM);
        }
        for (uint64_t sp = 1; sp <= 4096; sp += 93)
                for (unsigned shift = 12; shift < 64; shift++) {
                        geometry.struct_page = sp;
                        geometry.pageblock_size = UINT64_C(1) << shift;
                        for (enum mhp_placement p = MHP_PLACEMENT_DRAM; p < _MHP_PLACEMENT_MAX; p++) {
                                mhp_admit(&geometry, p, UINT64_MAX - 16 * M + 1, &admission);
                                assert_true(admission.waste_pages <= admission.set_aside_pages);
                                assert_true(admission.placement == MHP_PLACEMENT_DRAM ||
                                            admission.set_aside_pages >= admission.memmap_pages);
                                assert_true((admission.placement == p) == (admission.reason == MHP_REFUSAL_NONE));
                        }
                }
}

static void test_cost(void **state) {
        static const struct {
                const char *arch;
                enum mhp_placement placement;
                uint64_t size, cost;
        } rows[] = {
                { "x86_64", MHP_PLACEMENT_DRAM, 16 * G, 256 * M },
                { "x86_64", MHP_PLACEMENT_SELF, 16 * G, 0 },
                { "x86_64", MHP_PLACEMENT_FORCE, 16 * G, 0 },
                { "x86_64", MHP_PLACEMENT_RANGE, 16 * G, 0 },
                { "x86_64", MHP_PLACEMENT_DRAM, 0, 0 },
                { "arm64-16k", MHP_PLACEMENT_FORCE, 16 * G, 64 * M }, /* refused, so that it costs what `dram` does */
                { "arm64-64k", MHP_PLACEMENT_SELF, 16 * G, 16 * M },
                { "ppc64-64k", MHP_PLACEMENT_FORCE, 16 * G, 0 },
        };

        ROWS(row, rows) {
                struct mhp_geometry geometry = preset(row->arch);

                ROW_INT(row->arch, mhp_plug_cost(&geometry, row->placement, row->size), row->cost);
        }
}

static void test_padding(void **state) {
        static const struct {
                const char *text;
                uint64_t start, size, padding;
        } rows[] = {
                { "nothing", 4 * G + 2 * M, 0, 0 },
                { "a section", 4 * G, 128 * M, 0 },
                { "the first subsection", 4 * G, 2 * M, 126 * M },
                { "one in the middle", 4 * G + 64 * M, 2 * M, 126 * M },
                { "the last one", 4 * G + 126 * M, 2 * M, 126 * M },
                { "over a border", 4 * G + 126 * M, 4 * M, 252 * M },
                { "a section and a bit", 4 * G, 130 * M, 126 * M },
                { "the very end", UINT64_MAX - 2 * M + 1, 2 * M, 126 * M },
        };
        struct mhp_geometry geometry = preset("x86_64");

        ROWS(row, rows)
                ROW_INT(row->text, mhp_section_padding(&geometry, row->start, row->size), row->padding);
}

static void test_names(void **state) {
        static const char *const placements[] = { NULL, "dram", "self", "force", "range", NULL };
        static const char *const refusals[] = { NULL, "disabled", "source-ignores", "memmap-not-page-aligned",
                                                "memmap-not-pageblock-aligned",
                                                "memmap-fills-block", "memmap-not-pmd-aligned", "several-blocks", "hash-mmu", NULL };
        static const char *const evidences[] = { "assumed", "observed", NULL };
        static const char *const hvos[] = { NULL, "self-hosted", "no-memmap", "not-aligned", "too-small", "struct-page" };
        enum mhp_placement placement;

#define SAME(name, want) assert_true((want) ? (name) && strcmp((name), (want)) == 0 : !(name))
        for (size_t i = 0; i < sizeof(placements) / sizeof(placements[0]); i++) {
                SAME(mhp_placement_name((enum mhp_placement) i), placements[i]);
                placement = _MHP_PLACEMENT_MAX;
                if (placements[i])
                        assert_int_equal(mhp_placement_parse(placements[i], &placement), 0);
                assert_int_equal(placement, placements[i] ? i : _MHP_PLACEMENT_MAX);
        }
        for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
                SAME(mhp_refusal_name((enum mhp_refusal) i), refusals[i]);
        for (size_t i = 0; i < sizeof(evidences) / sizeof(evidences[0]); i++)
                SAME(mhp_evidence_name((enum mhp_evidence) i), evidences[i]);
        for (size_t i = 0; i < sizeof(hvos) / sizeof(hvos[0]); i++)
                SAME(mhp_hvo_name((enum mhp_hvo) i), hvos[i]);
#undef SAME
        assert_null(mhp_hvo_name(_MHP_HVO_MAX));
        assert_null(mhp_placement_name((enum mhp_placement) -1));
        assert_int_equal(mhp_placement_parse("", &placement), -EINVAL);
        assert_int_equal(mhp_placement_parse("Self", &placement), -EINVAL);
        assert_int_equal(mhp_placement_parse("self ", &placement), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_presets),
                cmocka_unit_test(test_check),
                cmocka_unit_test(test_check_odd), cmocka_unit_test(test_hash_mmu), cmocka_unit_test(test_generic),
                cmocka_unit_test(test_admit),
                cmocka_unit_test(test_admit_extreme),
                cmocka_unit_test(test_cost),
                cmocka_unit_test(test_padding),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
