# SPDX-License-Identifier: GPL-2.0-or-later
"""mhpctl simulate: the numbers that a kernel would come to, and what it says of others."""

import subprocess
import time

import harness
from harness import equal, golden, has, mhpctl, test

M, G, T = 1 << 20, 1 << 30, 1 << 40


def simulate(*args, **kwargs):
    return mhpctl("simulate", *args, **kwargs)


def one(*args):
    """What became of the one --add."""
    adds = simulate("--json", *args).json()["add"]
    equal(len(adds), 1, "adds")
    return adds[0]


def pages(add):
    return add["memmap_pages"], add["set_aside_pages"], add["waste_pages"]


def frees(*args):
    """(start, end) of all that the removals free, in order."""
    return [[(int(f["start"], 16), int(f["end"], 16)) for f in r["frees"]] for r in simulate("--json", *args).json()["remove"]]


def trace(*args):
    return [line for line in simulate("--trace", *args).out.splitlines() if line.startswith("  ")]


def kinds(lines):
    return [line.split()[0] for line in lines]


# arch, block, wish: what is taken, why not, pages of memmap, set aside, wasted. mhp_supports_memmap_on_memory() in Linux 6.12.
ADMISSIONS = [
    ("x86_64", 128 * M, "self", "self", None, (512, 512, 0)),
    ("x86_64", 128 * M, "force", "force", None, (512, 512, 0)),
    ("x86_64", 128 * M, "dram", "dram", None, (512, 0, 0)),
    ("arm64-4k", 128 * M, "self", "self", None, (512, 512, 0)),
    ("arm64-4k", 128 * M, "force", "force", None, (512, 512, 0)),
    ("arm64-16k", 128 * M, "self", "dram", "memmap-not-pageblock-aligned", (32, 0, 0)),
    ("arm64-16k", 128 * M, "force", "dram", "memmap-not-pmd-aligned", (32, 0, 0)),
    ("arm64-64k", 512 * M, "self", "dram", "memmap-not-pageblock-aligned", (8, 0, 0)),
    ("arm64-64k", 512 * M, "force", "dram", "memmap-fills-block", (8, 0, 0)),
    ("ppc64-64k", 256 * M, "self", "dram", "memmap-not-pageblock-aligned", (4, 0, 0)),
    ("ppc64-64k", 256 * M, "force", "force", None, (4, 32, 28)),
    ("ppc64-4k", 256 * M, "self", "self", None, (1024, 1024, 0)),
    ("s390x", 256 * M, "self", "self", None, (1024, 1024, 0)),
    ("riscv64", 128 * M, "self", "self", None, (512, 512, 0)),
]


@test
def simulate_admissions():
    for arch, block, wish, placement, reason, counts in ADMISSIONS:
        add = one("--arch", arch, "--add", f"{4 * G}+{4 * block}:{wish}")
        page = {"16k": 16384, "64k": 65536}.get(arch.rpartition("-")[2], 4096)
        what = f"{arch} {wish}"
        equal((add["requested"], add["placement"], add["reason"]), (wish, placement, reason), what)
        times = 1 if wish != "dram" else 4  # dram: pages of all of it
        equal(pages(add), (counts[0] * times, *counts[1:]), what)
        equal(add["usable_bytes"], 4 * block - 4 * counts[1] * page, f"{what}: usable")


@test
def simulate_fields():
    add = one("--add", "4G+10G:range")
    equal(add, {"start": 4 * G, "size": 10 * G, "requested": "range", "placement": "range", "reason": None, "memmap_pages": 40960,
                "set_aside_pages": 40960, "waste_pages": 0, "usable_bytes": 10 * G - 160 * M, "sections": 80,
                "padding_bytes": 0}, "range")
    answer = simulate("--json", "--add", "4G+1G").json()
    equal(list(answer), ["add", "remove"], "keys")
    equal((answer["add"][0]["placement"], answer["remove"]), ("dram", []), "the usual placement")
    answer = simulate("--json", "--early", "0+3G", "--remove", "0+3G").json()
    equal(list(answer), ["add", "early", "remove"], "keys with --early")
    equal(answer["early"], [{"start": 0, "size": 3 * G, "sections": 24, "padding_bytes": 0}], "early")
    add = one("--add", f"{4 * G + 2 * M}+{128 * M}")
    equal((add["sections"], add["padding_bytes"]), (2, 128 * M), "part of two sections")


