# SPDX-License-Identifier: GPL-2.0-or-later
"""Hundreds of random operations on the kernel with the companion series: after each, it shows what a model expects.

MHPD_TEST_ROUNDS says how many (500 for the long run), MHPD_VM_SEED which ones; MHPD_TEST_TRACE=1 prints them as they come.
"""

import collections
import dataclasses
import json
import os
import random
import re
import shlex

from mhpvm.blocks import SYSFS
from mhpvm.health import WRONG
from mhpvm.image import HELPER_DIR
from mhpvm.kernelmodel import BLOCK, KERNEL, MOVABLE, PAGES, Model, Rule, Seen, errno_name, parse_zones
from mhpvm.machine import Spec, VirtioMem
from mhpvm.memmap import PARAMETER
from mhpvm.patched import PatchedCase
from mhpvm.units import GiB, MiB

OPERATIONS = int(os.environ.get("MHPD_TEST_ROUNDS", 60))
SEED = int(os.environ.get("MHPD_VM_SEED", random.randrange(1 << 32)))
PARAMETERS = {"0": "off", "1": "on", "force": "force"}
SIZES = (256, 384, 512, 1024, 2048)         # of DIMMs, in MiB
MOST_DIMMS = 7
VIRTIO = {"vm0": (0, 128 * MiB), "vm1": (1, 256 * MiB)}     # node, and the step by which it is resized; the second in big-block mode
VIRTIO_SIZE = GiB
FIRST, LAST = 8 * GiB // BLOCK, 16 * GiB // BLOCK - 1       # where hot-added memory lies: one range of a size that pinblock takes
SECONDS = 1.5                               # that a teardown of a pinned block gets before the signal

# w FILE TEXT: one write; says "ok", or what strerror(3) says. settle: an add or removal that is under way is over afterwards.
TOOLS = f"""cd {SYSFS}; shopt -s nullglob
w() {{ local e; if e=$( {{ echo -n "$2" >"$1"; }} 2>&1 ); then echo "= ok"; else echo "= ${{e##*: }}"; fi; }}
settle() {{ echo online >memory0/state; }} 2>/dev/null
count() {{ local n=0 i; for ((i = $1; i <= $2; i++)); do [ ! -e memory$i ] || : $((n++)); done; echo $n; }}
soon() {{ local i; for ((i = 0; i < $1 * 20; i++)); do ! "${{@:2}}" || return 0; sleep 0.05; done; return 1; }}
"""
# One process reads all of it. valid_zones only now: Linux 6.12 oopses when that is read while a block is being added.
LOOK = f"""
settle
echo @files; grep -sH '' memory{{{FIRST}..{LAST}}}/{{state,nr_vmemmap_pages,hold,valid_zones}} \\
    memmap_policy teardown auto_online_blocks /proc/meminfo /proc/zoneinfo
echo @nodes; printf '%s\\n' memory{{{FIRST}..{LAST}}}/node[0-9]*
"""
EXAMINE = f"""
echo @verify; mhpctl verify --json
echo @log; {WRONG}
"""
EXAMINE_EACH = 4                            # of so many operations
WRITE_RULES = """dd of=memmap_policy bs=4M conv=notrunc,nocreat status=none <<<{text} 2>&1 | sed 's/.*: /= /'
[ ${{PIPESTATUS[0]}} -ne 0 ] || echo '= ok'"""
RESIZED = """resized() {{ [ "$(cat $d/requested_size $d/plugged_size)" = "{size}"$'\\n'"{size}" ] && [ $(count {first} {last}) = {count} ]; }}
d=$(grep -l '^{mode}' /sys/bus/virtio/drivers/virtio_mem/virtio*/mode); d=${{d%/mode}}; soon {seconds} resized; echo "= $?"; settle
"""
PIN = """rm -f /run/pinned; taskset -c {node} {helper}/pinblock 1 {size} 1 >/run/pinned 2>&1 </dev/null &
pinned() {{ grep -q PFN /run/pinned; }}
soon 30 pinned; cat /run/pinned"""
SIGNALLED = """e=$(timeout -s INT {seconds} bash -c 'echo -n {text} >teardown' 2>&1); [ $? -eq 124 ] && echo '= signal' || echo "= ${{e##*: }}"
"""
UNPIN = "pkill -x pinblock; while pgrep -x pinblock >/dev/null; do sleep 0.05; done\n"


