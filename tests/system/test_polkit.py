# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may change something: root, and whom polkit lets."""

import os
import pwd
import subprocess
import time

from mhpsys import wire
from mhpsys.case import SystemCase
from mhpsys.daemon import INTERFACE, NAME, OBJECT, wait_for
from mhpsys.polkit import Polkit

PER_SENDER, PER_USER, IN_ALL = 2, 8, 32    # daemon/bus-auth.c
OTHERS = [user.pw_uid for user in pwd.getpwall() if user.pw_uid not in (0, 65534)]    # the bus takes nobody who is no user


class PolkitCase(SystemCase):
    """Somebody who is not root asks."""

    config = "[Online]\nZone=none\n"

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("only root can be somebody else")
        super().setUp()
        os.chmod(self.folder, 0o755)
        os.chmod(self.bus.path, 0o666)
        self.mhpd.start()
        self.wait_idle()

    def polkit(self, answer, deaf=False):
        """One that answers so."""
        polkit = Polkit(self.bus, answer, deaf)
        self.addCleanup(polkit.close)
        return polkit


class Authorization(PolkitCase):
    """One question."""

    def ask(self, method, *arguments):
        """A call by nobody, under way."""
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "busctl", f"--address={self.bus.address}", "--timeout=8",
                   "call", NAME, OBJECT, INTERFACE, method, *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_allowed(self):
        polkit = self.polkit(True)
        _, error = (call := self.ask("Online", "sst", "32-35", "movable", "0")).communicate()
        self.assertEqual((call.returncode, error), (0, ""))
        self.wait_zone("Movable", range(32, 36))
        self.assertEqual(polkit.asked, ["org.mhpd1.manage"])

    def test_actions(self):
        polkit = self.polkit(True)
        for method, arguments in (("Offline", ["st", "32", "0"]), ("Cancel", ["u", "9"]), ("Reload", [])):
            self.ask(method, *arguments).communicate()
        self.assertEqual(polkit.asked, ["org.mhpd1.manage", "org.mhpd1.manage", "org.mhpd1.reload"])

    def test_refused(self):
        self.polkit(False)
        _, error = (call := self.ask("Online", "sst", "32", "movable", "0")).communicate()
        self.assertEqual(call.returncode, 1)
        self.assertRegex(error.lower(), "denied|polkit|not allow|authori[sz]|permission")
        time.sleep(0.2)
        self.assertEqual(self.machine.states()[32], "offline")

    def test_absent(self):
        _, error = (call := self.ask("Reload")).communicate()
        self.assertEqual(call.returncode, 1)
        self.assertRegex(error.lower(), "root|polkit|denied")

    def test_silent(self):
        """A question that is open holds up nobody else."""
        polkit = self.polkit(None)
        call = self.ask("Reload")
        wait_for("the question", lambda: polkit.asked)
        began = time.monotonic()
        self.bus.call("Dump")
        self.bus.call("Online", "sst", "32", "movable", 0)
        self.wait_zone("Movable", [32])
        self.assertLess(time.monotonic() - began, 2)
        self.assertIsNone(call.poll())
        call.kill()
        call.wait()
        self.bus.call("Dump")

    def test_polkit_dies(self):
        """The question gets no answer any more."""
        polkit = self.polkit(None)
        call = self.ask("Reload")
        wait_for("the question", lambda: polkit.asked)
        polkit.close()
        _, error = call.communicate()
        self.assertEqual(call.returncode, 1)
        self.assertNotEqual(error, "")

    def test_caller_gone(self):
        """Allowed, but nobody waits for it any more: it may be done or not, mhpd goes on."""
        polkit = self.polkit(None)
        call = self.ask("Online", "sst", "32", "movable", "0")
        wait_for("the question", lambda: polkit.asked)
        call.kill()
        call.wait()
        time.sleep(0.1)
        self.assertIsNone(self.mhpd.process.poll())
        self.bus.call("Dump")

    def test_arguments_come_last(self):
        """Nobody is told of a mistake before it is known that he may: what becomes of the arguments costs time, and speaks of the machine."""
        self.polkit(False)
        for method, arguments in (("Online", ["sst", "32", "sideways", "0"]), ("Online", ["sst", "99", "auto", "0"]), ("Offline", ["st", "", "0"]),
                                  ("Offline", ["st", "99999999999", "0"]), ("Offline", ["st", "no:group", "0"]), ("Unplug", ["stt", "32", "9", "0"]),
                                  ("Cancel", ["u", "4711"])):
            _, error = (call := self.ask(method, *arguments)).communicate()
            self.assertEqual(call.returncode, 1)
            self.assertIn("Access denied", error, (method, arguments))

    def test_mistake_is_told_to_who_may(self):
        self.polkit(True)
        _, error = self.ask("Online", "sst", "32", "sideways", "0").communicate()
        self.assertIn("invalid zone", error)