@test
def simulate_numbers_as_people_write_them():
    want = one("--add", "4294967296+1073741824:self")
    for word in ("4G+1G", "4GiB+1024M", "0x100000000+0x40000000", "0X100000000+1G", "4G+1.0G", "4096M+0x40000000"):
        equal(one("--add", f"{word}:self"), want, word)
    base = [frees("--vmemmap-base", v, "--add", "0+128M", "--remove", "0+128M")
            for v in ("ffff800000000000", "0xFFFF800000000000")]
    equal(base, [[[(0xffff800000000000, 0xffff800000200000)]]] * 2, "vmemmap base")
    mhpctl("simulate", "--add", "4G+1G", "--arch", "ppc64-64k", "--page-size=65536", "--struct-page", "64")


@test
def simulate_range_goes_backwards():
    steps = frees("--add", "4G+10G:range", "--remove", "4G+10G")[0]
    equal(len(steps), 80, "frees")
    equal(steps[0], (0xffffea000de00000, 0xffffea000e000000), "first")
    equal(steps[-1], (0xffffea0004000000, 0xffffea0004200000), "last")
    for before, after in zip(steps, steps[1:]):
        equal(after[1], before[0], "backwards without a gap")


@test
def simulate_nothing_is_freed_before_the_last_section():
    lines = trace("--add", "4G+10G:range", "--remove", "4G+10G")
    equal(kinds(lines), ["section"] * 80 + ["free"] * 80, "order")
    equal(lines[0], "  section 100000000-108000000 gone, 79 left", "first section")
    equal(lines[79], "  section 378000000-380000000 gone, 0 left", "last section")
    equal(lines[80], "  free ffffea000de00000-ffffea000e000000", "first free")
    equal(lines[159], "  free ffffea0004000000-ffffea0004200000", "last free")


@test
def simulate_blocks_and_sections_on_their_own():
    equal(kinds(trace("--add", "4G+256M:self", "--remove", "4G+256M")), ["section", "free"] * 2, "block by block")
    ppc = trace("--arch", "ppc64-64k", "--add", "4G+256M:force", "--remove", "4G+256M")
    equal(kinds(ppc), ["section"] * 16 + ["free"] * 4, "ppc64: pages, after the 16th section")
    equal(kinds(trace("--add", "4G+256M", "--remove", "4G+256M")), ["section", "free"] * 2, "dram: section by section")


@test
def simulate_in_the_order_given():
    piece = "4G+1G"
    again = simulate("--json", "--add", f"{piece}:self", "--remove", piece, "--add", f"{piece}:range", "--remove", piece).json()
    equal([a["placement"] for a in again["add"]], ["self", "range"], "adds")
    equal([len(r["frees"]) for r in again["remove"]], [8, 8], "removals")
    starts = [[f["start"] for f in r["frees"]] for r in again["remove"]]
    equal((starts[0], starts[1]), (sorted(starts[0]), sorted(starts[1], reverse=True)), "forwards by block, backwards by range")
    simulate("--remove", piece, "--add", piece, status=1, err=f"--remove {piece}: some of this memory is not there")
    blocks = simulate("--json", "--add", f"{piece}:self", "--remove", "4.5G+128M", "--remove", "4G+512M",
                      "--remove", "4736M+384M").json()
    equal([len(r["frees"]) for r in blocks["remove"]], [1, 4, 3], "blocks that hold their own memmap go one by one")


@test
def simulate_architecture_first():
    for args in (["--arch", "ppc64-64k", "--block-size", "512M"], ["--block-size", "512M", "--arch", "ppc64-64k"]):
        equal(pages(one(*args, "--add", "4G+512M:force")), (8, 32, 24), " ".join(args))
    equal(pages(one("--arch", "arm64-64k", "--arch", "x86_64", "--add", "4G+128M:self")), (512, 512, 0), "the last one counts")


@test
def simulate_text():
    adds = ["--add", "4G+1G:self", "--add", "8G+10G:range", "--add", "32G+1G", "--early", "0+2G"]
    golden("simulate.txt", simulate(*adds, "--remove", "4G+1G", "--remove", "8G+10G").out)
    golden("simulate-trace.txt", simulate("--arch", "ppc64-64k", "--add", "4G+256M:force", "--remove", "4G+256M", "--trace").out)
    golden("simulate-refused.txt", simulate("--arch", "arm64-64k", "--add", "4G+512M:force", "--add", "5G+512M:self", "-b").out)
    golden("simulate.json", simulate("--json", "--early", "0+2G", "--add", "4G+256M:self", "--remove", "4G+256M").out)
    equal(simulate("-n", "-o", "placement,padding", "--add", "4G+64M").out, "dram 64M\n", "columns")
    simulate("-o", "COLOUR", "--add", "4G+1G", status=2, err="REQUESTED")


