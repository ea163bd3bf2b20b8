# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's placement table says what the configuration wants while mhpd runs, and what it said before afterwards."""

import os

from mhpsys.case import SystemCase
from mhpsys.daemon import wait_for

TABLE = "sys/devices/system/memory/memmap_policy"


class PlaceTable(SystemCase):
    """A machine with two nodes."""

    config = "[Memmap]\nPlacement=self\n[Rule far]\nNode=1\nPlacement=dram\n"

    def setUp(self):
        super().setUp()
        self.machine.put(TABLE, "")
        self.machine.put("sys/devices/system/node/possible", "0-1\n")

    def table(self):
        """What the kernel has."""
        return self.machine.get(TABLE)

    def state(self):
        """The state file."""
        path = os.path.join(self.folder, "run/state")
        return open(path, encoding="utf-8").read() if os.path.exists(path) else ""

    def test_start_and_stop(self):
        self.mhpd.start()
        self.wait_idle()
        self.assertEqual(self.table(), "node 1 off\ndefault on")
        self.assertIn("memmap-policy=\n", self.state())
        self.assertIn("by 2 rules of its placement table", self.mhpd.log())
        self.mhpd.stop()
        self.assertEqual(self.table(), "")
        self.assertNotIn("memmap-policy", self.state())

    def test_what_mhpctl_gets(self):
        """A rule's placement goes over the bus as well."""
        self.mhpd.start()
        self.wait_idle()
        text = self.bus.call("GetConfig")[0]
        self.assertIn("Placement=self", text)
        self.assertIn("[Rule far]\nNode=1\nMinSize=0\nPlacement=dram\n", text)

    def test_foreign_table(self):
        self.machine.put(TABLE, "node 0 force\ndefault off\n")
        self.mhpd.start()
        self.wait_idle()
        self.assertEqual(self.table(), "node 1 off\ndefault on")
        self.assertIn("has rules that are not mhpd's", self.mhpd.log())
        self.mhpd.kill()
        self.assertEqual(self.table(), "node 1 off\ndefault on")
        again = self.daemon()
        again.start()
        self.wait_idle()
        again.stop()
        self.assertEqual(self.table(), "node 0 force\ndefault off")

    def overwrite(self):
        """Another hand, as the kernel takes it: the table is never seen half-written."""
        fd = os.open(os.path.join(self.machine.root, TABLE), os.O_WRONLY)
        os.write(fd, b"node 0 off\ndefault on\n")
        os.close(fd)

    def test_another_hand(self):
        """Told and set again once, then told and left, and left at the end."""
        self.mhpd.start()
        self.wait_idle()
        self.overwrite()
        wait_for("it is set again", lambda: self.table() == "node 1 off\ndefault on", 1)
        self.assertIn("MHPD_EVENT=knob-set-again MHPD_KNOB=memmap_policy", self.mhpd.log())
        self.overwrite()
        wait_for("it is told", lambda: "MHPD_EVENT=knob-left MHPD_KNOB=memmap_policy" in self.mhpd.log(), 1)
        self.assertEqual(self.table(), "node 0 off\ndefault on")
        self.mhpd.stop()
        self.assertEqual(self.table(), "node 0 off\ndefault on")
        self.assertNotIn("memmap-policy", self.state())

    def test_nothing_wanted(self):
        self.machine.put(TABLE, "default force\n")
        self.mhpd.configure("[Memmap]\nPlacement=auto\n")
        self.mhpd.start()
        self.wait_idle()
        self.assertEqual(self.table(), "default force")
        self.assertNotIn("memmap-policy", self.state())

    def test_reload(self):
        self.mhpd.start()
        self.wait_idle()
        self.mhpd.configure("[Memmap]\nPlacement=auto\n[Rule dimms]\nSource=acpi\nPlacement=dram\n")
        self.mhpd.reload()
        wait_for("a word about the rule", lambda: "[Rule dimms] is not expressible in the kernel's placement table" in self.mhpd.log())
        wait_for("no table", lambda: self.table() == "")
        self.mhpd.configure("[Memmap]\nPlacement=force\n")
        self.mhpd.reload()
        wait_for("another table", lambda: self.table() == "default force")

    def test_stock_kernel(self):
        os.unlink(os.path.join(self.machine.root, TABLE))
        self.mhpd.start()
        self.wait_idle()
        self.assertFalse(os.path.exists(os.path.join(self.machine.root, TABLE)))
        self.assertNotIn("placement table", self.mhpd.log())

    def test_dry_run(self):
        daemon = self.daemon(options=["--dry-run"])
        daemon.start()
        wait_for("a word about it", lambda: "would place the memmaps of new memory by 2 rules" in daemon.log())
        self.assertEqual(self.table(), "")
