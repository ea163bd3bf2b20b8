/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"
#include "edge/conf-file.h"

/* -ENOMEM. After a hundred warnings comes one that says so, and no more. */
int mhp_conf_warn(struct mhp_conf_warnings *warnings, const char *format, ...) _printf_(2, 3);

/* Puts `; KEY=VALUE is in force` and the like behind a warning. */
int mhp_conf_warn_more(struct mhp_conf_warnings *warnings, size_t i, const char *format, ...) _printf_(3, 4);

/* About a file that is not used. There is always room for it. MHP_CONF_LOST, or -ENOMEM. */
int mhp_conf_lose(struct mhp_conf_warnings *warnings, const char *format, ...) _printf_(2, 3);
