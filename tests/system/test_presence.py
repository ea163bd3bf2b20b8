# SPDX-License-Identifier: GPL-2.0-or-later
"""What keeps a second mhpd out, and what says that one runs."""

import fcntl
import os
import stat
import subprocess

from mhpsys import case
from mhpsys.case import SystemCase
from mhpsys.daemon import wait_for


class Mark(SystemCase):
    """run/running/ready: what the udev rule asks for. It asks as stat(2) does, so a dead link is no mark."""

    has_bus = False

    def mark(self):
        """Whether the mark says that mhpd runs."""
        return os.path.exists(self.mhpd.path("run", "running", "ready"))

    def test_until_the_end(self):
        self.assertFalse(self.mark())
        self.mhpd.start()
        self.assertTrue(self.mark())
        self.mhpd.stop()
        self.assertFalse(self.mark())
        self.assertFalse(os.path.lexists(self.mhpd.path("run", "running", "ready")))

    def test_after_a_sigkill(self):
        self.mhpd.start()
        self.mhpd.kill()
        self.assertFalse(self.mark())
        self.mhpd.start()
        wait_for("the mark", self.mark)

    def test_not_before_it_is_ready(self):
        """What cannot start does not say that it runs."""
        os.unlink(os.path.join(self.machine.root, "sys/devices/system/memory/block_size_bytes"))
        self.mhpd.start(ready=False)
        self.assertEqual(self.mhpd.process.wait(10), 1)
        self.assertFalse(os.path.lexists(self.mhpd.path("run", "running")))

    def test_dry_run(self):
        """It owns nothing, keeps nobody out, and leaves no trace."""
        daemon = self.daemon(options=["--dry-run"])
        daemon.start()
        self.assertEqual(os.listdir(daemon.path("run")), [])

    def test_below_the_root(self):
        """Without --runtime-dir, another machine's tree has its own."""
        tree = self.machine.root
        process = subprocess.Popen([case.PROGRAMS["mhpd"], "--sysroot", tree, "--config-dir", self.mhpd.path("config")],
                                   env=dict(os.environ, MHPD_LOG="stderr"), stderr=subprocess.DEVNULL)
        try:
            wait_for("the mark", lambda: os.path.exists(os.path.join(tree, "run/mhpd/running/ready")))
        finally:
            process.terminate()
            process.wait(10)
        self.assertFalse(os.path.exists(os.path.join(tree, "run/mhpd/running/ready")))


class Lock(SystemCase):
    """One mhpd a runtime directory."""

    has_bus = False

    def second(self):
        """The end of another mhpd, and what it says."""
        other = self.daemon()
        other.start(ready=False)
        return other.process.wait(10), other.log()

    def test_two(self):
        self.mhpd.start()
        code, log = self.second()
        self.assertEqual(code, 1)
        self.assertIn("another mhpd runs", log)
        self.assertTrue(os.path.exists(self.mhpd.path("run", "running", "ready")), "the first one's mark")

    def test_nobody_else_can_hold_it(self):
        """The directory is open to all, and who opens a file or directory can lock it."""
        held = os.open(self.mhpd.path("run"), os.O_RDONLY)
        self.addCleanup(os.close, held)
        fcntl.flock(held, fcntl.LOCK_EX)
        self.mhpd.start()
        self.assertEqual(stat.S_IMODE(os.stat(self.mhpd.path("run", "lock")).st_mode), 0o600)
