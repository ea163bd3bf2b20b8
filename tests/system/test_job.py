# SPDX-License-Identifier: GPL-2.0-or-later
"""Online and Offline over the bus: jobs."""

import json
import select
import subprocess
import time

from mhpsys.case import SystemCase
from mhpsys.daemon import INTERFACE, BusError, wait_for


class Listener:
    """Signals of mhpd."""

    def __init__(self, bus):
        match = f"type='signal',interface='{INTERFACE}'"
        self.process = subprocess.Popen(["busctl", f"--address={bus.address}", "--json=short", f"--match={match}", "monitor"],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        self.process.stderr.readline()    # "Monitoring bus message stream."
        self.seen, self.rest = [], b""

    def read(self):
        """All that came; (name, values)."""
        while select.select([self.process.stdout], [], [], 0)[0]:
            data = self.process.stdout.read(65536)
            if not data:
                break
            *lines, self.rest = (self.rest + data).split(b"\n")
            for line in lines:
                message = json.loads(line)
                self.seen.append((message.get("member"), message.get("payload", {}).get("data", [])))
        return self.seen

    def named(self, name, job=None):
        """The values of all signals of this name, of one job."""
        return [values for member, values in self.read() if member == name and (job is None or values[0] == job)]

    def close(self):
        """No more."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


class Job(SystemCase):
    """mhpd leaves all offline; who asks gets it online."""

    config = "[Online]\nZone=none\n[Teardown]\nOfflineTimeoutSec=1\nAttempts=2\nRetryMaxSec=1\n"

    def setUp(self):
        super().setUp()
        self.need_root()
        self.mhpd.start()
        self.wait_idle()
        self.signals = Listener(self.bus)
        self.addCleanup(self.signals.close)

    def run_job(self, method, signature, *arguments, timeout=10):
        """(result, done, total, detail)."""
        job = self.bus.call(method, signature, *arguments)[0]
        return wait_for("JobRemoved", lambda: self.signals.named("JobRemoved", job), timeout)[0][1:]

    def test_online_movable(self):
        self.assertEqual(self.run_job("Online", "sst", "32-35,41", "movable", 0)[:3], ["done", 5, 5])
        self.assertEqual({n for n, zone in self.machine.states().items() if zone == "Movable"}, {32, 33, 34, 35, 41})

    def test_online_kernel(self):
        self.assertEqual(self.run_job("Online", "sst", "memory32", "kernel", 0)[:3], ["done", 1, 1])
        self.assertEqual(self.machine.states()[32], "Normal")

    def test_online_group(self):
        self.assertEqual(self.run_job("Online", "sst", "virtio-mem:virtio0", "movable", 0)[:3], ["done", 8, 8])
        self.wait_zone("Movable", range(32, 40))
        self.wait_zone("offline", range(40, 48))

    def test_online_again(self):
        self.run_job("Online", "sst", "32-35", "movable", 0)
        writes = len(self.machine.writes)
        self.assertEqual(self.run_job("Online", "sst", "32-35", "movable", 0)[:3], ["done", 4, 4])
        self.assertEqual(self.run_job("Online", "sst", "32-35", "auto", 0)[:3], ["done", 4, 4])
        self.assertEqual(len(self.machine.writes), writes)

    def test_online_elsewhere(self):
        self.run_job("Online", "sst", "32-33", "kernel", 0)
        result, done, total, detail = self.run_job("Online", "sst", "32-35", "movable", 0)
        self.assertEqual((result, done, total), ("partly", 2, 4))
        self.assertIn("32-33", detail)
        self.assertIn("offline first", detail)
        self.assertEqual(self.machine.states()[32], "Normal")

    def test_offline(self):
        self.run_job("Online", "sst", "32-39", "movable", 0)
        self.assertEqual(self.run_job("Offline", "st", "32-35", 0)[:3], ["done", 4, 4])
        self.wait_zone("offline", range(32, 36))
        self.wait_zone("Movable", range(36, 40))

    def test_offline_stays_offline(self):
        self.run_job("Online", "sst", "32-39", "movable", 0)
        self.run_job("Offline", "st", "32", 0)
        self.mhpd.reload()
        time.sleep(0.3)
        self.assertEqual(self.machine.states()[32], "offline")

    def test_offline_zone_none(self):
        with self.assertRaisesRegex(BusError, "block 0 .*zone none"):
            self.bus.call("Offline", "st", "0", 0)
        self.assertEqual(self.bus.error_name("Offline", "st", "0", 0), "org.mhpd1.Error.NotPossible")
        self.assertNotIn((0, "offline"), self.machine.writes)

    def test_timeout(self):
        self.machine.hold(34)
        result, done, total, detail = self.run_job("Online", "sst", "32-34", "movable", 400000)
        self.assertEqual((result, total), ("timeout", 3))
        self.assertIn("34", detail)
        self.machine.release()
        time.sleep(0.5)
        self.assertEqual(self.bus.get("WorkerKills"), 0)

    def test_cancel(self):
        self.run_job("Online", "sst", "32-39", "movable", 0)
        self.machine.hold(32)
        job = self.bus.call("Offline", "st", "32-39", 0)[0]
        wait_for("the worker at block 32", lambda: self.machine.waits(32))
        self.bus.call("Cancel", "u", job)
        result = wait_for("JobRemoved", lambda: self.signals.named("JobRemoved", job))[0]
        self.assertEqual(result[1], "canceled")
        self.machine.release()
        self.wait_idle()
        self.wait_zone("Movable", range(33, 40))

    def test_gives_up(self):
        """A block that does not come: after two tries the job says so."""
        self.machine.hold(32)
        result, done, total, detail = self.run_job("Online", "sst", "32-33", "movable", 0, timeout=20)
        self.assertEqual((result, done, total), ("partly", 1, 2))
        self.assertIn("32", detail)
        self.assertEqual(self.bus.get("GaveUp"), 1)
        problems = self.bus.call("ListProblems")[0]
        self.assertEqual([(p[0], p[2]) for p in problems], [("32", 2)])
        self.assertGreater(problems[0][3], 0)

    def test_progress(self):
        job = self.bus.call("Online", "sst", "32-47", "movable", 0)[0]
        wait_for("JobRemoved", lambda: self.signals.named("JobRemoved", job))
        progress = self.signals.named("JobProgress", job)
        self.assertLessEqual(len(progress), 5)
        self.assertEqual([p[3] for p in progress], [16] * len(progress))

    def test_report(self):
        self.run_job("Online", "sst", "32-47", "movable", 0)
        reports = wait_for("reports", lambda: [r for r in self.signals.named("Report") if r[0] == "online"])
        self.assertEqual({r[2] for r in reports}, {"Movable"})
        self.assertEqual({r[4] for r in reports}, {"virtio-mem:virtio0", "dax:dax0.0"})
        self.assertEqual({r[5] for r in reports}, {"requested"})

    def test_mhpctl(self):
        done = self.mhpctl("online", "32-39", "--zone", "movable")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.wait_zone("Movable", range(32, 40))
        done = self.mhpctl("offline", "32-33")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.mhpctl("online", "99").returncode, 1)
        self.assertEqual(self.mhpctl("reload").returncode, 0)
        self.assertEqual(self.mhpctl("status").returncode, 0)
