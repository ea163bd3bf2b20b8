# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory leaves: Offline and Unplug over the bus, and what becomes of it when mhpd dies half-way."""

import json
import os
import re
import resource
import signal
import struct
import subprocess
import time

from mhpsys import case
from mhpsys.daemon import INTERFACE, NAME, OBJECT, BusError, wait_for
from mhpsys.machine import DIMM, EJECT, UNBIND, UNPLUG_ONLINE, VETO
from test_bus import members
from test_events import Events
from test_job import Listener

GROUP = f"acpi:{DIMM}"
BLOCKS = range(32, 40)
NONE = 2**64 - 1
XML = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "conf", "org.mhpd1.Job.xml")


class Unplug(Events):
    """Blocks 32 to 39 are a DIMM, 40 to 47 a dax device; all are online in Movable."""

    config = "[Online]\nZone=movable\n[Teardown]\nOfflineTimeoutSec=1\nAttempts=2\nRetryMaxSec=1\n"
    dimm = True

    def setUp(self):
        super().setUp()
        self.need_root()
        self.machine.make_removers()
        if self.dimm:
            self.machine.make_dimm(BLOCKS)
        self.start()
        self.signals = Listener(self.bus)
        self.addCleanup(self.signals.close)

    def unplug(self, target=GROUP, keep=NONE, timeout=0):
        """The job's number."""
        return self.bus.call("Unplug", "stt", target, keep, timeout)[0]

    def ended(self, job, timeout=20):
        """(result, done, total, detail)."""
        return wait_for("JobRemoved", lambda: self.signals.named("JobRemoved", job), timeout)[0][1:]

    def offlined(self):
        """The blocks that mhpd took offline, in its order."""
        return [number for number, verb in self.machine.writes if verb == "offline"]

    def check_back(self):
        """As if nothing had been."""
        self.wait_zone("Movable")
        self.wait_idle()
        self.assertEqual(self.machine.get(VETO), "1")
        wait_for("nothing of it in the state file", lambda: "hold." not in self.state() and "removal." not in self.state())

    def check_gone(self):
        """The DIMM has left."""
        wait_for("the DIMM has left", lambda: not self.machine.states(BLOCKS), 20)
        self.wait_zone("Movable", range(40, 48))
        self.assertEqual(self.machine.get(VETO), "1")
        wait_for("nothing of it in the state file", lambda: "hold." not in self.state() and "removal." not in self.state())
        self.assertNotIn("block 32", self.dump())

    def restart(self):
        """SIGKILL, and another one."""
        self.mhpd.kill()
        self.signals.close()
        self.mhpd.start()
        self.signals = Listener(self.bus)
        self.addCleanup(self.signals.close)


