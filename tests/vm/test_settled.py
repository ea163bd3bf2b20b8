# SPDX-License-Identifier: GPL-2.0-or-later
"""What others see of a change: a unit that is started once for all of it, one line for many blocks, and jobs by their numbers."""

import json
import time

from mhpvm.machine import Spec
from mhpvm.removal import RemovalCase

UNIT = """[Service]
Type=oneshot
EnvironmentFile=-/run/mhpd/settled.env
ExecStart=/bin/sh -c 'env | grep ^MHPD_ | sort | tr "\\\\n" " " >>/run/followed; echo >>/run/followed'
"""
QUIET = 5


class Settled(RemovalCase):
    """A guest with a unit that follows its memory."""

    spec = Spec(memory="1G")
    config = "[Online]\nBy=mhpd\nZone=movable\nSettledUnit=follow.service\n"
    files = {"/etc/systemd/system/follow.service": UNIT}

    def followed(self):
        """What each run of the unit found in its environment."""
        text = self.machine.run("cat /run/followed").out
        return [dict(word.split("=") for word in line.split()) for line in text.splitlines()]

    def wait_followed(self, n):
        """The Nth run; after it there is no other one."""
        runs = self.machine.wait(self.followed, lambda runs: len(runs) >= n, 60, "a run of the unit")
        time.sleep(QUIET + 2)
        self.assertEqual(len(self.followed()), n)
        return runs[n - 1]

    def test_unit(self):
        """A DIMM comes and goes: one start each, with what changed; a restart of mhpd is no change."""
        time.sleep(QUIET + 2)
        before = len(self.followed())
        since = self.cursor()
        name, found, group = self.plug_online("1G", 8)
        blocks = f"{min(found)}-{max(found)}"
        run = self.wait_followed(before + 1)
        self.assertEqual((run["MHPD_ADDED"], run["MHPD_ONLINE"], run["MHPD_REMOVED"], run["MHPD_ADDED_BYTES"]), (blocks, blocks, "", str(1 << 30)))
        entry, = self.journal(since, MHPD_EVENT="settled")
        self.assertEqual((entry["MHPD_ADDED"], entry["MHPD_UNIT"]), (blocks, "follow.service"))
        self.machine.check("systemctl restart mhpd")
        mark = self.machine.qmp.mark()
        said = self.mhpctl(f"unplug --json {group}", 90)
        self.assertEqual(said.code, 0, said.out + said.err)
        answer = json.loads(said.out)
        self.assertEqual([answer[key] for key in ("verb", "target", "result", "changed", "blocks", "bytes")],
                         ["unplug", group, "done", True, 8, 1 << 30])
        self.machine.wait_gone(name, mark)
        run = self.wait_followed(before + 2)
        self.assertEqual((run["MHPD_ADDED"], run["MHPD_ONLINE"], run["MHPD_REMOVED"], run["MHPD_OFFLINE"]), ("", "", blocks, ""))
        removed, = self.journal(since, MHPD_EVENT="removed")
        self.assertEqual([removed["MHPD_" + key] for key in ("JOB", "VERB", "TARGET", "RESULT")], [str(answer["job"]), "unplug", group, "done"])

    def test_one_line(self):
        """Seven blocks that a shell takes offline are one entry."""
        _, found, _ = self.plug_online("1G", 8)
        numbers = sorted(found)[1:]
        blocks = " ".join(map(str, numbers))
        for _ in range(3):      # a guest that waits for the host's processors may take longer from one block to the next than a line waits for more
            since = self.cursor()
            self.machine.check(f"cd /sys/devices/system/memory; for n in {blocks}; do echo offline >memory$n/state; done")
            self.machine.wait(lambda: self.journal(since, MHPD_EVENT="foreign-offline"), bool, 20, "the entry")
            time.sleep(1)
            told = [entry["MHPD_BLOCK"] for entry in self.journal(since, MHPD_EVENT="foreign-offline")]
            if len(told) == 1:
                break
            self.machine.check(f"cd /sys/devices/system/memory; for n in {blocks}; do echo online_movable >memory$n/state; done; sleep 2")
        self.assertEqual(told, [f"{numbers[0]}-{numbers[-1]}"])

    def test_jobs(self):
        """A page that is pinned keeps a job alive: it is listed, waited for and cancelled, and its end can be asked for later."""
        _, found, group = self.plug_online("1G", 8)
        self.pin(min(found), len(found) * found.block_size)
        places = self.places()
        job = json.loads(self.machine.check(f"mhpctl offline --no-wait --json {group}"))
        number = job["job"]
        self.assertEqual([job[key] for key in ("verb", "result", "changed")], ["offline", None, None])
        self.machine.wait(lambda: self.mhpctl_json("jobs")["jobs"][-1], lambda last: (last["job"], last["phase"]) == (number, "offline"), 30, "the job at work")
        self.assertRegex(self.machine.check("mhpctl jobs"), rf"(?m)^ *{number} +offline +{group} +offline ")
        waiting = self.machine.agent.start(f"mhpctl wait {number}")
        said = self.mhpctl(f"cancel --json {number}", 90)
        self.assertEqual(said.code, 0, said.out + said.err)
        self.assertEqual([json.loads(said.out)[key] for key in ("job", "result", "changed")], [number, "cancelled", True])
        self.assertEqual(self.places(), places, "cancel has waited until all was back")
        self.assertEqual(self.machine.agent.finish(waiting, 30).code, 1)
        again = self.mhpctl(f"wait --json {number}")
        self.assertEqual((again.code, json.loads(again.out)["changed"]), (1, False))
        for verb, words in (("cancel", "has ended already: cancelled"), ("wait 99; mhpctl cancel", "there is no job 99")):
            said = self.mhpctl(f"{verb} {number if '99' not in verb else 99}")
            self.assertEqual(said.code, 1)
            self.assertIn(words, said.err)
        self.unpin()
        self.assert_ended()
        self.assert_well()
