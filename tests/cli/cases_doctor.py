# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong with made-up machines, and what more memory would cost them."""

import os

from harness import equal, has, mhpctl, test, workdir
from tree import Tree, mixed, self_hosting

M = 1 << 20
RULE = 'SUBSYSTEM=="memory", ACTION=="add", ATTR{state}=="offline", ATTR{state}="online"'


def findings(tree, *wanted):
    """What doctor finds, by kind; the exit status follows from it."""
    got = mhpctl("doctor", "--json", "--sysroot", tree.root, status=1 if wanted else 0).json()["findings"]
    equal([f["kind"] for f in got], list(wanted), "kinds")
    for finding in got:
        assert finding["message"] and finding["evidence"] and finding["remedy"].endswith("."), finding
        assert finding["severity"] in ("error", "warning", "note"), finding
        said = mhpctl("doctor", "--sysroot", tree.root, status=1).out
        has(said, f"{finding['severity']}: {finding['kind']}: ", "in words")
        has(said, f"{finding['message']}\n    {finding['evidence']}\n    {finding['remedy']}\n", "in words")
    return got


def one(tree, kind, severity, *evidence):
    """What doctor finds is this and nothing else."""
    got = findings(tree, kind)[0]
    equal(got["severity"], severity, kind)
    for part in evidence:
        has(got["evidence"], part, "evidence")
    return got


KNOBS = "sys/devices/system/memory/auto_online_blocks"
RULES = "usr/lib/udev/rules.d/40-x.rules"


def installed(tree):
    """mhpd, enabled, with what it needs."""
    for path in ("usr/lib/systemd/system/mhpd.service", "etc/systemd/system/sysinit.target.wants/mhpd.service", "usr/share/dbus-1/system.conf",
                 "usr/share/dbus-1/system-services/org.freedesktop.PolicyKit1.service"):
        tree.write(path, "x")


def run_mhpd(tree):
    """As it looks while mhpd runs, which brings everything online itself."""
    running(tree)
    tree.write(KNOBS, "offline")


def healthy(tree):
    tree.write("sys/devices/system/memory/auto_online_blocks", "online_movable")


def running(tree):
    """What says that mhpd runs, as mhpd makes it."""
    mark = tree.root / "run/mhpd/running/ready"
    mark.parent.mkdir(parents=True)
    mark.symlink_to("/proc/self")
    return mark


@test
def nothing_wrong():
    with mixed() as tree:
        healthy(tree)
        findings(tree)
        has(mhpctl("doctor", "--sysroot", tree.root).out, "nothing is wrong", "in words")


@test
def nobody_brings_memory_online():
    with mixed() as tree:
        equal(findings(tree, "nobody-onlines")[0]["blocks"], "32-39,50-51", "blocks")
        mark = running(tree)
        findings(tree)
        mark.unlink()   # as after a stop, a crash or a SIGKILL: the directory stays
        findings(tree, "nobody-onlines")
        tree.write("usr/lib/udev/rules.d/40-hotadd.rules", RULE)
        findings(tree)


@test
def two_hands():
    with mixed() as tree:
        healthy(tree)
        tree.write("etc/mhpd/mhpd.conf", "[Online]\nBy=kernel\nZone=movable")
        tree.write("usr/lib/udev/rules.d/40-hotadd.rules", "# a comment\n" + RULE)
        got = findings(tree, "two-hands")
        has(got[0]["message"], "/usr/lib/udev/rules.d/40-hotadd.rules", "which")
        has(got[0]["message"], "the kernel", "who else")
        running(tree)
        has(findings(tree, "two-hands")[0]["message"], "so does mhpd", "who else")
        tree.write("etc/udev/rules.d/40-hotadd.rules", "")
        findings(tree)
        tree.write("etc/udev/rules.d/40-hotadd.rules", RULE.replace("ACTION", 'ENV{MHPD_MANAGED}!="1", ACTION'))
        findings(tree)
        tree.write("etc/udev/rules.d/40-hotadd.rules", RULE.replace(", ACTION", ", \\\n  ACTION"))
        findings(tree, "two-hands")


@test
def dimm_refused():
    with mixed() as tree:
        healthy(tree)
        tree.refused("PNP0C80:07", 0)
        findings(tree)
        tree.refused("PNP0C80:08")
        equal(findings(tree, "dimm-refused")[0]["message"], "the kernel has refused the DIMM acpi:PNP0C80:08: it is plugged in and enabled, and none of its "
              "memory is there; a memory block has 128M", "what")
        has(mhpctl("doctor", "--sysroot", tree.root, status=1).out, "multiples of the memory block size", "what to do")
        equal(mhpctl("groups", "--json", "--sysroot", tree.root).json()["refused"], ["acpi:PNP0C80:08"], "groups")
        has(mhpctl("groups", "--sysroot", tree.root).out, "\nacpi:PNP0C80:08 is plugged in, and the kernel has refused it", "in words")


