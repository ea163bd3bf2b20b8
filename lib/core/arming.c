/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/arming.h"

#include <stdio.h>
#include <string.h>

static const char *const knob_names[_MHP_KNOB_MAX] = {
        [MHP_KNOB_AUTO_ONLINE_BLOCKS] = "auto_online_blocks",
        [MHP_KNOB_ONLINE_POLICY] = "online_policy",
        [MHP_KNOB_AUTO_MOVABLE_RATIO] = "auto_movable_ratio",
        [MHP_KNOB_AUTO_MOVABLE_NUMA_AWARE] = "auto_movable_numa_aware",
};

static const char *const reason_names[_MHP_PATH_REASON_MAX] = {
        [MHP_PATH_REASON_CONFIGURED] = "configured",
        [MHP_PATH_REASON_EXPRESSIBLE] = "expressible",
        [MHP_PATH_REASON_RULES] = "rules",
        [MHP_PATH_REASON_AUTO_ZONE] = "auto-zone",
        [MHP_PATH_REASON_NO_KNOB] = "no-knob",
        [MHP_PATH_REASON_OVERWRITTEN] = "overwritten",
};

static const char *const reason_words[_MHP_PATH_REASON_MAX] = {
        [MHP_PATH_REASON_CONFIGURED] = "By= in the configuration says so",
        [MHP_PATH_REASON_EXPRESSIBLE] = "one zone for all memory is something the kernel does by itself",
        [MHP_PATH_REASON_RULES] = "there are rules, and the kernel knows one zone for all sources",
        [MHP_PATH_REASON_AUTO_ZONE] =
                "Zone=auto counts DIMM memory in kernel zones as kernel memory and keeps headroom; the kernel's auto-movable does neither",
        [MHP_PATH_REASON_NO_KNOB] = "auto_online_blocks is not there or cannot be written",
        [MHP_PATH_REASON_OVERWRITTEN] = "another hand has set the kernel's knobs otherwise twice, and mhpd leaves that until it is reloaded",
};

const char *mhp_path_name(enum mhp_path path) {
        return path == MHP_PATH_KERNEL ? "kernel" : path == MHP_PATH_MHPD ? "mhpd" : NULL;
}

const char *mhp_path_reason_name(enum mhp_path_reason reason) {
        return (unsigned) reason < _MHP_PATH_REASON_MAX ? reason_names[reason] : NULL;
}

const char *mhp_path_reason_words(enum mhp_path_reason reason) {
        return (unsigned) reason < _MHP_PATH_REASON_MAX ? reason_words[reason] : NULL;
}

const char *mhp_knob_name(enum mhp_knob knob) {
        return (unsigned) knob < _MHP_KNOB_MAX ? knob_names[knob] : NULL;
}

static void choose(const struct mhp_config *config, bool can_arm, struct mhp_arming *arming) {
        arming->path = MHP_PATH_MHPD;

        if (!can_arm)
                arming->reason = MHP_PATH_REASON_NO_KNOB;
        else if (config->by != MHP_BY_AUTO) {
                arming->path = config->by == MHP_BY_KERNEL ? MHP_PATH_KERNEL : MHP_PATH_MHPD;
                arming->reason = MHP_PATH_REASON_CONFIGURED;
        } else if (config->n_rules > 0)
                arming->reason = MHP_PATH_REASON_RULES;
        else if (config->zone == MHP_WANT_AUTO)
                arming->reason = MHP_PATH_REASON_AUTO_ZONE;
        else {
                arming->path = MHP_PATH_KERNEL;
                arming->reason = MHP_PATH_REASON_EXPRESSIBLE;
        }
}

static void set(struct mhp_arming *arming, enum mhp_knob knob, const char *value) {
        (void) snprintf(arming->value[knob], sizeof(arming->value[knob]), "%s", value);
}

