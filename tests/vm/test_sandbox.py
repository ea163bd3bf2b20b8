# SPDX-License-Identifier: GPL-2.0-or-later
"""What mhpd, its worker, and whoever takes one of them over can do beyond memory: as good as nothing."""

from mhpvm.case import VmCase
from mhpvm.machine import Spec

UNIT = "/run/systemd/system/mhpd-probe.service"
# mhpd's own unit with another program: the sandbox and nothing else of it.
PROBE = ("sed -e '/^\\(Condition\\|BusName\\|ExecStopPost\\|ExecReload\\|Restart\\|Watchdog\\|Type\\|RuntimeDirectory\\|Wants\\|Before\\|Conflicts\\)/d'"
         " -e 's,^ExecStart=.*,ExecStart=/bin/sh /run/mhpd/probe,' -e 's,^\\[Service\\],&\\nType=oneshot,' /usr/lib/systemd/system/mhpd.service > " + UNIT)

# Where a file could be made, or one that is there be written to; the sandbox lets nobody.
CLOSED = ("/run/x", "/run/systemd/system/x", "/run/udev/x", "/run/lock/x", "/dev/shm/x", "/dev/hugepages/x", "/etc/x", "/etc/mhpd/x", "/usr/x",
          "/usr/lib/x", "/usr/local/lib/x", "/usr/sbin/mhpd", "/var/x", "/root/x", "/home/x", "/tmp/x", "/proc/sys/kernel/core_pattern",
          "/proc/sysrq-trigger", "/sys/kernel/mm/ksm/run", "/sys/fs/cgroup/x", "/sys/kernel/debug/x", "/sys/bus/pci/rescan",
          "/sys/devices/system/cpu/cpu0/uevent", "/sys/devices/virtual/mem/null/uevent", "/sys/module/firmware_class/parameters/path",
          "/sys/module/kernel/parameters/panic")
OPEN = ("/run/mhpd/x", "/sys/devices/system/memory/auto_online_blocks", "/sys/module/memory_hotplug/parameters/online_policy")


class Sandbox(VmCase):
    """A running mhpd, and a shell in its place."""

    spec = Spec(memory="1G")
    config = "[Online]\nZone=movable\nBy=mhpd\n"

    def status(self, pid):
        """Fields of /proc/PID/status."""
        text = self.machine.check(f"cat /proc/{pid}/status")
        return {name: value.strip() for name, value in (line.split(":", 1) for line in text.splitlines() if ":" in line)}

    def main_and_worker(self):
        """Both processes."""
        main = self.machine.check("systemctl show -P MainPID mhpd").strip()
        return main, self.machine.check(f"pgrep -P {main}").strip()

    def probe(self, script):
        """What the shell prints in the sandbox."""
        self.machine.agent.write("/run/mhpd/probe", f"exec > /run/mhpd/probe.out 2>&1\n{script}\n")
        self.machine.check(f"{PROBE}; systemctl daemon-reload; rm -f /run/mhpd/probe.out; systemctl start mhpd-probe")
        return self.machine.check("cat /run/mhpd/probe.out; rm /run/mhpd/probe.out /run/mhpd/probe")

    def test_worker(self):
        """No capability, no way to more, no system call but those of files, no descriptor beside its files and its one socket."""
        _, worker = self.main_and_worker()
        status = self.status(worker)
        self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("2", "1"))
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(status[name], 16), 0, name)
        files = dict(line.split(" ", 1) for line in self.machine.check(
            f"cd /proc/{worker}/fd && for fd in *; do echo $fd $(readlink $fd); done").splitlines())
        self.assertTrue(files.pop("3").startswith("socket:"), files)
        self.assertEqual({files.pop(fd) for fd in "012"}, {"/dev/null"})
        self.assertLessEqual(set(files.values()), {"/", "/sys/devices/system/memory"})
        self.assertNotEqual(self.status("self")["Seccomp"], "2")

    def test_worker_filters(self):
        """The worker has one filter more than mhpd: the unit's and its own."""
        main, worker = self.main_and_worker()
        self.assertGreater(int(self.status(worker)["Seccomp_filters"]), int(self.status(main)["Seccomp_filters"]))

    def test_main(self):
        main, _ = self.main_and_worker()
        status = self.status(main)
        self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("2", "1"))
        self.assertEqual(int(status["CapBnd"], 16) & ~(1 << 21 | 1 << 12), 0, "CAP_SYS_ADMIN and CAP_NET_ADMIN at most")

    def test_nothing_else_is_written(self):
        """Of sysfs what memory needs, elsewhere /run/mhpd alone: no unit, no rule, no library, no program."""
        out = self.probe("exec 2> /dev/null\n" + "".join(f"(: >> {path}) && echo {path}\n" for path in CLOSED + OPEN) + "true")
        self.assertEqual(out.split(), list(OPEN))

    def test_what_is_written_is_not_executed(self):
        self.machine.check("cp /bin/dash /run/mhpd/brought")
        out = self.probe("/run/mhpd/brought -c true; echo $?; /bin/sh -c true; echo $?; /usr/sbin/mhpd --version > /dev/null; echo $?")
        self.assertEqual([line for line in out.splitlines() if line.isdigit()], ["126", "0", "0"], out)

    def test_resources(self):
        """@resources: nobody's priority is changed."""
        out = self.probe("/usr/bin/nice -n -5 /bin/true; /usr/bin/ionice -c 1 /bin/true; /bin/true && echo runs")
        self.assertIn("runs", out)
        self.assertRegex(out, "(?s)nice: cannot set niceness.*ionice: ioprio_set failed")

    def test_reload_and_plug(self):
        """All of that with mhpd at work."""
        before = self.plug("256M")
        self.assert_zone(self.arrived(before, 2), "Movable")
        self.machine.check("systemctl reload mhpd")
        self.assertEqual(self.machine.check("systemctl show -P NRestarts mhpd").strip(), "0")
        self.machine.check("mhpctl reload")


