# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may change something: root, and whom polkit lets."""

import os
import subprocess
import time

from mhpsys.case import SystemCase
from mhpsys.daemon import INTERFACE, NAME, OBJECT, wait_for
from mhpsys.polkit import Polkit


class Authorization(SystemCase):
    """Somebody who is not root asks."""

    config = "[Online]\nZone=none\n"

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("only root can be somebody else")
        super().setUp()
        os.chmod(self.folder, 0o755)
        os.chmod(self.bus.path, 0o666)
        self.mhpd.start()
        self.wait_idle()

    def polkit(self, answer):
        """One that answers so."""
        polkit = Polkit(self.bus, answer)
        self.addCleanup(polkit.close)
        return polkit

    def ask(self, method, *arguments):
        """A call by nobody, under way."""
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "busctl", f"--address={self.bus.address}", "--timeout=8",
                   "call", NAME, OBJECT, INTERFACE, method, *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_allowed(self):
        polkit = self.polkit(True)
        _, error = (call := self.ask("Online", "sst", "32-35", "movable", "0")).communicate()
        self.assertEqual((call.returncode, error), (0, ""))
        self.wait_zone("Movable", range(32, 36))
        self.assertEqual(polkit.asked, ["org.mhpd1.manage"])

    def test_actions(self):
        polkit = self.polkit(True)
        for method, arguments in (("Offline", ["st", "32", "0"]), ("Cancel", ["u", "9"]), ("Reload", [])):
            self.ask(method, *arguments).communicate()
        self.assertEqual(polkit.asked, ["org.mhpd1.manage", "org.mhpd1.manage", "org.mhpd1.reload"])

    def test_refused(self):
        self.polkit(False)
        _, error = (call := self.ask("Online", "sst", "32", "movable", "0")).communicate()
        self.assertEqual(call.returncode, 1)
        self.assertRegex(error.lower(), "denied|polkit|not allow|authori[sz]|permission")
        time.sleep(0.2)
        self.assertEqual(self.machine.states()[32], "offline")

    def test_absent(self):
        _, error = (call := self.ask("Reload")).communicate()
        self.assertEqual(call.returncode, 1)
        self.assertRegex(error.lower(), "root|polkit|denied")

    def test_silent(self):
        """A question that is open holds up nobody else."""
        polkit = self.polkit(None)
        call = self.ask("Reload")
        wait_for("the question", lambda: polkit.asked)
        began = time.monotonic()
        self.bus.call("Dump")
        self.bus.call("Online", "sst", "32", "movable", 0)
        self.wait_zone("Movable", [32])
        self.assertLess(time.monotonic() - began, 2)
        self.assertIsNone(call.poll())
        call.kill()
        call.wait()
        self.bus.call("Dump")

    def test_polkit_dies(self):
        """The question gets no answer any more."""
        polkit = self.polkit(None)
        call = self.ask("Reload")
        wait_for("the question", lambda: polkit.asked)
        polkit.close()
        _, error = call.communicate()
        self.assertEqual(call.returncode, 1)
        self.assertNotEqual(error, "")

    def test_caller_gone(self):
        """Allowed, but nobody waits for it any more: it may be done or not, mhpd goes on."""
        polkit = self.polkit(None)
        call = self.ask("Online", "sst", "32", "movable", "0")
        wait_for("the question", lambda: polkit.asked)
        call.kill()
        call.wait()
        time.sleep(0.1)
        self.assertIsNone(self.mhpd.process.poll())
        self.bus.call("Dump")
