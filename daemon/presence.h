/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What keeps a second mhpd out, and what says that one runs. The lock is on a file that nobody else can open: whoever can open a file can hold a lock on it.
 * The mark is for udev and for everybody who looks: it is there from when mhpd is ready until mhpd has ended, however that comes about. */

#include "daemon/options.h"

/* Makes the runtime directory. -EBUSY, told: another mhpd has the lock. *ret: to be closed; -1: there is no lock, which is told. */
int presence_lock(const struct options *options, int *ret);

void presence_show(const struct options *options);
void presence_end(const struct options *options);
