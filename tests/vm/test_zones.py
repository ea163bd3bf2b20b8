# SPDX-License-Identifier: GPL-2.0-or-later
"""A DIMM goes where the configuration says, by [Online] or by a [Rule], on both stock kernels."""

from mhpvm.case import VmCase
from mhpvm.machine import Spec
from mhpvm.units import parse_size


# What the configuration calls a zone -> where the kernel then shows the blocks; and a zone that would be wrong instead.
ZONES = {"movable": "Movable", "kernel": "Normal", "none": "offline"}
OTHER = {"movable": "kernel", "kernel": "movable", "none": "movable"}


class Zones(VmCase):
    """Kernel 6.12, two nodes."""

    spec = Spec(memory="2G", nodes=2)
    config = "[Online]\nZone=kernel\n"

    def goes_to(self, zone, size="2G", node=None):
        """Plug a DIMM: all its blocks end up where ZONE says."""
        before = self.machine.blocks()
        count = parse_size(size) // before.block_size
        self.machine.plug_dimm(size, node)
        if zone == "none":
            self.machine.wait_blocks(lambda now: len(now.without(before)) == count)
            self.machine.check("udevadm settle; sleep 1.5")
            found = self.machine.blocks().without(before)
        else:
            found = self.arrived(before, count)
        self.assertEqual(found.by_zone(), {ZONES[zone]: count})
        return found

    def test_zone(self):
        for zone in ZONES:
            with self.subTest(zone=zone):
                self.configure(f"[Online]\nZone={zone}\n")
                self.goes_to(zone)
                self.assert_list_is_sysfs()

    def test_rule_by_source(self):
        for zone, other in OTHER.items():
            with self.subTest(zone=zone):
                self.configure(f"[Online]\nZone={other}\n[Rule not-this]\nSource=virtio-mem,dax\nZone={other}\n"
                               f"[Rule dimms]\nSource=acpi\nZone={zone}\n")
                self.goes_to(zone)

    def test_rule_by_node(self):
        for zone, other in OTHER.items():
            with self.subTest(zone=zone):
                self.configure(f"[Online]\nZone={other}\n[Rule second]\nNode=1\nZone={zone}\n")
                self.goes_to(other, node=0)
                found = self.goes_to(zone, node=1)
                self.assertEqual({block.nodes for block in found.values()}, {(1,)})

    def test_rule_by_size(self):
        for zone, other in OTHER.items():
            with self.subTest(zone=zone):
                self.configure(f"[Online]\nZone={other}\n[Rule big]\nMinSize=2G\nMaxSize=3G\nZone={zone}\n")
                self.goes_to(zone)
                self.goes_to(other, "1G")

    def test_first_rule_wins(self):
        self.configure("[Rule one]\nSource=acpi\nMinSize=1G\nZone=movable\n[Rule two]\nSource=acpi\nZone=kernel\n")
        self.goes_to("movable", "1G")
        self.goes_to("kernel", "512M")

    def test_journal_names_each_block(self):
        self.configure("[Online]\nBy=mhpd\nZone=movable\n")
        since = self.cursor()
        found = self.goes_to("movable", "1G")
        entries = [entry for entry in self.journal(since) if "MHPD_BLOCK" in entry and "MHPD_ZONE" in entry]
        named = set().union(*(numbers(entry["MHPD_BLOCK"]) for entry in entries)) if entries else set()
        self.assertLessEqual(set(found), named)
        for entry in entries:
            self.assertTrue(entry.get("MHPD_GROUP", "").startswith("acpi:"), entry)
            self.assertTrue(entry.get("MHPD_REASON"), entry)
            self.assertIn("MHPD_NODE", entry)
            self.assertIn("MESSAGE_ID", entry)


class ZonesOldKernel(Zones):
    """The same on kernel 6.1."""

    spec = Spec(memory="2G", nodes=2, kernel="6.1")


def numbers(text):
    """Block numbers from `32-39,41`."""
    found = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found
