/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl reload` */

#include "ctl/bus.h"

int verb_reload(struct ctl *ctl) {
        _cleanup_bus_ sd_bus *bus = NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        const char *warning;
        int r;

        r = ctl_bus_ask(ctl, "Reload", true, &bus, &reply);
        if (r != CTL_DONE)
                return r;
        r = sd_bus_message_enter_container(reply, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(reply, "s", &warning)) > 0)
                (void) ctl_fail(ctl, CTL_DONE, "warning: %s", warning);
        if (r < 0)
                return r;
        mhp_text_add(&ctl->out, "configuration reloaded\n");
        return CTL_DONE;
}
