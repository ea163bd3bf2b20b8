/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl unplug` */

#include "ctl/job.h"

int verb_unplug(struct ctl *ctl) {
        return ctl_job_run(ctl, CTL_JOB_UNPLUG);
}
