/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl wait`: until a job has ended, with the result and the exit status of the verb that began it. */

#include "ctl/job-wait.h"

int verb_wait(struct ctl *ctl) {
        _cleanup_(ctl_wait_done) struct ctl_wait wait = { .ctl = ctl, .watch_only = true, .progress = { .block = MHP_NO_BLOCK } };
        int r = ctl_wait_find(&wait, *ctl->args);

        if (r != CTL_DONE)
                return r;
        if (!wait.result)
                r = ctl_wait_run(&wait);
        return r < 0 ? r : ctl_wait_tell_end(&wait);
}
