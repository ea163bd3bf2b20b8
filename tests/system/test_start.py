# SPDX-License-Identifier: GPL-2.0-or-later
"""From the start until all memory is where it belongs."""

import os
import signal
import time

from mhpsys.case import SystemCase
from mhpsys.daemon import wait_for
from mhpsys.machine import BOOT, DEVICE, MEMORY


class Start(SystemCase):
    """Sixteen blocks wait to come online."""

    def test_movable(self):
        self.mhpd.start()
        self.wait_zone("Movable")
        self.wait_idle()
        self.assertEqual({verb for number, verb in self.machine.writes if number in DEVICE}, {"online_movable"})
        self.assertEqual(len(self.machine.writes), len(DEVICE) + sum(1 for number, _ in self.machine.writes if number in BOOT),
                         "one write a block")
        self.assertEqual(self.bus.get("GaveUp"), 0)
        self.assertEqual(self.mhpd.stop(), 0)

    def test_kernel_zone(self):
        self.mhpd.configure("[Online]\nZone=kernel\n")
        self.mhpd.start()
        self.wait_zone("Normal")

    def test_none(self):
        self.mhpd.configure("[Online]\nZone=none\n")
        self.mhpd.start()
        self.wait_idle()
        self.assertEqual(set(self.machine.states().values()), {"offline"})

    def test_auto_keeps_the_ratio(self):
        # 1 GiB of kernel memory, 2 GiB of new memory: within 301 %
        self.mhpd.configure("")
        self.mhpd.start()
        self.wait_zone("Movable")

    def test_auto_beyond_the_ratio(self):
        self.mhpd.configure("[Online]\nMovableRatio=50\n")
        self.mhpd.start()
        self.wait_idle()
        zones = list(self.machine.states().values())
        self.assertNotIn("offline", zones)
        self.assertIn("Normal", zones)
        self.assertLessEqual(zones.count("Movable") * 100, 50 * (len(BOOT) + zones.count("Normal")))

    def test_rule(self):
        self.mhpd.configure("[Online]\nZone=movable\n[Rule dax]\nSource=dax\nZone=kernel\n")
        self.mhpd.start()
        self.wait_zone("Movable", range(32, 40))
        self.wait_zone("Normal", range(40, 48))

    def test_what_is_online_stays(self):
        self.machine.by_hand(33, "online", "Normal")
        self.mhpd.start()
        self.wait_idle()
        self.assertEqual(self.machine.states()[33], "Normal")
        self.assertNotIn(33, [number for number, _ in self.machine.writes])

    def test_status_line(self):
        self.mhpd.start()
        self.wait_zone("Movable")
        wait_for("a status line with 24 blocks", lambda: "24 blocks" in self.mhpd.status())

    def test_dump(self):
        self.mhpd.start()
        self.wait_zone("Movable")
        self.wait_idle()
        dump = self.bus.call("Dump")[0]
        self.assertTrue(dump.startswith("map 1\n"), dump)
        self.assertRegex(dump, r"(?m)^block 32-39 online zone=Movable .*group=virtio-mem:virtio0\b")
        self.assertRegex(dump, r"(?m)^block 40-47 online zone=Movable .*group=dax:dax0.0\b")
        self.assertRegex(dump, r"(?m)^block 1-7 online zone=Normal .*group=boot\b")

    def test_bad_block(self):
        """Its state is a directory: told once, and the others are none the worse for it."""
        os.makedirs(os.path.join(self.machine.root, MEMORY, "memory50", "state"))
        self.mhpd.start()
        self.wait_zone("Movable")
        self.wait_idle()
        self.assertEqual(self.mhpd.log().count("Block 50 is left alone: its state cannot be read: Is a directory"), 1, self.mhpd.log())
        self.assertRegex(self.bus.call("Dump")[0], r"(?m)^block 50 unknown")
        out = self.mhpctl("list", "--sysroot", self.machine.root)
        self.assertEqual((out.returncode, "The state of block 50 cannot be read" in out.stdout), (0, True), out.stdout + out.stderr)

    def test_later_than_ready(self):
        """READY=1 does not wait for the memory: a stuck kernel must not hold up the boot."""
        self.machine.hold(*DEVICE, *BOOT)
        self.mhpd.start()
        self.assertEqual(set(self.machine.states().values()), {"offline"})
        self.machine.release()
        self.wait_zone("Movable")

    def test_deaf_service_manager(self):
        """Nobody reads what mhpd has to say of itself: it goes on."""
        self.mhpd.configure("[Online]\nZone=none\n")
        self.mhpd.start()
        self.wait_idle()
        self.mhpd.deaf = True
        for i in range(60):
            self.mhpd.configure(f"[Online]\nZone=none\nMovableRatio={i}\n")
            os.kill(self.mhpd.process.pid, signal.SIGHUP)
            wait_for("the new configuration", lambda n=i: f"MovableRatio={n}\n" in self.bus.call("GetConfig")[0])

    def test_half_online(self):
        """A mhpd that died left half of the work to the next."""
        for number in range(32, 40):
            self.machine.by_hand(number, "online", "Movable")
        self.mhpd.start()
        self.wait_zone("Movable")


