# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the memmap of a dax device is to lie is chosen before the device is given to kmem."""

import os

from mhpsys.case import SystemCase
from mhpsys.daemon import wait_for

DEVICES = "sys/bus/dax/devices"


class Dax(SystemCase):
    """Devices that are there when mhpd starts, with memmap_on_memory=Y."""

    config = "[Memmap]\nPlacement=self\n[Rule old]\nSource=dax\nMaxSize=1G\nPlacement=dram\n"

    def setUp(self):
        super().setUp()
        self.machine.put("sys/module/memory_hotplug/parameters/memmap_on_memory", "Y\n")
        self.drivers = os.path.join(self.machine.root, "sys/bus/dax/drivers")
        for driver in ("device_dax", "kmem"):
            os.makedirs(os.path.join(self.drivers, driver))

    def device(self, name, size, switch, driver="device_dax"):
        """A device; switch: None where the kernel has none."""
        folder = f"{DEVICES}/{name}"
        os.makedirs(os.path.join(self.machine.root, folder))
        self.machine.put(f"{folder}/size", f"{size << 20}\n")
        self.machine.put(f"{folder}/target_node", "0\n")
        if switch is not None:
            self.machine.put(f"{folder}/memmap_on_memory", f"{switch}\n")
        os.symlink(os.path.join(self.drivers, driver), os.path.join(self.machine.root, folder, "driver"))

    def switch(self, name):
        """What the device's switch says."""
        return self.machine.get(f"{DEVICES}/{name}/memmap_on_memory")

    def test_start(self):
        self.device("dax0.0", 2048, 0)
        self.device("dax1.0", 512, 1)
        self.device("dax2.0", 2048, 0, "kmem")
        self.device("dax3.0", 2048, None)
        self.device("not-a-device", 2048, 0)
        self.mhpd.start()
        wait_for("both switches", lambda: (self.switch("dax0.0"), self.switch("dax1.0")) == ("1", "0"))
        wait_for("two entries", lambda: self.mhpd.log().count("memmap-placed") == 2)
        self.wait_idle()
        self.assertEqual(self.switch("dax2.0"), "0")
        self.assertEqual(self.switch("not-a-device"), "0")
        self.assertIn("The memmap of dax0.0 will lie in the memory itself", self.mhpd.log())

    def test_standby(self):
        """s390: each block that is not configured yet has a switch of its own."""
        for number, configured, switch in ((80, 0, 0), (81, 1, 0), (82, 0, 1)):
            folder = f"sys/firmware/memory/memory{number}"
            os.makedirs(os.path.join(self.machine.root, folder))
            self.machine.put(f"{folder}/config", f"{configured}\n")
            self.machine.put(f"{folder}/memmap_on_memory", f"{switch}\n")
        self.mhpd.start()
        wait_for("the switch", lambda: self.machine.get("sys/firmware/memory/memory80/memmap_on_memory") == "1")
        self.wait_idle()
        self.assertEqual(self.machine.get("sys/firmware/memory/memory81/memmap_on_memory"), "0")
        self.assertEqual(self.mhpd.log().count("memmap-placed"), 1)

    def test_reload(self):
        self.device("dax0.0", 2048, 0)
        self.mhpd.configure("[Memmap]\nPlacement=auto\n")
        self.mhpd.start()
        self.wait_idle()
        self.assertEqual(self.switch("dax0.0"), "0")
        self.mhpd.configure("[Memmap]\nPlacement=force\n")
        self.mhpd.reload()
        wait_for("the switch", lambda: self.switch("dax0.0") == "1")

    def test_dry_run(self):
        self.device("dax0.0", 2048, 0)
        daemon = self.daemon(options=["--dry-run"])
        daemon.start()
        wait_for("a word about it", lambda: "memmap-placed" in daemon.log())
        self.assertEqual(self.switch("dax0.0"), "0")
