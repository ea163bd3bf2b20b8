# SPDX-License-Identifier: GPL-2.0-or-later
"""PowerVM and pseries guests, where memory comes and goes as LMBs."""

from harness import equal, has, mhpctl, test
from tree import BUDDY, SELF_HOSTED, pseries

M = 1 << 20
SETS = {65536: (32, 4, 28), 4096: (1024, 1024, 0)}  # set aside, memmap, waste: as seen on Linux 6.12


def host_itself(tree, pages):
    for nr in range(8, 12):
        tree.pageflags(nr, [SELF_HOSTED] * pages + [BUDDY])
    tree.zone(0, "Movable", 4 * tree.block_size // tree.page, 4 * (tree.block_size // tree.page - pages))


def memmaps(tree):
    return {b["block"]: b for b in mhpctl("memmap", "--json", "--sysroot", tree.root).json()["blocks"]}


@test
def lmbs_are_groups():
    with pseries() as tree:
        blocks = mhpctl("list", "--all", "--json", "--sysroot", tree.root).json()["blocks"]
        equal([(b["source"], b["group"]) for b in blocks], [("boot", "boot")] * 8 + [("dlpar", f"dlpar:8000000{n:x}") for n in range(8, 12)], "blocks")
        groups = mhpctl("groups", "--json", "--sysroot", tree.root).json()["groups"]
        equal([(g["group"], g["blocks"]) for g in groups], [("boot", "0-7")] + [(f"dlpar:8000000{n:x}", str(n)) for n in range(8, 12)], "groups")
        line = mhpctl("groups", "-n", "--sysroot", tree.root).out.splitlines()[-1]
        equal(line.split(), "dlpar:80000008-8000000b dlpar 8-11 1G 1G 1G 0B 0B 0 online".split(), "one line")
        has(mhpctl("list", "-n", "-o", "BLOCK,GROUP", "--sysroot", tree.root).out, "8-11 dlpar:80000008-8000000b\n", "in the list")
        tree.write("proc/iomem", "00000000-00000000 : System RAM")
        again = mhpctl("list", "--all", "--json", "--sysroot", tree.root).json()["blocks"]
        equal(again, blocks, "without privilege")


@test
def lmbs_that_differ_are_lines_of_their_own():
    with pseries() as tree:
        tree.write("sys/devices/system/memory/memory9/state", "offline")
        tree.write("sys/devices/system/memory/memory9/valid_zones", "Normal Movable")
        lines = mhpctl("groups", "-n", "-o", "NAME,STATE", "--sysroot", tree.root).out.splitlines()
        equal([line.split() for line in lines], [["boot", "online"], ["dlpar:80000008", "online"], ["dlpar:80000009", "offline"],
                                                 ["dlpar:8000000a-8000000b", "online"]], "groups")


@test
def lmbs_host_their_memmap():
    for page, (pages, used, waste) in SETS.items():
        with pseries(page=page) as tree:
            tree.parameter("force")
            host_itself(tree, pages)
            block = memmaps(tree)[8]
            equal((block["placement"], block["pages"], block["set_aside"], block["waste"], block["evidence"], block["reason"]),
                  ("force", used, pages, waste, "observed", None), f"{page} bytes a page")
            equal(mhpctl("verify", "--json", "--sysroot", tree.root).json()["differ"], [], "the kernel says so too")
            geometry = mhpctl("memmap", "--json", "--sysroot", tree.root).json()["geometry"]
            equal((geometry["page_size"], geometry["pmd_size"]), ({"value": page, "evidence": "read"}, {"value": 2 * M, "evidence": "read"}), "sizes")


@test
def what_the_kernel_refuses_lmbs():
    for mmu, page, parameter, reason in (("Radix", 65536, "Y", "memmap-not-pageblock-aligned"), ("Radix", 65536, "N", "disabled"),
                                         ("Hash", 65536, "force", "hash-mmu"), ("Hash", 4096, "force", "hash-mmu"), ("Hash", 4096, "Y", "hash-mmu")):
        with pseries(mmu, page) as tree:
            tree.parameter(parameter)
            for nr in range(12):
                tree.pageflags(nr, [BUDDY] * 2048)
            block = memmaps(tree)[8]
            equal((block["placement"], block["reason"]), ("dram", reason), f"{mmu}, {page}, {parameter}")
            equal(mhpctl("verify", "--json", "--sysroot", tree.root).json()["differ"], [], "and nothing differs")


@test
def lmbs_leave_one_by_one():
    with pseries() as tree:
        answer = mhpctl("plan", "unplug", "dlpar:80000009", "--json", "--sysroot", tree.root).json()
        equal([(s["verb"], s["group"]) for s in answer["steps"]],
              [("offline", "dlpar:80000009"), ("hand-over", "dlpar:80000009"), ("leave", "dlpar:80000009")], "steps")
        has(mhpctl("plan", "unplug", "9", "--sysroot", tree.root).out, "gives the LMB back to the hypervisor", "in words")
        answer = mhpctl("plan", "unplug", "512M", "--json", "--sysroot", tree.root).json()
        equal([s["group"] for s in answer["steps"] if s["verb"] == "hand-over"], ["dlpar:8000000b", "dlpar:8000000a"], "a size")


@test
def boot_memory_does_not_leave():
    with pseries() as tree:
        for words in (["boot"], ["1-2"], ["1", "8"]):
            answer = mhpctl("plan", "unplug", *words, "--json", "--sysroot", tree.root, status=1, err="there at boot").json()
            equal(([o["token"] for o in answer["obstacles"]][-1], answer["steps"]), ("boot-memory", []), " ".join(words))
        mhpctl("plan", "offline", "1-2", "--sysroot", tree.root)


@test
def the_kernel_is_told_where():
    with pseries(dimm="Normal") as tree:
        has(mhpctl("policy", "--sysroot", tree.root).out, "offline (mhpd sets online_movable)", "within the ratio")
        tree.write("etc/mhpd/mhpd.conf", "[Online]\nMovableRatio=5")
        has(mhpctl("policy", "--sysroot", tree.root).out, "offline (mhpd sets online_kernel)", "beyond it")
        tree.write("etc/mhpd/mhpd.conf", "[Rule lmb]\nSource=dlpar\nZone=kernel")
        has(mhpctl("policy", "--sysroot", tree.root).out, "offline (mhpd sets online_kernel)", "by a rule")
