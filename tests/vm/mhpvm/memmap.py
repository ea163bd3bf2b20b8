# SPDX-License-Identifier: GPL-2.0-or-later
"""Where memmaps lie: what the kernel's page flags show, read without mhpd, held against what mhpd says."""

import collections
import dataclasses
import json

from .case import VmCase
from .image import HELPER_DIR

HELPER = f"{HELPER_DIR}/memmapflags"
PARAMETER = "memory_hotplug.memmap_on_memory"
PAGES = 512                     # of memmap for a block: 128 MiB hold 32768 pages, described by 64 bytes each
OUTSIDE = r"""awk '/^Node/ { zone = $4 } $1 == "present" { n[zone] += $2 } $1 == "managed" { n[zone] -= $2 }
END { for (zone in n) print zone, n[zone] }' /proc/zoneinfo"""


@dataclasses.dataclass(frozen=True)
class Seen:
    """What the page flags of one block show: marked pages at its start, marked pages at all, pages that show nothing."""
    state: str
    leading: int
    marked: int
    hidden: int


def parse(text):
    """Block number -> Seen, and the seconds that reading took."""
    *lines, last = text.splitlines()
    rows = [line.split() for line in lines]
    return {int(number): Seen(state, *map(int, counts)) for number, state, *counts in rows}, float(last.split()[-2])


def read(machine, pages=0):
    """Read the first PAGES page flags of every block, or all of them."""
    return parse(machine.check(f"{HELPER} {pages}", timeout=120))[0]


def outside_buddy(machine):
    """Zone -> pages that it holds but does not give out."""
    return {zone: int(pages) for zone, pages in (line.split() for line in machine.check(OUTSIDE).splitlines())}


def wrong_pages(seen, expected):
    """What is wrong with the pages that were SEEN; EXPECTED: hot-added block -> pages of memmap in it."""
    wrong = [f"block {number}: not read" for number in set(expected) - set(seen)]
    for number, flags in seen.items():
        pages = expected.get(number, 0)
        if flags.state != "online":
            if flags.marked or not flags.hidden:
                wrong.append(f"block {number}: {flags}")
        elif (flags.leading, flags.marked) != (pages, pages):
            wrong.append(f"block {number}: {pages} pages expected, {flags}")
    return wrong


class MemmapCase(VmCase):
    """A guest whose tests note in `expected` how many pages of memmap each hot-added block holds."""

    here = PAGES                # pages of memmap that a block of a DIMM holds

    @classmethod
    def setUpClass(cls):
        cls.expected = {}
        super().setUpClass()

    def expect(self, found, pages):
        """Note what new blocks hold."""
        self.expected.update(dict.fromkeys(found, pages))

    def forget_gone(self):
        """Drop the blocks that have left."""
        present = self.machine.blocks()
        for number in set(self.expected) - set(present):
            del self.expected[number]

    def assert_kernel(self, pages=0):
        """The kernel's page flags are as expected, page for page; the blocks."""
        found, seen = self.machine.blocks(), read(self.machine, pages)
        self.assertEqual({number: block.state for number, block in found.items()}, {number: flags.state for number, flags in seen.items()})
        self.assertEqual(wrong_pages(seen, self.expected), [])
        return found

    def assert_zones(self, found):
        """The zones without boot memory keep exactly the memmaps' pages to themselves."""
        kept = collections.Counter()
        for number, block in found.items():
            if block.zone in ("Movable", "Normal"):
                kept[block.zone] += self.expected.get(number, 0)
        outside = outside_buddy(self.machine)
        self.assertEqual({zone: outside.get(zone, 0) for zone in ("Movable", "Normal")},
                         {zone: kept[zone] for zone in ("Movable", "Normal")})

    def memmap(self):
        """Block number -> what `mhpctl memmap` says about it."""
        return {entry["block"]: entry for entry in self.mhpctl_json("memmap")["blocks"]}

    def assert_verifies(self):
        """`mhpctl verify` finds no difference, and looked."""
        result = self.mhpctl("verify --json")
        said = json.loads(result.out)
        self.assertEqual((result.code, said["differ"], said["zones"]), (0, [], []), result.err)
        return said["checked"]

    def assert_agree(self, pages=0):
        """The kernel, `mhpctl memmap` and `mhpctl verify` agree about every block."""
        found = self.assert_kernel(pages)
        self.assert_zones(found)
        said = self.memmap()
        self.assertEqual(set(said), set(found))
        for number, block in found.items():
            entry, held = said[number], self.expected.get(number, 0)
            with self.subTest(block=number, state=block.state, said=entry):
                self.assertEqual(entry["pages"], PAGES)
                self.assertEqual(entry["set_aside"], held)
                self.assertEqual(entry["waste"], 0)
                self.assertIn(entry["placement"], ("self", "force") if held else ("dram",))
                self.assertEqual(entry["evidence"], "observed" if block.state == "online" else "assumed")
        self.assertEqual(self.assert_verifies(), found.online())
        return said

    def assert_daemon_agrees(self):
        """The daemon looked at what came online and found no difference either."""
        self.assertEqual(self.journal(MHPD_EVENT="memmap-differs"), [])

    def assert_reason(self, said, numbers, *reasons):
        """These blocks have one of these reasons for their placement."""
        self.assertLessEqual({said[number]["reason"] for number in numbers}, set(reasons))

