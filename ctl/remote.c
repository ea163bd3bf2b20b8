/* SPDX-License-Identifier: GPL-2.0-or-later */

/* mhpctl on another machine. What it looks at, page flags or the configuration, no bus carries. */

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/ctl.h"

#define SSH_FAILED 255
#define SHELL_FINDS_NONE 127

extern char **environ;

bool ctl_remote_runs(const struct ctl *ctl) {
        static const char *const names[] = { "memmap", "verify", "explain", "plan", "doctor" };

        for (size_t i = 0; ctl->host && i < ELEMENTSOF(names); i++)
                if (strcmp(ctl->verb->name, names[i]) == 0)
                        return true;
        return false;
}

/* ssh joins its words with blanks and has the other machine's shell take them apart again. */
static void add_quoted(struct mhp_text *text, const char *word) {
        mhp_text_add(text, " '");
        for (; *word; word++) {
                if (*word == '\'')
                        mhp_text_add(text, "'\\''");
                else
                        mhp_text_add_n(text, word, 1);
        }
        mhp_text_add(text, "'");
}

static void add_option(struct mhp_text *text, const struct ctl_kept *kept) {
        _cleanup_text_ struct mhp_text word = {};

        mhp_text_printf(&word, "--%s%s%s", kept->name, kept->value ? "=" : "", kept->value ? kept->value : "");
        if (word.error == 0)
                add_quoted(text, word.data);
        else
                text->error = word.error;
}

/* Colours are this terminal's to have: over there is none. */
static int make_command(const struct ctl *ctl, struct mhp_text *text) {
        mhp_text_printf(text, "mhpctl %s --color=%s", ctl->verb->name, ctl->color ? "always" : "never");
        for (size_t i = 0; i < ctl->n_kept; i++)
                if (!(ctl->kept[i].option & (CTL_OPT_HOST | CTL_OPT_COLOR)))
                        add_option(text, &ctl->kept[i]);
        mhp_text_add(text, " --");
        for (size_t i = 0; i < ctl->n_args; i++)
                add_quoted(text, ctl->args[i]);
        return text->error;
}

int ctl_remote_run(struct ctl *ctl) {
        char ssh[] = "ssh", no_tty[] = "-T", no_x[] = "-x", no_input[] = "-n", end[] = "--";
        _cleanup_text_ struct mhp_text command = {};
        _cleanup_free_ char *host = strdup(ctl->host);
        char *words[] = { ssh, no_tty, no_x, no_input, end, host, NULL, NULL };
        int status, r = make_command(ctl, &command);
        pid_t pid;

        if (r < 0 || !host)
                return -ENOMEM;
        words[6] = command.data;
        r = posix_spawnp(&pid, ssh, NULL, NULL, words, environ);
        if (r != 0)
                return ctl_fail(ctl, CTL_FAILED, "running ssh: %s", strerror(r));
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (!WIFEXITED(status))
                return ctl_fail(ctl, CTL_FAILED, "ssh to %s was ended by signal %d", ctl->host, WTERMSIG(status));
        if (WEXITSTATUS(status) == SSH_FAILED)
                return ctl_fail(ctl, CTL_FAILED, "%s cannot be reached: ssh failed", ctl->host);
        if (WEXITSTATUS(status) == SHELL_FINDS_NONE)
                return ctl_fail(ctl, CTL_FAILED, "%s has no mhpctl", ctl->host);
        return WEXITSTATUS(status);
}
