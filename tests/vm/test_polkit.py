# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may do what: anybody may look, only who polkit allows may change."""

from mhpvm.case import VmCase
from mhpvm.machine import Spec

NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups "


class Polkit(VmCase):
    """An unprivileged user beside root."""

    spec = Spec(memory="1G")
    config = "[Online]\nZone=none\n"

    def test_unprivileged(self):
        before = self.plug("256M")
        found = self.machine.wait_blocks(lambda now: len(now.without(before)) == 2).without(before)
        block = min(found)
        refused = self.machine.run(f"{NOBODY} mhpctl online {block} --zone movable")
        self.assertEqual(refused.code, 1, refused)
        self.assertRegex(refused.err.lower(), "not authori[sz]ed|permission|access denied|authentication")
        self.assertEqual(self.machine.blocks()[block].state, "offline")
        reload = self.machine.run(f"{NOBODY} mhpctl reload")
        self.assertEqual(reload.code, 1, reload)
        listed = self.machine.run(f"{NOBODY} mhpctl list --all")
        self.assertEqual(listed.code, 0, listed)
        self.assertIn(str(block), listed.out)
        self.assertEqual(self.machine.run(f"{NOBODY} mhpctl groups").code, 0)
        self.machine.check(f"mhpctl online {block} --zone movable")
        self.assertEqual(self.machine.blocks()[block].zone, "Movable")
