/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One line of mhpd.conf: what it is, before libinih sees it. */

#include <stddef.h>

enum mhp_conf_kind {
        MHP_CONF_BLANK,       /* nothing, or a comment */
        MHP_CONF_SECTION,     /* piece: what stands between the brackets */
        MHP_CONF_KEY,         /* piece: KEY=VALUE without the blanks around it and the comment behind it */
        MHP_CONF_BAD_SECTION, /* it begins like a section, but which one that is cannot be said */
        MHP_CONF_BAD,         /* none of these */
};

struct mhp_conf_line {
        enum mhp_conf_kind kind;
        const char *piece;    /* into the line; of a bad one all of it */
        size_t len;
        const char *expected; /* of a bad one; static */
};

/* n bytes of UTF-8 without the newline; a carriage return at the end belongs to the newline. */
struct mhp_conf_line mhp_conf_line(const char *p, size_t n);
