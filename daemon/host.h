/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the host asks for, where the kernel tells of it (companion patch): a DIMM that is to be ejected, a virtio-mem device that is to shrink. Each becomes a
 * removal, as if an administrator had asked. On a stock kernel nothing is ever heard here. */

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

/* An EJECT or a RESIZE; what follows from it happens at the next turn. A later request for a device replaces an earlier one.
 * -ENOMEM only. */
int host_heard(struct host *host, const struct mhp_uevent *uevent);

/* Before a turn: begins what can begin. */
int host_pursue(struct host *host);
