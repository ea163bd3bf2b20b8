/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A memory block: what sysfs last said of it, what is wanted of it, and where its work stands. */

#include <stdbool.h>
#include <stdint.h>

#include "base/range.h"
#include "mhp.h"

/* Where policy or an administrator wants a block. KERNEL is any zone below Movable, as `online_kernel` gives it. */
enum mhp_want {
        MHP_WANT_UNSET,
        MHP_WANT_AUTO,    /* only in configuration and requests; a goal is one of the three below */
        MHP_WANT_MOVABLE,
        MHP_WANT_KERNEL,
        MHP_WANT_NONE,    /* stays offline */
        _MHP_WANT_MAX,
};

/* Why. The tokens are a promise (journal field MHPD_REASON, JSON `reason`); see mhp_reason_name(). */
enum mhp_reason {
        MHP_REASON_UNSET,
        MHP_REASON_RULE,                /* a [Rule] names the zone */
        MHP_REASON_ONLINE_ZONE,         /* [Online] Zone= names the zone */
        MHP_REASON_RATIO_ALLOWS,        /* auto: movable + new within MovableRatio of kernel memory */
        MHP_REASON_RATIO_EXCEEDED,      /* auto: beyond it, over the whole machine */
        MHP_REASON_NODE_RATIO_EXCEEDED, /* auto: beyond it on the node */
        MHP_REASON_MEMORY_ONLY_NODE,    /* auto: within it over the machine, and the node has neither processors nor kernel memory */
        MHP_REASON_KERNEL_PRESSURE,     /* auto: the kernel zones have less than KernelHeadroom left */
        MHP_REASON_UNIT,                /* the rest of its DIMM or dax device is in that zone */
        MHP_REASON_ZONE_NOT_OFFERED,    /* valid_zones does not offer Movable */
        MHP_REASON_REQUESTED,           /* an administrator asked through mhpctl */
        MHP_REASON_FOUND_ONLINE,        /* it was online when mhpd first saw the machine */
        MHP_REASON_KERNEL_DECIDED,      /* By=kernel with Zone=auto: the kernel's auto-movable chose */
        MHP_REASON_ACCEPTED,            /* another hand put it there and it is left there */
        MHP_REASON_FOREIGN_OFFLINE,     /* another hand took it offline and it is left so */
        MHP_REASON_REMOVAL,             /* it is on its way out of the machine, or was taken there and waits for the rest */
        MHP_REASON_RESTORED,            /* that was given up: it goes back where it was */
        _MHP_REASON_MAX,
};

enum mhp_block_flags {
        MHP_BLOCK_SETTLED   = 1 << 0, /* no hotplug work of others on it is under way: links exist, its device is complete, nobody takes it offline */
        MHP_BLOCK_BUSY      = 1 << 1, /* part of the step under way */
        MHP_BLOCK_REPAIRED  = 1 << 2, /* its one repair is used up or under way */
        MHP_BLOCK_REPAIRING = 1 << 3, /* to be taken offline and put where the goal says */
        MHP_BLOCK_GAVE_UP   = 1 << 4, /* attempts used up; a request or a reload starts over */
        MHP_BLOCK_SEEN      = 1 << 5, /* by the scan under way */
        MHP_BLOCK_ARRIVED   = 1 << 6, /* came after the first scan, or was found offline by it */
        MHP_BLOCK_OURS      = 1 << 7, /* mhpd put it where it is */
        MHP_BLOCK_HANDS_OFF = 1 << 8, /* another hand took it offline: it stays so until that hand, or a request, says otherwise; the goal is kept */
        MHP_BLOCK_COUNTED   = 1 << 9, /* `used` and `fixed` are known, and no older than its state */
        MHP_BLOCK_CHEAP     = 1 << 10, /* counted: nothing in it stays, and of the rest there is little */
        MHP_BLOCK_TOLD      = 1 << 11, /* that it drifted is told; what is to be done about that waits for a calm moment */
        MHP_BLOCK_CHOSEN    = 1 << 12, /* somebody has chosen the zone of its device, as of the last reading: struct mhp_reading */
        MHP_BLOCK_ASTRAY    = 1 << 13, /* nobody has decided that it be online where it is: another hand was faster at its arrival, a failed eject
                                        * brought it back, or somebody asked for another place */
        MHP_BLOCK_TAKEN     = 1 << 14, /* another hand was taking it offline when it was last read */
        MHP_BLOCK_UNREAD    = 1 << 15, /* it could not be read when it was last tried: what is known of it may be old */
};

/* The list a block stands in: what has to be done next with it. Derived from the other fields by
 * mhp_block_queue() and kept by map_apply() alone. */
