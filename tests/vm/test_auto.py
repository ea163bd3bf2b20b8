# SPDX-License-Identifier: GPL-2.0-or-later
"""Zone=auto chooses what its description says, DIMM by DIMM, and DIMM memory in Normal counts as kernel memory."""

from mhpvm import policy
from mhpvm.case import VmCase
from mhpvm.machine import Spec, VirtioMem
from mhpvm.units import parse_size


class Auto(VmCase):
    """Sequences of DIMMs; each choice is predicted from what the kernel shows just before."""

    config = "[Online]\nZone=auto\nMovableRatio=100\n"

    def follow(self, sizes, ratio, nodes=(0,), numa_aware=True):
        """Plug DIMMs, nodes in turn. What was chosen; what would have been if only boot memory were kernel memory; and
        with the other NumaAware=."""
        self.configure(f"[Online]\nZone=auto\nMovableRatio={ratio}\nNumaAware={'yes' if numa_aware else 'no'}\n")
        chosen, boot_only, other_numa = [], [], []
        for index, size in enumerate(sizes):
            node = nodes[index % len(nodes)]
            before = self.machine.blocks()
            arguments = (before, parse_size(size), node, ratio)
            chosen.append(policy.choose(*arguments, numa_aware))
            boot_only.append(policy.choose(*arguments, numa_aware, boot_only=self.boot_blocks))
            other_numa.append(policy.choose(*arguments, not numa_aware))
            self.machine.plug_dimm(size, node)
            found = self.arrived(before, parse_size(size) // before.block_size)
            with self.subTest(dimm=index, size=size, node=node, ratio=ratio):
                self.assert_zone(found, chosen[-1])
        return chosen, boot_only, other_numa

    @property
    def boot_blocks(self):
        """The numbers of the blocks of boot memory."""
        return {entry["block"] for entry in self.mhpctl_json("list --all")["blocks"] if entry["source"] == "boot"}


class OneNode(Auto):
    """A 1 GiB guest."""

    spec = Spec(memory="1G")

    def test_ratios(self):
        for ratio, sizes in ((100, ["768M"] * 6), (301, ["2G", "4G", "2G", "1G", "2G", "4G", "1G", "2G", "4G"])):
            chosen, boot_only, _ = self.follow(sizes, ratio)
            self.assertEqual(set(chosen), {"Movable", "Normal"}, "both zones are chosen")
            self.assertNotEqual(chosen, boot_only, "DIMM memory in Normal counts")


class TwoNodes(Auto):
    """2 GiB on two nodes."""

    spec = Spec(memory="2G", nodes=2)

    def test_ratios(self):
        for sizes, ratio, nodes, numa_aware in ((["768M"] * 6, 100, (0, 0, 1), True), (["1G"] * 8, 301, (1,), True),
                                                (["2G"] * 4, 301, (1,), False)):
            chosen, _, other_numa = self.follow(sizes, ratio, nodes, numa_aware)
            self.assertEqual(set(chosen), {"Movable", "Normal"}, "both zones are chosen")
            self.assertNotEqual(chosen, other_numa, "NumaAware= makes a difference")


class BareNode(Auto):
    """1 GiB on node 0, and node 1 with neither processors nor memory, as CXL memory has one of its own."""

    spec = Spec(memory="1G", bare_nodes=1, virtio_mem=(VirtioMem(node=1),))
    config = "[Online]\nZone=auto\n"

    def test_leaves_again(self):
        before = self.machine.blocks()
        name = self.machine.plug_dimm("1G", 1)
        found = self.arrived(before, 8)
        self.assert_zone(found, "Movable")
        self.assertEqual({block.nodes for block in found.values()}, {(1,)})
        self.assertIn("neither processors nor kernel memory", self.machine.check("journalctl -b -u mhpd -o cat"))
        before = self.machine.blocks()
        self.machine.resize_virtio_mem("1G")
        self.assert_zone(self.arrived(before, 8), "Movable")
        self.assertTrue(self.machine.unplug_dimm(name), "the DIMM leaves")

    def test_machine_ratio_holds(self):
        before = self.machine.blocks()
        self.machine.plug_dimm("8G", 1)
        self.assert_zone(self.arrived(before, 64), "Normal")


class OneNodeOldKernel(OneNode):
    """The same on kernel 6.1."""

    spec = Spec(memory="1G", kernel="6.1")


class TwoNodesOldKernel(TwoNodes):
    """The same on kernel 6.1."""

    spec = Spec(memory="2G", nodes=2, kernel="6.1")