def parse(text):
    """What LOOK printed, and the parts of the text."""
    parts = dict(re.findall(r"(?ms)^@(\w+)\n(.*?)(?=^@|\Z)", text))
    files, fields = collections.defaultdict(str), collections.defaultdict(dict)
    for name, line in re.findall(r"(?m)^(.+?):(.*)$", parts["files"]):
        files[name] += line + "\n"
    for name in [name for name in files if name.startswith("memory")]:
        folder, _, field = name.partition("/")
        fields[int(folder[len("memory"):])][field] = files[name].strip()
    nodes = {int(number): int(node) for number, node in re.findall(r"memory(\d+)/node(\d+)", parts["nodes"])}
    blocks = {number: (field["state"], field["valid_zones"] if field["state"] == "online" else None, nodes.get(number),
                       int(field["nr_vmemmap_pages"]), int(field["hold"])) for number, field in fields.items()}
    total = int(re.search(r"MemTotal: +(\d+)", files["/proc/meminfo"])[1])
    return parts, Seen(blocks, parse_zones(files["/proc/zoneinfo"]), total, files["memmap_policy"], files["teardown"],
                       files["auto_online_blocks"].strip())


class RandomOperations(PatchedCase):
    """DIMMs on two nodes and a virtio-mem device of each mode. The guest boots with enough for kernel memory to stay there."""

    maxDiff = None
    needs_mhpd = True
    parameter = random.Random(SEED).choice(list(PARAMETERS))
    spec = Spec(memory="6G", maxmem="32G", nodes=2, kernel="patched", append=f"{PARAMETER}={parameter}",
                virtio_mem=tuple(VirtioMem(name, "1G", node, "256M" if step > BLOCK else "") for name, (node, step) in VIRTIO.items()))

    def setUp(self):
        print(f"     seed {SEED}, {PARAMETER}={self.parameter}", flush=True)
        self.random = random.Random(SEED)
        self.dimms, self.said, self.done = {}, [], collections.Counter()
        self.machine.check("systemctl mask --now --runtime mhpd; dmesg -n 1")     # the only hand here is the test's
        self.assertEqual(self.write("auto_online_blocks", "offline"), "")
        self.first = {device["data"]["id"]: device["data"]["memaddr"] // BLOCK for device in self.devices()}
        self.assertEqual(min(self.first.values()), FIRST)
        self.sums_before = self.sums()
        _, seen = parse(self.guest(LOOK))
        self.model = Model(seen, PARAMETERS[self.parameter])

    # The guest

    def guest(self, script, timeout=120):
        """Run a script there."""
        return self.machine.check(["/bin/bash", "-c", f"{TOOLS}{script}\n:"], timeout)

    def devices(self):
        """What the host knows of plugged memory."""
        return self.machine.qmp.execute("query-memory-devices")

    def note(self, kind, text=""):
        """What is being done, for whoever reads about a failure."""
        self.done[kind] += 1
        self.said.append(f"{len(self.said) + 1} {kind} {text}")
        if os.environ.get("MHPD_TEST_TRACE"):
            print(f"     {self.said[-1]}", flush=True)

    def examine(self):
        """No difference for mhpctl, no warning from the kernel."""
        parts = parse(self.guest(LOOK + EXAMINE))[0]
        verified = json.loads(parts["verify"])
        self.assertEqual((verified["differ"], verified["zones"], parts["log"]), ([], [], ""))

    def compare(self, text):
        """Hold what the guest shows against the model."""
        self.assertEqual(self.model.expected().differences(parse(text)[1]), [])

    def writes(self, pairs):
        """Write to the files of blocks, one after the other, and look; (the answers, what was seen)."""
        text = self.guest("\n".join(f"w memory{number}/{file} {word}" for number, file, word in pairs) + LOOK)
        return [errno_name(words) for words in re.findall(r"(?m)^= (.*)$", text)], text

    def some(self, numbers, most):
        """A few of these, in any order."""
        return self.random.sample(numbers, self.random.randint(1, min(most, len(numbers)))) if numbers else []

    def gap_for(self, count):
        """The lowest blocks that the host can give to a DIMM of that many, as it does."""
        free = 0
        for number in range(max(self.first.values()) + VIRTIO_SIZE // BLOCK, LAST + 1):
            free = 0 if number in self.model.blocks else free + 1
            if free == count:
                return range(number - count + 1, number + 1)
        return None

    # Operations

    def plug(self):
        """A DIMM, whose blocks have their memmap where the table says."""
        sizes = [size for size in SIZES if self.gap_for(size * MiB // BLOCK)]
        if not sizes or len(self.dimms) == MOST_DIMMS:
            return False
        size, node = self.random.choice(sizes) * MiB, self.random.randrange(2)
        name = self.machine.plug_dimm(size, node)
        numbers = self.gap_for(size // BLOCK)
        self.note("plug", f"{name}: {size // MiB} MiB, blocks {numbers[0]}-{numbers[-1]}, node {node}")
        self.assertIn((name, numbers[0] * BLOCK), [(device["data"]["id"], device["data"].get("addr")) for device in self.devices()])
        self.model.add(numbers, name, node, True)
        self.dimms[name] = node
        self.compare(self.guest(f"soon 60 [ -e memory{numbers[-1]} ]" + LOOK))
        return True

    def unplug(self):
        """The host asks for a DIMM, whatever state its blocks are in: only kernel memory keeps it, and then all is as it was."""
        if not self.dimms:
            return False
        name = self.random.choice(sorted(self.dimms))
        self.note("unplug", name)
        self.ask_for(name)
        self.compare(self.guest(LOOK))
        return True

    def ask_for(self, name):
        """Whether the host got it."""
        numbers = self.model.of(name)
        gone = self.machine.unplug_dimm(name)
        if gone:
            self.model.remove(numbers)
            del self.dimms[name]
        else:
            self.done["unplug refused"] += 1
            self.assertIn(KERNEL, {self.model.blocks[number].zone for number in numbers}, "nothing keeps that DIMM")
        return gone

    def resize(self):
        """A virtio-mem device takes or gives memory. Its blocks are offline or in Movable, so it gets all that it wants."""
        name = self.random.choice(sorted(VIRTIO))
        size = self.random.randrange(0, VIRTIO_SIZE + 1, VIRTIO[name][1])
        self.note("resize", f"{name} to {size // MiB} MiB")
        self.resize_to(name, size)
        return True

    def resize_to(self, name, size):
        """Ask for a size, wait, and follow the driver's choice of blocks."""
        node, step = VIRTIO[name]
        first, count = self.first[name], size // BLOCK
        had = self.model.of(name)
        self.machine.resize_virtio_mem(size, name)
        last = first + VIRTIO_SIZE // BLOCK - 1
        mode = "sbm" if step == BLOCK else "bbm"
        text = self.guest(RESIZED.format(size=size, mode=mode, first=first, last=last, count=count, seconds=30) + LOOK)
        self.assertIn("= 0\n", text, f"{name} has not {size // MiB} MiB")
        present = {number for number in parse(text)[1].blocks if first <= number <= last}
        new, gone = sorted(present - set(had)), sorted(set(had) - present)
        self.assertFalse(new and gone, f"{name}: {new} came and {gone} left")
        self.model.remove(gone)
        self.model.add(new, name, node, step > BLOCK)
        self.compare(text)

    def rules_for(self):
        """A table: some rules about ranges, nodes and all, in any order, and whether the kernel should take it."""
        words = list(PARAMETERS.values())
        edges = sorted(self.random.sample(range(FIRST, LAST + 2), 2 * self.random.randint(0, 6)))
        rules = [Rule(self.random.choice(words), first, after - 1) for first, after in zip(edges[::2], edges[1::2])]
        rules += [Rule(self.random.choice(words), node=node) for node in range(2) if self.random.random() < 0.4]
        rules += [Rule(self.random.choice(words))] if self.random.random() < 0.4 else []
        self.random.shuffle(rules)
        if not rules or self.random.random() > 0.15:
            return rules, True
        return rules + [dataclasses.replace(self.random.choice(rules), placement=self.random.choice(words))], False

    def policy(self):
        """Another table, which holds for what comes from now on; one that says something twice is refused as a whole."""
        rules, good = self.rules_for()
        self.note("policy", "; ".join(map(str, rules)) + ("" if good else " (refused)"))
        text = self.guest(WRITE_RULES.format(text=shlex.quote("\n".join(map(str, rules)))) + LOOK)
        self.assertEqual(re.findall(r"(?m)^= (.*)$", text), ["ok" if good else "Invalid argument"])
        if good:
            self.model.rules = rules
        self.compare(text)
        return True

    def auto(self):
        """What becomes of new blocks."""
        word = self.random.choice(("offline", "online_movable"))
        self.note("auto", word)
        self.model.auto = word
        self.compare(self.guest(f"w auto_online_blocks {word}" + LOOK))
        return True

    def states(self):
        """Blocks go up and down. virtio-mem's stay out of Normal, where they could not be taken back."""
        pairs = []
        for number in self.some(sorted(self.model.blocks), 8):
            block = self.model.blocks[number]
            likely = self.random.random() < 0.9
            verb = self.random.choice(("online_movable", "online_movable", "online_kernel", "online"))
            verb = "online_movable" if block.source in VIRTIO else verb
            pairs.append((number, "state", "offline" if bool(block.zone) == likely else verb))
        if not pairs:
            return False
        self.note("states", ", ".join(f"{number} {word}" for number, _, word in pairs))
        answers, text = self.writes(pairs)
        for (number, _, word), answer in zip(pairs, answers, strict=True):
            self.done["offline refused"] += self.model.state(number, word, answer)
        self.compare(text)
        return True

    def hold(self):
        """Some blocks are held, or no longer."""
        held = [number for number, block in sorted(self.model.blocks.items()) if block.hold]
        word = int(not held or self.random.random() < 0.3)
        numbers = self.some(sorted(self.model.blocks) if word else held, 4 if word else 16)
        if not numbers:
            return False
        self.note("hold", f"{word}: {numbers}")
        answers, text = self.writes([(number, "hold", word) for number in numbers])
        self.assertEqual(set(answers), {""})
        for number in numbers:
            self.model.blocks[number].hold = bool(word)
        self.compare(text)
        return True

    # teardown

    def order(self, numbers, need=()):
        """Some of these blocks, and those in NEED, one by one and in ranges up and down; (the blocks in order, the text)."""
        left, parts = set(numbers) | set(need), []
        for number in [*need, *self.some(sorted(numbers), 8)]:
            if number not in left:
                continue
            step, last = self.random.choice((-1, 1)), number
            for _ in range(self.random.choice((0, 0, 0, 2, 5))):
                last += step if last + step in left else 0
            part = list(range(number, last + step, step))
            left -= set(part)
            parts.append(part)
        self.random.shuffle(parts)
        words = [str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts]
        return [number for part in parts for number in part], ",".join(words)

    def teardown(self):
        """Blocks that can go, or some among them that are offline, absent or listed twice; or one has a page that does not move."""
        online = self.model.in_zone(MOVABLE, KERNEL)
        kind = self.random.choice(("good", "good", "good", "good", "any", "absent", "twice", "pinned"))
        if kind == "pinned":
            return self.teardown_pinned(online)
        numbers = sorted(self.model.blocks) if kind == "any" else online
        if not numbers:
            return False
        order, text = self.order(numbers)
        if kind == "twice":
            order, text = order + order[:1], f"{text},{order[0]}"
        elif kind == "absent":
            absent = self.random.choice([number for number in range(FIRST, LAST + 1) if number not in self.model.blocks])
            at = self.random.choice((0, 1))
            order, text = ([absent] + order, f"{absent},{text}") if at else (order + [absent], f"{text},{absent}")
        self.note("teardown", f"{kind}: {text}")
        said = self.guest(f"w teardown {text}" + LOOK)
        self.check_teardown(order, said, errno_name(re.search(r"(?m)^= (.*)$", said)[1]))
        return True

    def check_teardown(self, order, text, answer, pinned=None):
        """Tell the model how it ended."""
        self.done[f"teardown {self.model.teardown(order, answer, parse(text)[1].teardown, pinned)}"] += 1
        self.compare(text)

    def teardown_pinned(self, online):
        """A page that does not move, somewhere in Movable: only a signal ends it. Without the signal, the page goes after a while."""
        nodes = sorted({self.model.blocks[number].node for number in self.model.in_zone(MOVABLE)})
        if not nodes:
            return False
        node = self.random.choice(nodes)
        said = self.guest(PIN.format(node=node, helper=HELPER_DIR, size=(LAST - FIRST + 1) * BLOCK))
        pinned = int(re.search(r"PFN (\d+)", said)[1]) // PAGES
        order, text = self.order(online, [pinned])
        signal = self.random.random() < 0.7
        self.note("teardown", f"pinned {pinned}, {'ended by a signal' if signal else 'for a while'}: {text}")
        self.assertEqual(self.model.blocks[pinned].zone, MOVABLE)
        script = SIGNALLED if signal else "(sleep {seconds}; pkill -x pinblock) & w teardown {text}\n"
        said = self.guest(script.format(seconds=SECONDS, text=text) + UNPIN + LOOK)
        words = re.search(r"(?m)^= (.*)$", said)[1]
        self.check_teardown(order, said, "EINTR" if words == "signal" else errno_name(words), pinned if signal else None)
        return True

    # All of it

    def step(self, index):
        """One operation that is possible; what it is depends on the seed, its number, and what there is."""
        self.random = random.Random(f"{SEED}/{index}")
        chances = {self.plug: 13, self.unplug: 8, self.resize: 9, self.policy: 12, self.states: 24, self.hold: 9, self.teardown: 22,
                   self.auto: 3}
        while not self.random.choices(list(chances), chances.values())[0]():
            pass

    def give_back(self):
        """Everything leaves; the DIMMs that stay, as kernel memory lies in them."""
        for name in VIRTIO:
            self.note("give back", name)
            self.resize_to(name, 0)
        for _ in range(3):
            for name in sorted(self.dimms):
                self.note("give back", name)
                self.ask_for(name)
            if self.dimms:
                self.machine.check("sync; echo 3 >/proc/sys/vm/drop_caches; echo 1 >/proc/sys/vm/compact_memory; sleep 1")
        self.assertEqual(self.write("memmap_policy", "\n"), "")
        self.model.rules = []
        self.compare(self.guest(LOOK))

    def test_random_operations(self):
        try:
            for index in range(OPERATIONS):
                self.step(index)
                if index % EXAMINE_EACH == 0:
                    self.examine()
            self.give_back()
            self.examine()
        except BaseException:
            print("\n".join(f"     | {line}" for line in self.said[-12:]), flush=True)
            raise
        print(f"     {OPERATIONS} operations {dict(self.done)}", flush=True)
        self.assertEqual(self.dimms, {}, "kernel memory has settled in them")
        self.assertEqual(self.sums(), self.sums_before)
