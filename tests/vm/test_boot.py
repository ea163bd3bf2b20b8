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


class CrashKernel(VmCase):
    """A kernel that is told where the memory of another one is described. There is none here, so it has no /proc/vmcore, and boots."""

    spec = Spec(memory="1G", dimms=("256M",), append="memhp_default_state=offline elfcorehdr=0x30000000")
    config = None

    def test_nothing_starts_it(self):
        """Not the udev rule that sees the slots, not systemctl, not the bus, and not a hand."""
        self.assertIn("elfcorehdr=", self.machine.check("cat /proc/cmdline"))
        self.machine.check("udevadm trigger --subsystem-match=acpi --action=add; udevadm settle; systemctl enable mhpd; systemctl start mhpd", timeout=300)
        self.machine.run("timeout 5 busctl call org.mhpd1 /org/mhpd1 org.mhpd1.Manager Dump", timeout=60)
        self.machine.plug_dimm("256M")
        self.assertEqual(self.machine.check("systemctl show -p ActiveState -p ConditionResult --value mhpd").split(), ["inactive", "no"])
        done = self.machine.run("mhpd", timeout=60)
        self.assertEqual(done.code, 1)
        self.assertIn("elfcorehdr=", done.err + self.machine.check("journalctl -b --no-pager -o cat | grep elfcorehdr= || true"))
        self.assertEqual(sorted(b.state for b in self.machine.blocks().values()).count("offline"), 4)
