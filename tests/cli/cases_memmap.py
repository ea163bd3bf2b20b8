# SPDX-License-Identifier: GPL-2.0-or-later
"""Where memmaps lie, on folders that look like machines, with page flags made as the kernel gives them."""

import os

from harness import equal, golden, has, mhpctl, test, workdir
from tree import BLOCK, BUDDY, NOPAGE, SELF_HOSTED, Tree, mixed, self_hosting

M = 1 << 20


def blocks(tree, *more):
    return {b["block"]: b for b in mhpctl("memmap", "--json", *more, "--sysroot", tree.root).json()["blocks"]}


def verify(tree, *more, status=0):
    return mhpctl("verify", "--json", *more, "--sysroot", tree.root, status=status).json()


@test
def memmap():
    with self_hosting() as tree:
        golden("memmap.txt", mhpctl("memmap", "--sysroot", tree.root).out)
        answer = mhpctl("memmap", "--json", "--sysroot", tree.root).json()
        equal(answer["geometry"], {
            "page_size": {"value": 4096, "evidence": "preset"}, "block_size": {"value": BLOCK, "evidence": "read"},
            "section_size": {"value": BLOCK, "evidence": "preset"}, "subsection_size": {"value": 2 * M, "evidence": "preset"},
            "pageblock_size": {"value": 2 * M, "evidence": "preset"}, "pmd_size": {"value": 2 * M, "evidence": "preset"},
            "struct_page": {"value": 64, "evidence": "preset"}, "vmemmap_base": {"value": "ffffea0000000000", "evidence": "preset"}}, "geometry")
        equal(answer["memmap_on_memory"], "Y", "parameter")
        got = {b["block"]: b for b in answer["blocks"]}
        equal(got[32], {"block": 32, "group": "acpi:PNP0C80:00", "placement": "self", "pages": 512, "set_aside": 512, "waste": 0,
                        "evidence": "observed", "reason": None, "hosts": None}, "a DIMM's block")
        equal((got[40]["placement"], got[40]["evidence"]), ("self", "assumed"), "an offline block")
        equal((got[48]["placement"], got[48]["reason"], got[48]["set_aside"]), ("dram", "source-ignores", 0), "virtio-mem")
        equal((got[0]["placement"], got[0]["reason"]), ("dram", None), "boot memory")
        listed = {b["block"]: b["memmap"] for b in mhpctl("list", "--all", "--json", "--sysroot", tree.root).json()["blocks"]}
        equal(listed[32], {"placement": "self", "pages": 512, "waste": 0, "evidence": "observed"}, "in the list")
        has(mhpctl("list", "-n", "-o", "block,memmap", "--sysroot", tree.root).out, "32-41 self\n", "as a column")
        equal(sorted(blocks(tree, "33-34", "virtio-mem:virtio0")), [33, 34, 48, 49], "of some blocks")
        mhpctl("memmap", "4G", "--sysroot", tree.root, status=2, err="names no blocks")
        mhpctl("memmap", "77", "--sysroot", tree.root, status=1, err="no block 77")


@test
def memmap_by_the_parameter():
    with self_hosting() as tree:
        os.unlink(tree.root / "proc/kpageflags")
        for value, word, placement, reason in (("N", "N", "dram", "disabled"), ("Y", "Y", "self", None), ("force", "force", "force", None),
                                               ("", "N", "dram", "disabled"), ("2", "N", "dram", "disabled")):
            tree.parameter(value)
            answer = mhpctl("memmap", "--json", "--sysroot", tree.root).json()
            got = {b["block"]: b for b in answer["blocks"]}
            equal((answer["memmap_on_memory"], got[32]["placement"], got[32]["reason"], got[32]["evidence"]),
                  (word, placement, reason, "assumed"), f"memmap_on_memory={value}")
            equal(got[48]["placement"], "dram", "virtio-mem")
            equal(got[48]["reason"], "disabled" if word == "N" else "source-ignores", "why")
        os.unlink(tree.root / "sys/module/memory_hotplug/parameters/memmap_on_memory")
        equal(mhpctl("memmap", "--json", "--sysroot", tree.root).json()["memmap_on_memory"], None, "no parameter")


