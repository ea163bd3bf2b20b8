# SPDX-License-Identifier: GPL-2.0-or-later
"""A write that never returns: another process holds the kernel's hotplug lock for ever.

The lock is held by an ordinary writer that takes a Movable block offline whose pages are pinned: the kernel retries it
without end. Any further write to a block's state then waits, and only SIGKILL ends it.
"""

from mhpvm.case import VmCase
from mhpvm.machine import Spec

HELPER = "/usr/libexec/mhpd-tests/pinblock"
# Ask for the status again and again for SECONDS; the slowest answer in milliseconds.
ASK = """worst=0; end=$(($(date +%s%N) + {seconds} * 1000000000))
while t=$(date +%s%N); [ $t -lt $end ]; do mhpctl status >/dev/null || exit 1
took=$((($(date +%s%N) - t) / 1000000)); [ $took -le $worst ] || worst=$took; sleep 0.2; done; echo $worst"""


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

    def kills(self):
        """How many workers mhpd has killed."""
        text = self.machine.check("busctl get-property org.mhpd1 /org/mhpd1 org.mhpd1.Manager WorkerKills")
        return int(text.split()[1])

    def test_stuck_worker(self):
        before = self.plug("1G")
        used = self.arrived(before, 8)
        self.configure("[Online]\nBy=mhpd\nZone=none\n[Teardown]\nOfflineTimeoutSec=3\n")
        before = self.plug("512M")
        waiting = self.machine.wait_blocks(lambda now: len(now.without(before)) == 4).without(before)
        self.machine.check("udevadm settle; sleep 1")
        self.hold_the_lock(min(used), used.block_size)
        job = self.machine.agent.start(
            f"mhpctl online {min(waiting)}-{max(waiting)} --zone movable --timeout 60")
        worst = int(self.machine.check(ASK.format(seconds=10)))
        self.assertGreaterEqual(self.kills(), 1, "the worker is killed at its deadline")
        self.assertLess(worst, 200, "milliseconds for an answer while the worker was stuck")
        self.machine.check("pkill -x pinblock")
        self.machine.wait_blocks(lambda now: all(now[number].zone == "Movable" for number in waiting), 60,
                                 "the blocks come online once the lock is free")
        self.assertEqual(self.machine.agent.finish(job).code, 0)
