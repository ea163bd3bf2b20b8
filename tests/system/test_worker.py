# SPDX-License-Identifier: GPL-2.0-or-later
"""The worker process: it dies, it hangs, and mhpd goes on."""

import ctypes
import os
import signal
import socket
import struct
import time

from mhpsys.case import SystemCase
from mhpsys.daemon import instrumented, wait_for
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

    def test_confined(self):
        """The worker has its files and the socket that mhpd gave it: no capability, no way to more, and no other descriptor."""
        worker = self.start_stuck(40)
        with open(f"/proc/{worker}/status", encoding="ascii", errors="replace") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        self.assertEqual((status["Seccomp"].strip(), status["NoNewPrivs"].strip()), ("2", "1"))
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(status[name], 16), 0, name)
        files = {int(fd): os.readlink(f"/proc/{worker}/fd/{fd}") for fd in os.listdir(f"/proc/{worker}/fd")}
        self.assertTrue(files.pop(3).startswith("socket:"))
        if not files[2].startswith("/dev/null"):        # a build that reports on itself keeps standard error
            self.assertTrue(instrumented(self.mhpd.program), files)
            del files[2]
        for fd, target in files.items():
            self.assertTrue(target == "/dev/null" if fd < 3 else target.startswith(self.machine.root), f"{fd}: {target}")
        self.machine.release()
        self.wait_zone("Movable")

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

    @staticmethod
    def speak(worker, *messages):
        """As if that worker had said it: its socket is its descriptor 3."""
        libc, pidfd = ctypes.CDLL(None, use_errno=True), os.pidfd_open(worker)
        fd = libc.syscall(438, pidfd, 3, 0)   # pidfd_getfd(2)
        os.close(pidfd)
        if fd < 0:
            raise OSError(ctypes.get_errno(), "pidfd_getfd")
        with socket.socket(fileno=fd) as mouth:
            for message in messages:
                try:
                    mouth.send(message)
                except OSError:   # nobody listens to it any more
                    return

    def test_nonsense(self):
        """A worker that cannot be understood is replaced, whether it was asked for something or not. What it did is read afresh."""
        other = struct.pack("<IIII", 0, 1, 0, 0) + struct.pack("<I", 7) + bytes(28)
        for nonsense in (b"x", b"\xff" * 16, b"\0" * 16, struct.pack("<IIII", 1, 0, 0, 0), other, bytes(200000)):
            self.machine.by_hand(40, "offline")
            self.machine.hold(40)
            self.mhpd.start()
            wait_for("a worker at block 40", lambda: self.machine.waits(40) and self.mhpd.workers())
            worker = self.mhpd.workers()[0]
            self.speak(worker, nonsense)
            wait_for("another worker", lambda w=worker: self.mhpd.workers() and w not in self.mhpd.workers())
            self.machine.release()
            self.wait_zone("Movable")
            self.wait_idle()
            self.assertEqual(self.bus.get("GaveUp"), 0)
            worker = self.mhpd.workers()[0]
            self.speak(worker, nonsense)
            wait_for("its end", lambda w=worker: w not in self.mhpd.workers())
            self.assertEqual(self.mhpd.stop(), 0)

    def test_mhpd_killed(self):
        """The worker does not outlive mhpd, and the next mhpd ends what this one began."""
        worker = self.start_stuck(40)
        self.mhpd.kill()
        wait_for("the worker's end", lambda: not os.path.exists(f"/proc/{worker}"))
        self.machine.release()
        self.mhpd.start()
        self.wait_zone("Movable")
