/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/explain.h"

#include <errno.h>
#include <inttypes.h>

static const struct {
        const char *one, *many;
} words[_MHP_CLASS_MAX] = {
        [MHP_CLASS_FREE] = { "free page", "free pages" },
        [MHP_CLASS_ANON] = { "anonymous page", "anonymous pages" },
        [MHP_CLASS_FILE] = { "page of a file", "pages of files" },
        [MHP_CLASS_SHMEM] = { "page of shared memory", "pages of shared memory" },
        [MHP_CLASS_HUGETLB] = { "page in hugetlb pages", "pages in hugetlb pages" },
        [MHP_CLASS_MLOCKED] = { "mlocked page", "mlocked pages" },
        [MHP_CLASS_OFFLINE] = { "page taken by a driver", "pages taken by a driver" },
        [MHP_CLASS_POISONED] = { "poisoned page", "poisoned pages" },
        [MHP_CLASS_SELF_HOSTED] = { "page of its own memmap", "pages of its own memmap" },
        [MHP_CLASS_HOLE] = { "missing page", "missing pages" },
        [MHP_CLASS_UNMARKED] = { "page without a mark", "pages without a mark" },
        [MHP_CLASS_SLAB] = { "slab page", "slab pages" },
        [MHP_CLASS_PAGE_TABLE] = { "page table", "page tables" },
        [MHP_CLASS_PINNED] = { "pinned page", "pinned pages" },
        [MHP_CLASS_RESERVED] = { "reserved page", "reserved pages" },
        [MHP_CLASS_KERNEL] = { "other page of the kernel", "other pages of the kernel" },
};

static void add_class(struct mhp_text *text, const struct mhp_tally *tally, enum mhp_class class, const char *between) {
        uint32_t n = tally->pages[class];

        mhp_text_printf(text, n == 1 ? "%s%" PRIu32 " %s at PFN 0x%" PRIx64 : "%s%" PRIu32 " %s, the first at PFN 0x%" PRIx64, between, n,
                        n == 1 ? words[class].one : words[class].many, tally->first[class]);
}

static void add_classes(struct mhp_text *text, const struct mhp_tally *tally, bool fixed) {
        const char *between = "";

        for (unsigned c = 0; c < _MHP_CLASS_MAX; c++) {
                enum mhp_class class = (enum mhp_class) c;

                if (tally->pages[c] == 0 || !(fixed ? mhp_class_is_fixed(class) : mhp_class_is_movable(class)))
                        continue;
                add_class(text, tally, class, between);
                between = "; ";
        }
}

/* What the kernel gives up on, or does not get done in time. */
static bool is_busy(int error) {
        return error == EBUSY || error == ETIMEDOUT || error == EINTR;
}

#define UNSEEN "page flags do not show (DMA, RDMA, io_uring, vmsplice, VFIO)"

/* Nothing that is seen explains it. */
static void add_unseen(struct mhp_text *text, const struct mhp_tally *tally, int error) {
        if (!tally) {
                mhp_text_add(text, error == EBUSY ? "pages that do not move, or are held by references that " UNSEEN
                                                  : "pages that moved too slowly, or are held by references that " UNSEEN);
        } else if (error == EBUSY && tally->pages[MHP_CLASS_OFFLINE] > 0) {
                add_class(text, tally, MHP_CLASS_OFFLINE, "");
                mhp_text_add(text, ", and it does not give them back");
        } else if (mhp_tally_movable(tally) > 0) {
                add_classes(text, tally, false);
                mhp_text_add(text, error == EBUSY ? ": not moved, perhaps held by references that " UNSEEN
                                                  : ": not moved in time, too many or held by references that " UNSEEN);
        } else if (tally->pages[MHP_CLASS_UNMARKED] > 0) {
                add_class(text, tally, MHP_CLASS_UNMARKED, "");
                mhp_text_add(text, ": the kernel's own (a stack, vmalloc, a driver), or free on a processor's list");
        } else {
                mhp_text_add(text, "pages that were in use then and are not seen any more");
        }
}

static void add_keeps(const struct mhp_tally *tally, int error, struct mhp_text *text) {
        if (tally && mhp_tally_fixed(tally) > 0)
                add_classes(text, tally, true);
        else if (is_busy(error))
                add_unseen(text, tally, error);
        else if (error == ENOMEM && tally && mhp_tally_movable(tally) > 0) {
                add_classes(text, tally, false);
                mhp_text_add(text, ": no room for them elsewhere");
        } else if (error == ENOMEM) {
                mhp_text_add(text, "no room elsewhere for what lies in it");
        }
}

void mhp_explain_keeps(const struct mhp_tally *tally, int error, struct mhp_text *text) {
        size_t before = text->len;

        add_keeps(tally, error, text);
        if (tally && tally->kept != 0 && text->len > before)
                mhp_text_printf(text, "; the kernel names PFN 0x%" PRIx64, tally->kept);
}

