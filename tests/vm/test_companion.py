# SPDX-License-Identifier: GPL-2.0-or-later
"""mhpd on a kernel with the companion patch: what is offered, the placement table, what blocks and the kernel's events tell."""

import re

from mhpvm.blocks import SYSFS
from mhpvm.machine import Spec, VirtioMem
from mhpvm.removal import RemovalCase

TABLE = f"{SYSFS}/memmap_policy"
PAGES = 512                 # of memmap for a block of 128 MiB
MOVABLE = "[Online]\nBy=mhpd\nZone=movable\n"


class Companion(RemovalCase):
    """One guest for all."""

    spec = Spec(memory="1G", kernel="patched", virtio_mem=(VirtioMem("vm0", "4G"), VirtioMem("vm1", "4G", block_size="256M")))
    config = MOVABLE

    def events(self, since, *names):
        """What the journal has of such events."""
        return [entry for entry in self.journal(since) if entry.get("MHPD_EVENT") in names]

    def table(self):
        """The kernel's own."""
        return self.machine.check(["cat", TABLE]).split("\n")

    def told(self, found):
        """What blocks say is set aside in them."""
        return {int(self.machine.check(["cat", f"{SYSFS}/memory{number}/nr_vmemmap_pages"])) for number in found}

    def test_status(self):
        status = self.mhpctl_json("status")
        self.assertEqual(status["companion"], {name: True for name in ("memmap_policy", "teardown", "hold", "nr_vmemmap_pages", "eject_notice",
                                                                       "virtio_mem_sizes", "events")})
        self.assertEqual({device["mode"] for device in status["virtio_mem"]}, {"sbm", "bbm"})
        self.assertIn("the kernel's memory events are heard", self.machine.check("journalctl -u mhpd --no-pager"))

    def test_placement(self):
        """First by the table that mhpd makes, then by none; the DIMM says so, and so do mhpctl and the journal."""
        for placement, pages, rules in (("self", PAGES, ["default on"]), ("dram", 0, ["default off"])):
            self.configure(f"{MOVABLE}[Memmap]\nPlacement={placement}\n")
            self.assertEqual([line for line in self.table() if line], rules)
            since = self.cursor()
            name, found, _ = self.plug_online("1G", 8, "Movable")
            self.assertEqual(self.told(found), {pages})
            said = {block["block"]: block for block in self.mhpctl_json("memmap")["blocks"]}
            self.assertEqual({(said[n]["placement"], said[n]["evidence"]) for n in found}, {(placement, "observed")})
            self.assertEqual(self.mhpctl_json("verify")["differ"], [])
            unprivileged = self.machine.check("setpriv --reuid 65534 --regid 65534 --clear-groups mhpctl verify")
            self.assertIn("agree", unprivileged)
            self.assertEqual(len(self.events(since, "placement")), 1)
            self.assertEqual(self.events(since, "memmap-fallback", "memmap-differs", "placement-fallback"), [])
            self.assertTrue(self.machine.unplug_dimm(name))
            self.forget(found)
        self.configure(MOVABLE)
        self.assertEqual(self.table(), [""])

    def forget(self, found):
        """Until mhpd knows that they are gone."""
        self.machine.wait(lambda: {entry["block"] for entry in self.mhpctl_json("list --all")["blocks"]} & set(found), lambda left: not left, 30,
                          "blocks gone")

    def test_fallback(self):
        """virtio-mem in sub-block mode cannot; the kernel says why. In big-block mode it can."""
        self.configure(f"{MOVABLE}[Memmap]\nPlacement=self\n")
        since = self.cursor()
        before = self.machine.blocks()
        self.machine.resize_virtio_mem("1G", "vm0")
        self.arrived(before, 8)
        self.assertEqual({entry["MHPD_REASON"] for entry in self.events(since, "placement-fallback")}, {"source-ignores"})
        before = self.machine.blocks()
        self.machine.resize_virtio_mem("1G", "vm1")
        self.assertEqual(self.told(self.arrived(before, 8)), {PAGES})
        self.assertEqual(self.mhpctl_json("verify")["differ"], [])
        devices = {device["mode"]: device for device in self.mhpctl_json("status")["virtio_mem"]}
        self.assertEqual((devices["bbm"]["requested"], devices["bbm"]["plugged"]), (1 << 30, 1 << 30))
        for device in ("vm0", "vm1"):
            self.machine.resize_virtio_mem(0, device)
            self.machine.wait_virtio_mem(0, device)
        self.configure(MOVABLE)

    def test_rule_by_source(self):
        """A rule for virtio-mem becomes one for the addresses of each device."""
        self.configure(f"{MOVABLE}[Memmap]\nPlacement=dram\n[Rule vm]\nSource=virtio-mem\nPlacement=self\n")
        rules = [line for line in self.table() if line]
        self.assertEqual(([line.split()[-1] for line in rules], rules[-1]), (["on", "on", "off"], "default off"))
        self.assertEqual(self.mhpctl_json("policy")["memmap_policy"]["wanted"], rules)
        self.configure(MOVABLE)

    def test_offline_failed_and_zone(self):
        """A page in the way is named, whoever wanted the block offline; another hand's zone is told."""
        _, found, _ = self.plug_online("1G", 8, "Movable")
        first = min(found)
        self.pin(first, self.machine.blocks().block_size, 4)
        since = self.cursor()
        self.machine.run(f"timeout -s INT 3 sh -c 'echo offline > {SYSFS}/memory{first}/state'", 20)
        told = self.machine.wait(lambda: self.events(since, "offline-failed"), len, 10, "an event")[0]
        self.assertEqual(told["MHPD_BLOCK"], str(first))
        self.assertIn(told["ERRNO"], ("4", "16"))
        if "MHPD_PFN" in told:
            self.assertEqual(int(told["MHPD_PFN"]) // 32768, first)
            self.assertIn("MHPD_CLASS", told)
        self.unpin()
        since = self.cursor()
        last = max(found)
        blocks = " ".join(str(number) for number in range(last - 2, last + 1))
        self.machine.check(f"cd {SYSFS}; for n in {blocks}; do echo offline >memory$n/state; done; "
                           f"for n in {blocks}; do echo online_kernel >memory$n/state; done")
        told = self.machine.wait(lambda: self.events(since, "zone-changed"), len, 10, "an event")[0]
        self.assertEqual((told["MHPD_BLOCK"], told["MHPD_ZONE"]), (f"{last - 2}-{last}", "Normal"), "blocks of one fate are one line")
        self.machine.check(f"cd {SYSFS}; for n in {blocks}; do echo offline >memory$n/state; echo online_movable >memory$n/state; done")

    def test_stop(self):
        """What the table said before mhpd, it says again."""
        self.machine.check("systemctl stop mhpd")
        self.machine.check(["dd", f"of={TABLE}", "status=none", "bs=4k", "conv=notrunc"], stdin="node 0 force\n")
        self.configure(f"{MOVABLE}[Memmap]\nPlacement=dram\n")
        self.machine.check("systemctl start mhpd")
        self.assertEqual([line for line in self.table() if line], ["default off"])
        self.machine.check("systemctl stop mhpd")
        self.assertEqual([line for line in self.table() if line], ["node 0 force"])
        self.machine.check(["dd", f"of={TABLE}", "status=none", "bs=4k", "conv=notrunc"], stdin="\n")
        self.configure(MOVABLE)
        self.machine.check("systemctl start mhpd")


class Teardown(RemovalCase):
    """`mhpctl unplug` where the kernel takes many blocks offline at once."""

    spec = Spec(memory="2G", kernel="patched")
    config = MOVABLE

    def last(self):
        """What the kernel says of the last teardown."""
        return self.machine.check(["cat", f"{SYSFS}/teardown"]).strip()

    def held(self, found):
        """Those on hold."""
        return [n for n in sorted(found) if self.machine.check(["cat", f"{SYSFS}/memory{n}/hold"]).strip() == "1"]

    def offlined(self):
        """The blocks that went offline, in the order in which the kernel said so."""
        listing = self.machine.check(["cat", "/run/uevents"])
        return [int(line.rsplit("/memory", 1)[1].split()[0]) for line in listing.splitlines() if " offline " in line]

    def test_1_all(self):
        """In one write, highest first; also under load; and no hold is left behind."""
        name, found, group = self.plug_online("512M", 4, "Movable")
        self.machine.agent.start("exec udevadm monitor --kernel --subsystem-match=memory >/run/uevents")
        self.addCleanup(self.machine.run, "pkill -x udevadm")
        self.machine.wait(lambda: self.machine.run("cat /run/uevents").out, bool, 10, "a listener")
        self.machine.check(f"mhpctl unplug {group}")
        self.machine.wait_gone(name)
        self.assertEqual((self.offlined(), self.last()), (sorted(found, reverse=True), "ok"))
        name, found, group = self.plug_online("2G", 16, "Movable")
        load = self.load("anon", 500, churn=True)
        since = self.cursor()
        self.machine.check(f"mhpctl unplug {group} --timeout 300", 320)
        self.machine.wait_gone(name)
        intact, rounds = load.stop()
        self.assertTrue(intact and rounds > 0)
        self.assertEqual((self.journal(since, MHPD_EVENT="failed"), self.last()), ([], "ok"))
        self.assertFalse(set(self.machine.blocks()) & set(found))

    def test_2_pinned(self):
        """All of it, then block by block; the answer names block and page, and all are where they were."""
        self.configure(f"{MOVABLE}[Teardown]\nOfflineTimeoutSec=5\nAttempts=2\n")
        name, found, group = self.plug_online("1G", 8, "Movable")
        self.pin(min(found) + 4, self.machine.blocks().block_size)
        before = self.places()
        since = self.cursor()
        failed = self.machine.run(f"mhpctl unplug {group}", 120)
        self.assertEqual(failed.code, 1, failed.err)
        words = self.last().split()
        self.assertEqual((words[0], words[1], words[2]), ("failed", str(min(found) + 4), "4"))
        self.assertIn(f"at block {min(found) + 4}", failed.err)
        self.assertIn("the kernel names PFN 0x", failed.err)
        self.assertEqual(self.places(), before)
        self.assertEqual(self.held(found), [])
        self.assertTrue(self.journal(since, MHPD_EVENT="failed"))
        self.unpin()
        self.machine.check(f"mhpctl unplug {group} --timeout 300", 320)
        self.machine.wait_gone(name)

    def test_3_cancel(self):
        """Ctrl-C while a page is in the way: the kernel brings all back, and nothing is held."""
        _, found, group = self.plug_online("1G", 8, "Movable")
        self.configure(f"{MOVABLE}[Teardown]\nOfflineTimeoutSec=60\n")
        self.pin(min(found), self.machine.blocks().block_size)
        before = self.places()
        asked = self.machine.agent.start(f"exec mhpctl unplug {group}")
        self.machine.wait(lambda: self.machine.blocks()[min(found)].state, lambda state: state == "going-offline", 60, "the block that stays")
        for number in [n for n in found if self.machine.blocks()[n].state == "offline"]:
            self.assertNotEqual(self.machine.run(f"timeout 1 sh -c 'echo online > {SYSFS}/memory{number}/state'", 20).code, 0)
        self.machine.check("pkill -INT -x mhpctl")
        self.assertNotEqual(self.machine.agent.finish(asked, 60).code, 0)
        self.assertEqual(self.places(), before)
        self.assertEqual(self.held(found), [])
        self.unpin()

    def test_4_eject_fails(self):
        """All are offline and on hold, and then the eject comes to nothing: the hold ends with it."""
        self.configure(self.config)
        _, found, group = self.plug_online("512M", 4, "Movable")
        before = self.places()
        eject = f"/sys/bus/acpi/devices/{group.removeprefix('acpi:')}/eject"
        self.machine.check(f"mount --bind /dev/full {eject}")
        failed = self.machine.run(f"mhpctl unplug {group}", 120)
        self.machine.check(f"umount {eject}")
        self.assertEqual((failed.code, self.last()), (1, "ok"))
        self.assertIn("cannot be ejected", failed.err)
        self.assertEqual(self.places(), before)
        self.assertEqual(self.held(found), [])
        self.machine.check(f"mhpctl unplug {group}")

    def test_5_offline_stays(self):
        """What is only taken offline can be brought online by anybody."""
        name, found, group = self.plug_online("512M", 4, "Movable")
        self.machine.check(f"mhpctl offline {group}")
        self.assertEqual(self.held(found), [])
        self.machine.check(f"mhpctl online {group} --zone movable")
        self.machine.check(f"mhpctl unplug {group}")
        self.machine.wait_gone(name)


    def test_6_killed(self):
        """The worker, then mhpd with its worker, in the middle of a teardown: the kernel brings all back, and that is nobody else's doing; mhpd goes on."""
        self.configure(f"{MOVABLE}[Teardown]\nOfflineTimeoutSec=60\n")
        for who in ("p=$(systemctl show -P MainPID mhpd); [ $p -eq 0 ] || pkill -KILL -P $p", "systemctl kill -s KILL mhpd"):
            name, found, group = self.plug_online("1G", 8, "Movable")
            self.pin(min(found), self.machine.blocks().block_size)
            since = self.cursor()
            self.machine.check(f"mhpctl unplug {group} --no-wait")
            self.machine.wait(lambda: self.machine.blocks()[min(found)].state, lambda state: state == "going-offline", 60, "the block that stays")
            self.machine.check(who)
            self.unpin()
            self.machine.wait_gone(name, timeout=90)
            ended = self.machine.wait(lambda: self.journal(since, MHPD_EVENT="removed"), bool, 30, "the end of the removal")
            self.assertEqual(len(ended), 1)
            self.assertIn("done", ended[0]["MESSAGE"])
            self.assertEqual(self.journal(since, MHPD_EVENT="drift") + self.journal(since, MHPD_EVENT="foreign-offline"), [])
        self.assert_well()


class HostAsks(RemovalCase):
    """The host asks for memory, the kernel tells, and mhpd gives it in its own order."""

    spec = Spec(memory="2G", kernel="patched", virtio_mem=(VirtioMem("vm0", "2G"), VirtioMem("vm1", "2G", block_size="256M")))
    config = MOVABLE

    def job_of(self, since, group):
        """The removal that was begun for the host."""
        return self.machine.wait(lambda: [entry["MESSAGE"] for entry in self.journal(since) if f"the host wants {group}" in entry["MESSAGE"]],
                                 bool, 30, "the host's request in the journal")[0]

    def test_dimm(self):
        """It leaves as with `mhpctl unplug`; while mhpd is not there, the kernel does as ever."""
        self.assertEqual(self.machine.check("cat /sys/firmware/acpi/hotplug/memory/notify").strip(), "1")
        name, found, group = self.plug_online("1G", 8, "Movable")
        since = self.cursor()
        self.assertTrue(self.machine.unplug_dimm(name))
        self.assertIn("job", self.job_of(since, group))
        ended = self.machine.wait(lambda: self.journal(since, MHPD_EVENT="removed"), bool, 30, "the end of the removal")
        self.assertIn("done, 8 of 8 blocks", ended[0]["MESSAGE"])
        self.assertEqual(set(self.machine.blocks()) & set(found), set())
        name, found, _ = self.plug_online("512M", 4, "Movable")
        self.addCleanup(self.machine.check, "systemctl start mhpd")
        self.machine.check("systemctl stop mhpd")
        self.assertEqual(self.machine.check("cat /sys/firmware/acpi/hotplug/memory/notify").strip(), "0")
        self.assertTrue(self.machine.unplug_dimm(name))

    def grow(self, name, size, count):
        """Have a device bring so many blocks, Movable; these."""
        before = self.machine.blocks()
        self.machine.resize_virtio_mem(size, name)
        found = self.arrived(before, count)
        self.machine.wait_virtio_mem(size, name)
        self.assert_zone(found, "Movable")
        return found

    def ended(self, since, count):
        """How so many removals ended."""
        return [entry["MESSAGE"] for entry in
                self.machine.wait(lambda: self.journal(since, MHPD_EVENT="removed"), lambda ended: len(ended) >= count, 60, "the ends of removals")]

    def test_virtio_mem(self):
        """It shrinks to what the host wants in mhpd's order, which leaves what is in use alone; the driver, which takes the highest first, gets no further
        than the block or two that it has begun with. A second request replaces the first."""
        self.grow("vm0", "2G", 16)
        self.load("anon", 1600)
        since = self.cursor()
        self.machine.resize_virtio_mem("1G")
        self.assertIn("to shrink to 1G", self.job_of(since, "virtio-mem:virtio"))
        self.machine.wait_virtio_mem("1G")
        done = re.search(r"done, ([0-9]+) of \1 blocks", self.ended(since, 1)[0])
        self.assertTrue(done and int(done.group(1)) >= 5, self.ended(since, 1))
        since = self.cursor()
        self.machine.resize_virtio_mem("512M")
        self.machine.wait_virtio_mem("512M")
        self.ended(since, 1)
        self.assertEqual(self.machine.check("cat /sys/module/virtio_mem/parameters/unplug_online").strip(), "Y")
        self.machine.resize_virtio_mem(0)
        self.machine.wait_virtio_mem(0)
        self.assert_well()

    def test_virtio_mem_big_blocks(self):
        """In pieces of two memory blocks; two devices at once; a part of a piece cannot be asked for."""
        small, big = self.grow("vm0", "1G", 8), self.grow("vm1", "1G", 8)
        group = self.group_of(big)
        self.assertIn(f"group {group}", self.dump())
        self.assertIn("device-block=2", self.dump())
        part = self.machine.run(f"mhpctl unplug {min(big)}")
        self.assertEqual(part.code, 1)
        self.assertIn("leaves as one or in larger pieces", part.err)
        self.assertIn("gives back 2 blocks at a time", self.machine.run(f"mhpctl plan unplug {min(big)}").err)
        since = self.cursor()
        self.machine.resize_virtio_mem("256M", "vm0")
        self.machine.resize_virtio_mem("512M", "vm1")
        self.machine.wait_virtio_mem("512M", "vm1", 60)
        self.machine.wait_virtio_mem("256M", "vm0", 60)
        self.assertEqual([message for message in self.ended(since, 2) if "done" not in message], [])
        left = set(self.machine.blocks()) & set(big)
        self.assertEqual({number // 2 for number in left}, {number // 2 for number in left if number ^ 1 in left})
        self.machine.resize_virtio_mem(0, "vm0")
        self.machine.resize_virtio_mem(0, "vm1")
        self.machine.wait_virtio_mem(0, "vm0", 60)
        self.machine.wait_virtio_mem(0, "vm1", 60)
        self.assertFalse(set(self.machine.blocks()) & (set(small) | set(big)))
        self.assertEqual(self.machine.check("cat /sys/module/virtio_mem/parameters/unplug_online").strip(), "Y")
        self.assert_well()
