# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a guest is well: no process that cannot be woken, no complaint of the kernel's."""

# Three looks within a second: a process that waits for its disk is not there each time.
SLEEPERS = ("for i in 1 2 3; do ps -eo pid=,stat=,comm=; sleep 0.4; done | "
            "awk '$2 ~ /^D/ { n[$1 \" \" $3]++ } END { for (who in n) if (n[who] == 3) print who }'")
# What the kernel says when it finds itself wrong. A stall of an emulated processor is the host's affair.
WRONG = r"dmesg | grep -E 'WARNING:|BUG:|Oops|general protection|refcount_t|blocked for more than|list_(add|del) corruption'"
VETO = "/sys/firmware/acpi/hotplug/memory/enabled"


def uninterruptible(machine):
    """The processes that stay in uninterruptible sleep, one a line."""
    return machine.check(SLEEPERS)


def complaints(machine):
    """What the kernel's log has of warnings."""
    return machine.run(WRONG).out


def eject_allowed(machine):
    """Whether the kernel obeys when the host asks for a DIMM."""
    return machine.check(["cat", VETO]).strip() == "1"
