/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl online` */

#include "ctl/job.h"

int verb_online(struct ctl *ctl) {
        return ctl_job_run(ctl, CTL_JOB_ONLINE);
}
