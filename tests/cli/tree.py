# SPDX-License-Identifier: GPL-2.0-or-later
"""Folders that look like a machine's /sys and /proc, for --sysroot."""

import contextlib
import os

from harness import workdir

BLOCK = 0x8000000  # 128 MiB


class Tree:
    def __init__(self, root, block_size=BLOCK):
        self.root = root
        self.block_size = block_size
        self.iomem = []
        self.memory = root / "sys/devices/system/memory"
        self.memory.mkdir(parents=True)
        self.write("sys/devices/system/memory/block_size_bytes", f"{block_size:x}")
        self.write("sys/devices/system/memory/auto_online_blocks", "offline")
        parameters = "sys/module/memory_hotplug/parameters/"
        self.write(parameters + "online_policy", "contig-zones")
        self.write(parameters + "auto_movable_ratio", "301")
        self.write(parameters + "auto_movable_numa_aware", "Y")
        self.write("proc/iomem", "")

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n" if text else "")

    def block(self, nr, state="online", zones="Normal", node=0):
        directory = self.memory / f"memory{nr}"
        directory.mkdir()
        for name, text in (("state", state), ("valid_zones", zones), ("removable", "1"), ("phys_index", f"{nr:08x}"), ("online", "1")):
            (directory / name).write_text(text + "\n")
        if node is not None:
            nodes = self.root / f"sys/devices/system/node/node{node}"
            nodes.mkdir(parents=True, exist_ok=True)
            os.symlink(f"../../node/node{node}", directory / f"node{node}")
            os.symlink(f"../../memory/memory{nr}", nodes / f"memory{nr}")

    def blocks(self, first, last, **how):
        for nr in range(first, last + 1):
            self.block(nr, **how)

    def dimm(self, device, first, last):
        acpi = self.root / "sys/bus/acpi/devices" / device
        acpi.mkdir(parents=True)
        for i, nr in enumerate(range(first, last + 1)):
            os.symlink(f"../../../../devices/system/memory/memory{nr}", acpi / f"physical_node{i or ''}")
            os.symlink(f"../../../../bus/acpi/devices/{device}", self.memory / f"memory{nr}" / "firmware_node")

    def device(self, first, last, device, name):
        self.ram(first, last, device)
        self.ram(first, last, name, "  ")

    def ram(self, first, last, name="System RAM", indent=""):
        self.iomem.append(f"{indent}{first * self.block_size:08x}-{(last + 1) * self.block_size - 1:08x} : {name}")
        self.write("proc/iomem", "\n".join(self.iomem))


@contextlib.contextmanager
def mixed():
    """Boot memory, an offline DIMM, a Movable DIMM on node 1, a virtio-mem device half online."""
    with workdir() as root:
        tree = Tree(root)
        tree.block(0, zones="none")
        tree.blocks(1, 7, zones="DMA32")
        tree.blocks(32, 39, state="offline", zones="Normal Movable")
        tree.blocks(40, 43, zones="Movable", node=1)
        tree.blocks(48, 49, zones="Normal")
        tree.blocks(50, 51, state="offline", zones="Normal Movable")
        tree.dimm("PNP0C80:00", 32, 39)
        tree.dimm("PNP0C80:01", 40, 43)
        tree.ram(0, 7)
        tree.ram(32, 43)
        tree.device(48, 51, "virtio0", "System RAM (virtio_mem)")
        yield tree
