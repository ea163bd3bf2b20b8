# SPDX-License-Identifier: GPL-2.0-or-later
"""A configuration is taken whole or not at all."""

import json
import os

from mhpsys.case import SystemCase
from mhpsys.daemon import BusError, wait_for


class Reload(SystemCase):
    """Another configuration while mhpd runs. It starts with one that leaves all memory offline."""

    config = "[Online]\nZone=none\n"

    def start(self):
        """Until it has looked at everything."""
        self.mhpd.start()
        self.wait_idle()
        self.assertEqual(set(self.machine.states().values()), {"offline"})

    def test_signal(self):
        self.start()
        self.mhpd.configure("[Online]\nZone=movable\n")
        self.mhpd.reload()
        self.wait_zone("Movable")

    def test_call(self):
        self.need_root()
        self.start()
        self.mhpd.configure("[Online]\nZone=movable\nMovableRatio=lots\n")
        warnings = self.bus.call("Reload")[0]
        self.assertEqual(len(warnings), 1, warnings)
        self.assertRegex(warnings[0], "mhpd.conf:3.*MovableRatio")
        self.assertEqual(self.bus.get("ConfigWarnings"), warnings)
        self.wait_zone("Movable")

    def test_changed(self):
        """Whoever reloads is told whether that made a difference."""
        self.need_root()
        self.start()
        for text, changed in (("[Online]\nZone=none\n# a comment\n", False), ("[Online]\nZone=none\nSettledUnit=a.service\n", True),
                              ("[Online]\nZone=none\nSettledUnit=a.service\n", False), ("[Online]\nZone=none\nSettledUnit=\n", True)):
            self.mhpd.configure(text)
            done = self.mhpctl("reload", "--json")
            self.assertEqual((done.returncode, json.loads(done.stdout)), (0, {"changed": changed, "warnings": []}), text)

    def test_path_follows(self):
        self.start()
        self.assertEqual((self.bus.get("Path"), self.bus.get("PathReason")), ("kernel", "expressible"))
        self.mhpd.configure("[Online]\nBy=mhpd\nZone=none\n")
        self.mhpd.reload()
        wait_for("the other path", lambda: self.bus.get("Path") == "mhpd")
        self.assertEqual(self.bus.get("PathReason"), "configured")

    def test_broken_file(self):
        self.start()
        self.mhpd.configure("[Online]\nZone=movable\nthis is no configuration\n")
        self.mhpd.reload()
        self.assertIn("Zone=none", self.bus.call("GetConfig")[0])
        self.assertEqual(set(self.machine.states().values()), {"offline"})

    def test_broken_file_by_call(self):
        self.need_root()
        self.start()
        self.mhpd.configure("[Online]\nZone=movable\nthis is no configuration\n")
        with self.assertRaisesRegex(BusError, "mhpd.conf"):
            self.bus.call("Reload")
        self.assertIn("Zone=none", self.bus.call("GetConfig")[0])

    def test_what_is_online_stays(self):
        self.start()
        self.mhpd.configure("[Online]\nZone=movable\n")
        self.mhpd.reload()
        self.wait_zone("Movable")
        self.wait_idle()
        self.mhpd.configure("[Online]\nZone=kernel\n")
        self.mhpd.reload()
        self.wait_idle()
        self.assertEqual(set(self.machine.states().values()), {"Movable"})


class Files(SystemCase):
    """What mhpd starts with."""

    def test_broken_file_at_start(self):
        """The defaults, and the memory comes online."""
        self.mhpd.configure("[Online\nZone=none\n")
        self.mhpd.start()
        self.wait_zone("Movable")
        self.assertTrue(self.bus.get("ConfigWarnings"))
        self.assertIn("Zone=auto", self.bus.call("GetConfig")[0])

    def test_bad_value(self):
        self.mhpd.configure("[Online]\nZone=sideways\nMovableRatio=50\nColour=red\n")
        self.mhpd.start()
        warnings = self.bus.get("ConfigWarnings")
        self.assertEqual(len(warnings), 2, warnings)
        self.assertRegex(warnings[0], "mhpd.conf:2.*Zone.*movable")
        self.assertRegex(warnings[1], "mhpd.conf:4.*Colour")
        self.assertIn("MovableRatio=50", self.bus.call("GetConfig")[0])

    def test_vendor_file(self):
        self.mhpd.configure("[Online]\nZone=kernel\n", "vendor/mhpd.conf")
        self.mhpd.start()
        self.wait_zone("Movable")

    def test_no_file(self):
        os.unlink(self.mhpd.path("config", "mhpd.conf"))
        self.mhpd.start()
        self.wait_zone("Movable")
        self.assertEqual(self.bus.get("ConfigWarnings"), [])

    def test_get_config_is_a_config(self):
        """What GetConfig says gives the same configuration again."""
        text = ("[Online]\nBy=mhpd\nZone=kernel\nMovableRatio=77\nNumaAware=no\nKernelHeadroom=9%\n"
                "[Teardown]\nOfflineTimeoutSec=7\nAttempts=3\nRetryMaxSec=11\nDrift=report\n"
                "[Rule big]\nSource=acpi,dax\nNode=0-1,3\nMinSize=2G\nMaxSize=4G\nZone=movable\n[Rule rest]\nZone=none\n")
        self.mhpd.configure(text)
        self.mhpd.start()
        first = self.bus.call("GetConfig")[0]
        for line in ("Zone=kernel", "MovableRatio=77", "[Rule big]", "[Rule rest]", "Node=0-1,3", "Drift=report"):
            self.assertIn(line, first)
        self.mhpd.configure(first)
        self.mhpd.reload()
        self.assertEqual(self.bus.call("GetConfig")[0], first)
        self.assertEqual(self.bus.get("ConfigWarnings"), [])
