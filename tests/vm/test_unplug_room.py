# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing is begun for which there is no room, whatever the zone counters say; what the kernel drops or dissolves needs none."""

from mhpvm.machine import Spec, parse_size
from mhpvm.removal import RemovalCase

CONFIG = "[Online]\nBy=mhpd\nZone=movable\n[Teardown]\nAttempts=2\nRetryMaxSec=1\nOfflineTimeoutSec=10\n"
KILLED = "dmesg | grep -ci 'out of memory\\|oom-kill' || true"


class RoomCase(RemovalCase):
    """A guest of 1 GiB with a DIMM of 1 GiB, which is not there when a test has ended."""

    config = CONFIG

    def assert_alive(self):
        """The kernel has killed nobody."""
        self.assertEqual(self.machine.check(KILLED).strip(), "0", "processes were killed")
        self.machine.check("systemctl is-active mhpd systemd-journald")

    def assert_leaves(self, dimm, group):
        """It is planned without an obstacle, leaves, and nobody dies of that."""
        self.assertNotIn("no-room", self.machine.check(f"mhpctl plan unplug {group}", 60))
        since = self.machine.qmp.mark()
        said = self.mhpctl(f"unplug {group} --timeout 90", 120)
        self.assertEqual(said.code, 0, said.out + said.err)
        self.machine.wait_gone(dimm, since)
        self.assert_ended()
        self.assert_alive()


class Balloon(RoomCase):
    """The balloon's pages lie in the DIMM, and have to be moved like any other."""

    spec = Spec(memory="1G", balloon=True)
    alone = True

    def inflate(self, size):
        """Have the balloon leave the guest SIZE."""
        self.machine.qmp.execute("balloon", value=parse_size(size))
        self.machine.wait(lambda: self.machine.qmp.execute("query-balloon")["actual"], lambda now: now == parse_size(size), 120, "the balloon")

    def test_full_of_balloon(self):
        dimm, _, group = self.plug_online("1G", 8)
        before = self.places()
        self.inflate("1G")
        self.assertIn("no-room", self.machine.check(f"mhpctl plan unplug {group}", 60))
        since = self.cursor()
        said = self.mhpctl(f"unplug {group} --timeout 60", 90)
        self.assert_alive()
        self.assertEqual(said.code, 1, said.out + said.err)
        self.assertIn("there is room for", said.out + said.err)
        self.assertTrue(self.journal(since, MHPD_EVENT="removed"))
        self.assert_restored(before)
        self.assert_ended()
        self.inflate("2G")
        self.assert_leaves(dimm, group)
        self.assert_well()


class NoMove(RoomCase):
    """More lies in the DIMM than there is room for, but none of it has to be moved."""

    spec = Spec(memory="1G")

    def test_pool_of_free_huge_pages(self):
        """The kernel dissolves them (dissolve_free_hugetlb_folios(), mm/hugetlb.c)."""
        dimm, found, group = self.plug_online("1G", 8)
        self.machine.check("echo 460 >/proc/sys/vm/nr_hugepages; test $(cat /proc/sys/vm/nr_hugepages) -ge 440", 60)
        self.addCleanup(self.machine.run, "echo 0 >/proc/sys/vm/nr_hugepages")
        movable = sum(block.zone == "Movable" for block in self.machine.blocks().values())
        self.assertEqual(movable, len(found), "no other Movable memory")
        self.assert_leaves(dimm, group)
        self.assert_well()

    def test_clean_page_cache(self):
        """The kernel drops what does not fit elsewhere."""
        dimm, _, group = self.plug_online("1G", 8)
        self.addCleanup(self.machine.run, "rm -f /var/tmp/sparse")
        self.machine.check("truncate -s 900M /var/tmp/sparse; cat /var/tmp/sparse >/dev/null", 120)
        self.assert_leaves(dimm, group)
        self.assert_well()
