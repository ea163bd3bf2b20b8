/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A kernel's memory hotplug behind the door "steps out", without a kernel: scenarios, the randomised test of the ring and the
 * benchmark run on it. Nothing happens by itself; mhp_sim_pump() does one thing at a time, in the order in which the daemon does
 * it, and between two calls anything may befall the machine. Time is a number that only deadlines and mhp_sim_advance() move.
 *
 * What it keeps of the real one: `add` comes before the links, which are there when the hotplug lock is free again; a block that is
 * where it is asked to be gives EINVAL, as does taking zone `none` offline; a write that fails is not announced; another hand is
 * announced like our own; a writer that is stuck leaves at the deadline, or is killed and leaves the rest of its step undone; a block with pages
 * that cannot move does not go offline; a DIMM is ejected as a whole, or what had gone offline by then comes back in another zone; virtio-mem takes out what is
 * offline, and what is online if it may, as soon as the host has asked for it; a teardown takes many blocks offline with nobody in between, all or
 * none, and leaves them on hold. */

#include "core/follower.h"
#include "core/ring.h"

enum mhp_sim_links {
        MHP_SIM_LINKS_LATE,   /* node and group stay hidden until mhp_sim_link() */
        MHP_SIM_LINKS_SETTLE, /* until the next settle that comes through */
        MHP_SIM_LINKS_THERE,
};

struct mhp_sim_fault {
        uint16_t error; /* errno */
        uint16_t n;     /* how many writes still fail with it */
};

struct mhp_sim_block {
        uint32_t nr;
        uint32_t n_writes;              /* by mhpd */
        uint32_t group;                 /* index into the names */
        int16_t node;
        uint8_t n_nodes;
        uint8_t state, zone, valid;     /* as in struct mhp_reading */
        uint8_t links;                  /* enum mhp_sim_links */
        uint32_t used, fixed;           /* pages that move, and that do not */
        uint32_t huge, balloon;         /* pages that move as well: hugetlb's, and a balloon's */
        bool held;                      /* it cannot be onlined */
        bool killed;                    /* a stuck writer has to be killed: it waits for the lock and not inside the operation */
        uint16_t n_stuck;               /* writes that will be stuck */
        uint16_t n_unread;              /* reads by the daemon that will fail */
        struct mhp_sim_fault fault[2];  /* of onlining, of offlining */
};

struct mhp_sim_plug {
        const char *group;       /* SOURCE:DEVICE; NULL: none */
        enum mhp_source source;
        struct mhp_range blocks;
        int node;                /* -1: none */
        enum mhp_zone zone;      /* where the kernel puts it by itself; UNSET: as it is armed */
        uint8_t valid;           /* 0: Normal and Movable */
        uint32_t device_block;   /* of the group */
        bool chosen;             /* as in struct mhp_reading */
        enum mhp_sim_links links;
};

enum mhp_sim_action {
        MHP_SIM_ADD,
        MHP_SIM_REMOVE,
        MHP_SIM_CHANGE,
};

struct mhp_sim_uevent {
        enum mhp_sim_action action;
        uint32_t nr;
};

struct mhp_sim_group {
        char name[MHP_GROUP_NAME_MAX];
        enum mhp_source source;
        uint32_t device_block;   /* as in struct mhp_group */
        bool chosen;             /* as in struct mhp_reading */
        uint32_t asked;          /* blocks that the host wants back (virtio-mem) */
};

enum mhp_sim_stage {
        MHP_SIM_IDLE,
        MHP_SIM_BEGIN,   /* the next block's write is due */
        MHP_SIM_STUCK,   /* it does not come back */
        MHP_SIM_WRITTEN, /* it has come back; nobody was told yet */
};

