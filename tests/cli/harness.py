# SPDX-License-Identifier: GPL-2.0-or-later
"""Registers tests, runs mhpctl, compares with golden files."""

import contextlib
import fcntl
import json
import os
import pathlib
import pty
import shutil
import signal
import struct
import subprocess
import tempfile
import termios

import schema

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE / "golden"
TESTS = []


class Skip(Exception):
    pass


def test(function):
    TESTS.append(function)
    return function


def program(variable, *places):
    given = os.environ.get(variable)
    for place in (given,) if given else places:
        if place and os.access(place, os.X_OK):
            return os.path.abspath(place)
    return None


MHPCTL = program("MHPCTL", "mhpctl", "ctl/mhpctl")
FAKEMHPD = program("FAKEMHPD", "tests/cli/fakemhpd")


class Run:
    def __init__(self, process):
        self.status = process.returncode
        self.out = process.stdout
        self.err = process.stderr

    def json(self):
        return json.loads(self.out)


def environment(**more):
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "MHPCTL_COLUMNS", "DBUS_SYSTEM_BUS_ADDRESS")}
    # nobody listens there: no test speaks to the daemon of the machine it runs on
    env["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/nonexistent/bus"
    env["LC_ALL"] = "C.UTF-8"
    env.update(more)
    return env


def mhpctl(*args, status=0, err=None, env=None, **kwargs):
    """Runs mhpctl; checks the exit status, JSON by its schema, and, when given, that standard error has each of the words in err."""
    process = subprocess.run([MHPCTL, *map(str, args)], capture_output=True, text=True, timeout=60, env=environment(**(env or {})),
                             stdin=subprocess.DEVNULL, **kwargs)
    run = Run(process)
    what = f"mhpctl {' '.join(map(str, args))}"
    equal(run.status, status, f"{what}: exit status (stderr: {run.err.strip()})")
    for word in [err] if isinstance(err, str) else err or []:
        has(run.err, word, f"{what}: standard error")
    if err is not None:
        has(run.err, "mhpctl: ", f"{what}: standard error")
    elif status == 0:
        equal(run.err, "", f"{what}: standard error")
    schema.check_output(args, run.out)
    return run


def on_terminal(*args, columns=80, env=None, prefix=(), stdin=subprocess.DEVNULL):
    """What mhpctl writes to a terminal of so many columns, to standard output and standard error alike; its exit status. stdin: None: the
    terminal as well. It is the controlling terminal, as of a shell's children."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([*prefix, MHPCTL, *map(str, args)], stdout=slave, stderr=slave, stdin=slave if stdin is None else stdin,
                               env=environment(**{"TERM": "xterm", **(env or {})}), start_new_session=True,
                               preexec_fn=lambda: fcntl.ioctl(1, termios.TIOCSCTTY, 0))
    os.close(slave)
    text = b""
    with contextlib.suppress(OSError):  # EIO: nobody has the other end open any more
        while more := os.read(master, 4096):
            text += more
    os.close(master)
    return text.decode().replace("\r\n", "\n"), process.wait(timeout=60)


def equal(got, want, what):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, wanted {want!r}")


def has(text, word, what):
    if word not in text:
        raise AssertionError(f"{what}: {word!r} is not in {text!r}")


UPDATE = False


def golden(name, text):
    path = GOLDEN / name
    if UPDATE:
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(text)
        return
    want = path.read_text()
    if text != want:
        got = path.name + ".got"
        pathlib.Path(got).write_text(text)
        raise AssertionError(f"differs from {path} (diff -u {path} {os.path.abspath(got)})")


@contextlib.contextmanager
def workdir():
    path = pathlib.Path(tempfile.mkdtemp(prefix="mhpctl-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


BUS = """<busconfig><type>session</type><listen>unix:path={0}/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>"""


@contextlib.contextmanager
def bus(everybody=False):
    """A private bus, for this user alone or for everybody; the environment that makes it the system bus."""
    if not shutil.which("dbus-daemon"):
        raise Skip("dbus-daemon is missing")
    with workdir() as work:
        work.chmod(0o755)
        (work / "config").write_text(BUS.format(work))
        daemon = subprocess.Popen(["dbus-daemon", f"--config-file={work}/config" if everybody else "--session", "--nofork", "--print-address=1"],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            yield {"DBUS_SYSTEM_BUS_ADDRESS": daemon.stdout.readline().strip()}
        finally:
            daemon.terminate()
            daemon.wait()
            daemon.stdout.close()


@contextlib.contextmanager
def fake(env, mode, map_text, config="[Online]\nZone=auto\n"):
    """The fake daemon on that bus; gives the process. What it was called for is on its standard error."""
    if not FAKEMHPD:
        raise Skip("fakemhpd is not built")
    with workdir() as work:
        (work / "map").write_text(map_text)
        (work / "config").write_text(config)
        daemon = subprocess.Popen([FAKEMHPD, work / "map", work / "config", mode], env=environment(**env), text=True,
                                  stdout=subprocess.PIPE, stderr=open(work / "calls", "w"))
        daemon.calls = lambda: (work / "calls").read_text()
        try:
            equal(daemon.stdout.readline(), "ready\n", "fakemhpd")
            yield daemon
        finally:
            if daemon.poll() is None:
                daemon.send_signal(signal.SIGTERM)
                daemon.wait()
            daemon.stdout.close()


def main(args):
    global UPDATE
    UPDATE = "--update" in args
    names = [a for a in args if not a.startswith("-")]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for function in TESTS:
        name = function.__name__
        if names and name not in names:
            continue
        try:
            if not MHPCTL:
                raise Skip("mhpctl is not built; set MHPCTL")
            function()
            result, reason = "passed", ""
        except Skip as skip:
            result, reason = "skipped", f": {skip}"
        except Exception as failure:  # a test that breaks down has failed
            result, reason = "failed", f": {type(failure).__name__}: {failure}"
        counts[result] += 1
        print({"passed": "ok", "failed": "FAIL", "skipped": "skip"}[result], name + reason, flush=True)
    print(f"cli: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] else 0
