# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel announces.

The events are the real kernel's: whoever may write to memoryN/uevent can have it announce anything about its own block N, and our
machine has blocks of the same numbers. Where udevd listens too it would believe them, so there these tests are skipped.
"""

import fcntl
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

from mhpsys import case
from mhpsys.daemon import instrumented, wait_for
from mhpsys.machine import BOOT, DEVICE, UEVENT, announce


class Events(case.SystemCase):
    """A mhpd that listens."""

    def setUp(self):
        if not all(os.access(UEVENT.format(number), os.W_OK) for number in (*BOOT, *DEVICE)):
            self.skipTest("the kernel cannot be made to announce these memory blocks (root, blocks 0 to 47)")
        if os.path.exists("/run/udev/control"):
            self.skipTest("udevd runs here, and would believe the events")
        text = subprocess.run([case.PROGRAMS["mhpd"], "--help"], capture_output=True, text=True, check=True).stdout
        if "--uevents" not in text:
            self.skipTest("this mhpd has no --uevents")
        self.alone()
        super().setUp()
        self.mhpd.options.append("--uevents")

    def alone(self):
        """Everybody on this machine hears the events, so one test at a time has them announced."""
        lock = open(os.path.join(tempfile.gettempdir(), f"mhpd-test-uevents-{os.geteuid()}.lock"), "w", encoding="ascii")
        self.addCleanup(lock.close)
        fcntl.flock(lock, fcntl.LOCK_EX)

    def start(self):
        """Until all is online."""
        self.mhpd.start()
        self.wait_zone("Movable", self.machine.states())
        self.wait_idle()
        self.machine.writes.clear()

    def state(self):
        """The state file."""
        try:
            with open(self.mhpd.path("run", "state"), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def stopped(self):
        """All events until resume() come in one go."""
        self.mhpd.process.send_signal(signal.SIGSTOP)

    def resume(self):
        """Go on."""
        self.mhpd.process.send_signal(signal.SIGCONT)

    def dump(self):
        """The map as mhpd has it."""
        return self.bus.call("Dump")[0]


class Arrival(Events):
    """The machine has the first half of its device."""

    machine_options = {"device": range(32, 40)}

    def test_add(self):
        self.start()
        self.machine.add(*range(40, 48))
        announce("add", *range(40, 48))
        self.wait_zone("Movable")
        self.wait_idle()
        self.assertEqual(sorted(w for w in self.machine.writes if w[0] in DEVICE), [(n, "online_movable") for n in range(40, 48)])
        self.assertIn((0, "online"), self.machine.writes, "mhpd waited for the hotplug work to end")
        self.assertRegex(self.dump(), r"(?m)^block 40-47 online .*group=dax:dax0.0\b")

    def test_the_kernel_was_faster(self):
        """Armed: the blocks come online by the kernel's hand."""
        self.start()
        self.machine.add(*range(40, 48))
        for number in range(40, 48):
            self.machine.by_hand(number, "online", "Movable")
        announce("add", *range(40, 48))
        announce("online", *range(40, 48))
        wait_for("the blocks in the map", lambda: "block 40-47 online zone=Movable" in self.dump())
        self.wait_idle()
        self.assertEqual([w for w in self.machine.writes if w[0] in DEVICE], [])

    def test_the_kernel_chose_another_zone(self):
        self.start()
        self.machine.add(40)
        self.machine.by_hand(40, "online", "Normal")
        announce("add", 40)
        announce("online", 40)
        self.wait_zone("Movable", [40])
        self.assertEqual([w for w in self.machine.writes if w[0] == 40], [(40, "offline"), (40, "online_movable")])

    def test_change_of_an_unknown_block(self):
        """The `add` was before mhpd's time, and the scan too early."""
        self.start()
        self.machine.add(40)
        announce("change", 40)
        self.wait_zone("Movable", [40])

    def test_add_while_busy(self):
        """More arrives while the worker waits for the lock."""
        self.start()
        self.machine.hold(*BOOT)
        self.machine.add(40, 41)
        announce("add", 40, 41)
        wait_for("the worker at the barrier", lambda: any(self.machine.waits(n) for n in BOOT))
        self.machine.add(42, 43)
        announce("add", 42, 43)
        time.sleep(0.1)
        self.machine.release()
        self.wait_zone("Movable", range(40, 44))
        self.wait_idle()

    def test_add_of_nothing(self):
        """Announced, and gone again before anybody looked."""
        self.start()
        announce("add", 40)
        self.wait_idle()
        wait_for("nothing left of it", lambda: "block 40 " not in self.dump())


