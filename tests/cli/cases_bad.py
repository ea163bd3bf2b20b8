# SPDX-License-Identifier: GPL-2.0-or-later
"""What is asked right and still cannot be done: exit status 1."""

import json
import os
import re
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
            for verb in (*READING, ["verify"]):
                mhpctl(*verb, "--sysroot", root, status=1, err="block_size_bytes")
            mhpctl("doctor", "--sysroot", root, status=2, err="block_size_bytes")


@test
def bad_blocks():
    """One block that cannot be read costs nobody the others."""
    with workdir() as root:
        tree = Tree(root)
        tree.blocks(0, 5)
        for nr in (2, 3):
            (tree.memory / f"memory{nr}/state").unlink()
            (tree.memory / f"memory{nr}/state").mkdir()
        tree.write("sys/devices/system/memory/memory5/state", "on fire")
        (tree.memory / "memory7").write_text("")
        (root / "sys/devices/system/node/node1").write_text("")
        out = mhpctl("list", "--sysroot", root).out
        has(out, "The state of blocks 2-3,5 cannot be read, or is none that mhpctl knows.", "what is missing")
        has(out, "Total online memory:        384M", "the others")
        states = {b["block"]: b["state"] for b in json.loads(mhpctl("list", "--all", "--json", "--sysroot", root).out)["blocks"]}
        equal(states, {0: "online", 1: "online", 2: "unknown", 3: "unknown", 4: "online", 5: "unknown"}, "states")
        for verb in (["groups"], ["memmap"], ["dump"], ["explain", "boot"]):
            mhpctl(*verb, "--sysroot", root)


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


BROKEN = (
    (b"[Online\nZone=movable\nMovableRatio=9", ":1: invalid line", "; the section is not used"),
    (b"[Online]\nthis is no configuration\nMovableRatio=301", ":2: invalid line", "expected [SECTION] or KEY=VALUE; the line is not used"),
    (b"[Online]\nZone: none", ":2: invalid line", "; the line is not used"),
    (b"[Online]\nZone=sideways", ":2: invalid Zone", "; Zone=auto is in force, the default"),
    (b"[Online]\nZone=n\x1bone", ":2: invalid line", "no control characters; the line is not used"),
    (b"[Online]\nZone=none\n# f\xfcr", ":3: a byte 0xfc", "; the file is not used"),
    (b"[Online]\nZone=none\nBy=\0", ":3: a byte 0x00", "; the file is not used"),
    (b"[Online]\nZone=none\n" + b"#\n" * 200000, ": 400019 bytes", "; the file is not used"),
    (os.mkdir, ": cannot be read: it is a directory", "; the file is not used"),
    (os.mkfifo, ": cannot be read: it is not a regular file", "; the file is not used"),
    (lambda path: os.symlink("/dev/zero", path), ": cannot be read: it is not a regular file", "; the file is not used"),
    (lambda path: os.symlink("mhpd.conf", path), ": cannot be read: Too many levels of symbolic links", "; the file is not used"),
    (lambda path: os.symlink("/nowhere", path), ": cannot be read: No such file or directory", "; the file is not used"),
)


@test
def bad_configuration():
    with mixed() as tree:
        tree.write("sys/devices/system/memory/auto_online_blocks", "online_movable")
        for text, where, said in BROKEN:
            tree.write("etc/mhpd/mhpd.conf", "")
            conf = tree.root / "etc/mhpd/mhpd.conf"
            os.unlink(conf)
            text(conf) if callable(text) else conf.write_bytes(text)
            tree.write("etc/mhpd/mhpd.conf.d/20-good.conf", "[Teardown]\nAttempts=9\n")
            warning = f"{conf}{where}"
            answer = mhpctl("policy", "--json", "--sysroot", tree.root).json()
            equal(answer["config"]["Teardown"]["Attempts"], "9", f"{where}: the drop-in counts")
            equal(answer["config"]["Online"]["Zone"], "auto", f"{where}: the default")
            warnings = answer["warnings"]
            equal(len(warnings), 1, f"{where}: warnings {warnings}")
            has(warnings[0], warning, "the warning")
            has(warnings[0], said, "the warning")
            has(mhpctl("policy", "--sysroot", tree.root).out, f"\nWarnings\n  {warnings[0]}\n", "policy in words")
            problems = mhpctl("status", "--json", "--sysroot", tree.root).json()["problems"]
            equal([p["message"] for p in problems if p["kind"] == "config"], warnings, "status")
            has(mhpctl("status", "--sysroot", tree.root).out, f"config: {warnings[0]}\n", "status in words")
            run = mhpctl("doctor", "--json", "--sysroot", tree.root, status=1)
            equal([f["message"] for f in run.json()["findings"] if f["kind"] == "config"], warnings, "doctor")
            run = mhpctl("plan", "online", "--json", "--sysroot", tree.root, err=f"mhpctl: plan: warning: {warnings[0]}\n")
            equal({s["reason"] for s in run.json()["steps"]}, {"ratio-allows"}, "plan")
            conf.rmdir() if conf.is_dir() and not conf.is_symlink() else os.unlink(conf)


