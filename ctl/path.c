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
        const sd_bus_error none = SD_BUS_ERROR_NULL;
        const char *text;
        int r = sd_bus_message_read(daemon->answer[CTL_QUESTION_CONFIG], "s", &text);

        return r < 0 ? ctl_bus_fail(ctl, r, &none) : ctl_config_parse(ctl, text, ret);
}
