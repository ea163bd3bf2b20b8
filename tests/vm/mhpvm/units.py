# SPDX-License-Identifier: GPL-2.0-or-later
"""Sizes as people write them."""

KiB, MiB, GiB = 1 << 10, 1 << 20, 1 << 30
_SUFFIX = {"K": KiB, "M": MiB, "G": GiB}


def parse_size(size):
    """Bytes for 4096, "512M", "2G"."""
    if isinstance(size, int):
        return size
    unit = _SUFFIX.get(size[-1:].upper())
    return int(size[:-1]) * unit if unit else int(size)
