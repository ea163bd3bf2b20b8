# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests that come with the kernel's source, taken out of Debian's package of it."""

import subprocess

from . import Unavailable, cache

PACKAGE = "linux-source-6.12"
ON_OFF = "tools/testing/selftests/memory-hotplug/mem-on-off-test.sh"

# The archive is 1.4 GiB without its two compressions: it passes through a pipe, and only until the file has come by.
EXTRACT = """dpkg-deb --fsys-tarfile "$1" | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' | xz -dc |
tar -xO --occurrence=1 --wildcards "linux-source-*/$2" >"$3"; [ -s "$3" ]"""


def _fetch(target):
    folder = target.parent
    cache.run(["apt-get", "-q", "download", PACKAGE], cwd=folder)
    cache.run(["sh", "-c", EXTRACT, "sh", str(next(folder.glob("*.deb"))), ON_OFF, str(target)])


def on_off():
    """The text of the kernel's own test of memory that goes offline and comes back."""
    try:
        policy = subprocess.run(["apt-cache", "policy", PACKAGE], capture_output=True, text=True, check=True).stdout
        version = next(line.split()[1] for line in policy.splitlines() if "Candidate:" in line)
    except (OSError, subprocess.CalledProcessError, StopIteration) as error:
        raise Unavailable(f"apt knows no {PACKAGE}") from error
    return cache.entry(f"{PACKAGE}-mem-on-off-test-{cache.key(version, EXTRACT)}", _fetch).read_text()