@test
def memmap_parameter():
    with self_hosting() as tree:
        healthy(tree)
        got = findings(tree, "memmap-source-ignores")
        equal(got[0]["blocks"], "48-49", "blocks")
        has(got[0]["message"], "memory_hotplug.memmap_on_memory=Y has no effect on virtio-mem", "why")
        tree.parameter("N")
        findings(tree)
        for text in ("[Memmap]\nPlacement=self", "[Rule dimm]\nSource=acpi\nPlacement=force"):
            tree.write("etc/mhpd/mhpd.conf", text)
            has(findings(tree, "memmap-placement")[0]["remedy"], "memory_hotplug.memmap_on_memory=1", "what to do")
        tree.parameter("force")
        findings(tree, "memmap-source-ignores")
    with workdir() as root:
        tree = Tree(root, 512 * M)
        healthy(tree)
        tree.parameter("Y")
        tree.write("proc/sys/kernel/arch", "aarch64")
        tree.write("sys/kernel/mm/transparent_hugepage/hpage_pmd_size", str(512 * M))
        tree.block(8)
        has(findings(tree, "memmap-refused")[0]["message"], "pageblocks", "why")


@test
def zone_none_and_configuration():
    with mixed() as tree:
        healthy(tree)
        (tree.memory / "memory41/valid_zones").write_text("none\n")
        equal(findings(tree, "zone-none")[0]["blocks"], "41", "blocks")
        tree.write("etc/mhpd/mhpd.conf", "[Online]\nFrobnicate=1")
        has(findings(tree, "config", "zone-none")[0]["message"], "Frobnicate", "warning")


@test
def rules_of_distributions():
    forms = (
        ('SUBSYSTEM!="memory", GOTO="end"\nENV{.state}="online"\nATTR{state}=="offline", ATTR{state}="$env{.state}"\nLABEL="end"', "error", ':3: ATTR{state}="$env{.state}"'),
        ('SUBSYSTEM=="memory", ACTION=="add", RUN+="/usr/bin/chmem -e %n"', "error", ':1: RUN+="/usr/bin/chmem -e %n"'),
        ('SUBSYSTEM=="memory", RUN+="/bin/sh -c \'echo online > /sys$devpath/state\'"', "error", ":1: RUN+="),
        ('SUBSYSTEM=="memory", ATTR{online}="1"', "error", ':1: ATTR{online}="1"'),
        ('SUBSYSTEM=="memory", ATTR{state}:="online_movable"', "error", ':1: ATTR{state}:="online_movable"'),
        ('SUBSYSTEM=="memory", PROGRAM=="/usr/bin/ask-somebody", ATTR{state}="online"', "warning", ':1: ATTR{state}="online"'),
    )
    with mixed() as tree:
        run_mhpd(tree)
        for text, severity, evidence in forms:
            tree.write(RULES, text)
            one(tree, "two-hands", severity, "/" + RULES + evidence)
        for text in ('ENV{MHPD_MANAGED}=="1", GOTO="end"\n' + RULE + '\nLABEL="end"', 'ATTR{[dmi/id]sys_vendor}!="QEMU", GOTO="end"\n' + RULE + '\nLABEL="end"',
                     'SUBSYSTEM=="cpu", ATTR{online}="1"'):
            tree.write("sys/class/dmi/id/sys_vendor", "Dell Inc.")
            tree.write(RULES, text)
            findings(tree)


@test
def knobs_that_were_changed():
    with mixed() as tree:
        run_mhpd(tree)
        findings(tree)
        tree.write(KNOBS, "online")
        one(tree, "knob-changed", "error", "/" + KNOBS + ": online")
        tree.write("etc/mhpd/mhpd.conf", "[Online]\nBy=kernel\nZone=movable")
        one(tree, "knob-changed", "error")
        tree.write(KNOBS, "online_movable")
        findings(tree)


