# SPDX-License-Identifier: GPL-2.0-or-later
"""A bad line costs that line, a bad file that file; at a reload it costs the reload."""

import json
import os
import socket

from mhpsys.case import SystemCase
from mhpsys.daemon import BusError, wait_for


class Reload(SystemCase):
    """Another configuration while mhpd runs. It starts with one that leaves all memory offline."""

    config = "[Online]\nZone=none\n"

    def start(self):
        """Until it has looked at everything."""
        self.mhpd.start()
        self.wait_idle()
        self.assertEqual(set(self.machine.states().values()), {"offline"})

    def test_signal(self):
        self.start()
        self.mhpd.configure("[Online]\nZone=movable\n")
        self.mhpd.reload()
        self.wait_zone("Movable")

    def test_call(self):
        self.need_root()
        self.start()
        self.mhpd.configure("[Online]\nZone=movable\nMovableRatio=lots\n")
        warnings = self.bus.call("Reload")[0]
        self.assertEqual(len(warnings), 1, warnings)
        self.assertRegex(warnings[0], "mhpd.conf:3.*MovableRatio")
        self.assertEqual(self.bus.get("ConfigWarnings"), warnings)
        self.wait_zone("Movable")

    def test_changed(self):
        """Whoever reloads is told whether that made a difference."""
        self.need_root()
        self.start()
        for text, changed in (("[Online]\nZone=none\n# a comment\n", False), ("[Online]\nZone=none\nSettledUnit=a.service\n", True),
                              ("[Online]\nZone=none\nSettledUnit=a.service\n", False), ("[Online]\nZone=none\nSettledUnit=\n", True)):
            self.mhpd.configure(text)
            done = self.mhpctl("reload", "--json")
            self.assertEqual((done.returncode, json.loads(done.stdout)), (0, {"changed": changed, "warnings": []}), text)

    def test_path_follows(self):
        self.start()
        self.assertEqual((self.bus.get("Path"), self.bus.get("PathReason")), ("kernel", "expressible"))
        self.mhpd.configure("[Online]\nBy=mhpd\nZone=none\n")
        self.mhpd.reload()
        wait_for("the other path", lambda: self.bus.get("Path") == "mhpd")
        self.assertEqual(self.bus.get("PathReason"), "configured")

    def test_broken_line(self):
        self.start()
        self.mhpd.configure("[Online]\nZone=movable\nthis is no configuration\n")
        self.mhpd.reload()
        self.assertIn("Zone=movable", self.bus.call("GetConfig")[0])
        self.assertRegex(self.bus.get("ConfigWarnings")[0], "mhpd.conf:3: invalid line .*; the line is not used")
        self.wait_zone("Movable")

    def configure_latin1(self):
        with open(self.mhpd.path("config", "mhpd.conf"), "wb") as file:
            file.write(b"[Online]\nZone=movable\n# f\xfcr\n")

    def test_broken_file(self):
        self.start()
        self.configure_latin1()
        self.mhpd.reload()
        self.assertIn("Zone=none", self.bus.call("GetConfig")[0])
        said = "reload refused, the running configuration stays in force: .*mhpd.conf:3: a byte 0xfc"
        self.assertRegex(self.mhpd.log(), said)
        self.assertRegex(self.bus.get("ConfigWarnings")[0], said)
        self.assertEqual(set(self.machine.states().values()), {"offline"})
        self.mhpd.configure("[Online]\nZone=none\n")
        self.mhpd.reload()
        self.assertEqual(self.bus.get("ConfigWarnings"), [])

    def test_broken_file_by_call(self):
        self.need_root()
        self.start()
        self.configure_latin1()
        with self.assertRaisesRegex(BusError, "stays in force: .*mhpd.conf:3: "):
            self.bus.call("Reload")
        self.assertIn("Zone=none", self.bus.call("GetConfig")[0])
        os.unlink(self.mhpd.path("config", "mhpd.conf"))
        os.mkdir(self.mhpd.path("config", "mhpd.conf"))
        with self.assertRaisesRegex(BusError, "stays in force: .*mhpd.conf: cannot be read: it is a directory"):
            self.bus.call("Reload")
        self.assertIn("Zone=none", self.bus.call("GetConfig")[0])

    def test_bytes_that_are_no_text(self):
        """Whatever they are and wherever they stand: a reload says which file and line, and what is expected."""
        self.need_root()
        self.start()
        for text, said in ((b"[Online]\nZone=movable\n[Rule \xff]\n", ":3: a byte 0xff .*expected UTF-8"),
                           (b"\xef\xbb\xbf[Online]\nZone=\0movable\n", ":2: a byte 0x00 .*expected UTF-8 without NUL"),
                           (b"\xff\xfe[\0O\0n\0l\0i\0n\0e\0]\0\n\0", ":1: a byte 0xff .*expected UTF-8"),
                           (b"[Online]\nSettledUnit=\xed\xa0\x80.service\n", ":2: a byte 0xed .*expected UTF-8"),
                           (b"[Online]\nSettledUnit=a\xc0\xaf.service\n", ":2: a byte 0xc0 .*expected UTF-8"),
                           (b"#" * (300 << 10), ": 307200 bytes: expected at most 262144")):
            with open(self.mhpd.path("config", "mhpd.conf"), "wb") as file:
                file.write(text)
            with self.assertRaisesRegex(BusError, f"stays in force: .*mhpd.conf{said}"):
                self.bus.call("Reload")
            self.assertRegex(self.mhpctl("reload").stderr, f"mhpd.conf{said}")
        # half a character at the end of what is shown of a line
        for text, said in ((b"[Online]\nZone=" + b"x" * 59 + "ü".encode() * 9, "mhpd.conf:2: invalid Zone .*expected"),
                           (b"[Online]\n" + b"x" * 59 + "ü".encode() * 9, "mhpd.conf:2: invalid line .*expected"),
                           (b"[Online]\nSettledUnit=" + "ü".encode() * 99, "mhpd.conf:2: invalid .*expected"),
                           (b"[" + "ü".encode() * 40 + b"]\n", "mhpd.conf:1: .*expected"),
                           (b"[Online]\n" + b"y" * 59 + "ü".encode() * 9 + b"=1\n", "mhpd.conf:2: unknown key .*expected"),
                           ("[Online]\nZone=\u0085none\u009b2J\n".encode(), "mhpd.conf:2: .*expected")):
            with open(self.mhpd.path("config", "mhpd.conf"), "wb") as file:
                file.write(text)
            warnings = self.bus.call("Reload")[0]
            self.assertRegex(warnings[0], said)
            self.assertEqual(self.bus.get("ConfigWarnings"), warnings)

    def test_what_is_online_stays(self):
        self.start()
        self.mhpd.configure("[Online]\nZone=movable\n")
        self.mhpd.reload()
        self.wait_zone("Movable")
        self.wait_idle()
        self.mhpd.configure("[Online]\nZone=kernel\n")
        self.mhpd.reload()
        self.wait_idle()
        self.assertEqual(set(self.machine.states().values()), {"Movable"})


