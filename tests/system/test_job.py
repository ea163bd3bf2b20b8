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

    def __init__(self, bus, interface=INTERFACE):
        match = f"type='signal',interface='{interface}'"
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

    def test_online_policy(self):
        """Where policy wants it, whatever somebody has decided before."""
        self.mhpd.configure("[Online]\nZone=movable\n")
        self.bus.call("Reload", "")
        self.run_job("Online", "sst", "32-33", "kernel", 0)
        self.assertEqual(self.run_job("Online", "sst", "32-35", "policy", 0)[:3], ["done", 4, 4])
        self.wait_zone("Movable", range(32, 36))
        self.machine.writes.clear()
        self.assertEqual(self.run_job("Online", "sst", "32-35", "policy", 0)[:3], ["done", 4, 4])
        self.assertEqual(self.machine.writes, [])

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
        self.assertEqual(result[1], "cancelled")
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

    def said(self, *words, code=0):
        """What mhpctl says in JSON."""
        done = self.mhpctl(*words, "--json", timeout=60)
        self.assertEqual(done.returncode, code, done.stderr)
        return json.loads(done.stdout)

    def test_changed(self):
        """Who asks twice is told that the second time changed nothing."""
        for words in (("online", "32-35", "--zone", "movable"), ("offline", "32-35")):
            first, again = self.said(*words), self.said(*words)
            self.assertEqual([first[key] for key in ("verb", "target", "result", "changed", "blocks", "bytes")],
                             [words[0], "32-35", "done", True, 4, 4 << 27])
            self.assertEqual([again[key] for key in ("result", "changed", "blocks")], ["done", False, 4])

    def test_failed_offline_has_changed_nothing(self):
        self.said("online", "32-35", "--zone", "movable")
        self.machine.hold(33)
        answer = self.said("offline", "32-35", code=1)
        self.assertEqual([answer[key] for key in ("result", "changed", "blocks")], ["failed", False, 0])
        self.assertIn("33", answer["detail"])
        self.machine.release()
        self.wait_zone("Movable", range(32, 36))

    def test_ended_jobs(self):
        """What became of a job can be asked for later; the oldest of many are forgotten."""
        first = self.said("online", "32", "--zone", "movable")["job"]
        self.assertEqual(self.said("wait", str(first))["result"], "done")
        done = self.mhpctl("wait", str(first))
        self.assertEqual((done.returncode, done.stdout), (0, "1 of 1 block online\n"))
        for _ in range(64):
            last = self.run_job("Online", "sst", "32", "movable", 0)
        self.assertEqual(last[0], "done")
        jobs = self.said("jobs")["jobs"]
        self.assertEqual([job["job"] for job in jobs], list(range(first + 1, first + 65)))
        gone = self.mhpctl("wait", str(first))
        self.assertEqual((gone.returncode, gone.stdout), (1, ""))
        self.assertIn(f"there is no job {first}", gone.stderr)
        self.assertEqual(self.mhpctl("cancel", "999").returncode, 1)

    def test_wait_and_cancel(self):
        """A job that hangs: it is listed, two wait for it, a third cancels it, and all three see the end."""
        self.said("online", "32-39", "--zone", "movable")
        self.machine.hold(32)
        job = self.said("offline", "32-39", "--no-wait")
        self.assertEqual([job[key] for key in ("result", "changed", "ended_usec")], [None, None, None])
        number = str(job["job"])
        wait_for("the worker at block 32", lambda: self.machine.waits(32))
        listed = self.said("jobs")["jobs"][-1]
        self.assertEqual([listed[key] for key in ("job", "verb", "target", "phase", "blocks_total")], [job["job"], "offline", "32-39", "offline", 8])
        waiting = [self.start_mhpctl("wait", number) for _ in range(2)]
        cancel = self.start_mhpctl("cancel", number, "--json")
        wait_for("the restore", lambda: self.said("jobs")["jobs"][-1]["phase"] in ("restore", "ended"))
        self.machine.release()
        out, err = cancel.communicate(timeout=20)
        self.assertEqual(cancel.returncode, 0, err)
        self.assertEqual([json.loads(out)[key] for key in ("result", "changed", "blocks")], ["cancelled", True, 0])
        self.assertEqual({n: zone for n, zone in self.machine.states().items() if n in range(32, 40)}, dict.fromkeys(range(32, 40), "Movable"))
        for process in waiting:
            self.assertIn("cancelled", process.communicate(timeout=20)[1])
            self.assertEqual(process.returncode, 1)
        ended = self.said("wait", number, code=1)
        self.assertEqual([ended[key] for key in ("result", "changed")], ["cancelled", False])
        again = self.mhpctl("cancel", number)
        self.assertEqual(again.returncode, 1)
        self.assertIn(f"job {number} has ended already: cancelled", again.stderr)
