# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory that cannot leave: mhpd says why, gives up in time, and everything is where it was."""

import re

from mhpvm.image import HELPER_DIR
from mhpvm.machine import Spec
from mhpvm.removal import MANAGER, RemovalCase
from test_zones import numbers

INJECT = "/sys/kernel/debug/notifier-error-inject/memory/actions/{action}/error"
ENOMEM, EBUSY = 12, 16


class Pinned(RemovalCase):
    """One DIMM with pages that cannot be moved, one without."""

    spec = Spec(memory="1G")
    config = "[Online]\nBy=mhpd\nZone=movable\n[Teardown]\nOfflineTimeoutSec=3\nAttempts=2\nRetryMaxSec=1\n"
    alone = True

    @classmethod
    def setUpClass(cls):
        cls.first = cls.second = None
        super().setUpClass()

    def setUp(self):
        if not self.first:
            type(self).first = self.plug_online("1G", 8)
            type(self).second = self.plug_online("512M", 4)
            self.pin(min(self.first[1]), 1 << 30)
        _, self.found, self.group = self.first
        self.before = self.places()

    def tearDown(self):
        self.assert_restored(self.before)
        self.assert_ended()
        self.assert_well()

    def test_deadline(self):
        """The deadline holds, and nobody else waits for longer than that."""
        other = f"/sys/devices/system/memory/memory{max(self.second[1])}/state"
        job = self.machine.agent.start(f"mhpctl unplug {self.group} --timeout 60")
        self.machine.wait(self.removals, lambda lines: any("phase=offline" in line for line in lines), 20, "the removal at work")
        answers = dict(word.split("=") for word in self.machine.check(f"{HELPER_DIR}/slowest 4 mhpctl status").split())
        written, took = self.timed(f"echo offline > {other} && echo online_movable > {other}")
        said = self.machine.agent.finish(job, 90)
        print(f"     slowest `mhpctl status` {answers['worst']} ms; offline and online of another DIMM's block {took:.1f} s", flush=True)
        self.assertEqual(said.code, 1, said.out + said.err)
        self.assertEqual(written.code, 0, written.err)
        self.assertLess(float(answers["worst"]), 1000)
        self.assertLess(took, 12)           # twice a deadline of 3 s and the kill that follows it
        self.assert_rounds()

    def test_words(self):
        """Who asked is told which block it was, and the journal is too."""
        since = self.cursor()
        said = self.mhpctl(f"unplug {self.group} --timeout 60", 90)
        self.assertEqual(said.code, 1, said.out + said.err)
        blamed = re.search(r"block (\d+)", said.out + said.err)
        self.assertTrue(blamed and int(blamed[1]) in self.found, said.out + said.err)
        self.assertTrue(self.journal(since, MHPD_EVENT="removed"))

    def test_time_is_up(self):
        said, took = self.timed(f"mhpctl unplug {self.group} --timeout 2")
        self.assertNotEqual(said.code, 0, said.out + said.err)
        self.assertLess(took, 10)

    def test_interrupted(self):
        """Ctrl-C."""
        said, took = self.timed(f"timeout --preserve-status -s INT 2 mhpctl unplug {self.group}")
        self.assertNotEqual(said.code, 0, said.out + said.err)
        self.assertLess(took, 10)

    def test_no_wait_and_another(self):
        """A request that nobody waits for is shown, a second one for the same memory is refused, and it can be cancelled."""
        said = self.mhpctl(f"unplug {self.group} --no-wait")
        self.assertEqual(said.code, 0, said.err)
        job = re.search(r"job (\d+)", said.out + said.err)
        self.assertTrue(job, said.out + said.err)
        status = self.machine.check("mhpctl status")
        self.assertIn(self.group, status)
        self.assertRegex(status, r"unplug")
        second = self.mhpctl(f"unplug {self.group}")
        self.assertEqual(second.code, 1, second.out + second.err)
        self.assertRegex(second.out + second.err, rf"\b{job[1]}\b")
        self.machine.check(f"busctl call {MANAGER} Cancel u {job[1]}")


