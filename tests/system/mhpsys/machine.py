# SPDX-License-Identifier: GPL-2.0-or-later
"""A directory that looks like sys and proc, and a thread that plays the kernel behind it.

mhpd's worker writes a verb to memoryN/state and reads the file back at once. Plain files would hand it its own verb, so every state
file is under a lease (fcntl(2), F_SETLEASE): who opens it for writing waits until the thread has put another file in its
place, and who reads that one waits until the thread has seen the verb and knows the answer.
"""

import fcntl
import os
import shutil
import signal
import threading
import time

MEMORY = "sys/devices/system/memory"
UEVENT = "/sys/devices/system/memory/memory{}/uevent"
NODE = "sys/devices/system/node/node0"
PARAMETERS = "sys/module/memory_hotplug/parameters"
VETO = "sys/firmware/acpi/hotplug/memory/enabled"
UNPLUG_ONLINE = "sys/module/virtio_mem/parameters/unplug_online"
UNBIND = "sys/bus/dax/drivers/kmem/unbind"
DIMM = "PNP0C80:00"
EJECT = f"sys/bus/acpi/devices/{DIMM}/eject"
BLOCK_SIZE = 128 << 20
BOOT = range(0, 8)
DEVICE = range(32, 48)
ZONES = {"online_movable": "Movable", "online_kernel": "Normal", "online": "Normal"}

IOMEM = """00000000-00000fff : Reserved
00001000-3fffffff : System RAM
100000000-13fffffff : virtio0
  100000000-13fffffff : System RAM (virtio_mem)
140000000-17fffffff : dax0.0
  140000000-17fffffff : System RAM (kmem)
"""
ZONEINFO = """Node 0, zone   Normal
  pages free     131072
        boost    0
        min      1024
        low      2048
        high     3072
        spanned  262144
        present  262144
        managed  262144
    nr_free_pages 131072
    nr_zone_inactive_anon 0
    nr_zone_active_anon 0
    nr_zone_inactive_file 1024
    nr_zone_active_file 1024
Node 0, zone  Movable
  pages free     1000000
        high     3072
        spanned  1048576
        present  1048576
        managed  1048576
    nr_free_pages 1000000
"""

# The default action of the signal that tells of a lease is to end the process; we look at the leases instead.
signal.signal(signal.SIGIO, signal.SIG_IGN)


def replace(path, text):
    """A new file in the place of the old one, in one step."""
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(text)
    os.rename(path + ".new", path)


def set_lease(fd, kind):
    """A child that is just being forked has our files open for a moment."""
    for _ in range(2000):
        try:
            fcntl.fcntl(fd, fcntl.F_SETLEASE, kind)
            return
        except BlockingIOError:
            time.sleep(0.001)
    raise TimeoutError("somebody keeps a state file open")


def lease(fd):
    """What is left of it; less than was set: somebody waits."""
    return fcntl.fcntl(fd, fcntl.F_GETLEASE)


def announce(action, *numbers):
    """The real kernel says so of its own blocks, which have the same numbers."""
    for number in numbers:
        with open(UEVENT.format(number), "w", encoding="ascii") as file:
            file.write(action)