@test
def words_that_are_no_text():
    """They are shown as what they are not: neither a terminal nor a log gets the bytes."""
    with mixed() as tree:
        for verb in (["explain"], ["memmap"], ["plan", "plug"], ["plan", "offline"], ["list", "-o"], ["list"], ["simulate", "--add"], ["--color"], []):
            for word in ("\udcff\udc9b", "\x9b2J", "\x1b[2J"):
                run = subprocess.run([harness.MHPCTL, "--sysroot", tree.root, *verb, word], capture_output=True, timeout=60, env=harness.environment())
                said = run.stderr.decode("utf-8")
                assert run.returncode in (1, 2) and said.isprintable() is False and said.rstrip("\n").isprintable(), (verb, word, run)


@test
def full_output():
    with mixed() as tree:
        for verb in (["dump"], ["list"], ["list", "--all", "--json"], ["memmap"], ["policy"], ["--help"], ["--version"], ["help", "list"]):
            with open("/dev/full", "w", encoding="ascii") as full:
                run = subprocess.run([harness.MHPCTL, *verb] + (["--sysroot", tree.root] if len(verb[0]) < 7 and verb[0] != "help" else []), stdout=full,
                                     stderr=subprocess.PIPE, text=True, timeout=60, env=harness.environment())
            equal(run.returncode, 1, f"exit status of {verb}: {run.stderr}")
            has(run.stderr, "writing to standard output: No space left on device", "why")


def names():
    """The paths of lib/edge/names.h that are relative, and so lie below --sysroot."""
    found = {}
    for name, words in re.findall(r"^#define (NAME_\w+) (.+)$", (harness.HERE.parents[1] / "lib/edge/names.h").read_text(), re.M):
        found[name] = "".join(word[1:-1] if word.startswith('"') else found[word] for word in re.findall(r'"[^"]*"|NAME_\w+', words))
    return sorted({path for path in found.values() if re.match(r"(?:sys|proc|etc|run|usr|lib)/", path)})


HOSTILE = (*READING, ["policy"], ["doctor"], ["verify"], ["plan", "unplug", "acpi:PNP0C80:00"], ["explain", "32"])


def hangs(tree, paths, what):
    """No verb waits for these FIFOs. What it says of them is its own affair."""
    put = []
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and not path.is_symlink():
            continue
        put.append((path, path.read_bytes() if path.exists() else None))
        path.unlink(missing_ok=True)
        os.mkfifo(path)
    for verb in HOSTILE:
        try:
            run = subprocess.run([harness.MHPCTL, *verb, "--sysroot", tree.root], capture_output=True, timeout=20, env=harness.environment())
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"mhpctl {' '.join(verb)} waits for a FIFO in the place of {what}") from error
        assert 0 <= run.returncode < 10, (what, verb, run)
    for path, text in put:
        path.unlink()
        if text is not None:
            path.write_bytes(text)


@test
def fifos():
    """In the place of each file that there is, of those that there might be, and of all at once."""
    with mixed() as tree:
        tree.write("proc/zoneinfo", "Node 0, zone Movable")
        tree.write("etc/mhpd/mhpd.conf", "[Online]\nZone=none")
        tree.write("etc/udev/rules.d/50-x.rules", 'SUBSYSTEM=="memory", ATTR{state}=="offline", ATTR{state}="online"')
        by_name = {}
        for path in sorted(tree.root.rglob("*")):
            if path.is_file() and not path.is_symlink():
                by_name.setdefault(path.name, []).append(path)
        for name, paths in by_name.items():
            hangs(tree, paths, name)
        rest = [tree.root / path for path in names() if not (tree.root / path).exists()]
        assert len(rest) > 30, rest
        leaves = [path for path in rest if not any(path in other.parents for other in rest)]
        hangs(tree, leaves, "what this tree has not")
        block = tree.memory / "memory33"
        hangs(tree, [block / "hold", block / "nr_vmemmap_pages", block / "uevent"], "a block's files")
        # block_size_bytes would end everything at once
        hangs(tree, leaves + [p for name, paths in by_name.items() if name != "block_size_bytes" for p in paths], "all of them")


