# SPDX-License-Identifier: GPL-2.0-or-later
"""The companion patch's half in drivers: events over netlink, notice of an eject, a failed eject, and virtio-mem."""

import pathlib
import re
import time

from mhpvm import health
from mhpvm.agent import AgentError
from mhpvm.image import HELPER_DIR
from mhpvm.machine import QmpError, Spec, Timeout, VirtioMem
from mhpvm.memmap import PARAMETER
from mhpvm.removal import RemovalCase
from mhpvm.units import GiB, MiB, parse_size

SELFTEST = pathlib.Path(__file__).resolve().parents[2] / "kernel" / "selftest"
MEMORY = "/sys/devices/system/memory"
HOTPLUG = "/sys/firmware/acpi/hotplug/memory"
GENL = f"{HELPER_DIR}/mhpgenl"
REQUEST, IN_PROGRESS, BUSY = 3, 0x84, 0x82        # ACPI _OST: what it is about, and how that stands
EPERM, ENOENT, EINTR, ENOMEM, EBUSY, EINVAL, EOPNOTSUPP = 1, 2, 4, 12, 16, 22, 95
LRU, ANON = 1 << 5, 1 << 12                       # /proc/kpageflags
MOVABLE = "memhp_default_state=online_movable"


class KernelCase(RemovalCase):
    """A guest without mhpd: what is seen is the kernel's own doing."""

    needs_mhpd = False

    def tearDown(self):
        self.unpin()
        self.machine.run("pkill -x load; pkill -x mhpgenl; pkill -x udevadm; umount /run/load 2>/dev/null")
        self.assertEqual(health.complaints(self.machine), "")

    def plug_blocks(self, size, count):
        """Plug a DIMM whose blocks come online; (its name for the host, its blocks)."""
        before = self.machine.blocks()
        name = self.machine.plug_dimm(size)
        return name, self.arrived(before, count)

    def state(self, block, word):
        """Write the state of a block; the Result."""
        return self.machine.run(f"echo {word} > {MEMORY}/memory{block}/state")

    def set_states(self, found, word):
        """Write the state of blocks, all of which must take it."""
        self.machine.check("; ".join(["set -e"] + [f"echo {word} > {MEMORY}/memory{block}/state" for block in found]))

    def make_fixed(self, found, block):
        """Put a block that is offline in a kernel zone and fill it with what does not move."""
        self.set_states([number for number in found if number != block], "offline")
        self.assertEqual(self.state(block, "online_kernel").code, 0)
        self.machine.agent.start(f"exec {HELPER_DIR}/load slab 40 >/run/slab")
        self.machine.wait(lambda: self.machine.run("cat /run/slab").out, lambda said: "ready" in said, 60, "slab")
        self.set_states([number for number in found if number != block], "online_movable")

    def fails_to_eject(self):
        """Ask for a DIMM of Movable blocks with one in its middle that cannot go; (what was there, what is there, that one)."""
        name, found = self.plug_blocks("1G", 8)
        fixed = min(found) + 4
        self.set_states([fixed], "offline")
        self.make_fixed(found, fixed)
        before = self.places()
        self.assertEqual({before[block] for block in found if block != fixed}, {("online", "Movable")})
        self.assertFalse(self.machine.unplug_dimm(name))
        return before, self.places(), fixed

    def inject(self, error):
        """Have offlining fail with this errno in a memory notifier, until the test is over."""
        path = "/sys/kernel/debug/notifier-error-inject/memory/actions/MEM_GOING_OFFLINE/error"
        if self.machine.run(f"mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug; test -e {path}").code:
            self.skipTest("no CONFIG_MEMORY_NOTIFIER_ERROR_INJECT")
        self.addCleanup(self.machine.run, f"echo 0 > {path}")
        self.machine.check(f"echo -{error} > {path}")

    # Listening

    def listen(self, command, path, ready):
        """Have a command write what it hears to a file in the guest."""
        self.machine.check(f"rm -f {path}")
        self.machine.agent.start(f"exec {command} >{path} 2>&1")
        self.machine.wait(lambda: self.machine.run(f"cat {path}").out, lambda said: ready in said, 10, f"{ready} of {command}")

    def listen_genl(self):
        self.listen(f"{GENL} listen", "/run/genl", "ready")

    def listen_uevents(self, subsystem):
        self.listen(f"udevadm monitor --kernel --property --subsystem-match={subsystem}", "/run/uevents", "KERNEL")

    def uevents(self):
        """The properties of the events heard since then."""
        parts = self.machine.check("cat /run/uevents").split("\n\n")
        return [dict(line.split("=", 1) for line in part.splitlines() if "=" in line and not line.startswith("KERNEL["))
                for part in parts if "ACTION=" in part]

    def wait_uevent(self, timeout=15, **wanted):
        """The first event heard with these properties."""
        def chosen():
            return [event for event in self.uevents() if all(event.get(key) == value for key, value in wanted.items())]
        return self.machine.wait(chosen, bool, timeout, f"uevent {wanted}", show=lambda _: self.uevents())[0]

    def genl_events(self):
        """(what, fields) of each event heard since then."""
        lines = [line.split() for line in self.machine.check("cat /run/genl").splitlines()[1:]]
        return [(words[0], dict(word.split("=", 1) for word in words[1:])) for words in lines]

    def wait_genl(self, what, **wanted):
        """The fields of the first such event."""
        def chosen():
            return [fields for kind, fields in self.genl_events()
                    if kind == what and all(fields.get(key) == str(value) for key, value in wanted.items())]
        return self.machine.wait(chosen, bool, 15, f"{what} {wanted}", show=lambda _: self.genl_events())[0]