@test
def memmap_that_is_not_as_predicted():
    with self_hosting() as tree:
        tree.parameter("N")
        equal((blocks(tree)[32]["placement"], blocks(tree)[32]["reason"], blocks(tree)[32]["evidence"]), ("self", None, "observed"), "observed")
        tree.parameter("force")
        equal(blocks(tree)[32]["placement"], "force", "the same pages, by force")
        tree.parameter("Y")
        tree.pageflags(33, [BUDDY] * 513)
        equal((blocks(tree)[33]["placement"], blocks(tree)[33]["evidence"]), ("dram", "observed"), "ordinary memory")
        tree.pageflags(34, [SELF_HOSTED] * 100 + [BUDDY] * 413)
        equal((blocks(tree)[34]["placement"], blocks(tree)[34]["evidence"]), ("self", "assumed"), "flags that tell nothing")


@test
def memmap_of_dax():
    with self_hosting() as tree:
        tree.blocks(64, 67, zones="Normal")
        tree.device(64, 65, "dax0.0", "System RAM (kmem)")
        tree.device(66, 67, "dax1.0", "System RAM (kmem)")
        tree.write("sys/bus/dax/devices/dax0.0/memmap_on_memory", "1")
        tree.write("sys/bus/dax/devices/dax1.0/memmap_on_memory", "0")
        os.unlink(tree.root / "proc/kpageflags")
        got = blocks(tree)
        equal([got[n]["placement"] for n in range(64, 68)], ["self", "self", "dram", "dram"], "by the device's own switch")
        tree.parameter("N")
        equal(blocks(tree)[64]["placement"], "dram", "which the parameter overrules")


