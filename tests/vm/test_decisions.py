# SPDX-License-Identifier: GPL-2.0-or-later
"""What an administrator does to memory that had its place stands; what a hand does that was merely faster is put right."""

import time

from mhpvm.case import VmCase
from mhpvm.machine import Spec, VirtioMem
from test_dax import GIVE, MAKE
from test_zones import numbers

CALM = 5        # seconds without another hand's work, after which mhpd repairs
STATE = "/sys/devices/system/memory/memory{}/state"


class Decides(VmCase):
    """A policy that wants Movable, and an administrator who wants Normal."""

    spec = Spec(memory="2G", nvdimm="1G", virtio_mem=(VirtioMem("vm0", "2G"),))
    config = "[Online]\nBy=mhpd\nZone=movable\n"

    def stands(self, found, act):
        """The blocks are in Normal after the act and stay there; it is told once a block, with what undoes it."""
        since = self.cursor()
        act()
        time.sleep(CALM + 4)
        now = self.machine.blocks()
        self.assertEqual({now[number].zone for number in found}, {"Normal"})
        entries = self.journal(since, MHPD_EVENT="drift")
        told = [number for entry in entries for number in numbers(entry["MHPD_BLOCK"])]
        self.assertEqual(sorted(told), sorted(found))
        for entry in entries:
            self.assertIn(f"mhpctl online --policy {entry['MHPD_BLOCK']}", entry["MESSAGE"])
        self.assertEqual(self.journal(since, MHPD_EVENT="repaired"), [])

    def undone(self, found):
        """`mhpctl online --policy` moves them, but for what the kernel has put something into by now that stays."""
        said = self.mhpctl(f"online --policy {min(found)}-{max(found)} --timeout 60", 90)
        now = self.machine.blocks()
        moved = [number for number in found if now[number].zone == "Movable"]
        self.assertIn(said.code, (0, 64), said.out + said.err)
        self.assertEqual(said.code == 0, len(moved) == len(found))
        self.assertTrue(moved)

    def test_chmem(self):
        before = self.machine.blocks()
        self.machine.resize_virtio_mem("1G", "vm0")
        found = self.arrived(before, 8)
        self.assert_zone(found, "Movable")
        some = sorted(found)[2:5]
        blocks = f"{some[0]}-{some[-1]}"
        self.stands(some, lambda: self.machine.check(f"chmem -b -d {blocks} && chmem -b -e -z Normal {blocks}"))
        self.machine.check("systemctl restart mhpd; mhpctl reload")
        time.sleep(CALM + 1)
        now = self.machine.blocks()
        self.assertEqual({now[number].zone for number in some}, {"Normal"}, "after a restart and a reload, too")
        self.undone(some)

    def test_whole_dimm(self):
        found = self.arrived(self.plug("1G"), 8)
        blocks = f"{min(found)}-{max(found)}"
        self.stands(found, lambda: self.machine.check(f"chmem -b -d {blocks} && sleep 1 && chmem -b -e -z Normal {blocks}"))
        self.undone(found)

    def test_daxctl(self):
        self.machine.check(MAKE)
        before = self.machine.blocks()
        self.machine.check(GIVE)
        found = self.arrived(before, 7)
        self.assert_zone(found, "Movable")
        self.stands(found, lambda: self.machine.check("daxctl offline-memory dax0.0 && daxctl online-memory --no-movable dax0.0"))
        self.undone(found)

    def test_offline_was_wanted(self):
        """Zone=none: a hand that is still at work on what arrives is not interrupted; what it does later stands."""
        self.configure("[Online]\nBy=mhpd\nZone=none\n")
        self.addCleanup(self.configure, self.config)
        since = self.cursor()
        before = self.plug("1G")
        found = self.machine.wait_blocks(lambda found: len(found.without(before)) == 8, 30, "8 new blocks").without(before)
        some = sorted(found)[:3]
        work = "; ".join(f"echo online_movable > {STATE.format(number)}; sleep 0.6" for number in some)
        said = self.machine.check(f"{work}; cat {' '.join(STATE.format(number) for number in some)}")
        self.assertEqual(said.split(), ["online"] * 3, "all of it was there when that hand was done")
        self.machine.wait_blocks(lambda now: all(now[number].state == "offline" for number in some), 20, "they are put right")
        for entry in self.journal(since, MHPD_EVENT="repaired"):
            self.assertRegex(entry["MESSAGE"], r"put right and offline$")
        time.sleep(CALM)
        since = self.cursor()
        self.machine.check(f"chmem -b -e -z Normal {max(found)}")
        time.sleep(CALM + 2)
        self.assertEqual(self.machine.blocks()[max(found)].zone, "Normal")
        self.assertEqual(len(self.journal(since, MHPD_EVENT="drift")), 1)
