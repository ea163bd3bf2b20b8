/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "edge/machine.h"
#include "tree.h"

#define M (UINT64_C(1) << 20)

static void test_pageblock(void **state) {
        static const struct {
                const char *text;
                int r;
                uint64_t pages;
        } rows[] = {
                { "Page block order: 9\nPages per block:  512\n\nFree pages count per migrate type at order\n", 0, 512 },
                { "Pages per block: 8192", 0, 8192 },
                { "Pages per block:1", 0, 1 },
                { "", -EINVAL, 0 },
                { "Page block order: 9\n", -EINVAL, 0 },
                { "Pages per block:", -EINVAL, 0 },
                { "Pages per block: \n512\n", -EINVAL, 0 },
                { "Pages per block: 0\n", -EINVAL, 0 },
                { "Pages per block: 500\n", -EINVAL, 0 },
                { "Pages per block: -512\n", -EINVAL, 0 },
                { "Pages per block: 99999999999999999999999999999999\n", -EINVAL, 0 },
        };

        ROWS(row, rows) {
                uint64_t pages = 0;

                ROW_INT(row->text, mhp_machine_parse_pageblock(row->text, strlen(row->text), &pages), row->r);
                ROW_INT(row->text, pages, row->pages);
        }
}

static void test_dumps(void **state) {
        static const struct {
                const char *cmdline; /* NULL: not there */
                const char *vmcore;
                bool dumps;
        } rows[] = {
                { NULL, NULL, false },
                { NULL, "", true },
                { "root=/dev/vda\n", NULL, false },
                { "root=/dev/vda\n", "", true },
                { "elfcorehdr=0x7f000000\n", NULL, true },
                { "root=/dev/vda elfcorehdr=868M quiet\n", NULL, true },
                { "root=/dev/vda noelfcorehdr=1 elfcorehdr\n", NULL, false },
                { "x.elfcorehdr=1 elfcorehdr=1\n", NULL, true },
        };

        (void) state;
        ROWS(row, rows) {
                _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
                struct tree t;

                tree_make(&t);
                if (row->cmdline)
                        tree_file(&t, "proc/cmdline", row->cmdline);
                if (row->vmcore)
                        tree_file(&t, "proc/vmcore", row->vmcore);
                assert_int_equal(mhp_root_open(t.path, &root), 0);
                ROW_INT(row->cmdline ? row->cmdline : "", mhp_machine_dumps(&root), row->dumps);
                tree_remove(&t);
        }
}

static void test_arch(void **state) {
        static const struct {
                const char *machine;
                uint64_t page, pmd;
                const char *arch;
        } rows[] = {
                { "x86_64", 4096, 0, "x86_64" },
                { "x86_64", 0, 0, "x86_64" },
                { "x86_64", 8192, 0, NULL },
                { "aarch64", 16384, 2 * M, "arm64-16k" },
                { "aarch64", 0, 32 * M, "arm64-16k" },
                { "aarch64", 0, 512 * M, "arm64-64k" },
                { "aarch64", 0, 0, "arm64-4k" },
                { "aarch64", 0, 3 * M, NULL },
                { "ppc64le", 65536, 2 * M, "ppc64-64k" },
                { "ppc64le", 65536, 16 * M, "ppc64-64k" },
                { "ppc64le", 4096, 0, "ppc64-4k" },
                { "ppc64le", 4096, 16 * M, "ppc64-4k" },
                { "ppc64le", 0, 16 * M, "ppc64-64k" },
                { "ppc64", 4096, 2 * M, "ppc64-4k" },
                { "s390x", 4096, 0, "s390x" },
                { "s390x", 0, M, "s390x" },
                { "riscv64", 4096, 2 * M, "riscv64" },
                { "loongarch64", 16384, 0, NULL },
                { "", 0, 0, NULL },
        };

        ROWS(row, rows) {
                const char *arch = mhp_machine_arch(row->machine, row->page, row->pmd);

                if (!row->arch)
                        assert_null(arch);
                else
                        assert_string_equal(arch, row->arch);
        }
}