STORM = """
import os, sys
fds = [os.open(path, os.O_WRONLY) for path in sys.argv[2:]]
for i in range(int(sys.argv[1])):
    os.write(fds[i % len(fds)], b"change")
"""


class Storm(Events):
    """A hundred thousand uevents. Whoever asks is answered, work goes on, and no round of the loop is long."""

    machine_options = {"device": range(32, 40)}
    slowest = 2   # seconds for an answer, most of which busctl and a machine with other things to do take; 5 to 18 where the storm comes first

    def storm(self, *paths):
        """The slowest answer meanwhile; memory arrives in it, too."""
        process = subprocess.Popen([sys.executable, "-c", STORM, "100000", *paths])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        worst = n = 0
        while process.poll() is None or n < 3:
            began = time.monotonic()
            self.bus.get("Pending")
            worst = max(worst, time.monotonic() - began)
            n += 1
            if n == 2:
                self.machine.add(*range(40, 48))
                announce("add", *range(40, 48))
        return worst

    def check(self, *paths):
        """The storm, and what was asked for in it."""
        self.start()
        worst = self.storm(*paths)
        self.wait_zone("Movable")
        self.wait_idle()
        slower = 4 if instrumented(f"/proc/{self.mhpd.process.pid}/exe") else 1
        self.assertLess(worst, self.slowest * slower)
        self.assertLess(self.bus.get("LongestRoundProcessor"), 50000 * slower, "microseconds")
        self.assertEqual(sorted({n for n, verb in self.machine.writes if verb == "online_movable"}), list(range(40, 48)))

    def test_memory(self):
        self.check(UEVENT.format(32), UEVENT.format(33))

    def test_others(self):
        self.check("/sys/class/net/lo/uevent")


