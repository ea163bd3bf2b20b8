/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a confined process can still do, each thing tried in a process of its own. */

#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "edge/confine.h"
#include "edge/worker.h"

#ifndef INSTRUMENTED
#define INSTRUMENTED 0
#endif

#define SETUP_FAILED 200
#define BUS "/run/dbus/system_bus_socket"

/* A socket, and where it could lead, from before the process was confined. */
struct before {
        int fd;
        struct sockaddr_un to;
};

/* The exit status of a child that runs this. */
#define IN_CHILD(code) \
        ({ \
                int status_ = -1; \
                pid_t pid_ = fork(); \
                if (pid_ == 0) \
                        _exit(code); \
                assert_int_equal(waitpid(pid_, &status_, 0), pid_); \
                WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_); \
        })

static int call(long r) {
        return r < 0 ? errno : 0;
}

/* ------------------------------------------------------------------------------------------------------- what is refused */

static int try_socket(const struct before *b) { return call(socket(AF_UNIX, SOCK_STREAM, 0)); }
static int try_netlink(const struct before *b) { return call(socket(AF_NETLINK, SOCK_RAW, 0)); }
static int try_socketpair(const struct before *b) { int pair[2]; return call(socketpair(AF_UNIX, SOCK_STREAM, 0, pair)); }
static int try_connect(const struct before *b) { return call(connect(b->fd, (const struct sockaddr *) &b->to, sizeof(b->to))); }
static int try_bind(const struct before *b) { return call(bind(b->fd, (const struct sockaddr *) &b->to, sizeof(b->to))); }
static int try_sendto(const struct before *b) { return call(sendto(b->fd, "x", 1, 0, (const struct sockaddr *) &b->to, sizeof(b->to))); }
static int try_sendmsg(const struct before *b) { return call(sendmsg(b->fd, &(struct msghdr) { 0 }, 0)); }
static int try_recvmsg(const struct before *b) { return call(recvmsg(b->fd, &(struct msghdr) { 0 }, MSG_DONTWAIT)); }
static int try_exec(const struct before *b) { char *argv[] = { (char *) "true", NULL }; return call(execv("/bin/true", argv)); }
static int try_fexec(const struct before *b) { return call(syscall(SYS_execveat, AT_FDCWD, "/bin/true", NULL, NULL, 0)); }
static int try_fork(const struct before *b) { pid_t pid = fork(); if (pid == 0) _exit(0); return call(pid); }
static int try_ptrace(const struct before *b) { return call(ptrace(PTRACE_SEIZE, getppid(), 0, 0)); }
static int try_kill(const struct before *b) { return call(syscall(SYS_kill, 1, 0)); }
static int try_tgkill(const struct before *b) { return call(syscall(SYS_tgkill, 1, 1, 0)); }
static int try_pidfd(const struct before *b) { return call(syscall(SYS_pidfd_open, 1, 0)); }
static int try_create(const struct before *b) { return call(open("/tmp/mhpd-confined", O_WRONLY | O_CREAT, 0600)); }
static int try_unlink(const struct before *b) { return call(unlink("/tmp/mhpd-confined")); }
static int try_chmod(const struct before *b) { return call(chmod("/tmp/mhpd-confined", 04755)); }
static int try_mknod(const struct before *b) { return call(mknod("/tmp/mhpd-confined", S_IFIFO | 0600, 0)); }
static int try_rename(const struct before *b) { return call(rename("/tmp/mhpd-confined", "/tmp/mhpd-confined-2")); }
static int try_mount(const struct before *b) { return call(mount("none", "/mnt", "tmpfs", 0, NULL)); }
static int try_unshare(const struct before *b) { return call(unshare(CLONE_NEWUSER)); }
static int try_setuid(const struct before *b) { return call(syscall(SYS_setuid, 65534)); }
static int try_prctl(const struct before *b) { return call(prctl(PR_SET_DUMPABLE, 1)); }
static int try_seccomp(const struct before *b) { return call(prctl(PR_SET_SECCOMP, 2, NULL)); }
static int try_bpf(const struct before *b) { return call(syscall(SYS_bpf, 0, NULL, 0)); }
static int try_uring(const struct before *b) { return call(syscall(SYS_io_uring_setup, 1, NULL)); }
static int try_keyctl(const struct before *b) { return call(syscall(SYS_keyctl, 0, 0, 0, 0, 0)); }

