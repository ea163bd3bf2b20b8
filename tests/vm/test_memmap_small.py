# SPDX-License-Identifier: GPL-2.0-or-later
"""A small guest is given much memory: whether it lives through that is known beforehand."""

import json

from mhpvm.agent import AgentError, CommandFailed
from mhpvm.case import VmCase
from mhpvm.machine import Spec, Timeout
from mhpvm.memmap import PARAMETER
from mhpvm.units import parse_size

SECONDS = 90            # a guest that has not taken it all by then is dead


class SmallGuest(VmCase):
    """512 MiB, memmap elsewhere: 16 GiB want 256 MiB for it, which there is, 24 GiB want 384 MiB. One guest for each try."""

    spec = Spec(memory="512M", append=f"{PARAMETER}=0")
    config = "[Online]\nBy=kernel\nZone=movable\n"
    placement = "dram"
    tried = False

    def setUp(self):
        """A guest that nobody has plugged anything into."""
        if self.tried:
            self.tearDownClass()
            self.setUpClass()
        type(self).tried = True

    def predict(self, size):
        """Placement -> what mhpd expects of it. Its exit code says whether there is a placement that fits."""
        answer = self.mhpctl(f"plan plug {size} --json")
        said = json.loads(answer.out)
        self.assertEqual(said["size"], parse_size(size))
        self.assertEqual(answer.code, 0 if any(entry["fits"] for entry in said["placements"]) else 1, said)
        return {entry["placement"]: entry for entry in said["placements"]}

    def lives(self, size):
        """Whether the guest takes all of a DIMM within the time, loses nobody to the OOM killer and still answers."""
        try:
            before = self.plug(size)
            self.arrived(before, parse_size(size) // before.block_size, timeout=SECONDS)
            return "Out of memory" not in self.machine.check("dmesg") and self.machine.alive()
        except (Timeout, EOFError, OSError, AgentError, CommandFailed):
            return False

    def try_it(self, size, lives):
        """Predict both, try one, compare; LIVES is what becomes of this guest."""
        said = self.predict(size)
        self.assertGreaterEqual(said["dram"]["cost"], parse_size(size) // 64)
        self.assertLess(said["self"]["cost"], said["dram"]["cost"])
        self.assertEqual((said["self"]["fits"], said["self"]["reason"]), (True, None) if self.placement == "self" else (False, "disabled"), said)
        self.assertEqual(said[self.placement]["fits"], lives, said)
        self.assertEqual(self.lives(size), lives)

    def test_16_gib(self):
        self.try_it("16G", True)

    def test_18_gib(self):
        """288 MiB of some 340: close, but it fits."""
        self.try_it("18G", True)

    def test_24_gib(self):
        self.try_it("24G", False)


class SmallGuestSelf(SmallGuest):
    """The same, with the memmap in the memory itself: both fit."""

    spec = Spec(memory="512M", append=f"{PARAMETER}=1")
    placement = "self"
    test_18_gib = None

    def test_24_gib(self):
        self.try_it("24G", True)
