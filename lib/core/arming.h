/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which hand brings blocks online: the kernel's own (it is armed with the policy) or mhpd's; and the knobs for that. */

#include "core/config.h"

enum mhp_path {
        MHP_PATH_KERNEL,
        MHP_PATH_MHPD,
        _MHP_PATH_MAX,
};

/* Tokens; mhp_path_reason_name(). */
enum mhp_path_reason {
        MHP_PATH_REASON_CONFIGURED,       /* By= says so */
        MHP_PATH_REASON_EXPRESSIBLE,      /* the kernel can do all that the policy says */
        MHP_PATH_REASON_RULES,            /* rules: the kernel knows one zone for all sources */
        MHP_PATH_REASON_AUTO_ZONE,        /* the kernel's auto-movable does not count DIMM memory as kernel memory and knows no headroom */
        MHP_PATH_REASON_NO_KNOB,          /* auto_online_blocks cannot be written */
        MHP_PATH_REASON_OVERWRITTEN,      /* another hand has set a knob otherwise, again */
        _MHP_PATH_REASON_MAX,
};

enum mhp_knob {
        MHP_KNOB_AUTO_ONLINE_BLOCKS,
        MHP_KNOB_ONLINE_POLICY,
        MHP_KNOB_AUTO_MOVABLE_RATIO,
        MHP_KNOB_AUTO_MOVABLE_NUMA_AWARE,
        _MHP_KNOB_MAX,
};

#define MHP_KNOB_VALUE_MAX 32

struct mhp_arming {
        enum mhp_path path;
        enum mhp_path_reason reason;
        /* What the knobs have to say; an empty string leaves one alone. */
        char value[_MHP_KNOB_MAX][MHP_KNOB_VALUE_MAX];
        bool unasked; /* the kernel brings memory online also when auto_online_blocks says `offline` */
};

/* Whether the kernel may ever have said this: another kernel may know other words than those that mhpd sets, but each is one. */
bool mhp_knob_may_say(enum mhp_knob knob, const char *value);

/* can_arm: auto_online_blocks is there and writable. */
void mhp_arming_plan(const struct mhp_config *config, bool can_arm, struct mhp_arming *ret);

/* What a look at a knob comes to. */
enum mhp_knob_verdict {
        MHP_KNOB_KEPT,      /* it says what mhpd set, or is none of those that mhpd sets */
        MHP_KNOB_SET_AGAIN, /* another hand wrote it, for the first time: to be told, and set again */
        MHP_KNOB_LEFT,      /* once more: to be told, and left to that hand */
        MHP_KNOB_KNOWN,     /* it still says what it was left with */
};

/* What other hands have done to the knobs since mhpd set them all. */
struct mhp_knob_guard {
        bool set_again[_MHP_KNOB_MAX];
        char left[_MHP_KNOB_MAX][MHP_KNOB_VALUE_MAX]; /* empty: not left */
};

/* now: what the knob says. */
enum mhp_knob_verdict mhp_knob_judge(struct mhp_knob_guard *guard, const struct mhp_arming *arming, enum mhp_knob knob, const char *now);

/* armed: as planned and set. *ret: who brings blocks online in truth, with the knobs that have been left to another hand. */
void mhp_knob_in_force(const struct mhp_knob_guard *guard, const struct mhp_arming *armed, struct mhp_arming *ret);

/* For a machine where the kernel brings new memory online whatever auto_online_blocks says: pseries (dlpar_add_lmb(),
 * arch/powerpc/platforms/pseries/hotplug-memory.c). `offline` would mean Normal there, out of which memory may not come again, so that the knob names a
 * zone: Movable until mhp_arming_aim() says otherwise. */
void mhp_arming_insist(struct mhp_arming *arming);

/* Where the next memory is wanted, on such a machine and when mhpd is who decides. True: a knob has to say something else now. */
bool mhp_arming_aim(struct mhp_arming *arming, enum mhp_want want);

const char *mhp_path_name(enum mhp_path path);                     /* kernel mhpd */
const char *mhp_path_reason_name(enum mhp_path_reason reason);
const char *mhp_path_reason_words(enum mhp_path_reason reason);
const char *mhp_knob_name(enum mhp_knob knob);                     /* auto_online_blocks online_policy ... */