static const struct {
        const char *what;
        int (*try)(const struct before *);
        bool report; /* open where the build reports on itself */
} refused[] = {
        { "socket", try_socket, false },
        { "netlink socket", try_netlink, false },
        { "socketpair", try_socketpair, false },
        { "connect", try_connect, false },
        { "bind", try_bind, false },
        { "sendto", try_sendto, false },
        { "sendmsg", try_sendmsg, false },
        { "recvmsg", try_recvmsg, false },
        { "execve", try_exec, false },
        { "execveat", try_fexec, false },
        { "fork", try_fork, true },
        { "ptrace", try_ptrace, true },
        { "kill", try_kill, true },
        { "tgkill", try_tgkill, true },
        { "pidfd_open", try_pidfd, false },
        { "open with O_CREAT", try_create, true },
        { "unlink", try_unlink, false },
        { "chmod", try_chmod, false },
        { "mknod", try_mknod, false },
        { "rename", try_rename, false },
        { "mount", try_mount, false },
        { "unshare", try_unshare, false },
        { "setuid", try_setuid, false },
        { "prctl", try_prctl, true },
        { "another filter", try_seccomp, true },
        { "bpf", try_bpf, false },
        { "io_uring", try_uring, false },
        { "keyctl", try_keyctl, false },
};

static int confined(int (*try)(const struct before *)) {
        struct before b = { .fd = socket(AF_UNIX, SOCK_DGRAM, 0), .to = { .sun_family = AF_UNIX, .sun_path = BUS } };

        return b.fd < 0 || mhp_confine_calls() < 0 ? SETUP_FAILED : try(&b);
}

static void test_refused(void **state) {
        ROWS(row, refused)
                if (!(INSTRUMENTED && row->report))
                        ROW_INT(row->what, IN_CHILD(confined(row->try)), EPERM);
}

/* ------------------------------------------------------------------------------------------------------- what is left */