struct mhp_sim {
        uint64_t block_size;
        uint64_t now;                  /* µs */
        /* the kernel */
        struct mhp_sim_block *blocks;  /* sorted; owned */
        size_t n_blocks, blocks_capacity;
        size_t hint;                   /* where the block asked for last was */
        struct mhp_sim_group *groups;  /* owned */
        size_t n_groups, groups_capacity;
        struct mhp_range hidden;       /* blocks whose links a settle will show lie within; empty if first > last */
        enum mhp_verb auto_online;     /* auto_online_blocks; NONE: offline */
        bool auto_default;             /* it says `online`: the zone that valid_zones names first */
        uint32_t foreign;              /* the block that another hand is taking offline, with the hotplug lock held; MHP_NO_BLOCK: none */
        unsigned n_settle_stuck;       /* settles that will not come through; UINT_MAX: for ever */
        uint64_t n_kernel;             /* blocks online in kernel zones */
        bool vetoed;                   /* ejects fail: /sys/firmware/acpi/hotplug/memory/enabled is 0 */
        bool foreign_veto;             /* and that is another's doing */
        bool no_unplug_online;         /* virtio-mem takes offline blocks only */
        bool blind;                    /* pages cannot be counted */
        bool firmware_refuses;         /* an eject comes to nothing */
        struct mhp_sim_fault device_fault[3]; /* of HOLD, RELEASE, HAND */
        unsigned n_device_stuck;       /* device steps that will not come back before their deadline */
        struct mhp_sim_uevent *uevents; /* sent and not heard; owned */
        size_t n_uevents, uevents_capacity;
        bool overflow;                 /* some were lost, and the listener will be told (ENOBUFS) */
        struct mhp_pressure pressure;  /* as it was when n_kernel was pressure_kernel */
        uint64_t pressure_kernel;
        /* the daemon's part */
        mhp_step_fn tell;              /* sees every step that comes out, reports too; may be NULL */
        void *userdata;
        enum mhp_verb verb;            /* of the step under way */
        enum mhp_sim_stage stage;
        char device[MHP_GROUP_NAME_MAX]; /* of HOLD, RELEASE, HAND */
        bool interrupted;              /* it is not wanted any more */
        bool waiting;                  /* STUCK: for the hotplug lock, which another hand has */
        bool timed_out;            /* a write of the step had to be interrupted at its deadline */
        uint64_t deadline;
        bool lift;                     /* of what is on hold */
        struct mhp_follower follower;  /* owned */
        size_t at;                     /* the item of the step whose turn it is */
        uint8_t *was;                  /* owned; of each item of a TEARDOWN the zone that it was in */
        size_t was_capacity;
        int error;                     /* of the write that has come back */
        struct mhp_reading result;     /* the worker's own reading after it */
        bool result_gone;
        bool turn_due, rescan_due;
};

int mhp_sim_new(uint64_t block_size, struct mhp_sim **ret);
struct mhp_sim *mhp_sim_free(struct mhp_sim *sim);
DEFINE_CLEANUP(struct mhp_sim *, mhp_sim_free)
#define _cleanup_sim_ _cleanup_(mhp_sim_freep)

/* ------------------------------------------------------------------------------------------------------------ the kernel */

/* Memory that is there from the start, as `like` (its state, zone, node, …); says nothing to anybody. -EEXIST: some of it is there. */
int mhp_sim_place(struct mhp_sim *sim, struct mhp_range blocks, const struct mhp_block *like, const char *group, enum mhp_source source);

/* Memory arrives. Blocks are announced in the order of the kernel: all of a DIMM before the first is online, virtio-mem one by one. */
int mhp_sim_plug(struct mhp_sim *sim, const struct mhp_sim_plug *plug);

/* Memory goes: all that is there of it is taken offline, then removed. -EBUSY: a write holds the lock, or zone `none` is among it. */
int mhp_sim_unplug(struct mhp_sim *sim, struct mhp_range blocks);

/* Another hand writes ONLINE_* or OFFLINE. zone: where it comes online. -ENODEV, -EINVAL, -EBUSY: that hand is told so, nobody else. */
int mhp_sim_foreign(struct mhp_sim *sim, uint32_t nr, enum mhp_verb verb, enum mhp_zone zone);

/* Another hand begins to take a block offline, and holds the hotplug lock until it is done, or has given that up: of the latter no event tells.
 * -ENODEV, -EINVAL, -EBUSY as above. */
int mhp_sim_foreign_begin(struct mhp_sim *sim, uint32_t nr);
int mhp_sim_foreign_end(struct mhp_sim *sim, bool done);

/* The next n writes of ONLINE_* or OFFLINE (NONE: both) to the blocks fail with `error`; 0 ends that. */
void mhp_sim_fault(struct mhp_sim *sim, struct mhp_range blocks, enum mhp_verb verb, unsigned error, unsigned n);

/* The next n writes to the blocks are stuck until their deadline. */
void mhp_sim_stick(struct mhp_sim *sim, struct mhp_range blocks, unsigned n, bool killed);

