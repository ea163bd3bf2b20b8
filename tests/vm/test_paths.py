# SPDX-License-Identifier: GPL-2.0-or-later
"""Both hands, the kernel's and mhpd's, bring 256 blocks of one DIMM online; stopping gives the kernel its knobs back."""

from mhpvm.case import VmCase
from mhpvm.machine import Spec

AUTO_ONLINE = "/sys/devices/system/memory/auto_online_blocks"
KNOBS = (AUTO_ONLINE,) + tuple(f"/sys/module/memory_hotplug/parameters/{name}"
                               for name in ("online_policy", "auto_movable_ratio", "auto_movable_numa_aware"))


class Paths(VmCase):
    """32 GiB at once, each way."""

    spec = Spec(memory="2G", maxmem="128G")
    config = "[Online]\nBy=mhpd\nZone=movable\n"

    def knobs(self):
        """What the kernel's knobs say now."""
        return self.machine.check(["cat", *KNOBS]).split()

    def bring(self, by, zone):
        """One DIMM of 32 GiB."""
        self.configure(f"[Online]\nBy={by}\nZone={zone}\n")
        before = self.plug("32G")
        found = self.arrived(before, 256, timeout=60)
        policy = self.mhpctl_json("policy")
        self.assertEqual(policy["path"], by)
        self.assertEqual(policy["path_reason"], "configured")
        return found

    def test_by_kernel(self):
        self.assert_zone(self.bring("kernel", "movable"), "Movable")
        self.assertEqual(self.knobs()[0], "online_movable")

    def test_by_mhpd(self):
        self.assert_zone(self.bring("mhpd", "movable"), "Movable")
        self.assertEqual(self.knobs()[0], "offline")
        self.assert_list_is_sysfs()


class Knobs(Paths):
    """The knobs before, during and after."""

    config = None
    test_by_kernel = test_by_mhpd = None

    def test_a_udev_rule_starts_mhpd(self):
        """This guest has slots for DIMMs: the service is there although nobody enabled it."""
        self.machine.wait(lambda: self.machine.run("systemctl is-active mhpd").out.strip(), lambda state: state == "active", 20,
                          "mhpd active")
        self.assertNotEqual(self.machine.run("systemctl is-enabled mhpd").out.strip(), "enabled")

    def test_stop_restores(self):
        self.machine.check("systemctl stop mhpd")            # a udev rule may have started it at boot
        self.machine.check(f"echo online_kernel > {AUTO_ONLINE}; echo 123 > {KNOBS[2]}")
        before = self.knobs()
        self.machine.agent.write("/etc/mhpd/mhpd.conf.d/50-test.conf",
                                 "[Online]\nBy=kernel\nZone=auto\nMovableRatio=250\nNumaAware=no\n")
        self.machine.check("systemctl start mhpd")
        self.assertEqual(self.knobs(), ["online", "auto-movable", "250", "N"])
        self.machine.check("systemctl restart mhpd")
        self.assertEqual(self.knobs(), ["online", "auto-movable", "250", "N"])
        self.configure("[Online]\nBy=kernel\nZone=movable\n")
        self.assertEqual(self.knobs()[0], "online_movable")
        self.machine.check("systemctl kill --signal=KILL mhpd; sleep 1")
        self.machine.check("for i in $(seq 100); do systemctl is-active mhpd && break; sleep 0.1; done")
        self.machine.check("systemctl stop mhpd")
        self.assertEqual(self.knobs(), before)
