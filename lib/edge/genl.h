/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a kernel with the companion patch tells of memory beyond uevents: where a memmap came to lie, why a block could not go offline, that a block
 * changed its zone. Over generic netlink, which a stock kernel has without that family; it may come later, as a module would. */

#include <sys/types.h>

#include "base/macro.h"
#include "base/text.h"
#include "mhp.h"

enum mhp_kernel_kind {
        MHP_KERNEL_PLACEMENT,      /* start, size, requested, placement, reason, pages */
        MHP_KERNEL_OFFLINE_FAILED, /* block, error; pfn, page_flags unless pfn is MHP_NO_PFN */
        MHP_KERNEL_ZONE,           /* block, old_zone, zone */
        MHP_KERNEL_OFFERED,        /* the family is there now; error: why its events cannot be heard all the same, 0: they are */
        MHP_KERNEL_WITHDRAWN,      /* the family has gone, and no event comes until it is back */
        _MHP_KERNEL_KIND_MAX,
};

/* Why a placement is not the requested one; mhp_kernel_reason_name(). The values are the kernel's. */
enum mhp_kernel_reason {
        MHP_KERNEL_REASON_NONE,
        MHP_KERNEL_REASON_SOURCE,          /* this kind of memory cannot have it */
        MHP_KERNEL_REASON_PAGE_ALIGN,
        MHP_KERNEL_REASON_PAGEBLOCK_ALIGN,
        MHP_KERNEL_REASON_FILLS_BLOCK,
        MHP_KERNEL_REASON_ARCH,
        MHP_KERNEL_REASON_NO_MEMORY,       /* for the bookkeeping */
        _MHP_KERNEL_REASON_MAX,
};

struct mhp_kernel_event {
        enum mhp_kernel_kind kind;
        uint64_t start, size;                     /* bytes */
        enum mhp_placement requested, placement;  /* DRAM, SELF or FORCE */
        enum mhp_kernel_reason reason;
        uint64_t pages;                           /* of each block, that hold memmap */
        uint32_t block;
        int error;                                /* positive errno */
        uint64_t pfn, page_flags;                 /* page_flags as in kpageflags */
        enum mhp_zone zone, old_zone;             /* UNSET: a word that this version does not know */
};

/* Positive answers. */
enum {
        MHP_GENL_NOT_OFFERED = 1, /* this kernel has no such family (yet) */
        MHP_GENL_REFUSED = 2,     /* it has, and its events are not for this user */
        MHP_GENL_LOST = 2,        /* mhp_genl_next(): some events were lost */
};

struct mhp_genl;

/* buffer: bytes of the socket's receive buffer. 0: events are heard; NOT_OFFERED, REFUSED: *ret is there all the same, and has the family when it comes. A
 * negative errno: no generic netlink. */
int mhp_genl_new(int buffer, struct mhp_genl **ret);
struct mhp_genl *mhp_genl_free(struct mhp_genl *genl);
DEFINE_CLEANUP(struct mhp_genl *, mhp_genl_free)
int mhp_genl_fd(const struct mhp_genl *genl);

/* The next event that is there. 1: *ret has it; 0: no more for now; LOST: the socket was full, whatever the events were about has to be read again. Does
 * not block. */
int mhp_genl_next(struct mhp_genl *genl, struct mhp_kernel_event *ret);

/* Whether this kernel has the family: 1, 0, or a negative errno. Nothing is joined, so anyone may ask. */
int mhp_genl_offered(void);

/* The next event in what one recv(2) gave, of the family with this number (0: none yet, only its coming is looked for) at or behind *at, which is moved
 * on. For OFFERED, *ret_family and *ret_group have its numbers. 1, or 0: no more. What makes no sense is passed over. The data is aligned as
 * by malloc(). */
int mhp_genl_parse(void *data, size_t len, uint16_t family, size_t *at, struct mhp_kernel_event *ret, uint16_t *ret_family, uint32_t *ret_group);

/* source-ignores memmap-not-page-aligned ... no-memory, as mhp_refusal_name() has them; NULL: NONE. */
const char *mhp_kernel_reason_name(enum mhp_kernel_reason reason);
const char *mhp_kernel_reason_words(enum mhp_kernel_reason reason);

/* The event in a sentence, for the journal; block_size in bytes. `The memmap of blocks 32-39 lies in ordinary memory, though ...: ...`. */
void mhp_kernel_event_words(const struct mhp_kernel_event *event, uint64_t block_size, struct mhp_text *text);

/* Flags of a page as in kpageflags: `slab,compound-head`. */
void mhp_page_flags_words(uint64_t flags, struct mhp_text *text);
