# SPDX-License-Identifier: GPL-2.0-or-later
"""What lies in blocks and keeps them, on folders with page flags made as the kernel gives them."""

import contextlib
import os
import struct

from harness import bus, equal, fake, golden, has, mhpctl, test
from tree import BUDDY, NOPAGE, PAGE, SELF_HOSTED, mixed

PAGES = 32768
CLASSES = ("free anonymous file shmem hugetlb mlocked offline poisoned self-hosted hole unmarked slab page-table pinned reserved "
           "kernel").split()
LRU, SLAB, MMAP, ANON, SWAPBACKED, HEAD, TAIL, HUGE = (1 << n for n in (5, 7, 11, 12, 14, 15, 16, 17))
UPTODATE, OFFLINE, PGTABLE, RESERVED, MLOCKED = (1 << n for n in (3, 23, 26, 32, 33))
USED = UPTODATE | LRU | SWAPBACKED | ANON | MMAP
CACHE = UPTODATE | LRU
SHARED = UPTODATE | LRU | SWAPBACKED


@contextlib.contextmanager
def machine():
    """The usual mixture, with something in every block."""
    with mixed() as tree:
        for nr in (0, *range(1, 8), *range(40, 44), 48, 49):
            tree.pageflags(nr, [BUDDY] * PAGES)
        for nr in (*range(32, 40), 50, 51):
            tree.pageflags(nr, [NOPAGE] * PAGES)
        tree.pageflags(0, [RESERVED] * 160)
        tree.pageflags(40, [USED] * 100 + [SHARED] * 50 + [CACHE] * 7 + [0] * 3)
        tree.pageflags(41, [USED & ~MMAP] * 2, 1000)
        tree.pageflags(42, [HUGE | HEAD] + [HUGE | TAIL] * 511)
        tree.pageflags(43, [SELF_HOSTED] * 512)
        tree.pageflags(48, [SLAB | HEAD, SLAB | TAIL, PGTABLE, USED | MLOCKED], 256)
        tree.pageflags(49, [0] * 5 + [OFFLINE] * 512, 10)
        yield tree


def blocks(tree, *targets):
    answer = mhpctl("explain", "--json", *targets, "--sysroot", tree.root).json()
    equal(answer["unknown_why"], None, "everything can be seen")
    return {b["block"]: b for b in answer["blocks"]}


def pages(**counts):
    return {name: counts.get(name.replace("-", "_"), 0) for name in CLASSES}


@test
def explain():
    with machine() as tree:
        got = blocks(tree, "boot", "acpi:PNP0C80:00", "40-43", "48,49")
        equal(sorted(got), [*range(8), *range(32, 44), 48, 49], "blocks")
        for block in got.values():
            equal(sum((block["pages"] or {"none": PAGES}).values()), PAGES, f"pages of block {block['block']}")
        equal({b: got[b]["removable"] for b in (0, 1, 32, 40, 41, 42, 43, 48, 49)},
              {0: "never", 1: "yes", 32: "yes", 40: "moves", 41: "no", 42: "moves", 43: "yes", 48: "no", 49: "unknown"}, "removable")
        equal(got[40], {"block": 40, "state": "online", "zone": "Movable", "node": 1, "source": "acpi", "group": "acpi:PNP0C80:01",
                        "reason": None, "removable": "moves", "held": False, "pages": pages(free=PAGES - 160, anonymous=100, shmem=50, file=7, unmarked=3),
                        "first": {}, "keeps": None, "advice": None}, "what moves")
        equal(got[41]["pages"], pages(free=PAGES - 2, pinned=2), "pinned")
        equal(got[41]["first"], {"pinned": f"{41 * PAGES + 1000:x}"}, "the first of them")
        equal(got[41]["keeps"], f"2 pinned pages, the first at PFN 0x{41 * PAGES + 1000:x}", "what keeps it")
        has(got[41]["advice"], "vmsplice", "advice")
        equal(got[42]["pages"]["hugetlb"], 512, "hugetlb")
        has(got[42]["advice"], "huge pages", "advice")
        equal(got[43]["pages"], pages(free=PAGES - 512, self_hosted=512), "its own memmap keeps no block")
        equal(got[48]["pages"], pages(free=PAGES - 4, slab=2, page_table=1, mlocked=1), "the kernel's")
        equal(got[48]["first"], {"slab": f"{48 * PAGES + 256:x}", "page-table": f"{48 * PAGES + 258:x}"}, "first of each class that stays")
        has(got[48]["advice"], "Zone=movable", "advice")
        equal((got[49]["pages"]["offline"], got[49]["first"]), (512, {}), "taken by virtio-mem")
        has(got[49]["advice"], "only a try", "advice")
        has(got[0]["advice"], "never", "advice")
        tree.write("sys/devices/system/memory/memory33/hold", "1")
        held = blocks(tree, "32,33")
        equal((held[32]["held"], held[33]["held"]), (False, True), "on hold")
        equal((got[32]["pages"], got[32]["first"], got[32]["keeps"], got[32]["advice"]), (None, None, None, None), "offline")


