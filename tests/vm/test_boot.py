# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory that waits offline at boot is taken care of by the service that starts with the machine."""

from mhpvm.case import VmCase
from mhpvm.machine import Spec


class Boot(VmCase):
    """A DIMM from before the boot, which the kernel leaves offline."""

    spec = Spec(memory="1G", dimms=("1G",), append="memhp_default_state=offline")
    config = "[Online]\nBy=mhpd\nZone=movable\n"

    def test_offline_at_boot(self):
        self.machine.reboot()
        self.machine.check("for i in $(seq 300); do systemctl is-active -q mhpd && break; sleep 0.1; done")
        found = self.machine.wait_blocks(lambda now: now.online() == len(now), 30)
        self.assertEqual(found.by_zone().get("Movable"), 8)

    def test_sandbox(self):
        """The exposure that systemd computes is 2.5 or lower."""
        self.machine.check("systemd-analyze security --threshold=25 mhpd.service")

    def test_no_device_units(self):
        units = self.machine.check("systemctl list-units --all --plain --no-legend --type=device")
        self.assertNotIn("memory-memory", units)