/* Something in it stays. */
static const char *fixed_advice(const struct mhp_tally *tally, const struct mhp_block *block, enum mhp_source source) {
        if (mhp_tally_fixed(tally) == tally->pages[MHP_CLASS_PINNED])
                return "end what holds the pinned pages (a pipe that was given them by vmsplice, a driver, RDMA), then try again";
        if (tally->pages[MHP_CLASS_RESERVED] > 0)
                return "reserved pages were handed out at boot and stay until the next one: choose another block";
        if (source == MHP_SOURCE_BOOT)
                return "the kernel's own pages cannot be moved, and boot memory is what the kernel takes first: choose another block";
        if (block->zone == MHP_ZONE_MOVABLE)
                return "the kernel's own pages are not expected in Movable: look again, and if they stay, find out which driver put them there";
        if (tally->pages[MHP_CLASS_SLAB] > 0)
                return "the kernel's own pages cannot be moved: nothing helps until their users free them (dropping caches frees some slab); "
                       "memory that shall leave again belongs in Movable (Zone=movable)";
        return "the kernel's own pages cannot be moved: nothing helps until their users free them; "
               "memory that shall leave again belongs in Movable (Zone=movable)";
}

/* An attempt failed, and nothing that stays is to be seen. tally may be NULL. */
static const char *failed_advice(const struct mhp_tally *tally, const struct mhp_block *block, enum mhp_source source, int error) {
        if (error == ENOMEM && tally && tally->pages[MHP_CLASS_HUGETLB] > 0)
                return "make room for its huge pages elsewhere: free some of the same size on other blocks, or make the pool smaller";
        if (error == ENOMEM)
                return "free or add memory first: what lies in it has nowhere to go";
        if (error == EPERM)
                return "the kernel forbids it, as arm64 does for all boot memory: choose another block";
        if (!is_busy(error))
                return NULL;
        if (tally && tally->pages[MHP_CLASS_OFFLINE] > 0 && source == MHP_SOURCE_VIRTIO_MEM)
                return "let the device shrink instead: its driver then gives back what it took";
        if (tally && tally->pages[MHP_CLASS_OFFLINE] > 0 && error == EBUSY)
                return "deflate the balloon, or unload the driver that took pages out of it";
        if (tally && tally->pages[MHP_CLASS_HUGETLB] > 0)
                return "give it more time; free the huge pages in it, or have more free elsewhere than are reserved";
        if (block->zone != MHP_ZONE_MOVABLE)
                return "try again later: in a kernel zone the kernel may use any of its pages; memory that shall leave again belongs in Movable (Zone=movable)";
        return "give it more time, or find what does DMA, RDMA, io_uring, vmsplice or VFIO on its pages and end that";
}

/* Nobody has tried, or it was not for lack of trying. */
static const char *early_advice(const struct mhp_tally *tally, const struct mhp_block *block) {
        if (!tally)
                return NULL;
        if (block->zone != MHP_ZONE_MOVABLE)
                return tally->pages[MHP_CLASS_UNMARKED] > 0
                               ? "only a try can tell, for in a kernel zone pages without a mark may be the kernel's own; "
                                 "memory that shall leave again belongs in Movable (Zone=movable)"
                               : "take it offline soon if it shall go: in a kernel zone the kernel may use its pages at any time";
        if (tally->pages[MHP_CLASS_HUGETLB] > 0)
                return "huge pages in it can go if as many of that size can be had elsewhere";
        return NULL;
}

void mhp_explain_offline(const struct mhp_block *block, struct mhp_text *text) {
        if (block->flags & MHP_BLOCK_HANDS_OFF)
                mhp_text_add(text, "another hand took it offline, and mhpd leaves it so: `mhpctl online` brings it back");
        else if (block->flags & MHP_BLOCK_GAVE_UP)
                mhp_text_printf(text, "it did not come online in %u attempts, and mhpd has given up: `mhpctl online` has it try again", block->attempts);
        else if (block->goal == MHP_WANT_NONE && block->reason == MHP_REASON_REQUESTED)
                mhp_text_add(text, "it was asked for: `mhpctl online` brings it back");
        else if (block->goal == MHP_WANT_NONE && block->reason == MHP_REASON_REMOVAL)
                mhp_text_add(text, "it is on its way out of the machine");
}

void mhp_explain_advice(const struct mhp_tally *tally, const struct mhp_block *block, enum mhp_source source, int error, struct mhp_text *text) {
        const char *advice;

        if (block->state == MHP_STATE_OFFLINE)
                mhp_explain_offline(block, text);
        if (block->state != MHP_STATE_ONLINE)
                return;
        if (block->zone == MHP_ZONE_NONE)
                advice = "it never goes offline: it is memory of the boot with holes in it, or of more than one zone or node";
        else if (tally && mhp_tally_fixed(tally) > 0)
                advice = fixed_advice(tally, block, source);
        else if (error != 0)
                advice = failed_advice(tally, block, source, error);
        else
                advice = early_advice(tally, block);
        if (advice)
                mhp_text_add(text, advice);
}
