# SPDX-License-Identifier: GPL-2.0-or-later
"""Folders that look like a machine's /sys and /proc, for --sysroot."""

import contextlib
import os
import struct

from harness import workdir

BLOCK = 0x8000000  # 128 MiB
PAGE = 4096
SELF_HOSTED = 1 << 37  # KPF_OWNER_PRIVATE: a page that is set aside for a memmap
NOPAGE = 1 << 20
BUDDY = 1 << 10


class Tree:
    def __init__(self, root, block_size=BLOCK):
        self.root = root
        self.block_size = block_size
        self.page = PAGE
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

    def refused(self, device, status=15):
        """An ACPI memory device of which the kernel has made no memory."""
        self.write(f"sys/bus/acpi/devices/{device}/status", str(status))

    def device(self, first, last, device, name):
        self.ram(first, last, device)
        self.ram(first, last, name, "  ")

    def ram(self, first, last, name="System RAM", indent=""):
        self.iomem.append(f"{indent}{first * self.block_size:08x}-{(last + 1) * self.block_size - 1:08x} : {name}")
        self.write("proc/iomem", "\n".join(self.iomem))

    def parameter(self, value):
        self.write("sys/module/memory_hotplug/parameters/memmap_on_memory", value)

    def vmemmap_pages(self, nr, pages):
        (self.memory / f"memory{nr}/nr_vmemmap_pages").write_text(f"{pages}\n")

    def pageflags(self, nr, flags, page=0):
        """The flags of a block's pages from `page` on."""
        file = self.root / "proc/kpageflags"
        file.touch()
        with open(file, "r+b") as handle:
            handle.seek((nr * self.block_size // self.page + page) * 8)
            handle.write(struct.pack(f"{len(flags)}Q", *flags))

    def zone(self, node, zone, present, managed, more=""):
        file = self.root / "proc/zoneinfo"
        with open(file, "a") as handle:
            handle.write(f"Node {node}, zone {zone:>8}\n  pages free     10\n        present  {present}\n        managed  {managed}\n{more}")


@contextlib.contextmanager
def self_hosting():
    """Boot memory, a DIMM online in Movable and one offline, both with their memmap in the blocks, and virtio-mem."""
    with workdir() as root:
        tree = Tree(root)
        tree.parameter("Y")
        tree.block(0, zones="none")
        tree.blocks(1, 7, zones="DMA32")
        tree.blocks(32, 39, zones="Movable", node=1)
        tree.blocks(40, 41, state="offline", zones="Normal Movable")
        tree.blocks(48, 49, zones="Normal")
        tree.dimm("PNP0C80:00", 32, 39)
        tree.dimm("PNP0C80:01", 40, 41)
        tree.ram(0, 7)
        tree.ram(32, 41)
        tree.device(48, 49, "virtio0", "System RAM (virtio_mem)")
        tree.pageflags(0, [0x100000000, 0, BUDDY])
        for nr in range(32, 40):
            tree.pageflags(nr, [SELF_HOSTED] * 512 + [BUDDY])
        for nr in (40, 41):
            tree.pageflags(nr, [NOPAGE] * 513)
        tree.pageflags(49, [BUDDY] * 513)
        tree.zone(0, "Normal", 98304, 90000)
        tree.zone(1, "Movable", 8 * 32768, 8 * 32768 - 8 * 512)
        yield tree


@contextlib.contextmanager
def patched():
    """self_hosting() with what the companion patch offers: the first half of the DIMM says that it hosts its memmap, the other that it does not."""
    with self_hosting() as tree:
        for nr in list(range(8)) + list(range(32, 42)) + [48, 49]:
            tree.vmemmap_pages(nr, 512 if 32 <= nr < 36 or nr in (40, 41) else 0)
            (tree.memory / f"memory{nr}/hold").write_text("0\n")
        for nr in range(36, 40):
            tree.pageflags(nr, [BUDDY] * 513)
        (tree.root / "proc/zoneinfo").unlink()
        tree.zone(0, "Normal", 98304, 90000)
        tree.zone(1, "Movable", 8 * 32768, 8 * 32768 - 4 * 512)
        tree.write("sys/devices/system/memory/memmap_policy", "0x100000000-0x11fffffff on\ndefault off")
        tree.write("sys/devices/system/memory/teardown", "ok")
        tree.write("sys/firmware/acpi/hotplug/memory/notify", "0")
        device = "sys/bus/virtio/drivers/virtio_mem/virtio0/"
        for name, value in (("requested_size", 2 << 30), ("plugged_size", 1 << 30), ("usable_region_size", 16 << 30),
                            ("device_block_size", 2 << 20), ("mode", "sbm")):
            tree.write(device + name, str(value))
        yield tree


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


@contextlib.contextmanager
def pseries(mmu="Radix", page=65536, dimm="Movable"):
    """A guest of QEMU's pseries machine: 2 GiB at boot, then a DIMM of 1 GiB, which the guest sees as four LMBs."""
    with workdir() as root:
        tree = Tree(root, 256 << 20)
        tree.page = page
        tree.block(0, zones="none")
        tree.blocks(1, 7)
        tree.blocks(8, 11, zones=dimm)
        for first, last in ((0, 7), (8, 8), (9, 9), (10, 10), (11, 11)):
            tree.ram(first, last)
        tree.write("sys/kernel/dlpar", "memory,cpu,dt")
        tree.write("proc/sys/kernel/arch", "ppc64le")
        tree.write("proc/cpuinfo", f"processor\t: 0\ncpu\t\t: POWER9, altivec supported\n\ntimebase\t: 512000000\nplatform\t: pSeries\nMMU\t\t: {mmu}")
        tree.write("proc/meminfo", f"MemTotal:        3107264 kB\nMemFree:         {2000000 * page // 1024 // 64} kB\nMemAvailable:    2600000 kB")
        tree.write("proc/vmstat", f"nr_free_pages {2000000 // 64}\nnr_zone_inactive_anon 20")
        tree.write("sys/kernel/mm/transparent_hugepage/hpage_pmd_size", str(2 << 20 if mmu == "Radix" else 16 << 20))
        base = root / "sys/firmware/devicetree/base"
        dynamic = base / "ibm,dynamic-reconfiguration-memory"
        dynamic.mkdir(parents=True)
        (base / "#address-cells").write_bytes(struct.pack(">I", 2))
        (dynamic / "ibm,lmb-size").write_bytes(struct.pack(">Q", 256 << 20))
        sets = ((8, 0, 0, 0xffffffff, 0xc0), (4, 0x80000000, 0x80000008, 0, 8), (116, 0xc0000000, 0x8000000c, 0xffffffff, 0))
        (dynamic / "ibm,dynamic-memory-v2").write_bytes(struct.pack(">I", len(sets)) + b"".join(struct.pack(">IQIII", *s) for s in sets))
        yield tree
