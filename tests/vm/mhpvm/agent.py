# SPDX-License-Identifier: GPL-2.0-or-later
"""Run commands in the guest, by the QEMU guest agent on a virtio-serial port."""

import base64
import dataclasses
import itertools
import json
import shlex
import time

from .qmp import LineSocket, Timeout


class AgentError(Exception):
    """The agent refused a request."""


class CommandFailed(AssertionError):
    """A command in the guest exited with another code than 0."""


@dataclasses.dataclass
class Result:
    """What a command in the guest left behind."""
    code: int
    out: str
    err: str


class Agent:
    """A synchronised session with the agent in one guest."""

    _ids = itertools.count(int(time.time()) % 100000 * 1000)

    def __init__(self, path):
        self._link = LineSocket(path)

    def sync(self, timeout=30):
        """Wait until the agent answers with the number that we sent; what it said before is dropped."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            number = next(self._ids)
            self._link.send_raw(b"\xff" + json.dumps({"execute": "guest-sync", "arguments": {"id": number}}).encode() + b"\n")
            until = min(deadline, time.monotonic() + 2)
            try:
                while True:
                    if self._link.receive(until).get("return") == number:
                        return
            except Timeout:
                continue
        raise Timeout(f"the guest agent did not answer within {timeout} s")

    def call(self, command, timeout=30, **arguments):
        """One agent request."""
        request = {"execute": command}
        if arguments:
            request["arguments"] = {name.replace("_", "-"): value for name, value in arguments.items()}
        self._link.send(request)
        answer = self._link.receive(time.monotonic() + timeout)
        if "error" in answer:
            raise AgentError(f"{command}: {answer['error'].get('desc')}")
        return answer.get("return")

    def start(self, argv, stdin=None):
        """Start a command (a shell line or a list) and return the handle that finish() takes."""
        argv = ["/bin/sh", "-c", argv] if isinstance(argv, str) else list(argv)
        arguments = {"path": argv[0], "arg": argv[1:], "capture_output": True,
                     "env": ["PATH=/usr/sbin:/usr/bin", "HOME=/root", "LC_ALL=C.UTF-8"]}
        if stdin is not None:
            data = stdin.encode() if isinstance(stdin, str) else stdin
            arguments["input_data"] = base64.b64encode(data).decode()
        return self.call("guest-exec", **arguments)["pid"]

    def finish(self, handle, timeout=60):
        """Wait for a started command."""
        deadline = time.monotonic() + timeout
        pause = 0.005
        while True:
            status = self.call("guest-exec-status", pid=handle)
            if status["exited"]:
                break
            if time.monotonic() > deadline:
                raise Timeout(f"the guest's command still runs after {timeout} s")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.1)
        code = status.get("exitcode", 128 + status.get("signal", 0))
        texts = [base64.b64decode(status.get(name, "")).decode(errors="replace") for name in ("out-data", "err-data")]
        return Result(code, *texts)

    def run(self, argv, timeout=60, stdin=None):
        """Run a command to its end, whatever its exit code."""
        return self.finish(self.start(argv, stdin), timeout)

    def check(self, argv, timeout=60, stdin=None):
        """The output of a command that must succeed."""
        result = self.run(argv, timeout, stdin)
        if result.code != 0:
            text = argv if isinstance(argv, str) else shlex.join(argv)
            raise CommandFailed(f"`{text}` in the guest: exit {result.code}\n{result.out}{result.err}".rstrip())
        return result.out

    def write(self, path, text):
        """Write a file in the guest, with the folders above it."""
        quoted = shlex.quote(path)
        self.check(f"mkdir -p \"$(dirname {quoted})\" && cat > {quoted}", stdin=text)

    def read(self, path):
        """A file's content."""
        return self.check(["cat", path])

    def ping(self, timeout=5):
        """Whether the agent still answers."""
        try:
            self.call("guest-ping", timeout=timeout)
        except (Timeout, EOFError, OSError, AgentError):
            return False
        return True

    def close(self):
        """Close the session."""
        self._link.close()
