# SPDX-License-Identifier: GPL-2.0-or-later
"""Write the "newc" archives that the kernel unpacks as its initial root; everything in them belongs to root."""

import os
import stat

# Debian's root has these names as links into /usr: an archive that held them as folders could not be laid over it.
MERGED = ("bin", "sbin", "lib", "lib64")


def merged(path):
    """PATH with the folder that Debian's merged /usr gives it."""
    head = path.split("/", 1)[0]
    return "usr/" + path if head in MERGED else path


class Archive:
    """A cpio archive under construction; parent folders are added when they are first needed."""

    def __init__(self):
        self._parts = []
        self._seen = set()
        self._inode = 1

    def _record(self, name, mode, data=b"", device=(0, 0)):
        encoded = name.encode() + b"\0"
        fields = (self._inode, mode, 0, 0, 1, 0, len(data), 0, 0, device[0], device[1], len(encoded), 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + encoded
        self._parts.append(head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4))
        self._inode += 1

    def folder(self, name, mode=0o755):
        """Add a folder and the folders above it, once."""
        if not name or name in self._seen:
            return
        self.folder(os.path.dirname(name))
        self._seen.add(name)
        self._record(name, stat.S_IFDIR | mode)

    def file(self, name, data, mode=0o644):
        """Add a file with this content."""
        self.folder(os.path.dirname(name))
        self._record(name, stat.S_IFREG | mode, data)

    def link(self, name, target):
        """Add a symbolic link."""
        self.folder(os.path.dirname(name))
        self._record(name, stat.S_IFLNK | 0o777, target.encode())

    def device(self, name, major, minor):
        """Add a character device node."""
        self.folder(os.path.dirname(name))
        self._record(name, stat.S_IFCHR | 0o600, device=(major, minor))

    def tree(self, top, prefix):
        """Add all that lies below the folder TOP, as it would lie on a merged-/usr root."""
        for folder, folders, files in os.walk(top):
            folders.sort()
            for name in sorted(files) + [f for f in folders if os.path.islink(os.path.join(folder, f))]:
                path = os.path.join(folder, name)
                self._copy(path, os.path.join(prefix, merged(os.path.relpath(path, top))))
            for name in folders:
                path = os.path.join(folder, name)
                if not os.path.islink(path):
                    place = merged(os.path.relpath(path, top))
                    self.folder(os.path.join(prefix, place), stat.S_IMODE(os.lstat(path).st_mode))

    def _copy(self, path, name):
        if os.path.islink(path):
            self.link(name, os.readlink(path))
            return
        with open(path, "rb") as handle:
            self.file(name, handle.read(), stat.S_IMODE(os.lstat(path).st_mode))

    def bytes(self):
        """The finished archive, padded so that another one may follow it."""
        self._inode = 0
        self._record("TRAILER!!!", 0)
        data = b"".join(self._parts)
        return data + b"\0" * (-len(data) % 512)
