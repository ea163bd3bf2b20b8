# SPDX-License-Identifier: GPL-2.0-or-later
"""Hundreds of random plugs, unplugs, onlinings and offlinings: after each, the kernel, the model and `mhpctl verify` agree."""

import contextlib
import json
import os
import random
import re

from mhpvm import blocks, memmap
from mhpvm.machine import Spec, Timeout, VirtioMem
from mhpvm.memmap import HELPER, PARAMETER, MemmapCase
from mhpvm.units import MiB

OPERATIONS = 320
SIZES = (128, 256, 384, 512, 1024)
MOST_DIMMS = 6
ONLINE = ("online_movable", "online_movable", "online_kernel")
# One step: an operation on one block, then what there is to compare; each part ends with "==" and its exit code.
STEP = f"""step() {{
    [ -z "$2" ] || echo $2 > {blocks.SYSFS}/memory$1/state; echo "== $?"
    {HELPER} 1024; echo "== $?"
    mhpctl verify --json; echo "== $?"
}} 2>/dev/null
"""


class RandomOperations(MemmapCase):
    """DIMMs and a virtio-mem device, with blocks that go up and down; a seed for the same again is MHPD_VM_SEED."""

    spec = Spec(memory="1G", virtio_mem=(VirtioMem("vm0", "4G"),), append=f"{PARAMETER}=1")
    config = "[Online]\nBy=mhpd\nZone=none\n[Teardown]\nDrift=report\n"

    def setUp(self):
        seed = int(os.environ.get("MHPD_VM_SEED", random.randrange(1 << 32)))
        print(f"     seed {seed}", flush=True)
        self.random = random.Random(seed)
        self.boot_blocks = set(self.machine.blocks())
        self.dimms = []
        self.done = dict.fromkeys(("plug", "unplug", "resize", "offline", *ONLINE), 0)
        self.failed = 0

    # The host's side

    def plug(self):
        """A DIMM, whose blocks host their own memmap."""
        size = self.random.choice(SIZES) * MiB
        before = self.machine.blocks()
        name = self.machine.plug_dimm(size)
        count = size // before.block_size
        now = self.machine.wait_blocks(lambda found: len(found.without(before)) == count)
        self.expect(now.without(before), self.here)
        self.dimms.append(name)
        self.done["plug"] += 1

    def unplug(self):
        """A DIMM goes, unless something in it cannot be moved."""
        name = self.random.choice(self.dimms)
        if self.machine.unplug_dimm(name):
            self.dimms.remove(name)
            self.forget_gone()
        else:
            self.failed += 1
        self.done["unplug"] += 1

    def resize(self):
        """The virtio-mem device grows or shrinks, as far as its driver gets; its memmap lies elsewhere."""
        size = self.random.randrange(0, 1024, 2) * MiB
        self.machine.resize_virtio_mem(size)
        try:
            self.machine.wait_virtio_mem(size, timeout=2)
        except Timeout:
            self.failed += 1
            # the driver would go on trying, in the middle of what is compared next
            self.machine.resize_virtio_mem(self.machine.virtio_mem_size())
            self.machine.wait_blocks(lambda found: all(block.state != "going-offline" for block in found.values()))
        self.machine.check("udevadm settle")
        self.done["resize"] += 1

    # The guest's side

    def writes(self, count):
        """A script that does so many operations on hot-added blocks, each of them one that can be done, and checked."""
        states = {number: block.state for number, block in self.machine.blocks().items() if number not in self.boot_blocks}
        lines = ["step"]
        for _ in range(count if states else 0):
            number = self.random.choice(list(states))
            verb = self.random.choice(ONLINE) if states[number] == "offline" else "offline"
            states[number] = "offline" if verb == "offline" else "online"
            lines.append(f"step {number} {verb}")
            self.done[verb] += 1
        return STEP + "\n".join(lines)

    def check_steps(self, text):
        """Compare what every step of a batch shows."""
        ends = [(body, int(code)) for body, code in re.findall(r"(?s)(.*?)== (\d+)\n", text)]
        self.assertEqual(len(ends) % 3, 0)
        for (_, wrote), (flags, looked), (said, verified) in zip(ends[::3], ends[1::3], ends[2::3]):
            self.failed += wrote != 0
            self.assertEqual(looked, 0)
            self.assertEqual(memmap.wrong_pages(memmap.parse(flags)[0], self.expected), [])
            self.assertEqual((verified, json.loads(said)["differ"]), (0, []))

    def test_random_operations(self):
        while sum(self.done.values()) < OPERATIONS:
            choices = [self.resize] + [self.plug] * (2 if len(self.dimms) < MOST_DIMMS else 0) + [self.unplug] * (2 if self.dimms else 0)
            self.random.choice(choices)()
            self.check_steps(self.machine.check(self.writes(self.random.randrange(3, 10)), timeout=180))
        # The part of an online block that a virtio-mem device has not plugged is in no zone's hands: let none be left. The driver fills blocks that it
        # has before it adds more, and adds none while 1 GiB is offline.
        self.machine.resize_virtio_mem("1G")
        with contextlib.suppress(Timeout):
            self.machine.wait_virtio_mem("1G", timeout=30)
        self.machine.check("udevadm settle")
        self.assert_agree()
        self.assert_daemon_agrees()
        print(f"     {sum(self.done.values())} operations {self.done}, {self.failed} refused by the kernel", flush=True)
