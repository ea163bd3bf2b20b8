# SPDX-License-Identifier: GPL-2.0-or-later
"""What a bad line and a bad file cost, at a reload and at start."""

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

    def test_broken_line_costs_that_line(self):
        self.configure("[Online]\nBy=mhpd\nZone=kernel\nthis is no configuration\n")
        self.assertEqual(self.plugged(), {"Normal": 2})
        self.assertRegex(self.machine.check("mhpctl status"), r"config: .*50-test\.conf:4: invalid line")

    def test_broken_file_keeps_the_running_configuration(self):
        self.configure("[Online]\nBy=mhpd\nZone=kernel\n")
        self.machine.agent.write(DROP_IN, "[Online]\nBy=mhpd\nZone=movable\n")
        self.machine.check(f"printf '# f\\374r\\n' >> {DROP_IN}")
        said = self.machine.run("mhpctl reload 2>&1").out
        self.assertIn("50-test.conf:4: a byte 0xfc", said)
        self.assertEqual(self.plugged(), {"Normal": 2})

    def test_broken_file_at_start(self):
        """The other files are in force, and the memory comes online as they say."""
        self.configure("[Online]\nBy=mhpd\nZone=kernel\n")
        other = DROP_IN.replace("50-test", "60-fifo")
        self.machine.check(f"mkfifo {other}; systemctl restart mhpd")
        self.assertEqual(self.plugged(), {"Normal": 2})
        self.assertRegex(self.machine.check("journalctl -u mhpd -o cat --no-pager"), r"60-fifo\.conf: cannot be read: it is not a regular file")
        self.assertRegex(self.machine.check("mhpctl status"), r"config: .*60-fifo\.conf")
        self.machine.check(f"rm {other}")
