# SPDX-License-Identifier: GPL-2.0-or-later
"""What every test here starts from."""

import os
import shutil
import subprocess
import tempfile
import unittest

from .daemon import Bus, Daemon, instrumented, wait_for
from .machine import DEVICE, Machine

PROGRAMS = {"mhpd": None, "mhpctl": None}   # set by the runner


class SystemCase(unittest.TestCase):
    """A machine, a bus, and a mhpd that has not been started. Everything goes away with the test."""

    has_bus = True
    config = "[Online]\nZone=movable\n"
    machine_options = {}

    def setUp(self):
        # A tmpfs where there is one: leases work there, and the kernel's sysfs is no disk either.
        self.folder = tempfile.mkdtemp(prefix="mhpd-test-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.machine = Machine(os.path.join(self.folder, "root"), **self.machine_options)
        self.addCleanup(self.machine.close)
        self.bus = None
        if self.has_bus:
            self.bus = Bus(self.folder)
            self.addCleanup(self.bus.stop)
            self.bus.start()
        self.mhpd = self.daemon()
        self.mhpd.configure(self.config)

    def daemon(self, env=None, options=()):
        """A mhpd; several of them have the same configuration and state, as after a restart."""
        daemon = Daemon(PROGRAMS["mhpd"], self.machine, self.folder, self.bus, env, options)
        self.addCleanup(self.end, daemon)
        return daemon

    @staticmethod
    def end(daemon):
        """Whatever state it is in."""
        if daemon.process and daemon.process.poll() is None:
            daemon.kill()

    def diagnose(self):
        """What helps to understand a failure."""
        try:
            log = self.mhpd.log()
        except (OSError, AttributeError):
            log = ""
        return f"mhpd said:\n{log}states: {self.machine.states()}\nwrites: {self.machine.writes[-40:]}\n"

    def wait_zone(self, zone, numbers=DEVICE, timeout=10):
        """Until all of these are there; `offline` is a zone here."""
        wait_for(f"blocks in {zone}", lambda: set(self.machine.states(numbers).values()) == {zone}, timeout)

    def wait_idle(self, timeout=10):
        """Until mhpd has nothing left to do."""
        wait_for("nothing pending", lambda: self.bus.get("Pending") == 0, timeout)

    def mhpctl(self, *words, timeout=30):
        """Run the command line tool against our bus."""
        if not PROGRAMS["mhpctl"]:
            self.skipTest("no mhpctl")
        env = dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=self.bus.address)
        return subprocess.run([PROGRAMS["mhpctl"], *words], env=env, capture_output=True, text=True, timeout=timeout, check=False)

    def start_mhpctl(self, *words):
        """The same without waiting for its end."""
        process = subprocess.Popen([PROGRAMS["mhpctl"] or self.skipTest("no mhpctl"), *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=self.bus.address))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def need_plain_build(self):
        """For tests that look how much memory mhpd has."""
        if instrumented(f"/proc/{self.mhpd.process.pid}/exe"):
            self.skipTest("a build with sanitizers has its own idea of memory")

    def need_root(self):
        """Who is not root is asked for by polkit, and there is none on our bus."""
        if os.geteuid() != 0:
            self.skipTest("changing something over the bus needs root where there is no polkit")
