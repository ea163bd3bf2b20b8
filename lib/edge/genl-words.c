/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <inttypes.h>
#include <string.h>

#include "edge/genl.h"
#include "model/tally.h"

/* stable_page_flags(), fs/proc/page.c; those from 32 on are in no header for user space. */
static const char *const flag_names[] = {
        [0] = "locked",        [1] = "error",          [2] = "referenced",     [3] = "uptodate",  [4] = "dirty",    [5] = "lru",
        [6] = "active",        [7] = "slab",           [8] = "writeback",      [9] = "reclaim",   [10] = "buddy",   [11] = "mmap",
        [12] = "anonymous",    [13] = "swap-cache",    [14] = "swap-backed",   [15] = "compound-head", [16] = "compound-tail", [17] = "huge",
        [18] = "unevictable",  [19] = "hwpoison",      [20] = "no-page",       [21] = "ksm",      [22] = "thp",     [23] = "offline",
        [24] = "zero-page",    [25] = "idle",          [26] = "page-table",    [32] = "reserved", [33] = "mlocked", [34] = "mapped-to-disk",
        [35] = "private",      [36] = "private-2",     [37] = "owner-private", [38] = "arch",     [39] = "uncached", [40] = "soft-dirty",
        [41] = "arch-2",
};

void mhp_page_flags_words(uint64_t flags, struct mhp_text *text) {
        const char *comma = "";

        for (unsigned i = 0; i < 64; i++) {
                const char *name = i < ELEMENTSOF(flag_names) ? flag_names[i] : NULL;

                if (!(flags >> i & 1))
                        continue;
                if (name)
                        mhp_text_printf(text, "%s%s", comma, name);
                else
                        mhp_text_printf(text, "%s%u", comma, i);
                comma = ",";
        }
        if (flags == 0)
                mhp_text_add(text, "none");
}

static const char *place(enum mhp_placement placement, bool many) {
        switch (placement) {
        case MHP_PLACEMENT_SELF:
                return many ? "in the blocks themselves" : "in the block itself";
        case MHP_PLACEMENT_FORCE:
                return many ? "in whole pageblocks of the blocks themselves" : "in whole pageblocks of the block itself";
        case MHP_PLACEMENT_UNSET:
        case MHP_PLACEMENT_DRAM:
        case MHP_PLACEMENT_RANGE:
        case _MHP_PLACEMENT_MAX:
                break;
        }
        return "in ordinary memory";
}

/* `block 32`, `blocks 32-39`; whether there are many. What is of one block may have no size. */
static bool block_words(const struct mhp_kernel_event *e, uint64_t block_size, const char *word, struct mhp_text *text) {
        uint64_t first = e->size > 0 ? e->start / block_size : e->block, last = e->size > 0 ? (e->start + e->size - 1) / block_size : first;

        if (last > first)
                mhp_text_printf(text, "%ss %" PRIu64 "-%" PRIu64, word, first, last);
        else
                mhp_text_printf(text, "%s %" PRIu64, word, first);
        return last > first;
}

static void placement_words(const struct mhp_kernel_event *e, uint64_t block_size, struct mhp_text *text) {
        const char *why = mhp_kernel_reason_words(e->reason);
        bool many;

        mhp_text_add(text, "The memmap of ");
        many = block_words(e, block_size, "block", text);
        mhp_text_printf(text, " lies %s", place(e->placement, many));
        if (e->pages > 0)
                mhp_text_printf(text, ", %" PRIu64 " pages%s", e->pages, many ? " of each" : "");
        if (e->placement != e->requested)
                mhp_text_printf(text, ", though the kernel was to have it %s%s%s", place(e->requested, many), why ? ": " : "", why ? why : "");
}

static void failure_words(const struct mhp_kernel_event *e, uint64_t block_size, struct mhp_text *text) {
        mhp_text_add(text, "The kernel cannot take ");
        (void) block_words(e, block_size, "block", text);
        mhp_text_printf(text, " offline: %s", strerror(e->error));
        if (e->pfn == MHP_NO_PFN)
                return;
        mhp_text_printf(text, "; page 0x%" PRIx64 " is in the way, %s with the flags ", e->pfn,
                        mhp_class_name(mhp_page_class(e->page_flags, MHP_MAPPED_UNKNOWN)));
        mhp_page_flags_words(e->page_flags, text);
}

static const char *zone_word(enum mhp_zone zone) {
        return mhp_zone_name(zone) ? mhp_zone_name(zone) : "another zone";
}

static void zone_words(const struct mhp_kernel_event *e, uint64_t block_size, struct mhp_text *text) {
        bool many = block_words(e, block_size, "Block", text);

        mhp_text_printf(text, " came online in %s, and %s in %s before", zone_word(e->zone), many ? "were" : "was", zone_word(e->old_zone));
}

void mhp_kernel_event_words(const struct mhp_kernel_event *event, uint64_t block_size, struct mhp_text *text) {
        switch (event->kind) {
        case MHP_KERNEL_PLACEMENT:
                placement_words(event, block_size, text);
                return;
        case MHP_KERNEL_OFFLINE_FAILED:
                failure_words(event, block_size, text);
                return;
        case MHP_KERNEL_ZONE:
                zone_words(event, block_size, text);
                return;
        case MHP_KERNEL_OFFERED:
                if (event->error)
                        mhp_text_printf(text, "The kernel's memory events cannot be heard: %s", strerror(event->error));
                else
                        mhp_text_add(text, "The kernel's memory events are heard");
                return;
        case MHP_KERNEL_WITHDRAWN:
                mhp_text_add(text, "The kernel tells no memory events any more");
                return;
        case _MHP_KERNEL_KIND_MAX:
                return;
        }
}
