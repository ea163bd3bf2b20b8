# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own test of memory that goes offline and comes back passes while mhpd runs: mhpd does not fight an administrator."""

from mhpvm import Unavailable, selftest
from mhpvm.machine import Spec
from mhpvm.removal import RemovalCase


class Selftest(RemovalCase):
    """A DIMM in Movable; the test takes a part of all memory offline, also with errors injected.

    It writes `online`, which puts blocks in Normal, and looks at once whether they are online. That is drift, which mhpd repairs when nobody
    has moved memory for a while: between the two it would be a hand too many.
    """

    spec = Spec(memory="1G")
    config = "[Online]\nBy=mhpd\nZone=movable\n"

    def test_mem_on_off(self):
        try:
            text = selftest.on_off()
        except Unavailable as error:
            self.skipTest(str(error))
        self.plug_online("1G", 8)
        self.machine.agent.write("/run/mem-on-off-test.sh", text)
        for ratio in (2, 25):
            before = self.places()
            said = self.machine.run(f"bash /run/mem-on-off-test.sh -r {ratio}", 180)
            self.assertEqual(said.code, 0, said.out + said.err)
            self.assertNotIn("skip", said.out + said.err)
            self.assertIn("-> Success", said.out)
            self.machine.check("udevadm settle; sleep 1")
            self.assertEqual({number: state for number, (state, _) in self.places().items()}, dict.fromkeys(before, "online"))
        self.assert_ended()
        self.assert_well()