@test
def explain_in_words():
    with machine() as tree:
        golden("explain.txt", mhpctl("explain", "0-7,32-33", "40-43,48-49", "--sysroot", tree.root).out)
        golden("explain-group.txt", mhpctl("explain", "acpi:PNP0C80:01", "--sysroot", tree.root).out)
        has(mhpctl("explain", "40", "--bytes", "--sysroot", tree.root).out, "157 pages (643072) have to be moved", "--bytes")
        has(mhpctl("explain", "acpi:PNP0C80:00", "--sysroot", tree.root).out, "verdict  8 free to go\n", "an offline group")


@test
def explain_map_counts():
    """How often pages are mapped is looked at where that can be read."""
    with machine() as tree:
        file = tree.root / "proc/kpagecount"
        file.touch()
        with open(file, "r+b") as handle:
            handle.seek((41 * PAGES + 1001) * 8)
            handle.write(struct.pack("Q", 1))
        equal(blocks(tree, "41")[41]["pages"], pages(free=PAGES - 2, pinned=1, anonymous=1), "one of them is mapped")


@test
def explain_wrong_targets():
    with machine() as tree:
        mhpctl("explain", "--sysroot", tree.root, status=2, err="explain: ")
        mhpctl("explain", "4G", "--sysroot", tree.root, status=2, err="names no blocks")
        mhpctl("explain", "77", "--sysroot", tree.root, status=1, err="no block 77")
        mhpctl("explain", "acpi:PNP0C80:07", "--sysroot", tree.root, status=1, err="there is no group")
        mhpctl("explain", "-", "--sysroot", tree.root, status=2, err="is no target")


def unknown(tree, words):
    answer = mhpctl("explain", "--json", "0,32,40", "--sysroot", tree.root).json()
    has(answer["unknown_why"], words, "why")
    got = {b["block"]: b for b in answer["blocks"]}
    equal({nr: (b["removable"], b["pages"], b["first"]) for nr, b in got.items()},
          {0: ("never", None, None), 32: ("yes", None, None), 40: ("unknown", None, None)}, "what is known all the same")
    has(mhpctl("explain", "40", "--sysroot", tree.root).out, f"verdict  not known: {answer['unknown_why']}\n", "in words")


@test
def explain_without_flags():
    with machine() as tree:
        file = tree.root / "proc/kpageflags"
        if os.geteuid() != 0:
            os.chmod(file, 0)
            unknown(tree, "for root to see")
        os.unlink(file)
        unknown(tree, "no kpageflags")
        os.mkdir(file)
        unknown(tree, "cannot be read: Is a directory")
        os.rmdir(file)
        tree.write("proc/sys/kernel/arch", "vax")
        unknown(tree, "page size")


MAP = """map 1
block-size 134217728
scanned
block 32-35 offline valid=Normal,Movable node=0 group=acpi:PNP0C80:00 goal=movable reason=rule rule=1 flags=settled,arrived
block 40-42 online zone=Movable node=1 group=dax:dax0.0 goal=movable reason=ratio-allows flags=settled,arrived
block 900000-900001 online zone=Movable node=1 group=acpi:PNP0C80:01 goal=none reason=requested attempts=2 error=16 flags=settled,gave-up,arrived
"""


@test
def explain_with_a_daemon():
    """Its reasons, whatever this machine's page flags are."""
    with bus() as env, fake(env, "done", MAP):
        got = {b["block"]: b for b in mhpctl("explain", "--json", "32-35", "dax:dax0.0", env=env).json()["blocks"]}
        equal({nr: b["reason"] for nr, b in got.items()},
              {**dict.fromkeys(range(32, 36), "rule"), **dict.fromkeys(range(40, 43), "ratio-allows")}, "reasons")
        run = mhpctl("explain", "32-35", env=env)
        has(run.out, "blocks 32-35, 512M: offline, node 0, acpi:PNP0C80:00\n  reason   rule\n  verdict  is offline, nothing keeps it\n", "words")
        # more memory than any machine that tests run on has: nothing is to be seen there, whoever looks
        run = mhpctl("explain", "900000-900001", env=env)
        equal(run.out.count("; the last try failed on pages that "), 2, "each failed attempt on its own")
        has(run.out, "  advice   give it more time", "advice")


assert PAGE == 4096
