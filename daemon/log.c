/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

static bool to_stderr = true;

void log_open(void) {
        const char *where = getenv("MHPD_LOG");

        to_stderr = where ? strcmp(where, "stderr") == 0 : isatty(STDERR_FILENO) > 0;
}

void log_print(int priority, const char *format, ...) {
        _cleanup_log_ struct log_entry entry = { .priority = priority };
        char line[1024];
        va_list args;

        va_start(args, format);
        (void) vsnprintf(line, sizeof(line), format, args);
        va_end(args);
        mhp_text_add(&entry.message, line);
        log_send(&entry);
}

void log_add(struct log_entry *entry, const char *key, const char *format, ...) {
        char value[512];
        va_list args;

        if (entry->n == LOG_FIELDS_MAX)
                return;
        va_start(args, format);
        (void) vsnprintf(value, sizeof(value), format, args);
        va_end(args);
        mhp_text_printf(&entry->field[entry->n++], "%s=%s", key, value);
}

static void print_entry(const struct log_entry *entry) {
        fprintf(stderr, "<%d>%s", entry->priority, entry->message.data);
        for (size_t i = 0; i < entry->n; i++)
                if (entry->field[i].error == 0)
                        fprintf(stderr, " %s", entry->field[i].data);
        fputc('\n', stderr);
}

static void send_entry(struct log_entry *entry) {
        struct iovec iov[LOG_FIELDS_MAX + 2];
        _cleanup_text_ struct mhp_text message = { 0 };
        char priority[16];
        int n = 0;

        mhp_text_printf(&message, "MESSAGE=%s", entry->message.data);
        (void) snprintf(priority, sizeof(priority), "PRIORITY=%d", entry->priority);
        if (message.error < 0)
                return;
        iov[n++] = (struct iovec) { .iov_base = message.data, .iov_len = message.len };
        iov[n++] = (struct iovec) { .iov_base = priority, .iov_len = strlen(priority) };
        for (size_t i = 0; i < entry->n; i++)
                if (entry->field[i].error == 0)
                        iov[n++] = (struct iovec) { .iov_base = entry->field[i].data, .iov_len = entry->field[i].len };
        (void) sd_journal_sendv(iov, n);
}

void log_send(struct log_entry *entry) {
        if (entry->message.error < 0 || entry->message.len == 0)
                return;
        if (to_stderr)
                print_entry(entry);
        else
                send_entry(entry);
}

void log_entry_done(struct log_entry *entry) {
        mhp_text_done(&entry->message);
        for (size_t i = 0; i < entry->n; i++)
                mhp_text_done(&entry->field[i]);
}
