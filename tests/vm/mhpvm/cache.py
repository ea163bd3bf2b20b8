# SPDX-License-Identifier: GPL-2.0-or-later
"""One folder of things that are slow to make.

Each entry is named after what it was made from and appears by rename(2) only once it is complete, so that an
interrupted download or build leaves nothing behind that a later run could mistake for a result.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from . import Unavailable


def root():
    """The cache folder, made if need be."""
    path = os.environ.get("MHPD_VM_CACHE")
    if not path:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        path = os.path.join(base, "mhpd-vm")
    folder = pathlib.Path(path).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def key(*parts):
    """A short name for what an entry was made from."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def key_of_files(paths):
    """A short name for the content of some files."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(os.path.basename(path).encode() + b"\0")
        digest.update(pathlib.Path(path).read_bytes())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def _lock(name):
    with open(root() / f".{name}.lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def entry(name, make):
    """The path of entry NAME; `make(path)` creates it (file or folder) below a temporary folder when it is missing."""
    final = root() / name
    if final.exists():
        return final
    with _lock(name):
        if final.exists():
            return final
        work = pathlib.Path(tempfile.mkdtemp(prefix=".making-", dir=root()))
        try:
            make(work / "it")
            os.rename(work / "it", final)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return final


def run(argv, **options):
    """Run a build command; its failure means that the guest cannot be made here."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", **options)
    except FileNotFoundError as error:
        raise Unavailable(f"{argv[0]} is not installed") from error
    if done.returncode != 0:
        tail = " | ".join(done.stdout.strip().splitlines()[-3:])
        raise Unavailable(f"{argv[0]} failed with code {done.returncode}: {tail}")
    return done.stdout
