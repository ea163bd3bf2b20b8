# SPDX-License-Identifier: GPL-2.0-or-later
"""What says that mhpd runs begins and ends with it: a courteous rule brings memory online when mhpd does not, and only then."""

from mhpvm.case import VmCase
from mhpvm.machine import Spec

# The one that mhpd(8) recommends.
RULE = ('SUBSYSTEM=="memory", ACTION=="add", ENV{MHPD_MANAGED}!="1", ATTR{state}=="offline", ATTR{state}="online"\n')
BROKEN = "[Service]\nExecStart=\nExecStart=/bin/false\n"
BROKEN_FILE = "/run/systemd/system/mhpd.service.d/50-broken.conf"
NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups"


class Life(VmCase):
    """A kernel that leaves memory offline, a courteous rule, and a mhpd that comes and goes."""

    spec = Spec(memory="1G", append="memhp_default_state=offline")
    files = {"/etc/udev/rules.d/40-hotadd.rules": RULE}
    config = "[Online]\nBy=mhpd\nZone=movable\n"

    def setUp(self):
        self.machine.check("systemctl start mhpd", timeout=300)

    def back(self, command):
        """What a test undoes at its end."""
        self.addCleanup(self.machine.check, command, timeout=300)

    def owned(self):
        """New memory is mhpd's."""
        found = self.arrived(self.plug("256M"), 2)
        self.assert_zone(found, "Movable")

    def not_owned(self):
        """New memory is the rule's, and there soon."""
        found = self.arrived(self.plug("256M"), 2, 10)
        self.assert_zone(found, "Normal")

    def mark(self):
        """Whether the mark is there, for everybody."""
        return self.machine.run(f"{NOBODY} test -e /run/mhpd/running/ready").code == 0

    def test_stop(self):
        self.owned()
        self.assertTrue(self.mark())
        self.machine.check("systemctl stop mhpd")
        self.assertFalse(self.mark())
        self.not_owned()
        self.machine.check("test -d /run/mhpd")

    def test_sigkill(self):
        """It comes back, and the mark with it; and when it is stopped before it is back, the mark is gone."""
        self.machine.check("systemctl kill -s KILL --kill-who=main mhpd")
        self.machine.check("for i in $(seq 200); do test -e /run/mhpd/running/ready && systemctl is-active -q mhpd && break; sleep 0.1; done")
        self.owned()
        self.machine.check("systemctl kill -s KILL mhpd; systemctl stop mhpd")
        self.assertFalse(self.mark())
        self.not_owned()

    def test_crash_loop(self):
        """A mhpd that cannot start any more owns nothing."""
        self.back(f"rm {BROKEN_FILE}; systemctl daemon-reload; systemctl restart mhpd")
        self.machine.agent.write(BROKEN_FILE, BROKEN)
        self.machine.check("systemctl daemon-reload; systemctl restart mhpd || true")
        for _ in range(3):
            self.not_owned()
        self.assertNotEqual(self.machine.run("systemctl is-active mhpd").out.strip(), "active")

    def test_disable_and_mask(self):
        self.back("systemctl unmask mhpd")
        self.machine.check("systemctl disable mhpd")
        self.owned()
        self.machine.check("systemctl disable --now mhpd")
        self.not_owned()
        self.machine.check("systemctl start mhpd")
        self.owned()
        self.machine.check("systemctl mask --now mhpd")
        self.assertFalse(self.mark())
        self.not_owned()

    def test_by_hand(self):
        """Nothing takes the mark away there; it leads to the process."""
        self.machine.check("systemctl stop mhpd")
        self.machine.check("systemd-run --unit=by-hand mhpd; for i in $(seq 100); do test -e /run/mhpd/running/ready && break; sleep 0.1; done")
        self.owned()
        self.machine.check("systemctl kill -s KILL by-hand; while systemctl is-active -q by-hand; do sleep 0.1; done")
        self.not_owned()

    def test_nobody_keeps_it_from_starting(self):
        """Whoever can open a file can hold a lock on it; that of mhpd opens for root alone."""
        self.machine.check("systemctl stop mhpd; test -d /run/mhpd")
        self.machine.check(f"for f in /run/mhpd /run/mhpd/*; do systemd-run --quiet -p User=65534 flock -n $f sleep 1000; done; sleep 1; "
                           "pgrep -u 65534 sleep")
        self.machine.check(f"! {NOBODY} sh -c ': < /run/mhpd/lock'")
        self.machine.check("systemctl start mhpd", timeout=300)
        self.machine.check("pkill -u 65534")
        self.owned()
