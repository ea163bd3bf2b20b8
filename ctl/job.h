/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Work that the daemon does while mhpctl watches. */

#include "ctl/bus.h"

/* `online` or `offline` the words of the command line. An enum ctl_status. */
int ctl_job_run(struct ctl *ctl, bool online);
