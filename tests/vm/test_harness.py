# SPDX-License-Identifier: GPL-2.0-or-later
"""The guests themselves, without mhpd: each kind of memory can be plugged, and the kernel does what our tests build on."""

from mhpvm.case import VmCase
from mhpvm.machine import Spec, VirtioMem

AUTO_ONLINE = "/sys/devices/system/memory/auto_online_blocks"


class Stock(VmCase):
    """One guest with two nodes and a virtio-mem device in each of its modes."""

    needs_mhpd = False
    spec = Spec(memory="2G", nodes=2, virtio_mem=(VirtioMem("vm0", "4G"), VirtioMem("vm1", "4G", block_size="256M")))

    def test_dimm_follows_auto_online(self):
        for value, zone in (("online", "Normal"), ("online_kernel", "Normal"), ("online_movable", "Movable")):
            with self.subTest(value=value):
                self.machine.agent.write(AUTO_ONLINE, value)
                before = self.plug("1G")
                self.assert_zone(self.arrived(before, 8), zone)

    def test_offline_is_possible(self):
        self.machine.agent.write(AUTO_ONLINE, "offline")
        before = self.plug("256M", node=1)
        found = self.machine.wait_blocks(lambda now: len(now.without(before)) == 2).without(before)
        self.assertEqual(found.by_zone(), {"offline": 2})
        self.assertEqual({block.nodes for block in found.values()}, {(1,)})

    def test_dimm_goes_again(self):
        self.machine.agent.write(AUTO_ONLINE, "online_movable")
        before = self.machine.blocks()
        name = self.machine.plug_dimm("512M")
        self.arrived(before, 4)
        self.assertTrue(self.machine.unplug_dimm(name))
        self.assertEqual(len(self.machine.blocks().without(before)), 0)

    def test_virtio_mem(self):
        for device, size, count in (("vm0", "1G", 8), ("vm1", "512M", 4)):
            with self.subTest(device=device):
                self.machine.agent.write(AUTO_ONLINE, "online_movable")
                before = self.machine.blocks()
                self.machine.resize_virtio_mem(size, device)
                self.assert_zone(self.arrived(before, count), "Movable")
                self.machine.wait_virtio_mem(size, device)
                self.machine.resize_virtio_mem(0, device)
                self.machine.wait_virtio_mem(0, device)


class Old(VmCase):
    """The older stock kernel boots as well."""

    needs_mhpd = False
    spec = Spec(kernel="6.1")

    def test_dimm(self):
        self.machine.agent.write(AUTO_ONLINE, "online_movable")
        before = self.plug("1G")
        self.assert_zone(self.arrived(before, 8), "Movable")
        self.assertIn("6.1", self.machine.check("uname -r"))