/* What lies in the blocks, in pages. */
void mhp_sim_fill(struct mhp_sim *sim, struct mhp_range blocks, uint32_t used, uint32_t fixed);
void mhp_sim_fill_more(struct mhp_sim *sim, struct mhp_range blocks, uint32_t huge, uint32_t balloon);

/* The device is ejected, whoever asked: all of it leaves, or nothing, and then blocks may be in other zones. -EPERM: ejects are vetoed; -EBUSY: a write
 * holds the lock. */
int mhp_sim_eject(struct mhp_sim *sim, const char *group);

/* The host wants so many blocks of a virtio-mem device back. */
int mhp_sim_ask(struct mhp_sim *sim, const char *group, uint32_t n);

/* The next n HOLD, RELEASE or HAND steps fail with `error`. */
void mhp_sim_device_fault(struct mhp_sim *sim, enum mhp_verb verb, unsigned error, unsigned n);

/* Links that are late appear. Whoever wants to know has to look again. */
void mhp_sim_link(struct mhp_sim *sim, struct mhp_range blocks);

/* All that was not heard yet is lost, and the listener is told so; or comes twice. */
void mhp_sim_lose_uevents(struct mhp_sim *sim);
int mhp_sim_double_uevents(struct mhp_sim *sim);

/* Sets auto_online_blocks and the rest. The kernel's auto-movable is not simulated: a plug has to name its zone. */
void mhp_sim_arm(struct mhp_sim *sim, const struct mhp_arming *arming);

void mhp_sim_set_pressure(struct mhp_sim *sim, const struct mhp_pressure *pressure); /* the processors stay where they are */
void mhp_sim_set_processors(struct mhp_sim *sim, const struct mhp_ranges *nodes);
void mhp_sim_get_pressure(const struct mhp_sim *sim, struct mhp_pressure *ret);

/* The daemon's next n reads of these fail; UINT_MAX: all. */
void mhp_sim_hide(struct mhp_sim *sim, struct mhp_range blocks, unsigned n);

struct mhp_sim_block *mhp_sim_find(struct mhp_sim *sim, uint32_t nr);

/* What sysfs would say. False: it is not there. */
bool mhp_sim_read(struct mhp_sim *sim, uint32_t nr, struct mhp_reading *ret);

/* A write to the block's state: 0 or a positive errno. */
int mhp_sim_write(struct mhp_sim *sim, uint32_t nr, enum mhp_verb verb);

/* A block goes back to a zone that it had, hold or not; said like any other onlining. */
int mhp_sim_restore(struct mhp_sim *sim, uint32_t nr, enum mhp_zone zone);

/* A device step: 0 or a positive errno. */
int mhp_sim_device(struct mhp_sim *sim, enum mhp_verb verb, const char *group);

/* What the pages of a block would be counted as. False: it is not there, or that cannot be known. */
bool mhp_sim_count(struct mhp_sim *sim, uint32_t nr, struct mhp_tally *ret);

/* A settle: what is hidden until then is there. */
void mhp_sim_settle(struct mhp_sim *sim);

/* ------------------------------------------------------------------------------------------------------ the daemon's part */

/* The door for steps, with the simulator as userdata. */
int mhp_sim_step(void *sim, const struct mhp_step *step);

/* Every block, as at the start and after lost events. */
int mhp_sim_scan(struct mhp_sim *sim, struct mhp_ring *ring);

/* mhpd and its worker are killed: what a write had half done, the kernel undoes. */
void mhp_sim_kill(struct mhp_sim *sim);

/* A request or another configuration went into the ring: it wants a turn. */
void mhp_sim_wake(struct mhp_sim *sim);

/* One thing: hear what was announced, or give the ring its turn, or take the step under way further. 1: done; 0: all is quiet. */
int mhp_sim_pump(struct mhp_sim *sim, struct mhp_ring *ring);

/* Until all is quiet. -ELOOP: it never is. */
int mhp_sim_run(struct mhp_sim *sim, struct mhp_ring *ring);

/* Makes it the moment of the next tick, which there is, and tells the ring. */
int mhp_sim_tick(struct mhp_sim *sim, struct mhp_ring *ring);

/* Lets time pass, with all that is due in it. */
int mhp_sim_advance(struct mhp_sim *sim, struct mhp_ring *ring, uint64_t usec);
