/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* /sys/kernel/mm/hugepages: the pools of huge pages. */

#include "edge/root.h"

/* Bytes of free huge pages of all sizes that nobody has reserved. 0 where there are none, or the kernel has no hugetlb. */
uint64_t mhp_hugepages_free(const struct mhp_root *root);
