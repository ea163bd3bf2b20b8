# SPDX-License-Identifier: GPL-2.0-or-later
"""The doctor in a guest that is well, and in one that several hands have set up wrong."""

import json

from mhpvm.case import VmCase
from mhpvm.machine import Spec

RULE = """SUBSYSTEM!="memory", GOTO="end"
ENV{.state}="online"
ATTR{state}=="offline", ATTR{state}="$env{.state}"
LABEL="end"
"""
RULE_FILE = "/etc/udev/rules.d/40-distribution.rules"
KNOB = "/sys/devices/system/memory/auto_online_blocks"
VETO = "/sys/firmware/acpi/hotplug/memory/enabled"
NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups "


class Doctor(VmCase):
    """Each fault is made by the means by which it is made in life, and mended as the remedy says."""

    spec = Spec(memory="1G")
    config = "[Online]\nBy=mhpd\nZone=kernel\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.machine.check("systemctl enable --now mhpd")

    def findings(self, status):
        """By kind. The exit status says whether there are any."""
        run = self.machine.run("mhpctl doctor --json")
        self.assertEqual(run.code, status, run)
        return {found["kind"]: found for found in json.loads(run.out)["findings"]}

    def test_healthy(self):
        self.plug("256M")
        self.assertEqual(self.findings(0), {})

    def test_faults(self):
        self.machine.check(f"cat > {RULE_FILE} <<'END'\n{RULE}END")
        # mhpd sets a knob back once; the second time it is left
        self.machine.check(f"echo 0 > {VETO}; for i in 1 2; do echo online > {KNOB}; sleep 2; done")
        found = self.findings(1)
        self.assertTrue({"two-hands", "ejects-vetoed"} <= set(found), found)
        self.assertEqual(found["two-hands"]["severity"], "error")
        self.assertIn(f'{RULE_FILE}:3: ATTR{{state}}="$env{{.state}}"', found["two-hands"]["evidence"])
        self.assertIn(f"{VETO}: 0", found["ejects-vetoed"]["evidence"])
        self.assertEqual(found["knob-changed"]["evidence"], f"{KNOB}: online")
        self.machine.check(f"rm {RULE_FILE}; echo 1 > {VETO}; mhpctl reload")
        self.assertEqual(self.findings(0), {})

    def test_masked(self):
        self.machine.check("systemctl mask mhpd")
        self.assertEqual(self.findings(1)["mhpd-masked"]["severity"], "error")
        self.machine.check("systemctl unmask mhpd; systemctl enable --now mhpd")
        self.assertEqual(self.findings(0), {})

    def test_crashes(self):
        for _ in range(4):
            self.machine.check("systemctl kill -s KILL mhpd; sleep 1; timeout 60 sh -c 'until systemctl is-active mhpd; do sleep 1; done'", timeout=90)
        self.assertIn("NRestarts=", self.findings(1)["mhpd-crashes"]["evidence"])
        self.machine.check("systemctl restart mhpd")
        self.assertEqual(self.findings(0), {})

    def test_unprivileged(self):
        run = self.machine.run(f"{NOBODY} mhpctl doctor --json")
        self.assertIn('"kind":"no-right","severity":"note"', run.out)