/* What a worker lives by. */
static int work(int fd) {
        struct sigaction action = { .sa_handler = SIG_IGN };
        char text[64], *large;
        struct stat st;
        DIR *dir;

        if (mhp_confine_calls() < 0)
                return SETUP_FAILED;
        if (sigaction(SIGUSR1, &action, NULL) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return 1;
        int file = open("/proc/self/oom_score_adj", O_WRONLY | O_TRUNC | O_CLOEXEC);
        if (file < 0 || write(file, "1000", 4) != 4 || close(file) < 0)
                return 2;
        file = openat(AT_FDCWD, "/proc/self/comm", O_RDONLY | O_CLOEXEC);
        if (file < 0 || fstat(file, &st) < 0 || pread(file, text, sizeof(text), 0) <= 0 || lseek(file, 0, SEEK_SET) < 0 || close(file) < 0)
                return 3;
        dir = opendir("/proc/self");
        if (!dir || !readdir(dir) || closedir(dir) < 0 || readlink("/proc/self/exe", text, sizeof(text)) < 0)
                return 4;
        if (faccessat(AT_FDCWD, "/proc/self/comm", F_OK, 0) < 0 || stat("/proc/self", &st) < 0)
                return 5;
        large = malloc((size_t) 8 << 20); /* by mmap(2) */
        if (!large)
                return 6;
        memset(large, 1, (size_t) 8 << 20);
        free(large);
        if (nanosleep(&(struct timespec) { .tv_nsec = 1000 }, NULL) < 0) /* the wait for a lease, in open_to_read() */
                return 8;
        return write(fd, "x", 1) == 1 && read(fd, text, 1) == 1 ? 0 : 7;
}

static void test_left(void **state) {
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        assert_int_equal(write(pair[1], "y", 1), 1);
        assert_int_equal(IN_CHILD(work(pair[0])), 0);
        close(pair[0]);
        close(pair[1]);
}

static int end_badly(void) {
        if (mhp_confine_calls() < 0)
                return SETUP_FAILED;
        abort();
}

/* A bug still ends the process as it should: with a core. */
static void test_abort(void **state) {
        if (!INSTRUMENTED)
                assert_int_equal(IN_CHILD(end_badly()), -SIGABRT);
}

/* The talk goes by readv(2), which does not tell the length of what did not fit: as many blocks as can be, and a byte, make no sense. */
static void test_too_long(void **state) {
        static struct {
                struct mhp_worker_request request;
                char more;
        } raw = { .request = { .verb = MHP_VERB_OFFLINE, .n = MHP_WORKER_BLOCKS_MAX } };
        static struct mhp_worker_request taken;
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        for (size_t more = 0; more < 2; more++) {
                size_t len = sizeof(raw.request) + more;

                assert_int_equal(send(pair[1], &raw, len, MSG_NOSIGNAL), (ssize_t) len);
                assert_int_equal(mhp_worker_take(pair[0], &taken), more == 0 ? 1 : -EBADMSG);
        }
        close(pair[0]);
        close(pair[1]);
}

/* -------------------------------------------------------------------------------------------- capabilities, descriptors */

/* A number of /proc/self/status; base 16 for capabilities. */
static unsigned long long status_of(const char *field, int base) {
        FILE *f = fopen("/proc/self/status", "re");
        unsigned long long value = ~0ULL;
        char line[256];

        while (f && fgets(line, sizeof(line), f))
                if (strncmp(line, field, strlen(field)) == 0 && line[strlen(field)] == ':')
                        value = strtoull(line + strlen(field) + 1, NULL, base);
        if (f)
                fclose(f);
        return value;
}

static int shows_filter(void) {
        return mhp_confine_calls() < 0 ? SETUP_FAILED : status_of("Seccomp", 10) != 2 || status_of("NoNewPrivs", 10) != 1;
}

static void test_status(void **state) {
        assert_int_equal(IN_CHILD(shows_filter()), 0);
}

static int drops(bool administer) {
        unsigned long long had = status_of("CapPrm", 16), bound = status_of("CapBnd", 16);
        unsigned long long want = administer ? had & (1ULL << 21) : 0;
        bool setpcap = (status_of("CapEff", 16) >> 8 & 1) != 0;

        if (mhp_confine_capabilities(administer) < 0)
                return SETUP_FAILED;
        return status_of("CapEff", 16) != want || status_of("CapPrm", 16) != want || status_of("CapInh", 16) != 0 || status_of("CapAmb", 16) != 0 ||
               status_of("CapBnd", 16) != (setpcap ? 0 : bound);
}

static void test_capabilities(void **state) {
        assert_int_equal(IN_CHILD(drops(false)), 0);
        assert_int_equal(IN_CHILD(drops(true)), 0);
}

/* 3 is kept, what stands above it is closed, and what stands below leads nowhere. */
static int lets_go(void) {
        const int last = INSTRUMENTED ? STDOUT_FILENO : STDERR_FILENO;
        char path[64], target[64] = "";

        for (int fd = 3; fd < 20; fd++)
                if (dup2(STDERR_FILENO, fd) < 0)
                        return SETUP_FAILED;
        if (mhp_confine_files(4) < 0)
                return 1;
        for (int fd = 0; fd <= last; fd++) {
                (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
                memset(target, 0, sizeof(target));
                if (readlink(path, target, sizeof(target) - 1) < 0 || strcmp(target, "/dev/null") != 0)
                        return 2;
        }
        for (int fd = 4; fd < 256; fd++)
                if (fcntl(fd, F_GETFD) >= 0)
                        return 3;
        return fcntl(3, F_GETFD) < 0 ? 4 : 0;
}

static void test_files(void **state) {
        assert_int_equal(IN_CHILD(lets_go()), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_left),
                cmocka_unit_test(test_abort),
                cmocka_unit_test(test_too_long),
                cmocka_unit_test(test_status),
                cmocka_unit_test(test_capabilities),
                cmocka_unit_test(test_files),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
