/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* DIMMs that the host wants back, where the kernel tells of it (companion patch): each becomes a removal, as if an administrator had asked. On a stock
 * kernel nothing is ever heard here. */

#include "base/macro.h"
#include "edge/uevent.h"

struct engine;
struct host;

int host_new(struct engine *engine, struct host **ret);
struct host *host_free(struct host *host);
DEFINE_CLEANUP(struct host *, host_free)

/* Asks the kernel to tell of ejects from now on; what it said before is in the state file until host_stop(). */
void host_listen(struct engine *engine);
void host_stop(struct engine *engine);

/* An EJECT; what follows from it happens at the next turn. -ENOMEM only. */
int host_heard(struct host *host, const struct mhp_uevent *uevent);

/* Before a turn: begins what can begin. */
int host_pursue(struct host *host);
