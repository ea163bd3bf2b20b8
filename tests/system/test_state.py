# SPDX-License-Identifier: GPL-2.0-or-later
"""What outlives a crash: the kernel's switches and what another hand took offline."""

import os
import time

from mhpsys.case import SystemCase
from mhpsys.daemon import wait_for
from mhpsys.machine import MEMORY, PARAMETERS, UNPLUG_ONLINE, VETO

AUTO = MEMORY + "/auto_online_blocks"


class Knobs(SystemCase):
    """auto_online_blocks says `online` before mhpd, online_policy contig-zones."""

    def state(self):
        """The state file."""
        try:
            with open(self.mhpd.path("run", "state"), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def test_kernel_is_armed(self):
        self.mhpd.start()
        self.assertEqual(self.machine.get(AUTO), "online_movable")
        self.assertIn("auto_online_blocks=online\n", self.state())
        self.assertEqual(self.mhpd.stop(), 0)
        self.assertEqual(self.machine.get(AUTO), "online")
        self.assertNotIn("auto_online_blocks", self.state())

    def test_auto_by_kernel(self):
        self.mhpd.configure("[Online]\nBy=kernel\nZone=auto\nMovableRatio=150\nNumaAware=no\n")
        self.mhpd.start()
        wanted = {"online_policy": "auto-movable", "auto_movable_ratio": "150", "auto_movable_numa_aware": "N"}
        self.assertEqual({name: self.machine.get(f"{PARAMETERS}/{name}") for name in wanted}, wanted)
        self.mhpd.stop()
        before = {"online_policy": "contig-zones", "auto_movable_ratio": "301", "auto_movable_numa_aware": "Y"}
        self.assertEqual({name: self.machine.get(f"{PARAMETERS}/{name}") for name in before}, before)

    def test_by_mhpd(self):
        self.mhpd.configure("[Online]\nBy=mhpd\nZone=movable\n")
        self.mhpd.start()
        self.assertEqual(self.machine.get(AUTO), "offline")
        self.wait_zone("Movable")

    def test_crash_keeps_the_first_values(self):
        self.mhpd.start()
        self.mhpd.kill()
        self.assertEqual(self.machine.get(AUTO), "online_movable")
        self.mhpd.configure("[Online]\nBy=mhpd\nZone=movable\n")
        self.mhpd.start()
        self.assertEqual(self.machine.get(AUTO), "offline")
        self.mhpd.stop()
        self.assertEqual(self.machine.get(AUTO), "online")

    def test_reload_gives_back_what_it_leaves_alone(self):
        self.mhpd.configure("[Online]\nBy=kernel\nZone=auto\n")
        self.mhpd.start()
        self.assertEqual(self.machine.get(PARAMETERS + "/online_policy"), "auto-movable")
        self.mhpd.configure("[Online]\nBy=kernel\nZone=movable\n")
        self.mhpd.reload()
        self.assertEqual(self.machine.get(PARAMETERS + "/online_policy"), "contig-zones")
        self.assertEqual(self.machine.get(AUTO), "online_movable")

    def test_no_knob(self):
        os.unlink(os.path.join(self.machine.root, AUTO))
        self.mhpd.start()
        self.assertEqual((self.bus.get("Path"), self.bus.get("PathReason")), ("mhpd", "no-knob"))
        self.wait_zone("Movable")

    def test_knob_without_effect(self):
        """A switch that takes the value and does not keep it: mhpd brings the memory online itself."""
        path = os.path.join(self.machine.root, AUTO)
        os.unlink(path)
        os.symlink("/dev/null", path)
        self.mhpd.start()
        self.assertEqual((self.bus.get("Path"), self.bus.get("PathReason")), ("mhpd", "no-knob"))
        self.wait_zone("Movable")

    def test_old_policy_parameter(self):
        """Kernels before 5.15 have no online_policy; that matters only to who wants it."""
        for name in ("online_policy", "auto_movable_ratio", "auto_movable_numa_aware"):
            os.unlink(os.path.join(self.machine.root, PARAMETERS, name))
        self.mhpd.start()
        self.assertEqual(self.bus.get("Path"), "kernel")
        self.assertEqual(self.machine.get(AUTO), "online_movable")

    def test_torn_state_file(self):
        with open(self.mhpd.path("run", "state"), "w", encoding="utf-8") as file:
            file.write("knob.auto_online_blocks=offline\nknob.online_pol\nhands-off=3\0\nknob.auto_movable_ratio=" + "9" * 100)
        self.mhpd.start()
        self.wait_zone("Movable")
        self.mhpd.stop()
        self.assertEqual(self.machine.get(AUTO), "offline")
        log = self.mhpd.log()
        self.assertIn("run/state cannot be used: 3 lines in it make no sense, the first is line 2", log)
        self.assertIn("MHPD_EVENT=set-aside", log)
        with open(self.mhpd.path("run", "state.bad"), encoding="utf-8") as file:
            self.assertIn("knob.online_pol\n", file.read())
        self.assertNotIn("state", os.listdir(self.mhpd.path("run")))


class Bad(SystemCase):
    """What lies where mhpd keeps its files, and is none of them."""

    def put(self, name, kind):
        """Something at run/NAME."""
        path = self.mhpd.path("run", name)
        if kind == "directory":
            os.makedirs(os.path.join(path, "x"))
        elif kind == "large":
            with open(path, "wb") as file:
                file.truncate(17 << 20)
        elif kind == "loop":
            os.symlink(name, path)
        elif kind == "zero":
            os.symlink("/dev/zero", path)
        elif kind == "link":
            with open(self.mhpd.path("run", "elsewhere"), "w", encoding="ascii") as file:
                file.write("hands-off=34\n")
            os.symlink("elsewhere", path)
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "foreign":
            self.need_root()
            with open(path, "w", encoding="ascii") as file:
                file.write("hands-off=34\n")
            os.chown(path, 65534, 65534)
        elif kind == "junk":
            with open(path, "wb") as file:
                file.write(bytes(range(256)) * 16)

    WHY = {"directory": "it is a directory", "large": "it has more than 16 MiB", "loop": "it is a link", "zero": "it is a link", "link": "it is a link",
           "fifo": "it is not a regular file", "foreign": "it belongs to another user", "junk": "no sense"}

    def survives(self, name, kind):
        """mhpd starts, brings memory online, tells, and writes its own file."""
        self.put(name, kind)
        self.mhpd.start()
        self.wait_zone("Movable")
        self.wait_idle()
        entry = [line for line in self.mhpd.log().splitlines() if f"run/{name} cannot be used" in line]
        self.assertEqual(len(entry), 1, self.mhpd.log())
        self.assertIn(self.WHY[kind], entry[0])
        self.assertIn(f"MHPD_FILE={self.mhpd.path('run', name)}", self.mhpd.log())
        self.assertTrue(os.path.lexists(self.mhpd.path("run", name + ".bad")))
        self.assertTrue(os.path.isfile(self.mhpd.path("run", name)))
        self.assertFalse(os.path.islink(self.mhpd.path("run", name)))
        self.assertEqual(self.mhpd.stop(), 0)

    def test_dry_run_leaves_it(self):
        self.put("state", "fifo")
        daemon = self.daemon(options=["--dry-run"])
        daemon.start()
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual([name for name in os.listdir(self.mhpd.path("run")) if name.startswith("state")], ["state"])

    def test_new_file_in_the_way(self):
        """The names under which new files are written."""
        self.put("state.new", "fifo")
        self.put("settled.new", "directory")
        self.mhpd.start()
        self.wait_zone("Movable")
        self.wait_idle()
        for name in ("state", "settled"):
            self.assertTrue(os.path.isfile(self.mhpd.path("run", name)))
        self.assertNotIn("cannot be written", self.mhpd.log())

    def test_put_back(self):
        self.put("state", "directory")
        other = self.daemon(options=["--put-back"])
        other.start(ready=False)
        self.assertEqual(other.process.wait(10), 0)


def _add_bad():
    for name in ("state", "settled", "lock"):
        for kind in Bad.WHY:
            if (name, kind) not in (("lock", "large"), ("lock", "junk")):
                setattr(Bad, f"test_{name}_{kind}", lambda self, n=name, k=kind: self.survives(n, k))


_add_bad()


class Holds(SystemCase):
    """What is in the file of switches by which memory is held."""

    def start_with(self, text):
        """mhpd finds this."""
        with open(self.mhpd.path("run", "state"), "w", encoding="utf-8") as file:
            file.write(text)
        self.mhpd.start()
        self.wait_zone("Movable")
        self.wait_idle()

    def ends(self):
        """Nothing is left to do, and the stop does not wait for anything."""
        wait_for("no job", lambda: self.bus.call("ListJobs")[0] == [], 10)
        begun = time.monotonic()
        self.assertEqual(self.mhpd.stop(), 0)
        self.assertLess(time.monotonic() - begun, 10)
        self.assertNotIn("state", os.listdir(self.mhpd.path("run")))

    def test_switch_that_is_not_there(self):
        self.start_with("hold.acpi=1\n")
        self.assertIn("acpi was left on hold", self.mhpd.log())
        self.ends()

    def test_module_has_gone(self):
        self.start_with("hold.virtio-mem=Y\n")
        self.ends()

    def test_removal_of_it(self):
        """As a mhpd that was killed in the lift leaves it."""
        self.start_with("hold.acpi=1\nremoval.map 1\nremoval.block-size 134217728\nremoval.removal 3 unplug phase=lift target=acpi held=acpi ending=cancelled\n")
        self.ends()

    def test_veto_is_not_written(self):
        self.machine.make_removers()
        self.start_with("hold.acpi=0\nhold.virtio-mem=N\n")
        self.ends()
        self.assertEqual((self.machine.get(VETO), self.machine.vetoes), ("1", []))
        self.assertEqual(self.machine.get(UNPLUG_ONLINE), "Y")
        self.assertIn("2 lines in it make no sense, the first is line 1", self.mhpd.log())

    def test_lifted(self):
        self.machine.make_removers()
        self.machine.put(VETO, "0\n")
        self.start_with("hold.acpi=1\n")
        self.ends()
        self.assertEqual(self.machine.get(VETO), "1")

    def test_junk(self):
        self.start_with("hold.acpi=\nhold.dax=1\nhold.acpi=yes\nknob.auto_online_blocks=3 of them\nremoval.what is this\n")
        self.assertEqual(self.bus.call("ListJobs")[0], [])
        self.mhpd.stop()
        self.assertEqual(self.machine.get(AUTO), "online")

    def test_knob_that_is_not_there(self):
        """What cannot be put back is told once, and not remembered for ever."""
        os.unlink(os.path.join(self.machine.root, PARAMETERS, "auto_movable_ratio"))
        self.start_with("knob.auto_movable_ratio=301\n")
        self.ends()


class PutBack(SystemCase):
    """What the service manager runs when mhpd has ended."""

    def put_back(self):
        """Its exit code."""
        other = self.daemon(options=["--put-back"])
        other.start(ready=False)
        return other.process.wait(10)

    def test_after_a_crash(self):
        self.mhpd.configure("[Online]\nBy=kernel\nZone=auto\nMovableRatio=150\n")
        self.mhpd.start()
        self.wait_idle()
        self.mhpd.kill()
        self.assertEqual((self.machine.get(AUTO), self.machine.get(PARAMETERS + "/auto_movable_ratio")), ("online", "150"))
        self.assertEqual(self.put_back(), 0)
        wanted = {"online_policy": "contig-zones", "auto_movable_ratio": "301"}
        self.assertEqual({name: self.machine.get(f"{PARAMETERS}/{name}") for name in wanted}, wanted)
        self.assertNotIn("state", os.listdir(self.mhpd.path("run")))

    def test_another_hands_word_stands(self):
        self.mhpd.start()
        self.wait_zone("Movable")
        self.mhpd.kill()
        with open(os.path.join(self.machine.root, AUTO), "w", encoding="ascii") as file:
            file.write("online_kernel\n")
        self.assertEqual(self.put_back(), 0)
        self.assertEqual(self.machine.get(AUTO), "online_kernel")

    def test_while_one_runs(self):
        self.mhpd.start()
        self.wait_zone("Movable")
        self.assertEqual(self.put_back(), 1)
        self.assertEqual(self.machine.get(AUTO), "online_movable")
        self.assertTrue(os.path.exists(self.mhpd.path("run", "running", "ready")))

    def test_after_an_orderly_end(self):
        self.mhpd.start()
        self.wait_zone("Movable")
        self.mhpd.stop()
        self.assertEqual(self.put_back(), 0)
        self.assertEqual((self.machine.get(AUTO), self.machine.get(PARAMETERS + "/online_policy")), ("online", "contig-zones"))


class OtherHands(SystemCase):
    """Somebody writes the kernel's switches while mhpd runs."""

    def told(self, event):
        """How often."""
        return self.mhpd.log().count(f"MHPD_EVENT={event} ")

    def overwrite(self, value, name=AUTO):
        """As a shell does it: truncated, then written."""
        with open(os.path.join(self.machine.root, name), "w", encoding="ascii") as file:
            file.write(value + "\n")

    def twice(self, value, name=AUTO, wanted="online_movable"):
        """The second time it is left."""
        self.overwrite(value, name)
        wait_for("it is set again", lambda: self.machine.get(name) == wanted, 1)
        self.assertEqual((self.told("knob-set-again"), self.told("knob-left")), (1, 0))
        self.overwrite(value, name)
        wait_for("it is told", lambda: self.told("knob-left") == 1, 1)
        self.assertEqual((self.machine.get(name), self.told("knob-set-again")), (value, 1))

    def test_set_again_once(self):
        self.mhpd.start()
        self.wait_zone("Movable")
        self.twice("offline")
        self.assertIn("MHPD_KNOB=auto_online_blocks", self.mhpd.log())
        self.assertIn("MHPD_VALUE=offline", self.mhpd.log())
        self.assertEqual((self.bus.get("Path"), self.bus.get("PathReason")), ("mhpd", "overwritten"))
        # the same once more is no news, another value is
        self.overwrite("offline")
        self.overwrite("online")
        wait_for("it is told", lambda: self.told("knob-left") == 2, 1)
        self.assertEqual(self.bus.get("Path"), "kernel")
        self.overwrite("online_movable")
        wait_for("all is well", lambda: self.bus.get("PathReason") == "expressible", 1)

    def test_a_reload_begins_anew(self):
        self.mhpd.start()
        self.wait_zone("Movable")
        self.twice("offline")
        self.mhpd.reload()
        self.assertEqual(self.machine.get(AUTO), "online_movable")
        self.assertEqual(self.bus.get("PathReason"), "expressible")
        self.overwrite("offline")
        wait_for("it is set again", lambda: self.machine.get(AUTO) == "online_movable", 1)

    def test_told_where_the_next_memory_goes(self):
        """A machine whose kernel brings memory online whatever the knob says."""
        os.makedirs(os.path.join(self.machine.root, "sys/kernel"), exist_ok=True)
        self.machine.put("sys/kernel/dlpar", "memory,cpu,dt\n")
        self.mhpd.configure("[Online]\nBy=mhpd\nZone=kernel\n")
        self.mhpd.start()
        wait_for("a kernel zone", lambda: self.machine.get(AUTO) == "online_kernel", 5)
        self.assertEqual((self.bus.get("Path"), self.told("knob-set-again")), ("mhpd", 0))
        self.mhpd.configure("[Online]\nBy=mhpd\nZone=movable\n")
        self.mhpd.reload()
        wait_for("Movable", lambda: self.machine.get(AUTO) == "online_movable", 5)
        self.overwrite("offline")
        wait_for("it is set again", lambda: self.machine.get(AUTO) == "online_movable", 5)
        self.assertEqual((self.told("knob-set-again"), self.told("knob-left")), (1, 0))
        self.mhpd.stop()
        self.assertEqual(self.machine.get(AUTO), "online")

    def test_the_others(self):
        self.mhpd.configure("[Online]\nBy=kernel\nZone=auto\nMovableRatio=150\n")
        self.mhpd.start()
        self.wait_idle()
        self.twice("contig-zones", PARAMETERS + "/online_policy", "auto-movable")
        self.overwrite("400", PARAMETERS + "/auto_movable_ratio")
        wait_for("it is set again", lambda: self.machine.get(PARAMETERS + "/auto_movable_ratio") == "150", 1)

    def test_what_is_left_stays_at_the_end(self):
        self.mhpd.start()
        self.wait_zone("Movable")
        self.twice("offline")
        self.mhpd.stop()
        self.assertEqual(self.machine.get(AUTO), "offline", "before mhpd it was `online`")

    def test_what_was_set_again_goes_back_at_the_end(self):
        self.mhpd.start()
        self.wait_zone("Movable")
        self.overwrite("offline")
        wait_for("it is set again", lambda: self.machine.get(AUTO) == "online_movable", 1)
        self.mhpd.stop()
        self.assertEqual(self.machine.get(AUTO), "online")

    def test_with_the_watchdog(self):
        """A write that nobody announces: one through another mount of sysfs, here another file of the same name."""
        self.mhpd.env["WATCHDOG_USEC"] = "400000"
        self.mhpd.start()
        self.wait_zone("Movable")
        path = os.path.join(self.machine.root, AUTO)
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write("offline\n")
        os.rename(path + ".new", path)
        wait_for("it is set again", lambda: self.machine.get(AUTO) == "online_movable", 2)
        self.assertEqual(self.told("knob-set-again"), 1)

    def test_dry_run(self):
        daemon = self.daemon(options=["--dry-run"])
        daemon.start()
        self.overwrite("online_kernel")
        self.assertEqual(daemon.stop(), 0)
        self.assertNotIn("knob-", daemon.log())
        self.assertEqual(self.machine.get(AUTO), "online_kernel")


class HandsOff(SystemCase):
    """Blocks that another hand took offline stay so over a crash."""

    def inode(self, number):
        """What the file system calls the block's folder."""
        return os.stat(os.path.join(self.machine.root, MEMORY, f"memory{number}")).st_ino

    def saved(self):
        """The state file."""
        with open(self.mhpd.path("run", "state"), encoding="utf-8") as file:
            return file.read()

    def test_replaced_meanwhile(self):
        """Other memory in the place of a block that was taken offline has been in nobody's hand."""
        with open(self.mhpd.path("run", "state"), "w", encoding="utf-8") as file:
            file.write(f"hands-off=34-36\ninode.34={self.inode(34)}\ninode.35={self.inode(35) + 1}\ninode.36={self.inode(36)}\n")
        self.mhpd.start()
        self.wait_zone("Movable", [n for n in range(32, 48) if n not in (34, 36)])
        self.wait_idle()
        self.wait_zone("offline", (34, 36))
        self.assertIn("blocks 35, which somebody took offline", self.mhpd.log())
        wait_for("it is forgotten", lambda: "hands-off=34,36\n" in self.saved())
        self.assertIn(f"inode.34={self.inode(34)}\ninode.36={self.inode(36)}\n", self.saved())
        self.assertNotIn("inode.35", self.saved())

    def test_remembered_by_inode(self):
        self.need_root()
        self.mhpd.start()
        self.wait_zone("Movable")
        self.wait_idle()
        self.bus.call("Offline", "st", "34", 0)
        wait_for("it is offline", lambda: self.machine.states()[34] == "offline")
        wait_for("it is saved", lambda: f"hands-off=34\ninode.34={self.inode(34)}\n" in self.saved())
        self.mhpd.kill()
        self.mhpd.start()
        self.wait_idle()
        self.wait_zone("offline", (34,))
        self.mhpd.kill()
        self.machine.remove(34)
        os.makedirs(os.path.join(self.machine.root, MEMORY, "memory34.other"))      # keeps its number from being given out again
        self.machine.add(34)
        self.mhpd.start()
        self.wait_zone("Movable")

    def test_from_the_state_file(self):
        with open(self.mhpd.path("run", "state"), "w", encoding="utf-8") as file:
            file.write("hands-off=34-35\n")
        self.mhpd.start()
        self.wait_zone("Movable", [n for n in range(32, 48) if n not in (34, 35)])
        self.wait_idle()
        self.wait_zone("offline", (34, 35))
        self.mhpd.kill()
        self.mhpd.start()
        self.wait_idle()
        self.wait_zone("offline", (34, 35))

    def test_online_again_is_forgotten(self):
        with open(self.mhpd.path("run", "state"), "w", encoding="utf-8") as file:
            file.write("hands-off=34-35\n")
        self.machine.by_hand(34, "online", "Movable")
        self.mhpd.start()
        self.wait_idle()

        def saved():
            with open(self.mhpd.path("run", "state"), encoding="utf-8") as file:
                return file.read()
        wait_for("block 35 alone", lambda: "hands-off=35\n" in saved())

    def test_a_request_counts_more(self):
        self.need_root()
        with open(self.mhpd.path("run", "state"), "w", encoding="utf-8") as file:
            file.write("hands-off=34\n")
        self.mhpd.start()
        self.wait_idle()
        self.bus.call("Online", "sst", "34", "auto", 0)
        self.wait_zone("Movable")
