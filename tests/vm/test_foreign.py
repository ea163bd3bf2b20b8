# SPDX-License-Identifier: GPL-2.0-or-later
"""Another hand brings memory online to the wrong zone: mhpd says so, mends it once where it can, and never fights."""

import collections
import time

from mhpvm.case import VmCase
from mhpvm.machine import Spec
from test_zones import numbers

RULE = ('SUBSYSTEM=="memory", ACTION=="add|offline", ATTR{state}=="offline", ATTR{state}="online_kernel"\n')
CALM = 5        # seconds without another hand's work, after which mhpd repairs


class Foreign(VmCase):
    """A guest whose udev rule puts everything into Normal."""

    spec = Spec(memory="1G")
    config = "[Online]\nBy=mhpd\nZone=movable\n"

    def events(self, since, name):
        """Block -> how often mhpd logged this event."""
        count = collections.Counter()
        for entry in self.journal(since, MHPD_EVENT=name):
            count.update(numbers(entry["MHPD_BLOCK"]))
        return count

    def settled(self):
        """Wait until no block has changed for so long that mhpd has nothing more to wait for; the blocks."""
        last, since = self.machine.blocks(), time.monotonic()
        deadline = since + 60
        while time.monotonic() < min(since + CALM + 2, deadline):
            time.sleep(0.3)
            now = self.machine.blocks()
            if now != last:
                last, since = now, time.monotonic()
        self.assertLess(time.monotonic(), deadline, "the blocks never come to rest")
        return last

    def test_udev_rule(self):
        self.machine.agent.write("/etc/udev/rules.d/99-other-hand.rules", RULE)
        self.machine.check("udevadm control --reload")
        since = self.cursor()
        before = self.plug("1G")
        self.arrived(before, 8)
        found = self.settled().without(before)
        self.machine.check("rm /etc/udev/rules.d/99-other-hand.rules; udevadm control --reload")
        self.assertEqual(found.online(), 8)
        drift, repaired = self.events(since, "drift"), self.events(since, "repaired")
        wrong = {number for number, block in found.items() if block.zone != "Movable"}
        self.assertLessEqual(wrong, set(drift), "a block in the wrong zone is reported")
        self.assertTrue(all(count <= 1 for count in repaired.values()), repaired)
        for entry in self.journal(since, MHPD_EVENT="drift"):
            self.assertEqual(entry["MHPD_ZONE"], "Normal")

    def test_one_repair(self):
        # Room in Normal, or the kernel would put what cannot move into the block as soon as it is there.
        self.configure("[Online]\nBy=mhpd\nZone=kernel\n")
        self.arrived(self.plug("2G"), 16)
        self.configure("[Online]\nBy=mhpd\nZone=movable\n")
        before = self.plug("1G")
        found = self.arrived(before, 8)
        self.assert_zone(found, "Movable")
        block = max(found)
        since = self.cursor()
        self.move_to_normal(block)
        now = self.settled()
        self.assertEqual(now[block].zone, "Movable", "the first time it is mended")
        self.assertEqual(set(self.events(since, "drift")), {block})
        self.assertEqual(self.events(since, "repaired"), {block: 1})
        since = self.cursor()
        self.move_to_normal(block)
        self.assertEqual(self.settled()[block].zone, "Normal", "the second time it is left alone")
        self.assertEqual(set(self.events(since, "drift")), {block})
        self.assertEqual(self.events(since, "repaired"), {})

    def move_to_normal(self, block):
        """What the other hand does."""
        state = f"/sys/devices/system/memory/memory{block}/state"
        self.machine.check(f"echo offline > {state} && echo online_kernel > {state}")
