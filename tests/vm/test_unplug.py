# SPDX-License-Identifier: GPL-2.0-or-later
"""A DIMM that is asked back leaves: under load, the cheaper one of two, and beside others who want the same or the opposite."""

from mhpvm.machine import QmpError, Spec
from mhpvm.removal import RemovalCase

# Another hand that never lets a group alone.
CHMEM = "while :; do chmem -d -b {blocks}; chmem -e -z Movable -b {blocks}; done"


class Unplug(RemovalCase):
    """Movable DIMMs in a guest of 1 GiB."""

    spec = Spec(memory="1G", disk="300M")
    config = "[Online]\nBy=mhpd\nZone=movable\n[Teardown]\nAttempts=3\nRetryMaxSec=1\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.machine.check("mount /dev/vdb /mnt")

    def assert_gone(self, before):
        """Only the blocks of BEFORE are left, all of them where they were."""
        self.assert_restored({number: (block.state, block.zone) for number, block in before.items()})
        self.assert_ended()
        self.assert_well()

    def test_under_load(self):
        before = self.machine.blocks()
        dimm, _, group = self.plug_online("2G", 16)
        loads = [self.load("anon", 200, churn=True), self.load("shmem", 64, churn=True), self.load("file", 100, churn=True, path="/mnt/file")]
        since = self.machine.qmp.mark()
        said, took = self.timed(f"mhpctl unplug {group} --timeout 120", timeout=180)
        self.assertEqual(said.code, 0, said.out + said.err)
        self.machine.wait_gone(dimm, since)
        left = [load.report() for load in loads]
        ends = [load.stop() for load in loads]
        self.assertTrue(all(intact for intact, _ in left + ends), "data is intact")
        self.assertTrue(all(late[1] > early[1] for early, late in zip(left, ends)), "and the loads go on")
        self.assert_gone(before)
        print(f"     2 GiB under load left in {took:.1f} s", flush=True)
        self.assert_rounds()

    def test_cheaper_of_two(self):
        before = self.machine.blocks()
        dimms = [self.plug_online("1G", 8) for _ in range(2)]
        (kept, stays, loaded), (leaving, _, cheap) = dimms
        self.pin(min(stays), len(stays) * stays.block_size)
        plan = self.machine.check("mhpctl plan unplug 1G")
        self.assertIn(cheap, plan)
        since = self.machine.qmp.mark()
        said = self.mhpctl("unplug 1G --timeout 60", 90)
        self.assertEqual(said.code, 0, said.out + said.err)
        self.machine.wait_gone(leaving, since)
        groups = {entry["group"] for entry in self.mhpctl_json("list --all")["blocks"]}
        self.assertIn(loaded, groups)
        self.assertNotIn(cheap, groups)
        self.unpin()
        since = self.machine.qmp.mark()
        self.machine.check(f"mhpctl unplug {loaded} --timeout 60", 90)
        self.machine.wait_gone(kept, since)
        self.assert_gone(before)

    def test_never_more(self):
        """A size that no DIMM fits into takes nothing; of one between, the DIMMs that fit go."""
        before = self.machine.blocks()
        dimms = [self.plug_online("1G", 8) for _ in range(2)]
        full = self.places()
        for verb in ("plan unplug", "unplug"):
            said = self.mhpctl(f"{verb} 100M")
            self.assertEqual(said.code, 1, said.out + said.err)
            self.assertRegex(said.out + said.err, r"(?s)smallest that can leave is acpi:PNP0C80:\w\w, 1G.*name it")
        self.assertEqual(self.places(), full)
        said = self.mhpctl("unplug 1536M --timeout 60", 90)
        self.assertEqual(said.code, 64, said.out + said.err)
        left = {entry["group"] for entry in self.mhpctl_json("list --all")["blocks"]}
        rest = [group for _, _, group in dimms if group in left]
        self.assertEqual(len(rest), 1)
        self.machine.check(f"mhpctl unplug {rest[0]} --timeout 60", 90)
        self.assert_gone(before)

    def test_two_at_once(self):
        """Two DIMMs are asked back by two administrators in the same moment: both leave."""
        before = self.machine.blocks()
        dimms = [self.plug_online("512M", 4) for _ in range(2)]
        since = self.machine.qmp.mark()
        jobs = [self.machine.agent.start(f"mhpctl unplug {group} --timeout 60") for _, _, group in dimms]
        for job in jobs:
            said = self.machine.agent.finish(job, 90)
            self.assertEqual(said.code, 0, said.out + said.err)
        for dimm, _, _ in dimms:
            self.machine.wait_gone(dimm, since)
        self.assert_gone(before)

    def test_host_takes_it_meanwhile(self):
        """The group is taken offline when the host takes it out of the machine."""
        before = self.machine.blocks()
        dimm, _, group = self.plug_online("1G", 8)
        load = self.load("anon", 300, churn=True)
        job = self.machine.agent.start(f"mhpctl offline {group} --timeout 60")
        self.machine.wait_blocks(lambda now: now.online() < len(now), 30, "the first block offline")
        self.assertTrue(self.machine.unplug_dimm(dimm))
        self.machine.agent.finish(job, 90)
        self.assertTrue(load.stop()[0])
        self.assert_gone(before)

    def test_host_asks_too(self):
        """The host's own request comes while mhpd is at work: refused, or obeyed, and mhpd's ends all the same."""
        before = self.machine.blocks()
        dimm, _, group = self.plug_online("1G", 8)
        load = self.load("anon", 300, churn=True)
        since = self.machine.qmp.mark()
        job = self.machine.agent.start(f"mhpctl unplug {group} --timeout 60")
        self.machine.wait_blocks(lambda now: now.online() < len(now), 30, "the first block offline")
        try:
            self.machine.qmp.execute("device_del", id=dimm)
        except QmpError:
            pass                            # it has left already
        said = self.machine.agent.finish(job, 90)
        self.assertEqual(said.code, 0, said.out + said.err)
        self.machine.wait_gone(dimm, since)
        self.assertTrue(load.stop()[0])
        self.assert_gone(before)

    def test_chmem_against_it(self):
        """Somebody brings back what mhpd takes: it ends, one way or the other, and fights no longer than it has to."""
        before = self.machine.blocks()
        dimm, found, group = self.plug_online("512M", 4)
        self.machine.agent.write("/run/chmem-loop", CHMEM.format(blocks=f"{min(found)}-{max(found)}"))
        self.machine.agent.start("exec sh /run/chmem-loop >/dev/null 2>&1")
        since = self.machine.qmp.mark()
        said = self.mhpctl(f"unplug {group} --timeout 30", 60)
        self.machine.run("pkill -f '^sh /run/chmem-loop'; pkill -x chmem")
        self.assertIn(said.code, (0, 1), said.out + said.err)
        print(f"     against chmem: exit {said.code}: {' '.join((said.out + said.err).split())[-160:]}", flush=True)
        self.assert_ended()
        if said.code:
            self.machine.check(f"chmem -e -z Movable -b {min(found)}-{max(found)}; udevadm settle; sleep 1; "
                               f"mhpctl unplug {group} --timeout 30", 60)
        self.machine.wait_gone(dimm, since)
        self.assert_gone(before)
