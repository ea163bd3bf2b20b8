/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "pkttyagent"
#define READY_MSEC 30000 /* it connects to the bus and speaks with polkit, which may have to start */

static _Noreturn void run_agent(pid_t parent, int notify) {
        char word[32];

        (void) snprintf(word, sizeof(word), "--notify-fd=%d", notify);
        /* it must not go on asking for somebody who has gone */
        if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent)
                (void) execlp(PROGRAM, PROGRAM, word, "--fallback", NULL);
        _exit(127);
}

/* The agent closes its end when it is registered, and so does its death. */
static void wait_ready(int fd) {
        struct pollfd end = { .fd = fd };

        while (poll(&end, 1, READY_MSEC) < 0 && errno == EINTR)
                ;
}

/* The agent asks on the controlling terminal, and complains where there is none: `su -c` leaves none. */
static bool is_controlled(void) {
        int fd = open(ctermid(NULL), O_RDWR | O_CLOEXEC | O_NOCTTY);

        if (fd < 0)
                return false;
        (void) close(fd);
        return true;
}

void ctl_agent_start(const struct ctl *ctl, struct ctl_agent *ret) {
        pid_t parent = getpid(), pid;
        int ends[2];

        if (ctl->host || ctl_given(ctl, CTL_OPT_NO_ASK) || geteuid() == 0 || !isatty(STDIN_FILENO) || !is_controlled())
                return;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return;
        pid = fork();
        if (pid == 0) {
                (void) fcntl(ends[1], F_SETFD, 0);
                run_agent(parent, ends[1]);
        }
        (void) close(ends[1]);
        if (pid > 0) {
                wait_ready(ends[0]);
                ret->pid = pid;
        }
        (void) close(ends[0]);
}

/* SIGTERM has it put the terminal's echo back. A stopped one has to be woken for that. */
void ctl_agent_done(struct ctl_agent *agent) {
        if (agent->pid <= 0)
                return;
        (void) kill(agent->pid, SIGTERM);
        (void) kill(agent->pid, SIGCONT);
        while (waitpid(agent->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        agent->pid = 0;
}
