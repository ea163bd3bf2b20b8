/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/event.h"

static const char *const verb_names[_MHP_VERB_MAX] = {
        [MHP_VERB_NONE] = "none",
        [MHP_VERB_SETTLE] = "settle",
        [MHP_VERB_ONLINE_MOVABLE] = "online_movable",
        [MHP_VERB_ONLINE_KERNEL] = "online_kernel",
        [MHP_VERB_OFFLINE] = "offline",
        [MHP_VERB_TEARDOWN] = "teardown",
        [MHP_VERB_COUNT] = "count",
        [MHP_VERB_HOLD] = "hold",
        [MHP_VERB_RELEASE] = "release",
        [MHP_VERB_HAND] = "hand-over",
        [MHP_VERB_INTERRUPT] = "interrupt",
        [MHP_VERB_REPORT] = "report",
};

static const char *const note_names[_MHP_NOTE_MAX] = {
        [MHP_NOTE_NONE] = "none",
        [MHP_NOTE_DECIDED] = "decided",
        [MHP_NOTE_ONLINE] = "online",
        [MHP_NOTE_OFFLINE] = "offline",
        [MHP_NOTE_FAILED] = "failed",
        [MHP_NOTE_GAVE_UP] = "gave-up",
        [MHP_NOTE_DRIFT] = "drift",
        [MHP_NOTE_REPAIRED] = "repaired",
        [MHP_NOTE_FOREIGN_OFFLINE] = "foreign-offline",
        [MHP_NOTE_GONE] = "gone",
        [MHP_NOTE_RESCAN] = "rescan",
        [MHP_NOTE_RESTORED] = "restored",
        [MHP_NOTE_REMOVAL] = "removal",
        [MHP_NOTE_REMOVED] = "removed",
};

static const char *const event_names[_MHP_EVENT_MAX] = {
        [MHP_EVENT_SCAN_BEGIN] = "scan-begin",
        [MHP_EVENT_SCAN_END] = "scan-end",
        [MHP_EVENT_BLOCK] = "block",
        [MHP_EVENT_ADDED] = "added",
        [MHP_EVENT_UNREAD] = "unread",
        [MHP_EVENT_GONE] = "gone",
        [MHP_EVENT_GOAL] = "goal",
        [MHP_EVENT_REQUEST] = "request",
        [MHP_EVENT_REPAIR] = "repair",
        [MHP_EVENT_ACCEPT] = "accept",
        [MHP_EVENT_TOLD] = "told",
        [MHP_EVENT_TAKEN] = "taken",
        [MHP_EVENT_OUTCOME] = "outcome",
        [MHP_EVENT_RELEASED] = "released",
        [MHP_EVENT_TICK] = "tick",
        [MHP_EVENT_RELOAD] = "reload",
        [MHP_EVENT_REMOVAL] = "removal",
        [MHP_EVENT_MEMBER] = "member",
        [MHP_EVENT_COUNT] = "count",
};

/* Through size_t: a negative value, in an enum that is signed, is out of range too. */
const char *mhp_verb_name(enum mhp_verb verb) {
        return (size_t) verb < ELEMENTSOF(verb_names) ? verb_names[verb] : NULL;
}

const char *mhp_note_name(enum mhp_note note) {
        return (size_t) note < ELEMENTSOF(note_names) ? note_names[note] : NULL;
}

const char *mhp_event_name(enum mhp_event_type type) {
        return (size_t) type < ELEMENTSOF(event_names) ? event_names[type] : NULL;
}
