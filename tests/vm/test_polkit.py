# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may do what: anybody may look, only who polkit allows may change."""

import json

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

    def test_groups(self):
        """What only root may read, which device brought a block, an unprivileged user has from mhpd; without it that is said."""
        for verb in ("groups", "list --all", "memmap"):
            here = json.loads(self.machine.check(f"mhpctl {verb} --json"))
            theirs = json.loads(self.machine.check(f"{NOBODY} mhpctl {verb} --json"))
            key = "groups" if verb == "groups" else "blocks"
            self.assertEqual([(i["group"], i.get("source")) for i in theirs[key]], [(i["group"], i.get("source")) for i in here[key]], verb)
            self.assertIn("boot", {i["group"] for i in theirs[key]})
        explained = self.machine.run(f"{NOBODY} mhpctl explain boot")
        self.assertEqual(explained.code, 0, explained)
        self.assertIn("page flags are for root to see", explained.out)
        self.machine.check("systemctl stop mhpd")
        try:
            self.assertIn("mhpd is not running", self.machine.run("mhpctl status").out)
            self.assertEqual(self.machine.run("mhpctl status").code, 3)
            self.assertEqual(self.machine.run("DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nowhere mhpctl status").out.splitlines()[0],
                             "the system bus cannot be reached, so whether mhpd is running is not known")
        finally:
            self.machine.check("systemctl start mhpd")
        self.assertEqual(self.machine.run("mhpctl status").code, 0)
