/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl offline` */

#include "ctl/job.h"

int verb_offline(struct ctl *ctl) {
        return ctl_job_run(ctl, CTL_JOB_OFFLINE);
}
