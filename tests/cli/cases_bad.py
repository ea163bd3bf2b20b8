# SPDX-License-Identifier: GPL-2.0-or-later
"""What is asked right and still cannot be done: exit status 1."""

import os
import subprocess

import harness
from harness import equal, has, mhpctl, test, workdir
from tree import Tree, mixed

READING = (["list"], ["groups"], ["memmap"], ["plan", "plug", "1G"], ["status"], ["dump"], ["plan", "online"], ["explain", "boot"])


@test
def no_memory_directory():
    with workdir() as root:
        for verb in READING:
            mhpctl(*verb, "--sysroot", root, status=1, err=[f"{verb[0]}: {root} has no sys/devices/system/memory", "holds sys and proc"])
        mhpctl("verify", "--sysroot", root, status=1, err=[f"{root} has no sys/devices/system/memory", "holds sys and proc"])
        mhpctl("list", "--sysroot", root / "missing", status=1, err="missing")
        mhpctl("verify", "--sysroot", root / "missing", status=1, err="missing")
        (root / "file").write_text("")
        mhpctl("list", "--sysroot", root / "file", status=1, err="file")


@test
def no_memory_hotplug():
    with workdir() as root:
        (root / "sys/devices/system").mkdir(parents=True)
        for verb in (*READING, ["verify"]):
            mhpctl(*verb, "--sysroot", root, status=1, err=[f"{root}/sys/devices/system/memory does not exist: its kernel has no memory hotplug"])


@test
def no_sysfs():
    """In a mount namespace with an empty folder on /sys."""
    script = 'mount -t tmpfs none /sys || exit 77; exec "$0" list'
    run = subprocess.run(["unshare", "--map-root-user", "--mount", "sh", "-c", script, harness.MHPCTL], capture_output=True, text=True, timeout=60,
                         env=harness.environment())
    if run.returncode == 77 or "unshare" in run.stderr:
        raise harness.Skip("no mount namespace can be had")
    equal(run.returncode, 1, f"exit status ({run.stderr})")
    has(run.stderr, "/sys/devices/system/memory does not exist: is sysfs mounted on /sys?", "what to do")


@test
def bad_block_size():
    with workdir() as root:
        tree = Tree(root)
        tree.block(0)
        for text in ("0", "", "zz", "3000000", "8000000000000000000", "-1", "1"):
            tree.write("sys/devices/system/memory/block_size_bytes", text)
            for verb in (*READING, ["verify"], ["doctor"]):
                mhpctl(*verb, "--sysroot", root, status=1, err="block_size_bytes")


@test
def strange_files():
    with mixed() as tree:
        (tree.memory / "memory1/state").write_text("hibernating\n")
        (tree.memory / "memory2/state").write_bytes(bytes(range(256)) * 16)
        (tree.memory / "memory3/valid_zones").write_text("Purple\n")
        os.unlink(tree.memory / "memory4/valid_zones")
        os.unlink(tree.memory / "memory5/state")
        os.mkdir(tree.memory / "memory99999999999999999999")
        os.mkdir(tree.memory / "memoryX")
        tree.write("proc/iomem", "what\nis\n  this - : nothing")
        for verb in READING:
            mhpctl(*verb, "--sysroot", tree.root)
            if verb != ["dump"]:
                mhpctl(*verb, "--json", "--sysroot", tree.root).json()
        blocks = {b["block"]: b for b in mhpctl("list", "--all", "--json", "--sysroot", tree.root).json()["blocks"]}
        assert blocks[1]["state"] in (None, "unknown"), blocks[1]


@test
def bad_configuration():
    with mixed() as tree:
        tree.write("etc/mhpd/mhpd.conf", "[Online\nZone=movable")
        mhpctl("policy", "--sysroot", tree.root, status=1, err="mhpd.conf")
        mhpctl("plan", "online", "--sysroot", tree.root, status=1, err="mhpd.conf")
        os.unlink(tree.root / "etc/mhpd/mhpd.conf")
        os.mkdir(tree.root / "etc/mhpd/mhpd.conf")
        mhpctl("policy", "--sysroot", tree.root, status=1, err="mhpd.conf")


@test
def unknown_targets():
    with mixed() as tree:
        mhpctl("plan", "online", "acpi:PNP0C80:07", "--sysroot", tree.root, status=1,
               err=['no group "acpi:PNP0C80:07"', "boot, acpi:PNP0C80:00, acpi:PNP0C80:01, virtio-mem:virtio0"])
        mhpctl("plan", "online", "6-9", "--sysroot", tree.root, status=1, err=["no block 8-9", "there are 0-7,32-43,48-51"])
        mhpctl("plan", "online", "0-4294967294", "--sysroot", tree.root, status=1, err="no block 8-31,44-47,52-4294967294")
        mhpctl("plan", "online", "1T", "--sysroot", tree.root, status=1, err="only 1280M of offline memory")


@test
def output_that_cannot_be_written():
    with mixed() as tree:
        for args in (["list"], ["list", "--json", "--all"], ["status"], ["--help"], ["--version"]):
            more = [] if args[0].startswith("-") else ["--sysroot", tree.root]
            with open("/dev/full", "w") as full:
                process = subprocess.run([harness.MHPCTL, *args, *more], stdout=full, stderr=subprocess.PIPE, text=True, env=harness.environment())
            equal(process.returncode, 1, f"{args}: exit status")
            has(process.stderr, "No space left on device", "standard error")
        process = subprocess.run([harness.MHPCTL, "list", "--sysroot", tree.root], stderr=subprocess.PIPE, text=True, env=harness.environment(),
                                 preexec_fn=lambda: os.close(1))
        equal(process.returncode, 1, "closed standard output")


@test
def no_daemon():
    for verb in (["online", "3"], ["offline", "3"], ["reload"]):
        mhpctl(*verb, status=1, err=[f"{verb[0]}: mhpd is not running", "systemctl start mhpd"])
