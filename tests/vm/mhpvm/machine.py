# SPDX-License-Identifier: GPL-2.0-or-later
"""One guest: boot it, hot-plug memory into it from the host's side, run commands in it, and be sure that it ends."""

import dataclasses
import pathlib
import shutil
import subprocess
import time

from . import Unavailable, accel, blocks, image, kernel
from .agent import Agent
from .qmp import Qmp, QmpError, Timeout
from .units import MiB, parse_size

APPEND = ("console=ttyS0 root=/dev/vda rw quiet loglevel=5 panic=-1 random.trust_cpu=on systemd.show_status=0 "
          "systemd.log_level=warning net.ifnames=0")

EJECT = (3, 0x103)              # ACPI _OST: what the status is about
GOING = (0, 0x84)               # success, in progress


@dataclasses.dataclass(frozen=True)
class VirtioMem:
    """A virtio-mem device that is there from the start, with nothing plugged."""
    name: str = "vm0"
    size: str = "4G"
    node: int = 0
    block_size: str = ""        # e.g. 256M: larger than a memory block gives big-block mode


@dataclasses.dataclass(frozen=True)
class Spec:
    """What a guest is made of."""
    memory: str = "1G"
    maxmem: str = "96G"
    slots: int = 32
    cpus: int = 2
    nodes: int = 1
    bare_nodes: int = 0         # nodes after these that have neither processors nor memory
    kernel: str = "6.12"
    append: str = ""
    virtio_mem: tuple = ()
    nvdimm: str = ""            # size of a persistent-memory module for dax/kmem
    dimms: tuple = ()           # sizes of DIMMs that are plugged before the boot
    disk: str = ""              # size of an empty file system on /dev/vdb
    balloon: bool = False       # a virtio balloon, with nothing in it


def _memory_arguments(spec):
    """-m, and -numa with one backend and an equal share of the processors a node."""
    total = parse_size(spec.memory)
    argv = ["-m", f"size={total // MiB}M,slots={spec.slots},maxmem={spec.maxmem}", "-smp", f"{spec.cpus},sockets={spec.nodes}"]
    if spec.nodes + spec.bare_nodes == 1:
        return argv
    share = total // spec.nodes
    for node in range(spec.nodes):
        cpus = [cpu for cpu in range(spec.cpus) if cpu % spec.nodes == node]
        argv += ["-object", f"memory-backend-ram,id=boot{node},size={share}",
                 "-numa", f"node,nodeid={node},memdev=boot{node}" + "".join(f",cpus={cpu}" for cpu in cpus)]
    for node in range(spec.nodes, spec.nodes + spec.bare_nodes):
        argv += ["-numa", f"node,nodeid={node}"]
    return argv


def _device_arguments(spec):
    argv = []
    for device in spec.virtio_mem:
        block = f",block-size={device.block_size}" if device.block_size else ""
        argv += ["-object", f"memory-backend-ram,id={device.name}-ram,size={device.size},reserve=off",
                 "-device", f"virtio-mem-pci,id={device.name},memdev={device.name}-ram,node={device.node},"
                            f"requested-size=0{block}"]
    for index, size in enumerate(spec.dimms):
        argv += ["-object", f"memory-backend-ram,id=cold{index}-ram,size={size},reserve=off",
                 "-device", f"pc-dimm,id=cold{index},memdev=cold{index}-ram"]
    if spec.balloon:
        argv += ["-device", "virtio-balloon-pci,id=balloon0"]
    if spec.nvdimm:
        argv += ["-object", f"memory-backend-ram,id=nv0,size={spec.nvdimm},reserve=off", "-device", "nvdimm,id=nvd0,memdev=nv0"]
    return argv


def _refused(status, name):
    """Whether the guest's firmware interface says that this device does not leave (source: an eject was asked for)."""
    return status.get("device") == name and status.get("source") in EJECT and status.get("status") not in GOING


