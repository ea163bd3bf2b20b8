# SPDX-License-Identifier: GPL-2.0-or-later
"""As much of D-Bus as tests need that libraries do not do: services, and clients that keep to no rule but the wire's.
dbus.freedesktop.org, "D-Bus Specification", message protocol."""

import os
import re
import socket
import struct

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


def pack(signature, *values):
    """A body of strings and numbers."""
    body = b""
    for letter, value in zip(signature, values, strict=True):
        body = pad(body, {"s": 4, "u": 4, "t": 8}[letter])
        body += string(value) if letter == "s" else struct.pack({"u": "<I", "t": "<Q"}[letter], value)
    return body


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


class Connection:
    """A connection to the bus that belongs to user UID: the bus asks the kernel whose it is."""

    def __init__(self, bus, uid=0, descriptors=False):
        self.serial = 0
        self.socket = wait_for("the bus", lambda: self.connect(bus, uid))
        self.socket.sendall(b"\0AUTH EXTERNAL\r\nDATA\r\n" + (b"NEGOTIATE_UNIX_FD\r\n" if descriptors else b"") + b"BEGIN\r\n")
        lines = b""
        while lines.count(b"\r\n") < 2 + descriptors:
            lines += self.take(1)
        self.name = self.text(self.call_driver("Hello")[3])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @staticmethod
    def connect(bus, uid):
        """None: the bus has its socket and does not listen yet."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(60)
        mine = os.geteuid()
        try:
            if uid != mine and mine == 0:
                os.seteuid(uid)
            connection.connect(bus.path)
        except ConnectionRefusedError:
            connection.close()
            return None
        finally:
            if os.geteuid() != mine:
                os.seteuid(mine)
        return connection

    def send(self, kind, fields, body=b"", descriptors=0):
        """One message; its serial."""
        self.serial += 1
        data = message(kind, self.serial, {**fields, **({UNIX_FDS: descriptors} if descriptors else {})}, body)
        sent = socket.send_fds(self.socket, [data[:1]], [0] * descriptors) if descriptors else 0
        self.socket.sendall(data[sent:])
        return self.serial

    def call_driver(self, member, signature="", body=b""):
        """And wait for the answer."""
        fields = {PATH: "/org/freedesktop/DBus", INTERFACE: DRIVER, MEMBER: member, DESTINATION: DRIVER}
        self.send(CALL, {**fields, **({SIGNATURE: signature} if signature else {})}, body)
        return self.answer()

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

    def answer(self):
        """The next message that is an answer."""
        while True:
            message_read = self.read()
            if message_read[0] in (RETURN, ERROR):
                return message_read

    @staticmethod
    def text(body):
        """The string that a body begins with."""
        return body[4:4 + struct.unpack("<I", body[:4])[0]].decode()

    @staticmethod
    def error(answer):
        """The name of the error that a call was answered with; None: it was not."""
        found = re.search(rb"\x04\x01s\0....([\w.]+)\0", answer[2], re.DOTALL)
        return found[1].decode() if answer[0] == ERROR else None

    @staticmethod
    def answers(answer):
        """The serial of the call that this answers."""
        found = re.search(rb"\x05\x01u\0(....)", answer[2], re.DOTALL)
        return struct.unpack("<I", found[1])[0]

    def close(self):
        """As when a process ends. A second time does no harm."""
        if self.socket.fileno() >= 0:
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