class Questions(PolkitCase):
    """How many may be open while polkit says nothing."""

    def client(self, uid):
        """A connection of this user."""
        client = wire.Connection(self.bus, uid)
        self.addCleanup(client.close)
        return client

    @staticmethod
    def begin(client, *methods):
        """Calls; the serial of the last."""
        return [client.send(wire.CALL, {wire.PATH: OBJECT, wire.INTERFACE: INTERFACE, wire.MEMBER: member, wire.DESTINATION: NAME})
                for member in methods][-1]

    def errors(self, client, last):
        """How many of its calls were refused up to the answer to this one."""
        n = 0
        while wire.Connection.answers(answer := client.answer()) != last:
            self.assertEqual(wire.Connection.error(answer), "org.freedesktop.DBus.Error.LimitsExceeded")
            n += 1
        return n

    def refused(self, clients, n=1):
        """Each asks N times: how many of these were refused. Dump is answered at once; the bus says who the sender is before it delivers the second one."""
        firsts = [(client, self.begin(client, *["Reload"] * n, "Dump")) for client in clients]
        n = sum(self.errors(client, first) for client, first in firsts)
        return n + sum(self.errors(client, self.begin(client, "Dump")) for client in clients)

    def test_many_from_one_user(self):
        """Nobody else notices."""
        polkit = self.polkit(None)
        clients = [self.client(65534) for _ in range(62)]
        self.assertEqual(self.refused(clients, 3), 186 - PER_USER)
        self.assertEqual(len(polkit.asked), PER_USER)
        self.assertEqual(self.refused([self.client(OTHERS[0])]), 0)
        wait_for("the other user's question", lambda: len(polkit.asked) == PER_USER + 1)
        self.bus.call("Reload")

    def test_many_from_one_sender(self):
        polkit = self.polkit(None)
        self.assertEqual(self.refused([self.client(65534)], 50), 50 - PER_SENDER)
        self.assertEqual(len(polkit.asked), PER_SENDER)

    def test_many_users(self):
        """The bus lets mhpd wait for 128 answers; root needs none of polkit's."""
        polkit = self.polkit(None)
        clients = [self.client(user) for user in OTHERS[:5] for _ in range(PER_USER)]
        self.assertEqual(self.refused(clients), len(clients) - IN_ALL)
        self.assertEqual(len(polkit.asked), IN_ALL)
        self.bus.call("Reload")

    def test_caller_gone(self):
        """polkit is told, and when it has understood, the user has the question back."""
        polkit = self.polkit(None)
        for _ in range(3):
            clients = [self.client(65534) for _ in range(PER_USER)]
            self.assertEqual(self.refused(clients), 0)
            self.assertEqual(self.refused([self.client(65534)]), 1)
            for client in clients:
                client.close()
            wait_for("the questions to be taken back", lambda: not polkit.open)
        self.assertEqual(len(set(polkit.cancelled)), 3 * PER_USER)

    def test_polkit_deaf(self):
        """A question that polkit does not give back is one on the bus."""
        polkit = self.polkit(None, deaf=True)
        for _ in range(PER_USER):
            client = self.client(65534)
            self.assertEqual(self.refused([client]), 0)
            client.close()
        wait_for("the questions to be taken back", lambda: len(polkit.cancelled) == PER_USER)
        self.assertEqual(self.refused([self.client(65534)]), 1)
        polkit.close()
        self.polkit(None)
        self.assertEqual(self.refused([self.client(65534)]), 0)

    def test_nothing_stays(self):
        """However many come and go: not a question that is open, and no memory."""
        self.need_plain_build()
        self.polkit(False)
        sizes = []
        for _ in range(4):
            for _ in range(100):
                with wire.Connection(self.bus, 65534) as client:
                    client.send(wire.CALL, {wire.PATH: OBJECT, wire.INTERFACE: INTERFACE, wire.MEMBER: "Reload", wire.DESTINATION: NAME})
                    self.assertEqual(wire.Connection.error(client.answer()), "org.freedesktop.DBus.Error.AccessDenied")
            with open(f"/proc/{self.mhpd.process.pid}/statm", encoding="ascii") as file:
                sizes.append(int(file.read().split()[1]))
        self.assertLessEqual(sizes[3], sizes[1] + 16, "pages")
