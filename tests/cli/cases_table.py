# SPDX-License-Identifier: GPL-2.0-or-later
"""Forms of tables: chosen columns in text and in JSON, --raw, --pairs, --tree, the width of a terminal; and that a schema holds every JSON."""

import re
import shlex
import subprocess

import schema
from cases_usage import VERBS
from harness import Skip, bus, equal, fake, has, mhpctl, on_terminal, test
from tree import BLOCK, mixed, patched, self_hosting

from cases_bus import MAP


@test
def json_has_the_chosen_columns():
    with mixed() as tree:
        def rows(verb, *args):
            answer = mhpctl(verb, "--json", "--sysroot", tree.root, *args).json()
            return answer[{"list": "blocks" if "--all" in args else "ranges"}.get(verb, {"memmap": "blocks"}.get(verb, verb))]

        equal(rows("list", "--all", "-o", "state,BLOCK")[8], {"block": 32, "state": "offline"}, "blocks")
        equal(rows("list", "-o", "BLOCK,STATE"), [{"first": 0, "last": 7, "state": "online"}, {"first": 32, "last": 39, "state": "offline"},
                                                  {"first": 40, "last": 43, "state": "online"}, {"first": 48, "last": 49, "state": "online"},
                                                  {"first": 50, "last": 51, "state": "offline"}], "ranges, alike in these columns")
        equal(rows("list", "-o", "SIZE,SIZE")[0], {"size": 8 * BLOCK}, "twice")
        equal(list(rows("list", "-o", "+MEMMAP")[0]), ["first", "last", "address", "size", "state", "zone", "node", "group", "memmap"], "one more")
        equal(rows("list", "-o", "RANGE,MEMMAP")[0], {"address": 0, "memmap": {"placement": "dram", "pages": 512, "waste": 0, "evidence": "assumed"}},
              "memmap of each block")
        equal(rows("groups", "-o", "NAME,NODE")[2], {"group": "acpi:PNP0C80:01", "nodes": [1]}, "groups")
        equal(list(rows("memmap", "-o", "SET-ASIDE,REASON")[0]), ["set_aside", "reason"], "memmap")
        equal(rows("memmap", "-o", "SIZE")[0], {}, "what only a table has")
        mhpctl("list", "--json", "--sysroot", tree.root, "-o", "COLOUR", status=2, err='no column "COLOUR"')
    answer = mhpctl("simulate", "--json", "-o", "RANGE,REASON", "--add", "4G+1G", "--early", "0+2G").json()
    equal((answer["add"], answer["early"]), ([{"start": 4 << 30, "reason": None}], [{"start": 0}]), "simulate")
    with bus() as env, fake(env, "done", MAP):
        equal(list(mhpctl("jobs", "--json", "-o", "JOB,STATE", env=env).json()["jobs"][0]), ["job", "phase", "result"], "jobs")


@test
def verify_chosen_columns():
    with self_hosting() as tree:
        args = ["verify", "--assume=dram", "--sysroot", tree.root]
        answer = mhpctl(*args, "--json", "-o", "WHERE,OBSERVED", status=1).json()
        equal(answer["differ"][0], {"block": 32, "observed_pages": 512}, "blocks")
        equal(answer["zones"][0], {"node": 1, "zone": "Movable", "observed_pages": 4096}, "zones")
        equal(mhpctl(*args, "--raw", "--noheadings", status=1).out.splitlines()[0], r"block\x2032 0 512 0x100000", "raw, without the sentence")
        mhpctl(*args, "-o", "BLOCK", status=2, err="WHERE, EXPECTED, OBSERVED, PFN")


@test
def raw():
    with mixed() as tree:
        lines = mhpctl("list", "--raw", "--sysroot", tree.root).out.splitlines()
        equal(lines[0], "RANGE SIZE STATE ZONE NODE BLOCK GROUP", "headings")
        equal(lines[3], "0x0000000100000000-0x000000013fffffff 1G offline - 0 32-39 acpi:PNP0C80:00", "a line")
        equal(len(lines), 7, "lines: no sums")
        for blank in mhpctl("list", "-r", "-n", "--sysroot", tree.root).out.splitlines():
            assert re.fullmatch(r"\S+( \S+){6}", blank), blank
        # longer than what is printed at a time
        tree.blocks(100, 2300, zones="Normal")
        lines = mhpctl("list", "--all", "-r", "-o", "BLOCK,STATE", "--sysroot", tree.root).out.splitlines()
        equal(lines[0], "BLOCK STATE", "headings")
        equal([line.split()[0] for line in lines[-2201:]], [str(n) for n in range(100, 2301)], "many lines, headings once")