class Stock(KernelCase):
    """What the first patch mends."""

    spec = Spec(memory="1G", append=MOVABLE)

    def test_failed_eject_drifts(self):
        before, after, _ = self.fails_to_eject()
        self.assertNotEqual(after, before)
        self.assertIn(("online", "Normal"), {after[block] for block in after if before[block] == ("online", "Movable")})


class Drivers(KernelCase):
    """One guest for all that does not need a boot of its own."""

    spec = Spec(memory="1G", kernel="patched", append=f"{MOVABLE} {PARAMETER}=1", virtio_mem=(VirtioMem("vm0", "4G"),))

    def setUp(self):
        self.machine.check(f"echo 0 > {HOTPLUG}/notify; echo 60 > {HOTPLUG}/notify_timeout_sec")

    # A failed eject

    def test_a_failed_eject_keeps_zones(self):
        """And the event about it names the page. (The first test: later ones might leave no room for slab in that block.)"""
        self.listen_genl()
        before, after, fixed = self.fails_to_eject()
        self.assertEqual(after, before)
        self.assert_page(self.wait_genl("offline-failed", block=fixed, errno=EBUSY), fixed, self.machine.blocks().block_size)

    def test_online_is_left_to_policy(self):
        """`online` without a zone means what it did: the kernel chooses."""
        _, found = self.plug_blocks("256M", 2)
        first = min(found)
        self.set_states(found, "offline")
        self.machine.check(f"echo 1 > {MEMORY}/memory{first}/online")
        self.assertEqual(self.places()[first], ("online", "Normal"))

    # Notice of an eject

    def ask(self, name):
        """The host asks for a DIMM, and is told that this is being worked on; (mark, the ACPI device)."""
        since = self.machine.qmp.mark()
        self.machine.qmp.execute("device_del", id=name)
        self.machine.qmp.wait_event("ACPI_DEVICE_OST", since, 15, lambda data: data["info"].get("device") == name
                                    and (data["info"]["source"], data["info"]["status"]) == (REQUEST, IN_PROGRESS))
        event = self.wait_uevent(ACTION="change", EVENT="eject-request")
        self.assertEqual(event["SUBSYSTEM"], "acpi")
        return since, f"/sys{event['DEVPATH']}"

    def blocks_of(self, device):
        """The blocks of an ACPI device."""
        text = self.machine.check(f"ls -d {device}/physical_node*/state && readlink -f {device}/physical_node*")
        return [int(number) for number in re.findall(r"/memory(\d+)$", text, re.M)]

    def test_notice(self):
        """User space offlines in its own order and ejects."""
        self.machine.check(f"echo 1 > {HOTPLUG}/notify")
        name, found = self.plug_blocks("512M", 4)
        self.listen_uevents("acpi")
        since, device = self.ask(name)
        self.assertEqual(sorted(self.blocks_of(device)), sorted(found))
        time.sleep(1)
        self.assertEqual(self.places(), {**self.places(), **{block: ("online", "Movable") for block in found}})
        self.set_states(sorted(found, reverse=True), "offline")
        self.machine.check(f"echo 1 > {device}/eject")
        self.machine.wait_gone(name, since)

    def test_notice_of_what_cannot_go(self):
        """The outcome of user space's own eject is what the host is told about its request."""
        self.machine.check(f"echo 1 > {HOTPLUG}/notify")
        name, _ = self.plug_blocks("256M", 2)
        before = self.places()
        self.inject(EBUSY)
        self.listen_uevents("acpi")
        since, device = self.ask(name)
        self.machine.check(f"echo 1 > {device}/eject")
        self.machine.qmp.wait_event("ACPI_DEVICE_OST", since, 30, lambda data: data["info"].get("device") == name
                                    and (data["info"]["source"], data["info"]["status"]) == (REQUEST, BUSY))
        self.assertEqual(self.places(), before)

    def test_nobody_acts(self):
        """Time is up: the kernel does it."""
        self.machine.check(f"echo 1 > {HOTPLUG}/notify; echo 3 > {HOTPLUG}/notify_timeout_sec")
        name, _ = self.plug_blocks("256M", 2)
        self.listen_uevents("acpi")
        asked = time.monotonic()
        since, _ = self.ask(name)
        self.machine.wait_gone(name, since, 20)
        took = time.monotonic() - asked
        print(f"     an eject request that nobody handles: gone after {took:.1f} s, 3 s of them granted", flush=True)
        self.assertGreater(took, 2.5)

    def test_listener_leaves(self):
        """Switched off while a request is pending; a request that is repeated gets another event, and no more time."""
        self.machine.check(f"echo 1 > {HOTPLUG}/notify; echo 3600 > {HOTPLUG}/notify_timeout_sec")
        name, _ = self.plug_blocks("256M", 2)
        self.listen_uevents("acpi")
        since, _ = self.ask(name)
        try:
            self.machine.qmp.execute("device_del", id=name)
            self.machine.wait(self.uevents, lambda seen: len(seen) == 2, 10, "a second notice")
        except QmpError as error:
            print(f"     QEMU does not ask twice: {error}", flush=True)
        self.machine.check(f"echo 0 > {HOTPLUG}/notify")
        self.machine.wait_gone(name, since, 20)

    def test_not_asked_for(self):
        """Without a listener all is as ever."""
        name, _ = self.plug_blocks("256M", 2)
        self.listen_uevents("acpi")
        self.assertTrue(self.machine.unplug_dimm(name, 20))
        self.assertEqual([event for event in self.uevents() if "EVENT" in event], [])

    def test_veto(self):
        """Where ejects are disabled, nobody is asked."""
        self.machine.check(f"echo 1 > {HOTPLUG}/notify; echo 0 > {HOTPLUG}/enabled")
        self.addCleanup(self.machine.run, f"echo 1 > {HOTPLUG}/enabled")
        name, _ = self.plug_blocks("256M", 2)
        self.listen_uevents("acpi")
        self.assertFalse(self.machine.unplug_dimm(name, 20))
        self.assertEqual([event for event in self.uevents() if "EVENT" in event], [])

    def test_notify_refuses(self):
        """Bad values are refused and change nothing."""
        show = f"cat {HOTPLUG}/notify {HOTPLUG}/notify_timeout_sec"
        before = self.machine.check(show)
        for name, values in (("notify", ("2", "-1", "x", "''")),
                             ("notify_timeout_sec", ("0", "3601", "-1", "1s", "''", "4294967297"))):
            for value in values:
                said = self.machine.run(f"printf '%s\\n' {value} | dd of={HOTPLUG}/{name} conv=nocreat,notrunc")
                self.assertNotEqual(said.code, 0, f"{name} {value}")
                self.assertIn("Invalid argument", said.err)
        self.assertNotEqual(self.machine.run(f"setpriv --reuid 65534 --clear-groups sh -c 'echo 1 > {HOTPLUG}/notify'").code, 0)
        self.assertEqual(self.machine.check(show), before)
        self.assertEqual(self.machine.run("ls /sys/firmware/acpi/hotplug/container/notify").code, 2)

    # The family

    def test_placement_event(self):
        self.listen_genl()
        _, found = self.plug_blocks("256M", 2)
        unit = found.block_size
        self.wait_genl("placement", start=min(found) * unit, size=2 * unit, requested=1, placement=1,
                       vmemmap_pages=unit // 4096 // 64)

    def test_placement_not_possible(self):
        """virtio-mem in sub-block mode cannot host its memmap, and the event says so."""
        self.listen_genl()
        before = self.machine.blocks()
        self.machine.resize_virtio_mem("256M")
        found = self.arrived(before, 2)
        self.wait_genl("placement", start=min(found) * found.block_size, requested=1, placement=0, vmemmap_pages=0, reason=1)
        self.machine.resize_virtio_mem(0)
        self.machine.wait_virtio_mem(0)

    def test_zone_event(self):
        _, found = self.plug_blocks("256M", 2)
        block = min(found)
        self.listen_genl()
        self.set_states([block], "offline")
        self.set_states([block], "online_movable")
        self.set_states([block], "offline")
        self.set_states([block], "online_kernel")
        self.wait_genl("zone", block=block, old_zone="Movable", zone="Normal")
        self.assertEqual([kind for kind, _ in self.genl_events()].count("zone"), 1)

    def assert_page(self, fields, block, unit):
        """The event names a page of the block; its flags."""
        self.assertEqual(int(fields["pfn"]) * 4096 // unit, block, fields)
        return int(fields["page_flags"])

    def test_offline_failed_by_signal(self):
        """A pinned page keeps a block until a signal ends that: the event names the page."""
        _, found = self.plug_blocks("256M", 2)
        block, unit = max(found), found.block_size
        self.pin(block, unit)
        self.listen_genl()
        self.machine.run(f"timeout -s INT 2 sh -c 'echo offline > {MEMORY}/memory{block}/state'")
        fields = self.wait_genl("offline-failed", block=block, errno=EINTR)
        flags = self.assert_page(fields, block, unit)
        self.assertTrue(flags & (LRU | ANON), hex(flags))

    def test_offline_failed_by_notifier(self):
        """No page is to blame: none is named."""
        _, found = self.plug_blocks("256M", 2)
        self.listen_genl()
        self.inject(ENOMEM)
        self.assertNotEqual(self.state(max(found), "offline").code, 0)
        self.assertNotIn("pfn", self.wait_genl("offline-failed", block=max(found), errno=ENOMEM))

    def said(self, arguments, user=""):
        """What the family answers: lines of words."""
        return [line.split() for line in self.machine.run(f"{user} {GENL} {arguments}").out.splitlines()]

    def test_get(self):
        """All blocks, and each: as sysfs has them."""
        _, found = self.plug_blocks("256M", 2)
        self.set_states([max(found)], "offline")
        said = [dict(word.split("=") for word in words[1:]) for words in self.said("dump")]
        every = {int(fields["block"]): fields for fields in said}
        blocks = self.machine.blocks()
        self.assertEqual(sorted(every), sorted(blocks))
        for number, block in blocks.items():
            fields = every[number]
            self.assertEqual(fields.get("zone"), block.zone)
            self.assertEqual((int(fields["start"]), int(fields["size"]), int(fields["node"]), int(fields["hold"])),
                             (number * blocks.block_size, blocks.block_size, block.nodes[0], 0))
        self.assertEqual({every[number]["vmemmap_pages"] for number in found}, {str(blocks.block_size // 4096 // 64)})
        self.assertEqual(every[min(blocks)]["vmemmap_pages"], "0")
        for number in (min(blocks), *found):
            self.assertEqual(self.said(f"get {number}"), [["get"] + [f"{key}={value}" for key, value in every[number].items()]])

    def test_bad_requests(self):
        """The policy is strict, says why, and is only for those who may."""
        for case, error in (("missing", EINVAL), ("short", EINVAL), ("unknown", EINVAL), ("extra", EINVAL), ("torn", EINVAL),
                            ("dump-block", EINVAL), ("command", EOPNOTSUPP)):
            words = self.said(f"bad {case}")
            self.assertEqual(words[-1][:2], ["error", str(error)], case)
        for block in (1 << 20, (1 << 64) - 1):
            self.assertEqual(self.said(f"get {block}"), [["error", str(ENOENT), "No", "such", "memory", "block"]])
        nobody = "setpriv --reuid 65534 --clear-groups --bounding-set=-all --inh-caps=-all"
        for arguments in ("get 0", "dump", "listen"):
            self.assertEqual(self.said(arguments, nobody)[0][:2], ["error", str(EPERM)], arguments)

    def test_get_while_stuck(self):
        """A request does not wait for an offline that does not end."""
        _, found = self.plug_blocks("256M", 2)
        block = max(found)
        self.pin(block, found.block_size)
        stuck = self.machine.agent.start(f"timeout -s INT 4 sh -c 'echo offline > {MEMORY}/memory{block}/state'")
        self.machine.wait(lambda: self.machine.run(f"cat {MEMORY}/memory{block}/state").out, lambda said: "going" in said, 5,
                          "going-offline")
        began = time.monotonic()
        self.assertEqual(self.said(f"get {block}")[0][0], "get")
        self.assertLess(time.monotonic() - began, 2)
        self.machine.agent.finish(stuck, 20)

    # virtio-mem

    def virtio(self):
        """The attributes of the device."""
        text = self.machine.check("cd /sys/bus/virtio/drivers/virtio_mem/virtio*/ && grep -H '' requested_size plugged_size "
                                  "usable_region_size device_block_size mode")
        return dict(line.split(":", 1) for line in text.splitlines())

    def test_virtio_mem(self):
        """Sizes, mode, and what a resize request says."""
        now = self.virtio()
        self.assertEqual((now["requested_size"], now["plugged_size"], now["mode"]), ("0", "0", "sbm"))
        self.assertEqual(int(self.virtio()["device_block_size"]), 2 * MiB)
        self.listen_uevents("virtio")
        self.machine.resize_virtio_mem("512M")
        event = self.wait_uevent(ACTION="change", REQUESTED_SIZE=str(512 * MiB))
        self.assertEqual(event["PLUGGED_SIZE"], "0")
        self.machine.wait_virtio_mem("512M")
        self.machine.wait(self.virtio, lambda now: now["plugged_size"] == str(512 * MiB), 10, "the size in sysfs")
        self.assertGreaterEqual(int(self.virtio()["usable_region_size"]), 512 * MiB)
        self.machine.resize_virtio_mem(0)
        event = self.wait_uevent(ACTION="change", REQUESTED_SIZE="0")
        self.assertEqual(event["PLUGGED_SIZE"], str(512 * MiB))
        self.machine.wait_virtio_mem(0)
        self.assertEqual(self.virtio()["plugged_size"], "0")
        said = self.machine.run("echo 1 > $(ls -d /sys/bus/virtio/drivers/virtio_mem/virtio*)/requested_size")
        self.assertNotEqual(said.code, 0)


    def test_selftests(self):
        """The scripts that come with the series."""
        self.machine.check("mkdir -p /run/selftest")
        for name in ("common", "acpi-notify", "virtio-mem"):
            self.machine.agent.write(f"/run/selftest/{name}.sh", (SELFTEST / f"{name}.sh").read_text())
        for name in ("acpi-notify", "virtio-mem"):
            with self.subTest(script=name):
                done = self.machine.run(f"cd /run/selftest && sh ./{name}.sh")
                self.assertEqual(done.code, 0, done.out + done.err)
                self.assertNotIn("not ok", done.out)


class BigBlocks(KernelCase):
    """512 MiB and a virtio-mem device in big-block mode, big blocks of two memory blocks, memmap on the memory."""

    spec = Spec(memory="512M", kernel="patched", append=f"{MOVABLE} {PARAMETER}=1",
                virtio_mem=(VirtioMem("vm0", "32G", 0, "256M"),))
    seconds = 60

    def counters(self):
        """MemTotal, and present and managed pages of all zones."""
        total = int(self.machine.check("awk '/^MemTotal/ { print $2 }' /proc/meminfo"))
        pages = self.machine.check("awk '/^ +(present|managed)/ { n[$1] += $2 } "
                                   "END { print n[\"present\"], n[\"managed\"] }' /proc/zoneinfo")
        return (total, *map(int, pages.split()))

    def grow(self, size):
        """Have the guest take all of it."""
        before = self.machine.blocks()
        self.machine.resize_virtio_mem(size)
        self.machine.wait_virtio_mem(size, timeout=self.seconds)
        self.arrived(before, parse_size(size) // before.block_size, timeout=self.seconds)
        self.assertNotIn("Out of memory", self.machine.check("dmesg"))

    def test_size_and_back(self):
        """It lives through 32 GiB, whose memmap is as large as the guest was, and all of it goes again."""
        before = self.counters()
        self.grow("32G")
        grown = self.counters()
        self.assertEqual(grown[1] - before[1], 32 * GiB // 4096)
        self.assertEqual(grown[2] - before[2], 32 * GiB // 4096 // 64 * 63)
        self.assertEqual(self.machine.check("cat /sys/bus/virtio/drivers/virtio_mem/virtio*/mode").strip(), "bbm")
        self.machine.resize_virtio_mem("1G")
        self.machine.wait_virtio_mem("1G", timeout=self.seconds)
        self.machine.resize_virtio_mem(0)
        self.machine.wait_virtio_mem(0, timeout=self.seconds)
        self.assertEqual(self.counters(), before)

    def test_what_is_offline(self):
        """Blocks of a big block, one or both, may be offline; it goes nevertheless."""
        before = self.machine.blocks()
        counted = self.counters()
        self.grow("1G")
        found = sorted(self.machine.blocks().without(before))
        self.set_states(found[:3], "offline")
        self.machine.resize_virtio_mem(0)
        self.machine.wait_virtio_mem(0, timeout=self.seconds)
        self.assertEqual(self.counters(), counted)
        self.assertEqual(sorted(self.machine.blocks()), sorted(before))

    def test_rollback(self):
        """A big block with a page that does not move stays whole, and goes when the page does."""
        counted = self.counters()
        self.grow("256M")
        block = max(self.machine.blocks())
        grown = self.counters()
        self.pin(block, self.machine.blocks().block_size, 4)
        self.machine.resize_virtio_mem(0)
        time.sleep(3)
        self.assertEqual(self.machine.virtio_mem_size(), 256 * MiB)
        self.assertEqual(self.counters(), grown)
        self.unpin()
        self.machine.resize_virtio_mem("256M")
        self.machine.resize_virtio_mem(0)
        self.machine.wait_virtio_mem(0, timeout=self.seconds)
        self.assertEqual(self.counters(), counted)


class BigBlocksElsewhere(KernelCase):
    """The same with the memmap elsewhere: there is no room for it."""

    spec = Spec(memory="512M", kernel="patched", append=f"{MOVABLE} {PARAMETER}=0",
                virtio_mem=(VirtioMem("vm0", "32G", 0, "256M"),))
    seconds = 60

    def tearDown(self):
        """The guest is past being looked at."""

    def suffers(self):
        """Whether the guest has no memory left: it does not answer, says so, or cannot add any more."""
        try:
            signs = "Out of memory|alloc(ation)? failure|adding memory failed|Killed process"
            return self.machine.run(f"dmesg | grep -E '{signs}'", 10).code == 0
        except (Timeout, EOFError, OSError, AgentError):
            return True

    def test_size(self):
        self.machine.resize_virtio_mem("32G")
        deadline = time.monotonic() + self.seconds
        while time.monotonic() < deadline and not self.suffers():
            time.sleep(1)
        taken = self.machine.virtio_mem_size()
        print(f"     512 MiB, memmap elsewhere: {taken / GiB:.2f} GiB taken when memory ran out", flush=True)
        self.assertTrue(self.suffers())
        self.assertLess(taken, 32 * GiB)
