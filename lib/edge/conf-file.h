/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* mhpd.conf and its drop-ins, by libinih. */

#include "core/config.h"

struct mhp_conf_warnings {
        char **text; /* `FILE:LINE: what, what is allowed`; owned */
        size_t n, capacity;
};
void mhp_conf_warnings_done(struct mhp_conf_warnings *warnings);
#define _cleanup_conf_warnings_ _cleanup_(mhp_conf_warnings_done)

/* The administrator's directory replaces the vendor's mhpd.conf as a whole; drop-ins of both come after it, sorted by name, the
 * administrator's hiding the vendor's of the same name. NULL: /etc/mhpd and /usr/lib/mhpd. Neither there: the defaults.
 * Unknown keys and bad values are warnings and the rest is used. -EBADMSG: a file cannot be read or parsed; the last warning says
 * which, and *ret is untouched. */
int mhp_conf_load(const char *etc, const char *vendor, struct mhp_config *ret, struct mhp_conf_warnings *warnings);

/* One file's text, for fuzzing: as mhp_conf_load() would take it. */
int mhp_conf_parse(const char *name, const char *text, size_t len, struct mhp_config *config, struct mhp_conf_warnings *warnings);
