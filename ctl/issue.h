/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What `status` has to complain of. */

#include "ctl/daemon.h"
#include "ctl/json.h"

struct ctl_issue {
        const char *kind;     /* a token: gave-up retrying drift accepted offline config rescan worker-killed */
        char *blocks;         /* owned; NULL: not about blocks */
        const char *verb;     /* NULL: none */
        uint32_t attempts;
        int32_t error;        /* errno, 0: none */
        char *message;        /* owned */
};

struct ctl_issues {
        struct ctl_issue *issue; /* owned */
        size_t n, capacity;
};

void ctl_issues_done(struct ctl_issues *issues);
#define _cleanup_issues_ _cleanup_(ctl_issues_done)

/* The map is the daemon's own when it runs. `warnings`: of the configuration files, one a line, when it does not. -ENOMEM. */
int ctl_issues_gather(const struct ctl_daemon *daemon, const struct mhp_map *map, const char *warnings, struct ctl_issues *ret);

void ctl_issues_print(struct ctl *ctl, const struct ctl_issues *issues);
void ctl_issues_json(struct ctl_json *json, const char *key, const struct ctl_issues *issues); /* an array */