class Unreadable(Events):
    """mhpd has no descriptor left, as when its limit is reached, and then it has."""

    machine_options = {"device": range(32, 40)}
    config = "[Online]\nZone=movable\n[Teardown]\nRetryMaxSec=2\n"

    def starve(self):
        """From now on every open(2) of mhpd's fails."""
        pid = self.mhpd.process.pid
        used = max(int(fd) for fd in os.listdir(f"/proc/{pid}/fd")) + 1
        numbers = {int(fd) for fd in os.listdir(f"/proc/{pid}/fd")}
        limit = next(n for n in range(used + 1) if n not in numbers)   # the lowest free one is what an open gets
        self.before = resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]))

    def feed(self):
        """And now none does."""
        resource.prlimit(self.mhpd.process.pid, resource.RLIMIT_NOFILE, self.before)

    def check_told(self):
        """Once that it cannot be read, and once that it can be again."""
        wait_for("the end of it", lambda: "can be read again" in self.mhpd.log())
        self.assertEqual(len(re.findall("MHPD_EVENT=unreadable", self.mhpd.log())), 1, self.mhpd.log())
        self.assertRegex(self.mhpd.log(), r"MHPD_EVENT=unreadable ERRNO=24|ERRNO=24.*MHPD_EVENT=unreadable|MHPD_PATH=/.*ERRNO=24")

    def test_arrival(self):
        self.start()
        self.starve()
        self.machine.add(*range(40, 48))
        announce("add", *range(40, 48))
        wait_for("a word about it", lambda: "cannot be read: Too many open files" in self.mhpd.log())
        time.sleep(2.5)
        wait_for("a status line that counts them", lambda: "arriving 8" in self.mhpd.status())
        self.feed()
        self.wait_zone("Movable")
        self.check_told()
        self.wait_idle()
        self.assertRegex(self.dump(), r"(?m)^block 40-47 online .*group=dax:dax0.0\b")

    def test_no_worker(self):
        """None can be started: told once, tried again ever more seldom, and then the blocks come online."""
        self.start()
        for pid in self.mhpd.workers():
            os.kill(pid, signal.SIGKILL)
        wait_for("its end", lambda: "the worker process" in self.mhpd.log() and not self.mhpd.workers())
        self.starve()
        self.machine.add(*range(40, 48))
        announce("add", *range(40, 48))
        wait_for("a word about it", lambda: "no worker process can be started" in self.mhpd.log())
        time.sleep(3.5)
        self.assertEqual(self.mhpd.log().count("no worker process can be started"), 1, self.mhpd.log())
        self.feed()
        self.wait_zone("Movable")
        self.wait_idle()
        self.assertIn("a worker process could be started again", self.mhpd.log())

    def test_change(self):
        """What another hand did is seen later."""
        self.start()
        self.starve()
        self.machine.by_hand(35, "offline")
        announce("offline", 35)
        wait_for("a word about it", lambda: "cannot be read: Too many open files" in self.mhpd.log())
        time.sleep(1)
        self.feed()
        wait_for("the other hand's doing", lambda: "taken offline by another hand" in self.mhpd.log())
        self.check_told()
        self.wait_idle()
        self.assertEqual(self.machine.states()[35], "offline")

    def test_rescan(self):
        """A whole look that fails is taken again."""
        self.mhpd.env["MHPD_UEVENT_BUFFER"] = "4096"
        self.start()
        self.starve()
        self.stopped()
        self.machine.add(*range(40, 48))
        for _ in range(200):
            announce("change", *range(32, 40))
        self.resume()
        wait_for("a word about it", lambda: "cannot be read: Too many open files" in self.mhpd.log())
        time.sleep(1.5)
        self.assertIsNone(self.mhpd.process.poll())
        self.feed()
        self.wait_zone("Movable")
        self.check_told()
        self.assertGreaterEqual(self.bus.get("Rescans"), 1)


