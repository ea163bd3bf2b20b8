# SPDX-License-Identifier: GPL-2.0-or-later
"""What an ordinary user can do to mhpd over the bus, and what he cannot."""

import os

from mhpvm.case import MANAGER, VmCase
from mhpvm.machine import Spec, VirtioMem

FLOOD = "/usr/libexec/mhpd-tests/busflood"
CALLS = int(os.environ.get("MHPD_TEST_ROUNDS", "5"))
GROUP = "/sys/fs/cgroup/mhpd.service"


def user(name):
    """What runs a command as him."""
    return f"setpriv --reuid={name} --regid=nogroup --clear-groups "


class Limits(VmCase):
    """The unit's MemoryMax= is enough for everything that mhpd has to do, whatever users send."""

    spec = Spec(memory="1G", virtio_mem=(VirtioMem(),))
    config = "[Online]\nZone=movable\n"

    def number(self, name):
        """Of the unit's control group."""
        return int(self.machine.check(["cat", f"{GROUP}/{name}"]))

    def check_unit(self, what):
        """It runs, the same process as ever, and has met no limit."""
        shown = self.machine.check("systemctl show mhpd -p NRestarts -p ActiveState -p Result -p MainPID").splitlines()
        self.assertLessEqual({"NRestarts=0", "ActiveState=active", "Result=success", f"MainPID={self.pid}"}, set(shown), what)
        events = dict(line.split() for line in self.machine.check(["cat", f"{GROUP}/memory.events"]).splitlines())
        self.assertEqual((events["oom"], events["oom_kill"]), ("0", "0"), what)
        peak = self.number("memory.peak")
        print(f"     {what}: {peak >> 20} MiB at the most", flush=True)
        self.assertLess(peak, self.number("memory.max"), what)

    def setUp(self):
        self.pid = self.machine.check("systemctl show mhpd -p MainPID --value").strip()

    def test_1_work(self):
        """Plug, unplug and reload."""
        self.assertEqual(self.number("memory.max"), 64 << 20)
        before = self.plug("16G")
        self.arrived(before, 128, 120)
        self.machine.resize_virtio_mem("2G")
        self.machine.wait_virtio_mem("2G")
        self.check_unit("18 GiB plugged")
        self.machine.check("mhpctl reload")
        group = next(g["group"] for g in self.mhpctl_json("groups")["groups"] if g["source"] == "acpi")
        self.machine.check(f"mhpctl unplug {group}", 300)
        self.machine.check("mhpctl reload")
        self.check_unit("unplugged and reloaded")

    def test_2_large(self):
        """Calls of 30 MiB. dbus-daemon reads 2 KiB at a time, so that a hundred take ten minutes in an emulated guest."""
        done = self.machine.check(f"{user('nobody')} {FLOOD} large {CALLS} 30", 1200)
        self.assertEqual(done.strip(), f"{CALLS} of {CALLS} refused")
        self.check_unit(f"{CALLS} calls of 30 MiB")
        self.assertEqual(self.machine.run("mhpctl status").code, 0)

    def test_3_questions(self):
        """187 of one user while polkit says nothing: another user's is asked all the same, and root is served."""
        self.machine.check("systemctl start polkit")
        # polkit has to know its way before it is stopped: the first question takes it long.
        self.machine.run(f"{user('daemon')} mhpctl reload --no-ask-password")
        self.machine.check("pkill -STOP -x polkitd")
        try:
            flood = self.machine.agent.start(f"{user('nobody')} {FLOOD} ask 187 64 >/run/flood.out")
            self.machine.wait(lambda: self.machine.run("cat /run/flood.out").out, lambda out: "asked" in out, 30, "the questions")
            other = self.machine.agent.start(f"{user('daemon')} busctl --timeout=60 call {MANAGER} Reload")
            self.machine.check(f"busctl call {MANAGER} Dump")
            self.machine.check("mhpctl reload")
        finally:
            self.machine.check("pkill -CONT -x polkitd")
        answer = self.machine.agent.finish(other, 90)
        self.assertEqual(answer.code, 1, answer)
        self.assertRegex(answer.err, "[Aa]ccess denied|[Aa]uthentication|authori[sz]")
        self.machine.check("pkill -x busflood")
        self.machine.agent.finish(flood, 30)
        self.check_unit("187 questions")


class Disabled(VmCase):
    """Who may not start a unit does not start mhpd by calling it."""

    spec = Spec(memory="1G")
    config = "[Online]\nZone=movable\n"

    def check_off(self):
        """A call and mhpctl, as a user and as root: it does not run before or after."""
        for who in (user("nobody"), ""):
            called = self.machine.run(f"{who}busctl --timeout=20 call {MANAGER} Dump")
            self.assertEqual(called.code, 1, called)
            self.assertRegex(called.err, "not provided by any|[Uu]nknown|not activatable|not found")
            status = self.machine.run(f"{who}mhpctl status")
            self.assertEqual(status.code, 3, status)
            self.assertEqual(status.out.splitlines()[0], "mhpd is not running")
            self.assertIn("mhpd is not running", self.machine.run(f"{who}mhpctl reload").err)
        self.assertEqual(self.machine.run("systemctl is-active mhpd").out.strip(), "inactive")

    def test_disabled(self):
        self.machine.check("systemctl disable --now mhpd", 120)
        self.check_off()
        self.assertIn("mhpd-disabled", self.machine.run("mhpctl doctor --json").out)

    def test_stopped(self):
        """Stopped by root: by nobody else started."""
        self.machine.check("systemctl enable mhpd; systemctl start mhpd; systemctl stop mhpd", 120)
        self.check_off()
