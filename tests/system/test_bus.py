# SPDX-License-Identifier: GPL-2.0-or-later
"""org.mhpd1 on the bus: what conf/org.mhpd1.Manager.xml promises."""

import os
import subprocess
import time
import xml.etree.ElementTree as ElementTree

from mhpsys import wire
from mhpsys.case import SystemCase
from mhpsys.daemon import INTERFACE, NAME, OBJECT, BusError, wait_for

XML = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "conf", "org.mhpd1.Manager.xml")
LARGEST = 32 << 20              # of a message, as dbus-daemon has it


def members(text, name=INTERFACE):
    """{(kind, name): (what it takes and gives)} of an interface."""
    interface = next(i for i in ElementTree.fromstring(text) if i.get("name") == name)
    found = {}
    for member in interface:
        if member.tag in ("method", "signal"):
            found[member.tag, member.get("name")] = [(a.get("name"), a.get("type"), a.get("direction", "out"))
                                                     for a in member if a.tag == "arg"]
        elif member.tag == "property":
            found[member.tag, member.get("name")] = [member.get("type"), member.get("access")]
    return found


class Stranger(wire.Connection):
    """A client that keeps to no rule but the wire's: nobody, if root runs the tests."""

    def __init__(self, bus, uid=65534):
        os.chmod(bus.folder, 0o755)
        os.chmod(bus.path, 0o666)
        super().__init__(bus, uid, descriptors=True)

    def ask(self, method, signature="", *values, descriptors=0, **fields):
        """A call of mhpd and its answer. FIELDS: of the header, other than usual."""
        self.send(wire.CALL, self.header(method, signature, fields), wire.pack(signature, *values), descriptors)
        return self.answer()

    def ask_largest(self, method, signature, *values, **fields):
        """The same with a last text of so many letters that the bus lets the message just through."""
        short = wire.message(wire.CALL, 1, self.header(method, signature, fields), wire.pack(signature, *values, ""))
        return self.ask(method, signature, *values, "x" * (LARGEST - len(short)), **fields)

    @staticmethod
    def header(method, signature, fields):
        """Of a call."""
        usual = {wire.PATH: OBJECT, wire.INTERFACE: INTERFACE, wire.MEMBER: method, wire.DESTINATION: NAME}
        return usual | ({wire.SIGNATURE: signature} if signature else {}) | {getattr(wire, name.upper()): value for name, value in fields.items()}


