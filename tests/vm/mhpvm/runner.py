# SPDX-License-Identifier: GPL-2.0-or-later
"""Run the tests, two guests at a time, and say one line for each."""

import concurrent.futures
import fnmatch
import importlib
import pathlib
import threading
import time
import unittest

from .case import VmCase

FOLDER = pathlib.Path(__file__).resolve().parent.parent


class Report(unittest.TestResult):
    """Prints results as they come; shared by all threads through `tally`."""

    def __init__(self, case, tally):
        super().__init__()
        self._case = case
        self._tally = tally
        self._began = time.monotonic()
        self._subtests = []

    def startTest(self, test):
        super().startTest(test)
        self._began = time.monotonic()
        self._subtests = []

    def _say(self, test, verdict, detail=""):
        seconds = time.monotonic() - self._began
        if isinstance(test, VmCase):
            names = [test.id()]
        else:                               # setUpClass: speaks for all tests of the class
            names = [name for name in self._tally.names[self._case] if name not in self._tally.done]
        for name in names:
            self._tally.add(name, verdict, seconds, detail)
            detail = "" if verdict == "FAIL" else detail

    def addSuccess(self, test):
        if not self._subtests:
            self._say(test, "ok")

    def addSkip(self, test, reason):
        self._say(test, "SKIP", reason)

    def addFailure(self, test, err):
        self._fail(test, err)

    def addError(self, test, err):
        self._fail(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            if not self._subtests:
                self._fail(test, err, f"{subtest.params}\n")
            self._subtests.append(subtest)

    def _fail(self, test, err, head=""):
        self._say(test, "FAIL", head + self._exc_info_to_string(err, test) + self._case.diagnose())


class Tally:
    """What became of every test."""

    def __init__(self, names):
        self.names = names
        self.done = {}
        self._lock = threading.Lock()

    def add(self, name, verdict, seconds, detail):
        """Record and print one result."""
        with self._lock:
            self.done[name] = verdict
            note = f"  ({detail})" if verdict == "SKIP" else ""
            print(f"{verdict:4} {seconds:6.1f} s  {name}{note}", flush=True)
            if verdict == "FAIL":
                print("\n".join("    | " + line for line in detail.splitlines()), flush=True)

    def count(self, verdict):
        """How many tests ended this way."""
        return sum(value == verdict for value in self.done.values())


def discover(patterns):
    """Class -> its test names that match one of PATTERNS (all, without patterns)."""
    found = {}
    for path in sorted(FOLDER.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        for case in vars(module).values():
            if not (isinstance(case, type) and issubclass(case, VmCase) and case.__module__ == module.__name__):
                continue
            tests = unittest.defaultTestLoader.getTestCaseNames(case)
            names = [name for name in (f"{path.stem}.{case.__qualname__}.{test}" for test in tests)
                     if not patterns or any(_matches(name, pattern) for pattern in patterns)]
            if names:
                found[case] = names
    return found


def _matches(name, pattern):
    return pattern in name or fnmatch.fnmatch(name, pattern)


def _run_class(case, names, tally):
    began = time.monotonic()
    suite = unittest.TestSuite(case(name.rsplit(".", 1)[-1]) for name in names)
    suite.run(Report(case, tally))
    return time.monotonic() - began


def run(found, dest, jobs):
    """Run the classes FOUND: first the ones that may share the machine, then the ones that want it alone."""
    tally = Tally(found)
    VmCase.dest = dest
    shared = [case for case in found if not case.alone]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for result in [pool.submit(_run_class, case, found[case], tally) for case in shared]:
            result.result()
    for case in found:
        if case.alone:
            _run_class(case, found[case], tally)
    _once_more(found, tally)
    return tally


def _once_more(found, tally):
    """What failed gets a fresh guest and the machine for itself: an emulated guest on a busy host misses time limits that a real one
    keeps. Both results are printed; the second counts. Where chance decides what is tested, a failure stands."""
    again = {case: failed for case, names in found.items() if case.again and (failed := [name for name in names if tally.done.get(name) == "FAIL"])}
    if again:
        print("once more, one at a time:", flush=True)
    for case, names in again.items():
        _run_class(case, names, tally)
