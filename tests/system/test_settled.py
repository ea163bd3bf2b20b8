# SPDX-License-Identifier: GPL-2.0-or-later
"""A change that has settled: the signal, the unit, and what a restart makes of it. Five seconds of quiet are five seconds here, too."""

import time

from mhpsys.daemon import wait_for
from mhpsys.machine import DEVICE
from mhpsys.polkit import Manager
from test_events import Events, announce
from test_job import Listener

QUIET = 5


class Settled(Events):
    """Half of a device is there; the other half comes and goes."""

    machine_options = {"device": range(32, 40)}
    config = "[Online]\nZone=movable\nSettledUnit=follow.service\n"

    def setUp(self):
        super().setUp()
        self.manager = self.new_manager()
        for number in range(32, 40):
            self.machine.by_hand(number, "online", "Movable")
        self.mhpd.start()
        self.signals = Listener(self.bus)
        self.addCleanup(self.signals.close)
        self.wait_zone("Movable", self.machine.states())
        self.wait_idle()

    def new_manager(self, unit="follow.service"):
        """A service manager on the bus."""
        manager = Manager(self.bus, unit, self.mhpd.path("run", "settled.env"))
        self.addCleanup(manager.close)
        return manager

    def add(self, *numbers):
        """They arrive, and are announced."""
        self.machine.add(*numbers)
        announce("add", *numbers)

    def settled(self, n=1):
        """The Nth signal: blocks that arrived, left, came online, went offline, and bytes of each."""
        return wait_for("it has settled", lambda: (lambda s: s[n - 1][1:] if len(s) >= n else None)(self.signals.named("Settled")), QUIET + 10)

    def test_once(self):
        """Eight blocks come one by one: one signal, one start, after five seconds; what mhpd found at its start is nothing of it."""
        for number in range(40, 48):
            self.add(number)
            time.sleep(0.2)
        self.wait_zone("Movable", DEVICE)
        last = time.monotonic()
        self.assertEqual(self.settled(), ["40-47", "", "40-47", "", 1 << 30, 0, 1 << 30, 0])
        self.assertGreater(time.monotonic() - last, QUIET - 0.5)
        unit, mode, environment = wait_for("the unit", lambda: self.manager.asked)[0]
        self.assertEqual((unit, mode), ("follow.service", "replace"))
        self.assertEqual(environment, {"MHPD_ADDED": "40-47", "MHPD_ADDED_BYTES": str(1 << 30), "MHPD_REMOVED": "", "MHPD_REMOVED_BYTES": "0",
                                       "MHPD_ONLINE": "40-47", "MHPD_ONLINE_BYTES": str(1 << 30), "MHPD_OFFLINE": "", "MHPD_OFFLINE_BYTES": "0"})
        self.assertRegex(self.mhpd.log(), r"A change of memory has settled: 1G arrived \(40-47\), 1G came online \(40-47\).*MHPD_EVENT=settled "
                                          r"MHPD_ADDED=40-47 MHPD_ONLINE=40-47 MHPD_UNIT=follow.service")
        self.machine.remove(46, 47)
        announce("remove", 46, 47)
        self.machine.by_hand(40, "offline")
        announce("offline", 40)
        self.assertEqual(self.settled(2)[:4], ["", "46-47", "", "40"])
        wait_for("the unit", lambda: len(self.manager.asked) == 2)
        time.sleep(1)
        self.assertEqual(len(self.signals.named("Settled")), 2)

    def test_restart(self):
        """What happens while mhpd is being restarted is a change; a restart is none."""
        self.mhpd.kill()
        self.mhpd.start()
        time.sleep(QUIET + 2)
        self.assertEqual(self.signals.named("Settled"), [])
        self.add(40, 41)
        self.wait_zone("Movable", range(32, 42))
        self.mhpd.kill()                                  # before it has settled
        self.machine.remove(39)
        self.mhpd.start()
        self.assertEqual(self.settled()[:4], ["40-41", "39", "40-41", ""])
        wait_for("the unit", lambda: self.manager.asked)

    def test_no_such_unit(self):
        self.manager.close()
        self.new_manager("other.service")
        self.add(40)
        self.settled()
        wait_for("a warning", lambda: "SettledUnit=follow.service cannot be started: Unit follow.service not found." in self.mhpd.log())

    def test_bus_comes_later(self):
        """What has settled without a bus waits for it."""
        self.bus.stop()
        self.add(40)
        self.wait_zone("Movable", [40])
        time.sleep(QUIET + 1)
        self.assertNotIn("has settled", self.mhpd.log())
        self.stopped()                                    # until systemd is on the bus
        self.bus.start()
        manager = self.new_manager()
        self.resume()
        asked = wait_for("the unit", lambda: manager.asked, 40)
        self.assertEqual(asked[0][2]["MHPD_ADDED"], "40")

    def test_pending_is_signalled(self):
        """Who follows Pending sees work come and end without asking."""
        changes = Listener(self.bus, "org.freedesktop.DBus.Properties")
        self.addCleanup(changes.close)
        self.add(40, 41)
        told = wait_for("the end of it", lambda: (lambda s: s if s and s[-1] == 0 else None)(
            [v[1]["Pending"]["data"] for v in changes.named("PropertiesChanged") if "Pending" in v[1]]))
        self.assertGreater(max(told), 0)
