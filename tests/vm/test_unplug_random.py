# SPDX-License-Identifier: GPL-2.0-or-later
"""mhpd or its worker dies at random moments while memory leaves: after each death everything is finished, or where it was.

MHPD_TEST_ROUNDS says how often (50 for the long run), MHPD_VM_SEED which moments.
"""

import os
import random

from mhpvm.machine import Spec
from mhpvm.removal import RemovalCase

ROUNDS = int(os.environ.get("MHPD_TEST_ROUNDS", 8))
# Whom to kill, and how: mhpd alone, its worker, or the whole service at once.
MAIN = "p=$(systemctl show -P MainPID mhpd); [ $p -eq 0 ] || kill -KILL $p"     # 0 between two lives
VICTIMS = {
    "mhpd": MAIN,
    "worker": "p=$(systemctl show -P MainPID mhpd); [ $p -eq 0 ] || pkill -KILL -P $p",
    "all": "systemctl kill --signal=KILL mhpd",
    "mhpd twice": f"{MAIN}; sleep 0.4; {MAIN}",
}
KILL = "mhpctl {request} --no-wait || exit 1; sleep {pause:.3f}; {kill}; true"


class RandomKills(RemovalCase):
    """A DIMM that can leave, one that cannot, and blocks of each."""

    spec = Spec(memory="1G")
    config = "[Online]\nBy=mhpd\nZone=movable\n[Teardown]\nOfflineTimeoutSec=1\nAttempts=2\nRetryMaxSec=1\n"

    def setUp(self):
        seed = int(os.environ.get("MHPD_VM_SEED", random.randrange(1 << 32)))
        print(f"     seed {seed}", flush=True)
        self.random = random.Random(seed)
        _, self.stuck, self.stuck_group = self.plug_online("512M", 4)
        self.pin(min(self.stuck), 512 << 20)
        self.dimm = None
        self.ends = {}

    def free_group(self):
        """The DIMM that can leave, plugged anew if it has."""
        if not self.dimm:
            self.dimm, self.free, self.group = self.plug_online("512M", 4)
        return self.group

    def settled(self):
        """Wait until no request is under way any more, in whatever mhpd is alive by then."""
        self.machine.check("for i in $(seq 100); do busctl status org.mhpd1 >/dev/null 2>&1 && systemctl is-active -q mhpd && break; sleep 0.1; done")
        self.assert_ended()

    def round(self):
        """One request, one death; how it ended."""
        group = self.free_group()
        blocks = f"{min(self.free)}-{max(self.free)}"
        request = self.random.choice((f"unplug {group}", f"unplug {self.stuck_group}", f"offline {blocks}",
                                      f"offline {min(self.stuck)}-{max(self.stuck)}", f"offline {min(self.stuck)}-{max(self.stuck)},{blocks}"))
        who = self.random.choice(list(VICTIMS))
        before, since = self.places(), self.machine.qmp.mark()
        command = KILL.format(request=request, pause=self.random.uniform(0, 1.2), kill=VICTIMS[who])
        self.machine.check(command)
        self.settled()
        gone, changed = self.compare(before)
        with self.subTest(request=request, command=command, gone=gone, changed=changed):
            self.assertIn(set(gone), (set(), set(self.free)), "a DIMM leaves as a whole")
            if gone:
                self.machine.wait_gone(self.dimm, since, 10)
                self.dimm = None
            self.assertTrue(not gone or request == f"unplug {group}", "only what was asked for leaves")
            self.assert_asked_for(request, changed)
        self.assert_well()
        return f"{request.split()[0]}: {'left' if gone else 'offline' if changed else 'as before'}"

    def compare(self, before):
        """The blocks that left, and those that are elsewhere, with their places."""
        now = self.places()
        return [number for number in before if number not in now], {number: now[number] for number in now if now[number] != before[number]}

    def assert_asked_for(self, request, changed):
        """What is not where it was is offline because somebody asked for that, and in full."""
        if not changed:
            return
        self.assertTrue(request.startswith("offline"), "a failed unplug puts everything back")
        self.assertEqual(set(changed.values()), {("offline", None)}, "no zone has changed")
        self.assertLessEqual(set(changed), set(self.free) | set(self.stuck))
        self.machine.check(f"mhpctl online {','.join(map(str, changed))} --zone movable")

    def test_random_kills(self):
        for _ in range(ROUNDS):
            ended = self.round()
            self.ends[ended] = self.ends.get(ended, 0) + 1
        print(f"     {ROUNDS} deaths: {self.ends}", flush=True)
