# SPDX-License-Identifier: GPL-2.0-or-later
"""The verbs that need no daemon, on folders that look like machines."""

import os
import pty
import re
import subprocess

import harness
from harness import equal, golden, has, mhpctl, on_terminal, test, workdir
from tree import BLOCK, Tree, mixed


@test
def list_merged():
    with mixed() as tree:
        golden("list.txt", mhpctl("list", "--sysroot", tree.root).out)
        golden("list-all.txt", mhpctl("list", "--all", "--sysroot", tree.root).out)
        golden("list-columns.txt", mhpctl("list", "-o", "BLOCK,STATE", "--sysroot", tree.root).out)
        golden("list-added.txt", mhpctl("list", "-o", "+SOURCE", "--bytes", "--noheadings", "--sysroot", tree.root).out)


@test
def list_json():
    with mixed() as tree:
        run = mhpctl("list", "--all", "--json", "--sysroot", tree.root)
        golden("list-all.json", run.out)
        answer = run.json()
        equal(list(answer), ["block_size", "blocks"], "keys")
        equal(answer["blocks"][0], {"block": 0, "address": 0, "size": BLOCK, "state": "online", "zone": "none", "node": 0, "source": "boot",
                                    "group": "boot", "memmap": {"placement": "dram", "pages": 512, "waste": 0, "evidence": "assumed"}}, "first block")
        equal([b["zone"] for b in answer["blocks"] if b["block"] == 32], [None], "zone while offline")
        equal({b["group"] for b in answer["blocks"]}, {"boot", "acpi:PNP0C80:00", "acpi:PNP0C80:01", "virtio-mem:virtio0"}, "groups")
        ranges = mhpctl("list", "--json", "--sysroot", tree.root).json()["ranges"]
        equal([(r["first"], r["last"]) for r in ranges], [(0, 0), (1, 7), (32, 39), (40, 43), (48, 49), (50, 51)], "ranges")
        equal(sum(r["size"] for r in ranges), 24 * BLOCK, "their sizes")


@test
def list_of_a_machine_that_hides_addresses():
    with mixed() as tree:
        tree.write("proc/iomem", "00000000-00000000 : System RAM\n00000000-00000000 : virtio0\n  00000000-00000000 : System RAM (virtio_mem)")
        tree.write("sys/bus/virtio/drivers/virtio_mem/virtio0/status", "0x0000000f")
        blocks = {b["block"]: b for b in mhpctl("list", "--all", "--json", "--sysroot", tree.root).json()["blocks"]}
        equal(blocks[50]["group"], None, "a block whose owner only root sees")
        equal(blocks[50]["source"], None, "its source")
        equal(blocks[40]["group"], "acpi:PNP0C80:01", "a DIMM needs no root")
        has(mhpctl("list", "--sysroot", tree.root).out, "unknown", "the table")


@test
def groups():
    with mixed() as tree:
        golden("groups.txt", mhpctl("groups", "--sysroot", tree.root).out)
        run = mhpctl("groups", "--json", "--sysroot", tree.root)
        golden("groups.json", run.out)
        answer = run.json()
        equal(answer["groups"][1], {"group": "acpi:PNP0C80:00", "source": "acpi", "blocks": "32-39", "size": 8 * BLOCK, "online": 0, "movable": 0,
                                    "kernel": 0, "offline": 8 * BLOCK, "nodes": [0], "state": "offline"}, "a group")
        equal(answer["groups"][3]["state"], "mixed", "half online")


@test
def status():
    with mixed() as tree:
        run = mhpctl("status", "--sysroot", tree.root)
        golden("status.txt", run.out)
        has(run.out, "mhpd is not asked", "status")
        answer = mhpctl("status", "--json", "--sysroot", tree.root).json()
        equal(answer["daemon"], None, "daemon")
        equal(answer["pending"], None, "pending")
        equal(answer["blocks"], {"total": 24, "online": 14, "offline": 10, "movable": 4, "kernel": 10}, "blocks")
        equal(answer["ratio_percent"], 40, "ratio")
        equal([n["node"] for n in answer["nodes"]], [0, 1], "nodes")
        equal(answer["nodes"][1]["ratio_percent"], None, "a node without kernel memory")
        equal(answer["problems"][0]["blocks"], "32-39,50-51", "what is offline")
        equal(answer["groups"], mhpctl("groups", "--json", "--sysroot", tree.root).json()["groups"], "groups as `groups` has them")


