/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "edge/root.h"

/* The worker's whole life: takes requests at fd, writes, reads back, answers. Returns 0 when the other end is closed. SIGUSR1
 * ends the write under way where the kernel lets it. */
int mhp_worker_main(int fd, const struct mhp_root *root);
