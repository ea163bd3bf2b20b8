# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel with the companion patch offers, on folders that look like a machine with one."""

import os

from harness import equal, has, mhpctl, test
from tree import BUDDY, SELF_HOSTED, mixed, patched

OFFERS = {"memmap_policy": True, "teardown": True, "hold": True, "nr_vmemmap_pages": True, "eject_notice": True, "virtio_mem_sizes": True,
          "events": None}


@test
def status_of_a_patched_kernel():
    with patched() as tree:
        answer = mhpctl("status", "--json", "--sysroot", tree.root).json()
        equal(answer["companion"], OFFERS, "companion")
        equal(answer["virtio_mem"], [{"device": "virtio0", "requested": 2 << 30, "plugged": 1 << 30, "usable": 16 << 30,
                                      "device_block": 2 << 20, "mode": "sbm"}], "virtio-mem")
        run = mhpctl("status", "--sysroot", tree.root)
        has(run.out, "\nkernel   offers memmap_policy, teardown, hold, nr_vmemmap_pages, eject notice, virtio-mem sizes\n", "status")
        has(run.out, "\nvirtio0  requested 2G, plugged 1G of 16G in pieces of 2M, mode sbm\n", "status")
        os.unlink(tree.memory / "teardown")
        equal(mhpctl("status", "--json", "--sysroot", tree.root).json()["companion"], {**OFFERS, "teardown": False}, "without a part of it")


@test
def status_of_a_stock_kernel():
    with mixed() as tree:
        answer = mhpctl("status", "--json", "--sysroot", tree.root).json()
        equal(answer["companion"], {**{key: False for key in OFFERS}, "events": None}, "companion")
        equal(answer["virtio_mem"], [], "virtio-mem")


def blocks(tree):
    answer = mhpctl("memmap", "--json", "--sysroot", tree.root).json()["blocks"]
    return {b["block"]: (b["placement"], b["set_aside"], b["evidence"], b["reason"]) for b in answer}


@test
def memmap_that_blocks_tell():
    with patched() as tree:
        os.unlink(tree.root / "proc/kpageflags")  # no root is needed
        for parameter in ("Y", "N"):
            tree.parameter(parameter)
            got = blocks(tree)
            equal([got[n] for n in (0, 32, 35, 36, 40, 48)],
                  [("dram", 0, "observed", None), ("self", 512, "observed", None), ("self", 512, "observed", None), ("dram", 0, "observed", None),
                   ("self", 512, "observed", None), ("dram", 0, "observed", None)], f"with memmap_on_memory={parameter}")
        listed = {b["block"]: b["memmap"] for b in mhpctl("list", "--all", "--json", "--sysroot", tree.root).json()["blocks"]}
        equal(listed[40], {"placement": "self", "pages": 512, "waste": 0, "evidence": "observed"}, "an offline block, in the list")
        tree.parameter("force")
        equal(blocks(tree)[32][0], "force", "the same pages, by force")
        tree.vmemmap_pages(33, 600)
        equal(blocks(tree)[33][:3], ("self", 600, "observed"), "what no model has is shown all the same")
        (tree.memory / "memory34/nr_vmemmap_pages").write_text("some\n")
        equal(blocks(tree)[34][2], "assumed", "nonsense tells nothing")


def verify(tree, *more, status=0):
    return mhpctl("verify", "--json", *more, "--sysroot", tree.root, status=status).json()


def told(block, expected, observed):
    return {"block": block, "expected_pages": expected, "observed_pages": observed, "pfn": None}


@test
def verify_what_blocks_tell():
    with patched() as tree:
        for parameter in ("Y", "N"):
            tree.parameter(parameter)
            equal(verify(tree), {"checked": 20, "unseen": 0, "holes": 0, "differ": [], "zones": []}, f"placed by a table, memmap_on_memory={parameter}")
        has(mhpctl("verify", "--sysroot", tree.root).out, "20 blocks checked: 20 agree\n", "in words")
        answer = verify(tree, "--assume", "dram", status=1)
        equal(answer["differ"], [told(n, 0, 512) for n in (32, 33, 34, 35, 40, 41)], "thought to be in dram")
        os.unlink(tree.root / "proc/kpageflags")
        equal(verify(tree)["checked"], 20, "without page flags")


@test
def verify_blocks_that_tell_otherwise():
    with patched() as tree:
        tree.vmemmap_pages(33, 600)
        tree.vmemmap_pages(2, 512)
        tree.parameter("Y")
        equal(verify(tree, status=1)["differ"], [told(2, 0, 512), told(33, 512, 600)], "boot memory, and a number that no placement has")
        has(mhpctl("verify", "--sysroot", tree.root, status=1).out, "block 33      512      600 -\n", "in words")
    with patched() as tree:
        tree.pageflags(36, [SELF_HOSTED] * 512 + [BUDDY])
        tree.pageflags(32, [BUDDY] * 513)
        equal([(d["block"], d["pfn"]) for d in verify(tree, status=1)["differ"]], [(32, 32 * 32768), (36, 36 * 32768)], "page flags say otherwise")
    with patched() as tree:
        os.unlink(tree.memory / "memmap_policy")
        equal(verify(tree, status=1)["differ"], [told(n, 512, 0) for n in range(36, 40)], "without a table, source and parameter are the model")