enum mhp_queue {
        MHP_QUEUE_NONE,           /* nothing to do */
        MHP_QUEUE_UNSETTLED,      /* hotplug work on it is under way, or it could not be read: wait until that is over, then read it again */
        MHP_QUEUE_UNDECIDED,      /* policy has not spoken */
        MHP_QUEUE_DRIFT,          /* online where it is not wanted, nothing decided about that */
        MHP_QUEUE_ONLINE_MOVABLE, /* write online_movable */
        MHP_QUEUE_ONLINE_KERNEL,  /* write online_kernel */
        MHP_QUEUE_OFFLINE,        /* write offline (repair) */
        MHP_QUEUE_WAITING,        /* failed; again at retry_at */
        MHP_QUEUE_BUSY,
        _MHP_QUEUE_MAX,
};

#define MHP_NO_GROUP UINT32_MAX
#define MHP_ZONE_BIT(zone) (1u << (zone))

struct mhp_block {
        uint32_t nr;
        uint32_t group;      /* index into map->groups, MHP_NO_GROUP: not known */
        uint32_t prev, next; /* neighbours in the queue, block numbers or MHP_NO_BLOCK */
        uint64_t retry_at;   /* µs on the caller's monotonic clock; 0: no wait */
        uint64_t arrived_at; /* if ARRIVED: when, µs on that clock. In no text: it means nothing to another process */
        int16_t node;        /* lowest node, -1: not known */
        uint8_t n_nodes;     /* boot memory may span several */
        uint8_t state;       /* enum mhp_state */
        uint8_t zone;        /* enum mhp_zone; UNSET unless online */
        uint8_t valid;       /* MHP_ZONE_BIT()s that valid_zones offered while offline */
        uint8_t goal;        /* enum mhp_want */
        uint8_t reason;      /* enum mhp_reason of the goal */
        uint8_t rule;        /* which rule gave the goal: 1-based, 0: none */
        uint8_t attempts;    /* failed tries in a row, saturating */
        uint8_t queue;       /* enum mhp_queue */
        uint16_t flags;      /* enum mhp_block_flags */
        uint16_t error;      /* errno of the last failed try, 0: none */
        uint8_t home;        /* member of a removal: enum mhp_zone that it goes back to if that is given up; UNSET: it was offline, stays so */
        uint32_t removal;    /* id of the removal that it is a member of, 0: none */
        uint32_t used, fixed; /* pages to be moved before it can go, and such as cannot be; if COUNTED */
        uint32_t huge;        /* of `used`, pages of hugetlb; some of them may be free in its pool, which page flags do not tell */
};

/* A fresh read of one block, as an edge makes it. Strings are the caller's and copied. */
struct mhp_reading {
        uint32_t nr;
        enum mhp_state state;
        enum mhp_zone zone;    /* UNSET unless online */
        uint8_t valid;         /* MHP_ZONE_BIT()s offered while offline */
        int16_t node;          /* lowest, -1: not known */
        uint8_t n_nodes;
        enum mhp_source source;
        const char *group;     /* `SOURCE:DEVICE` or `boot`; NULL: not known yet */
        uint32_t device_block; /* of the group: struct mhp_group */
        int error;             /* positive errno: why its state is UNKNOWN, EINVAL: it says what this version does not know; 0: it is known */
        bool chosen;           /* a user has written the zone to the device's own file (daxX.Y/state): what comes online of it is that user's doing */
};

/* Why the block is as it is: the reason of its goal, unless another hand took it offline. */
enum mhp_reason mhp_block_reason(const struct mhp_block *block);

const char *mhp_want_name(enum mhp_want want);     /* auto movable kernel none */
const char *mhp_reason_name(enum mhp_reason reason);
const char *mhp_queue_name(enum mhp_queue queue);

/* The words back to values; -EINVAL. */
int mhp_state_parse(const char *s, enum mhp_state *ret);
int mhp_zone_parse(const char *s, enum mhp_zone *ret);
int mhp_source_parse(const char *s, enum mhp_source *ret);
int mhp_want_parse(const char *s, enum mhp_want *ret);
int mhp_reason_parse(const char *s, enum mhp_reason *ret);

/* valid_zones as the kernel prints it. Online: one zone goes to *ret_zone (kernels before 4.13 print two for boundary
 * blocks: the first is the one it is in). Offline: the bits of all to *ret_valid. Unknown words are passed over; -EINVAL when none is known. */
int mhp_valid_zones_parse(const char *s, enum mhp_state state, enum mhp_zone *ret_zone, uint8_t *ret_valid);

/* Movable memory counts as movable, every other zone (and `none`) as kernel memory; UNSET and Device as neither. */
enum mhp_want mhp_zone_class(enum mhp_zone zone);

/* DIMMs, dax devices and LMBs leave as one or not at all, so they go to one kind of zone; virtio-mem and the balloons give back single blocks. */
bool mhp_source_is_unit(enum mhp_source source);
