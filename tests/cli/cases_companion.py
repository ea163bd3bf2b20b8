# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel with the companion patch offers, on folders that look like a machine with one."""

import os

from harness import equal, has, mhpctl, test
from tree import mixed, patched

OFFERS = {"memmap_policy": True, "teardown": True, "hold": True, "nr_vmemmap_pages": True, "eject_notice": True, "virtio_mem_sizes": True,
          "events": None}


@test
def status_of_a_patched_kernel():
    with patched() as tree:
        answer = mhpctl("status", "--json", "--sysroot", tree.root).json()
        equal(answer["companion"], OFFERS, "companion")
        equal(answer["virtio_mem"], [{"device": "virtio0", "requested": 2 << 30, "plugged": 1 << 30, "usable": 16 << 30,
                                      "device_block": 2 << 20, "mode": "sbm"}], "virtio-mem")
        run = mhpctl("status", "--sysroot", tree.root)
        has(run.out, "\nkernel   offers memmap_policy, teardown, hold, nr_vmemmap_pages, eject notice, virtio-mem sizes\n", "status")
        has(run.out, "\nvirtio0  requested 2G, plugged 1G of 16G in pieces of 2M, mode sbm\n", "status")
        os.unlink(tree.memory / "teardown")
        equal(mhpctl("status", "--json", "--sysroot", tree.root).json()["companion"], {**OFFERS, "teardown": False}, "without a part of it")


@test
def status_of_a_stock_kernel():
    with mixed() as tree:
        answer = mhpctl("status", "--json", "--sysroot", tree.root).json()
        equal(answer["companion"], {**{key: False for key in OFFERS}, "events": None}, "companion")
        equal(answer["virtio_mem"], [], "virtio-mem")
