/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/removal.h"

#include <errno.h>
#include <string.h>

#include "base/macro.h"

static const char *const verb_names[_MHP_REMOVAL_VERB_MAX] = {
        [MHP_REMOVAL_OFFLINE] = "offline",
        [MHP_REMOVAL_UNPLUG] = "unplug",
};

static const char *const phase_names[_MHP_PHASE_MAX] = {
        [MHP_PHASE_COUNT] = "count",
        [MHP_PHASE_CHOOSE] = "choose",
        [MHP_PHASE_HOLD] = "hold",
        [MHP_PHASE_OFFLINE] = "offline",
        [MHP_PHASE_RELEASE] = "release",
        [MHP_PHASE_HAND] = "hand-over",
        [MHP_PHASE_LEAVE] = "leave",
        [MHP_PHASE_RESTORE] = "restore",
        [MHP_PHASE_LIFT] = "lift",
        [MHP_PHASE_ENDED] = "ended",
};

static const char *const ending_names[_MHP_ENDING_MAX] = {
        [MHP_ENDING_DONE] = "done",
        [MHP_ENDING_PARTLY] = "partly",
        [MHP_ENDING_FAILED] = "failed",
        [MHP_ENDING_TIMEOUT] = "timeout",
        [MHP_ENDING_CANCELLED] = "cancelled",
        [MHP_ENDING_FOUGHT] = "fought",
};

const char *mhp_removal_verb_name(enum mhp_removal_verb verb) {
        return (size_t) verb < ELEMENTSOF(verb_names) ? verb_names[verb] : NULL;
}

const char *mhp_phase_name(enum mhp_removal_phase phase) {
        return (size_t) phase < ELEMENTSOF(phase_names) ? phase_names[phase] : NULL;
}

const char *mhp_ending_name(enum mhp_ending ending) {
        return (size_t) ending < ELEMENTSOF(ending_names) ? ending_names[ending] : NULL;
}

static int find(const char *const *names, size_t n, const char *s) {
        for (size_t i = 0; i < n; i++)
                if (names[i] && strcmp(names[i], s) == 0)
                        return (int) i;
        return -EINVAL;
}

int mhp_removal_verb_parse(const char *s, enum mhp_removal_verb *ret) {
        int i = find(verb_names, ELEMENTSOF(verb_names), s);

        if (i >= 0)
                *ret = (enum mhp_removal_verb) i;
        return i < 0 ? i : 0;
}

int mhp_phase_parse(const char *s, enum mhp_removal_phase *ret) {
        int i = find(phase_names, ELEMENTSOF(phase_names), s);

        if (i >= 0)
                *ret = (enum mhp_removal_phase) i;
        return i < 0 ? i : 0;
}

int mhp_ending_parse(const char *s, enum mhp_ending *ret) {
        int i = find(ending_names, ELEMENTSOF(ending_names), s);

        if (i >= 0)
                *ret = (enum mhp_ending) i;
        return i < 0 ? i : 0;
}