class Limits(SystemCase):
    """How many descriptors mhpd may have."""

    def limit(self, limits):
        """It starts with these, `soft:hard`."""
        arguments = self.mhpd.arguments
        self.mhpd.arguments = lambda: ["prlimit", f"--nofile={limits}", *arguments()]

    def test_too_few(self):
        """Said in one line, with what is missing."""
        self.limit("20:20")
        self.mhpd.start(ready=False)
        self.assertEqual(self.mhpd.process.wait(10), 1)
        self.assertEqual(self.mhpd.log(), "mhpd: cannot start: mhpd needs 32 file descriptors, and may have 20 (LimitNOFILE= of its unit, RLIMIT_NOFILE)\n")
        self.assertEqual(self.machine.get(MEMORY + "/auto_online_blocks"), "online")

    def test_soft(self):
        """The soft limit is raised."""
        self.limit("16:64")
        self.mhpd.start()
        self.wait_zone("Movable")
        self.assertEqual(self.mhpd.stop(), 0)

    def test_just_enough(self):
        self.limit("32:32")
        self.mhpd.start()
        self.wait_zone("Movable")
        self.wait_idle()
        self.assertEqual(self.mhpd.stop(), 0)


class Quiet(SystemCase):
    """A daemon that has nothing to do does nothing."""

    machine_options = {"device": range(32, 280), "offline": range(32, 280)}

    def switches(self):
        """Times that the daemon and its workers were woken up."""
        total = 0
        for pid in [self.mhpd.process.pid, *self.mhpd.workers()]:
            with open(f"/proc/{pid}/status", encoding="ascii") as file:
                total += sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
        return total

    def test_no_wakeups(self):
        self.mhpd.start()
        self.wait_zone("Movable", range(32, 280))
        self.wait_idle()
        time.sleep(1)
        before = self.switches()
        time.sleep(3)
        self.assertEqual(self.switches(), before)

    def test_memory(self):
        """256 blocks: what mhpd and its worker have for themselves, shared pages by their share."""
        self.mhpd.start()
        self.need_plain_build()
        self.wait_zone("Movable", range(32, 280))
        self.wait_idle()
        total = 0
        for pid in [self.mhpd.process.pid, *self.mhpd.workers()]:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        self.assertLessEqual(total, 8192, "KiB")


class Nothing(SystemCase):
    """Machines that mhpd has nothing to do on."""

    has_bus = False

    def test_no_memory_hotplug(self):
        os.unlink(os.path.join(self.machine.root, MEMORY, "block_size_bytes"))
        self.mhpd.start(ready=False)
        self.assertEqual(self.mhpd.process.wait(10), 1)
        self.assertEqual(self.machine.get(MEMORY + "/auto_online_blocks"), "online")

    def test_crash_kernel(self):
        """What is there is to be dumped."""
        path = os.path.join(self.machine.root, "proc/cmdline")
        with open(path, "w", encoding="ascii") as file:
            file.write("root=/dev/vda elfcorehdr=0x7f000000 nr_cpus=1\n")
        self.mhpd.start(ready=False)
        self.assertEqual(self.mhpd.process.wait(10), 1)
        self.assertIn("elfcorehdr=", self.mhpd.log())
        self.assertEqual((self.machine.writes, self.machine.get(MEMORY + "/auto_online_blocks")), ([], "online"))

    def test_without_a_bus(self):
        self.mhpd.env["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={self.folder}/no-bus"
        self.mhpd.start()
        self.wait_zone("Movable")
        self.assertEqual(self.mhpd.stop(), 0)

    def test_dry_run(self):
        daemon = self.daemon(options=["--dry-run"], env={"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.folder}/no-bus"})
        daemon.start()
        wait_for("a word about the blocks", lambda: "32-47" in daemon.log())
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.machine.writes, [])
        self.assertEqual(self.machine.get(MEMORY + "/auto_online_blocks"), "online")
        self.assertFalse(os.path.exists(daemon.path("run", "state")))
