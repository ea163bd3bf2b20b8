# SPDX-License-Identifier: GPL-2.0-or-later
"""mhpd, a bus of our own, and the service manager's ear."""

import json
import os
import signal
import socket
import subprocess
import threading
import time

NAME, OBJECT, INTERFACE = "org.mhpd1", "/org/mhpd1", "org.mhpd1.Manager"
BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
  </policy>
</busconfig>
"""


def instrumented(program):
    """Whether it was built with sanitizers or for coverage."""
    with open(program, "rb") as file:
        code = file.read()
    return any(word in code for word in (b"__asan_init", b"__gcov_"))


def wait_for(what, check, timeout=10.0):
    """The first true answer."""
    end = time.monotonic() + timeout
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout:g} s in vain: {what}")
        time.sleep(0.005)


class BusError(Exception):
    """What a call was answered with. `name`: the error's name, if busctl tells."""


class Bus:
    """A dbus-daemon."""

    def __init__(self, folder):
        self.folder = folder
        self.path = os.path.join(folder, "bus")
        self.address = f"unix:path={self.path}"
        self.process = None

    def start(self):
        """Until it listens."""
        config = os.path.join(self.folder, "bus.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(BUS_CONFIG.format(path=self.path))
        with open(os.path.join(self.folder, "bus.log"), "ab") as log:
            self.process = subprocess.Popen(["dbus-daemon", "--nofork", "--nopidfile", f"--config-file={config}"], stdout=log, stderr=log)
        wait_for("the bus", lambda: os.path.exists(self.path))

    def stop(self):
        """As at a restart of the bus."""
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process = None
        if os.path.exists(self.path):
            os.unlink(self.path)

    def busctl(self, *words):
        """What it prints."""
        done = subprocess.run(["busctl", f"--address={self.address}", "--json=short", "--timeout=5", *words], capture_output=True,
                              text=True, check=False)
        if done.returncode != 0:
            raise BusError(done.stderr.strip())
        return done.stdout

    def call(self, method, signature="", *arguments):
        """The answer's values."""
        words = [method, signature, *(str(a) for a in arguments)] if signature else [method]
        out = self.busctl("call", NAME, OBJECT, INTERFACE, *words)
        return json.loads(out)["data"] if out.strip() else []

    def get(self, name):
        """A property."""
        return json.loads(self.busctl("get-property", NAME, OBJECT, INTERFACE, name))["data"]

    def error_name(self, method, signature, *arguments):
        """The name of the error that a call is answered with; busctl does not tell, dbus-send does."""
        words = [f"{ {'s': 'string', 't': 'uint64', 'u': 'uint32'}[c] }:{a}" for c, a in zip(signature, arguments)]
        done = subprocess.run(["dbus-send", f"--bus={self.address}", "--print-reply", f"--dest={NAME}", OBJECT,
                               f"{INTERFACE}.{method}", *words], capture_output=True, text=True, check=False)
        return done.stderr.split(":")[0].removeprefix("Error ").strip() if done.returncode != 0 else None


class Daemon:
    """One mhpd on one machine. Its folder has config/, vendor/, run/ and what it wrote to stderr."""

    def __init__(self, program, machine, folder, bus=None, env=None, options=()):
        self.program, self.machine, self.folder, self.bus = program, machine, folder, bus
        self.env, self.options = env or {}, list(options)
        self.process = self.notify = None
        self.deaf = False       # the service manager does not read what it is told
        self.notified = []      # lines
        for name in ("config", "vendor", "run"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)

    def path(self, *names):
        """Below the folder."""
        return os.path.join(self.folder, *names)

    def configure(self, text, name="config/mhpd.conf"):
        """Write a configuration file."""
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def arguments(self):
        """Its command line."""
        return [self.program, "--sysroot", self.machine.root, *self.config_options(), "--runtime-dir", self.path("run"), *self.options]

    def config_options(self):
        """Where the configuration lies."""
        text = subprocess.run([self.program, "--help"], capture_output=True, text=True, check=True).stdout
        if "--config-etc" in text:
            return ["--config-etc", self.path("config"), "--config-vendor", self.path("vendor")]
        return ["--config-dir", self.path("config") + ":" + self.path("vendor")]

    def listen(self):
        """Be the service manager; the socket's address."""
        path = self.path("notify")
        if os.path.exists(path):
            os.unlink(path)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(path)
        threading.Thread(target=self.hear, args=(self.notify,), daemon=True).start()
        return path

    def hear(self, notify):
        """Until shutdown(): an empty message."""
        while not self.deaf:
            message = notify.recv(4096).decode()
            if not message:
                return
            self.notified += message.split("\n")

    def start(self, ready=True):
        """Until it says READY=1."""
        path = self.listen()
        env = dict(os.environ, MHPD_LOG="stderr", NOTIFY_SOCKET=path, **self.env)
        if self.bus:
            env["DBUS_SYSTEM_BUS_ADDRESS"] = self.bus.address
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen(self.arguments(), env=env, stderr=log, stdout=log)
        if ready:
            wait_for("READY=1", lambda: self.process.poll() is not None or "READY=1" in self.notified)
            if self.process.poll() is not None:
                raise AssertionError(f"mhpd ended with {self.process.returncode}: {self.log()}")
        if ready and self.bus and self.bus.process:
            wait_for("the name on the bus", lambda: self.answers(), 5)

    def answers(self):
        """Whether it is on the bus."""
        try:
            return self.bus.get("Version")
        except BusError:
            return None

    def status(self):
        """The last STATUS= line."""
        return next((line[7:] for line in reversed(self.notified) if line.startswith("STATUS=")), "")

    def log(self):
        """What it wrote to stderr."""
        with open(self.path("log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def workers(self):
        """Its children that are alive."""
        found = []
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                    state, parent = file.read().rsplit(") ", 1)[1].split()[:2]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(parent) == self.process.pid and state not in "ZX":
                found.append(int(name))
        return found

    def reload(self):
        """SIGHUP, until it is ready again."""
        before = self.notified.count("READY=1")
        self.process.send_signal(signal.SIGHUP)
        wait_for("READY=1 after a reload", lambda: self.notified.count("READY=1") > before)

    def stop(self):
        """As systemd does. The exit code."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError("mhpd did not stop within 10 s") from None
        return self.close()

    def kill(self):
        """SIGKILL."""
        self.process.kill()
        self.process.wait()
        return self.close()

    def close(self):
        """The exit code."""
        if self.notify:
            self.notify.shutdown(socket.SHUT_RDWR)
            self.notify.close()
            self.notify = None
        return self.process.returncode if self.process else None
