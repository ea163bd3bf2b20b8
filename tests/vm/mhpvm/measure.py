# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures from inside a guest: how long blocks take to come online, and what a service costs."""

import dataclasses

from .image import HELPER_DIR

# For each process of a unit: proportional memory in KiB, voluntary and involuntary context switches.
COST = """for pid in $(find /sys/fs/cgroup$(systemctl show -P ControlGroup {unit}) -name cgroup.procs -exec cat {{}} +); do
awk '/^Pss:/ {{ print $2 }}' /proc/$pid/smaps_rollup
awk '/voluntary_ctxt_switches/ {{ print $2 }}' /proc/$pid/status; done"""


@dataclasses.dataclass(frozen=True)
class Span:
    """What the kernel's events say about one arrival, in seconds on the guest's clock."""
    first_add: float
    last_online: float
    blocks: int

    @property
    def seconds(self):
        """From the first `add` to the last `online`."""
        return self.last_online - self.first_add


@dataclasses.dataclass(frozen=True)
class Cpu:
    """Processor time of a unit's processes, in seconds."""
    user: float
    system: float

    def __sub__(self, other):
        return Cpu(self.user - other.user, self.system - other.system)


def arrival(machine, size, count, timeout=60):
    """Plug a DIMM of COUNT blocks and time them; (the DIMM's name, Span)."""
    clock = machine.agent.start(f"rm -f /run/clock; {HELPER_DIR}/ueventclock {count} {timeout} >/run/clock; cat /run/clock")
    machine.wait(lambda: machine.run("cat /run/clock").out, lambda said: "ready" in said, 10, "the clock listens")
    name = machine.plug_dimm(size)
    line = machine.agent.finish(clock, timeout + 10).out.splitlines()[-1]
    said = dict(word.split("=") for word in line.split())
    if int(said["online"]) != count or int(said["lost"]):
        raise AssertionError(f"not {count} blocks online within {timeout} s: {line}")
    return name, Span(float(said["first_add"]), float(said["last_online"]), count)


def cpu(machine, unit):
    """Processor time that a unit has used up to now."""
    text = machine.check(f"cat /sys/fs/cgroup$(systemctl show -P ControlGroup {unit})/cpu.stat")
    stat = dict(line.split() for line in text.splitlines())
    return Cpu(int(stat["user_usec"]) / 1e6, int(stat["system_usec"]) / 1e6)


def _costs(machine, unit):
    numbers = [int(word) for word in machine.check(COST.format(unit=unit)).split()]
    return [numbers[at:at + 3] for at in range(0, len(numbers), 3)]


def pss(machine, unit):
    """Proportional memory of all processes of a unit, in bytes."""
    return sum(row[0] for row in _costs(machine, unit)) * 1024


def wakeups(machine, unit, seconds):
    """How often the processes of a unit gave up a processor of their own accord during some seconds."""
    before = sum(row[1] for row in _costs(machine, unit))
    machine.check(["sleep", str(seconds)], timeout=seconds + 30)
    return sum(row[1] for row in _costs(machine, unit)) - before
