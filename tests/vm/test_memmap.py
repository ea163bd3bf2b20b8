# SPDX-License-Identifier: GPL-2.0-or-later
"""mhpd knows where every block's memmap lies: held against the kernel's page flags, read by a helper of the tests' own."""

import dataclasses
import json

from mhpvm.machine import Spec, VirtioMem
from mhpvm.memmap import PARAMETER, MemmapCase
from mhpvm.units import parse_size
from test_dax import GIVE, MAKE, TAKE

ATTRIBUTE = "/sys/bus/dax/devices/dax0.0/memmap_on_memory"
DAX_BLOCKS = 15
ALL = Spec(memory="2G", nvdimm="2G", virtio_mem=(VirtioMem("vm0", "4G"), VirtioMem("vm1", "4G", block_size="256M")))


class Plugs(MemmapCase):
    """What the guests below have in common."""

    config = "[Online]\nZone=none\n"

    def set_zone(self, zone, more=""):
        """Where new memory goes, and what else is configured."""
        self.configure(f"[Online]\nBy=mhpd\nZone={zone}\n[Teardown]\nDrift=report\n{more}")

    def take(self, size, zone, pages):
        """Plug a DIMM and note what its blocks hold; (its name, its blocks). Zone `offline`: they stay that."""
        before = self.machine.blocks()
        count = parse_size(size) // before.block_size
        name = self.machine.plug_dimm(size)
        if zone == "offline":
            self.machine.wait_blocks(lambda now: len(now.without(before)) == count)
            self.machine.check("udevadm settle; sleep 1")
            found = self.machine.blocks().without(before)
        else:
            found = self.arrived(before, count, timeout=60)
        self.assertEqual(found.by_zone(), {zone: count})
        self.expect(found, pages)
        return name, found

    def drop(self, name):
        """Unplug a DIMM."""
        self.assertTrue(self.machine.unplug_dimm(name), f"{name} goes")
        self.forget_gone()


class Backing(Plugs):
    """memmap_on_memory=1: DIMMs host their own memmap, virtio-mem never does, a dax device does when it is told to."""

    spec = dataclasses.replace(ALL, append=f"{PARAMETER}=1")
    sizes = ("1G", "2G", "8G")
    dimm_reasons = (None,)
    virtio_mem_reasons = ("source-ignores",)
    switch = True               # the kernel takes a 1 for a dax device

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.machine.check(MAKE)

    def tearDown(self):
        self.assert_daemon_agrees()

    # DIMMs

    def test_dimms(self):
        """In both zones; then the Movable ones leave and come again, into each other's places."""
        names = []
        for zone, shown in (("movable", "Movable"), ("kernel", "Normal")):
            self.set_zone(zone)
            taken = [self.take(size, shown, self.here) for size in self.sizes]
            names = names or [name for name, _ in taken]
        said = self.assert_agree()
        self.assert_reason(said, self.expected, *self.dimm_reasons)
        for name in names:
            self.drop(name)
        self.assert_agree(pages=1024)
        self.set_zone("movable")
        for size in reversed(self.sizes):
            self.take(size, "Movable", self.here)
        self.assert_agree()

    def test_offline_blocks_keep_their_memmap(self):
        self.set_zone("none")
        name, found = self.take("1G", "offline", self.here)
        self.assert_agree(pages=1024)
        for verb in ("online --zone movable", "offline"):
            self.machine.check(f"mhpctl {verb} {min(found)}-{max(found)}")
            self.assert_agree(pages=1024)
        self.drop(name)
        self.assert_agree(pages=1024)

    # virtio-mem

    def test_virtio_mem(self):
        """In either mode of the driver, and in either zone, the memmap lies elsewhere, whatever the parameter says."""
        for device, zone, shown in (("vm0", "movable", "Movable"), ("vm1", "movable", "Movable"), ("vm1", "kernel", "Normal")):
            with self.subTest(device=device, zone=zone):
                self.set_zone(zone)
                before = self.machine.blocks()
                self.machine.resize_virtio_mem("1G", device)
                self.machine.wait_virtio_mem("1G", device)
                found = self.arrived(before, 8)
                self.assert_zone(found, shown)
                self.expect(found, 0)
                self.assert_reason(self.assert_agree(), found, *self.virtio_mem_reasons)
                self.check_advice()
                if zone == "movable":                       # a kernel zone seldom gives all of it back
                    self.machine.resize_virtio_mem(0, device)
                    self.machine.wait_virtio_mem(0, device)
                    # the last block is removed after its last piece was given back
                    self.machine.wait_blocks(lambda now, gone=set(found): not gone & set(now))
                    self.forget_gone()

    def check_advice(self):
        """The doctor knows that the parameter does nothing for virtio-mem."""
        said = self.mhpctl("doctor").out
        self.assertRegex(said, r"(?s)memmap_on_memory.*virtio-mem|virtio-mem.*memmap_on_memory")

    # dax

    def give(self, pages):
        """Give the device to the kernel, hold mhpd against what has become of it, and take it back."""
        before = self.machine.blocks()
        self.machine.check(GIVE)
        found = self.arrived(before, DAX_BLOCKS)
        self.expect(found, pages)
        said = self.assert_agree()
        self.machine.check(TAKE)
        self.forget_gone()
        self.assert_agree(pages=1024)
        return [said[number] for number in found]

    def test_dax_by_hand(self):
        """The attribute decides; where the parameter is off, the kernel does not take a 1."""
        self.set_zone("none", "[Rule dax]\nSource=dax\nZone=movable\n")
        for value, pages in (("1", self.here), ("0", 0)):
            with self.subTest(value=value):
                wrote = self.machine.run(f"echo {value} > {ATTRIBUTE}").code == 0
                self.assertEqual(wrote, value == "0" or self.switch)
                self.give(pages)

    def test_dax_by_placement(self):
        """mhpd sets the attribute before kmem has the device, as the rule says, or else as [Memmap] does."""
        rule = "[Rule dax]\nSource=dax\nZone=movable\n"
        for more, pages in ((f"[Memmap]\nPlacement=self\n{rule}", self.here),
                            (f"[Memmap]\nPlacement=self\n{rule}Placement=dram\n", 0)):
            with self.subTest(config=more):
                since = self.cursor()
                self.set_zone("none", more)
                self.machine.wait(lambda: self.machine.check(["cat", ATTRIBUTE]).strip(), lambda now, want=str(int(pages > 0)): now == want,
                                  10, "the device's attribute")
                self.give(pages)
                self.check_told(since, wanted="dram" if "dram" in more else "self")

    def check_told(self, since, wanted):
        """The journal has it when the kernel did otherwise, and only then."""
        told = [entry["MHPD_EVENT"] for entry in self.journal(since) if entry.get("MHPD_EVENT") in ("memmap-refused", "memmap-fallback")]
        self.assertEqual(bool(told), wanted == "self" and not self.switch, told)


