/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A goal that memory leaves: it is to be offline, or out of the machine. How far it is follows from this and from the blocks that
 * are members of it (struct mhp_block: removal, home); there is no list of steps done. */

#include "model/group.h"

#define MHP_TARGET_MAX MHP_GROUP_NAME_MAX /* what was asked for, in words; longer targets end in `...` */

enum mhp_removal_verb {
        MHP_REMOVAL_OFFLINE, /* `offline`: it stays in the machine */
        MHP_REMOVAL_UNPLUG,  /* `unplug`: and is handed to what brought it */
        _MHP_REMOVAL_VERB_MAX,
};

enum mhp_removal_phase {
        MHP_PHASE_COUNT,    /* `count`: what lies in the blocks is looked at */
        MHP_PHASE_CHOOSE,   /* `choose`: which of the candidates go, if a size was asked for */
        MHP_PHASE_HOLD,     /* `hold`: what brought the memory is kept from taking it out in its own order */
        MHP_PHASE_OFFLINE,  /* `offline`: block by block */
        MHP_PHASE_RELEASE,  /* `release`: the hold is over */
        MHP_PHASE_HAND,     /* `hand-over`: eject, unbind */
        MHP_PHASE_LEAVE,    /* `leave`: until the last block has gone */
        MHP_PHASE_RESTORE,  /* `restore`: given up; what was taken goes back where it was */
        MHP_PHASE_LIFT,     /* `lift`: the hold of one that was given up */
        MHP_PHASE_ENDED,    /* `ended` */
        _MHP_PHASE_MAX,
};

/* How it ended, or why it is given up. */
enum mhp_ending {
        MHP_ENDING_NONE,     /* under way */
        MHP_ENDING_DONE,     /* `done` */
        MHP_ENDING_PARTLY,   /* `partly`: some units of it are */
        MHP_ENDING_FAILED,   /* `failed`: at a block, or at the device */
        MHP_ENDING_TIMEOUT,  /* `timeout`: the time that it was given is over */
        MHP_ENDING_CANCELLED, /* `cancelled` */
        MHP_ENDING_FOUGHT,   /* `fought`: another hand brings its blocks online again and again */
        _MHP_ENDING_MAX,
};

#define MHP_KEEP_NONE UINT64_MAX

struct mhp_removal {
        uint32_t id;                    /* never 0 */
        uint8_t verb;                   /* enum mhp_removal_verb */
        uint8_t phase;                  /* enum mhp_removal_phase */
        uint8_t ending;                 /* enum mhp_ending */
        uint8_t held;                   /* enum mhp_source of what is on hold; UNKNOWN: nothing */
        uint8_t fights;                 /* how often another hand brought a member back */
        char target[MHP_TARGET_MAX];
        char group[MHP_GROUP_NAME_MAX]; /* the device whose turn it is; empty: none */
        uint64_t size;                  /* bytes asked for, of whatever is best given; 0: the members are the target */
        uint64_t until;                 /* µs, when to give up; 0: never */
        uint64_t wait;                  /* µs, when the phase is over whatever has come; 0: never */
        uint32_t n_total;               /* blocks that are to go */
        uint32_t n_done;                /* that have: offline for good, or out of the machine */
        uint32_t blame;                 /* the block at which it failed, MHP_NO_BLOCK: none */
        uint16_t error;                 /* errno */
};

const char *mhp_removal_verb_name(enum mhp_removal_verb verb);
const char *mhp_phase_name(enum mhp_removal_phase phase);
const char *mhp_ending_name(enum mhp_ending ending); /* NULL for NONE */
int mhp_removal_verb_parse(const char *s, enum mhp_removal_verb *ret);
int mhp_phase_parse(const char *s, enum mhp_removal_phase *ret);
int mhp_ending_parse(const char *s, enum mhp_ending *ret);