@test
def devices():
    """What acts on being read, or never ends."""
    with mixed() as tree:
        for target, why in (("/dev/zero", "not a regular file"), ("/dev/ptmx", "not a regular file"), ("/dev/full", "not a regular file")):
            tree.write("etc/mhpd/mhpd.conf", "")
            for path in ("etc/mhpd/mhpd.conf", "proc/zoneinfo", "proc/iomem", "sys/devices/system/memory/memory33/valid_zones"):
                (tree.root / path).unlink(missing_ok=True)
                os.symlink(target, tree.root / path)
            has(mhpctl("policy", "--sysroot", tree.root).out, why, target)
            for verb in (["list"], ["status"], ["groups"]):
                mhpctl(*verb, "--sysroot", tree.root)
            for path in ("etc/mhpd/mhpd.conf", "proc/zoneinfo", "proc/iomem", "sys/devices/system/memory/memory33/valid_zones"):
                (tree.root / path).unlink()


@test
def configuration_without_permission():
    nobody = {"user": 65534} if os.getuid() == 0 else {}
    with mixed() as tree:
        os.chmod(tree.root, 0o755)
        try:
            mhpctl("policy", "--sysroot", tree.root, **nobody)
        except PermissionError as error:
            raise harness.Skip("nobody else may run mhpctl from here") from error
        tree.write("etc/mhpd/mhpd.conf", "[Online]\nZone=none")
        tree.write("etc/mhpd/mhpd.conf.d/20-good.conf", "[Teardown]\nAttempts=9\n")
        os.chmod(tree.root / "etc/mhpd/mhpd.conf", 0)
        answer = mhpctl("policy", "--json", "--sysroot", tree.root, **nobody).json()
        equal(answer["config"]["Teardown"]["Attempts"], "9", "the drop-in counts")
        has(answer["warnings"][0], "mhpd.conf: cannot be read: Permission denied", "the warning")


@test
def rules_that_do_not_do_what_was_meant():
    with mixed() as tree:
        tree.write("etc/mhpd/mhpd.conf", "[Rule typo]\nSoruce=virtio-mem\nZone=none\n[Rule all]\nZone=movable\n"
                   "[Rule late]\nNode=1\nZone=kernel\n[Rule empty]\n[Rule sizes]\nMinSize=4GB\nMaxSize=1GiB\nZone=none\n")
        answer = mhpctl("policy", "--json", "--sysroot", tree.root).json()
        equal([r["name"] for r in answer["rules"]], ["all", "late", "sizes"], "the rules that are used")
        for words, warning in zip((":2: unknown key \"Soruce\" in [Rule typo]", ":6: [Rule late] is never asked", ":9: [Rule empty] has no key",
                                   ":10: [Rule sizes] fits nothing"), answer["warnings"], strict=True):
            has(warning, words, "a warning")


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
        for args in (["list"], ["list", "--json", "--all"], ["status"], ["--help"], ["help"], ["--version"]):
            more = [] if args[0].startswith("-") or args == ["help"] else ["--sysroot", tree.root]
            with open("/dev/full", "w") as full:
                process = subprocess.run([harness.MHPCTL, *args, *more], stdout=full, stderr=subprocess.PIPE, text=True, env=harness.environment())
            equal(process.returncode, 1, f"{args}: exit status")
            has(process.stderr, "No space left on device", "standard error")
        process = subprocess.run([harness.MHPCTL, "list", "--sysroot", tree.root], stderr=subprocess.PIPE, text=True, env=harness.environment(),
                                 preexec_fn=lambda: os.close(1))
        equal(process.returncode, 1, "closed standard output")


@test
def no_bus():
    for verb in (["online", "3"], ["offline", "3"], ["reload"]):
        mhpctl(*verb, status=1, err=[f"{verb[0]}: the system bus cannot be reached: No such file", "systemctl status dbus.socket"])
