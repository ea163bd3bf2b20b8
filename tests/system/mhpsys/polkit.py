# SPDX-License-Identifier: GPL-2.0-or-later
"""Services that mhpd asks: a polkit that answers what it is told to, or not at all, and a service manager."""

import re
import struct
import threading

from .wire import CALL, DESTINATION, ERROR, ERROR_NAME, REPLY_SERIAL, RETURN, SIGNATURE, Connection, pack, string


class Service(Connection, threading.Thread):
    """Owns its name from the start. `asked`: what it was asked for."""

    owns = None

    def __init__(self, bus):
        threading.Thread.__init__(self, daemon=True)
        self.asked = []
        self.lock = threading.Lock()
        Connection.__init__(self, bus)
        self.call_driver("RequestName", "su", pack("su", self.owns, 4))
        self.socket.settimeout(None)
        self.start()

    def send(self, kind, fields, body=b"", descriptors=0):
        """From either thread."""
        with self.lock:
            return super().send(kind, fields, body, descriptors)

    def run(self):
        """Until the bus goes."""
        try:
            while True:
                kind, serial, fields, body = self.read()
                if kind == CALL:
                    self.called(serial, re.search(rb":\d+\.\d+", fields)[0].decode(), fields, body)
        except (ConnectionError, OSError):
            pass

    def called(self, serial, sender, fields, body):
        """One call."""
        raise NotImplementedError


class Polkit(Service):
    """`answer`: None: silence, else whether it is allowed; `asked`: the actions. `cancelled`: the ids of questions that were taken back, which are
    answered then, unless `deaf`."""

    owns = "org.freedesktop.PolicyKit1"

    def __init__(self, bus, answer=None, deaf=False):
        self.answer_is, self.deaf = answer, deaf
        self.open, self.cancelled = {}, []
        super().__init__(bus)

    def called(self, serial, sender, fields, body):
        """CheckAuthorization: (is_authorized, is_challenge, details)."""
        if b"CancelCheckAuthorization" in fields:
            self.cancelled.append(self.text(body))
            if not self.deaf:
                self.send(ERROR, {REPLY_SERIAL: self.open.pop(self.text(body)), DESTINATION: sender,
                                  ERROR_NAME: "org.freedesktop.PolicyKit1.Error.Cancelled"})
            return
        if b"CheckAuthorization" not in fields:
            return
        self.asked.append(re.search(rb"org\.mhpd1\.\w+", body)[0].decode())
        if self.answer_is is None:
            self.open[re.search(rb"([\w-]*)\0$", body)[1].decode()] = serial
            return
        result = struct.pack("<III", self.answer_is, 0, 0) + b"\0" * 4
        self.send(RETURN, {REPLY_SERIAL: serial, DESTINATION: sender, SIGNATURE: "(bba{ss})"}, result)


class Manager(Service):
    """A service manager that knows one unit, which takes its environment from a file. `asked`: (unit, mode, that environment)."""

    owns = "org.freedesktop.systemd1"

    def __init__(self, bus, unit, environment):
        self.unit, self.environment = unit, environment
        super().__init__(bus)

    def called(self, serial, sender, fields, body):
        """RestartUnit."""
        if b"RestartUnit" not in fields:
            return
        unit, mode = (text.decode() for text in re.findall(rb"[\x20-\x7e]{4,}", body))
        to = {REPLY_SERIAL: serial, DESTINATION: sender}
        if unit != self.unit:
            self.send(ERROR, {**to, ERROR_NAME: "org.freedesktop.systemd1.NoSuchUnit", SIGNATURE: "s"}, string(f"Unit {unit} not found."))
            return
        with open(self.environment, encoding="ascii") as file:
            self.asked.append((unit, mode, dict(line.split("=") for line in file.read().splitlines())))
        self.send(RETURN, {**to, SIGNATURE: "o"}, string("/org/freedesktop/systemd1/job/1"))
