/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who takes memory out of the machine, by what brought it, and what is done with that hand before and after its blocks are offline. The files behind
 * it are an edge's affair. */

#include "model/block.h"

/* acpi: the veto; virtio-mem: unplug_online=N. */
bool mhp_remover_holds(enum mhp_source source);

/* acpi: eject; dax: `unplugged` to its state, or unbind. virtio-mem takes offline blocks out by itself, once the host has asked for them. */
bool mhp_remover_hands(enum mhp_source source);

/* There is one at all. What came with the machine, and what a balloon brought, only goes offline. */
bool mhp_remover_can(enum mhp_source source);

/* What the switch says when it holds, `0` and `N`, and when it does not, `1` and `Y`. NULL: such memory has no switch. */
const char *mhp_remover_held(enum mhp_source source);
const char *mhp_remover_free(enum mhp_source source);

/* What is done, in words, static: `ejects are vetoed`, `the veto is lifted`, `the device is ejected`. */
const char *mhp_remover_hold_words(enum mhp_source source);
const char *mhp_remover_release_words(enum mhp_source source);
const char *mhp_remover_hand_words(enum mhp_source source);

/* Why it failed: another's hold; the hold; the hand-over; blocks that do not leave. Static. */
const char *mhp_remover_foreign_hold(enum mhp_source source);
const char *mhp_remover_no_hold(enum mhp_source source);
const char *mhp_remover_no_hand(enum mhp_source source);
const char *mhp_remover_stays(enum mhp_source source);

/* What to say where there is none. */
const char *mhp_remover_none(void);
