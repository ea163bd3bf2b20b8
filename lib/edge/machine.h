/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The sizes that the kernel below a root works with: what it says of itself, and the preset of its architecture for the rest. All but the block
 * size, which edge/sysfs.h reads. */

#include "edge/root.h"
#include "mhp.h"

struct mhp_machine {
        struct mhp_geometry geometry;
        unsigned read; /* enum mhp_geometry_value: what is read, and no preset */
        bool generic;  /* there is no preset: what is not read is what 64-bit kernels have as a rule */
        bool one_block_only; /* the running kernel is older than 6.8: only what is added as one block can host its own memmap */
};

/* -ENOMEM. */
int mhp_machine_read(const struct mhp_root *root, struct mhp_machine *ret);

/* /proc/pagetypeinfo: pages in a pageblock, -EINVAL: it does not say. For tests and fuzzing. */
int mhp_machine_parse_pageblock(const char *text, size_t len, uint64_t *ret);

/* A kernel that was booted to write down the memory of one that crashed. */
bool mhp_machine_dumps(const struct mhp_root *root);

/* The kernel's command line: whether it names such a memory. For tests. */
bool mhp_machine_cmdline_dumps(const char *text);
/* The number behind `key`, which begins a line: `MemFree:  1024 kB`. -EINVAL. For tests and fuzzing. */
int mhp_machine_parse_number(const char *text, size_t len, const char *key, uint64_t *ret);

/* The page size of a kernel that says so much memory is free, in bytes and in pages; the two are read one after the other. 0: they do not go together. */
uint64_t mhp_machine_page_size(uint64_t bytes, uint64_t pages);

/* The preset for what uname(2) calls the machine; page_size 0: told by the PMD size, which may be 0 as well. NULL: none. */
const char *mhp_machine_arch(const char *machine, uint64_t page_size, uint64_t pmd_size);
