/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* mhpd.conf and its drop-ins, by libinih.
 *
 * One rule holds at start, at reload and in mhpctl. A line that cannot be used costs that line; in a [Rule] the rule, if without the
 * line it could fit more than was meant; at the head of a section that section. A file that cannot be read, or is no text, costs that
 * file. All else is used. Each loss is a warning that says where, what was expected, and what holds instead. */

#include <stdbool.h>

#include "core/config.h"

struct mhp_conf_warnings {
        char **text; /* `FILE:LINE: what: what was expected; what holds`, in UTF-8 without control characters; owned */
        size_t n, capacity;
        bool full;        /* there were more than these */
        const char *lost; /* one of text: the first file that is not used; NULL: there is none */
};
void mhp_conf_warnings_done(struct mhp_conf_warnings *warnings);
#define _cleanup_conf_warnings_ _cleanup_(mhp_conf_warnings_done)

enum mhp_conf_outcome {
        MHP_CONF_READ,
        MHP_CONF_LOST, /* but for the file in warnings->lost, and maybe others */
};

/* The administrator's directory replaces the vendor's mhpd.conf as a whole; drop-ins of both come after it, sorted by name, the
 * administrator's hiding the vendor's of the same name. NULL: /etc/mhpd and /usr/lib/mhpd. Neither there: the defaults.
 * -ENOMEM, or an outcome; *ret is what could be read, whichever it is. */
int mhp_conf_load(const char *etc, const char *vendor, struct mhp_config *ret, struct mhp_conf_warnings *warnings);

/* One file's text as mhp_conf_load() would take it. */
int mhp_conf_parse(const char *name, const char *text, size_t len, struct mhp_config *config, struct mhp_conf_warnings *warnings);
