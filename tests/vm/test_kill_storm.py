# SPDX-License-Identifier: GPL-2.0-or-later
"""Signals of all kinds rain on mhpd and its worker while a DIMM and virtio-mem come and go: when it is over, everything is as if nothing had been.

MHPD_TEST_ROUNDS says how often (3; 300 for the long run), MHPD_VM_SEED which moments. With an install tree that was built with clang's sanitizers
(--dest) their reports count as failures."""

import os
import random
import time

from mhpvm import sanitizer
from mhpvm.machine import Spec, VirtioMem
from mhpvm.removal import RemovalCase
from mhpvm.units import MiB, parse_size

ROUNDS = int(os.environ.get("MHPD_TEST_ROUNDS", 3))
AUTO_ONLINE = "/sys/devices/system/memory/auto_online_blocks"
UNPLUG_ONLINE = "/sys/module/virtio_mem/parameters/unplug_online"
BLOCK = 128 * MiB
DIMM = "4G"
SIZES = ("0", "1G", "2G", "4G")
GROUP = "acpi:PNP0C80:00"       # the one slot that is used
# The oldest process is mhpd between its start and its end, or the one that puts back what a dead one has left; the newest mostly is the worker.
VICTIMS = {"mhpd": "pkill -{signal} -o -x mhpd", "worker": "pkill -{signal} -n -x mhpd"}
# What is left of one mhpd and its worker, in one question: a guest takes half a second for each. The state file is there while mhpd holds knobs.
LEFT = f"cat {UNPLUG_ONLINE} {AUTO_ONLINE}; pgrep -x mhpd | wc -l; grep -E '^(removal|hold|hands-off|eject-notice)' /run/mhpd/state; true"
JOURNAL = "journalctl --sync; journalctl -u mhpd -o cat --no-pager --cursor-file=/run/storm-cursor"


class KillStorm(RemovalCase):
    """64 blocks that move: a DIMM and a virtio-mem device of 32 blocks each."""

    spec = Spec(memory="1G", virtio_mem=(VirtioMem("vm0", "4G"),))
    again = False
    config = "[Online]\nBy=mhpd\nZone=movable\n[Teardown]\nOfflineTimeoutSec=2\nAttempts=2\nRetryMaxSec=1\n"

    def setUp(self):
        seed = int(os.environ.get("MHPD_VM_SEED", random.randrange(1 << 32)))
        print(f"     seed {seed}", flush=True)
        self.random = random.Random(seed)
        self.boot = self.machine.blocks()
        self.knob = self.machine.check(["cat", AUTO_ONLINE]).strip()
        self.dimm = None
        self.requested = "0"
        self.signals = 0
        self.said = []

    # What is done to mhpd

    def shot(self):
        """A command for one signal, or for a stop and what ends it."""
        victim = VICTIMS[self.random.choice(("mhpd", "mhpd", "worker"))]
        signal = self.random.choice(("KILL", "KILL", "TERM", "HUP", "STOP"))
        self.signals += 1
        if signal != "STOP":
            return victim.format(signal=signal)
        return f"{victim.format(signal='STOP')}; sleep {self.random.uniform(0, 0.5):.3f}; pkill -CONT -x mhpd"

    def storm(self):
        """Some of them, at any moments."""
        shots = [f"sleep {self.random.uniform(0, 0.8):.3f}; {self.shot()}" for _ in range(self.random.randint(2, 6))]
        return "; ".join(shots) + "; true"

    # What is done to memory

    def move_dimm(self):
        """Plug it, or take it away by one hand or another; what was done."""
        if not self.dimm:
            self.dimm = self.machine.plug_dimm(DIMM)
            return "plug"
        how = self.random.choice(("unplug", "device_del", "offline", "nothing"))
        if how == "device_del":
            self.machine.qmp.execute("device_del", id=self.dimm)
        elif how != "nothing":
            self.machine.run(f"mhpctl {how} {GROUP} --no-wait", 60)
        return how

    def move_virtio(self):
        """Another size."""
        self.requested = self.random.choice(SIZES)
        self.machine.resize_virtio_mem(self.requested)

    # What has to be true afterwards

    def settle(self):
        """Wait for a mhpd that answers and has nothing to do."""
        self.machine.check("for i in $(seq 300); do busctl status org.mhpd1 >/dev/null 2>&1 && systemctl is-active -q mhpd && break; sleep 0.1; done")
        self.assert_ended(120)

    def forget_dimm_if_gone(self, since):
        """Whether it has left, which only an order for that makes it do."""
        self.machine.qmp.poll()
        gone = any(event["event"] == "DEVICE_DELETED" and event["data"].get("device") == self.dimm for event in self.machine.qmp.events[since:])
        if gone:
            self.machine.qmp.execute("object-del", id=f"{self.dimm}-ram")
            self.dimm = None
        return gone

    def assert_all_there(self, what):
        """All blocks that there should be are online, where the configuration says."""
        count = (parse_size(DIMM) if self.dimm else 0) // BLOCK + parse_size(self.requested) // BLOCK
        self.machine.wait_blocks(lambda now: now.without(self.boot).by_zone() == ({"Movable": count} if count else {}), 60, f"{count} blocks in Movable {what}")

    def assert_nothing_left(self):
        """No switch is where mhpd had it for a while, nothing is remembered, and there is one mhpd with at most one worker."""
        switch, knob, count, *lines = self.machine.check(LEFT).splitlines()
        self.assertEqual((switch, knob, lines), ("Y", self.knob, []))
        self.assertIn(int(count), (1, 2), "processes of mhpd")

    def assert_no_report(self):
        """Neither a sanitizer nor the service manager has found a mistake."""
        new = self.machine.check(JOURNAL).splitlines()
        self.said = (self.said + new)[-80:]
        self.assertEqual(sanitizer.wrong(new), [], "\n".join(self.said))

    def put_back(self, how):
        """An order to offline that was obeyed is not undone by mhpd."""
        if how == "offline" and self.dimm:
            self.machine.run(f"mhpctl online {GROUP} --zone movable", 60)

    def round(self):
        """One storm, and how it ended for the DIMM."""
        since = self.machine.qmp.mark()
        storm = self.machine.agent.start(self.storm())
        how = self.move_dimm()
        self.move_virtio()
        self.machine.agent.finish(storm, 90)
        self.settle()
        gone = self.forget_dimm_if_gone(since)
        self.assertFalse(gone and how not in ("unplug", "device_del"), "only what was asked for leaves")
        self.put_back(how)
        self.machine.wait_virtio_mem(self.requested, timeout=90)
        self.assert_ended()
        self.assert_all_there(f"after {how}, virtio-mem at {self.requested}")
        self.assert_nothing_left()
        self.assert_well()
        self.assert_no_report()
        return f"{how}: {'left' if gone else 'there'}"

    def test_storm(self):
        """Round after round; the first that ends badly ends the test."""
        began, ends = time.monotonic(), {}
        for number in range(ROUNDS):
            end = self.round()
            ends[end] = ends.get(end, 0) + 1
            if (number + 1) % 10 == 0:
                print(f"     {number + 1} rounds, {self.signals} signals, {time.monotonic() - began:.0f} s", flush=True)
        self.machine.check("systemctl stop mhpd", timeout=60)
        self.assertEqual(self.machine.run("cat /run/mhpd/state").out, "")
        self.assert_no_report()
        kind = "with sanitizers" if sanitizer.is_built_in(self.dest) else "plain"
        print(f"     {ROUNDS} rounds, {self.signals} signals, {kind}, {time.monotonic() - began:.0f} s: {ends}", flush=True)
