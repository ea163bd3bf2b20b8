# SPDX-License-Identifier: GPL-2.0-or-later
"""Events are lost: mhpd notices, reads everything again, and catches up on what it missed."""

import json

from mhpvm.blocks import parse_map
from mhpvm.case import VmCase
from mhpvm.machine import Spec

BURST = "/usr/libexec/mhpd-tests/ueventburst change 2000 {first} {last}"


class Burst(VmCase):
    """A receive buffer that cannot hold the burst."""

    spec = Spec(memory="1G")
    config = "[Online]\nBy=mhpd\nZone=movable\n"
    files = {"/etc/systemd/system/mhpd.service.d/test.conf": "[Service]\nEnvironment=MHPD_UEVENT_BUFFER=65536\n"}

    def rescans(self, since):
        """How many rescans the journal knows of."""
        return len(self.journal(since, MHPD_EVENT="rescan"))

    def test_burst(self):
        before = self.machine.blocks()
        since = self.cursor()
        self.machine.check("systemctl kill --signal=STOP --kill-who=main mhpd")
        sent = self.machine.check(BURST.format(first=min(before), last=max(before)))
        self.assertEqual(int(sent), 2000)
        self.machine.plug_dimm("1G")            # what mhpd will never hear of
        self.machine.wait_blocks(lambda now: len(now.without(before)) == 8)
        self.machine.check("systemctl kill --signal=CONT --kill-who=main mhpd")
        self.assert_zone(self.arrived(before, 8), "Movable")
        self.assertGreaterEqual(self.rescans(since), 1)
        self.assert_list_is_sysfs()
        self.assert_dump_is_sysfs()
        self.assertEqual(self.machine.check("systemctl show -P NRestarts mhpd").strip(), "0")

    def assert_dump_is_sysfs(self):
        """The map that the daemon itself holds, not a fresh scan, has every block in its state and zone."""
        answer = self.machine.check("busctl --json=short call org.mhpd1 /org/mhpd1 org.mhpd1.Manager Dump")
        held = parse_map(json.loads(answer)["data"][0])
        self.assertEqual(held, {number: (block.state, block.zone) for number, block in self.machine.blocks().items()})
