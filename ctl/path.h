/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Tokens that the daemon sends, back in words. A token of a newer daemon comes back as it is. */

#include "core/arming.h"
#include "ctl/daemon.h"

const char *ctl_path_reason_words(const char *token);

/* The configuration that the daemon has in force. CTL_DONE or CTL_FAILED after telling. */
int ctl_daemon_config(struct ctl *ctl, struct ctl_daemon *daemon, struct mhp_config *ret);
