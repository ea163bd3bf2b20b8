# SPDX-License-Identifier: GPL-2.0-or-later
"""A write that never returns: another process holds the kernel's hotplug lock for ever.

The lock is held by an ordinary writer that takes a Movable block offline whose pages are pinned: the kernel retries it
without end. Any further write to a block's state then waits, and only SIGKILL ends it.
"""

from mhpvm.case import VmCase
from mhpvm.machine import Spec

HELPER = "/usr/libexec/mhpd-tests/pinblock"
# How long `mhpctl status` takes, five times a second for five seconds.
ASK = "/usr/libexec/mhpd-tests/slowest 5 mhpctl status"
LIMIT = 200     # milliseconds, and that with the start of mhpctl in an emulated machine


class Stuck(VmCase):
    """One DIMM in use and pinned, one that waits to come online."""

    spec = Spec(memory="1G")
    config = "[Online]\nBy=mhpd\nZone=movable\n[Teardown]\nOfflineTimeoutSec=3\n"
    alone = True

    def hold_the_lock(self, block, size):
        """Pin pages of a block and start to take it offline, which will not end."""
        self.machine.agent.start(f"{HELPER} {block} {size} >/run/pinned")
        self.machine.wait(lambda: self.machine.run("cat /run/pinned").out, lambda said: "pinned" in said, 30, "pages pinned")
        self.machine.agent.start(f"echo offline > /sys/devices/system/memory/memory{block}/state")
        self.machine.wait(lambda: self.machine.blocks()[block].state, lambda state: state == "going-offline", 10,
                          "the block that keeps the lock")

    def property(self, name):
        """A number that mhpd shows on the bus."""
        return int(self.machine.check(f"busctl get-property org.mhpd1 /org/mhpd1 org.mhpd1.Manager {name}").split()[1])

    def answers(self):
        """Median and worst `mhpctl status` of five seconds, in milliseconds."""
        said = dict(word.split("=") for word in self.machine.check(ASK).split())
        return float(said["median"]), float(said["worst"])

    def assert_answers_in_time(self, noise):
        """LIMIT, and what this machine's own load adds at its worst. Three tries: a daemon that waits for its worker would
        spoil all of them, and by seconds."""
        tries = []
        while len(tries) < 3 and (not tries or tries[-1] >= LIMIT + noise):
            tries.append(self.answers()[1])
        self.assertLess(tries[-1], LIMIT + noise, f"worst answers {tries} ms, noise of this machine {noise:.0f} ms")

    def test_stuck_worker(self):
        before = self.plug("1G")
        used = self.arrived(before, 8)
        self.configure("[Online]\nBy=mhpd\nZone=none\n[Teardown]\nOfflineTimeoutSec=3\n")
        before = self.plug("512M")
        waiting = self.machine.wait_blocks(lambda now: len(now.without(before)) == 4).without(before)
        self.machine.check("udevadm settle; sleep 1")
        median, worst = self.answers()
        self.machine.check("dmesg -n 1")         # the kernel's many words about pages that do not move cost time
        self.hold_the_lock(min(used), used.block_size)
        job = self.machine.agent.start(
            f"mhpctl online {min(waiting)}-{max(waiting)} --zone movable --timeout 60")
        self.machine.wait(lambda: self.property("WorkerKills"), lambda kills: kills >= 1, 15, "a worker is killed")
        self.assert_answers_in_time(worst - median)
        self.assertLess(self.property("LongestRound"), 1_000_000, "microseconds in one round of the daemon's loop")
        self.machine.check("pkill -x pinblock")
        self.machine.wait_blocks(lambda now: all(now[number].zone == "Movable" for number in waiting), 60,
                                 "the blocks come online once the lock is free")
        self.assertEqual(self.machine.agent.finish(job).code, 0)
