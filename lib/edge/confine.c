/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/macro.h"
#include "edge/names.h"

#ifndef INSTRUMENTED
#define INSTRUMENTED 0
#endif

/* What may be called with any arguments. Names that an architecture or libseccomp does not have are left out: each stands for the same thing
 * somewhere else (fstatat64, clock_gettime64), or for a newer way to it. The second half is what the C library does by itself. */
static const char *const calls[] = {
        "read", "readv", "pread64", "write", "close", "lseek", "_llseek", "fcntl", "fcntl64", "poll", "ppoll", "ppoll_time64",
        "fstat", "fstat64", "newfstatat", "fstatat64", "statx", "readlink", "readlinkat", "faccessat", "faccessat2", "getdents", "getdents64",
        "clock_gettime", "clock_gettime64", "gettimeofday", "nanosleep", "clock_nanosleep", "clock_nanosleep_time64",

        "brk", "mmap", "mmap2", "munmap", "mremap", "mprotect", "madvise", "futex", "futex_time64", "getrandom", "getpid", "gettid",
        "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "restart_syscall", "exit", "exit_group",
};

/* What the sanitizers need for a report, the search for leaks at the end above all (which traces this process from another one), and gcov to write
 * its counts. */
static const char *const calls_instrumented[] = {
        "openat", "open", "mkdir", "mkdirat", "ftruncate", "access", "stat", "getcwd", "ioctl", "writev", "pipe", "pipe2", "dup2",
        "clone", "wait4", "ptrace", "kill", "tgkill", "prctl", "arch_prctl", "sigaltstack", "sched_yield", "sched_getaffinity", "getppid",
        "getuid", "geteuid", "getrlimit", "prlimit64", "uname", "sysinfo",
};

static int allow(scmp_filter_ctx filter, const char *name, unsigned n_args, const struct scmp_arg_cmp *args) {
        int nr = seccomp_syscall_resolve_name(name);
        int r = nr == __NR_SCMP_ERROR ? 0 : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, nr, n_args, args);

        return r == -EDOM ? 0 : r; /* not on this architecture */
}

static int allow_all(scmp_filter_ctx filter, const char *const *names, size_t n) {
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++)
                r = allow(filter, names[i], 0, NULL);
        return r;
}

/* Files are opened and not made; a signal goes to this process (abort(3) sends it one); prctl(2) is for the signal that comes when mhpd has ended.
 * Of a register the kernel looks at the half that is an int, and so does the filter. */
static int allow_some(scmp_filter_ctx filter) {
        const struct scmp_arg_cmp opened[] = { SCMP_A2(SCMP_CMP_MASKED_EQ, O_CREAT, 0) };
        const struct scmp_arg_cmp itself[] = { SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, (scmp_datum_t) getpid()) };
        const struct scmp_arg_cmp death[] = { SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, PR_SET_PDEATHSIG) };
        int r = allow(filter, "openat", ELEMENTSOF(opened), opened);

        if (r >= 0)
                r = allow(filter, "tgkill", ELEMENTSOF(itself), itself);
        return r < 0 ? r : allow(filter, "prctl", ELEMENTSOF(death), death);
}

static int fill(scmp_filter_ctx filter) {
        int r = allow_all(filter, calls, ELEMENTSOF(calls));

        if (r < 0)
                return r;
        return INSTRUMENTED ? allow_all(filter, calls_instrumented, ELEMENTSOF(calls_instrumented)) : allow_some(filter);
}

int mhp_confine_calls(void) {
        scmp_filter_ctx filter;
        int r;

        if (prctl(PR_GET_SECCOMP) < 0 && errno == EINVAL)
                return 0; /* CONFIG_SECCOMP is off */
        filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
        if (!filter)
                return -ENOMEM;
        r = fill(filter);
        if (r >= 0)
                r = seccomp_load(filter); /* sets no_new_privs as well */
        seccomp_release(filter);
        return r;
}

int mhp_confine_capabilities(bool administer) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct now[_LINUX_CAPABILITY_U32S_3], kept[_LINUX_CAPABILITY_U32S_3] = { 0 };
        const uint32_t admin = administer ? UINT32_C(1) << CAP_SYS_ADMIN : 0; /* in the first word */

        if (syscall(SYS_capget, &header, now) < 0)
                return -errno;
        for (unsigned long cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
                if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EPERM)
                        return -errno;
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
                return -errno;
        kept[0].permitted = kept[0].effective = now[0].permitted & admin;
        return syscall(SYS_capset, &header, kept) < 0 ? -errno : 0;
}

/* What an instrumented build has to say goes to standard error. */
static int lead_nowhere(void) {
        int fd = open(NAME_NULL, O_RDWR | O_CLOEXEC | O_NOCTTY);
        int r = 0;

        if (fd < 0)
                return -errno;
        for (int to = STDIN_FILENO; to <= STDERR_FILENO && r >= 0; to++)
                if (fd != to && !(INSTRUMENTED && to == STDERR_FILENO) && dup2(fd, to) < 0)
                        r = -errno;
        if (fd > STDERR_FILENO)
                close(fd);
        return r;
}

int mhp_confine_files(int first) {
        closefrom(first);
        return lead_nowhere();
}
