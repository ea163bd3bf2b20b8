# SPDX-License-Identifier: GPL-2.0-or-later
"""Services that mhpd asks: a polkit that answers what it is told to, or not at all, and a service manager. As much of D-Bus as that takes:
dbus.freedesktop.org, "D-Bus Specification", message protocol."""

import re
import socket
import struct
import threading

from .daemon import wait_for

CALL, RETURN, ERROR = 1, 2, 3
PATH, INTERFACE, MEMBER, ERROR_NAME, REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE, UNIX_FDS = 1, 2, 3, 4, 5, 6, 7, 8, 9
KINDS = {PATH: "o", REPLY_SERIAL: "u", SIGNATURE: "g", UNIX_FDS: "u"}
DRIVER = "org.freedesktop.DBus"


def pad(data, to):
    """Up to the next multiple."""
    return data + bytes(-len(data) % to)


def string(value):
    """As type s or o."""
    data = value.encode()
    return struct.pack("<I", len(data)) + data + b"\0"


def message(kind, serial, fields, body=b"", flags=0):
    """The bytes of a message."""
    array = b""
    for code, value in fields.items():
        letter = KINDS.get(code, "s")
        array = pad(array, 8) + bytes([code, 1, ord(letter), 0])
        if letter == "u":
            array += struct.pack("<I", value)
        elif letter == "g":
            array += bytes([len(value)]) + value.encode() + b"\0"
        else:
            array += string(value)
    head = struct.pack("<cBBBIII", b"l", kind, flags, 1, len(body), serial, len(array))
    return pad(head + array, 8) + body


class Service(threading.Thread):
    """Owns its name from the start. `asked`: what it was asked for."""

    name = None

    def __init__(self, bus):
        super().__init__(daemon=True)
        self.asked, self.serial = [], 0
        self.lock = threading.Lock()
        self.socket = wait_for("the bus", lambda: self.connect(bus))
        self.socket.sendall(b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n")
        lines = b""
        while lines.count(b"\r\n") < 2:
            lines += self.socket.recv(1)
        self.call_driver("Hello")
        self.call_driver("RequestName", "su", pad(string(self.name), 4) + struct.pack("<I", 4))
        self.start()

    @staticmethod
    def connect(bus):
        """None: the bus has its socket and does not listen yet."""
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(bus.path)
        except ConnectionRefusedError:
            connection.close()
            return None
        return connection

    def send(self, kind, fields, body=b""):
        """One message."""
        with self.lock:
            self.serial += 1
            self.socket.sendall(message(kind, self.serial, fields, body))

    def call_driver(self, member, signature="", body=b""):
        """And wait for the answer."""
        fields = {PATH: "/org/freedesktop/DBus", INTERFACE: DRIVER, MEMBER: member, DESTINATION: DRIVER}
        if signature:
            fields[SIGNATURE] = signature
        self.send(CALL, fields, body)
        while self.read()[0] != RETURN:
            pass

    def take(self, n):
        """So many bytes."""
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            if not more:
                raise ConnectionError("the bus is gone")
            data += more
        return data

    def read(self):
        """(kind, serial, header fields, body)."""
        head = self.take(16)
        _, kind, _, _, size, serial, length = struct.unpack("<cBBBIII", head)
        fields = self.take(length + -length % 8)
        return kind, serial, fields, self.take(size)

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

    def close(self):
        """As when polkit stops. A second time does no harm."""
        if self.socket.fileno() >= 0:
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Polkit(Service):
    """`answer`: None: silence, else whether it is allowed; `asked`: the actions."""

    name = "org.freedesktop.PolicyKit1"

    def __init__(self, bus, answer=None):
        self.answer = answer
        super().__init__(bus)

    def called(self, serial, sender, fields, body):
        """(is_authorized, is_challenge, details)."""
        if b"CheckAuthorization" not in fields:
            return
        self.asked.append(re.search(rb"org\.mhpd1\.\w+", body)[0].decode())
        if self.answer is None:
            return
        result = struct.pack("<III", self.answer, 0, 0) + b"\0" * 4
        self.send(RETURN, {REPLY_SERIAL: serial, DESTINATION: sender, SIGNATURE: "(bba{ss})"}, result)


class Manager(Service):
    """A service manager that knows one unit, which takes its environment from a file. `asked`: (unit, mode, that environment)."""

    name = "org.freedesktop.systemd1"

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