CONFIG = """[Memmap]
Placement=self
[Rule far]
Node=1
Placement=dram
[Rule virtio]
Source=virtio-mem
Placement=force
"""


@test
def policy_of_a_patched_kernel():
    with patched() as tree:
        answer = mhpctl("policy", "--json", "--sysroot", tree.root).json()["memmap_policy"]
        equal((answer["offered"], answer["wanted"], answer["table"]), (True, [], ["0x100000000-0x11fffffff on", "default off"]), "auto")
        equal(answer["rules"], [{"rule": None, "lines": 0, "reason": "unneeded", "words": "the kernel does the same without being told"}], "auto")
        has(mhpctl("policy", "--sysroot", tree.root).out, "\nPlacement table\nmhpd leaves it alone; it says\n0x100000000-0x11fffffff on\ndefault off\n",
            "somebody else's")
        tree.write("sys/devices/system/node/possible", "0-1")
        tree.write("etc/mhpd/mhpd.conf", CONFIG)
        answer = mhpctl("policy", "--json", "--sysroot", tree.root).json()["memmap_policy"]
        equal(answer["wanted"], ["node 1 off", "180000000-18fffffff force", "default on"], "wanted")
        equal([(r["rule"], r["lines"], r["reason"]) for r in answer["rules"]], [("far", 1, None), ("virtio", 1, None), (None, 1, None)], "rules")
        run = mhpctl("policy", "--sysroot", tree.root)
        has(run.out, "default on\nmhpd sets this; now it says\n  0x100000000-0x11fffffff on\n  default off\n", "another table")
        tree.write("sys/devices/system/memory/memmap_policy", "node 1 off\n0x180000000-0x18fffffff force\ndefault on")
        has(mhpctl("policy", "--sysroot", tree.root).out, "\nPlacement table\nnode 1 off\n180000000-18fffffff force\ndefault on\n", "it is set")
        assert "mhpd sets this" not in mhpctl("policy", "--sysroot", tree.root).out
        tree.write("sys/devices/system/node/possible", "0")
        equal(mhpctl("policy", "--json", "--sysroot", tree.root).json()["memmap_policy"]["wanted"],
              ["180000000-18fffffff force", "default on"], "a node that can never be")


@test
def policy_that_a_table_cannot_say():
    with patched() as tree:
        tree.write("etc/mhpd/mhpd.conf", "[Memmap]\nPlacement=self\n[Rule dimms]\nSource=acpi\nPlacement=dram\n")
        run = mhpctl("policy", "--sysroot", tree.root)
        has(run.out, "\nPlacement table\n180000000-18fffffff on\n", "what can be said")
        has(run.out, "[Rule dimms] is not expressible in it: the table goes by address and node, and where memory of this source", "the rule")
        has(run.out, "[Memmap] is not all in it: it would also take memory of a rule before it that is not in the table\n", "the rest")
        answer = mhpctl("policy", "--json", "--sysroot", tree.root).json()["memmap_policy"]
        equal([(r["rule"], r["lines"], r["reason"]) for r in answer["rules"]], [("dimms", 0, "source"), (None, 1, "behind")], "reasons")
        tree.write("sys/devices/system/memory/auto_online_blocks", "online_movable")
        tree.parameter("N")
        found = mhpctl("doctor", "--json", "--sysroot", tree.root, status=1).json()["findings"]
        equal([f["kind"] for f in found], ["memmap-table"], "no boot parameter is asked for")
        has(found[0]["message"], "[Rule dimms]", "which rule")
    with mixed() as tree:
        tree.write("etc/mhpd/mhpd.conf", "[Memmap]\nPlacement=self\n")
        has(mhpctl("policy", "--sysroot", tree.root).out, "\nPlacement table\nthis kernel has none; it would say\ndefault on\n", "a stock kernel")
        equal(mhpctl("policy", "--json", "--sysroot", tree.root).json()["memmap_policy"]["offered"], False, "a stock kernel")


@test
def plan_plug_by_a_table():
    with patched() as tree:
        tree.parameter("N")
        offers = mhpctl("plan", "plug", "16G", "--json", "--sysroot", tree.root).json()["placements"]
        equal([(o["placement"], o["cost"], o["reason"]) for o in offers], [("dram", 256 << 20, "not-enough"), ("self", 0, None)], "no boot parameter is needed")
        os.unlink(tree.memory / "memmap_policy")
        offers = mhpctl("plan", "plug", "16G", "--json", "--sysroot", tree.root, status=1).json()["placements"]
        equal(offers[1]["reason"], "disabled", "without a table it is")
