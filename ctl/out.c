/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What mhpctl says: messages on standard error, text on standard output, colours. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

int ctl_fail(const struct ctl *ctl, int status, const char *format, ...) {
        _cleanup_text_ struct mhp_text safe = {};
        char text[4096];
        va_list args;

        va_start(args, format);
        (void) vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        /* names, words and messages from elsewhere may try to speak to the terminal, or be no text */
        mhp_text_add_safe(&safe, text);
        fprintf(stderr, "mhpctl: %s%s%s\n", ctl->verb ? ctl->verb->name : "", ctl->verb ? ": " : "", safe.data ? safe.data : "");
        return status;
}

void ctl_add_plain(struct mhp_text *text, const char *s) {
        while (*s) {
                size_t n = 0;

                while (s[n] >= ' ' && s[n] < 0x7f)
                        n++;
                mhp_text_add_n(text, s, n);
                s += n;
                if (*s) {
                        mhp_text_add_n(text, "?", 1);
                        s++;
                }
        }
}

int ctl_flush(struct ctl *ctl) {
        struct mhp_text *out = &ctl->out;

        if (ctl->out_failed)
                return CTL_FAILED;
        ctl->out_failed = true;
        if (out->error < 0)
                return ctl_fail(ctl, CTL_FAILED, "out of memory");
        if (fwrite(out->data ? out->data : "", 1, out->len, stdout) != out->len || fflush(stdout) != 0)
                return ctl_fail(ctl, CTL_FAILED, "writing to standard output: %s", strerror(errno));
        ctl->out_failed = false;
        out->len = 0;
        return CTL_DONE;
}

static const char *const escapes[_CTL_COLOR_MAX] = {
        [CTL_PLAIN] = "",
        [CTL_BOLD] = "\033[1m",
        [CTL_GOOD] = "\033[32m",
        [CTL_WARN] = "\033[33m",
        [CTL_BAD] = "\033[1;31m",
};

const char *ctl_color_on(const struct ctl *ctl, enum ctl_color color) {
        return ctl->color ? escapes[color] : "";
}

const char *ctl_color_off(const struct ctl *ctl, enum ctl_color color) {
        return ctl->color && color != CTL_PLAIN ? "\033[0m" : "";
}

bool ctl_term_draws(int fd) {
        const char *term = getenv("TERM");

        return isatty(fd) && term && strcmp(term, "dumb") != 0;
}
