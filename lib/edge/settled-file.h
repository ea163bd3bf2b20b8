/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Two files in the runtime directory: `settled`, which blocks were there and online when a change was told last, so that the next mhpd sees what has
 * happened since; and `settled.env`, what changed, for the unit that is started then (EnvironmentFile= of systemd.exec(5)). */

#include "core/settled.h"

/* -ENOENT: there is none; -EBADMSG: it makes no sense. */
int mhp_settled_file_load(const char *dir, struct mhp_ranges *ret_present, struct mhp_ranges *ret_online);
int mhp_settled_file_save(const char *dir, const struct mhp_settled *settled);

/* The text of such a file, which is changed. */
int mhp_settled_file_parse(char *text, struct mhp_ranges *ret_present, struct mhp_ranges *ret_online);
int mhp_settled_file_print(const struct mhp_settled *settled, struct mhp_text *text);

int mhp_settled_env_save(const char *dir, const struct mhp_settled_change *change, uint64_t block_size);
int mhp_settled_env_print(const struct mhp_settled_change *change, uint64_t block_size, struct mhp_text *text);