class Machine:
    """A running guest; use it as a context manager, or call start() and close()."""

    def __init__(self, spec=Spec(), dest=None, files=None):
        self.spec = spec
        self.qmp = None
        self.agent = None
        self.release = None
        self._dest = dest
        self._files = files
        self._folder = None
        self._process = None
        self._plugged = 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.close()

    # Life

    def start(self, timeout=120):
        """Boot until the guest agent answers."""
        image.check_tools()
        found = kernel.get(self.spec.kernel)
        self.release = found.release
        self._folder = image.scratch()
        try:
            self._launch(found)
            self.qmp = Qmp(self._folder / "qmp")
            self.agent = Agent(self._folder / "qga")
            self._wait_agent(0, timeout)
        except BaseException as error:
            if not isinstance(error, Unavailable):
                print(f"vm: the guest did not come up; its console ends with:\n{self.serial_tail(15)}", flush=True)
            self.close()
            raise

    def _launch(self, found):
        initrd = self._folder / "initrd"
        initrd.write_bytes(found.initrd.read_bytes() + image.overlay(self._dest, self._files))
        argv = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
                "-M", "q35" + (",nvdimm=on" if self.spec.nvdimm else ""), *accel.arguments(found),
                *_memory_arguments(self.spec), "-kernel", str(found.image), "-initrd", str(initrd),
                "-append", f"{APPEND} {self.spec.append}".strip(),
                "-drive", f"file={image.disk()},format=raw,if=none,id=root,snapshot=on", "-device", "virtio-blk-pci,drive=root",
                "-device", "virtio-rng-pci", "-serial", f"file:{self._folder}/serial",
                "-qmp", f"unix:{self._folder}/qmp,server=on,wait=off", "-device", "virtio-serial-pci",
                "-chardev", f"socket,id=qga,path={self._folder}/qga,server=on,wait=off",
                "-device", "virtserialport,id=qga-port,chardev=qga,name=org.qemu.guest_agent.0", *_device_arguments(self.spec),
                *self._disk_arguments()]
        with open(self._folder / "qemu.log", "wb") as log:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             env={"PATH": "/usr/bin:/bin", "TMPDIR": str(self._folder)})

    def _disk_arguments(self):
        if not self.spec.disk:
            return []
        image.empty_disk(self._folder / "disk", self.spec.disk)
        return ["-drive", f"file={self._folder}/disk,format=raw,if=none,id=disk", "-device", "virtio-blk-pci,drive=disk"]

    def _wait_agent(self, since, timeout):
        """Wait until the guest's agent has opened its port and answers."""
        self.qmp.wait_event("VSERPORT_CHANGE", since, timeout, lambda data: data["id"] == "qga-port" and data["open"])
        self.agent.sync()

    def reboot(self, timeout=120):
        """Restart the guest; its disk keeps what it has written."""
        since = self.qmp.mark()
        self.agent.start("systemctl reboot")
        self.qmp.wait_event("RESET", since, timeout)
        self._wait_agent(self.qmp.mark(), timeout)

    def close(self):
        """End QEMU, whatever state it is in, and remove its files."""
        for link in (self.agent, self.qmp):
            if link:
                link.close()
        self.agent = self.qmp = None
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def serial_tail(self, lines=40):
        """The end of the guest's console, and of QEMU's own messages."""
        text = ""
        for name in ("serial", "qemu.log"):
            path = self._folder / name if self._folder else None
            if path and path.exists():
                text += "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) + "\n"
        return text

    def processor_seconds(self):
        """Processor time that the guest has cost the host up to now: what else the host does, does not lengthen it."""
        spent = (path.read_text().split()[0] for path in pathlib.Path(f"/proc/{self._process.pid}/task").glob("*/schedstat"))
        return sum(map(int, spent)) / 1e9

    # DIMMs

    def plug_dimm(self, size, node=None, name=None):
        """Plug a DIMM; returns its name."""
        self._plugged += 1
        name = name or f"dimm{self._plugged}"
        where = {"node": node} if node is not None else {}
        self.qmp.execute("object-add", qom_type="memory-backend-ram", id=f"{name}-ram", size=parse_size(size), reserve=False)
        self.qmp.execute("device_add", driver="pc-dimm", id=name, memdev=f"{name}-ram", **where)
        return name

    def unplug_dimm(self, name, timeout=60):
        """Ask the guest for a DIMM: True when it went, False when the guest refused."""
        since = self.qmp.mark()
        self.qmp.execute("device_del", id=name)
        event = self.qmp.wait_event(("DEVICE_DELETED", "MEM_UNPLUG_ERROR", "DEVICE_UNPLUG_GUEST_ERROR", "ACPI_DEVICE_OST"), since, timeout,
                                    lambda data: data.get("device") == name or _refused(data.get("info", {}), name))
        if event["event"] != "DEVICE_DELETED":
            return False
        self.qmp.execute("object-del", id=f"{name}-ram")
        return True

    def wait_gone(self, name, since=0, timeout=30):
        """Wait until a DIMM that the guest gives up of its own accord has left, and take its memory back."""
        self.qmp.wait_event("DEVICE_DELETED", since, timeout, lambda data: data.get("device") == name)
        self.qmp.execute("object-del", id=f"{name}-ram")

    # virtio-mem

    def resize_virtio_mem(self, size, name="vm0"):
        """Ask the guest's driver for another size; it works towards it on its own."""
        self.qmp.execute("qom-set", path=f"/machine/peripheral/{name}", property="requested-size", value=parse_size(size))

    def virtio_mem_size(self, name="vm0"):
        """The size that the guest has taken, in bytes."""
        return self.qmp.execute("qom-get", path=f"/machine/peripheral/{name}", property="size")

    def wait_virtio_mem(self, size, name="vm0", timeout=60):
        """Wait until the guest has taken exactly SIZE."""
        return self.wait(lambda: self.virtio_mem_size(name), lambda now: now == parse_size(size), timeout,
                         f"virtio-mem {name} at {size}")

    # Looking into the guest

    def blocks(self):
        """The memory blocks as the kernel shows them now."""
        return blocks.read(self.agent)

    def wait_blocks(self, accept, timeout=60, what="the blocks expected"):
        """Read the blocks until ACCEPT takes them."""
        return self.wait(self.blocks, accept, timeout, what, show=lambda found: found.by_zone())

    def wait(self, look, accept, timeout, what, show=lambda value: value):
        """Poll LOOK until ACCEPT takes what it returns. Looking takes at most half of the guest's time: what it waits for needs the rest."""
        deadline = time.monotonic() + timeout
        while True:
            began = time.monotonic()
            value = look()
            if accept(value):
                return value
            if time.monotonic() > deadline:
                raise Timeout(f"{what}: not within {timeout} s; last seen {show(value)}")
            time.sleep(min(max(0.1, time.monotonic() - began), 1))

    def run(self, argv, timeout=60, stdin=None):
        """Run a command in the guest, whatever its exit code."""
        return self.agent.run(argv, timeout, stdin)

    def check(self, argv, timeout=60, stdin=None):
        """The output of a command in the guest that must succeed."""
        return self.agent.check(argv, timeout, stdin)

    def effort(self):
        """Nanoseconds for which the guest's threads have run on the host's processors, and for which they have waited for one."""
        ran = waited = 0
        for path in pathlib.Path(f"/proc/{self._process.pid}/task").glob("*/schedstat"):
            try:
                words = path.read_text(encoding="ascii").split()
            except (FileNotFoundError, ProcessLookupError):     # the thread has ended
                continue
            ran, waited = ran + int(words[0]), waited + int(words[1])
        return ran, waited

    def stretch(self, since=(0, 0)):
        """How many times longer than alone on the host whatever the guest did has taken since then; the guest itself takes that for work of its own."""
        ran, waited = (now - then for now, then in zip(self.effort(), since))
        return 1 + waited / max(ran, 1)

    def alive(self):
        """Whether the guest still answers."""
        return self._process is not None and self._process.poll() is None and self.agent.ping()


__all__ = ["Machine", "Spec", "VirtioMem", "Timeout", "QmpError"]
