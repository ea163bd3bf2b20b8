# SPDX-License-Identifier: GPL-2.0-or-later
"""mhpd's command line."""

import subprocess
import unittest

from mhpsys import case


class Command(unittest.TestCase):
    """What does not get as far as a daemon."""

    @staticmethod
    def run_mhpd(*words):
        """Its end."""
        return subprocess.run([case.PROGRAMS["mhpd"], *words], capture_output=True, text=True, timeout=10, check=False)

    def diagnose(self):
        """Nothing to add."""
        return ""

    def test_help(self):
        done = self.run_mhpd("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for option in ("--sysroot", "--runtime-dir", "--dry-run"):
            self.assertIn(option, done.stdout)
        self.assertNotIn("--worker", done.stdout)

    def test_version(self):
        done = self.run_mhpd("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^mhpd [0-9]\S*\n$")

    def test_full(self):
        for word in ("--help", "--version"):
            with open("/dev/full", "w", encoding="ascii") as full:
                done = subprocess.run([case.PROGRAMS["mhpd"], word], stdout=full, stderr=subprocess.PIPE, text=True, timeout=10, check=False)
            self.assertEqual((done.returncode, done.stderr), (1, "mhpd: writing to standard output: No space left on device\n"))

    def test_usage(self):
        for words in (["--no-such-option"], ["start"], ["--sysroot"], ["--dry-run=yes"], ["--dry-run", "--put-back"]):
            with self.subTest(words):
                done = self.run_mhpd(*words)
                self.assertEqual(done.returncode, 2, done)
                self.assertIn("mhpd: ", done.stderr)

    def test_no_such_directory(self):
        done = self.run_mhpd("--sysroot", "/no/such/directory")
        self.assertEqual(done.returncode, 1, done)
