# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel with the companion series: its files below /sys/devices/system/memory, written to with one write(2) each."""

import re
import shlex

from . import health
from .blocks import SYSFS
from .case import VmCase
from .image import HELPER_DIR
from .machine import Spec

# The words of strerror(3) that dd prints; "" when it wrote everything.
WORDS = {"Invalid argument": "EINVAL", "Device or resource busy": "EBUSY", "No such file or directory": "ENOENT",
         "Operation not permitted": "EPERM", "Interrupted system call": "EINTR", "Permission denied": "EACCES",
         "Cannot allocate memory": "ENOMEM", "File too large": "EFBIG"}
# Without O_TRUNC and O_CREAT, and with all of the text in one call.
WRITE = "LC_ALL=C exec dd bs=4M iflag=fullblock conv=notrunc,nocreat status=none of={path}"
# The file is opened by root and written to by one who has no capabilities.
UNPRIVILEGED = ("exec 3<>{path}; LC_ALL=C exec setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all --inh-caps=-all "
                "dd bs=4M iflag=fullblock status=none >&3")
SUMS = r"""awk '/MemTotal/ { print "MemTotal", $2 }' /proc/meminfo; grep -h nr_memmap /proc/vmstat
awk '/^Node/ { zone = $2 $4 } $1 ~ /^(present|managed|spanned)$/ { n[zone " " $1] += $2 } END { for (k in n) if (n[k]) print k, n[k] }' /proc/zoneinfo | sort"""


def error_of(result):
    """The name of the errno that a write ended with, "" for success."""
    if result.code == 0:
        return ""
    return next((name for words, name in WORDS.items() if words in result.err), result.err.strip())


class PatchedCase(VmCase):
    """A guest on the patched kernel, without mhpd."""

    spec = Spec(memory="1G", kernel="patched")
    needs_mhpd = False

    def tearDown(self):
        self.assertEqual(health.complaints(self.machine), "")

    # Files

    def read(self, name):
        """What a file says."""
        return self.machine.check(["cat", f"{SYSFS}/{name}"])

    def write(self, name, text, timeout=60):
        """Write a text to a file in one go; the errno's name, or ""."""
        return error_of(self.machine.run(WRITE.format(path=f"{SYSFS}/{name}"), timeout, stdin=text))

    def write_unprivileged(self, name, text):
        """The same, by a process that may nothing."""
        return error_of(self.machine.run(UNPRIVILEGED.format(path=f"{SYSFS}/{name}"), stdin=text))

    def start_write(self, name, text):
        """Begin a write that may take long; a handle for finish_write(), and a file with the writer's process id."""
        note = f"/run/writer-{abs(hash((name, text, id(self)))) % 10**6}"
        line = f"echo $$ >{note}; printf %s {shlex.quote(text)} | (echo $BASHPID >{note}; {WRITE.format(path=f'{SYSFS}/{name}')})"
        return self.machine.agent.start(["/bin/bash", "-c", line]), note

    def finish_write(self, handle, timeout=60):
        """How it ended."""
        return error_of(self.machine.agent.finish(handle, timeout))

    # Memory

    def set_online(self, found, verb):
        """Write a verb to the state of these blocks, one after the other."""
        for number in sorted(found):
            self.assertEqual(self.write(f"memory{number}/state", verb), "", f"{verb} {number}")

    def places(self, only=None):
        """Block -> (state, zone)."""
        return {number: (block.state, block.zone) for number, block in self.machine.blocks().items() if only is None or number in only}

    def plug_offline(self, size, count):
        """Plug a DIMM whose blocks stay offline; (its name, its blocks)."""
        self.assertEqual(self.write("auto_online_blocks", "offline"), "")
        before = self.machine.blocks()
        name = self.machine.plug_dimm(size)
        found = self.machine.wait_blocks(lambda now: len(now.without(before)) == count and all(now.without(before)[n].nodes for n in
                                                                                                now.without(before)))
        self.machine.check("udevadm settle")
        return name, found.without(before)

    def vmemmap_pages(self, found):
        """Block -> what nr_vmemmap_pages says."""
        text = self.machine.check(f"cd {SYSFS}; grep -H '' " + " ".join(f"memory{number}/nr_vmemmap_pages" for number in sorted(found)))
        return {int(number): int(pages) for number, pages in re.findall(r"memory(\d+)/nr_vmemmap_pages:(\d+)", text)}

    def sums(self):
        """What the machine has, by zone: the same again after memory has come and gone."""
        return self.machine.check(SUMS)

    def pin(self, block, pages=4):
        """Pin pages of one block, so that the kernel cannot move them."""
        self.machine.check("dmesg -n 1; rm -f /run/pinned")
        self.machine.agent.start(f"exec {HELPER_DIR}/pinblock {block} {self.machine.blocks().block_size} {pages} >/run/pinned")
        self.machine.wait(lambda: self.machine.run("cat /run/pinned").out, lambda said: "pinned" in said, 60, "pages pinned")

    def unpin(self):
        """Let go of all pinned pages."""
        self.machine.run("pkill -x pinblock; while pgrep -x pinblock; do sleep 0.1; done")
