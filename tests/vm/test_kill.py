# SPDX-License-Identifier: GPL-2.0-or-later
"""mhpd dies in the middle of its work: systemd starts it again, and nothing stays offline."""

from mhpvm.case import VmCase
from mhpvm.machine import Spec

# Kill once 40 blocks have come online, and say how many were online right after.
KILL = ("/usr/libexec/mhpd-tests/ueventclock 40 60 >/dev/null; systemctl kill --signal=KILL {options} mhpd; "
        "grep -lx online /sys/devices/system/memory/memory*/state | wc -l")


class Kill(VmCase):
    """256 blocks by mhpd."""

    spec = Spec(memory="2G", maxmem="128G")
    config = "[Online]\nBy=mhpd\nZone=movable\n"
    alone = True

    def killed_in_the_middle(self, options):
        """Plug, kill, and wait for the end."""
        restarts = int(self.machine.check("systemctl show -P NRestarts mhpd"))
        before = self.machine.blocks()
        watch = self.machine.agent.start(KILL.format(options=options))
        self.machine.check("sleep 0.5")
        self.machine.plug_dimm("32G")
        online = int(self.machine.agent.finish(watch).out) - before.online()
        self.assertLess(online, 256, "the kill came too late to show anything")
        self.assert_zone(self.arrived(before, 256, timeout=60), "Movable")
        self.assertEqual(int(self.machine.check("systemctl show -P NRestarts mhpd")), restarts + 1)
        self.machine.check("systemctl is-active mhpd")

    def test_all_processes(self):
        self.killed_in_the_middle("")

    def test_main_process(self):
        self.killed_in_the_middle("--kill-who=main")
