# SPDX-License-Identifier: GPL-2.0-or-later
"""A DIMM that the kernel refuses, for its size is no multiple of a memory block, is named."""

import json

from mhpvm.case import VmCase
from mhpvm.machine import Spec


class Refused(VmCase):
    """192 MiB, with blocks of 128 MiB."""

    spec = Spec(memory="1G")
    config = "[Online]\nZone=movable\n"

    def refused(self):
        """What groups and doctor name."""
        said = self.mhpctl("doctor --json")
        found = [f["message"] for f in json.loads(said.out)["findings"] if f["kind"] == "dimm-refused"]
        return self.mhpctl_json("groups")["refused"], found

    def plug_refused(self, size, count):
        """Plug one that is refused; its name, and those of all that are."""
        before = self.machine.blocks()
        name = self.machine.plug_dimm(size)
        self.machine.wait(lambda: len(self.refused()[0]), lambda n: n == count, 30, "the DIMM to be named")
        self.assertEqual(len(self.machine.blocks()), len(before), "it brought no block")
        groups, found = self.refused()
        for group, message in zip(groups, found, strict=True):
            self.assertIn(group, message)
            self.assertIn(group, self.mhpctl("groups").out)
        return name, groups

    def test_named_while_it_is_there(self):
        before = self.machine.blocks()
        self.machine.plug_dimm("128M")
        self.arrived(before, 1)
        self.assertEqual(self.refused(), ([], []), "a good one is not named")
        size, _ = self.plug_refused("192M", 1)
        # behind it, one of a good size lies at an address that is no multiple of a block
        address, groups = self.plug_refused("128M", 2)
        self.assertTrue(self.machine.unplug_dimm(size), "it can go again")
        self.machine.wait(lambda: self.refused()[0], lambda names: names == groups[1:], 30, "the other to be left")
        self.assertTrue(self.machine.unplug_dimm(address))
        self.machine.wait(self.refused, lambda names: names == ([], []), 30, "none to be named")
