# SPDX-License-Identifier: GPL-2.0-or-later
"""Another hand writes the kernel's own switches while mhpd runs."""

import time

from mhpvm.case import VmCase
from mhpvm.machine import Spec

AUTO = "/sys/devices/system/memory/auto_online_blocks"


class Knobs(VmCase):
    """The kernel is armed to put everything into Movable. There is room in Normal, so that what cannot move need not go where it gets in the way."""

    spec = Spec(memory="1G")
    config = "[Online]\nZone=kernel\n"

    def setUp(self):
        if not hasattr(type(self), "room"):
            type(self).room = self.arrived(self.plug("2G"), 16)
        self.machine.check("systemctl start mhpd", timeout=300)
        self.configure("[Online]\nZone=movable\n")     # a reload begins anew
        self.assertEqual(self.knob(), "online_movable")
        self.since = self.cursor()

    def knob(self):
        """What it says."""
        return self.machine.check(f"cat {AUTO}").strip()

    def told(self, event, count=1):
        """Wait until that is in the journal so often."""
        deadline = time.monotonic() + 20
        while len(found := self.journal(self.since, MHPD_EVENT=event)) < count and time.monotonic() < deadline:
            time.sleep(0.2)
        self.assertEqual(len(found), count, event)
        return found[-1]

    def overwrite_twice(self, value):
        """The first time it is set again, within a second; the second time it is left."""
        back = self.machine.check(f"echo {value} > {AUTO}; sleep 1; cat {AUTO}").strip()
        self.assertEqual(back, "online_movable")
        entry = self.told("knob-set-again")
        self.assertEqual((entry["MHPD_KNOB"], entry["MHPD_VALUE"]), ("auto_online_blocks", value))
        self.machine.check(f"echo {value} > {AUTO}")
        self.told("knob-left")
        self.assertEqual(self.knob(), value)
        self.assertIn("another hand", self.mhpctl("status").out)
        self.assertIn(f"{value} (mhpd sets online_movable)", self.mhpctl("policy").out)

    def all_movable(self, before, count):
        """Wait until the new blocks are where they belong."""
        found = self.machine.wait_blocks(lambda now: now.without(before).by_zone() == {"Movable": count}, 90, f"{count} blocks in Movable")
        self.assertEqual(len(found.without(before)), count)

    def test_set_again(self):
        self.machine.check(f"echo online_kernel > {AUTO}")
        self.told("knob-set-again")
        before = self.plug("512M")
        self.all_movable(before, 4)
        self.assertEqual(self.journal(self.since, MHPD_EVENT="drift"), [])

    def test_wrong_zone(self):
        """A DIMM that comes while the knob is not mhpd's is put right, and can leave again."""
        self.overwrite_twice("online_kernel")
        before = self.plug("512M")
        self.all_movable(before, 4)
        self.assertTrue(self.journal(self.since, MHPD_EVENT="drift"))

    def test_offline(self):
        self.overwrite_twice("offline")
        before = self.plug("512M")
        self.all_movable(before, 4)

    def test_while_it_arrives(self):
        """Somebody writes the knob over and over while a DIMM comes."""
        self.machine.check(f"systemd-run --quiet --unit=writer sh -c 'while :; do echo online_kernel > {AUTO}; sleep 0.01; done'")
        self.addCleanup(self.machine.check, "systemctl stop writer")
        before = self.plug("1G")
        self.all_movable(before, 8)

    def test_another_sysfs(self):
        """A write through a sysfs that another network namespace has mounted is not announced. It is seen when memory comes."""
        self.machine.check(f"unshare -n -m sh -c 'mount -t sysfs sysfs /sys && echo online_kernel > {AUTO}'")
        before = self.plug("512M")
        self.told("knob-set-again")
        self.all_movable(before, 4)
        self.assertEqual(self.knob(), "online_movable")

    def test_killed(self):
        """And stopped before it is back: the kernel brings memory online as it did before."""
        self.machine.check("systemctl kill -s KILL mhpd; systemctl stop mhpd")
        self.assertEqual(self.knob(), "online")

    def test_stop(self):
        """What another hand has written stands."""
        self.overwrite_twice("offline")
        self.machine.check("systemctl stop mhpd")
        self.assertEqual(self.knob(), "offline")
        self.machine.check(f"echo online > {AUTO}; systemctl start mhpd; systemctl stop mhpd")
        self.assertEqual(self.knob(), "online")
