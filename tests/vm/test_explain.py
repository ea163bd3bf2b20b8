# SPDX-License-Identifier: GPL-2.0-or-later
"""`mhpctl explain` counts what is put into hot-plugged memory, and what it says of a block comes true.

User pages go to Movable before anything else, and the kernel's own to Normal, which is nothing but a small DIMM here: so each load
shows up in the blocks that the tests look at.
"""

import collections

from mhpvm.case import VmCase
from mhpvm.image import HELPER_DIR
from mhpvm.machine import Spec, VirtioMem
from mhpvm.memmap import PAGES as MEMMAP
from mhpvm.memmap import PARAMETER

HELPER = f"{HELPER_DIR}/pages"
BLOCK = 32768                   # pages
MiB = 256                       # pages
SLACK = 1024                    # pages that others may come to have meanwhile
SYSFS = "/sys/devices/system/memory"


class Explain(VmCase):
    """A large DIMM in Movable, a small one in Normal."""

    spec = Spec(memory="1G", append=f"{PARAMETER}=1", virtio_mem=(VirtioMem("vm0", "1G"),))
    config = ("[Online]\nBy=mhpd\nZone=movable\n[Rule small]\nSource=acpi\nMaxSize=128M\nZone=kernel\n"
              "[Teardown]\nOfflineTimeoutSec=3\nAttempts=2\nDrift=report\n")
    self_hosted = 9             # of the DIMMs' blocks
    dimms = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dimms = []
        for size, count in (("1G", 8), ("128M", 1)):
            before = cls.machine.blocks()
            cls.machine.plug_dimm(size)
            cls.dimms += cls.machine.wait_blocks(
                lambda now, before=before, count=count: now.without(before).online() == count, 60).without(before)
        cls.machine.check("dmesg -n 1; mkdir -p /run/load")
        cls.movable, cls.normal = cls.dimms[:8], cls.dimms[8]

    def explain(self, *targets):
        """Block number -> what is said of it; every page is in one class."""
        said = self.mhpctl_json(f"explain {' '.join(map(str, targets))}")
        self.assertIsNone(said["unknown_why"])
        blocks = {entry["block"]: entry for entry in said["blocks"]}
        for entry in blocks.values():
            self.assertEqual(sum(entry["pages"].values()), BLOCK, entry)
        return blocks

    def counts(self, *targets):
        """Class -> pages in all of the blocks."""
        total = collections.Counter()
        for entry in self.explain(*targets).values():
            total.update(entry["pages"])
        return total

    def in_movable(self):
        """Class -> pages in the large DIMM."""
        return self.counts(f"{self.movable[0]}-{self.movable[-1]}")

    def load(self, kind, count, more=""):
        """Start a load and wait until it is there."""
        name = f"/run/load/{kind}"
        self.machine.agent.start(f"exec {HELPER} {kind} {count} {more} >{name} 2>&1")
        self.machine.wait(lambda: self.machine.run(f"cat {name}").out, lambda said: "ready" in said, 60, f"load {kind}")

    def end(self, kind):
        """End a load."""
        self.machine.check(f"pkill -f '^{HELPER} {kind} '; rm /run/load/{kind}")

    def assert_more(self, name, before, count, after=None):
        """About that many more pages of that class than before."""
        gained = (after or self.in_movable())[name] - before[name]
        self.assertTrue(count * 0.98 <= gained <= count + SLACK, f"{gained} more pages of class {name}, {count} expected")

    def flags(self, pfn):
        """What the kernel shows of a page."""
        return int(self.machine.check(f"dd if=/proc/kpageflags bs=8 skip={pfn} count=1 2>/dev/null | od -An -tu8"))

    # what pages are

    def test_processes(self):
        """With THP, the flags of most pages stand at their head on 6.1."""
        for kind, name in (("anon", "anonymous"), ("thp", "anonymous"), ("locked", "mlocked"), ("locked-thp", "mlocked")):
            with self.subTest(kind=kind):
                before = self.in_movable()
                self.load(kind, 128 * MiB)
                if "thp" in kind:
                    huge = self.machine.check(f"awk '/^AnonHuge/ {{ n += $2 }} END {{ print n }}' /proc/$(pgrep -f '^{HELPER} {kind} ')/smaps")
                    self.assertEqual(int(huge), 128 * 1024, "KiB in huge pages")
                self.assert_more(name, before, 128 * MiB)
                self.end(kind)

    def test_tmpfs(self):
        for options in ("size=300M", "size=300M,huge=always"):
            with self.subTest(options=options):
                before = self.in_movable()
                self.machine.check(f"mount -t tmpfs -o {options} load /mnt && dd if=/dev/zero of=/mnt/file bs=1M count=256 2>&1")
                self.assert_more("shmem", before, 256 * MiB)
                self.machine.check("umount /mnt")

    def test_page_cache(self):
        before = self.in_movable()
        self.machine.check("dd if=/dev/zero of=/var/tmp/file bs=1M count=96 conv=fsync 2>&1")
        self.assert_more("file", before, 96 * MiB)
        self.machine.check("rm /var/tmp/file")

    def test_hugetlb(self):
        before = self.in_movable()
        self.machine.check("echo 16 >/proc/sys/vm/nr_hugepages")
        self.load("huge", 16 * MiB)             # some in use, some in the pool
        self.assert_more("hugetlb", before, 32 * MiB)
        self.end("huge")
        self.machine.check("echo 0 >/proc/sys/vm/nr_hugepages")
        self.assertEqual(self.in_movable()["hugetlb"], 0)

    def test_memmap(self):
        """Its own memmap does not keep a block."""
        said = self.explain(*self.dimms)
        hosts = [number for number, entry in said.items() if entry["pages"]["self-hosted"]]
        self.assertEqual(hosts, self.dimms[-self.self_hosted:])
        self.assertEqual({said[number]["pages"]["self-hosted"] for number in hosts}, {MEMMAP})

    def test_virtio_mem(self):
        """A block that is plugged by half: the driver keeps the rest."""
        before = self.machine.blocks()
        self.machine.resize_virtio_mem("192M")
        found = self.machine.wait_blocks(lambda now: now.without(before).online() == 2, 60).without(before)
        self.machine.wait_virtio_mem("192M")
        self.assertEqual(self.counts(*found)["offline"], 64 * MiB)
        self.machine.resize_virtio_mem(0)
        self.machine.wait_virtio_mem(0)

    # what becomes of blocks

    def offline(self, number, seconds=20):
        """Write to the block's state; whether that worked."""
        return self.machine.run(f"timeout -s INT {seconds} sh -c 'echo offline >{SYSFS}/memory{number}/state'", seconds + 30).code == 0

    def test_moves(self):
        """What is said to go with pages to be moved goes."""
        self.load("locked", 300 * MiB)
        said = self.explain(*self.movable)
        full = max(said, key=lambda number: said[number]["pages"]["mlocked"])
        self.assertGreater(said[full]["pages"]["mlocked"], 64 * MiB)
        self.assertEqual((said[full]["removable"], said[full]["keeps"], said[full]["first"]), ("moves", None, {}))
        self.assertTrue(self.offline(full))
        self.assertEqual(self.mhpctl_json(f"explain {full}")["blocks"][0]["removable"], "yes")
        self.machine.check(f"echo online_movable >{SYSFS}/memory{full}/state")
        self.end("locked")

    def test_pinned(self):
        """Held though unmapped: the block stays, and goes when they are let go."""
        self.load("spliced", 32)
        said = self.explain(*self.movable)
        kept = [number for number, entry in said.items() if entry["pages"]["pinned"]]
        self.assertEqual(sum(entry["pages"]["pinned"] for entry in said.values()), 32)
        entry = said[kept[0]]
        self.assertEqual(entry["removable"], "no")
        self.assertIn(f"at PFN 0x{entry['first']['pinned']}", entry["keeps"])
        self.assertIn("vmsplice", entry["advice"])
        self.assertTrue(self.flags(int(entry["first"]["pinned"], 16)) >> 12 & 1, "KPF_ANON")
        self.assertFalse(self.offline(kept[0], 5))
        self.end("spliced")
        self.assertIn(self.explain(kept[0])[kept[0]]["removable"], ("yes", "moves"))
        self.assertTrue(self.offline(kept[0]))
        self.machine.check(f"echo online_movable >{SYSFS}/memory{kept[0]}/state")

    def test_held(self):
        """Pages that are held and mapped look like any others; that the attempt failed is what is known."""
        number = self.movable[4]
        self.machine.agent.start(f"{HELPER_DIR}/pinblock {number} {BLOCK * 4096} >/run/pinned")
        self.machine.wait(lambda: self.machine.run("cat /run/pinned").out, lambda said: "pinned" in said, 60, "pages held")
        entry = self.explain(number)[number]
        self.assertEqual((entry["removable"], entry["keeps"]), ("moves", None))
        self.assertEqual(self.mhpctl(f"offline {number} --timeout 15", 90).code, 1)
        entry = self.explain(number)[number]
        self.assertEqual((entry["removable"], entry["first"]), ("unknown", {}))
        self.assertRegex(entry["keeps"], r"anonymous pages.* held by references that page flags do not show")
        self.assertIn("VFIO", entry["advice"])
        self.assertRegex(self.mhpctl(f"explain {number}").out, r"verdict  not known; the last try failed on \d+ anonymous pages")
        self.machine.check(f"pkill -x pinblock; mhpctl offline {number}", 90)
        self.machine.check(f"mhpctl online --zone movable {number}")
        self.assertIn(self.explain(number)[number]["removable"], ("yes", "moves"))

    def test_kernel(self):
        """Inodes and names are slab, and stay."""
        before = self.counts(self.normal)
        self.machine.check("mount -t tmpfs load /mnt")
        self.load("files", 40000, "/mnt")
        entry = self.explain(self.normal)[self.normal]
        self.assertGreater(entry["pages"]["slab"] - before["slab"], 20 * MiB)
        self.assertEqual((entry["zone"], entry["reason"], entry["removable"]), ("Normal", "rule", "no"))
        self.assertIn("slab pages, the first at PFN 0x" + entry["first"]["slab"], entry["keeps"])
        self.assertIn("Zone=movable", entry["advice"])
        self.assertTrue(self.flags(int(entry["first"]["slab"], 16)) >> 7 & 1, "KPF_SLAB")
        self.assertFalse(self.offline(self.normal))
        self.end("files")
        self.machine.check("umount /mnt")

    def test_boot_and_group(self):
        """Memory that never goes, and a DIMM in words."""
        boot = self.explain("boot")
        self.assertEqual({entry["removable"] for entry in boot.values() if entry["zone"] == "none"}, {"never"})
        self.assertGreater(boot[0]["pages"]["reserved"], 0)
        name = self.explain(self.movable[0])[self.movable[0]]["group"]
        self.assertRegex(self.machine.check(f"mhpctl explain {name}"), r"^acpi:PNP0C80:\w+, 1G: 8 blocks\n  pages    \d+ free")

    def test_not_root(self):
        """Who may not see page flags is told so."""
        run = self.machine.check(f"setpriv --reuid 65534 --regid 65534 --clear-groups mhpctl explain {self.normal}")
        self.assertIn("verdict  not known: page flags are for root to see\n", run)


class ExplainOldKernel(Explain):
    """The same on kernel 6.1, where a memmap lies in the memory itself only if that is one block."""

    spec = Spec(memory="1G", kernel="6.1", append=f"{PARAMETER}=1", virtio_mem=(VirtioMem("vm0", "1G"),))
    self_hosted = 1
