/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* polkit's agent on this terminal: it asks for the password that polkit wants. Desktops have one of their own, which polkit prefers. */

#include <sys/types.h>

#include "ctl/ctl.h"

struct ctl_agent {
        pid_t pid; /* 0: there is none */
};

/* Starts it if there is somebody to ask: a user other than root, on a terminal of this machine. Waits until polkit knows it. That it cannot be
 * started is no failure: polkit's answer tells. */
void ctl_agent_start(const struct ctl *ctl, struct ctl_agent *ret);
void ctl_agent_done(struct ctl_agent *agent);
#define _cleanup_agent_ _cleanup_(ctl_agent_done)
