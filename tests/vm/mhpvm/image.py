# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's disk (a small Debian, made once) and the overlay that puts a build of mhpd and the test helpers on it."""

import os
import pathlib
import shutil
import subprocess
import tempfile

from . import Unavailable, cache
from .cpio import Archive, merged

SUITE = "bookworm"
SIZE = "900M"
# libseccomp2 comes with systemd.
PACKAGES = ("systemd", "systemd-sysv", "udev", "dbus", "polkitd", "kmod", "libinih1", "libnl-3-200", "libnl-genl-3-200",
            "libsmartcols1", "libjson-c5", "procps", "util-linux", "bc", "ndctl", "daxctl", "qemu-guest-agent")
HELPERS = pathlib.Path(__file__).resolve().parent.parent / "helpers"
_scratch = set()
HELPER_DIR = "/usr/libexec/mhpd-tests"

# What makes the guest quick to boot and the agent safe while memory is short. The agent reports each question, which is more work for the journal
# than the question is for the agent.
GUEST_FILES = {
    "/etc/hostname": "guest\n",
    "/etc/fstab": "",
    "/etc/machine-id": "6d687064000000000000000000000001\n",
    "/etc/systemd/system/qemu-guest-agent.service.d/test.conf":
        "[Service]\nOOMPolicy=continue\nOOMScoreAdjust=-999\nMemoryMin=32M\nLogLevelMax=notice\n",
    "/etc/systemd/journald.conf.d/test.conf":
        "[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\nForwardToConsole=no\n",
    "/etc/udev/rules.d/40-vm-hotadd.rules": "",
}
MASKED = ("getty@tty1.service", "serial-getty@ttyS0.service", "systemd-networkd.service", "apt-daily.timer",
          "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer",
          "systemd-update-utmp.service", "ndctl-monitor.service", "daxdev-reconfigure@dax0.0.service", "systemd-pcrphase.service", "ldconfig.service", "systemd-hwdb-update.service",
          "modprobe@.service")


# mmdebstrap runs this while it may read every file; the bind mount leaves out what it has mounted below the new root. A
# chroot's root is no mount point, and its propagation cannot be changed: so that stays as it is.
HOOK = """set -e
rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/usr/share/doc/* "$1"/usr/share/locale/* "$1"/usr/share/man/*
unshare --mount --propagation unchanged sh -ec 'mkdir "$1.bare"; mount --bind "$1" "$1.bare"
trap "umount \\"$1.bare\\"; rmdir \\"$1.bare\\"" EXIT
mke2fs -q -t ext4 -O ^has_journal -d "$1.bare" "$2" "$3"' sh "$1" "TARGET" "SIZE"
chmod 644 "TARGET"
"""


def _make_disk(target):
    """A minimal Debian, straight into a file system. Without root, mmdebstrap works under other user ids: it gets a
    folder that is open to all, and the result is copied from there."""
    open_folder = scratch()
    try:
        open_folder.chmod(0o777)
        image = open_folder / "root.ext4"
        hook = HOOK.replace("TARGET", str(image)).replace("SIZE", SIZE)
        cache.run(["mmdebstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}",
                   '--aptopt=Apt::Install-Recommends "false"', f"--customize-hook={hook}", "--format=null",
                   SUITE, "/dev/null"])
        cache.run(["cp", "--sparse=always", str(image), str(target)])
    finally:
        shutil.rmtree(open_folder, ignore_errors=True)


def disk():
    """The guest's disk image, shared by all guests and never written to by one."""
    return cache.entry(f"root-{SUITE}-{cache.key(SUITE, SIZE, PACKAGES, HOOK)}.ext4", _make_disk)


def empty_disk(path, size):
    """A sparse file with a file system, for one guest to write to."""
    cache.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", str(path), size])


def _compile(target):
    """Build every helper, static, so that it runs on any guest. One that does not compile fails the tests: it is no reason to skip them."""
    if not shutil.which("gcc"):
        raise Unavailable("gcc is not installed")
    target.mkdir()
    for source in sorted(HELPERS.glob("*.c")):
        subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o", str(target / source.stem), str(source)], check=True)


def helpers():
    """The folder with the compiled helper programs."""
    version = cache.key_of_files(HELPERS.glob("*.c"))
    return cache.entry(f"helpers-{version}", _compile)


def overlay(dest=None, files=None):
    """An archive for the initial root: helpers, the install tree DEST, and FILES (guest path -> text)."""
    archive = Archive()
    archive.tree(helpers(), "overlay" + HELPER_DIR)
    if dest:
        archive.tree(dest, "overlay")
    for path, text in {**GUEST_FILES, **(files or {})}.items():
        archive.file("overlay/" + merged(path.lstrip("/")), text.encode())
    for unit in MASKED:
        archive.link(f"overlay/etc/systemd/system/{unit}", "/dev/null")
    return archive.bytes()


def check_tools():
    """Raise Unavailable when a program that guests need is missing."""
    for argv in (["qemu-system-x86_64", "--version"], ["mmdebstrap", "--version"], ["/sbin/mke2fs", "-V"]):
        try:
            subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        except (FileNotFoundError, subprocess.CalledProcessError) as error:
            raise Unavailable(f"{argv[0]} is not installed or does not run") from error


def scratch():
    """A new folder for one guest's sockets, log and temporary disk."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="mhpvm-"))
    _scratch.add(path)
    return path


def end_at_once(number, _frame):
    """Signal handler: the guests die with us (setpriv --pdeathsig), their folders are removed here."""
    for path in _scratch:
        shutil.rmtree(path, ignore_errors=True)
    os._exit(128 + number)