@test
def memmap_of_other_machines():
    with workdir() as root:
        tree = Tree(root, 512 * M)
        tree.write("proc/sys/kernel/arch", "aarch64")
        tree.write("sys/kernel/mm/transparent_hugepage/hpage_pmd_size", str(512 * M))
        tree.write("proc/pagetypeinfo", "Page block order: 13\nPages per block:  8192\n")
        tree.parameter("Y")
        tree.block(8, zones="Movable")
        tree.dimm("PNP0C80:00", 8, 8)
        answer = mhpctl("memmap", "--json", "--sysroot", root).json()
        equal(answer["geometry"]["pageblock_size"], {"value": 512 * M, "evidence": "read"}, "pageblock")
        equal((answer["geometry"]["page_size"]["value"], answer["blocks"][0]["pages"], answer["blocks"][0]["reason"]),
              (65536, 8, "memmap-not-pageblock-aligned"), "arm64 with 64K pages")
        tree.write("proc/sys/kernel/arch", "vax")
        os.unlink(root / "sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
        answer = mhpctl("memmap", "--json", "--sysroot", root).json()["geometry"]
        equal((answer["page_size"], answer["pageblock_size"]["evidence"]), ({"value": 4096, "evidence": "assumed"}, "read"), "a machine without a preset")


@test
def verify_agrees():
    with self_hosting() as tree:
        equal(verify(tree), {"checked": 18, "unseen": 2, "holes": 0, "differ": [], "zones": []}, "no difference")
        has(mhpctl("verify", "--sysroot", tree.root).out, "18 blocks checked: 18 agree; 2 more are not online", "in words")
        tree.parameter("force")
        equal(verify(tree)["differ"], [], "on x86_64 force is the same")


def difference(block, expected, observed, page):
    return {"block": block, "expected_pages": expected, "observed_pages": observed, "pfn": block * 32768 + page}


@test
def verify_finds_a_wrong_model():
    with self_hosting() as tree:
        answer = verify(tree, "--assume", "dram", status=1)
        equal(answer["differ"], [difference(n, 0, 512, 0) for n in range(32, 40)], "self-hosted, thought to be in dram")
        equal(answer["zones"], [{"node": 1, "zone": "Movable", "expected_pages": 0, "observed_pages": 4096}], "its zone")
        answer = verify(tree, "--assume", "self", status=1)
        equal(answer["differ"], [difference(n, 512, 0, 0) for n in (48, 49)], "in dram, thought to be self-hosted")
        tree.parameter("N")
        equal(len(verify(tree, status=1)["differ"]), 8, "a parameter that is not true")
        run = mhpctl("verify", "--sysroot", tree.root, status=1)
        has(run.out, "block 32", "in words")
        has(run.out, "18 blocks checked: 10 agree, 8 differ", "in words")
        mhpctl("verify", "--assume", "range", "--sysroot", tree.root, status=2, err="dram, self and force")


@test
def verify_finds_planted_pages():
    for page, flags, observed in ((0, BUDDY, 511), (511, BUDDY, 511), (511, SELF_HOSTED | BUDDY, 511), (512, SELF_HOSTED, 513), (256, 0, 511)):
        with self_hosting() as tree:
            tree.pageflags(35, [flags], page)
            equal(verify(tree, status=1)["differ"], [difference(35, 512, observed, page)], f"page {page}")
    for page in (0, 100, 511, 512):
        with self_hosting() as tree:
            tree.pageflags(48, [SELF_HOSTED], page)
            equal(verify(tree, status=1)["differ"], [difference(48, 0, 1, page)], f"page {page} of a block in dram")
    with self_hosting() as tree:
        tree.pageflags(35, [BUDDY] + [SELF_HOSTED] * 512)
        equal(verify(tree, status=1)["differ"], [difference(35, 512, 512, 0)], "shifted by one, and as many")


@test
def verify_zones():
    with self_hosting() as tree:
        tree.write("proc/zoneinfo", "")
        tree.zone(1, "Movable", 8 * 32768, 8 * 32768 - 8 * 512 + 1)
        equal(verify(tree, status=1)["zones"], [{"node": 1, "zone": "Movable", "expected_pages": 4096, "observed_pages": 4095}], "a page")
        has(mhpctl("verify", "--sysroot", tree.root, status=1).out, "node 1, Movable", "in words")
        (tree.root / "sys/bus/virtio/drivers/virtio_balloon").mkdir(parents=True)
        equal(verify(tree)["zones"], [], "with a balloon nobody knows")
        os.rmdir(tree.root / "sys/bus/virtio/drivers/virtio_balloon")
        tree.block(50, zones="Movable", node=1)
        tree.device(50, 50, "virtio1", "System RAM (virtio_mem)")
        tree.pageflags(50, [BUDDY] * 513)
        equal(verify(tree)["zones"], [], "nor with virtio-mem in the zone")


@test
def verify_without_flags():
    with mixed() as tree:
        mhpctl("verify", "--sysroot", tree.root, status=1, err=["verify: ", "kpageflags is not there", "CONFIG_PROC_PAGE_MONITOR"])
        (tree.root / "proc/kpageflags").touch()
        equal(verify(tree), {"checked": 0, "unseen": 10, "holes": 14, "differ": [], "zones": []}, "no page at all")
        tree.pageflags(0, [NOPAGE] * 513)
        equal(verify(tree)["checked"], 0, "holes")
        has(mhpctl("verify", "--sysroot", tree.root).out, "0 blocks checked: 0 agree; 10 more are not online, of which the kernel shows nothing; "
            "14 more begin with a hole", "in words")
        if os.geteuid() == 0:
            return
        os.chmod(tree.root / "proc/kpageflags", 0)
        mhpctl("verify", "--sysroot", tree.root, status=1, err="it is for root")
        has(mhpctl("memmap", "--sysroot", tree.root).out, "assumed", "memmap")
