# SPDX-License-Identifier: GPL-2.0-or-later
"""Zone=auto once more, written from its description alone, to hold mhpd's choices against."""


def sums(blocks, boot_only=None):
    """(Movable bytes, kernel bytes) of online blocks; BOOT_ONLY limits what counts as kernel memory to these numbers."""
    movable = sum(block.zone == "Movable" for block in blocks.values())
    kernel = sum(block.zone not in (None, "Movable") and (boot_only is None or number in boot_only)
                 for number, block in blocks.items())
    return movable * blocks.block_size, kernel * blocks.block_size


def choose(blocks, new, node, ratio, numa_aware=True, boot_only=None):
    """The zone for NEW bytes on NODE: Movable as long as the ratio (percent) holds, on the machine and on the node."""
    scopes = [blocks] + ([blocks.on_node(node)] if numa_aware else [])
    for scope in scopes:
        movable, kernel = sums(scope, boot_only)
        if (movable + new) * 100 > ratio * kernel:
            return "Normal"
    return "Movable"
