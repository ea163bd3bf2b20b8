# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel with the companion series should make of memory that comes, changes and goes: a model to hold it against.

Only two things are not foreseen: whether kernel memory lies in a block in Normal, and which of its blocks virtio-mem gives back. In these
the model follows what is seen, as far as that is possible at all.
"""

import dataclasses
import re

from .patched import WORDS
from .units import MiB

BLOCK, PAGES, VMEMMAP = 128 * MiB, 32768, 512
KERNEL, MOVABLE = "Normal", "Movable"
EINTR, EBUSY = 4, 16


@dataclasses.dataclass(frozen=True)
class Zone:
    """A zone, as /proc/zoneinfo counts its pages."""
    start: int = 0
    spanned: int = 0
    present: int = 0
    managed: int = 0

    def covers(self, first, last):
        """Whether some of these pages lie in what it spans."""
        return self.spanned > 0 and first < self.start + self.spanned and last >= self.start

    def with_block(self, number, held):
        """With one more block online, HELD pages of which are memmap."""
        start = min(self.start, number * PAGES) if self.spanned else number * PAGES
        end = max(self.start + self.spanned, (number + 1) * PAGES)
        return Zone(start, end - start, self.present + PAGES, self.managed + PAGES - held)


@dataclasses.dataclass
class Block:
    """A block that was added."""
    source: str
    node: int
    held_pages: int = 0         # of memmap
    zone: str = None            # None: offline
    hold: bool = False


@dataclasses.dataclass(frozen=True)
class Rule:
    """One line of memmap_policy."""
    placement: str
    first: int = None           # blocks
    last: int = None
    node: int = None

    def matches(self, number, node):
        """Whether it speaks about a block."""
        if self.first is not None:
            return self.first <= number <= self.last
        return self.node is None or self.node == node

    def __str__(self):
        if self.first is not None:
            return f"{self.first * BLOCK:x}-{(self.last + 1) * BLOCK - 1:x} {self.placement}"
        return f"default {self.placement}" if self.node is None else f"node {self.node} {self.placement}"


@dataclasses.dataclass(frozen=True)
class Seen:
    """What the guest shows: block -> (state, zone, node, pages of memmap, hold), zones, MemTotal in KiB, the two files."""
    blocks: dict
    zones: dict
    total: int
    rules: str
    teardown: str
    auto: str

    def differences(self, other):
        """What the other one has and this one has not, in words."""
        found = []
        for name in ("blocks", "zones"):
            mine, others = getattr(self, name), getattr(other, name)
            found += [f"{key}: {mine.get(key)} expected, {others.get(key)} found"
                      for key in sorted(set(mine) | set(others), key=str) if mine.get(key) != others.get(key)]
        return found + [f"{name}: {getattr(self, name)!r} expected, {getattr(other, name)!r} found"
                        for name in ("total", "rules", "teardown", "auto") if getattr(self, name) != getattr(other, name)]


def parse_zones(text):
    """(node, zone) -> Zone, of those that hold something."""
    zones = {}
    for part in re.split(r"(?m)^Node ", text)[1:]:
        node, zone = re.match(r"(\d+), zone +(\w+)", part).groups()
        count = {name: int(value) for name, value in re.findall(r"(\w+):? +(\d+)", part)}
        if count["spanned"]:
            zones[int(node), zone] = Zone(count["start_pfn"], count["spanned"], count["present"], count["managed"])
    return zones


class Unforeseen(AssertionError):
    """The kernel answered what it should not."""


class Model:
    """The hot-added memory of one guest."""

    def __init__(self, seen, parameter):
        self.boot, self.total = seen.zones, seen.total
        self.said, self.auto = seen.teardown, seen.auto
        self.parameter = parameter
        self.rules, self.blocks = [], {}

    # What is there

    def zones(self):
        """(node, zone) -> Zone."""
        zones = dict(self.boot)
        for number, block in self.blocks.items():
            if block.zone:
                key = (block.node, block.zone)
                zones[key] = zones.get(key, Zone()).with_block(number, block.held_pages)
        return zones

    def expected(self):
        """What the guest should show."""
        zones = self.zones()
        more = sum(zone.managed for zone in zones.values()) - sum(zone.managed for zone in self.boot.values())
        blocks = {number: ("online" if block.zone else "offline", block.zone, block.node, block.held_pages, int(block.hold))
                  for number, block in self.blocks.items()}
        return Seen(blocks, zones, self.total + more * 4, "".join(f"{rule}\n" for rule in self.rules), self.said, self.auto)

    def of(self, source):
        """The blocks of a device."""
        return sorted(number for number, block in self.blocks.items() if block.source == source)

    def in_zone(self, *zones):
        """The blocks that are in one of these zones, or offline (None)."""
        return sorted(number for number, block in self.blocks.items() if block.zone in zones)

    # What comes and goes

    def placement(self, number, node):
        """Where the first rule that matches wants the memmap of a block."""
        return next((rule.placement for rule in self.rules if rule.matches(number, node)), self.parameter)

    def add(self, numbers, source, node, can_host):
        """New blocks."""
        for number in numbers:
            held = VMEMMAP if can_host and self.placement(number, node) != "off" else 0
            self.blocks[number] = Block(source, node, held)
            if self.auto != "offline":
                self.blocks[number].zone = self.zone_for(number, self.auto)

    def remove(self, numbers):
        """Blocks that left."""
        for number in numbers:
            del self.blocks[number]

    # What is written

    def zone_for(self, number, verb):
        """The zone that a verb puts a block into."""
        if verb != "online":
            return MOVABLE if verb == "online_movable" else KERNEL
        zones, node = self.zones(), self.blocks[number].node
        kernel, movable = (zones.get((node, zone), Zone()).covers(number * PAGES, (number + 1) * PAGES - 1) for zone in (KERNEL, MOVABLE))
        return MOVABLE if movable and not kernel else KERNEL

    def state(self, number, verb, answer):
        """Somebody wrote to the state of a block; whether that was refused though it might have been done."""
        block = self.blocks[number]
        refused = answer == "EBUSY" and verb == "offline" and block.zone == KERNEL
        right = "EINVAL" if (verb == "offline") != bool(block.zone) else "EBUSY" if refused or (block.hold and not block.zone) else ""
        if answer != right:
            raise Unforeseen(f"{verb} of block {number} ({block}): {answer or 'done'}, not {right or 'done'}")
        if not answer:
            block.zone = None if verb == "offline" else self.zone_for(number, verb)
        return refused

    def refusal(self, order):
        """Why a teardown of these blocks is not even begun, or ""."""
        if len(set(order)) < len(order):
            return "EINVAL"
        for number in order:
            if number not in self.blocks:
                return "ENOENT"
            if not self.blocks[number].zone:
                return "EINVAL"
        return ""

    def teardown(self, order, answer, said, pinned=None):
        """Somebody wrote this order to teardown; PINNED: a block of it that only a signal ends. How it ended, in a word."""
        right = self.refusal(order)
        if right or pinned is None and not answer:
            self._must(answer == right and said == (self.said if right else "ok\n"), order, answer, said)
            for number in [] if right else order:
                self.blocks[number].zone, self.blocks[number].hold = None, True
            self.said = said
            return right or "done"
        self._check_failure(order, answer, said, pinned)
        self.said = said
        return "EINTR" if answer == "EINTR" else "EBUSY"

    def _check_failure(self, order, answer, said, pinned):
        """One block did not go: a block in Normal, or the pinned one, unless the signal came before its turn."""
        found = re.fullmatch(r"failed (\d+) (\d+) (\d+|-)\n", said)
        self._must(found, order, answer, said)
        block, errno = int(found[1]), int(found[2])
        self._must(block in order and (found[3] == "-" or int(found[3]) // PAGES == block), order, answer, said)
        if errno == EBUSY:
            self._must(answer == "EBUSY" and self.blocks[block].zone == KERNEL, order, answer, said)
        else:
            self._must(errno == EINTR and answer == "EINTR" and pinned in order[order.index(block):], order, answer, said)

    def _must(self, condition, order, answer, said):
        if not condition:
            zones = {number: self.blocks.get(number) for number in order}
            raise Unforeseen(f"teardown of {zones}: {answer or 'done'}, {said!r}; refusal expected: {self.refusal(order) or 'none'}")


def errno_name(words):
    """The errno's name for what strerror(3) calls it, "" for success."""
    return "" if words == "ok" else WORDS.get(words, words)
