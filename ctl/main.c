/* SPDX-License-Identifier: GPL-2.0-or-later */

/* mhpctl: the command line is read, the verb runs, and what it has to say is written. */

#include <errno.h>
#include <string.h>

#include "ctl/ctl.h"

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
        struct ctl ctl = { .verbs = ctl_verbs() };
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
