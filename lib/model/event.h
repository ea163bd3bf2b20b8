/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Everything that can change the map, and everything that can be done about it. */

#include "model/block.h"
#include "model/tally.h"

struct mhp_removal;

enum mhp_event_type {
        MHP_EVENT_SCAN_BEGIN, /* a whole read starts: every block follows as BLOCK */
        MHP_EVENT_SCAN_END,   /* blocks that it did not show are gone */
        MHP_EVENT_BLOCK,      /* a fresh read of one block: `reading` */
        MHP_EVENT_ADDED,      /* `block` was announced; it has not been read */
        MHP_EVENT_UNREAD,     /* `block` is there and could not be read, `error`: what is known of it stays, and it is read again */
        MHP_EVENT_GONE,       /* `block` is no more */
        MHP_EVENT_GOAL,       /* policy spoke: `block`, `want`, `reason`, `rule` */
        MHP_EVENT_REQUEST,    /* an administrator spoke: `block`, `want` */
        MHP_EVENT_REPAIR,     /* drift of `block` is to be repaired */
        MHP_EVENT_ACCEPT,     /* drift of `block` is accepted: its goal becomes what is */
        MHP_EVENT_TOLD,       /* drift of `block` is reported, and stays drift for now */
        MHP_EVENT_TAKEN,      /* `block` is part of the step that was just sent out */
        MHP_EVENT_OUTCOME,    /* of `verb` on `block`: `error`; comes after the fresh read of the block; `retry_at`: not before, 0: give up */
        MHP_EVENT_RELEASED,   /* `block` was in a step that ended before it was its turn */
        MHP_EVENT_TICK,       /* the waiting blocks whose retry_at is not after `now` are due */
        MHP_EVENT_RELOAD,     /* the configuration changed: goals of policy that are not reached are open again */
        MHP_EVENT_REMOVAL,    /* `removal` is new, or is like this now; with `verb` NONE and no removal, the one with the id `id` is forgotten */
        MHP_EVENT_MEMBER,     /* `block` is a member of the removal `id` and has its home in `zone`; id 0: of none */
        MHP_EVENT_COUNT,      /* what lies in `block`: `tally`; NULL: that cannot be known */
        _MHP_EVENT_MAX,
};

enum mhp_verb {
        MHP_VERB_NONE,
        MHP_VERB_SETTLE,         /* wait until the kernel's hotplug lock is free: the arrivals under way are complete then */
        MHP_VERB_ONLINE_MOVABLE,
        MHP_VERB_ONLINE_KERNEL,
        MHP_VERB_OFFLINE,
        MHP_VERB_TEARDOWN,       /* offline in this order under one hold of the kernel's hotplug lock, all or none; a block that failed has an outcome, none of the others then */
        MHP_VERB_COUNT,          /* look at the pages of the blocks; each outcome comes with a COUNT event before it */
        MHP_VERB_HOLD,           /* `group`: keep what brought it from taking it out by itself: the ACPI veto, virtio-mem's unplug_online */
        MHP_VERB_RELEASE,        /* and as it was before */
        MHP_VERB_HAND,           /* `group`: hand it over: eject, unbind, `unplugged` to a dax device's state */
        MHP_VERB_INTERRUPT,      /* the step under way is not wanted any more; no step of its own, and no outcome */
        MHP_VERB_REPORT,         /* nothing to do, something to tell: `note` */
        _MHP_VERB_MAX,
};

/* What a report tells. The names are in the journal field MHPD_EVENT. */
enum mhp_note {
        MHP_NOTE_NONE,
        MHP_NOTE_DECIDED,         /* goal and reason */
        MHP_NOTE_ONLINE,          /* online, by mhpd, where the goal said */
        MHP_NOTE_OFFLINE,         /* taken offline by mhpd, because that was asked for */
        MHP_NOTE_FAILED,          /* a try failed; another follows */
        MHP_NOTE_GAVE_UP,         /* the last try failed */
        MHP_NOTE_DRIFT,           /* online in another zone than wanted, by another hand */
        MHP_NOTE_REPAIRED,        /* and put right */
        MHP_NOTE_FOREIGN_OFFLINE, /* went offline, not by mhpd */
        MHP_NOTE_GONE,            /* left the machine */
        MHP_NOTE_RESCAN,          /* events were lost, everything was read again */
        MHP_NOTE_RESTORED,        /* a removal was given up, and the blocks are where they were before it */
        MHP_NOTE_REMOVAL,         /* a removal has begun: `words` */
        MHP_NOTE_REMOVED,         /* a removal has ended: `words` */
        _MHP_NOTE_MAX,
};

struct mhp_event {
        enum mhp_event_type type;
        uint64_t now;                      /* µs, monotonic, the caller's */
        uint32_t block;
        const struct mhp_reading *reading; /* BLOCK */
        enum mhp_want want;
        enum mhp_reason reason;
        uint8_t rule;
        enum mhp_verb verb;
        int error;                         /* positive errno, 0: done */
        uint64_t retry_at;
        uint32_t id;                       /* REMOVAL, MEMBER */
        enum mhp_zone zone;                /* MEMBER */
        const struct mhp_removal *removal; /* REMOVAL */
        const struct mhp_tally *tally;     /* COUNT */
};

/* A step out: one verb for many blocks, or one report for many blocks. Everything pointed to belongs to the ring and lives for the call. */
struct mhp_step {
        enum mhp_verb verb;
        const uint32_t *blocks;            /* ascending where the order does not matter */
        size_t n_blocks;
        uint32_t barrier;                  /* SETTLE, TEARDOWN: an online boot block to knock at */
        uint64_t deadline;                 /* µs that one block may take */
        bool lift;                         /* ONLINE_*: they go back where they were, also if TEARDOWN has left them on hold */
        enum mhp_note note;                /* REPORT and below */
        enum mhp_want want;
        enum mhp_zone zone;                /* where the blocks are */
        enum mhp_reason reason;
        int node;
        const char *group;
        int error;
        const char *words;                 /* the reason in words, NULL: the token says it */
        uint32_t removal;                  /* REPORT: id of the one that it is about, or that the blocks belong to; 0: none */
};

/* The two doors. Edges hand events to the first; the ring hands steps to the second. */
typedef int (*mhp_event_fn)(void *userdata, const struct mhp_event *event);
typedef int (*mhp_step_fn)(void *userdata, const struct mhp_step *step);

const char *mhp_verb_name(enum mhp_verb verb); /* what is written to memoryN/state, `settle`, `report` */
const char *mhp_note_name(enum mhp_note note);
const char *mhp_event_name(enum mhp_event_type type);
