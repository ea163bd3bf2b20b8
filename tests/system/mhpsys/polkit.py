# SPDX-License-Identifier: GPL-2.0-or-later
"""A polkit that answers what it is told to, or not at all. As much of D-Bus as that takes: dbus.freedesktop.org, "D-Bus
Specification", message protocol."""

import re
import socket
import struct
import threading

CALL, RETURN = 1, 2
PATH, INTERFACE, MEMBER, REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE = 1, 2, 3, 5, 6, 7, 8
KINDS = {PATH: "o", REPLY_SERIAL: "u", SIGNATURE: "g"}
DRIVER = "org.freedesktop.DBus"


def pad(data, to):
    """Up to the next multiple."""
    return data + bytes(-len(data) % to)


def string(value):
    """As type s or o."""
    return struct.pack("<I", len(value)) + value.encode() + b"\0"


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


class Polkit(threading.Thread):
    """Owns the name from the start. `answer`: None: silence, else whether it is allowed; `asked`: the actions."""

    def __init__(self, bus, answer=None):
        super().__init__(daemon=True)
        self.answer, self.asked, self.serial = answer, [], 0
        self.lock = threading.Lock()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(bus.path)
        self.socket.sendall(b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n")
        lines = b""
        while lines.count(b"\r\n") < 2:
            lines += self.socket.recv(1)
        self.call_driver("Hello")
        self.call_driver("RequestName", "su", pad(string("org.freedesktop.PolicyKit1"), 4) + struct.pack("<I", 4))
        self.start()

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
                if kind == CALL and b"CheckAuthorization" in fields:
                    self.check(serial, re.search(rb":\d+\.\d+", fields)[0].decode(), body)
        except (ConnectionError, OSError):
            pass

    def check(self, serial, sender, body):
        """(is_authorized, is_challenge, details)."""
        self.asked.append(re.search(rb"org\.mhpd1\.\w+", body)[0].decode())
        if self.answer is None:
            return
        result = struct.pack("<III", self.answer, 0, 0) + b"\0" * 4
        self.send(RETURN, {REPLY_SERIAL: serial, DESTINATION: sender, SIGNATURE: "(bba{ss})"}, result)

    def close(self):
        """As when polkit stops. A second time does no harm."""
        if self.socket.fileno() >= 0:
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
