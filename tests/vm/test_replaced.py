# SPDX-License-Identifier: GPL-2.0-or-later
"""What somebody took offline stays so while it is there, and other memory in its place is in nobody's hand."""

from mhpvm.case import VmCase
from mhpvm.machine import Spec

MEMORY = "/sys/devices/system/memory"


class Replaced(VmCase):
    """A DIMM of which one block was taken offline by hand, over a stop of mhpd."""

    spec = Spec(memory="1G", append="memhp_default_state=offline")
    config = "[Online]\nBy=mhpd\nZone=movable\n"

    def setUp(self):
        self.machine.check("systemctl start mhpd", timeout=300)
        before = self.machine.blocks()
        self.dimm = self.machine.plug_dimm("256M")
        self.numbers = sorted(self.arrived(before, 2))
        self.kept = self.numbers[1]
        self.machine.check(f"echo offline > {MEMORY}/memory{self.kept}/state")
        self.machine.check(f"for i in $(seq 100); do grep -q '^inode.{self.kept}=' /run/mhpd/state && break; sleep 0.1; done; grep '^inode.{self.kept}=' /run/mhpd/state")
        self.machine.check("systemctl stop mhpd")

    def tearDown(self):
        self.machine.check("systemctl stop mhpd", timeout=300)
        self.assertTrue(self.machine.unplug_dimm(self.dimm))

    def inodes(self):
        """Of the DIMM's blocks."""
        return [int(self.machine.check(f"stat -c %i {MEMORY}/memory{number}")) for number in self.numbers]

    def states(self):
        """Of the DIMM's blocks."""
        return [self.machine.check(f"cat {MEMORY}/memory{number}/state").strip() for number in self.numbers]

    def test_same_memory(self):
        """Its inode stays the same when the kernel has to forget what it knows of sysfs and build it anew."""
        inodes = self.inodes()
        for _ in range(3):
            self.machine.check("echo 3 > /proc/sys/vm/drop_caches; find /sys > /dev/null; echo 2 > /proc/sys/vm/drop_caches")
            self.assertEqual(self.inodes(), inodes)
        self.machine.check("systemctl start mhpd; sleep 3", timeout=300)
        self.assertEqual(self.states(), ["online", "offline"])
        self.machine.check(f"echo offline > {MEMORY}/memory{self.numbers[0]}/state; echo online_movable > {MEMORY}/memory{self.numbers[0]}/state")
        self.assertEqual(self.inodes(), inodes)

    def test_other_memory(self):
        inodes = self.inodes()
        self.assertTrue(self.machine.unplug_dimm(self.dimm))
        self.dimm = self.machine.plug_dimm("256M")
        self.machine.wait_blocks(lambda found: set(self.numbers) <= set(found), 30, "the new DIMM in the place of the old one")
        self.assertFalse(set(self.inodes()) & set(inodes), "inodes of other memory")
        cursor = self.cursor()
        self.machine.check("systemctl start mhpd", timeout=300)
        self.machine.wait_blocks(lambda found: all(found[number].zone == "Movable" for number in self.numbers), 30, "the new DIMM online")
        self.assertTrue([e for e in self.journal(since=cursor) if f"blocks {self.kept}, which somebody took offline" in e["MESSAGE"]])
