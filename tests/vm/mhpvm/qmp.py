# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU's control channel: commands, and events that are kept until somebody asks for them."""

import json
import socket
import time


class QmpError(Exception):
    """QEMU refused a command."""


class Timeout(Exception):
    """Something did not happen in time."""


class LineSocket:
    """JSON objects, one a line, over a unix socket, with a deadline for each read."""

    def __init__(self, path, timeout=10):
        deadline = time.monotonic() + timeout
        self._buffer = b""
        while True:
            self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self._sock.connect(str(path))
                return
            except OSError as error:
                self._sock.close()
                if time.monotonic() > deadline:
                    raise Timeout(f"cannot connect to {path}: {error}") from error
                time.sleep(0.05)

    def send(self, message):
        """Send one object."""
        self.send_raw(json.dumps(message).encode() + b"\n")

    def send_raw(self, data):
        """Send bytes as they are."""
        self._sock.settimeout(10)
        try:
            self._sock.sendall(data)
        except socket.timeout as error:
            raise Timeout("nobody reads what we send") from error

    def receive(self, deadline):
        """The next object, or Timeout when DEADLINE (monotonic) passes first."""
        while True:
            line, found, rest = self._buffer.partition(b"\n")
            if found:
                self._buffer = rest
                try:
                    return json.loads(line.lstrip(b"\xff"))
                except ValueError:
                    continue
            left = deadline - time.monotonic()
            if left <= 0:
                raise Timeout("no answer in time")
            self._sock.settimeout(left)
            try:
                data = self._sock.recv(65536)
            except socket.timeout:
                continue
            if not data:
                raise EOFError("the other side closed the connection")
            self._buffer += data

    def close(self):
        """Close the socket."""
        self._sock.close()


class Qmp:
    """A QMP session. `events` keeps every event in order; `mark()` remembers how far one has read."""

    def __init__(self, path):
        self.events = []
        self._link = LineSocket(path)
        self._link.receive(time.monotonic() + 10)
        self.execute("qmp_capabilities")

    def execute(self, command, timeout=30, **arguments):
        """Run a command; its result, or QmpError. Argument names with `-` are given with `_`."""
        request = {"execute": command}
        if arguments:
            request["arguments"] = {name.replace("_", "-"): value for name, value in arguments.items()}
        self._link.send(request)
        deadline = time.monotonic() + timeout
        while True:
            message = self._link.receive(deadline)
            if "event" in message:
                self.events.append(message)
            elif "error" in message:
                raise QmpError(f"{command}: {message['error']['desc']}")
            else:
                return message["return"]

    def mark(self):
        """The number of events seen up to now."""
        return len(self.events)

    def wait_event(self, names, since=0, timeout=30, where=None):
        """The first event after mark SINCE with one of NAMES whose data WHERE accepts."""
        names = {names} if isinstance(names, str) else set(names)
        deadline = time.monotonic() + timeout
        at = since
        while True:
            for event in self.events[at:]:
                if event["event"] in names and (where is None or where(event.get("data", {}))):
                    return event
            at = len(self.events)
            try:
                message = self._link.receive(deadline)
            except Timeout as error:
                seen = [event["event"] for event in self.events[since:]]
                raise Timeout(f"no {' or '.join(sorted(names))} within {timeout} s; seen: {seen}") from error
            if "event" in message:
                self.events.append(message)

    def poll(self):
        """Take in the events that have already arrived."""
        try:
            while True:
                message = self._link.receive(time.monotonic() + 0.01)
                if "event" in message:
                    self.events.append(message)
        except Timeout:
            pass

    def close(self):
        """Close the session."""
        self._link.close()
