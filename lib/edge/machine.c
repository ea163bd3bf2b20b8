/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/machine.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/units.h"
#include "edge/names.h"
#include "model/geometry.h"

#define K UINT64_C(1024)
#define MACHINE_NAME_MAX 64

static bool is_power(uint64_t v) {
        return v > 0 && (v & (v - 1)) == 0;
}

const char *mhp_machine_arch(const char *machine, uint64_t page_size, uint64_t pmd_size) {
        static const struct {
                const char *machine;
                uint64_t page_size, pmd_size;
                const char *arch;
        } rows[] = {
                /* the first of a machine is what it is taken for when nothing else is known */
                { "x86_64", 4 * K, 2048 * K, "x86_64" },
                { "aarch64", 4 * K, 2048 * K, "arm64-4k" },
                { "aarch64", 16 * K, 32768 * K, "arm64-16k" },
                { "aarch64", 64 * K, 524288 * K, "arm64-64k" },
                { "ppc64le", 64 * K, 0, "ppc64-64k" }, /* 2 MiB, or 16 with hash page tables, both with pages of either size */
                { "ppc64le", 4 * K, 0, "ppc64-4k" },
                { "ppc64", 64 * K, 0, "ppc64-64k" },
                { "ppc64", 4 * K, 0, "ppc64-4k" },
                { "s390x", 4 * K, 1024 * K, "s390x" },
                { "riscv64", 4 * K, 2048 * K, "riscv64" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                if (strcmp(rows[i].machine, machine) != 0)
                        continue;
                if (page_size > 0 ? rows[i].page_size == page_size : pmd_size == 0 || rows[i].pmd_size == 0 || rows[i].pmd_size == pmd_size)
                        return rows[i].arch;
        }
        return NULL;
}

int mhp_machine_parse_number(const char *text, size_t len, const char *key, uint64_t *ret) {
        size_t key_len = strlen(key), n = 0;
        const char *found = text, *end = text + len;
        char word[24];

        while ((found = memmem(found, (size_t) (end - found), key, key_len)) && found > text && found[-1] != '\n')
                found += key_len;
        if (!found)
                return -EINVAL;
        for (found += key_len; found < end && *found == ' ';)
                found++;
        while (found + n < end && found[n] >= '0' && found[n] <= '9' && n < sizeof(word) - 1) {
                word[n] = found[n];
                n++;
        }
        word[n] = '\0';
        return mhp_parse_u64(word, ret) < 0 ? -EINVAL : 0;
}

/* `Pages per block:  512`, the second line of it (pagetypeinfo_show(), mm/vmstat.c). */
int mhp_machine_parse_pageblock(const char *text, size_t len, uint64_t *ret) {
        uint64_t pages;

        if (mhp_machine_parse_number(text, len, "Pages per block:", &pages) < 0 || !is_power(pages))
                return -EINVAL;
        *ret = pages;
        return 0;
}

uint64_t mhp_machine_page_size(uint64_t bytes, uint64_t pages) {
        for (uint64_t size = 4 * K; pages > 0 && size <= 64 * K; size *= 4)
                if (bytes / pages >= size / 4 * 3 && bytes / pages < size / 2 * 3)
                        return size;
        return 0;
}

/* Whether the root is this machine's own: what the C library says of the running kernel is true of it then. */
static bool is_live(const struct mhp_root *root) {
        struct stat a, b;

        return fstat(root->fd, &a) == 0 && stat("/", &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void read_name(const struct mhp_root *root, bool live, char ret[static MACHINE_NAME_MAX]) {
        struct utsname name;

        if (live && uname(&name) == 0 && strlen(name.machine) < MACHINE_NAME_MAX)
                memcpy(ret, name.machine, strlen(name.machine) + 1);
        else if (mhp_root_read(root, NAME_ARCH, ret, MACHINE_NAME_MAX) < 0) /* 6.1 and later */
                memcpy(ret, "x86_64", sizeof("x86_64"));
}

/* Linux 6.8 splits a range into blocks with an altmap each (create_altmaps_and_memory_blocks(), mm/memory_hotplug.c). */
static bool is_before_6_8(void) {
        struct utsname name;
        unsigned major, minor;

        return uname(&name) == 0 && sscanf(name.release, "%u.%u", &major, &minor) == 2 && (major < 6 || (major == 6 && minor < 8));
}

static uint64_t read_pmd(const struct mhp_root *root) {
        char buf[32];
        uint64_t size;

        if (mhp_root_read(root, NAME_PMD_SIZE, buf, sizeof(buf)) < 0 || mhp_parse_u64(buf, &size) < 0 || !is_power(size))
                return 0;
        return size;
}

static int read_pageblock(const struct mhp_root *root, struct mhp_machine *machine) {
        _cleanup_free_ char *text = NULL;
        uint64_t pages, size;
        size_t len;
        int r = mhp_root_read_all(root, NAME_PAGETYPEINFO, &text, &len);

        if (mhp_error_passes(r))
                return r;
        if (r < 0 || mhp_machine_parse_pageblock(text, len, &pages) < 0 ||
            __builtin_mul_overflow(pages, machine->geometry.page_size, &size)) /* the file is root's */
                return 0;
        machine->geometry.pageblock_size = size;
        machine->read |= MHP_GEOMETRY_PAGEBLOCK_SIZE;
        return 0;
}

static uint64_t read_number(const struct mhp_root *root, const char *path, const char *key) {
        _cleanup_free_ char *text = NULL;
        uint64_t value;
        size_t len;

        if (mhp_root_read_all(root, path, &text, &len) < 0 || mhp_machine_parse_number(text, len, key, &value) < 0)
                return 0;
        return value;
}

/* No file names the page size; but the same amount of memory is told in KiB and in pages. 0: not known. */
static uint64_t read_page(const struct mhp_root *root, bool live) {
        if (live)
                return (uint64_t) sysconf(_SC_PAGESIZE);
        return mhp_machine_page_size(mhp_mul_sat(read_number(root, NAME_MEMINFO, "MemFree:"), K), read_number(root, NAME_VMSTAT, "nr_free_pages "));
}

/* `MMU\t\t: Hash`, the last line but some of it (show_cpuinfo() and pSeries_show_cpuinfo(), arch/powerpc). */
static bool has_hash_mmu(const struct mhp_root *root, const char *name) {
        _cleanup_free_ char *text = NULL;
        const char *line;
        size_t len;

        if (strncmp(name, "ppc64", 5) != 0 || mhp_root_read_all(root, NAME_CPUINFO, &text, &len) < 0)
                return false;
        line = memmem(text, len, "\nMMU", 4);
        if (!line)
                return false;
        line += 4 + strspn(line + 4, "\t :");
        return strncmp(line, "Hash", 4) == 0;
}

static void take_preset(const char *name, uint64_t page, uint64_t pmd, struct mhp_machine *machine) {
        const char *arch = mhp_machine_arch(name, page, pmd);

        if (arch && mhp_geometry_preset(arch, &machine->geometry) >= 0)
                return;
        machine->generic = true;
        mhp_geometry_generic(page >= 4 * K && page <= 64 * K ? page : 4 * K, &machine->geometry);
}

int mhp_machine_read(const struct mhp_root *root, struct mhp_machine *ret) {
        struct mhp_machine machine = { 0 };
        char name[MACHINE_NAME_MAX];
        bool live = is_live(root);
        uint64_t page, pmd;
        int r;

        read_name(root, live, name);
        page = read_page(root, live);
        pmd = read_pmd(root);
        take_preset(name, page, pmd, &machine);

        machine.one_block_only = live && is_before_6_8();
        machine.geometry.hash_mmu = has_hash_mmu(root, name);
        if (page > 0 && page == machine.geometry.page_size)
                machine.read |= MHP_GEOMETRY_PAGE_SIZE;
        if (pmd >= machine.geometry.page_size) {
                machine.geometry.pmd_size = pmd;
                machine.read |= MHP_GEOMETRY_PMD_SIZE;
        }
        r = read_pageblock(root, &machine);
        if (r < 0)
                return r;
        *ret = machine;
        return 0;
}

/* setup_elfcorehdr() (kernel/crash_dump.c): who boots such a kernel says by this where the headers of the other one's memory are. */
bool mhp_machine_cmdline_dumps(const char *text) {
        static const char word[] = "elfcorehdr=";

        for (const char *p = text; (p = strstr(p, word)); p++)
                if (p == text || isspace((unsigned char) p[-1]))
                        return true;
        return false;
}

/* arm64 and others are told by their device tree and not by the command line; there the file alone tells. */
bool mhp_machine_dumps(const struct mhp_root *root) {
        _cleanup_free_ char *text = NULL;
        size_t len;

        if (mhp_root_exists(root, NAME_VMCORE))
                return true;
        return mhp_root_read_all(root, NAME_CMDLINE, &text, &len) >= 0 && mhp_machine_cmdline_dumps(text);
}
