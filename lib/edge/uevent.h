/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kernel's own uevents for memory blocks, dax devices, and what a kernel with the companion patch tells of a host's requests, through
 * libudev's socket, before udevd has seen them. */

#include "edge/root.h"
#include "model/block.h"

enum mhp_uevent_action {
        MHP_UEVENT_ADD,
        MHP_UEVENT_REMOVE,
        MHP_UEVENT_CHANGE, /* online, offline, change, bind ...: read the block again */
        MHP_UEVENT_DAX,    /* something about a dax device; no block */
        MHP_UEVENT_EJECT,  /* the host wants the DIMM `device` back: EVENT=eject-request of the ACPI device; no block */
        MHP_UEVENT_RESIZE, /* the host wants the virtio-mem device `device` to have `requested` bytes; no block */
};

#define MHP_UEVENT_DEVICE_MAX 32

struct mhp_uevent {
        enum mhp_uevent_action action;
        uint32_t block;
        char device[MHP_UEVENT_DEVICE_MAX]; /* PNP0C80:00, virtio1 */
        uint64_t requested, plugged;        /* bytes */
};

struct mhp_uevents;

/* buffer: bytes of the socket's receive buffer. */
int mhp_uevents_new(int buffer, struct mhp_uevents **ret);
struct mhp_uevents *mhp_uevents_free(struct mhp_uevents *uevents);
DEFINE_CLEANUP(struct mhp_uevents *, mhp_uevents_free)
int mhp_uevents_fd(const struct mhp_uevents *uevents);

/* What there is may be for others, and that without end: a caller that has a limit looks at the clock after each. */
#define MHP_UEVENTS_PASSED 2

/* The next message that is there. 1: *ret has it; 0: there is none for now; PASSED: it is not for us, or makes no sense; -ENOBUFS: some were lost, everything
 * has to be read again; the socket goes on working. Does not block. */
int mhp_uevents_next(struct mhp_uevents *uevents, struct mhp_uevent *ret);

/* One message of the kernel's. 1: *ret has it; 0: it is not for us, or makes no sense. For tests and fuzzing. */
int mhp_uevent_parse(const char *data, size_t len, struct mhp_uevent *ret);
