# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's memory blocks, as its kernel shows them, read in one command."""

import collections
import dataclasses

from .image import HELPER_DIR

SYSFS = "/sys/devices/system/memory"
READ = [f"{HELPER_DIR}/showblocks"]


@dataclasses.dataclass(frozen=True)
class Block:
    """One memory block."""
    number: int
    state: str
    zones: tuple
    nodes: tuple

    @property
    def zone(self):
        """The zone of an online block, None for any other."""
        return self.zones[0] if self.state == "online" else None


class Blocks(dict):
    """Block number -> Block, with the sums that tests look at."""

    block_size = 0

    def without(self, earlier):
        """The blocks that were not in EARLIER."""
        return self._subset(number for number in self if number not in earlier)

    def on_node(self, node):
        """The blocks of a node."""
        return self._subset(number for number, block in self.items() if node in block.nodes)

    def _subset(self, numbers):
        chosen = Blocks((number, self[number]) for number in numbers)
        chosen.block_size = self.block_size
        return chosen

    def by_zone(self):
        """Zone (or state, for blocks that are not online) -> number of blocks."""
        return dict(collections.Counter(block.zone or block.state for block in self.values()))

    def online(self):
        """The number of blocks that are online."""
        return sum(block.state == "online" for block in self.values())


def parse(text):
    """What READ printed, as Blocks."""
    lines = text.splitlines()
    fields = collections.defaultdict(dict)
    for line in lines[1:]:
        path, colon, value = line.partition(":")
        folder, name = path.split("/", 1)
        number = int(folder[len("memory"):])
        if colon:
            fields[number][name] = value
        else:
            fields[number].setdefault("nodes", set()).add(int(name[len("node"):]))
    blocks = Blocks()
    blocks.block_size = int(lines[0], 16)
    for number, field in sorted(fields.items()):
        blocks[number] = Block(number, field.get("state", "gone"), tuple(field.get("valid_zones", "").split()),
                               tuple(sorted(field.get("nodes", ()))))
    return blocks


def read(agent, timeout=60):
    """Read the blocks of a guest."""
    return parse(agent.check(READ, timeout))


def parse_map(text):
    """Block number -> (state, zone) from the map's text form, as `mhpctl dump` and the daemon print it."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if not words or words[0] != "block":
            continue
        first, _, last = words[1].partition("-")
        keys = dict(word.split("=", 1) for word in words[3:])
        for number in range(int(first), int(last or first) + 1):
            found[number] = (words[2], keys.get("zone"))
    return found