@test
def holds_that_nobody_holds():
    veto, held = "sys/firmware/acpi/hotplug/memory/enabled", "sys/module/virtio_mem/parameters/unplug_online"
    for path, value, kind, saved in ((veto, "0", "ejects-vetoed", "hold.acpi=1"), (held, "N", "unplug-held", "hold.virtio-mem=Y")):
        with mixed() as tree:
            healthy(tree)
            tree.write(path, "1" if value == "0" else "Y")
            findings(tree)
            tree.write(path, value)
            one(tree, kind, "warning", f"/{path}: {value}")
            tree.write("run/mhpd/state", saved)
            run_mhpd(tree)
            findings(tree)


@test
def kernel_does_not():
    with mixed() as tree:
        healthy(tree)
        for path in ("sys/kernel/kexec_crash_loaded", "sys/kernel/kexec/crash_loaded"):
            tree.write(path, "1")
            one(tree, "kdump-stale", "warning", f"/{path}: 1", "crash_hotplug")
            tree.write("sys/devices/system/memory/crash_hotplug", "1")
            findings(tree)
            tree.write("sys/devices/system/memory/crash_hotplug", "0")
            findings(tree, "kdump-stale")
            tree.write(path, "0")
        tree.parameter("Y")
        tree.write("proc/sys/vm/hugetlb_optimize_vmemmap", "1")
        equal(findings(tree, "memmap-source-ignores", "hvo-self-hosting")[1]["severity"], "warning", "HVO")
        tree.write("proc/sys/vm/hugetlb_optimize_vmemmap", "0")
        tree.write("proc/cmdline", "ro hugetlb_free_vmemmap=on quiet")
        has(findings(tree, "memmap-source-ignores", "hvo-self-hosting")[1]["evidence"], "hugetlb_free_vmemmap=on", "HVO")
        tree.write("proc/cmdline", "ro hugetlb_free_vmemmap=on hugetlb_free_vmemmap=off")
        findings(tree, "memmap-source-ignores")


@test
def kernels_of_other_machines():
    with mixed() as tree:
        healthy(tree)
        tree.parameter("Y")
        tree.write("proc/cpuinfo", "processor\t: 0\nMMU\t\t: Hash\n")
        equal([f["kind"] for f in findings(tree, "memmap-source-ignores", "memmap-hash-mmu")], ["memmap-source-ignores", "memmap-hash-mmu"], "hash")
        tree.write("proc/cpuinfo", "processor\t: 0\nMMU\t\t: Radix\n")
        tree.write("proc/sys/kernel/osrelease", "7.2.0")
        findings(tree, "memmap-source-ignores")
        tree.write("proc/sys/kernel/arch", "aarch64")
        has(findings(tree, "memmap-source-ignores", "memmap-arm64")[1]["evidence"], "osrelease: 7.2.0", "arm64")
        tree.write("proc/sys/kernel/osrelease", "7.1.9")
        findings(tree, "memmap-source-ignores")


@test
def kernel_too_old():
    with mixed() as tree:
        healthy(tree)
        tree.write("proc/sys/kernel/osrelease", "5.10.0-9-amd64")
        tree.write("etc/mhpd/mhpd.conf", "[Online]\nBy=kernel\nZone=auto")
        findings(tree)
        (tree.root / "sys/module/memory_hotplug/parameters/online_policy").unlink()
        has(one(tree, "kernel-too-old", "warning", "osrelease: 5.10.0-9-amd64")["message"], "online_policy", "what")
        tree.write("etc/mhpd/mhpd.conf", "[Rule d]\nSource=dax\nPlacement=self")
        tree.parameter("N")
        has(findings(tree, "memmap-placement", "kernel-too-old")[1]["message"], "6.8", "what")
        tree.write("proc/sys/kernel/osrelease", "6.12.1")
        findings(tree, "memmap-placement")


@test
def shares():
    with mixed() as tree:
        healthy(tree)
        swaps = "Filename\tType\tSize\tUsed\tPriority"
        tree.write("proc/swaps", swaps)
        findings(tree)
        for nr in range(1, 6):
            (tree.memory / f"memory{nr}/valid_zones").write_text("none\n")
        for nr in range(2, 8):
            (tree.memory / f"memory{nr}/valid_zones").write_text("Movable\n")
        one(tree, "no-swap", "warning", "/proc/swaps")
        tree.write("proc/swaps", swaps + "\n/dev/zram0 partition 1 0 100")
        findings(tree)
        (tree.memory / "memory48/valid_zones").write_text("Movable\n")
        one(tree, "movable-share", "warning", "11 Movable, 3 of kernel zones; MovableRatio=301")
        tree.write("etc/mhpd/mhpd.conf", "[Online]\nMovableRatio=2000")
        findings(tree)