@test
def policy():
    with mixed() as tree:
        golden("policy.txt", mhpctl("policy", "--sysroot", tree.root).out)
        tree.write("etc/mhpd/mhpd.conf", "[Online]\nZone=movable\nFrobnicate=1\n[Rule dimms]\nSource=acpi\nMinSize=1G\nZone=kernel")
        tree.write("etc/mhpd/mhpd.conf.d/10-x.conf", "[Online]\nMovableRatio=nope\nNumaAware=no")
        run = mhpctl("policy", "--sysroot", tree.root)
        has(run.out, "[Rule dimms]\nsource=acpi min-size=1G zone=kernel\n", "a rule")
        has(run.out, "Zone=movable", "a key")
        answer = mhpctl("policy", "--json", "--sysroot", tree.root).json()
        equal(answer["from"], "files", "from")
        equal((answer["path"], answer["path_reason"]), ("mhpd", "rules"), "path")
        equal(answer["config"]["Online"]["NumaAware"], "no", "the drop-in's key")
        equal(answer["config"]["Online"]["MovableRatio"], "301", "a bad value leaves the default")
        equal(answer["rules"], [{"name": "dimms", "sources": ["acpi"], "nodes": None, "min_size": 1 << 30, "max_size": None, "zone": "kernel",
                                 "placement": None}],
              "rules")
        equal(answer["knobs"]["auto_online_blocks"], {"value": "offline", "wanted": "offline"}, "a knob")
        equal(len(answer["warnings"]), 2, "warnings")
        tree.write("etc/mhpd/mhpd.conf", "[Online]\nZone=movable")
        equal(mhpctl("policy", "--json", "--sysroot", tree.root).json()["knobs"]["auto_online_blocks"],
              {"value": "offline", "wanted": "online_movable"}, "a knob that mhpd would set")


@test
def plan():
    with mixed() as tree:
        golden("plan.txt", mhpctl("plan", "online", "--sysroot", tree.root).out)
        before = mhpctl("list", "--all", "--json", "--sysroot", tree.root).out
        answer = mhpctl("plan", "online", "--json", "--sysroot", tree.root).json()
        equal({s["verb"] for s in answer["steps"]}, {"online_movable"}, "verbs")
        equal([s["blocks"] for s in answer["steps"]], ["32-39", "50-51"], "blocks")
        equal({s["reason"] for s in answer["steps"]}, {"ratio-allows"}, "reasons")
        equal(mhpctl("list", "--all", "--json", "--sysroot", tree.root).out, before, "nothing was done")

        tree.write("etc/mhpd/mhpd.conf", "[Online]\nZone=none\n[Rule v]\nSource=virtio-mem\nZone=kernel")
        golden("plan-rule.txt", mhpctl("plan", "online", "--sysroot", tree.root).out)
        answer = mhpctl("plan", "online", "--json", "--sysroot", tree.root).json()
        equal([(s["verb"], s["blocks"], s["reason"]) for s in answer["steps"]], [("online_kernel", "50-51", "rule")], "steps")
        equal([(s["blocks"], s["zone"]) for s in answer["stays"]], [("32-39", "none")], "what stays")


@test
def plan_of_targets():
    with mixed() as tree:
        def blocks(*targets):
            return [s["blocks"] for s in mhpctl("plan", "online", *targets, "--json", "--sysroot", tree.root).json()["steps"]]
        equal(blocks("acpi:PNP0C80:00"), ["32-39"], "a group")
        equal(blocks("33,35-36", "memory51"), ["33", "35-36", "51"], "numbers and ranges")
        equal(blocks("1G"), ["32-39"], "a size")
        equal(blocks("1025M"), ["32-39", "50"], "a size that is no multiple of a block")
        equal(blocks("32-35", "512M"), ["32-39"], "a size beside blocks: others")
        equal(blocks("3"), [], "a block that is online")
        has(mhpctl("plan", "online", "3", "--sysroot", tree.root).out, "nothing to do", "in words")


