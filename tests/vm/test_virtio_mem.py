# SPDX-License-Identifier: GPL-2.0-or-later
"""virtio-mem grows to its full size although mhpd, not the kernel, brings it online: the driver never has to wait."""

from mhpvm.case import VmCase
from mhpvm.machine import Spec, Timeout, VirtioMem
from mhpvm.units import GiB

AUTO_ONLINE = "/sys/devices/system/memory/auto_online_blocks"


class VirtioMemory(VmCase):
    """One device in sub-block mode, one in big-block mode."""

    spec = Spec(memory="2G", virtio_mem=(VirtioMem("vm0", "4G"), VirtioMem("vm1", "4G", block_size="256M")))
    config = "[Online]\nBy=mhpd\nZone=movable\n"

    def grow(self, device, size, count):
        """Grow a device; its new blocks once the driver has taken all of it."""
        before = self.machine.blocks()
        self.machine.resize_virtio_mem(size, device)
        self.machine.wait_virtio_mem(size, device, timeout=30)
        return self.arrived(before, count)

    def shrink(self, device):
        """Ask everything back."""
        self.machine.resize_virtio_mem(0, device)
        self.machine.wait_virtio_mem(0, device, timeout=30)

    def test_sub_block(self):
        self.configure("[Online]\nBy=mhpd\nZone=movable\n")
        self.assert_zone(self.grow("vm0", "3G", 24), "Movable")
        self.shrink("vm0")

    def test_big_block(self):
        self.configure("[Online]\nBy=mhpd\nZone=movable\n")
        self.assert_zone(self.grow("vm1", "2G", 16), "Movable")
        self.shrink("vm1")

    def test_rule(self):
        self.configure("[Online]\nBy=mhpd\nZone=none\n[Rule vm]\nSource=virtio-mem\nZone=movable\n")
        self.assert_zone(self.grow("vm0", "3G", 24), "Movable")
        groups = {entry["group"] for entry in self.mhpctl_json("list --all")["blocks"] if entry["source"] == "virtio-mem"}
        self.assertEqual(len(groups), 1)
        self.assertRegex(groups.pop(), r"^virtio-mem:virtio\d+$")
        self.shrink("vm0")

    def test_by_kernel(self):
        self.configure("[Online]\nBy=kernel\nZone=movable\n")
        self.assert_zone(self.grow("vm0", "3G", 24), "Movable")
        self.shrink("vm0")


class StockStalls(VmCase):
    """The threshold that the tests above are about is there: with nobody to bring blocks online the driver stops."""

    needs_mhpd = False
    spec = VirtioMemory.spec

    def test_stall(self):
        self.machine.agent.write(AUTO_ONLINE, "offline")
        self.machine.resize_virtio_mem("3G")
        self.machine.wait(self.machine.virtio_mem_size, lambda now: now >= GiB, 30, "the first GiB")
        with self.assertRaises(Timeout):
            self.machine.wait_virtio_mem("3G", timeout=5)
