# SPDX-License-Identifier: GPL-2.0-or-later
"""mhpd built with AddressSanitizer: what its sandbox has to grant for that, and what it has reported.

The runtime has to be in the program, as clang puts it: the guest has no copy of it."""

import pathlib
import re

MHPD = "usr/sbin/mhpd"
# Shadow memory and quarantine are many times what mhpd itself uses. At its end, LeakSanitizer stops the threads of its own process with ptrace(2).
# addr2line(1) turns the addresses of a report into lines on the host.
DROP_IN = {
    "/etc/systemd/system/mhpd.service.d/50-sanitizer.conf":
        "[Service]\nMemoryMax=infinity\nMemoryHigh=infinity\nSystemCallFilter=ptrace\n"
        "Environment=ASAN_OPTIONS=exitcode=77:handle_abort=1:symbolize=0 UBSAN_OPTIONS=print_stacktrace=1\n",
}
REPORT = re.compile(r"==\d+==\s*ERROR|Sanitizer|runtime error:|DEADLYSIGNAL")
# What the service manager says of an end that no signal of a test's makes.
END = re.compile(r"^mhpd\.service: .*(?:status=(?!0/|1/HUP|9/KILL|15/TERM)\d+|dumped|timed out|[Ww]atchdog|SIGABRT)")


def is_built_in(dest):
    """Whether this install tree has such a mhpd."""
    path = pathlib.Path(dest, MHPD) if dest else None
    return bool(path) and path.exists() and b"__asan_init" in path.read_bytes()


def files(dest):
    """What a guest needs for it."""
    return DROP_IN if is_built_in(dest) else {}


def wrong(messages):
    """The messages of mhpd and about it that tell of a mistake in the program."""
    return [text for text in messages if REPORT.search(text) or END.search(text)]
