# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's stock cloud kernels, our own with the companion series, and the small initial root that starts the guest from its disk.

The initial root carries the few modules that a guest needs; it lays them, and whatever else the caller packs below
/overlay, over the guest's root before it hands over. So one disk image serves every kernel and every build of mhpd.
"""

import dataclasses
import functools
import lzma
import os
import pathlib
import re
import shutil

from . import Unavailable, cache
from .cpio import Archive

SERIES = {"6.12": r"linux-image-6\.12\.[^ ]*-cloud-amd64", "6.1": r"linux-image-6\.1\.0-[^ ]*-cloud-amd64"}

# Made by kernel/build with these options; MHPD_VM_PATCHED and MHPD_VM_PATCHED_DEBUG name an image of it that is there already.
OWN = {"patched": (), "patched-debug": ("--debug",)}
BUILD = pathlib.Path(__file__).resolve().parents[3] / "kernel" / "build"

# Loaded before the disk is mounted.
BOOT_MODULES = ("virtio_pci", "virtio_blk")
# Copied to the guest's root, with what they need.
GUEST_MODULES = BOOT_MODULES + (
    "autofs4", "virtio_console", "virtio_mem", "virtio_rng", "virtio_balloon", "nfit", "libnvdimm", "nd_pmem", "nd_btt",
    "device_dax", "dax_pmem", "kmem", "notifier_error_inject", "memory_notifier_error_inject")

INIT = """#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
for module in $(/bin/busybox cat /boot-modules); do /bin/busybox insmod "$module" || echo "mhpvm: $module failed"; done
if /bin/busybox grep -qw mhpvm.probe /proc/cmdline; then
    echo MHPVM-ALIVE
    /bin/busybox poweroff -f
fi
n=0
until [ -b /dev/vda ] || [ $n -ge 200 ]; do /bin/busybox usleep 50000; n=$((n + 1)); done
/bin/busybox mount -t ext4 -o rw,noatime /dev/vda /new || echo "mhpvm: no root file system"
[ ! -d /overlay ] || /bin/busybox cp -af /overlay/. /new/
/bin/busybox umount /sys
/bin/busybox mount --move /proc /new/proc
/bin/busybox mount --move /dev /new/dev
exec /bin/busybox switch_root /new /sbin/init
"""


@dataclasses.dataclass(frozen=True)
class Kernel:
    """An unpacked kernel package: its release, image file and initial root."""
    release: str
    image: pathlib.Path
    initrd: pathlib.Path


def _order(name):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _listed(series):
    """The packages of a series that apt knows, oldest first."""
    try:
        text = cache.run(["apt-cache", "search", "--names-only", f"^{SERIES[series]}$"])
    except Unavailable:
        return []
    return sorted((line.split()[0] for line in text.splitlines() if line), key=_order)


def _cached(series):
    """The packages of a series that an earlier run unpacked, oldest first."""
    names = [path.name[len("kernel-"):] for path in cache.root().glob("kernel-linux-image-*")]
    return sorted((name for name in names if re.fullmatch(SERIES[series], name)), key=_order)


def _unpack(package, target):
    """Download a kernel package and keep what a guest can use of it."""
    download = target.parent / "deb"
    download.mkdir()
    cache.run(["apt-get", "-q", "download", package], cwd=download)
    cache.run(["dpkg", "-x", str(next(download.glob("*.deb"))), str(download / "tree")])
    tree = download / "tree"
    image = next((tree / "boot").glob("vmlinuz-*"))
    release = image.name[len("vmlinuz-"):]
    cache.run(["/sbin/depmod", "-b", str(tree), release])
    target.mkdir()
    shutil.copy(image, target / "vmlinuz")
    (target / "release").write_text(release)
    shutil.move(str(tree / "lib" / "modules" / release), str(target / "modules"))


def _dependencies(folder):
    """Module name -> list of files below FOLDER to load, needed ones first."""
    table = {}
    for line in (folder / "modules.dep").read_text().splitlines():
        path, _, needs = line.partition(":")
        name = os.path.basename(path).split(".", 1)[0].replace("-", "_")
        table[name] = list(reversed(needs.split())) + [path]
    return table


def _wanted(folder, names):
    table = _dependencies(folder)
    files = []
    for name in names:
        files += [path for path in table.get(name, []) if path not in files]   # built in: nothing to load
    return files


def _plain(path):
    """A module's content, without the compression."""
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def _busybox():
    path = next((p for p in ("/bin/busybox", "/usr/bin/busybox") if os.path.exists(p)), None)
    if path is None:
        raise Unavailable("busybox-static is not installed")
    return pathlib.Path(path).read_bytes()


def _write_initrd(folder, release, target):
    """The initial root: busybox, the modules to boot with, and the guest's own module folder as an overlay."""
    archive = Archive()
    archive.file("init", INIT.encode(), 0o755)
    archive.file("bin/busybox", _busybox(), 0o755)
    archive.device("dev/console", 5, 1)
    for name in ("proc", "sys", "new"):
        archive.folder(name)
    kept = target.parent / "kept"
    guest = _keep_modules(folder, release, kept)
    archive.tree(kept, "overlay")
    boot = [f"/overlay/usr/lib/modules/{release}/{path}" for path in _wanted(guest, BOOT_MODULES)]
    archive.file("boot-modules", ("\n".join(boot) + "\n").encode())
    target.write_bytes(archive.bytes())


def _keep_modules(folder, release, kept):
    """A module folder below KEPT with only what a guest needs, not compressed, with an index of its own."""
    place = kept / "lib" / "modules" / release
    place.mkdir(parents=True)
    for path in _wanted(folder, GUEST_MODULES):
        module = place / path.removesuffix(".xz")
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_bytes(_plain(folder / path))
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        shutil.copy(folder / name, place / name)
    cache.run(["/sbin/depmod", "-b", str(kept), release])
    return place


def _from_folder(folder, series):
    """A Kernel out of a folder with `vmlinuz`, `release` and `modules`."""
    release = (folder / "release").read_text()
    names = cache.key_of_files(path for path in (folder / "modules").glob("modules.*") if path.is_file())
    version = cache.key(INIT, GUEST_MODULES, folder.name, release, names, cache.key_of_files([__file__]))
    initrd = cache.entry(f"initrd-{series}-{version}", lambda target: _write_initrd(folder / "modules", release, target))
    return Kernel(release, folder / "vmlinuz", initrd)


def _own(series):
    """The folder of a kernel with the companion series; building it takes some minutes, once."""
    image = os.environ.get("MHPD_VM_" + series.upper().replace("-", "_"))
    return pathlib.Path(image or cache.run([str(BUILD), *OWN[series]]).splitlines()[-1]).parent


@functools.lru_cache(maxsize=None)
def get(series):
    """A kernel: "6.12" or "6.1" for the newest stock one of a series (what apt lists, or else the newest one already here), "patched" for
    our own."""
    if series in OWN:
        return _from_folder(_own(series), series)
    problem = "apt lists no such package"
    for package in list(reversed(_listed(series)))[:1] + list(reversed(_cached(series))):
        try:
            folder = cache.entry(f"kernel-{package}", lambda target, name=package: _unpack(name, target))
        except Unavailable as error:
            problem = str(error)
            continue
        return _from_folder(folder, series)
    raise Unavailable(f"no {series} cloud kernel: {problem}")