@test
def pairs():
    with mixed() as tree:
        lines = mhpctl("memmap", "--pairs", "-o", "BLOCK,SET-ASIDE,GROUP", "--noheadings", "--sysroot", tree.root).out.splitlines()
        equal(shlex.split(lines[0]), ["BLOCK=0-7", "SET_ASIDE=0", "GROUP=boot"], "a shell reads it")
        equal(len(lines), 4, "lines: no sums")
        shell = f"{lines[1]}\necho $BLOCK $SET_ASIDE"
        equal(subprocess.run(["sh", "-c", shell], capture_output=True, text=True).stdout, "32-39 0\n", "and evaluates it")


@test
def a_table_without_rows():
    with bus() as env, fake(env, "no-jobs", MAP):
        equal(mhpctl("jobs", env=env).out.split(), "JOB VERB TARGET STATE DONE TOTAL SIZE STARTED".split(), "headings alone")
        equal(mhpctl("jobs", "--noheadings", env=env).out, "", "nothing")


@test
def groups_as_a_tree():
    with mixed() as tree:
        args = ["groups", "--tree", "-o", "NAME,SIZE,STATE", "--sysroot", tree.root]
        want = ["boot                 1G online", "├─0                128M online", "└─1-7              896M online",
                "acpi:PNP0C80:00      1G offline", "└─32-39              1G offline",
                "acpi:PNP0C80:01    512M online", "└─40-43            512M online",
                "virtio-mem:virtio0 512M mixed", "├─48-49            256M online", "└─50-51            256M offline"]
        equal(mhpctl(*args).out.splitlines(), ["NAME               SIZE STATE", *want], "UTF-8")
        ascii_lines = [line.replace("├─", "|-").replace("└─", "`-") for line in want]
        equal(mhpctl(*args, "-n", "--ascii").out.splitlines(), ascii_lines, "--ascii")
        equal(mhpctl(*args, "-n", env={"LC_ALL": "C"}).out.splitlines(), ascii_lines, "a locale without UTF-8")


@test
def long_words_fit_the_terminal():
    with mixed() as tree:
        for nr in range(60, 140, 2):
            tree.block(nr, zones="Normal")
        tree.ram(60, 139)
        args = ["groups", "--sysroot", tree.root, "--color=never"]
        whole = max(len(line) for line in mhpctl(*args).out.splitlines())
        assert whole > 200, whole
        text = on_terminal(*args, columns=110)[0]
        assert all(len(line.rstrip()) <= 110 for line in text.splitlines()), text
        has("".join(line[19:].split(" ")[-1] if line[:1] != " " else line.strip() for line in text.splitlines()), "138", "all of the words")


@test
def json_has_a_schema():
    """Every verb with --json has one, and documents that are wrong are not taken for right ones."""
    for verb in VERBS:
        if " --json " not in mhpctl(verb, "--help").out:
            continue
        names = [name for name in schema.NAMES if name == verb or name.startswith(f"{verb} ")]
        assert names, f"{verb} has no schema"
    with mixed() as tree:
        good = mhpctl("list", "--json", "--sysroot", tree.root).json()
    schema.check("list", good)
    bad = [{**good, "more": 1}, {"ranges": good["ranges"], "block_size": 1}, {"block_size": 1}, {**good, "ranges": [{}]}]
    if schema.jsonschema:
        bad += [{**good, "block_size": "1"}, {**good, "ranges": [{**good["ranges"][0], "state": "on"}]}, {**good, "block_size": -1}]
    for document in bad:
        try:
            schema.check("list", document)
        except Exception:
            continue
        raise AssertionError(f"was taken: {document}")


@test
def json_types():
    if not schema.jsonschema:
        raise Skip("python3-jsonschema is missing: keys are compared, types are not")
    schema.jsonschema.Draft202012Validator.check_schema(schema.SCHEMA)


@test
def json_of_what_is_no_text():
    """Bytes that are not UTF-8 become U+FFFD, one each."""
    with patched() as tree:
        mode = tree.root / "sys/bus/virtio/drivers/virtio_mem/virtio0/mode"
        mode.write_bytes(b"s\xffb\xc3\xa9\n")
        equal(mhpctl("status", "--json", "--sysroot", tree.root).json()["virtio_mem"][0]["mode"], "s\ufffdb\u00e9", "mode")