class Block:
    """One memory block. `fd`: the state file as readers find it; `answer`: the one that the writer will read back."""

    def __init__(self, root, number, state, zone):
        self.folder = os.path.join(root, MEMORY, f"memory{number}")
        self.number, self.state, self.zone = number, state, zone
        self.fd = self.answer = None
        self.since = 0.0
        os.makedirs(self.folder)
        replace(os.path.join(self.folder, "phys_index"), f"{number:08x}\n")
        replace(os.path.join(self.folder, "removable"), "1\n")
        os.symlink("../../node/node0", os.path.join(self.folder, "node0"))
        os.symlink(f"../../memory/memory{number}", os.path.join(root, NODE, f"memory{number}"))
        self.show()

    def path(self, name):
        """A file of the block."""
        return os.path.join(self.folder, name)

    def show(self):
        """The files as the state is, and the lease by which a write is noticed."""
        replace(self.path("valid_zones"), (self.zone if self.state == "online" else "Normal Movable") + "\n")
        with open(self.path("state.new"), "w", encoding="ascii") as file:
            file.write(self.state + "\n")
        os.utime(self.path("state.new"), (0, 0))
        fd = os.open(self.path("state.new"), os.O_RDONLY)
        set_lease(fd, fcntl.F_RDLCK)
        os.rename(self.path("state.new"), self.path("state"))
        if self.fd is not None:
            os.close(self.fd)
        self.fd = fd

    def close(self):
        """Let go of everything."""
        for fd in (self.fd, self.answer):
            if fd is not None:
                os.close(fd)

    def let_write(self):
        """Somebody waits to write: what he reads next must be the answer."""
        self.answer = os.open(self.path("state.new"), os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        set_lease(self.answer, fcntl.F_WRLCK)
        os.rename(self.path("state.new"), self.path("state"))
        fcntl.fcntl(self.fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        self.since = time.monotonic()

    def being_written(self):
        """Somebody has the file open for that, or waits to have it."""
        try:
            fcntl.fcntl(self.fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except BlockingIOError:
            return True
        fcntl.fcntl(self.fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return False

    def written(self):
        """The verb; None: not yet, "": there was nobody to write one any more."""
        awaited = self.being_written()
        if os.fstat(self.fd).st_mtime_ns == 0 or os.fstat(self.fd).st_size == 0:
            return None if awaited else ""
        if lease(self.answer) == fcntl.F_WRLCK and time.monotonic() - self.since < 0.02:
            return None
        return os.pread(self.fd, 64, 0).decode("ascii").split("\n")[0]

    def finish(self):
        """The answer is there for those who wait for it."""
        answer, self.answer = self.answer, None
        self.show()
        os.write(answer, (self.state + "\n").encode("ascii"))
        fcntl.fcntl(answer, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        os.close(answer)


class Machine(threading.Thread):
    """The tree and its kernel. `offline`: which of the device's blocks wait to come online."""

    def __init__(self, root, device=DEVICE, offline=DEVICE, boot=BOOT):
        super().__init__(daemon=True)
        self.root = root
        self.lock = threading.Lock()
        self.dimm = []          # its blocks
        self.leaving = []       # those of a DIMM that is being ejected
        self.veto = None        # the lease by which a write to the veto waits
        self.vetoes = []        # what the veto said, one after the other
        self.ejects = []        # True: done, False: failed
        self.ejecting = True    # or the host lets an eject wait for ever
        self.stubborn = set()   # blocks that do not go offline
        self.held = set()       # blocks whose writer waits, as behind the kernel's hotplug lock
        self.writes = []        # (block, verb)
        self.stopping = False
        self.failure = None
        for folder in (MEMORY, NODE, PARAMETERS, "proc"):
            os.makedirs(os.path.join(root, folder))
        self.put(MEMORY + "/block_size_bytes", f"{BLOCK_SIZE:x}\n")
        self.put(MEMORY + "/auto_online_blocks", "online\n")
        for name, value in (("online_policy", "contig-zones"), ("auto_movable_ratio", "301"), ("auto_movable_numa_aware", "Y")):
            self.put(f"{PARAMETERS}/{name}", value + "\n")
        self.put("proc/iomem", IOMEM)
        self.put("proc/zoneinfo", ZONEINFO)
        self.blocks = {number: Block(root, number, "online", "Normal" if number else "none") for number in boot}
        for number in device:
            self.blocks[number] = Block(root, number, *(("offline", "") if number in offline else ("online", "Movable")))
        self.start()

    def put(self, name, text):
        """Write a file of the tree."""
        replace(os.path.join(self.root, name), text)

    def get(self, name):
        """Read a file of the tree."""
        with open(os.path.join(self.root, name), encoding="ascii") as file:
            return file.read().strip("\n")

    def run(self):
        """Until close()."""
        try:
            while not self.stopping:
                with self.lock:
                    for block in self.blocks.values():
                        self.serve(block)
                    if self.dimm:
                        self.serve_dimm()
                self.depart()
                time.sleep(0.001)
        except (OSError, TimeoutError) as error:
            self.failure = error

    def serve(self, block):
        """What the kernel does when something was written to a state file."""
        if block.answer is None:
            if block.number not in self.held and lease(block.fd) != fcntl.F_RDLCK:
                block.let_write()
            return
        verb = block.written()
        if verb is None:
            return
        if verb:
            self.writes.append((block.number, verb))
        self.apply(block, verb)
        block.finish()

    def make_removers(self):
        """What takes memory out, and keeps it from being taken."""
        for name in (VETO, EJECT, UNBIND, UNPLUG_ONLINE):
            os.makedirs(os.path.dirname(os.path.join(self.root, name)), exist_ok=True)
        self.put(VETO, "1\n")
        self.put(EJECT, "")
        self.put(UNBIND, "")
        self.put(UNPLUG_ONLINE, "Y\n")

    def make_dimm(self, numbers):
        """These blocks are of an ACPI memory device."""
        self.put("proc/iomem", IOMEM.replace("virtio0\n  100000000-13fffffff : System RAM (virtio_mem)", "System RAM"))
        for at, number in enumerate(numbers):
            os.symlink(f"../../../LNXSYSTM:00/{DIMM}", self.blocks[number].path("firmware_node"))
            os.symlink(f"../../../../devices/system/memory/memory{number}", os.path.join(self.root, os.path.dirname(EJECT), f"physical_node{at}"))
        self.dimm = list(numbers)

    def serve_dimm(self):
        """acpi_device_hotplug() of drivers/acpi/scan.c."""
        veto = self.get(VETO)
        if veto and veto != (self.vetoes or ["1"])[-1]:
            self.vetoes.append(veto)
        if self.get(EJECT) != "1" or not self.ejecting:
            return
        self.put(EJECT, "")
        done = veto == "1" and {self.blocks[n].state for n in self.dimm} == {"offline"}
        self.ejects.append(done)
        if done:
            self.leaving, self.dimm = self.dimm, []

    def depart(self):
        """What was ejected leaves."""
        leaving, self.leaving = self.leaving, []
        self.leave(leaving)

    def leave(self, numbers):
        """Memory leaves, and the kernel says so."""
        self.remove(*numbers)
        announce("remove", *numbers)

    def hold_veto(self):
        """Who writes to the veto waits, as behind acpi_scan_lock."""
        self.veto = os.open(os.path.join(self.root, VETO), os.O_RDONLY)
        set_lease(self.veto, fcntl.F_RDLCK)

    def release_veto(self):
        """He does no more."""
        os.close(self.veto)
        self.veto = None

    def apply(self, block, verb):
        """state_store() of drivers/base/memory.c."""
        if verb == "offline" and block.number in self.stubborn:
            return
        if verb == "offline" and block.zone != "none":
            block.state, block.zone = "offline", ""
        elif verb in ZONES and block.state == "offline":
            block.state, block.zone = "online", ZONES[verb]

    def hold(self, *numbers):
        """Nobody gets to write to these."""
        with self.lock:
            self.held.update(numbers)

    def release(self):
        """Everybody does."""
        with self.lock:
            self.held.clear()

    def waits(self, number):
        """Somebody waits for a held block."""
        with self.lock:
            return lease(self.blocks[number].fd) != fcntl.F_RDLCK

    def by_hand(self, number, state, zone=""):
        """Another program has been here."""
        with self.lock:
            block = self.blocks[number]
            block.state, block.zone = state, zone
            block.show()

    def add(self, *numbers):
        """Memory arrives, offline."""
        with self.lock:
            for number in numbers:
                self.blocks[number] = Block(self.root, number, "offline", "")

    def remove(self, *numbers):
        """Memory leaves."""
        with self.lock:
            for number in numbers:
                block = self.blocks.pop(number)
                block.close()
                os.unlink(os.path.join(self.root, NODE, f"memory{number}"))
                shutil.rmtree(block.folder)

    def states(self, numbers=DEVICE):
        """{block: zone, or offline}."""
        with self.lock:
            return {n: self.blocks[n].zone if self.blocks[n].state == "online" else "offline" for n in numbers if n in self.blocks}

    def close(self):
        """Stop the kernel and take the tree away."""
        self.stopping = True
        self.join()
        for block in self.blocks.values():
            block.close()
        shutil.rmtree(self.root, ignore_errors=True)
        if self.failure:
            raise self.failure
