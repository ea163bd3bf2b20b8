# SPDX-License-Identifier: GPL-2.0-or-later
"""A configuration is swapped whole or not at all."""

from mhpvm.case import DROP_IN, VmCase
from mhpvm.machine import Spec


class Reload(VmCase):
    """The ways to have mhpd read its configuration again."""

    spec = Spec(memory="1G")
    config = "[Online]\nBy=mhpd\nZone=movable\n"

    def plugged(self):
        """The zone of the next DIMM."""
        return self.arrived(self.plug("256M"), 2).by_zone()

    def test_signal(self):
        self.configure("[Online]\nBy=mhpd\nZone=movable\n")
        since = self.cursor()
        self.machine.agent.write(DROP_IN, "[Online]\nBy=mhpd\nZone=kernel\n")
        self.machine.check("systemctl reload mhpd")
        self.machine.wait(lambda: self.machine.check("mhpctl policy"), lambda text: "kernel" in text.lower(), 10, "the new policy")
        self.assertTrue(self.journal(since), "the reload is in the journal")
        self.assertEqual(self.plugged(), {"Normal": 2})

    def test_bad_value_keeps_the_rest(self):
        self.configure("[Online]\nBy=mhpd\nZone=sideways\nMovableRatio=many\n[Rule all]\nSource=acpi\nZone=kernel\n")
        self.assertEqual(self.plugged(), {"Normal": 2})
        said = self.machine.check("journalctl -u mhpd -o cat --no-pager")
        self.assertRegex(said, r"50-test\.conf:3.*sideways|50-test\.conf:3.*Zone")

    def test_broken_file_keeps_the_running_configuration(self):
        self.configure("[Online]\nBy=mhpd\nZone=kernel\n")
        self.machine.agent.write(DROP_IN, "[Online]\nBy=mhpd\nZone=movable\nthis is no configuration\n")
        self.machine.run("mhpctl reload")
        self.assertEqual(self.plugged(), {"Normal": 2})