class Course(Unplug):
    """One mhpd."""

    def test_dimm(self):
        self.assertEqual(self.ended(self.unplug()), ["done", 8, 8, ""])
        self.assertEqual(sorted(self.offlined()), list(BLOCKS))
        self.assertEqual(self.machine.ejects, [True])
        self.assertEqual(self.machine.vetoes, ["0", "1"])
        self.check_gone()
        self.assertLess(self.bus.get("LongestRound"), 100000, "microseconds")
        events = {r[0] for r in self.signals.named("Report")}
        self.assertLessEqual({"removal", "offline", "gone", "removed"}, events)

    def test_counted(self):
        """What lies in the blocks is looked at first, and the one that is not empty goes last."""
        free, anonymous = struct.pack("<Q", 1 << 10), struct.pack("<Q", 1 << 12 | 1 << 5)
        pages = (128 << 20) // resource.getpagesize()
        with open(os.path.join(self.machine.root, "proc", "kpageflags"), "wb") as file:
            file.seek(32 * pages * 8)
            for number in range(32, 48):
                file.write((anonymous if number == 37 else free) * pages)
        self.assertEqual(self.ended(self.unplug())[:3], ["done", 8, 8])
        self.assertEqual(self.offlined()[-1], 37)
        self.assertEqual(sorted(self.offlined()), list(BLOCKS))
        self.check_gone()

    def test_dax(self):
        job = self.unplug("dax:dax0.0")
        wait_for("the unbind", lambda: self.machine.get(UNBIND) == "dax0.0")
        self.assertEqual(set(self.machine.states(range(40, 48)).values()), {"offline"})
        self.machine.leave(range(40, 48))
        self.assertEqual(self.ended(job)[:3], ["done", 8, 8])
        self.assertEqual(self.machine.vetoes, [])

    def test_two_units(self):
        job = self.unplug("32-47")
        wait_for("the unbind", lambda: self.machine.get(UNBIND) == "dax0.0", 20)
        self.machine.leave(range(40, 48))
        self.assertEqual(self.ended(job)[:3], ["done", 16, 16])

    def test_size(self):
        job = self.bus.call("Offline", "st", "256M", 0)[0]
        self.assertEqual(self.ended(job)[:3], ["done", 2, 2])
        self.assertEqual(len([z for z in self.machine.states().values() if z == "offline"]), 2)
        self.mhpd.reload()
        self.wait_idle()
        self.assertEqual(len([z for z in self.machine.states().values() if z == "offline"]), 2, "they stay so")

    def test_offline_twice(self):
        for _ in range(2):
            self.assertEqual(self.ended(self.bus.call("Offline", "st", "40-41", 0)[0])[:3], ["done", 2, 2])
        self.assertEqual(sorted(self.offlined()), [40, 41])

    def test_cancel(self):
        self.machine.hold(35)
        job = self.unplug()
        wait_for("the worker at block 35", lambda: self.machine.waits(35))
        began = time.monotonic()
        self.bus.call("Cancel", "u", job)
        result, done, _, _ = self.ended(job)
        self.assertEqual((result, done), ("cancelled", 0))
        self.assertLess(time.monotonic() - began, 5)
        self.machine.release()
        self.check_back()
        self.assertEqual(self.machine.ejects, [])

    def test_timeout(self):
        self.machine.hold(35)
        job = self.unplug(timeout=700000)
        result, done, _, _ = self.ended(job)
        self.assertEqual((result, done), ("timeout", 0))
        self.machine.release()
        self.check_back()

    def test_block_that_stays(self):
        self.machine.stubborn.add(35)
        result, done, total, detail = self.ended(self.unplug())
        self.assertEqual((result, done, total), ("failed", 0, 8))
        self.assertIn("32-39 still in the machine", detail)
        self.assertIn("block 35", detail)
        self.machine.stubborn.clear()
        self.check_back()
        self.assertEqual(self.machine.ejects, [])

    def test_keep_failed(self):
        self.mhpd.configure(self.config + "OnFailure=keep\n")
        self.mhpd.reload()
        self.machine.stubborn.add(32)
        result, _, _, detail = self.ended(self.bus.call("Offline", "st", "32-33", 0)[0])
        self.assertIn(result, ("failed", "partly"))
        self.assertIn("32 not offline", detail)
        self.wait_zone("offline", [33])
        self.assertEqual(self.machine.states()[32], "Movable")

    def test_eject_that_fails(self):
        """The host takes it as it is: nothing happens."""
        self.machine.ejecting = False
        job = self.unplug(timeout=1500000)
        result, done, _, _ = self.ended(job)
        self.assertEqual((result, done), ("timeout", 0))
        self.machine.put(EJECT, "")
        self.check_back()

    def test_foreign_veto(self):
        self.machine.put(VETO, "0\n")
        result, done, _, detail = self.ended(self.unplug())
        self.assertEqual((result, done), ("failed", 0))
        self.assertNotEqual(detail, "")
        self.assertEqual(self.machine.get(VETO), "0")
        self.assertEqual(self.offlined(), [])
        self.assertNotIn("hold.", self.state())
        self.wait_zone("Movable")

    def test_no_veto(self):
        with self.machine.lock:
            self.machine.dimm = []      # nobody looks at it
        os.unlink(os.path.join(self.machine.root, VETO))
        job = self.unplug()
        wait_for("the eject", lambda: self.machine.get(EJECT) == "1")
        self.machine.leave(BLOCKS)
        self.assertEqual(self.ended(job)[:3], ["done", 8, 8])

    def test_veto_stuck(self):
        """The write to the veto hangs: mhpd answers, gives up, and the veto that comes through at last is lifted."""
        self.machine.hold_veto()
        job = self.unplug()
        result, done, _, _ = self.ended(job, 30) if self.released_soon() else (None,) * 4
        self.assertEqual((result, done), ("failed", 0))
        self.check_back()

    def released_soon(self):
        """After the deadline of a block and the pause."""
        time.sleep(3)
        self.assertEqual(self.bus.get("WorkerKills"), self.bus.get("WorkerKills"))
        self.machine.release_veto()
        return True

    def test_size_never_exceeded(self):
        """Nothing that could leave is that small: the smallest is named, and nothing is begun; with --at-least it goes."""
        for size in ("1M", "100M"):
            done = self.mhpctl("unplug", size)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertRegex(done.stderr, rf"{size}: the smallest that can leave is [^ ]+, [^ ]+; name it")
        self.assertEqual(self.bus.call("ListJobs")[0], [])
        done = self.mhpctl("offline", "100M", "--at-least")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "1 of 1 block offline (128M)\n", ""))

    def test_mhpctl(self):
        done = self.mhpctl("unplug", GROUP)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, "8 of 8 blocks unplugged (1G)\n")
        done = self.mhpctl("offline", "256M")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        done = self.mhpctl("unplug", "dax:dax0.0", "--to", "512M")
        self.assertEqual(done.returncode, 1)
        self.assertIn("leaves as one", done.stderr)

    def spawn(self, *words):
        """mhpctl, which goes on while the test does."""
        if not case.PROGRAMS["mhpctl"]:
            self.skipTest("no mhpctl")
        env = dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=self.bus.address)
        return subprocess.Popen([case.PROGRAMS["mhpctl"], *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def test_mhpctl_interrupted(self):
        """It ends when everything is back."""
        self.machine.hold(35)
        process = self.spawn("unplug", GROUP)
        wait_for("the worker at block 35", lambda: self.machine.waits(35))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        self.assertEqual((process.returncode, out), (1, "0 of 8 blocks unplugged (0B), cancelled\n"))
        self.assertIn("cancelled", err)
        self.assertEqual(set(self.machine.states().values()), {"Movable"})
        self.assertEqual(self.machine.get(VETO), "1")

    def test_mhpctl_partly(self):
        """The dax device leaves, one of the DIMM's blocks does not."""
        self.machine.stubborn.add(35)
        process = self.spawn("unplug", "32-47")
        wait_for("the unbind", lambda: self.machine.get(UNBIND) == "dax0.0")
        self.machine.leave(range(40, 48))
        out, err = process.communicate(timeout=20)
        self.assertEqual((process.returncode, out), (64, "8 of 16 blocks unplugged (1G)\n"))
        self.assertRegex(err, "partly: 32-39 still in the machine; at block 35")
        self.machine.stubborn.clear()
        self.wait_zone("Movable", BLOCKS)

    def test_stop(self):
        self.machine.hold(35)
        self.unplug()
        wait_for("the worker at block 35", lambda: self.machine.waits(35))
        self.machine.release()
        self.assertEqual(self.mhpd.stop(), 0)
        self.assertEqual(self.machine.get(VETO), "1")
        self.assertEqual(set(self.machine.states().values()), {"Movable"})
        self.assertEqual(self.state(), "")

    def test_stop_twice(self):
        """Whoever is impatient does not get half a machine: what was taken goes back first, and that it takes a while is told once."""
        self.machine.hold(35)
        self.unplug()
        wait_for("the worker at block 35", lambda: self.machine.waits(35))
        self.assertEqual(self.machine.states()[36], "offline")
        self.machine.hold(36)   # so that the way back takes a while
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
            self.mhpd.process.send_signal(number)
            time.sleep(0.1)
        self.assertIsNone(self.mhpd.process.poll())
        self.machine.release()
        self.assertEqual(self.mhpd.process.wait(15), 0)
        self.assertEqual(self.machine.get(VETO), "1")
        self.assertEqual(set(self.machine.states().values()), {"Movable"})
        self.assertEqual(self.mhpd.log().count("mhpd is stopping already"), 1, self.mhpd.log())


class Shrink(Unplug):
    """Blocks 32 to 39 are of a virtio-mem device, which takes out what is offline when the host asks for less."""

    dimm = False

    def test_keep(self):
        job = self.unplug("virtio-mem:virtio0", 5 << 27)
        for _ in range(3):
            blocks = wait_for("the next block is offline", lambda: self.gone(1))
            self.assertEqual(self.machine.get(UNPLUG_ONLINE), "N")
            self.assertIn("hold.virtio-mem=Y\n", self.state())
            self.machine.leave(blocks)
        self.assertEqual(self.ended(job)[:3], ["done", 3, 3])
        self.assertEqual(self.machine.get(UNPLUG_ONLINE), "Y")

    def gone(self, n):
        """So many blocks of the device are offline; which."""
        found = [number for number, zone in self.machine.states(range(32, 40)).items() if zone == "offline"]
        return found if len(found) == n else None

    def test_found_on_hold(self):
        """Somebody has told virtio-mem to leave online blocks alone, and still does afterwards."""
        self.machine.put(UNPLUG_ONLINE, "N\n")
        job = self.unplug("virtio-mem:virtio0", 7 << 27)
        self.machine.leave(wait_for("a block is offline", lambda: self.gone(1)))
        self.assertEqual(self.ended(job)[:3], ["done", 1, 1])
        self.assertEqual(self.machine.get(UNPLUG_ONLINE), "N")
        self.assertNotIn("hold.", self.state())

    def test_two_holds(self):
        """The second waits until the first has let go."""
        first = self.unplug("39")
        wait_for("block 39 is offline", lambda: self.gone(1) == [39])
        second = self.unplug("38")
        wait_for("it waits", lambda: [j[4] for j in self.bus.call("ListJobs")[0]] == ["leave", "hold"])
        self.machine.leave([39])
        self.assertEqual(self.ended(first)[:3], ["done", 1, 1])
        wait_for("block 38 is offline", lambda: self.gone(1) == [38])
        self.assertEqual(self.machine.get(UNPLUG_ONLINE), "N")
        self.assertIn("hold.virtio-mem=Y\n", self.state())
        self.machine.leave([38])
        self.assertEqual(self.ended(second)[:3], ["done", 1, 1])
        self.assertEqual(self.machine.get(UNPLUG_ONLINE), "Y")
        self.assertNotIn("hold.", self.state())

    def test_module_not_there(self):
        os.unlink(os.path.join(self.machine.root, UNPLUG_ONLINE))
        job = self.unplug("virtio-mem:virtio0", 7 << 27)
        self.machine.leave(wait_for("a block is offline", lambda: self.gone(1)))
        self.assertEqual(self.ended(job)[:3], ["done", 1, 1])


class DryRun(Unplug):
    """Told, and not done."""

    def setUp(self):
        super().setUp()
        self.mhpd.kill()
        self.mhpd.options.append("--dry-run")
        self.mhpd.start()
        self.signals.close()
        self.signals = Listener(self.bus)
        self.addCleanup(self.signals.close)

    def test_offline(self):
        self.assertEqual(self.ended(self.bus.call("Offline", "st", "32-33", 0)[0])[:3], ["done", 2, 2])
        self.assertIn("dry run: offline would be written to the state of block 33", self.mhpd.log())
        self.assertEqual(self.machine.writes, [])

    def test_unplug(self):
        job = self.unplug()
        wait_for("the eject", lambda: f"dry run: {GROUP} would be handed over" in self.mhpd.log())
        self.assertIn(f"dry run: what brought {GROUP} would be kept", self.mhpd.log())
        self.bus.call("Cancel", "u", job)
        self.assertEqual(self.ended(job)[0], "cancelled")
        self.assertEqual((self.machine.writes, self.machine.vetoes, self.machine.ejects), ([], [], []))


class Refusals(Unplug):
    """What cannot be."""

    def fails(self, name, method, signature, *arguments):
        """The call is answered with this error."""
        self.assertEqual(self.bus.error_name(method, signature, *arguments), f"{NAME}.Error.{name}", (method, arguments))

    def test_keep(self):
        self.fails("NotPossible", "Unplug", "stt", GROUP, 1 << 30, 0)
        self.fails("InvalidArgument", "Unplug", "stt", "32-39", 1 << 30, 0)
        self.fails("InvalidArgument", "Unplug", "stt", "1G", 1 << 30, 0)

    def test_part(self):
        self.fails("NotPossible", "Unplug", "stt", "32-33", NONE, 0)

    def test_zone_none(self):
        self.fails("NotPossible", "Offline", "st", "0", 0)

    def test_too_much(self):
        self.fails("NotEnough", "Offline", "st", "64G", 0)

    def test_no_target(self):
        for target in ("", "nonsense", "0G"):
            self.assertRegex(self.bus.error_name("Unplug", "stt", target, NONE, 0), "NoSuchGroup|InvalidArgument", target)

    def test_busy(self):
        self.machine.hold(35)
        job = self.unplug()
        wait_for("the worker at block 35", lambda: self.machine.waits(35))
        self.fails("Busy", "Unplug", "stt", GROUP, NONE, 0)
        self.fails("Busy", "Offline", "st", "38-41", 0)
        self.fails("Busy", "Online", "sst", "32", "kernel", 0)
        with self.assertRaisesRegex(BusError, f"block 38 belongs to job {job}, unplug of {GROUP}"):
            self.bus.call("Offline", "st", "38-41", 0)
        self.machine.release()
        self.assertEqual(self.ended(job)[:3], ["done", 8, 8])


class Objects(Unplug):
    """org.mhpd1.Job."""

    def path(self, job):
        """The object."""
        return f"{OBJECT}/job/{job}"

    def properties(self, job):
        """All of them."""
        out = self.bus.busctl("call", NAME, self.path(job), "org.freedesktop.DBus.Properties", "GetAll", "s", "org.mhpd1.Job")
        return {name: value["data"] for name, value in json.loads(out)["data"][0].items()}

    def test_job(self):
        self.assertEqual(self.bus.call("ListJobs"), [[]])
        self.machine.hold(35)
        job = self.unplug()
        wait_for("the worker at block 35", lambda: self.machine.waits(35))
        p = wait_for("block 35 is the current one", lambda: (lambda p: p if p["CurrentBlock"] == 35 else None)(self.properties(job)))
        self.assertEqual((p["Id"], p["Verb"], p["Target"], p["Phase"], p["Total"]), (job, "unplug", GROUP, "offline", 8))
        self.assertEqual((p["BytesTotal"], p["BytesDone"]), (1 << 30, p["Done"] << 27))
        self.assertTrue(0 < p["CurrentDeadline"] <= 1000000, p)
        self.assertLess(abs(p["Since"] / 1e6 - time.time()), 10)
        listed = self.bus.call("ListJobs")[0]
        self.assertEqual([j[:5] for j in listed], [[job, self.path(job), "unplug", GROUP, "offline"]])
        with open(XML, encoding="utf-8") as file:
            promised = members(file.read(), "org.mhpd1.Job")
        self.assertEqual(members(self.bus.busctl("introspect", "--xml-interface", NAME, self.path(job)), "org.mhpd1.Job"), promised)
        status = self.mhpctl("status")
        self.assertRegex(status.stdout, rf"(?m)^job {job} +unplug of {GROUP}: offline, \d of 8 blocks")
        self.bus.busctl("call", NAME, self.path(job), "org.mhpd1.Job", "Cancel")
        self.assertEqual(self.ended(job)[0], "cancelled")
        with self.assertRaises(BusError):
            self.properties(job)
        self.machine.release()
        self.check_back()

    def test_progress(self):
        job = self.unplug()
        self.ended(job)
        progress = self.signals.named("JobProgress", job)
        self.assertLessEqual(len(progress), 10)
        self.assertEqual({p[3] for p in progress}, {8})


    def reports(self, *events):
        """(event, job, verb, target, result) of the reports."""
        return [(r[0], *r[9:13]) for r in self.signals.named("Report") if r[0] in events]

    def test_reports(self):
        """What is told of a removal names its job, on the bus and in the journal."""
        job = self.unplug()
        self.ended(job)
        told = wait_for("the end", lambda: (lambda r: r if r and r[-1][0] == "removed" else None)(self.reports("removal", "removed", "offline", "gone")))
        about = ("unplug", GROUP)
        self.assertEqual((told[0], told[-1]), (("removal", job, *about, ""), ("removed", job, *about, "done")))
        self.assertEqual({t[:4] for t in told}, {(event, job, *about) for event in ("removal", "offline", "gone", "removed")})
        times = [r[8] for r in self.signals.named("Report")]
        self.assertEqual(times, sorted(times))
        self.assertLess(abs(times[-1] / 1e6 - time.time()), 60)
        self.assertRegex(self.mhpd.log(), rf"MHPD_EVENT=removed.* MHPD_JOB={job} MHPD_VERB=unplug MHPD_TARGET={GROUP} MHPD_RESULT=done")
        monitor = self.start_mhpctl("monitor")
        monitor.stdout.readline()
        job = self.bus.call("Offline", "st", "46-47", 0)[0]
        self.assertRegex(monitor.stdout.readline(), rf"^\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d removal job={job} verb=offline target=46-47: ")
        self.ended(job)
        job = self.bus.call("Online", "sst", "46-47", "movable", 0)[0]
        self.ended(job)
        wait_for("the report", lambda: ("online", job, "online", "46-47", "") in self.reports("online"))


class Crash(Unplug):
    """mhpd dies, and another one goes on. A block that hangs is not given up before the test lets it go, however long a busy machine takes
    for a restart."""

    config = "[Online]\nZone=movable\n[Teardown]\nOfflineTimeoutSec=60\nAttempts=2\nRetryMaxSec=1\n"

    def check_phase(self, phase):
        """Until the state file says so."""
        wait_for(f"phase {phase}", lambda: re.search(rf"^removal\.removal .*phase={phase}\b", self.state(), re.M))

    def test_hold(self):
        self.machine.hold_veto()
        self.unplug()
        self.check_phase("hold")
        wait_for("what the veto's switch said is written down", lambda: "hold.acpi=1\n" in self.state())
        self.mhpd.kill()
        self.machine.release_veto()
        self.mhpd.start()
        self.check_gone()

    def test_offline(self):
        self.machine.hold(35)
        job = self.unplug()
        wait_for("the worker at block 35", lambda: self.machine.waits(35))
        self.check_phase("offline")
        self.assertEqual(self.machine.get(VETO), "0")
        self.assertIn("hold.acpi=1\n", self.state())
        self.restart()
        self.assertEqual([j[0] for j in self.bus.call("ListJobs")[0]], [job])
        waiting = self.start_mhpctl("wait", str(job), "--json")
        self.machine.release()
        self.assertEqual(self.ended(job)[:3], ["done", 8, 8])
        self.check_gone()
        answer = json.loads(waiting.communicate(timeout=20)[0])
        self.assertEqual([answer[key] for key in ("job", "result", "changed", "blocks")], [job, "done", True, 8], "a job of the mhpd before")
        self.assertGreater(self.bus.call("Offline", "st", "128M", 0)[0], job, "the number of the next job")

    def test_leave(self):
        self.machine.ejecting = False
        job = self.unplug()
        self.check_phase("leave")
        self.restart()
        self.machine.ejecting = True
        self.assertEqual(self.ended(job)[:3], ["done", 8, 8])
        self.check_gone()

    def test_restore(self):
        self.machine.hold(35)
        job = self.unplug()
        wait_for("the worker at block 35", lambda: self.machine.waits(35))
        gone = next(n for n, zone in self.machine.states().items() if zone == "offline")
        self.machine.hold(gone)
        self.bus.call("Cancel", "u", job)
        self.check_phase("restore")
        self.mhpd.kill()
        self.machine.release()
        self.mhpd.start()
        self.check_back()
        self.assertEqual(self.machine.ejects, [])

    def test_hold_of_nobody(self):
        """What is left of the state file says that the veto is ours, and no more."""
        self.mhpd.kill()
        self.machine.put(VETO, "0\n")
        with open(self.mhpd.path("run", "state"), "w", encoding="utf-8") as file:
            file.write("hold.acpi=1\nhold.virtio-mem=Y\nremoval.map 1\nremoval.nonsense\n")
        self.machine.put(UNPLUG_ONLINE, "N\n")
        self.mhpd.start()
        wait_for("the veto is lifted", lambda: self.machine.get(VETO) == "1" and self.machine.get(UNPLUG_ONLINE) == "Y")
        self.check_back()

    def test_nothing_left(self):
        """What makes no sense is forgotten."""
        self.mhpd.kill()
        with open(self.mhpd.path("run", "state"), "w", encoding="utf-8") as file:
            file.write("removal.map 1\nremoval.nonsense\n")
        self.mhpd.start()
        self.assertIn("makes no sense", self.mhpd.log())
        self.check_back()

    def test_end_of_a_service(self):
        """SIGTERM while a block hangs: what does not come back in time is gone on with by the next one."""
        self.machine.hold(35)
        self.unplug()
        wait_for("the worker at block 35", lambda: self.machine.waits(35))
        self.assertEqual(self.mhpd.stop(), 0)
        self.assertEqual(self.machine.get(VETO), "1")
        self.machine.release()
        self.mhpd.start()
        self.check_back()
