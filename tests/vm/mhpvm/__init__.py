# SPDX-License-Identifier: GPL-2.0-or-later
"""Throw-away QEMU guests with a real kernel, for tests that hot-plug memory."""


class Unavailable(Exception):
    """This machine cannot run the guest (no QEMU, no packages): a reason to skip, never a failure."""
