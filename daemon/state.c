/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/state.h"

#include <string.h>

#include "daemon/log.h"

int state_save(const char *dir, const struct mhp_saved *saved, const char *loss) {
        int r = mhp_state_file_save(dir, saved);

        if (r < 0)
                log_print(LOG_WARNING, "the state file in %s cannot be written, a crash would lose %s: %s", dir, loss, strerror(-r));
        return r;
}
