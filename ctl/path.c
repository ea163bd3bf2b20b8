/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/path.h"

#include <errno.h>
#include <string.h>

#include "ctl/source.h"

const char *ctl_path_reason_words(const char *token) {
        for (enum mhp_path_reason reason = 0; reason < _MHP_PATH_REASON_MAX; reason++)
                if (strcmp(mhp_path_reason_name(reason), token) == 0)
                        return mhp_path_reason_words(reason);
        return token;
}

int ctl_daemon_config(struct ctl *ctl, struct ctl_daemon *daemon, struct mhp_config *ret) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        const char *text;
        int r;

        r = ctl_bus_call(daemon->bus, "GetConfig", false, &error, &reply, NULL);
        if (r >= 0)
                r = sd_bus_message_read(reply, "s", &text);
        if (r < 0)
                return ctl_bus_fail(ctl, r, &error);
        return ctl_config_parse(ctl, text, ret);
}
