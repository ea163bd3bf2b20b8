/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the kernel does, page by page and without any cleverness, for test-backing-random.c: who holds whose memmap is an array,
 * an altmap is filled by running altmap_alloc_block_buf() (mm/sparse-vmemmap.c, 6.12) once for every mapping. It shares nothing
 * with lib/model.
 *
 * Pages are counted from the first one that the test uses, `first`; vmemmap pages from the one that describes it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mhp.h"

#define ORACLE_PAGES 1024  /* memory that there is room for */
#define ORACLE_SLACK 128   /* vmemmap pages that a mapping may have beyond what describes these */
#define ORACLE_ALTMAPS (ORACLE_PAGES / 2 + 1) /* alive at the same time: each has two pages at least */
#define ORACLE_NONE UINT32_MAX

/* struct vmem_altmap. */
struct oracle_altmap {
        uint64_t base_pfn, free, reserve, align, alloc; /* base: as the machine counts */
        uint32_t start, end;                            /* pages whose adding it came with */
        enum mhp_placement placement;
        bool alive;
};

struct oracle_page {
        bool present;
        bool dram;       /* its struct page lies in ordinary memory */
        uint32_t altmap; /* it came with, or ORACLE_NONE */
        uint32_t holds;  /* the vmemmap page that lies in it, or ORACLE_NONE */
};

struct oracle {
        struct mhp_geometry geometry;
        uint64_t first;                                /* PFN */
        uint32_t n_pages;
        uint32_t section, subsection, block, leaf;     /* in pages */
        struct oracle_page pages[ORACLE_PAGES];
        uint32_t frames[ORACLE_PAGES + ORACLE_SLACK];  /* by vmemmap page: the page that it lies in */
        bool early[ORACLE_PAGES];                      /* by section */
        bool online[ORACLE_PAGES];                     /* by block */
        struct oracle_altmap altmaps[ORACLE_ALTMAPS];
        uint32_t remove_start, remove_end, remove_at;  /* what is being removed; at: the next section */
        uint32_t pending, n_pending;                   /* pages whose memmap in ordinary memory has to go next */
        uint64_t hosted_left;                          /* frames that the region whose last section has gone still has to free */
};

void oracle_init(struct oracle *o, const struct mhp_geometry *geometry, uint64_t first, uint32_t n_pages);

/* The address of a struct page, and the vmemmap page that an address is in. */
uint64_t oracle_address(const struct oracle *o, uint64_t page);
uint32_t oracle_vmemmap(const struct oracle *o, uint64_t address);

/* Pages that hold the struct page of this one: the first and, if it straddles two, the last. ORACLE_NONE: ordinary memory. */
uint32_t oracle_frame(const struct oracle *o, uint32_t page);
uint32_t oracle_last_frame(const struct oracle *o, uint32_t page);

bool oracle_any_present(const struct oracle *o, uint32_t start, uint32_t end);
bool oracle_all_present(const struct oracle *o, uint32_t start, uint32_t end);
bool oracle_any_online(const struct oracle *o, uint32_t start, uint32_t end);

/* Whether [start, end) has a part of what one altmap was made for, and not the whole of it. */
bool oracle_cuts(const struct oracle *o, uint32_t start, uint32_t end);

/* Whether some of [start, end) came with an altmap and some did not. */
bool oracle_mixes(const struct oracle *o, uint32_t start, uint32_t end);

/* The kernel's verdict; set_aside is what each altmap would get. */
void oracle_admit(const struct oracle *o, enum mhp_placement requested, uint64_t n_pages, struct mhp_admission *ret);

void oracle_add_early(struct oracle *o, uint32_t start, uint32_t end);
void oracle_add(struct oracle *o, uint32_t start, uint32_t end, enum mhp_placement placement, struct mhp_admission *ret);

/* Removing: what the model does is judged step by step. NULL, or what is wrong with it. */
void oracle_remove(struct oracle *o, uint32_t start, uint32_t end);
const char *oracle_step(struct oracle *o, const struct mhp_teardown_step *step);
const char *oracle_removed(struct oracle *o);
void oracle_forget(struct oracle *o); /* the rest of it, unseen */