class Files(SystemCase):
    """What mhpd starts with."""

    def test_broken_line_at_start(self):
        """The rest is in force: the README's promise."""
        self.mhpd.configure("[Online]\nZone=kernel\nMovableRatio\n[Teardown]\nAttempts=9\n")
        self.mhpd.start()
        self.wait_zone("Normal")
        said = "mhpd.conf:3: invalid line \"MovableRatio\": expected .SECTION. or KEY=VALUE; the line is not used"
        self.assertEqual(len(self.bus.get("ConfigWarnings")), 1)
        self.assertRegex(self.bus.get("ConfigWarnings")[0], said)
        self.assertRegex(self.mhpd.log(), said)
        self.assertIn("Attempts=9", self.bus.call("GetConfig")[0])
        self.assertRegex(self.mhpctl("status").stdout, f"config: .*{said}")

    def test_broken_section_at_start(self):
        """Nothing of it goes elsewhere, and the memory comes online."""
        self.mhpd.configure("[Online\nZone=none\n")
        self.mhpd.start()
        self.wait_zone("Movable")
        self.assertRegex(self.bus.get("ConfigWarnings")[0], "mhpd.conf:1: .*; the section is not used")
        self.assertIn("Zone=auto", self.bus.call("GetConfig")[0])

    def test_lost_files_at_start(self):
        """Whatever is named *.conf: the others are in force, and nothing waits."""
        self.mhpd.configure("[Online]\nZone=none\n")
        folder = self.mhpd.path("config", "mhpd.conf.d")
        os.mkdir(folder)
        os.mkfifo(os.path.join(folder, "10-fifo.conf"))
        os.mkdir(os.path.join(folder, "11-directory.conf"))
        os.symlink("12-loop.conf", os.path.join(folder, "12-loop.conf"))
        os.symlink("/dev/zero", os.path.join(folder, "13-zero.conf"))
        with open(os.path.join(folder, "14-binary.conf"), "wb") as file:
            file.write(b"[Online]\nZone=movable\n\0\xff")
        with open(os.path.join(os.fsencode(folder), b"15-\xff.conf"), "wb") as file:
            file.write(b"nonsense\n")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
            here = os.getcwd()
            os.chdir(folder)  # a socket's path is short
            one.bind("16-socket.conf")
            os.chdir(here)
        self.mhpd.configure("[Online]\nZone=kernel\n", "config/mhpd.conf.d/20-good.conf")
        self.mhpd.start()
        self.wait_zone("Normal")
        warnings = self.bus.get("ConfigWarnings")
        for name, warning in zip(("10-fifo", "11-directory", "12-loop", "13-zero", "14-binary.conf:3", "15-.", "16-socket"), warnings, strict=True):
            self.assertRegex(warning, f"mhpd.conf.d/{name}.*; the (file|line) is not used")
            self.assertRegex(self.mhpd.log(), name)
        self.assertIn("the others and the defaults are in force", self.mhpd.log())

    def test_bad_value(self):
        self.mhpd.configure("[Online]\nZone=sideways\nMovableRatio=50\nColour=red\n")
        self.mhpd.start()
        warnings = self.bus.get("ConfigWarnings")
        self.assertEqual(len(warnings), 2, warnings)
        self.assertRegex(warnings[0], "mhpd.conf:2.*Zone.*movable")
        self.assertRegex(warnings[1], "mhpd.conf:4.*Colour")
        self.assertIn("MovableRatio=50", self.bus.call("GetConfig")[0])

    def test_vendor_file(self):
        self.mhpd.configure("[Online]\nZone=kernel\n", "vendor/mhpd.conf")
        self.mhpd.start()
        self.wait_zone("Movable")

    def test_no_file(self):
        os.unlink(self.mhpd.path("config", "mhpd.conf"))
        self.mhpd.start()
        self.wait_zone("Movable")
        self.assertEqual(self.bus.get("ConfigWarnings"), [])

    def test_get_config_is_a_config(self):
        """What GetConfig says gives the same configuration again."""
        text = ("[Online]\nBy=mhpd\nZone=kernel\nMovableRatio=77\nNumaAware=no\nKernelHeadroom=9%\n"
                "[Teardown]\nOfflineTimeoutSec=7\nAttempts=3\nRetryMaxSec=11\nDrift=report\n"
                "[Rule big]\nSource=acpi,dax\nNode=0-1,3\nMinSize=2G\nMaxSize=4G\nZone=movable\n[Rule rest]\nZone=none\n")
        self.mhpd.configure(text)
        self.mhpd.start()
        first = self.bus.call("GetConfig")[0]
        for line in ("Zone=kernel", "MovableRatio=77", "[Rule big]", "[Rule rest]", "Node=0-1,3", "Drift=report"):
            self.assertIn(line, first)
        self.mhpd.configure(first)
        self.mhpd.reload()
        self.assertEqual(self.bus.call("GetConfig")[0], first)
        self.assertEqual(self.bus.get("ConfigWarnings"), [])
