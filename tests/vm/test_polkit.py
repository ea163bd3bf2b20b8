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


class Password(VmCase):
    """A user with a password who may become root: polkit asks for it in a login session on a terminal."""

    spec = Spec(memory="1G")
    config = "[Online]\nZone=movable\n"
    SAFE = "setpriv --reuid=alice --regid=alice --init-groups env HOME=/home/alice "

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.machine.check("useradd -m -s /bin/bash -G sudo alice && echo alice:secret | chpasswd && systemctl start polkit")

    def setUp(self):
        """A block that is online."""
        before = self.plug("256M")
        self.block = min(self.arrived(before, 2))

    def say(self, answer):
        """What a login shell on a terminal shows when ANSWER is typed at the prompt for the password. A fifo carries what is typed."""
        self.machine.check("rm -f /run/keys /run/screen; mkfifo /run/keys; touch /run/screen")
        shell = self.machine.agent.start("timeout 120 script -qfec 'su - alice' /run/screen </run/keys >/dev/null 2>&1")
        typist = self.machine.agent.start("exec 3>/run/keys; "
                                          "for i in $(seq 200); do grep -q '\\$ $' /run/screen && break; sleep 0.2; done; "
                                          f"echo 'mhpctl offline {self.block}; echo code=$?; exit' >&3; "
                                          "for i in $(seq 200); do grep -q 'Password: ' /run/screen && break; sleep 0.2; done; sleep 1; "
                                          f"echo {answer} >&3; for i in $(seq 200); do grep -q 'code=[0-9]' /run/screen && break; sleep 0.2; done")
        self.machine.agent.finish(typist, 180)
        self.machine.agent.finish(shell, 60)
        return self.machine.agent.read("/run/screen")

    def test_right(self):
        screen = self.say("secret")
        self.assertIn("Authentication is required to bring memory online", screen)
        self.assertIn("1 of 1 block offline", screen)
        self.assertIn("code=0", screen)
        self.assertEqual(self.machine.blocks()[self.block].state, "offline")

    def test_wrong(self):
        screen = self.say("secrets")
        self.assertIn("polkit does not authorise this user", screen)
        self.assertIn("code=1", screen)
        self.assertEqual(self.machine.blocks()[self.block].state, "online")

    def test_no_session(self):
        """polkit has nobody ask outside of a session: the message says so, and what helps. Without a controlling terminal no agent is started."""
        for terminal in (f"script -qec '{self.SAFE}mhpctl offline {self.block}' /dev/null </dev/null", f"{self.SAFE}mhpctl offline {self.block}"):
            refused = self.machine.run(terminal)
            self.assertEqual(refused.code, 1, refused)
            self.assertIn("polkit asks for it on the terminal of a login session only", refused.out + refused.err)
            self.assertIn("sudo mhpctl offline", refused.out + refused.err)
            self.assertNotIn("polkit-error-quark", refused.out + refused.err)
        self.assertEqual(self.machine.blocks()[self.block].state, "online")
