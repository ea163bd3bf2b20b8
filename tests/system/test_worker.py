# SPDX-License-Identifier: GPL-2.0-or-later
"""The worker process: it dies, it hangs, and mhpd goes on."""

import os
import signal
import time

from mhpsys.case import SystemCase
from mhpsys.daemon import wait_for
from mhpsys.machine import BOOT, DEVICE


class Worker(SystemCase):
    """All blocks of the device wait to come online; blocks can be made to hang."""

    config = "[Online]\nZone=movable\n[Teardown]\nOfflineTimeoutSec=1\nRetryMaxSec=1\nAttempts=20\n"

    def start_stuck(self, *held):
        """mhpd runs, and its worker waits at the first of these."""
        self.machine.hold(*held)
        self.mhpd.start()
        wait_for("the worker at the held block", lambda: any(self.machine.waits(n) for n in held))
        return self.mhpd.workers()[0]

    def dumps(self, seconds):
        """The slowest answer to Dump."""
        worst, end = 0.0, time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.monotonic()
            self.bus.call("Dump")
            worst = max(worst, time.monotonic() - began)
        return worst

    def test_killed_idle(self):
        self.mhpd.start()
        self.wait_zone("Movable")
        self.wait_idle()
        for pid in self.mhpd.workers():
            os.kill(pid, signal.SIGKILL)
        wait_for("no zombie", lambda: not self.children("Z"))
        self.machine.by_hand(32, "offline")
        self.assertEqual(self.mhpd.stop(), 0)

    def children(self, state):
        """Children of mhpd in a state."""
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                    fields = file.read().rsplit(") ", 1)[1].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[1]) == self.mhpd.process.pid and fields[0] in state:
                found.append(int(name))
        return found

    def test_killed_at_work(self):
        worker = self.start_stuck(40)
        os.kill(worker, signal.SIGKILL)
        self.machine.release()
        self.wait_zone("Movable")
        wait_for("no zombie", lambda: not self.children("Z"))
        self.wait_idle()

    def test_killed_again_and_again(self):
        self.machine.hold(47)
        self.mhpd.start()
        for _ in range(5):
            wait_for("a worker at work", lambda: self.machine.waits(47) and self.mhpd.workers())
            for pid in self.mhpd.workers():
                os.kill(pid, signal.SIGKILL)
            self.machine.release()
            self.machine.hold(47)
            time.sleep(0.15)
        self.machine.release()
        self.wait_zone("Movable", timeout=20)

    def test_interrupted(self):
        """A write that a signal ends: the worker lives, the block is tried again."""
        worker = self.start_stuck(40)
        time.sleep(1.6)
        self.assertEqual(self.bus.get("WorkerKills"), 0)
        self.assertIn(worker, self.mhpd.workers())
        self.wait_zone("Movable", [n for n in DEVICE if n != 40])
        self.machine.release()
        self.wait_zone("Movable")

    def test_stuck(self):
        """A worker that no signal but SIGKILL ends; meanwhile mhpd answers."""
        worker = self.start_stuck(40)
        os.kill(worker, signal.SIGSTOP)
        self.assertLess(self.dumps(2.5), 0.5, "seconds for an answer")
        self.assertEqual(self.bus.get("WorkerKills"), 1)
        self.assertNotIn(worker, self.mhpd.workers())
        self.machine.release()
        self.wait_zone("Movable")
        self.wait_idle()
        self.assertLess(self.bus.get("LongestRound"), 200000, "microseconds")

    def test_stuck_settle(self):
        """The same while the worker knocks at the barrier block: nothing is known to be settled, so it is tried again."""
        worker = self.start_stuck(*BOOT)
        os.kill(worker, signal.SIGSTOP)
        wait_for("the kill", lambda: self.bus.get("WorkerKills") == 1, 5)
        self.machine.release()
        self.wait_zone("Movable", timeout=15)

    def test_stop_while_stuck(self):
        worker = self.start_stuck(40)
        began = time.monotonic()
        self.assertEqual(self.mhpd.stop(), 0)
        self.assertLess(time.monotonic() - began, 3)
        wait_for("the worker's end", lambda: not os.path.exists(f"/proc/{worker}"))

    def test_mhpd_killed(self):
        """The worker does not outlive mhpd, and the next mhpd ends what this one began."""
        worker = self.start_stuck(40)
        self.mhpd.kill()
        wait_for("the worker's end", lambda: not os.path.exists(f"/proc/{worker}"))
        self.machine.release()
        self.mhpd.start()
        self.wait_zone("Movable")
