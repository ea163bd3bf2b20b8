# SPDX-License-Identifier: GPL-2.0-or-later
"""What would leave, and in which order, on folders that look like machines."""

from harness import equal, golden, has, mhpctl, test, workdir
from tree import BLOCK, BUDDY, NOPAGE, PAGE, Tree

SLAB, ANON, LRU, MMAP = 1 << 7, 1 << 12, 1 << 5, 1 << 11
PAGES = BLOCK // PAGE
G = 1 << 30


def plan(tree, *words, status=0, err=None):
    return mhpctl("plan", *words, "--json", "--sysroot", tree.root, status=status, err=err).json()


def verbs(answer):
    """The steps as words: `offline 47`, `hold acpi:PNP0C80:00`."""
    return [f"{s['verb']} {s['group'] if s['block'] is None else s['block']}" for s in answer["steps"]]


def tokens(answer):
    return [o["token"] for o in answer["obstacles"]]


def machine(root):
    """Boot memory, two DIMMs in Movable, virtio-mem in both zones, a dax device in Normal."""
    tree = Tree(root)
    tree.block(0, zones="none")
    tree.blocks(1, 7, zones="DMA32")
    tree.blocks(32, 47, zones="Movable")
    tree.blocks(48, 51, zones="Movable")
    tree.blocks(64, 67, zones="Movable")
    tree.blocks(68, 69, zones="Normal")
    tree.block(70, state="offline", zones="Normal Movable")
    tree.blocks(80, 81, zones="Normal")
    tree.dimm("PNP0C80:00", 32, 47)
    tree.dimm("PNP0C80:01", 48, 51)
    tree.ram(0, 7)
    tree.ram(32, 51)
    tree.device(64, 70, "virtio0", "System RAM (virtio_mem)")
    tree.device(80, 81, "dax0.0", "System RAM (kmem)")
    tree.write("sys/firmware/acpi/hotplug/memory/enabled", "1")
    return tree


def counted(tree, nr, moved=0, slab=0):
    """A block with so many pages that move, such as stay behind these, and free ones."""
    tree.pageflags(nr, [ANON | LRU | MMAP] * moved + [SLAB] * slab + [BUDDY] * (PAGES - moved - slab))