class Interface(SystemCase):
    """Names and types."""

    def test_introspection(self):
        self.mhpd.start()
        with open(XML, encoding="utf-8") as file:
            promised = members(file.read())
        self.assertEqual(members(self.bus.busctl("introspect", "--xml-interface", NAME, OBJECT)), promised)

    def test_properties(self):
        self.mhpd.start()
        self.wait_zone("Movable")
        self.wait_idle()
        version = subprocess.run([self.mhpd.program, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
        self.assertEqual(self.bus.get("Version"), version)
        self.assertEqual([self.bus.get(name) for name in ("Rescans", "WorkerKills", "GaveUp")], [0, 0, 0])
        self.assertGreater(self.bus.get("LongestRound"), 0)
        self.assertGreater(self.bus.get("LongestRoundProcessor"), 0)
        self.assertLessEqual(self.bus.get("LongestRoundProcessor"), self.bus.get("LongestRound"))
        self.assertEqual(self.bus.call("ListProblems"), [[]])

    def test_nobody_is_refused_reading(self):
        if os.geteuid() != 0:
            self.skipTest("only root can be somebody else")
        self.mhpd.start()
        os.chmod(self.folder, 0o755)
        os.chmod(self.bus.path, 0o666)
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "busctl", f"--address={self.bus.address}", "--timeout=5",
                   "call", NAME, OBJECT, INTERFACE]
        self.assertEqual(subprocess.run([*command, "Dump"], capture_output=True, check=False).returncode, 0)
        refused = subprocess.run([*command, "Reload"], capture_output=True, text=True, check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertRegex(refused.stderr.lower(), "root|polkit|denied|authori[sz]|permission")


class Errors(SystemCase):
    """What is asked for and cannot be."""

    def setUp(self):
        super().setUp()
        self.need_root()
        self.mhpd.start()
        self.wait_zone("Movable")
        self.wait_idle()

    def fails(self, name, method, signature, *arguments):
        """The call is answered with this error."""
        self.assertEqual(self.bus.error_name(method, signature, *arguments), f"{NAME}.Error.{name}", (method, arguments))

    def test_unknown_block(self):
        self.fails("NoSuchBlock", "Online", "sst", "32,99", "auto", 0)
        self.fails("NoSuchBlock", "Offline", "st", "99", 0)
        self.fails("NoSuchBlock", "Offline", "st", "0-4294967294", 0)

    def test_unknown_group(self):
        self.fails("NoSuchGroup", "Online", "sst", "acpi:PNP0C80:07", "auto", 0)
        self.fails("NoSuchGroup", "Offline", "st", "virtio-mem:virtio7", 0)

    def test_invalid(self):
        self.fails("InvalidArgument", "Online", "sst", "32", "sideways", 0)
        self.fails("InvalidArgument", "Online", "sst", "32", "none", 0)
        self.fails("InvalidArgument", "Online", "sst", "39-32", "auto", 0)
        self.fails("InvalidArgument", "Online", "sst", "", "auto", 0)
        self.fails("InvalidArgument", "Offline", "st", "32,", 0)
        self.fails("InvalidArgument", "Offline", "st", "99999999999", 0)

    def test_invalid_says_what_is_allowed(self):
        with self.assertRaisesRegex(BusError, "movable.*kernel"):
            self.bus.call("Online", "sst", "32", "sideways", 0)

    def test_unknown_job(self):
        self.assertIsNotNone(self.bus.error_name("Cancel", "u", 4711))

    def stays(self, owner):
        """mhpd has its connection yet."""
        self.assertEqual(self.bus.busctl("status", NAME), owner, "the same connection has the name")

    def test_giant_target(self):
        """An answer that repeated it would be larger than the bus lets through, and cost mhpd its connection."""
        owner = self.bus.busctl("status", NAME)
        with Stranger(self.bus) as stranger:
            for target in ("x" * 8193, "3" * 8193, "\N{SNOWMAN}" * 60, "9" * 200, "y" * (30 << 20)):
                for words in (("Offline", "st", target, 0), ("Online", "sst", target, "auto", 0), ("Online", "sst", "32", target, 0)):
                    answer = stranger.ask(*words)
                    self.assertEqual(answer[0], wire.ERROR, target[:20])
                    self.assertLess(len(answer[3]), 1024, target[:20])
        self.stays(owner)

    def test_giant_names(self):
        """What sd-bus itself repeats of a call that it does not know, and once in the largest call that the bus lets through."""
        owner = self.bus.busctl("status", NAME)
        properties = {"interface": "org.freedesktop.DBus.Properties"}
        with Stranger(self.bus) as stranger:
            for answer in (stranger.ask("Dump", path="/" + "p" * 60000), stranger.ask("GetAll", "s", "i" * 60000, **properties),
                           stranger.ask("Get", "ss", INTERFACE, "n" * 60000, **properties), stranger.ask("Set", "ss", "i" * 60000, "n", **properties),
                           stranger.ask("Get", "ss", "i" * 60000, "Version", interface="org.freedesktop.DBus.Properties", path="/org/mhpd1/job/1"),
                           stranger.ask_largest("GetAll", "s", **properties), stranger.ask_largest("Get", "ss", INTERFACE, **properties)):
                self.assertEqual(answer[0], wire.ERROR)
                self.assertLess(len(answer[3]), 1024)
        self.stays(owner)

    def test_descriptors(self):
        """No call has one, and those that come with a call all the same do not get as far as mhpd."""
        before = len(os.listdir(f"/proc/{self.mhpd.process.pid}/fd"))
        with Stranger(self.bus) as stranger:
            for _ in range(66):
                self.assertEqual(stranger.ask("Dump", descriptors=16)[0], wire.ERROR)
        self.assertLessEqual(len(os.listdir(f"/proc/{self.mhpd.process.pid}/fd")), before + 2)
        self.assertTrue(self.bus.call("Dump"))

    def test_memory(self):
        """The bus lets calls of 32 MiB through. mhpd has one of them at a time, however many come, and gives back what it was in."""
        self.need_plain_build()
        owner = self.bus.busctl("status", NAME)
        with Stranger(self.bus) as stranger:
            for _ in range(4):
                self.assertEqual(wire.Connection.error(stranger.ask_largest("Online", "ss", "32")), "org.mhpd1.Error.InvalidArgument")
                self.assertEqual(wire.Connection.error(stranger.ask_largest("GetAll", "s", interface="org.freedesktop.DBus.Properties")),
                                 "org.mhpd1.Error.InvalidArgument")
            stranger.ask("Dump")    # the message before is answered before it is given back
        with open(f"/proc/{self.mhpd.process.pid}/status", encoding="ascii") as file:
            sizes = {line.split()[0]: int(line.split()[1]) for line in file if line.startswith(("VmHWM", "VmRSS"))}
        self.assertLess(sizes["VmHWM:"], 48 << 10, "KiB at the most")
        self.assertLess(sizes["VmRSS:"], 12 << 10, "KiB afterwards")
        self.stays(owner)

    def test_nothing_was_done(self):
        writes = list(self.machine.writes)
        self.bus.error_name("Offline", "st", "32,99", 0)
        time.sleep(0.3)
        self.assertEqual(self.machine.writes, writes)


class Presence(SystemCase):
    """The bus comes late, goes and comes back."""

    has_bus = True

    def test_bus_comes_late(self):
        self.bus.stop()
        self.mhpd.start()
        self.wait_zone("Movable")
        self.bus.start()
        wait_for("the name", self.mhpd.answers, 15)

    def test_bus_restarts(self):
        self.mhpd.start()
        for _ in range(2):
            self.bus.stop()
            time.sleep(0.2)
            self.bus.start()
            wait_for("the name", self.mhpd.answers, 15)
        self.assertIsNone(self.mhpd.process.poll())

    def test_no_busy_loop_without_a_bus(self):
        self.mhpd.start()
        self.wait_zone("Movable")
        self.bus.stop()
        time.sleep(1)
        before = self.cpu()
        time.sleep(2)
        self.assertLess(self.cpu() - before, 0.1, "seconds of processor time in two seconds")

    def cpu(self):
        """Seconds."""
        with open(f"/proc/{self.mhpd.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def test_goes_with_mhpd(self):
        self.mhpd.start()
        self.mhpd.stop()
        self.assertIsNone(self.mhpd.answers())
