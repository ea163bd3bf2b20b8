/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* udev's rule files, for one question: does one of them bring memory blocks online? */

#include <stdbool.h>

#include "edge/root.h"

/* The path of the first file that does, below the root; the caller free()s it. NULL: none does. A rule that asks whether mhpd manages the block
 * (ENV{MHPD_MANAGED}) is not meant. -ENOMEM. */
int mhp_rules_find_onlining(const struct mhp_root *root, char **ret);

/* Whether the text of a rule file has such a rule. For tests and fuzzing. */
bool mhp_rules_bring_online(const char *text, size_t len);