class BackingOff(Backing):
    """memmap_on_memory=0: everything as usual, and mhpd says why."""

    spec = dataclasses.replace(ALL, append=f"{PARAMETER}=0")
    here = 0
    sizes = ("1G", "2G")
    dimm_reasons = ("disabled",)
    virtio_mem_reasons = ("disabled", "source-ignores")
    switch = False

    def check_advice(self):
        """Nothing to say: whoever turned it off does not expect it to work."""


class BackingForced(Backing):
    """memmap_on_memory=force: on this machine the memmap fills whole pageblocks, so nothing is wasted."""

    spec = dataclasses.replace(ALL, append=f"{PARAMETER}=force")
    sizes = ("1G", "2G")


class BackingOldKernel(Plugs):
    """Linux 6.1 lets a memmap lie in the memory itself only where a single block is added."""

    spec = Spec(memory="2G", kernel="6.1", append=f"{PARAMETER}=1")

    def test_dimms(self):
        for zone, shown in (("movable", "Movable"), ("kernel", "Normal")):
            self.set_zone(zone)
            self.take("1G", shown, 0)
            self.take("128M", shown, self.here)
        self.assert_agree()


class PlantedError(Plugs):
    """A model that is wrong is reported, not smoothed over."""

    spec = Spec(memory="1G", virtio_mem=(VirtioMem("vm0", "4G"),), append=f"{PARAMETER}=1")

    def differ(self, assumed):
        """What verify finds when every hot-added block is taken for one with this placement."""
        result = self.mhpctl(f"verify --assume {assumed} --json")
        found = json.loads(result.out)["differ"]
        self.assertEqual(result.code, 1 if found else 0, result.err)
        return {entry["block"]: (entry["expected_pages"], entry["observed_pages"]) for entry in found}

    def test_wrong_placement_is_reported(self):
        self.set_zone("movable")
        before = self.machine.blocks()
        self.machine.resize_virtio_mem("512M")
        self.machine.wait_virtio_mem("512M")
        elsewhere = self.arrived(before, 4)
        self.expect(elsewhere, 0)
        _, here = self.take("1G", "Movable", self.here)
        self.assert_agree()
        self.assertEqual(self.differ("dram"), dict.fromkeys(here, (0, self.here)))
        for assumed in ("self", "force"):
            self.assertEqual({number: pages for number, pages in self.differ(assumed).items() if number not in before},
                             dict.fromkeys(elsewhere, (self.here, 0)))
        said = self.mhpctl("verify --assume dram")
        self.assertEqual(said.code, 1)
        self.assertRegex(said.out + said.err, rf"\b{min(here)}\b")