@test
def no_right():
    with mixed() as tree:
        healthy(tree)
        tree.write("proc/iomem", "00000000-00000000 : System RAM\n  00000000-00000000 : Kernel code")
        one(tree, "no-right", "note", "/proc/iomem")


@test
def services():
    with mixed() as tree:
        healthy(tree)
        installed(tree)
        findings(tree)
        unit = "etc/systemd/system/mhpd.service"
        os.symlink("/dev/null", tree.root / unit)
        one(tree, "mhpd-masked", "error", "/" + unit)
        (tree.root / unit).unlink()
        wanted = tree.root / "etc/systemd/system/sysinit.target.wants/mhpd.service"
        wanted.unlink()
        one(tree, "mhpd-disabled", "warning", "sysinit.target.wants")
        run_mhpd(tree)
        one(tree, "mhpd-disabled", "note")
        wanted.write_text("x")
        (tree.root / "usr/share/dbus-1/system-services/org.freedesktop.PolicyKit1.service").unlink()
        one(tree, "no-polkit", "warning", "PolicyKit1")
        (tree.root / "usr/share/dbus-1/system.conf").unlink()
        findings(tree, "no-bus", "no-polkit")


def plug(tree, *args, status=0):
    answer = mhpctl("plan", "plug", *args, "--json", "--sysroot", tree.root, status=status).json()
    return answer, {p["placement"]: p for p in answer["placements"]}


@test
def plan_plug():
    with self_hosting() as tree:
        tree.write("proc/zoneinfo", "")
        # 100 MiB free, 4 MiB the minimum, 20 MiB of page cache of which 8 are dirty; 64 MiB more on node 1, and as much in Movable
        for node, zone, free, more in ((0, "Normal", 25600, "      nr_zone_active_file 4096\n      nr_zone_inactive_file 1024\n"
                                        "      nr_zone_write_pending 2048\n        min 1024\n"), (1, "Normal", 16384, ""), (1, "Movable", 16384, "")):
            tree.zone(node, zone, 100000, 100000, f"      nr_free_pages {free}\n{more}")
        answer, by = plug(tree, "8G")
        equal((answer["size"], answer["node"], answer["available"]), (8 << 30, None, (100 - 4 + 20 - 8 + 64) * M), "numbers")
        equal(by, {"dram": {"placement": "dram", "cost": 128 * M, "fits": True, "reason": None},
                   "self": {"placement": "self", "cost": 0, "fits": True, "reason": None}}, "both fit")
        equal([plug(tree, "16G")[1][p]["fits"] for p in ("dram", "self")], [False, True], "16 GiB")
        answer, by = plug(tree, "8G", "--node", "1")
        equal((answer["node"], answer["available"], by["dram"]), (1, 64 * M, {"placement": "dram", "cost": 128 * M, "fits": False, "reason": "not-enough"}),
              "on a node")
        equal(plug(tree, "8G", "--node", "7")[0]["available"], 172 * M, "a node without memory takes it from the others")
        tree.parameter("N")
        equal(plug(tree, "1G")[1]["self"], {"placement": "self", "cost": 0, "fits": False, "reason": "disabled"}, "as this kernel was booted")
        out = mhpctl("plan", "plug", "16G", "--sysroot", tree.root, status=1).out.split("\n")
        equal([line.split() for line in out[1:3]], [["dram", "256M", "172M", "no", "not-enough"], ["self", "0B", "172M", "no", "disabled"]], "in words")
        equal(plug(tree, "100G", status=1)[1]["dram"]["fits"], False, "nothing fits")
        tree.parameter("force")
        equal(plug(tree, "100G")[1]["force"], {"placement": "force", "cost": 0, "fits": True, "reason": None}, "the parameter's own name")
        equal(mhpctl("plan", "plug", "100G", "--sysroot", tree.root).out.split("\n")[2].split(), ["force", "0B", "172M", "yes", "-"], "in words")
        for size in ("64M", "192M", "1"):
            mhpctl("plan", "plug", size, "--sysroot", tree.root, status=2, err=[f'invalid size "{size}"', "a multiple of the memory block size, 128M"])
        tree.parameter("N")
        tree.write("proc/zoneinfo", "")
        equal(plug(tree, "1G")[1]["self"]["fits"], False, "not known, but it would not be done")
        equal((plug(tree, "1G")[0]["available"], plug(tree, "1G")[1]["dram"]["fits"]), (None, None), "not known")
        has(mhpctl("plan", "plug", "16G", "--sysroot", tree.root).out, "unknown", "in words")