static void test_tree(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        struct mhp_machine machine;
        struct tree t;

        tree_make(&t);
        assert_int_equal(mhp_root_open(t.path, &root), 0);
        assert_int_equal(mhp_machine_read(&root, &machine), 0);
        assert_int_equal(machine.read, 0);
        assert_int_equal(machine.geometry.page_size, 4096);

        tree_file(&t, "proc/sys/kernel/arch", "aarch64\n");
        tree_file(&t, "sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "33554432\n");
        tree_file(&t, "proc/pagetypeinfo", "Page block order: 7\nPages per block:  128\n");
        assert_int_equal(mhp_machine_read(&root, &machine), 0);
        assert_int_equal(machine.read, MHP_GEOMETRY_PMD_SIZE | MHP_GEOMETRY_PAGEBLOCK_SIZE);
        assert_int_equal(machine.geometry.page_size, 16384);
        assert_int_equal(machine.geometry.pmd_size, 32 * M);
        assert_int_equal(machine.geometry.pageblock_size, 2 * M);

        /* what makes no sense is not read */
        tree_file(&t, "proc/pagetypeinfo", "Pages per block: 9223372036854775808\n");
        tree_file(&t, "sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "many\n");
        assert_int_equal(mhp_machine_read(&root, &machine), 0);
        assert_int_equal(machine.read, 0);
        tree_file(&t, "proc/sys/kernel/arch", "vax\n");
        assert_int_equal(mhp_machine_read(&root, &machine), 0);
        assert_true(machine.generic);
        assert_int_equal(machine.geometry.page_size, 4096);
        assert_int_equal(machine.geometry.pmd_size, 2 * M);
        tree_remove(&t);
}

/* What is free, in KiB and in pages. */
static void test_page_size(void **state) {
        static const struct {
                const char *text;
                uint64_t bytes, pages, size;
        } rows[] = {
                { "4K", 4096 * 1000, 1000, 4096 },
                { "16K, more in between", 16384 * 1100, 1000, 16384 },
                { "64K, less in between", 65536 * 900, 1000, 65536 },
                { "between two", 10000 * 1000, 1000, 0 },
                { "no pages", 4096, 0, 0 },
                { "nothing", 0, 1000, 0 },
                { "more than all", UINT64_MAX, 1, 0 },
        };

        ROWS(row, rows)
                ROW_INT(row->text, mhp_machine_page_size(row->bytes, row->pages), row->size);
}

static void test_number(void **state) {
        static const struct {
                const char *text;
                int r;
                uint64_t value;
        } rows[] = {
                { "MemFree:  12 kB\n", 0, 12 },
                { "MemTotal: 3 kB\nMemFree:12", 0, 12 },
                { "xMemFree: 7\nMemFree: 8\n", 0, 8 },
                { "xMemFree: 7\n", -EINVAL, 0 },
                { "MemFree:", -EINVAL, 0 },
                { "MemFree: many", -EINVAL, 0 },
                { "", -EINVAL, 0 },
        };

        ROWS(row, rows) {
                uint64_t value = 0;

                ROW_INT(row->text, mhp_machine_parse_number(row->text, strlen(row->text), "MemFree:", &value), row->r);
                ROW_INT(row->text, value, row->value);
        }
}

/* Folders of machines: what they say, and what is made of it. */
static void test_machines(void **state) {
        static const struct {
                const char *arch, *free, *pages, *pmd, *cpuinfo;
                uint64_t page_size, pmd_size;
                unsigned read;
                bool generic, hash;
        } rows[] = {
#define PAGE MHP_GEOMETRY_PAGE_SIZE
#define PMD MHP_GEOMETRY_PMD_SIZE
                { "ppc64le", "2048000", "32000", "2097152", "x : y\nMMU\t\t: Radix\n", 65536, 2 * M, PAGE | PMD, false, false },
                { "ppc64le", "2048000", "512000", "2097152", "x : y\nMMU\t\t: Radix\n", 4096, 2 * M, PAGE | PMD, false, false },
                { "ppc64le", "2048000", "32000", "16777216", "x : y\nMMU\t\t: Hash\n", 65536, 16 * M, PAGE | PMD, false, true },
                { "x86_64", "2048000", "512000", "2097152", "x : y\nMMU\t\t: Hash\n", 4096, 2 * M, PAGE | PMD, false, false },
                { "s390x", "2048000", "512000", "1048576", "", 4096, M, PAGE | PMD, false, false },
                { "riscv64", "2048000", "512000", "2097152", "", 4096, 2 * M, PAGE | PMD, false, false },
                { "aarch64", "2048000", "128000", "33554432", "", 16384, 32 * M, PAGE | PMD, false, false },
                { "loongarch64", "2048000", "128000", "33554432", "", 16384, 32 * M, PAGE | PMD, true, false },
                { "loongarch64", "2048000", "128000", "", "", 16384, 32 * M, PAGE, true, false },
                { "loongarch64", "", "", "", "", 4096, 2 * M, 0, true, false },
        };

        ROWS(row, rows) {
                _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
                struct mhp_machine machine;
                char text[256];
                struct tree t;

                tree_make(&t);
                tree_file(&t, "proc/sys/kernel/arch", row->arch);
                (void) snprintf(text, sizeof(text), "MemTotal: 3107264 kB\nMemFree: %s kB\n", row->free);
                tree_file(&t, "proc/meminfo", text);
                (void) snprintf(text, sizeof(text), "nr_free_pages %s\nnr_zone_inactive_anon 20\n", row->pages);
                tree_file(&t, "proc/vmstat", text);
                tree_file(&t, "proc/cpuinfo", row->cpuinfo);
                tree_file(&t, "sys/kernel/mm/transparent_hugepage/hpage_pmd_size", row->pmd);
                assert_int_equal(mhp_root_open(t.path, &root), 0);
                ROW_INT(row->arch, mhp_machine_read(&root, &machine), 0);
                ROW_INT(row->arch, machine.geometry.page_size, row->page_size);
                ROW_INT(row->arch, machine.geometry.pmd_size, row->pmd_size);
                ROW_INT(row->arch, machine.read, row->read);
                ROW_INT(row->arch, machine.generic, row->generic);
                ROW_INT(row->arch, machine.geometry.hash_mmu, row->hash);
                ROW_INT(row->arch, mhp_geometry_check(&machine.geometry, NULL), 0);
                tree_remove(&t);
        }
}

static void test_here(void **state) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        struct mhp_machine machine;

        assert_int_equal(mhp_root_open("/", &root), 0);
        assert_int_equal(mhp_machine_read(&root, &machine), 0);
        assert_true(machine.read & MHP_GEOMETRY_PAGE_SIZE);
        assert_int_equal(machine.geometry.page_size, sysconf(_SC_PAGESIZE));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pageblock),
                cmocka_unit_test(test_arch),
                cmocka_unit_test(test_dumps),
                cmocka_unit_test(test_tree),
                cmocka_unit_test(test_page_size),
                cmocka_unit_test(test_number),
                cmocka_unit_test(test_machines),
                cmocka_unit_test(test_here),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