@test
def simulate_bad_words():
    for option in ("--add", "--early", "--remove"):
        for word in ("", "4G", "4G-5G", "+", "+1G", "4G+", "4G+1G+1G", " 4G+1G", "4G +1G", "4G+1G ", "4G+1Q", "-4G+1G", "4G+-1G", "zz+1G",
                     "0x+1G", "4G+0x", "0xg+1G", "1.55G+1G", "0" * 5000 + "+1G"):
            simulate(f"{option}={word}", status=2, err=[f"{option}: \"", "is not allowed", "4G"])
        simulate(option, "4G+0", status=2, err=[f"{option}: \"4G+0\"", "SIZE is above 0"])
        for word in ("0+16E", "16E+1G", "0+18446744073709551616", "0x10000000000000000+1G", "99999999999999999999+1G", "8E+8E",
                     "18446744073709551615+1", "0xfffffffff8000000+128M"):
            simulate(option, word, status=2, err=[f"{option}: \"{word}\"", "below 16E"])
        simulate(option, "4G+1M", status=2, err=[f"{option}: \"4G+1M\"", "multiples of 2M, the size of a subsection"])
        simulate(option, "1M+4G", status=2, err="multiples of 2M")
        simulate(option, status=2, err="a value is missing: PIECE")
    for word in ("4G+1G:", "4G+1G:here", "4G+1G:SELF", "4G+1G:self:self", "4G+1G:self "):
        simulate("--add", word, status=2, err=[f"--add: \"{word}\"", "dram, self, force or range"])
    simulate("--remove", "4G+1G:self", status=2, err=["--remove: \"4G+1G:self\"", "is not allowed"])
    for word in ("4G+64M:self", "4160M+128M:force"):
        simulate("--add", word, status=2, err=[word, "multiples of 128M, the size of a block"])


@test
def simulate_bad_geometry():
    sizes = ("page-size", "block-size", "section-size", "subsection-size", "pageblock-size", "pmd-size")
    for key in sizes:
        for value in ("", "0", "3000", "3M", "-4096", "4K ", "16E", "0xfff", "big", "18446744073709551616"):
            simulate(f"--{key}={value}", "--add", "4G+1G", status=2, err=[f"--{key}: \"{value}\"", "a power of two is, as 4096"])
        simulate(f"--{key}", status=2, err="a value is missing: SIZE")
    for value in ("0", "", "-64", "many", "16E"):
        simulate(f"--struct-page={value}", "--add", "4G+1G", status=2,
                 err=[f"--struct-page: \"{value}\"", "a number of bytes above 0"])
    for value in ("", "0x", "xyz", "1ffffea0000000000", "-1"):
        simulate(f"--vmemmap-base={value}", "--add", "4G+1G", status=2,
                 err=[f"--vmemmap-base: \"{value}\"", "hexadecimal address"])
    for args, why in ((["--block-size=64M"], "a block is smaller than a section"),
                      (["--section-size=1M"], "a section is smaller than a subsection"), (["--struct-page=8K"], "struct page"),
                      (["--vmemmap-base=ffffea0000000001"], "vmemmap"),
                      (["--pmd-size=1K"], "PMD"), (["--page-size=4M", "--arch=arm64-4k"], "smaller than a page")):
        simulate(*args, "--add", "4G+1G", status=2, err=[" ".join(args), why, "page-size ", "vmemmap-base "])
    simulate("--arch", "mips", "--add", "4G+1G", status=2,
             err=["--arch: \"mips\"", "x86_64, arm64-4k, arm64-16k, arm64-64k, ppc64-64k, ppc64-4k, s390x, riscv64 are"])


