/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl help`, and --help of each verb. */

#include "ctl/ctl.h"

void ctl_help_verb(struct ctl *ctl, const struct ctl_verb *verb) {
        mhp_text_printf(&ctl->out, "Usage: mhpctl %s [OPTION...]%s%s\n\n%s.\n%s\n", verb->name, *verb->args ? " " : "", verb->args,
                        verb->help, verb->more);
        if (verb->need == CTL_NEEDS_DAEMON)
                mhp_text_add(&ctl->out, "mhpd has to be running.\n");
        mhp_text_add(&ctl->out, "\nOptions:\n");
        ctl_options_help(&ctl->out, verb->options | CTL_OPT_COLOR | CTL_OPT_HELP);
}

void ctl_help(struct ctl *ctl) {
        mhp_text_add(&ctl->out, "Usage: mhpctl [VERB] [OPTION...] [ARGUMENT...]\n\nSees to this machine's hot-plugged memory. Without a verb: status.\n\nVerbs:\n");
        for (const struct ctl_verb *verb = ctl->verbs; verb->name; verb++)
                mhp_text_printf(&ctl->out, "  %-9s %s\n", verb->name, verb->help);
        mhp_text_add(&ctl->out, "\nOptions:\n");
        ctl_options_help(&ctl->out, CTL_OPT_JSON | CTL_OPT_SYSROOT | CTL_OPT_HOST | CTL_OPT_EVERY);
        mhp_text_add(&ctl->out, "\n`mhpctl VERB --help` has the options of a verb. Exit status: 0 done, 1 failed, 2 usage, 64 partly done;\n"
                                "of status 3: mhpd is not running.\n"
                                "list, groups, memmap, verify, plan, doctor, simulate and, if need be, status, explain, policy and dump work without mhpd.\n");
}

int verb_help(struct ctl *ctl) {
        const struct ctl_verb *verb;

        if (ctl->n_args == 0) {
                ctl_help(ctl);
                return CTL_DONE;
        }
        verb = ctl_verb_find(ctl, *ctl->args);
        if (!verb)
                return ctl_tell_unknown_verb(ctl, *ctl->args);
        ctl_help_verb(ctl, verb);
        return CTL_DONE;
}