@test
def dump():
    with mixed() as tree:
        text = mhpctl("dump", "--sysroot", tree.root).out
        golden("dump.txt", text)
        answer = mhpctl("dump", "--json", "--sysroot", tree.root).json()
        equal(answer, {"from": "sysfs", "map": text}, "JSON")


@test
def status_fits_the_terminal():
    with mixed() as tree:
        args = ["status", "--sysroot", tree.root]
        plain = mhpctl(*args, env={"COLUMNS": "30"}).out
        assert max(map(len, plain.splitlines())) > 60, "a pipe gets whole lines"
        equal(on_terminal(*args, "--color=never", columns=200)[0], plain, "a wide terminal")
        for how in ({"columns": 40}, {"columns": 200, "env": {"COLUMNS": "40"}}, {"columns": 40, "env": {"COLUMNS": "x"}}):
            text = on_terminal(*args, **how)[0]
            shown = re.sub("\033\\[[0-9;]*m", "", text)
            assert max(map(len, shown.splitlines())) <= 40, (how, shown)
            equal(shown.split(), plain.split(), "nothing is lost")
            has(shown, "\nmemmap   48M in other memory, 0B set\n         aside in the blocks, of that 0B\n         wasted\n", "below the text")
        text = on_terminal(*args, columns=0)[0]
        assert max(map(len, re.sub("\033\\[[0-9;]*m", "", text).splitlines())) <= 80, "a terminal that does not know its width"


@test
def colours():
    with mixed() as tree:
        assert "\033" not in mhpctl("list", "--sysroot", tree.root).out
        has(mhpctl("list", "--color=always", "--sysroot", tree.root).out, "\033[32m online\033[0m", "--color=always")
        assert "\033" not in mhpctl("list", "--color=always", "--no-color", "--sysroot", tree.root).out
        for env, colours_wanted in (({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)):
            master, slave = pty.openpty()
            subprocess.run([harness.MHPCTL, "list", "--sysroot", tree.root], stdout=slave, env=harness.environment(**env), check=True)
            os.close(slave)
            equal(b"\033" in os.read(master, 1 << 16), colours_wanted, f"on a terminal with {env}")
            os.close(master)


@test
def odd_machines():
    with workdir() as root:
        tree = Tree(root)
        for verb in (["list"], ["groups"], ["status"], ["policy"], ["dump"], ["plan", "online"]):
            mhpctl(*verb, "--sysroot", root)  # no block at all
            mhpctl(*verb, "--sysroot", root, "--json").json()
        tree.block(8192, node=None)  # arm64 with 16K pages starts there
        tree.block(4294967294, state="offline", zones="Normal Movable")
        answer = mhpctl("list", "--json", "--all", "--sysroot", root).json()
        equal([(b["block"], b["node"]) for b in answer["blocks"]], [(8192, None), (4294967294, 0)], "far blocks")
        mhpctl("list", "--sysroot", root)
        equal(mhpctl("groups", "--json", "--sysroot", root).json()["groups"][-1]["nodes"], [0], "nodes")


@test
def strange_names_do_not_reach_the_terminal():
    with mixed() as tree:
        os.rename(tree.root / "sys/bus/acpi/devices/PNP0C80:01", tree.root / "sys/bus/acpi/devices/PNP0C80:\033[31m\"")
        for nr in range(40, 44):
            os.unlink(tree.memory / f"memory{nr}/firmware_node")
            os.symlink("../../../../bus/acpi/devices/PNP0C80:\033[31m\"", tree.memory / f"memory{nr}/firmware_node")
        assert "\033" not in mhpctl("list", "--sysroot", tree.root).out
        mhpctl("list", "--json", "--sysroot", tree.root).json()


@test
def colours():
    with mixed() as tree:
        args = ["list", "--sysroot", tree.root]
        plain = mhpctl(*args).out
        assert "\033" not in plain
        has(mhpctl(*args, "--color=always").out, "\033[32m online\033[0m", "always")
        has(on_terminal(*args)[0], "\033[32m online\033[0m", "on a terminal")
        has(on_terminal(*args, "--color=never", "--color=auto")[0], "\033[", "auto, the last of two")
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            equal("\033" in on_terminal(*args, env=env)[0], False, env)
        has(on_terminal(*args, env={"NO_COLOR": ""})[0], "\033[", "NO_COLOR is there, but empty")
