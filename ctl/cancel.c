/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl cancel`: ends a job, and waits until what it had taken is back. */

#include "ctl/job-wait.h"

int verb_cancel(struct ctl *ctl) {
        _cleanup_(ctl_wait_done) struct ctl_wait wait = { .ctl = ctl, .cancels = true, .progress = { .block = MHP_NO_BLOCK } };
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r = ctl_wait_find(&wait, *ctl->args);

        if (r != CTL_DONE)
                return r;
        /* Of one that has ended the daemon says so. */
        r = ctl_bus_call(wait.bus, "Cancel", ctl, &error, &reply, "u", wait.id);
        if (r < 0)
                return ctl_bus_fail(ctl, r, &error);
        if (ctl_given(ctl, CTL_OPT_NO_WAIT))
                return ctl_wait_tell_started(&wait);
        wait.progress.cancelled = true;
        r = wait.result ? 0 : ctl_wait_run(&wait);
        return r < 0 ? r : ctl_wait_tell_end(&wait);
}
