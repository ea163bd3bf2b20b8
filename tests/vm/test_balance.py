# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory enough, but in the wrong zone: eight DIMMs for a small guest that then needs kernel memory."""

import time

from mhpvm.case import VmCase
from mhpvm.machine import Spec

AUTO_ONLINE = "/sys/devices/system/memory/auto_online_blocks"
FILL = "systemd-run --quiet --unit=pipefill -p OOMScoreAdjust=0 /usr/libexec/mhpd-tests/pipefill 1500"


class Balance(VmCase):
    """mhpd keeps room for the kernel and still leaves most DIMMs removable."""

    spec = Spec(memory="1G")
    config = "[Online]\nZone=auto\nMovableRatio=301\n"

    def plug_eight(self):
        """Eight DIMMs of 1 GiB, one after the other; all blocks."""
        before = self.machine.blocks()
        for index in range(8):
            self.machine.plug_dimm("1G")
            self.machine.wait_blocks(lambda now, want=8 * (index + 1): now.without(before).online() == want)
        return self.machine.blocks()

    def fill_kernel_memory(self):
        """Whether 1,500 MiB of pipe buffers could be held without the kernel killing anything."""
        self.machine.check(FILL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            time.sleep(0.5)
            result = self.machine.run("journalctl -u pipefill --no-pager -o cat | grep held; systemctl is-active pipefill", 20)
            if "held 1500 MiB" in result.out or "failed" in result.out:
                break
        killed = "Out of memory" in self.machine.run("dmesg").out
        return "held 1500 MiB" in result.out and not killed

    def test_balance(self):
        self.assertEqual(self.plug_eight().by_zone().get("Movable"), 48)
        self.assertTrue(self.fill_kernel_memory())
        self.machine.check("systemctl is-active mhpd")
        self.assertEqual(self.machine.check("systemctl show -P NRestarts mhpd").strip(), "0")


class StockMovable(Balance):
    """What happens without mhpd where all DIMMs go to Movable: the kernel kills with 7 GiB free."""

    needs_mhpd = False
    config = None

    def test_balance(self):
        self.machine.agent.write(AUTO_ONLINE, "online_movable")
        self.assertEqual(self.plug_eight().by_zone().get("Movable"), 64)
        self.assertFalse(self.fill_kernel_memory())
