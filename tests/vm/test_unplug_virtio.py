# SPDX-License-Identifier: GPL-2.0-or-later
"""virtio-mem that shrinks: mhpd's hand costs the host nothing, its order is kept, and what stays is explained."""

import time

from mhpvm.machine import Spec, VirtioMem
from mhpvm.removal import RemovalCase
from mhpvm.units import GiB, MiB

UNPLUG_ONLINE = "/sys/module/virtio_mem/parameters/unplug_online"
AUTO_ONLINE = "/sys/devices/system/memory/auto_online_blocks"
MOVABLE = "[Online]\nBy=mhpd\nZone=movable\n[Teardown]\nAttempts=2\nRetryMaxSec=1\n"


class UnplugVirtio(RemovalCase):
    """One device in sub-block mode."""

    spec = Spec(memory="1G", virtio_mem=(VirtioMem("vm0", "4G"),))
    config = MOVABLE

    def grow(self, size, count):
        """Let the device grow; its new blocks, its group."""
        before = self.machine.blocks()
        self.machine.resize_virtio_mem(size)
        self.machine.wait_virtio_mem(size, timeout=30)
        found = self.machine.wait_blocks(lambda now: len(now.without(before)) == count).without(before)
        return found, self.group_of(found)

    def rest(self):
        """The device's size once it has not changed for ten seconds, or nothing is left. Under load a block may take four."""
        size, since = self.machine.virtio_mem_size(), time.monotonic()
        while size and time.monotonic() < since + 10:
            time.sleep(0.2)
            now = self.machine.virtio_mem_size()
            if now != size:
                size, since = now, time.monotonic()
        return size

    def shrink_to_nothing(self):
        """Ask all of it back; what stays, in bytes."""
        self.machine.resize_virtio_mem(0)
        return self.rest()

    def assert_switch(self):
        """The driver may take online memory again."""
        self.assertEqual(self.machine.check(["cat", UNPLUG_ONLINE]).strip(), "Y")

    def test_host_gets_no_less(self):
        """The host asks under load, with mhpd and without."""
        self.configure(MOVABLE)
        self.assert_zone(self.arrived_after_growth("2G", 16), "Movable")
        load = self.load("anon", 300, churn=True)
        ours = self.shrink_to_nothing()
        self.assertTrue(load.stop()[0])
        self.machine.check("systemctl stop mhpd")
        self.machine.agent.write(AUTO_ONLINE, "online_movable")
        self.machine.resize_virtio_mem(0)
        self.machine.wait_virtio_mem(0, timeout=60)
        self.arrived_after_growth("2G", 16)
        load = self.load("anon", 300, churn=True)
        theirs = self.shrink_to_nothing()
        self.assertTrue(load.stop()[0])
        self.machine.check("systemctl start mhpd")
        print(f"     2 GiB asked back under load: {ours / MiB:.0f} MiB stay with mhpd, {theirs / MiB:.0f} MiB without", flush=True)
        self.assertLessEqual(ours, theirs)
        self.leave_nothing()

    def arrived_after_growth(self, size, count):
        """Grow, and wait until all is online. The driver tells the host that it has given memory back before the kernel has removed the block."""
        self.machine.check("udevadm settle; sleep 1")
        before = self.machine.blocks()
        self.grow(size, count)
        return self.arrived(before, count)

    def leave_nothing(self):
        """Back to an empty device; a change of mind, or the driver takes its time before it tries again."""
        self.machine.resize_virtio_mem("2M")
        self.machine.resize_virtio_mem(0)
        self.machine.wait_virtio_mem(0, timeout=60)
        self.assert_well()

    def test_host_asked_before(self):
        """The host wants 1 GiB to be left, and `mhpctl unplug --to` helps it to that."""
        self.configure(MOVABLE)
        found, group = self.grow("2G", 16)
        self.machine.wait_blocks(lambda now: now.online() == len(now), 30)
        self.machine.resize_virtio_mem("1G")
        said = self.mhpctl(f"unplug {group} --to 1G --timeout 60", 90)
        self.assertIn(said.code, (0, 1), said.out + said.err)           # 1: the driver was quicker, and nothing was left to do
        self.machine.wait_virtio_mem("1G", timeout=30)
        self.assert_ended()
        self.assert_switch()
        self.assertGreaterEqual(self.machine.blocks().online(), len(found) // 2)
        self.leave_nothing()

    def test_host_asks_afterwards(self):
        """mhpd has begun when the host asks, and both come to the same end; the highest blocks have gone."""
        self.configure(MOVABLE)
        before = self.machine.blocks()
        found, group = self.grow("2G", 16)
        self.machine.wait_blocks(lambda now: now.online() == len(now), 30)
        job = self.machine.agent.start(f"mhpctl unplug {group} --to 1G --timeout 60")
        self.machine.wait_blocks(lambda now: now.online() < len(now), 30, "the first block offline")
        self.machine.resize_virtio_mem("1G")
        said = self.machine.agent.finish(job, 90)
        self.assertEqual(said.code, 0, said.out + said.err)
        self.machine.wait_virtio_mem("1G", timeout=30)
        now = self.machine.wait_blocks(lambda now: len(now) == len(before) + 8, 30)
        self.assertEqual(now.online(), len(now))
        self.assertEqual(sorted(now.without(before)), sorted(found)[:8])
        self.assert_ended()
        self.assert_switch()
        self.leave_nothing()

    def test_host_never_asks(self):
        """What the host does not take comes back."""
        self.configure(MOVABLE)
        _, group = self.grow("1G", 8)
        self.machine.wait_blocks(lambda now: now.online() == len(now), 30)
        before = self.places()
        said, took = self.timed(f"mhpctl unplug {group} --to 512M --timeout 5", 60)
        print(f"     the host does not ask: exit {said.code} after {took:.1f} s: {' '.join((said.out + said.err).split())[-200:]}", flush=True)
        self.assertEqual(said.code, 1, said.out + said.err)
        self.assert_restored(before)
        self.assert_ended()
        self.assert_switch()
        self.leave_nothing()

    def test_tail_is_explained(self):
        """A block in Normal does not leave; `mhpctl explain` says what keeps it."""
        self.configure("[Online]\nBy=mhpd\nZone=none\n")
        found, group = self.grow("1G", 8)
        fixed = max(found) - 1
        rest = ",".join(str(number) for number in found if number != fixed)
        self.machine.check(f"udevadm settle; mhpctl online {fixed} --zone kernel; mhpctl online {rest} --zone movable")
        load = self.load("slab", 40)
        left = self.shrink_to_nothing()
        self.assertGreater(left, 0, "slab keeps a part of the device")
        self.assertIn(fixed, self.machine.blocks())
        text = self.machine.check(f"mhpctl explain {fixed}")
        self.assert_names_page(text, fixed, "slab")
        self.assertIn("slab", self.machine.check(f"mhpctl explain {group}"))
        print(f"     {left / MiB:.0f} MiB of {GiB // MiB} stay: {' '.join(text.split())[:200]}", flush=True)
        self.assertTrue(load.stop()[0])
        self.assert_ended()
        self.assert_well()
