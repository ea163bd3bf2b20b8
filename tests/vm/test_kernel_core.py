# SPDX-License-Identifier: GPL-2.0-or-later
"""The memory-management half of the companion series: placement by rules, hold, teardown."""

import pathlib
import re

from mhpvm import Unavailable, selftest
from mhpvm.image import HELPER_DIR
from mhpvm.memmap import PAGES, outside_buddy, read, wrong_pages
from mhpvm.machine import Spec, VirtioMem
from mhpvm.patched import PatchedCase

GiB = 1 << 30
BASE = 8 * GiB                  # of the first DIMM: 4 GiB begin with the place of the virtio-mem device
FIRST_HALF, SECOND_HALF = "200000000-23fffffff", "240000000-27fffffff"
SELFTEST = pathlib.Path(__file__).resolve().parents[2] / "kernel" / "selftest"
SCRIPTS = ("nr_vmemmap_pages", "memmap_policy", "hold", "teardown")
NORMAL = 3                      # of sixteen blocks
PINNED_FOR = 3                  # seconds that a teardown gets to find that a page does not move
HALVES = f"{FIRST_HALF} on\n{SECOND_HALF} off\n"
HUGE = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
HUGE_PAGES = 64                 # in a block
SPARED = 7                      # pages of memmap that hugetlb gives back for each of them


class PlacementCase(PatchedCase):
    """A guest whose DIMMs get rules of their own."""

    spec = Spec(memory="1G", kernel="patched", virtio_mem=(VirtioMem("vm0", "4G"),))

    def tearDown(self):
        self.assertEqual(self.write("memmap_policy", "\n"), "")
        super().tearDown()

    def take(self, size, policy, expected):
        """Set rules and plug a DIMM; EXPECTED: what its blocks hold, in order. (Its name, its blocks)"""
        self.assertEqual(self.write("memmap_policy", policy), "")
        name, found = self.plug_offline(size, len(expected))
        wanted = dict(zip(sorted(found), expected))
        self.assertEqual(self.vmemmap_pages(found), wanted, policy)
        return name, wanted

    def drop(self, name, before):
        """Unplug it: all that it brought is gone, and nothing else."""
        self.assertTrue(self.machine.unplug_dimm(name))
        self.assertEqual(self.sums(), before)


class Placement(PlacementCase):
    """memmap_policy and nr_vmemmap_pages."""

    def test_halves(self):
        """First GiB on, second off, in one DIMM; and again in the same place."""
        for verb in ("online_movable", "online_movable"):
            before = self.sums()
            outside = outside_buddy(self.machine)
            name, wanted = self.take("2G", HALVES, [PAGES] * 8 + [0] * 8)
            self.set_online(wanted, verb)
            self.assertEqual(wrong_pages(read(self.machine), wanted), [])
            now = outside_buddy(self.machine)
            self.assertEqual(sum(now.values()) - sum(outside.values()), 8 * PAGES)
            self.assertEqual(self.vmemmap_pages(wanted), wanted)
            self.set_online(wanted, "offline")
            self.assertEqual(self.vmemmap_pages(wanted), wanted)
            self.drop(name, before)

    def test_every_other_block(self):
        before = self.sums()
        rules = "".join(f"{start:x}-{start + (128 << 20) - 1:x} on\n" for start in range(BASE, BASE + GiB, 256 << 20))
        name, wanted = self.take("1G", rules + "default off\n", [PAGES, 0] * 4)
        self.set_online(wanted, "online_movable")
        self.assertEqual(wrong_pages(read(self.machine), wanted), [])
        self.drop(name, before)                            # the kernel offlines what is online

    def test_first_match(self):
        """Nodes, the default, and the parameter's word (off) for what no rule speaks about."""
        before = self.sums()
        for policy, expected in (("node 0 on\ndefault off\n", [PAGES] * 2), ("default off\nnode 0 on\n", [0] * 2),
                                 ("node 0 force\n", [PAGES] * 2), ("default on", [PAGES] * 2), ("\n", [0] * 2),
                                 ("300000000-307ffffff on\n", [0] * 2), ("200000000-207ffffff on\n", [PAGES, 0])):
            name, _ = self.take("256M", policy, expected)
            self.drop(name, before)

    def test_source(self):
        """virtio-mem in sub-block mode cannot have it, whatever the rules say."""
        self.assertEqual(self.write("memmap_policy", "default force\n"), "")
        before = self.machine.blocks()
        self.machine.resize_virtio_mem("256M")
        self.machine.wait_virtio_mem("256M")
        found = self.machine.wait_blocks(lambda now: len(now.without(before)) == 2).without(before)
        self.assertEqual(self.vmemmap_pages(found), dict.fromkeys(found, 0))
        self.machine.resize_virtio_mem(0)
        self.machine.wait_virtio_mem(0)
        self.machine.wait_blocks(lambda now: not now.without(before))

    def test_table_of_a_hundred(self):
        """A table as large as one gets by hand fits, comes back as written, and the first match is the one that counts."""
        rules = "".join(f"{start:x}-{start + (256 << 20) - 1:x} {('on', 'off', 'force')[i % 3]}\n"
                        for i, start in enumerate(range(4 * GiB, 29 * GiB, 256 << 20)))
        self.assertEqual(len(rules.splitlines()), 100)
        self.assertEqual(self.write("memmap_policy", rules), "")
        self.assertEqual(self.read("memmap_policy"), rules)


