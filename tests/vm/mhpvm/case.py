# SPDX-License-Identifier: GPL-2.0-or-later
"""The base of all tests here: one guest a class, with or without mhpd, shared by the class's tests."""

import json
import unittest

from . import Unavailable, sanitizer
from .machine import Machine, Spec

MANAGER = "org.mhpd1 /org/mhpd1 org.mhpd1.Manager"
ROUND = 20                      # ms, the budget of one round of the daemon's loop
ROUND_BUSY = 2000               # likewise on a host with other things to do; who waits for the worker waits for seconds
QUIET = 1.1                     # Machine.stretch() of a guest that had the host's processors when it wanted them
DROP_IN = "/etc/mhpd/mhpd.conf.d/50-test.conf"


class VmCase(unittest.TestCase):
    """Boots a guest for the class. Tests that leave memory plugged are fine: what counts is what a test added."""

    dest = None                 # the install tree, set by the runner
    spec = Spec()
    files = {}                  # guest path -> text, put in place before the boot
    needs_mhpd = True
    config = None               # the drop-in that mhpd starts with
    alone = False               # measures time: the runner starts no other guest beside it
    again = True                # what failed may be a matter of time on a busy host: the runner tries it once more
    machine = None

    @classmethod
    def setUpClass(cls):
        if cls.needs_mhpd and not cls.dest:
            raise unittest.SkipTest("no install tree was given (--dest)")
        cls.machine = cls.boot(cls.spec)
        if cls.needs_mhpd and cls.config is not None:
            cls.start_mhpd()

    @classmethod
    def boot(cls, spec):
        """Boot a guest of the caller's own."""
        files = {**sanitizer.files(cls.dest if cls.needs_mhpd else None), **cls.files}
        if cls.config is not None:
            files[DROP_IN] = cls.config
        machine = Machine(spec, cls.dest if cls.needs_mhpd else None, files)
        try:
            machine.start()
        except Unavailable as error:
            raise unittest.SkipTest(str(error)) from error
        return machine

    @classmethod
    def tearDownClass(cls):
        if cls.machine:
            cls.machine.close()
            cls.machine = None

    @classmethod
    def diagnose(cls):
        """What the guest can tell about a failure."""
        if not cls.machine:
            return ""
        text = ""
        if cls.needs_mhpd and cls.machine.alive():
            try:
                text += "--- journal of mhpd\n" + cls.machine.run("journalctl -u mhpd -n 40 --no-pager -o short-monotonic", 10).out
            except Exception as error:                       # the guest may be past answering
                text += f"--- no journal: {error}\n"
        return text + "--- serial\n" + cls.machine.serial_tail(20)

    # mhpd in the guest

    @classmethod
    def start_mhpd(cls):
        """Enable and start the service; Type=notify makes this wait until mhpd is ready. `enable --now` would have systemd read all its units
        again, which takes an emulated guest seconds."""
        cls.machine.check("systemctl --no-reload enable mhpd && systemctl start mhpd", timeout=60)

    def configure(self, text):
        """Give mhpd a configuration and have it read."""
        self.machine.agent.write(DROP_IN, text)
        self.machine.check("if systemctl is-active --quiet mhpd; then mhpctl reload; else systemctl start mhpd; fi")

    def mhpctl(self, arguments, timeout=60):
        """Run mhpctl; a Result."""
        return self.machine.run(f"mhpctl {arguments}", timeout)

    def mhpctl_json(self, arguments):
        """What a reading verb says, decoded."""
        return json.loads(self.machine.check(f"mhpctl {arguments} --json"))

    def journal(self, since=None, **fields):
        """The journal's entries of mhpd with these fields, as dictionaries.

        All entries are read and chosen from here: `journalctl --after-cursor` loses an entry when the one at the cursor
        does not match its filter."""
        self.machine.check("journalctl --sync")
        after = f"--after-cursor='{since}'" if since else ""
        text = self.machine.check(f"journalctl -o json --all --no-pager {after}")
        entries = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        wanted = {"_SYSTEMD_UNIT": "mhpd.service", **fields}
        return [entry for entry in entries if all(entry.get(name) == value for name, value in wanted.items())]

    def cursor(self):
        """Where the journal ends now, for journal(since=...)."""
        text = self.machine.check("journalctl -n 0 --show-cursor --no-pager")
        return text.rsplit("cursor: ", 1)[-1].strip()

    def property(self, name):
        """A number that mhpd shows on the bus."""
        return int(self.machine.check(f"busctl get-property {MANAGER} {name}").split()[1])

    def assert_rounds(self):
        """No round of the daemon's loop took long. A guest cannot tell work from waiting for the host's processors, so by its
        processor time the budget holds only where there was next to none of that; by the clock, no round waits for anybody.
        Both in ms, and how much the guest was held up."""
        wall, processor = (self.property(name) / 1000 for name in ("LongestRound", "LongestRoundProcessor"))
        stretch = self.machine.stretch()
        print(f"     longest rounds of mhpd's loop: {processor:.1f} ms of processor time, {wall:.1f} ms by the clock, "
              f"in a guest that took {stretch:.2f} times as long as it had to", flush=True)
        self.assertLess(processor, ROUND if stretch < QUIET else ROUND_BUSY, "ms of processor time in one round of the daemon's loop")
        self.assertLess(wall, ROUND_BUSY, "ms in one round of the daemon's loop")

    # Memory

    def assert_list_is_sysfs(self):
        """`mhpctl list` shows each block as the kernel does."""
        listed = {entry["block"]: entry for entry in self.mhpctl_json("list --all")["blocks"]}
        found = self.machine.blocks()
        self.assertEqual({number: (entry["state"], entry["zone"]) for number, entry in listed.items()},
                         {number: (block.state, block.zone) for number, block in found.items()})
        for number, block in found.items():
            self.assertIn(listed[number]["node"], block.nodes, f"node of block {number}")

    def plug(self, size, node=None):
        """Plug a DIMM and wait until all its blocks are there; the blocks present before."""
        before = self.machine.blocks()
        self.machine.plug_dimm(size, node)
        return before

    def arrived(self, before, count, timeout=30):
        """Wait until COUNT new blocks are there and online; the new blocks."""
        return self.machine.wait_blocks(
            lambda found: len(found.without(before)) == count and found.without(before).online() == count,
            timeout, f"{count} new blocks online").without(before)

    def assert_zone(self, found, zone):
        """All these blocks are in one zone."""
        self.assertEqual(found.by_zone(), {zone: len(found)})
