/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"

int ctl_fail(const struct ctl *ctl, int status, const char *format, ...) {
        char text[4096];
        va_list args;

        va_start(args, format);
        (void) vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        /* names and messages from elsewhere may try to speak to the terminal */
        for (char *p = text; *p; p++)
                if ((unsigned char) *p < ' ' || *p == 0x7f)
                        *p = '?';
        fprintf(stderr, "mhpctl: %s%s%s\n", ctl->verb ? ctl->verb->name : "", ctl->verb ? ": " : "", text);
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

static int run(struct ctl *ctl) {
        int r;

        if (ctl_given(ctl, CTL_OPT_HELP)) {
                if (ctl->verb)
                        ctl_help_verb(ctl, ctl->verb);
                else
                        ctl_help(ctl);
                return CTL_DONE;
        }
        if (ctl_given(ctl, CTL_OPT_VERSION)) {
                mhp_text_add(&ctl->out, "mhpctl " PACKAGE_VERSION "\n");
                return CTL_DONE;
        }

        r = ctl_remote_runs(ctl) ? ctl_remote_run(ctl) : ctl->verb->run(ctl);
        if (r < 0)
                return ctl_fail(ctl, CTL_FAILED, "%s", strerror(-r));
        return r;
}

int main(int argc, char **argv) {
        struct ctl ctl = {};
        int r;

        r = ctl_options_parse(&ctl, argc, argv);
        if (r == CTL_DONE)
                r = run(&ctl);
        if (ctl_flush(&ctl) != CTL_DONE && (r == CTL_DONE || r == CTL_PARTLY || r == CTL_ABSENT))
                r = CTL_FAILED;
        free(ctl.args);
        free(ctl.kept);
        mhp_text_done(&ctl.out);
        return r;
}
