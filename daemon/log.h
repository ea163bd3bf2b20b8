/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Where mhpd's words go: the journal with fields, or, without one, standard error with the same fields. */

#include <stddef.h>
#include <syslog.h>

#include "base/text.h"

#define LOG_FIELDS_MAX 16

/* MHPD_LOG=stderr in the environment, a terminal, or no journal: standard error. */
void log_open(void);

void log_print(int priority, const char *format, ...) _printf_(2, 3);

/* One entry: fields are added, then it is sent as a whole. */
struct log_entry {
        int priority;
        struct mhp_text message;
        struct mhp_text field[LOG_FIELDS_MAX]; /* KEY=value */
        size_t n;
};

void log_add(struct log_entry *entry, const char *key, const char *format, ...) _printf_(3, 4);
void log_send(struct log_entry *entry);
void log_entry_done(struct log_entry *entry);
#define _cleanup_log_ _cleanup_(log_entry_done)