class HugePages(PlacementCase):
    """hugetlb gives back the memmap of huge pages where it may, and leaves self-hosted ones alone."""

    spec = Spec(memory="1G", kernel="patched", virtio_mem=(VirtioMem("vm0", "4G"),), append="hugetlb_free_vmemmap=on")

    def memmap(self):
        """Pages of memmap that are not on the memory they describe."""
        return sum(map(int, re.findall(r"\d+$", self.machine.check("grep ^nr_memmap /proc/vmstat"), re.M)))

    def huge(self):
        """Block -> huge pages in it."""
        last = max(self.machine.blocks())
        flags = self.machine.check(f"od -An -v -t x8 -w4096 -N $((({last} + 1) * 262144)) /proc/kpageflags | cut -c 1-17", 120).split()
        found = [index // HUGE_PAGES for index, word in enumerate(flags) if int(word, 16) & 1 << 17]
        return {block: found.count(block) for block in set(found)}

    def test_self_hosted(self):
        """Huge pages that are only there: nothing is given back, and all else goes on as ever."""
        before = self.sums()
        name, wanted = self.take("2G", HALVES, [PAGES] * 8 + [0] * 8)
        own = sorted(wanted)[:8]
        self.set_online(own, "online_movable")
        memmap = self.memmap()
        self.machine.check(f"echo 200 >{HUGE}")
        huge = self.huge()
        self.assertEqual(sum(huge.values()), 200)
        self.assertLessEqual(set(huge), set(own))
        self.assertEqual(self.memmap(), memmap)
        self.machine.check(f"echo 0 >{HUGE}")
        self.set_online(own, "offline")
        self.drop(name, before)

    def test_zz_halves(self):
        """Huge pages in both halves of a DIMM, and in the memory from boot: given back for each that is not in the first half.

        Last, as Linux 6.12 from 6.12.114 on cannot free such a huge page whose memmap it gave back, no matter which memory that
        is in (see kernel/README.md). Such pages are bad from then on; no page of the first half may be one.
        """
        before = self.sums()
        name, wanted = self.take("2G", HALVES, [PAGES] * 8 + [0] * 8)
        own, other = sorted(wanted)[:8], sorted(wanted)[8:]
        self.set_online(wanted, "online_movable")
        memmap = self.memmap()
        self.machine.check(f"echo 700 >{HUGE}")
        huge = self.huge()
        for half in (own, other):
            self.assertGreater(sum(huge.get(number, 0) for number in half), 100)
        spared = sum(count for block, count in huge.items() if block not in own)
        self.assertEqual(memmap - self.memmap(), SPARED * spared)
        self.assertEqual(self.machine.run("dmesg | grep 'Bad page'").out, "")
        self.machine.check(f"echo 0 >{HUGE}", 120)
        bad = {int(pfn, 16) for pfn in re.findall(r"BUG: Bad page state .* pfn:(\w+)", self.machine.check("dmesg"))}
        self.assertEqual({pfn // (HUGE_PAGES * 512) for pfn in bad} & set(own), set())
        self.set_online(own, "offline")
        if bad:
            self.machine.check("dmesg -C")
        else:
            self.set_online(other, "offline")
            self.drop(name, before)


class Blocks(PatchedCase):
    """hold and teardown, on sixteen blocks of a DIMM: most in Movable, the first ones in Normal."""

    spec = Spec(memory="1G", kernel="patched")
    found = None

    def setUp(self):
        if not self.found:
            type(self).name, type(self).found = self.plug_offline("2G", 16)
        self.numbers = sorted(self.found)
        self.back([number for number, (state, _) in self.places(self.found).items() if state == "offline"])
        self.before = self.places()

    def tearDown(self):
        self.unpin()
        self.assertEqual(self.places(), self.before)
        super().tearDown()

    def back(self, numbers):
        """Bring blocks back that a teardown took."""
        for number in numbers:
            verb = "online_kernel" if number in self.numbers[:NORMAL] else "online_movable"
            self.assertEqual(self.write(f"memory{number}/hold", "0"), "")
            self.assertEqual(self.write(f"memory{number}/state", verb), "")

    def order_of_events(self, order):
        """Run a teardown and return (how it ended, the blocks whose events came, in order)."""
        self.machine.check("rm -f /run/events; systemd-run -q --unit=events -p StandardOutput=file:/run/events stdbuf -oL udevadm monitor -k -s memory; "
                           "until grep -q KERNEL /run/events; do sleep 0.1; done; sleep 0.3")
        ended = self.write("teardown", order, 120)
        self.machine.check("sleep 0.5; systemctl stop events")
        lines = [line.split() for line in self.machine.check("grep KERNEL.*memory/memory /run/events; true").splitlines()]
        return ended, [(words[1], int(words[2].rsplit("memory", 1)[1])) for words in lines]

    def free_normal(self):
        """The blocks in Normal that could go offline now; kernel memory settles in some of them."""
        normal = self.numbers[:NORMAL]
        free = [number for number in normal if not self.write(f"memory{number}/state", "offline")]
        for number in free:
            self.assertEqual(self.write(f"memory{number}/state", "online_kernel"), "")
        return free

    def test_all(self):
        """In the order asked for, all of them, and then held."""
        low, high = self.numbers[NORMAL], self.numbers[-1]
        order = [low + 1] + self.free_normal() + list(range(high, low + 1, -1)) + [low]
        ended, events = self.order_of_events(",".join(map(str, order[:-(high - low)])) + f",{high}-{low + 2},{low}\n")
        self.assertEqual(ended, "")
        self.assertEqual(events, [("offline", number) for number in order])
        self.assertEqual(self.read("teardown"), "ok\n")
        for number in order:
            self.assertEqual(self.read(f"memory{number}/hold"), "1\n")
            self.assertEqual(self.write(f"memory{number}/state", "online_movable"), "EBUSY")
            self.assertEqual(self.write(f"memory{number}/online", "1"), "EBUSY")
        self.assertEqual(set(self.places(order).values()), {("offline", None)})
        self.back(order)

    def test_unmovable(self):
        """Kernel memory in one block: EBUSY at once; what had gone before is back in its own zone, and block and page are named."""
        self.machine.check("dmesg -n 1")
        slab = self.machine.agent.start(f"exec {HELPER_DIR}/load slab 100")
        self.addCleanup(self.machine.agent.finish, slab)
        self.addCleanup(self.machine.run, "pkill -x load")
        self.machine.wait(self.free_normal, lambda free: len(free) < NORMAL, 30, "kernel memory in the blocks in Normal")
        free = self.free_normal()
        busy = next(number for number in self.numbers if number not in free)
        others = free + self.numbers[NORMAL:]
        text = ",".join(map(str, reversed(others))) + f",{busy}"
        ended, events = self.order_of_events(text)
        self.assertEqual(ended, "EBUSY")
        self.assertEqual(events, [("offline", number) for number in reversed(others)] + [("online", number) for number in others])
        self.assert_failed(busy, 16)

    def assert_failed(self, block, errno):
        """The file names the block, the errno and a page of that block."""
        word, number, error, pfn = self.read("teardown").split()
        self.assertEqual((word, int(number), int(error)), ("failed", block, errno))
        pages = self.machine.blocks().block_size // 4096
        self.assertEqual(int(pfn) // pages, block, "the page is one of the block's")

    def test_pinned(self):
        """A pinned page in the ninth block: the kernel tries until a signal comes; nobody gets in between; all are back."""
        stuck, other = self.numbers[8], self.numbers[15]
        self.pin(stuck)
        text = f"{other}-{self.numbers[9]},{stuck}-{self.numbers[4]}"
        handle, note = self.start_write("teardown", text)
        self.machine.wait(lambda: self.places([stuck])[stuck][0], lambda state: state == "going-offline", 60, "its turn")
        second, _ = self.start_write(f"memory{other}/state", "online_movable")
        third, third_note = self.start_write("teardown", str(self.numbers[5]))
        self.machine.check(f"sleep {PINNED_FOR}")
        self.assertEqual(self.places([other])[other], ("offline", None), "a second writer waits")
        self.machine.check(f"kill -TERM $(cat {third_note})")
        self.assertNotEqual(self.machine.agent.finish(third, 10).code, 0, "a signal ends the wait of another teardown")
        self.assertEqual(self.places([stuck])[stuck][0], "going-offline")
        self.machine.check(f"kill -INT $(cat {note})")
        self.assertNotEqual(self.machine.agent.finish(handle).code, 0)
        self.assertNotEqual(self.finish_write(second), "EBUSY", "nothing is held after a failure")
        self.assertEqual(self.places(self.found), {number: self.before[number] for number in self.numbers})
        self.assert_failed(stuck, 4)
        self.assertEqual({self.read(f"memory{number}/hold") for number in self.numbers}, {"0\n"})

    def test_two_at_once(self):
        """Two teardowns of overlapping sets: one gets all of its blocks, the other none."""
        first = self.start_write("teardown", f"{self.numbers[15]}-{self.numbers[8]}")[0]
        second = self.start_write("teardown", f"{self.numbers[4]}-{self.numbers[11]}")[0]
        ended = sorted([self.finish_write(first), self.finish_write(second)])
        self.assertEqual(ended, ["", "EINVAL"])
        gone = [number for number, (state, _) in self.places(self.found).items() if state == "offline"]
        self.assertIn(gone, (self.numbers[8:16], self.numbers[4:12]))
        self.back(gone)

    def test_hold(self):
        """A held block is not onlined by anybody; an online one stays online, and is held once it is offline."""
        number = self.numbers[10]
        self.assertEqual(self.write(f"memory{number}/hold", "1\n"), "")
        self.assertEqual(self.places([number]), {number: ("online", "Movable")})
        self.assertEqual(self.write(f"memory{number}/state", "offline"), "")
        for file, verb in (("state", "online"), ("state", "online_movable"), ("state", "online_kernel"), ("online", "1")):
            self.assertEqual(self.write(f"memory{number}/{file}", verb), "EBUSY", verb)
        self.assertEqual(self.write(f"memory{number}/hold", "0"), "")
        self.assertEqual(self.write(f"memory{number}/state", "online_movable"), "")

    def test_bad_writes(self):
        """Nothing changes, and the errno is the documented one."""
        some = self.numbers[9]
        self.assertEqual(self.write("memmap_policy", "100000000-13fffffff on\n"), "")
        said = self.read("teardown")
        huge = "9" * (1 << 20)
        for name, text, errno in (
                ("teardown", "\n", "EINVAL"), ("teardown", huge, "EINVAL"), ("teardown", f"{some},{some}", "EINVAL"),
                ("teardown", f"{some}-{some - 1},{some}", "EINVAL"), ("teardown", "all", "EINVAL"), ("teardown", f"{some},", "EINVAL"),
                ("teardown", f"-{some}", "EINVAL"), ("teardown", f"{some} ", "EINVAL"), ("teardown", f"{some}\n{some - 1}", "EINVAL"),
                ("teardown", f"+{some}", "EINVAL"), ("teardown", f"0x{some:x}", "EINVAL"), ("teardown", f"{some}\0", "EINVAL"),
                ("teardown", f"{some},99999", "ENOENT"), ("teardown", f"{some}-18446744073709551615", "ENOENT"),
                ("teardown", f"{some},18446744073709551616", "EINVAL"), ("teardown", f"{some}," * 4000 + "1", "EINVAL"),
                (f"memory{some}/hold", "\n", "EINVAL"), (f"memory{some}/hold", "2", "EINVAL"), (f"memory{some}/hold", "yes", "EINVAL"),
                (f"memory{some}/hold", huge, "EINVAL"), (f"memory{some}/hold", "1 1", "EINVAL"),
                ("memmap_policy", huge, "EINVAL"), ("memmap_policy", "default on\n" * 200000, "EINVAL"),
                ("memmap_policy", "sometimes on\n", "EINVAL"), ("memmap_policy", "default maybe\n", "EINVAL"),
                ("memmap_policy", "default\n", "EINVAL"), ("memmap_policy", "default on off\n", "EINVAL"),
                ("memmap_policy", "node 99999 on\n", "EINVAL"), ("memmap_policy", "node -1 on\n", "EINVAL"),
                ("memmap_policy", "100000000-13fffffff on\n138000000-17fffffff off\n", "EINVAL"),
                ("memmap_policy", "100000001-13fffffff on\n", "EINVAL"), ("memmap_policy", "100000000-13ffffffe on\n", "EINVAL"),
                ("memmap_policy", "140000000-13fffffff on\n", "EINVAL"), ("memmap_policy", "100000000 on\n", "EINVAL"),
                ("memmap_policy", "100000000-ffffffffffffffff on\n", "EINVAL"), ("memmap_policy", "100000000-10000000ffffffff on\n", "EINVAL"),
                ("memmap_policy", "+100000000-13fffffff on\n", "EINVAL"), ("memmap_policy", "node 0 on\nnode 0 off\n", "EINVAL"),
                ("memmap_policy", "default on\ndefault on\n", "EINVAL"), ("memmap_policy", "default on\0\n", "EINVAL")):
            with self.subTest(name=name, text=text[:60]):
                self.assertEqual(self.write(name, text), errno)
        for name, text in (("teardown", str(some)), (f"memory{some}/hold", "1"), ("memmap_policy", "default on\n")):
            with self.subTest(name=name):
                self.assertEqual(self.write_unprivileged(name, text), "EPERM")
        self.assertEqual(self.read("memmap_policy"), "100000000-13fffffff on\n")
        self.assertEqual(self.read(f"memory{some}/hold"), "0\n")
        self.assertEqual(self.read("teardown"), said)
        self.assertEqual(self.write("memmap_policy", "\n"), "")
        self.assertEqual(self.read("memmap_policy"), "")

    def test_selftests(self):
        """The scripts that come with the series."""
        self.machine.check("mkdir -p /run/selftest")
        for path in sorted(SELFTEST.glob("*.sh")):
            self.machine.agent.write(f"/run/selftest/{path.name}", path.read_text())
        blocks = " ".join(map(str, self.numbers[8:12]))
        for name in SCRIPTS:
            with self.subTest(script=name):
                done = self.machine.run(f"cd /run/selftest && MHP_BLOCKS='{blocks}' sh ./{name}.sh", 120)
                self.assertEqual(done.code, 0, done.out + done.err)
                self.assertNotIn("not ok", done.out)

    def test_zz_mem_on_off(self):
        """The kernel's own test; it puts blocks into other zones, so it comes last and is given its memory anew."""
        try:
            text = selftest.on_off()
        except Unavailable as error:
            self.skipTest(str(error))
        self.machine.agent.write("/run/mem-on-off-test.sh", text)
        said = self.machine.run("bash /run/mem-on-off-test.sh -r 10", 180)
        self.assertEqual(said.code, 0, said.out + said.err)
        self.assertNotIn("skip", said.out + said.err)
        self.assertIn("-> Success", said.out)
        self.assertEqual({state for state, _ in self.places().values()}, {"online"})
        self.before = self.places()
