# SPDX-License-Identifier: GPL-2.0-or-later
"""A dax device that is given to the kernel as memory comes online as its rule says, and can be asked back."""

from mhpvm.machine import Spec
from mhpvm.removal import RemovalCase

MAKE = ("for m in nfit nd_pmem device_dax kmem dax_pmem; do modprobe $m; done; "
        "ndctl create-namespace -f -e namespace0.0 -m devdax -M mem")
GIVE = "daxctl reconfigure-device -m system-ram --no-online dax0.0"
TAKE = "daxctl reconfigure-device -m devdax --force dax0.0"


class Dax(RemovalCase):
    """A 2 GiB module: 15 whole blocks."""

    spec = Spec(memory="1G", nvdimm="2G")
    config = "[Online]\nZone=none\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.machine.check(MAKE)

    def give(self, zone):
        """Have it come online by a rule for dax devices."""
        self.configure(f"[Online]\nZone=none\n[Rule dax]\nSource=dax\nZone={zone}\n")
        before = self.machine.blocks()
        self.machine.check(GIVE)
        return self.arrived(before, 15)

    def test_asked_back(self):
        before = self.places()
        self.assert_zone(self.give("movable"), "Movable")
        said = self.mhpctl("unplug dax:dax0.0 --timeout 60", 90)
        self.assertEqual(said.code, 0, said.out + said.err)
        self.assert_restored(before)
        self.machine.check("! test -e /sys/bus/dax/drivers/kmem/dax0.0")
        self.assert_ended()
        self.assert_well()

    def test_movable_then_kernel(self):
        self.assert_zone(self.give("movable"), "Movable")
        listed = [entry for entry in self.mhpctl_json("list --all")["blocks"] if entry["source"] == "dax"]
        self.assertEqual({entry["group"] for entry in listed}, {"dax:dax0.0"})
        self.assertEqual(len(listed), 15)
        self.machine.check(TAKE)
        self.assert_zone(self.give("kernel"), "Normal")