@test
def plan_unplug_of_a_dimm():
    with workdir() as root:
        tree = machine(root)
        answer = plan(tree, "unplug", "acpi:PNP0C80:01")
        equal(verbs(answer), ["hold acpi:PNP0C80:01", "offline 51", "offline 50", "offline 49", "offline 48", "release acpi:PNP0C80:01",
                              "hand-over acpi:PNP0C80:01", "leave acpi:PNP0C80:01"], "steps")
        equal(answer["steps"][1], {"step": 2, "verb": "offline", "block": 51, "group": "acpi:PNP0C80:01", "reason": "movable", "pages": None,
                                   "words": "Movable, not counted"}, "a step")
        equal((answer["target"], answer["verb"], answer["blocks"], answer["bytes"]), ("acpi:PNP0C80:01", "unplug", 4, G // 2), "as a whole")
        equal((tokens(answer), answer["together"]), (["not-counted"], False), "obstacles")
        tree.write("sys/firmware/acpi/hotplug/memory/enabled", "0")
        equal(tokens(plan(tree, "unplug", "acpi:PNP0C80:01")), ["foreign-hold", "not-counted"], "a veto")
        equal(tokens(plan(tree, "offline", "acpi:PNP0C80:01")), ["not-counted"], "which is no matter if it stays in the machine")
        golden("plan-unplug.txt", mhpctl("plan", "unplug", "acpi:PNP0C80:01", "--sysroot", tree.root).out)
        tree.write("sys/devices/system/memory/teardown", "none")
        equal([plan(tree, verb, "acpi:PNP0C80:01")["together"] for verb in ("unplug", "offline")], [True, False], "at once")


@test
def plan_unplug_by_what_lies_there():
    with workdir() as root:
        tree = machine(root)
        for nr, moved, slab in ((48, 0, 0), (49, 3072, 0), (50, 10, 0), (51, 10, 2)):
            counted(tree, nr, moved, slab)
        answer = plan(tree, "unplug", "acpi:PNP0C80:01")
        equal([(s["block"], s["reason"], s["pages"]) for s in answer["steps"] if s["verb"] == "offline"],
              [(48, "empty", 0), (50, "movable", 10), (49, "movable", 3072), (51, "fixed-pages", 10)], "order")
        equal(answer["steps"][3]["words"], "Movable, 12M to move", "in words")
        equal(answer["obstacles"], [{"token": "fixed-pages", "block": 51, "words": f"block 51 has 2 slab pages, the first at PFN {51 * PAGES + 10:#x}"}],
              "what keeps it")
        counted(tree, 80, 5)
        equal(tokens(plan(tree, "unplug", "dax:dax0.0")), ["kernel-zone", "kernel-zone-not-counted"], "kernel zones")
        tree.pageflags(7, [BUDDY] * (PAGES - 512) + [NOPAGE] * 512)
        answer = plan(tree, "offline", "7")
        equal((tokens(answer), answer["obstacles"][0]["words"]), (["hole"], "block 7 has a hole and never goes offline"), "a part of it is missing")


@test
def plan_unplug_without_room():
    with workdir() as root:
        tree = machine(root)
        for nr in range(48, 52):
            counted(tree, nr, moved=PAGES // 2)
        for free, wanted in ((8 * PAGES, []), (3 * PAGES, ["no-room"])):
            tree.write("proc/zoneinfo", "")
            tree.zone(0, "Movable", 8 * PAGES, 8 * PAGES, f"      nr_free_pages {free}\n")
            answer = plan(tree, "unplug", "acpi:PNP0C80:01")
            equal(tokens(answer), wanted, f"{free} pages are free")
        equal(answer["obstacles"][0]["words"], "256M in it would have to be moved, and there is room for 128M", "in words")
        equal(answer["blocks"], 4, "the plan is there all the same")


@test
def plan_unplug_of_a_size():
    with workdir() as root:
        tree = machine(root)
        for words, groups, blocks in (("256M", ["dax:dax0.0"], 2), ("384M", ["dax:dax0.0"], 3), ("600M", ["acpi:PNP0C80:01"], 4),
                                      ("768M", ["acpi:PNP0C80:01", "dax:dax0.0"], 6), ("2G", ["acpi:PNP0C80:00"], 16),
                                      ("1M --at-least", ["dax:dax0.0"], 2), ("384M --at-least", ["acpi:PNP0C80:01"], 4),
                                      ("600M --at-least", ["acpi:PNP0C80:01", "dax:dax0.0"], 6), ("2G --at-least", ["acpi:PNP0C80:00"], 16)):
            answer = plan(tree, "unplug", *words.split())
            equal(([s["group"] for s in answer["steps"] if s["verb"] == "hand-over"], answer["blocks"]), (groups, blocks), words)
            rest = [o["words"] for o in answer["obstacles"] if o["token"] == "less-than-asked"]
            equal(rest, ["up to 128M less than was asked for: anything else that could go is more than that"] if words == "600M" else [], words)
        for verb, words in (("unplug", "leave is block 67, 128M; name it"), ("offline", "go offline is block 67, 128M; name it")):
            answer = plan(tree, verb, "100M", status=1, err=f"the smallest that can {words}")
            equal((answer["steps"], tokens(answer), answer["obstacles"][0]["block"]), ([], ["too-large"], 67), "nothing is that small")
        answer = plan(tree, "unplug", "3G")
        equal(([s["group"] for s in answer["steps"] if s["verb"] == "leave"], answer["blocks"]),
              (["acpi:PNP0C80:01", "acpi:PNP0C80:00", "dax:dax0.0", "virtio-mem:virtio0"], 24), "more than the devices have")
        equal(verbs(answer)[-4:], ["offline 67", "offline 66", "leave virtio-mem:virtio0", "release virtio-mem:virtio0"], "the rest of virtio-mem")
        answer = plan(tree, "unplug", "64G", status=1, err="only 3.5G can leave the machine")
        equal((answer["steps"], tokens(answer), answer["blocks"]), ([], ["not-enough"], 0), "too much")
        mhpctl("plan", "offline", "64G", "--sysroot", tree.root, status=1, err="only 3.5G can be taken offline")
        equal(verbs(plan(tree, "offline", "256M")), ["offline 67", "offline 66"], "single blocks go offline")


@test
def plan_unplug_of_virtio_mem():
    with workdir() as root:
        tree = machine(root)
        answer = plan(tree, "unplug", "virtio-mem:virtio0", "--to", "512M")
        equal(verbs(answer), ["hold virtio-mem:virtio0", "offline 67", "offline 66", "leave virtio-mem:virtio0", "release virtio-mem:virtio0"], "to a size")
        equal((answer["blocks"], tokens(answer)), (3, ["host-must-ask", "not-counted"]), "what is offline goes first")
        equal(plan(tree, "unplug", "virtio-mem:virtio0", "--to", "4G")["steps"], [], "it has less")
        has(mhpctl("plan", "unplug", "virtio-mem:virtio0", "--to", "4G", "--sysroot", tree.root).out, "nothing to do", "in words")
        equal(len(plan(tree, "unplug", "virtio-mem:virtio0")["steps"]), 6 + 3, "all of it")
        mhpctl("plan", "unplug", "acpi:PNP0C80:00", "--to", "1G", "--sysroot", tree.root, status=1, err="leaves as one")
        mhpctl("plan", "unplug", "64-70", "--to", "512M", "--sysroot", tree.root, status=2, err="is no group")


@test
def plan_unplug_of_the_rest():
    with workdir() as root:
        tree = machine(root)
        equal(verbs(plan(tree, "unplug", "dax:dax0.0")), ["offline 81", "offline 80", "hand-over dax:dax0.0", "leave dax:dax0.0"], "dax")
        answer = plan(tree, "unplug", "5-6", status=1, err="were there at boot and cannot leave the machine")
        equal((verbs(answer), tokens(answer)), ([], ["boot-memory"]), "boot memory stays")
        answer = plan(tree, "unplug", "48-51", "dax:dax0.0")
        equal((answer["target"], answer["blocks"]), ("48-51 dax:dax0.0", 6), "several")
        tree.ram(90, 91)
        tree.blocks(90, 91, zones="Movable")
        equal(len(plan(tree, "unplug", "70")["steps"]), 3, "what is offline only has to leave")
        equal(plan(tree, "offline", "70")["steps"], [], "and nothing is to be done to it")


@test
def plan_unplug_that_cannot_be():
    with workdir() as root:
        tree = machine(root)
        tree.write("proc/iomem", "00000000-00000000 : System RAM\n00000000-00000000 : virtio0\n  00000000-00000000 : System RAM (virtio_mem)")
        tree.write("sys/bus/virtio/drivers/virtio_mem/virtio0/uevent", "nothing")
        tree.block(95, zones="Movable")
        for words, err, token in ((("unplug", "33-40"), "acpi:PNP0C80:00 leaves as one: name it, or all of its blocks (32-47)", "part-of-device"),
                                  (("offline", "0-2"), "block 0 is in zone none and never goes offline", "zone-none"),
                                  (("unplug", "95"), "block 95: it is not known what brought it", "group-unknown")):
            answer = plan(tree, *words, status=1, err=err)
            equal((answer["steps"], token in tokens(answer)), ([], True), " ".join(words))
        mhpctl("plan", "unplug", "acpi:PNP0C80:07", "--sysroot", tree.root, status=1, err="there is no group")
        mhpctl("plan", "unplug", "200-210", "--sysroot", tree.root, status=1, err="no block 200-210")
