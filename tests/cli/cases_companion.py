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
            equal(verify(tree), {"checked": 20, "unseen": 0, "differ": [], "zones": []}, f"placed by a table, memmap_on_memory={parameter}")
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