class Slab(RemovalCase):
    """A DIMM with one block in Normal, full of kernel memory, between blocks in Movable."""

    spec = Spec(memory="1G")
    config = "[Online]\nBy=mhpd\nZone=none\n[Teardown]\nAttempts=2\nRetryMaxSec=1\n"

    @classmethod
    def setUpClass(cls):
        cls.dimm = None
        super().setUpClass()

    def setUp(self):
        if not self.dimm:
            self.prepare()
        self.before = self.places()
        self.assertEqual(self.before[self.fixed], ("online", "Normal"))

    def prepare(self):
        """Plug the DIMM, and fill the block in its middle."""
        cls = type(self)
        before = self.machine.blocks()
        cls.dimm = self.machine.plug_dimm("1G")
        cls.found = self.machine.wait_blocks(lambda now: len(now.without(before)) == 8).without(before)
        cls.fixed = min(self.found) + 4
        self.machine.check(f"udevadm settle; mhpctl online {self.fixed} --zone kernel; "
                           f"mhpctl online {min(self.found)}-{self.fixed - 1},{self.fixed + 1}-{max(self.found)} --zone movable")
        cls.group = self.group_of(self.found)
        self.machine.agent.start(f"exec {HELPER_DIR}/load slab 40 >/run/slab")
        self.machine.wait(lambda: self.machine.run("cat /run/slab").out, lambda said: "ready" in said, 60, "slab")

    def inject(self, action, error):
        """Have the kernel's memory notifier fail with this errno from now on; 0: no more."""
        path = INJECT.format(action=action)
        said = self.machine.run(f"modprobe memory_notifier_error_inject && echo {-error} > {path}")
        if said.code:
            self.skipTest(f"no error injection (CONFIG_MEMORY_NOTIFIER_ERROR_INJECT) in {self.machine.release}: {said.err.strip()}")
        if error:
            self.addCleanup(self.machine.run, f"echo 0 > {path}")

    def assert_as_before(self):
        """Everything in its own zone, nothing left behind."""
        self.assert_restored(self.before)
        self.assert_ended()
        self.assert_well()

    def test_slab(self):
        """Given up within the budget; who asked learns which block, what kind of page, and where."""
        since = self.cursor()
        said, took = self.timed(f"mhpctl unplug {self.group}", 90)
        self.assertEqual(said.code, 1, said.out + said.err)
        self.assertLess(took, 30)
        self.assert_names_page(said.out + said.err, self.fixed, "slab")
        self.assertTrue(any(str(self.fixed) in entry["MESSAGE"] for entry in self.journal(since)), "the journal knows it too")
        self.assert_as_before()

    def test_offline_refused_by_notifier(self):
        """The error that the kernel gave comes out at the other end."""
        target = max(self.found)
        self.inject("MEM_GOING_OFFLINE", ENOMEM)
        said = self.mhpctl(f"offline {target}", 60)
        self.assertEqual(said.code, 1, said.out + said.err)
        self.assertRegex(said.out + said.err, rf"block {target}: no room elsewhere")
        self.assert_as_before()

    def test_offline_refused_for_a_while(self):
        """An error that passes costs a retry, no more."""
        target = max(self.found)
        self.configure(f"{self.config}Attempts=20\n")
        self.addCleanup(self.configure, self.config)
        self.inject("MEM_GOING_OFFLINE", EBUSY)
        job = self.machine.agent.start(f"mhpctl offline {target} --timeout 60")
        self.machine.check("sleep 2")
        self.assertNotEqual(self.machine.blocks()[target].state, "offline", "online, or being tried once more")
        self.inject("MEM_GOING_OFFLINE", 0)
        said = self.machine.agent.finish(job, 60)
        self.assertEqual(said.code, 0, said.out + said.err)
        self.assertEqual(self.machine.blocks()[target].state, "offline")
        self.machine.check(f"mhpctl online {target} --zone movable")
        self.assert_as_before()

    def test_restore_refused_for_a_while(self):
        """What was taken comes back although the kernel refuses at first."""
        self.inject("MEM_GOING_ONLINE", ENOMEM)
        said = self.machine.agent.start(f"mhpctl unplug {self.group} --timeout 60")
        self.machine.wait(self.removals, lambda lines: any("phase=restore" in line for line in lines), 30, "a restore")
        self.machine.check("sleep 2")
        self.inject("MEM_GOING_ONLINE", 0)
        self.assertEqual(self.machine.agent.finish(said, 90).code, 1)
        self.assert_as_before()

    # The kernel's own way to fail: the host asks, one block refuses, and those that had gone come back in another zone.

    def refused_eject(self):
        """Have the host ask; when the last block was back, in seconds on the guest's clock."""
        taken = self.taken()
        clock = self.machine.agent.start(f"{HELPER_DIR}/ueventclock {len(taken)} 60 >/run/clock; cat /run/clock")
        self.machine.wait(lambda: self.machine.run("cat /run/clock").out, lambda said: "ready" in said, 10, "the clock listens")
        self.assertFalse(self.machine.unplug_dimm(self.dimm))
        said = dict(word.split("=") for word in self.machine.agent.finish(clock, 90).out.splitlines()[-1].split())
        self.assertGreaterEqual(int(said["online"]), len(taken))
        return float(said["last_online"])

    def taken(self):
        """The blocks that an eject takes before it gives up: it tries all of them, twice."""
        return [number for number in self.found if number != self.fixed]

    def test_the_hosts_way(self):
        """Without mhpd the blocks stay in Normal; with it that is seen at once and mended."""
        self.machine.check("systemctl stop mhpd")
        self.refused_eject()
        now = self.machine.blocks()
        self.assertEqual([now[number].zone for number in self.taken()], ["Normal"] * len(self.taken()), "the stock kernel's drift")
        for number in self.taken():
            self.machine.check(f"cd /sys/devices/system/memory/memory{number} && echo offline > state && echo online_movable > state")
        self.assert_restored(self.before)
        self.machine.check("systemctl start mhpd; udevadm settle; sleep 1")
        since = self.cursor()
        back = self.refused_eject()
        self.assert_restored(self.before, 30)
        self.assert_reported(since, back)
        self.assert_well()

    def test_removal_in_repair(self):
        """A removal that begins while blocks are put right, and fails: they still go where policy wants them."""
        since = self.cursor()
        self.refused_eject()
        self.machine.wait(lambda: self.journal(since, MHPD_EVENT="repaired"), bool, 30, "the first of them is put right")
        said = self.mhpctl(f"offline {self.group} --timeout 60", 90)
        self.assertEqual(said.code, 1, said.out + said.err)
        self.assert_restored(self.before, 30)
        self.assert_ended()
        self.assert_well()

    def assert_reported(self, since, back):
        """The drift of each block is in the journal a second after it was back, at most, with both zones; and so is its repair."""
        entries = self.journal(since, MHPD_EVENT="drift")
        seen = set().union(*(numbers(entry["MHPD_BLOCK"]) for entry in entries))
        self.assertEqual(seen, set(self.taken()))
        for entry in entries:
            self.assertEqual(entry["MHPD_ZONE"], "Normal")
            self.assertRegex(entry["MESSAGE"], r"(?s)Movable.*Normal|Normal.*Movable")
        self.assertTrue(self.journal(since, MHPD_EVENT="repaired"))
        late = max(int(entry["__MONOTONIC_TIMESTAMP"]) for entry in entries) / 1e6 - back
        print(f"     drift of {len(seen)} blocks reported {late * 1000:.0f} ms after the last of them was back", flush=True)
        self.assertLess(late, 1)