class Change(Events):
    """All sixteen blocks are online in Movable when something happens."""

    def test_replay(self):
        """udevadm trigger says `add` for every block."""
        self.start()
        announce("add", *BOOT, *DEVICE)
        announce("change", *BOOT, *DEVICE)
        self.wait_idle()
        time.sleep(0.3)
        self.assertEqual(self.machine.writes, [])

    def test_offline_by_another_hand(self):
        self.start()
        self.machine.by_hand(34, "offline")
        announce("offline", 34)
        wait_for("it is remembered", lambda: "hands-off=34\n" in self.state())
        time.sleep(0.3)
        self.assertEqual(self.machine.states()[34], "offline")
        self.assertEqual(self.machine.writes, [])
        self.machine.by_hand(34, "online", "Movable")
        announce("online", 34)
        wait_for("it is forgotten", lambda: "hands-off" not in self.state())

    def test_one_line_for_many(self):
        """Seven blocks that another hand takes, one after the other, are one line, which does not wait for more to happen."""
        self.start()
        for number in range(33, 40):
            self.machine.by_hand(number, "offline")
            announce("offline", number)
            time.sleep(0.08)
        wait_for("it is told", lambda: "Blocks 33-39 " in self.mhpd.log())
        self.assertEqual(self.mhpd.log().count("MHPD_EVENT=foreign-offline"), 1)
        self.machine.by_hand(41, "offline")
        announce("offline", 41)
        wait_for("it is heard", lambda: "hands-off=33-39,41\n" in self.state())
        self.mhpd.stop()
        self.assertIn("Block 41 of dax:dax0.0 was taken offline", self.mhpd.log(), "what is kept open is told at the end")

    def test_decision_stands(self):
        """What another hand does to a block that had its place is not undone."""
        self.start()
        self.machine.by_hand(34, "online", "Normal")
        announce("offline", 34)
        announce("online", 34)
        wait_for("it is kept", lambda: re.search(r"block 34 online zone=Normal .*goal=kernel reason=accepted", self.dump()))
        time.sleep(6)               # a repair would have waited until other hands have been still for 5 s
        self.wait_idle()
        self.assertEqual(self.machine.writes, [])
        self.assertEqual(self.machine.states()[34], "Normal")

    def test_race_is_repaired_once(self):
        """Another hand is faster when a block arrives; what it does to it later is a decision."""
        self.start()
        self.machine.remove(34)
        announce("remove", 34)
        wait_for("it is gone", lambda: "block 34 " not in self.dump())
        self.machine.add(34)
        self.machine.by_hand(34, "online", "Normal")
        announce("add", 34)
        announce("online", 34)
        self.wait_zone("Movable", [34])
        self.wait_idle()
        self.machine.by_hand(34, "online", "Normal")
        announce("offline", 34)
        announce("online", 34)
        time.sleep(6)
        self.wait_idle()
        self.assertEqual([write for write in self.machine.writes if write[0] == 34], [(34, "offline"), (34, "online_movable")])
        self.assertEqual(self.machine.states()[34], "Normal")

    def test_drift_is_only_reported(self):
        self.mhpd.configure("[Online]\nZone=movable\n[Teardown]\nDrift=report\n")
        self.start()
        self.machine.by_hand(34, "online", "Normal")
        announce("online", 34)
        wait_for("it is in the map", lambda: "block 34 online zone=Normal" in self.dump())
        self.wait_idle()
        self.assertEqual(self.machine.writes, [])

    def test_remove(self):
        self.start()
        self.machine.remove(*range(40, 48))
        announce("remove", *range(40, 48))
        wait_for("they are gone", lambda: "dax0.0" not in self.dump())
        self.machine.add(*range(40, 48))
        announce("add", *range(40, 48))
        self.wait_zone("Movable")

    def test_remove_and_add_in_one_go(self):
        """What comes back under the same number is new: whatever was wanted of the old one is forgotten."""
        self.start()
        self.machine.by_hand(34, "offline")
        announce("offline", 34)
        wait_for("hands off", lambda: "hands-off=34\n" in self.state())
        self.stopped()
        self.machine.remove(34)
        announce("remove", 34)
        self.machine.add(34)
        announce("add", 34)
        self.resume()
        self.wait_zone("Movable", [34])

    def test_remove_at_work(self):
        """A block leaves while the worker is at it."""
        self.start()
        self.machine.remove(40, 41)
        announce("remove", 40, 41)
        self.machine.add(40, 41)
        self.machine.hold(40)
        announce("add", 40, 41)
        wait_for("the worker at block 40", lambda: self.machine.waits(40))
        self.stopped()
        self.machine.release()
        wait_for("it was written", lambda: (40, "online_movable") in self.machine.writes)
        self.machine.remove(40)
        announce("remove", 40)
        self.resume()
        self.wait_zone("Movable", [41])
        self.wait_idle()
        wait_for("it is gone", lambda: "block 40 " not in self.dump())


class Lost(Events):
    """A receive buffer that is too small."""

    machine_options = {"device": range(32, 40)}

    def test_rescan(self):
        self.mhpd.env["MHPD_UEVENT_BUFFER"] = "16384"
        self.start()
        self.stopped()
        for _ in range(40):
            announce("change", *DEVICE)
        self.machine.by_hand(33, "offline")     # what mhpd will never hear of
        self.machine.remove(34)
        self.machine.add(*range(40, 48))
        self.resume()
        self.wait_zone("Movable", range(40, 48))
        self.wait_idle()
        self.assertGreaterEqual(self.bus.get("Rescans"), 1)
        self.assertNotIn("block 34 ", self.dump())
        self.assertEqual(self.machine.states()[33], "offline")
        self.assertIn("hands-off=33\n", self.state())

    def test_a_large_buffer_loses_nothing(self):
        self.start()
        self.stopped()
        for _ in range(200):
            announce("change", *DEVICE)
        self.resume()
        self.wait_idle()
        self.assertEqual(self.bus.get("Rescans"), 0)
