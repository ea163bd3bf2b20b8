/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

static bool to_stderr;

/* sd_journal_sendv() says nothing when there is no journal; its other socket is the way to find out. */
static bool has_journal(void) {
        int fd = sd_journal_stream_fd("mhpd", LOG_INFO, 0);

        if (fd < 0)
                return false;
        close(fd);
        return true;
}

void log_open(void) {
        const char *where = getenv("MHPD_LOG");

        to_stderr = (where && strcmp(where, "stderr") == 0) || isatty(STDERR_FILENO) || !has_journal();
}

void log_print(int priority, const char *format, ...) {
        _cleanup_log_ struct log_entry entry = { .priority = priority };
        va_list args;
        char text[1024];

        va_start(args, format);
        (void) vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        mhp_text_add(&entry.message, text);
        log_send(&entry);
}

void log_add(struct log_entry *entry, const char *key, const char *format, ...) {
        char *value = NULL;
        va_list args;
        int n;

        if (entry->n == LOG_FIELDS_MAX)
                return;
        va_start(args, format);
        n = vasprintf(&value, format, args); /* a list of blocks may be long */
        va_end(args);
        if (n < 0)
                return;

        struct mhp_text *field = &entry->field[entry->n++];
        mhp_text_add(field, key);
        mhp_text_add(field, "=");
        mhp_text_add(field, value);
        free(value);
}

static void send_to_stderr(const struct log_entry *entry) {
        _cleanup_text_ struct mhp_text line = { 0 };
        bool first = true;

        mhp_text_add(&line, "mhpd: ");
        mhp_text_add(&line, entry->message.data);
        for (size_t i = 0; i < entry->n; i++) {
                if (entry->field[i].error < 0 || strncmp(entry->field[i].data, "MESSAGE_ID=", 11) == 0)
                        continue;
                mhp_text_add(&line, first ? " [" : " ");
                mhp_text_add(&line, entry->field[i].data);
                first = false;
        }
        mhp_text_add(&line, first ? "" : "]");
        if (line.error == 0)
                (void) fprintf(stderr, "%s\n", line.data);
}

static void send_to_journal(const struct log_entry *entry) {
        struct iovec iov[LOG_FIELDS_MAX + 2];
        _cleanup_text_ struct mhp_text message = { 0 };
        char priority[16];
        int n = 0;

        mhp_text_add(&message, "MESSAGE=");
        mhp_text_add(&message, entry->message.data);
        if (message.error < 0)
                return;
        (void) snprintf(priority, sizeof(priority), "PRIORITY=%d", entry->priority);

        iov[n++] = (struct iovec) { priority, strlen(priority) };
        iov[n++] = (struct iovec) { message.data, message.len };
        for (size_t i = 0; i < entry->n; i++)
                if (entry->field[i].error == 0)
                        iov[n++] = (struct iovec) { entry->field[i].data, entry->field[i].len };
        (void) sd_journal_sendv(iov, n);
}

void log_send(struct log_entry *entry) {
        if (entry->message.error < 0 || entry->message.len == 0)
                return;
        if (to_stderr)
                send_to_stderr(entry);
        else
                send_to_journal(entry);
}

void log_entry_done(struct log_entry *entry) {
        mhp_text_done(&entry->message);
        for (size_t i = 0; i < entry->n; i++)
                mhp_text_done(&entry->field[i]);
}
