# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory that is asked back: loads that hold it, and what has to be true whatever became of the request."""

import itertools
import json
import re
import time

from . import health
from .case import MANAGER, VmCase
from .image import HELPER_DIR



class Load:
    """Memory held by a process that knows what is in it (helpers/load.c)."""

    _ids = itertools.count()

    def __init__(self, machine, kind, mib, churn=False, path="", timeout=120):
        self._machine = machine
        self._said = f"/run/load-{next(self._ids)}"
        words = f"{kind} {mib} {'churn' if churn else ''} {path}"
        self._handle = machine.agent.start(f"echo $$ >{self._said}.pid; exec {HELPER_DIR}/load {words} >{self._said} 2>&1")
        self._wait(r"^ready|^load:", timeout)
        text = self._output()
        if not text.startswith("ready"):
            raise AssertionError(f"load {words}: {text}")

    def _output(self):
        return self._machine.run(f"cat {self._said}").out

    def _wait(self, pattern, timeout):
        self._machine.wait(self._output, lambda text: re.search(pattern, text, re.M), timeout, f"{pattern} of a load")

    def _signal(self, name):
        self._machine.check(f"kill -{name} $(cat {self._said}.pid)")

    def report(self, timeout=60):
        """Have all of it checked; (whether it is intact, pages written while it was held)."""
        seen = len(self._output().splitlines())
        self._signal("USR1")
        self._machine.wait(self._output, lambda text: len(text.splitlines()) > seen, timeout, "a load's report")
        return self._parse(self._output())

    def stop(self, timeout=60):
        """End it; the same. One that the kernel has killed is not intact."""
        self._machine.run(f"kill -TERM $(cat {self._said}.pid)")
        self._machine.agent.finish(self._handle, timeout)
        return self._parse(self._output())

    @staticmethod
    def _parse(text):
        word, *pairs = text.splitlines()[-1].split()
        return (True, int(dict(pair.split("=") for pair in pairs)["rounds"])) if word == "intact" else (False, 0)


class RemovalCase(VmCase):
    """A guest whose memory is asked back."""

    # What there is

    def dump(self):
        """The map that the daemon holds."""
        answer = self.machine.check(f"busctl --json=short call {MANAGER} Dump")
        return json.loads(answer)["data"][0]

    def removals(self):
        """The lines of the daemon's map about memory that is on its way out, or on its way back."""
        return [line for line in self.dump().splitlines() if line.startswith("removal") and "phase=ended" not in line]

    def jobs(self):
        """What mhpd says that it is about."""
        return json.loads(self.machine.check(f"busctl --json=short call {MANAGER} ListJobs"))["data"][0]

    def group_of(self, found):
        """The name of the group that these blocks make."""
        names = {entry["group"] for entry in self.mhpctl_json("list --all")["blocks"] if entry["block"] in found}
        self.assertEqual(len(names), 1, f"blocks {sorted(found)}")
        return names.pop()

    def places(self):
        """Block -> (state, zone)."""
        return {number: (block.state, block.zone) for number, block in self.machine.blocks().items()}

    # What is done

    def plug_online(self, size, count, zone="Movable"):
        """Plug a DIMM that comes online in a zone; (its name for the host, its blocks, its group)."""
        before = self.machine.blocks()
        name = self.machine.plug_dimm(size)
        found = self.arrived(before, count)
        if zone:
            self.assert_zone(found, zone)
        return name, found, self.group_of(found)

    def load(self, kind, mib, churn=False, path=""):
        """Hold memory until the test is over."""
        load = Load(self.machine, kind, mib, churn, path)
        self.addCleanup(self.machine.run, "pkill -x load")
        return load

    def pin(self, first, size, pages=16):
        """Pin pages of SIZE bytes of memory that begin at a multiple of SIZE in block FIRST; the kernel cannot move them."""
        unit = self.machine.blocks().block_size
        self.assertEqual(first * unit % size, 0)
        self.machine.check("dmesg -n 1; rm -f /run/pinned")      # the kernel's many words about pages that do not move cost time
        self.machine.agent.start(f"exec {HELPER_DIR}/pinblock {first * unit // size} {size} {pages} >/run/pinned")
        self.machine.wait(lambda: self.machine.run("cat /run/pinned").out, lambda said: "pinned" in said, 60, "pages pinned")

    def unpin(self):
        """Let go of all pinned pages."""
        self.machine.run("pkill -x pinblock; while pgrep -x pinblock; do sleep 0.1; done")

    # What has to be true

    def assert_ended(self, timeout=60):
        """No request is under way any more."""
        self.machine.wait(lambda: self.removals() + self.jobs(), lambda found: not found, timeout, "the end of all requests")

    def assert_restored(self, places, timeout=60):
        """All blocks are where they were."""
        self.machine.wait(self.places, lambda now: now == places, timeout, "every block where it was",
                          lambda now: {number: (places.get(number), where) for number, where in now.items() if places.get(number) != where})

    def assert_well(self):
        """Nobody sleeps for ever, the kernel has no complaint, the host may ask for its DIMMs, mhpd is there."""
        self.assertEqual(health.uninterruptible(self.machine), "")
        self.assertEqual(health.complaints(self.machine), "")
        self.assertTrue(health.eject_allowed(self.machine), "the veto against ejects is still there")
        self.machine.check("systemctl is-active mhpd")

    def assert_names_page(self, text, block, page_class):
        """A failure names the block, what lies in it, and where."""
        self.assertRegex(text, rf"\b{block}\b")
        self.assertIn(page_class, text)
        frames = [int(frame, 16) for frame in re.findall(r"PFN (0x[0-9a-f]+)", text)]
        unit = self.machine.blocks().block_size // 4096
        self.assertTrue([frame for frame in frames if frame // unit == block], f"no frame of block {block} in: {text}")

    def timed(self, command, timeout=60):
        """Run a command in the guest; (its Result, the seconds it took as seen from here)."""
        began = time.monotonic()
        result = self.machine.run(command, timeout)
        return result, time.monotonic() - began