/* mhp_online_type_from_str() and set_online_policy(), mm/memory_hotplug.c. An explicit zone does not look at online_policy. */
static void arm_kernel(const struct mhp_config *config, struct mhp_arming *arming) {
        switch (config->zone) {
        case MHP_WANT_MOVABLE:
                set(arming, MHP_KNOB_AUTO_ONLINE_BLOCKS, "online_movable");
                break;
        case MHP_WANT_KERNEL:
                set(arming, MHP_KNOB_AUTO_ONLINE_BLOCKS, "online_kernel");
                break;
        case MHP_WANT_AUTO:
                set(arming, MHP_KNOB_AUTO_ONLINE_BLOCKS, "online");
                set(arming, MHP_KNOB_ONLINE_POLICY, "auto-movable");
                set(arming, MHP_KNOB_AUTO_MOVABLE_NUMA_AWARE, config->numa_aware ? "Y" : "N");
                (void) snprintf(arming->value[MHP_KNOB_AUTO_MOVABLE_RATIO], MHP_KNOB_VALUE_MAX, "%u", config->movable_ratio);
                break;
        case MHP_WANT_NONE:
        case MHP_WANT_UNSET:
        case _MHP_WANT_MAX:
                set(arming, MHP_KNOB_AUTO_ONLINE_BLOCKS, "offline");
                break;
        }
}

void mhp_arming_plan(const struct mhp_config *config, bool can_arm, struct mhp_arming *ret) {
        struct mhp_arming arming = { 0 };

        choose(config, can_arm, &arming);
        if (arming.path == MHP_PATH_KERNEL)
                arm_kernel(config, &arming);
        else if (can_arm)
                set(&arming, MHP_KNOB_AUTO_ONLINE_BLOCKS, "offline");
        *ret = arming;
}

bool mhp_knob_may_say(enum mhp_knob knob, const char *value) {
        size_t n = strlen(value);

        if (n == 0 || n >= MHP_KNOB_VALUE_MAX)
                return false;
        switch (knob) {
        case MHP_KNOB_AUTO_ONLINE_BLOCKS:
        case MHP_KNOB_ONLINE_POLICY:
                return strspn(value, "abcdefghijklmnopqrstuvwxyz_-") == n;
        case MHP_KNOB_AUTO_MOVABLE_RATIO:
                return strspn(value, "0123456789") == n;
        case MHP_KNOB_AUTO_MOVABLE_NUMA_AWARE:
                return strcmp(value, "Y") == 0 || strcmp(value, "N") == 0;
        case _MHP_KNOB_MAX:
                break;
        }
        return false;
}

enum mhp_knob_verdict mhp_knob_judge(struct mhp_knob_guard *guard, const struct mhp_arming *arming, enum mhp_knob knob, const char *now) {
        char *left = guard->left[knob];

        if (!*arming->value[knob] || strcmp(arming->value[knob], now) == 0) {
                *left = '\0';
                return MHP_KNOB_KEPT;
        }
        if (!guard->set_again[knob]) {
                guard->set_again[knob] = true;
                return MHP_KNOB_SET_AGAIN;
        }
        if (strcmp(left, now) == 0)
                return MHP_KNOB_KNOWN;
        (void) snprintf(left, MHP_KNOB_VALUE_MAX, "%s", now);
        return MHP_KNOB_LEFT;
}

void mhp_knob_in_force(const struct mhp_knob_guard *guard, const struct mhp_arming *armed, struct mhp_arming *ret) {
        const char *hand = guard->left[MHP_KNOB_AUTO_ONLINE_BLOCKS];

        *ret = *armed;
        for (enum mhp_knob k = 0; k < _MHP_KNOB_MAX; k++)
                if (*guard->left[k])
                        ret->reason = MHP_PATH_REASON_OVERWRITTEN;
        if (*hand)
                ret->path = strcmp(hand, "offline") == 0 ? MHP_PATH_MHPD : MHP_PATH_KERNEL;
}

void mhp_arming_insist(struct mhp_arming *arming) {
        arming->unasked = true;
        if (strcmp(arming->value[MHP_KNOB_AUTO_ONLINE_BLOCKS], "offline") == 0)
                set(arming, MHP_KNOB_AUTO_ONLINE_BLOCKS, "online_movable");
}

/* What is to stay offline comes online in Movable first: out of there it goes again. */
bool mhp_arming_aim(struct mhp_arming *arming, enum mhp_want want) {
        const char *value = want == MHP_WANT_KERNEL ? "online_kernel" : "online_movable";

        if (!arming->unasked || arming->path != MHP_PATH_MHPD || !*arming->value[MHP_KNOB_AUTO_ONLINE_BLOCKS] ||
            strcmp(arming->value[MHP_KNOB_AUTO_ONLINE_BLOCKS], value) == 0)
                return false;
        set(arming, MHP_KNOB_AUTO_ONLINE_BLOCKS, value);
        return true;
}
