# SPDX-License-Identifier: GPL-2.0-or-later
"""Which accelerator QEMU can use here. /dev/kvm may open and still be of no use, so a kernel is booted to find out."""

import functools
import os
import subprocess

TCG = ["-accel", "tcg,thread=multi", "-cpu", "max"]
KVM = ["-accel", "kvm", "-cpu", "host"]


def _boots(kernel, arguments, seconds):
    argv = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-M", "q35", "-m", "512M",
            *arguments, "-kernel", str(kernel.image), "-initrd", str(kernel.initrd),
            "-append", "console=ttyS0 panic=-1 mhpvm.probe", "-serial", "stdio"]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              timeout=seconds, check=False)
        return b"MHPVM-ALIVE" in done.stdout
    except subprocess.TimeoutExpired as late:
        return b"MHPVM-ALIVE" in (late.stdout or b"")


@functools.lru_cache(maxsize=None)
def arguments(kernel):
    """QEMU's arguments for the best accelerator that boots KERNEL; MHPD_VM_ACCEL=kvm or tcg skips the trial."""
    forced = os.environ.get("MHPD_VM_ACCEL")
    if forced:
        return KVM if forced == "kvm" else TCG
    if os.access("/dev/kvm", os.R_OK | os.W_OK) and _boots(kernel, KVM, 8):
        return KVM
    return TCG