@test
def simulate_bad_usage():
    simulate(status=2, err=["an operation is missing", "--add START+SIZE[:PLACEMENT]"])
    simulate("--arch", "x86_64", status=2, err="an operation is missing")
    simulate("--add", "4G+1G", "4G+1G", status=2, err="one argument too many")
    simulate("--add", "4G+1G", "--json", "--trace", status=2, err="--trace and --json do not go together")
    simulate("--add", "4G+1G", "--json", "-o", "COLOUR", status=2, err="REQUESTED")
    simulate("--add", "4G+1G", "--sysroot", "/", status=2, err="--sysroot does not fit")
    mhpctl("list", "--add", "4G+1G", status=2, err="list: --add does not fit")


@test
def simulate_refused():
    """One line on standard error, exit status 1, and not half an answer on standard output."""
    there = ["--early", "0+1G", "--add", "4G+10G:range", "--add", "16G+1G:self", "--add", "32G+1G"]
    gone, part, present = "is not there", "a part of what holds its own memmap", "is there already"
    rows = [(["--remove", "64G+1G"], gone), (["--remove", "32G+2G"], gone), (["--remove", "4G+10G", "--remove", "4G+10G"], gone),
            (["--remove", "4G+1G"], part), (["--remove", "13G+1G"], part), (["--remove", "16G+2M"], part),
            (["--remove", f"{16 * G + 2 * M}+126M"], part), (["--add", "4G+2M"], present), (["--add", "17G+15.5G"], present),
            (["--early", "32G+1G"], present), (["--add", "0+128M:self"], present),
            (["--add", "33G+1G:self", "--remove", "32G+2G"], "separately only")]
    for mode in ([], ["--json"], ["--trace"]):
        for args, why in rows:
            run = simulate(*mode, *there, *args, status=1, err=[f"simulate: {args[-2]} {args[-1]}: ", why])
            equal(run.out, "", f"{args}: standard output")
            equal(run.err.count("\n"), 1, f"{args}: lines on standard error")


@test
def simulate_at_the_limits():
    """Whatever the numbers, an answer in no time or a reason; and no memory to speak of."""
    began = time.monotonic()
    for args in (["--add", "0+15E"], ["--add", "0+8E", "--vmemmap-base", "0"], ["--early", "8E+4E"], ["--add", "15E+1G:self"]):
        simulate(*args, status=2, err=[args[0], args[1], "below 16E"])
    for arch in ("x86_64", "arm64-4k", "arm64-16k", "arm64-64k", "ppc64-64k", "ppc64-4k", "riscv64"):
        simulate("--arch", arch, "--add", "0xffffffff00000000+1G", status=2, err="below 16E")
    tiny = ["--page-size=4K", "--subsection-size=4K", "--section-size=4K", "--block-size=4K"]
    simulate(*tiny, "--add", "0+1T", "--remove", "0+1T", status=2, err=["--remove: \"0+1T\"", "67108864 steps at most"])
    simulate("--add", "0+1P:self", *["--remove", "0+128M", "--add", "0+128M:self"] * 100)
    equal(one(*tiny, "--add", "0+1T")["sections"], 1 << 28, "sections")
    equal(one("--pageblock-size=8E", "--add", "4G+1G:range")["reason"], "memmap-fills-block", "huge pageblocks")
    equal(one("--pmd-size=8E", "--add", "4G+1G:self")["reason"], "memmap-not-pmd-aligned", "huge PMDs")
    many = [word for i in range(2000) for word in ("--add", f"{2 * i}G+1G:{('self', 'dram')[i % 2]}")]
    back = [word.split(":")[0].replace("--add", "--remove") for word in many]
    equal(len(simulate("--json", *many, *back).json()["remove"]), 2000, "many")
    assert time.monotonic() - began < 20, "too slow"


@test
def simulate_many_blocks():
    run = simulate("--json", "--add", "4G+64T:self", "--remove", "4G+64T")
    steps = run.json()["remove"][0]["frees"]
    equal(len(steps), 64 * T // (128 * M), "frees")
    end = 0xffffea0000000000 + (4 * G + 64 * T) // 4096 * 64
    equal(steps[-1], {"start": f"{end - 2 * M:x}", "end": f"{end:x}"}, "last")


@test
def simulate_output_that_cannot_be_written():
    argv = [harness.MHPCTL, "simulate", "--json", "--add", "4G+1T:self", "--remove", "4G+1T"]
    with open("/dev/full", "w") as full:
        process = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, text=True, env=harness.environment())
    equal(process.returncode, 1, "exit status")
    equal(process.stderr.count("No space left on device"), 1, "told once")
    has(process.stderr, "mhpctl: simulate: ", "standard error")
