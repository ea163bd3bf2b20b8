/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The logical memory blocks (LMBs) of a PowerVM or pseries guest, as its device tree lists them. An LMB is what the hypervisor gives and takes;
 * its drc index is the name that both sides call it by. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"

/* Consecutive LMBs that have consecutive drc indexes. */
struct mhp_lmb_set {
        uint64_t address; /* of the first, bytes */
        uint64_t n;
        uint32_t drc;     /* of the first */
        bool reserved;    /* they can neither come nor go: boot memory in QEMU, or no memory at all */
};

struct mhp_lmbs {
        struct mhp_lmb_set *set; /* by address; owned */
        size_t n, capacity;
        uint64_t size;           /* bytes of an LMB */
};

enum mhp_lmb_format {
        MHP_LMB_V1, /* ibm,dynamic-memory: an entry for each LMB */
        MHP_LMB_V2, /* ibm,dynamic-memory-v2: an entry for each set of LMBs that are alike */
};

/* How many 32-bit words an address takes in the root node, and the size of an LMB. */
struct mhp_lmb_cells {
        unsigned address; /* 1 or 2 */
        uint64_t size;    /* bytes */
};

/* A property's bytes: big endian words, no alignment. -EINVAL: it ends too soon, or cells makes no sense; -ENOMEM. */
int mhp_lmbs_parse(const void *data, size_t len, enum mhp_lmb_format format, struct mhp_lmb_cells cells, struct mhp_lmbs *ret);
void mhp_lmbs_done(struct mhp_lmbs *lmbs);
#define _cleanup_lmbs_ _cleanup_(mhp_lmbs_done)

/* The LMB that this address lies in. 1: it is one that can come and go, *ret is its drc index; 0: there is none, or a reserved one. */
int mhp_lmbs_find(const struct mhp_lmbs *lmbs, uint64_t address, uint32_t *ret);

/* A big endian number of n bytes, 8 at most. */
uint64_t mhp_big_endian(const void *data, size_t n);
