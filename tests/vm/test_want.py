# SPDX-License-Identifier: GPL-2.0-or-later
"""mhpd has no descriptor, or may start no process, while memory arrives: it comes online when that is over."""

import time

from mhpvm.case import VmCase
from mhpvm.machine import Spec

LOWEST = ("pid=$(systemctl show -P MainPID mhpd); n=0; while [ -e /proc/$pid/fd/$n ]; do n=$((n + 1)); done; "
          "prlimit --pid $pid --nofile=$n:")


class Want(VmCase):
    """One guest for both."""

    spec = Spec(memory="1G")
    config = "[Online]\nBy=mhpd\nZone=movable\n[Teardown]\nRetryMaxSec=4\n"

    def plug_in_want(self, begin, end, word):
        """Memory arrives between the two; all of it is online afterwards, and mhpd is the same."""
        pid = self.machine.check("systemctl show -P MainPID mhpd")
        before, since = self.machine.blocks(), self.cursor()
        self.machine.check(begin)
        self.plug("2G")
        self.machine.wait_blocks(lambda now: len(now.without(before)) == 16, 30)
        time.sleep(8)
        self.assertEqual({block.state for block in self.machine.blocks().without(before).values()}, {"offline"})
        self.machine.check(end)
        self.assert_zone(self.arrived(before, 16), "Movable")
        told = [entry["MESSAGE"] for entry in self.journal(since) if word in entry["MESSAGE"]]
        self.assertEqual(len(told), 1, told)
        self.assertEqual(self.machine.check("systemctl show -P MainPID mhpd"), pid)
        self.assert_list_is_sysfs()

    def test_descriptors(self):
        self.plug_in_want(LOWEST, "prlimit --pid $(systemctl show -P MainPID mhpd) --nofile=1024:", "cannot be read: Too many open files")

    def test_processes(self):
        self.machine.check("pkill -KILL -P $(systemctl show -P MainPID mhpd)")
        self.plug_in_want("systemctl set-property --runtime mhpd TasksMax=1", "systemctl set-property --runtime mhpd TasksMax=16",
                          "no worker process can be started")
