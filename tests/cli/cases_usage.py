# SPDX-License-Identifier: GPL-2.0-or-later
"""What is typed wrong: exit status 2, and a message that says what is allowed."""

from harness import equal, golden, has, mhpctl, test
from tree import mixed

VERBS = "status list groups memmap verify explain online offline unplug jobs wait cancel plan policy reload monitor doctor dump simulate help".split()


@test
def no_verb():
    with mixed() as tree:
        equal(mhpctl("--sysroot", tree.root).out, mhpctl("status", "--sysroot", tree.root).out, "without a verb")
        equal(mhpctl("--json", "--sysroot", tree.root).json()["block_size"], 128 << 20, "without a verb, with options")
    mhpctl("--all", status=2, err="--all does not fit")


@test
def unknown_verb():
    mhpctl("lsit", status=2, err="did you mean list?")
    mhpctl("stat", status=2, err="did you mean status?")
    mhpctl("plug", "4G", status=2, err="did you mean online, or plan plug?")
    mhpctl("show", status=2, err="did you mean status, list or explain?")
    mhpctl("eject", status=2, err="did you mean unplug?")
    mhpctl("help", "lsit", status=2, err='help: unknown verb "lsit"; did you mean list?')
    mhpctl("frobnicate", status=2, err="`mhpctl --help` names them")
    mhpctl("x" * 5000, status=2, err="unknown verb")


@test
def unknown_option():
    mhpctl("list", "--frob", status=2, err="list: unknown option --frob")
    mhpctl("list", "-X", status=2, err="unknown option -X")
    mhpctl("list", "--jsno", status=2, err="unknown option --jsno; did you mean --json?")
    mhpctl("list", "--columns=SIZE", status=2, err="unknown option --columns=SIZE\n")
    mhpctl("list", "--outptu=SIZE", status=2, err="did you mean --output?")
    mhpctl("online", "--tmeout=3", "32", status=2, err="did you mean --timeout?")
    mhpctl("list", "--no", status=2, err="did you mean --noheadings?")
    mhpctl("list", "-j", status=2, err="unknown option -j; did you mean -J (--json)?")
    mhpctl("list", "--zz", status=2, err="unknown option --zz\n")
    mhpctl("list", "--all=yes", status=2, err="takes no value")
    mhpctl("list", "--sysroot", status=2, err="a value is missing: DIR")
    mhpctl("list", "-o", status=2, err="a value is missing: COLS")


@test
def option_of_another_verb():
    mhpctl("list", "--zone", "kernel", status=2, err=["list: --zone does not fit", "--output"])
    mhpctl("online", "--output", "SIZE", "3", status=2, err="--output does not fit")
    mhpctl("online", "--sysroot", "/", "3", status=2, err="--sysroot does not fit")
    mhpctl("reload", "--all", "--bytes", status=2, err="--all, --bytes does not fit")
    mhpctl("simulate", "-H", "somewhere", status=2, err="--host does not fit")


@test
def options_that_exclude_each_other():
    mhpctl("list", "--sysroot", "/", "-H", "somewhere", status=2, err="--sysroot and --host")
    mhpctl("list", "--json", "--raw", status=2, err="--json, --raw exclude each other")
    mhpctl("groups", "--tree", "--pairs", status=2, err="--pairs, --tree exclude each other")
    mhpctl("list", "--tree", status=2, err="--tree does not fit")
    mhpctl("simulate", "--add", "4G+1G", "--raw", "--trace", status=2, err="--trace does not go together with --raw or --pairs")


@test
def bad_values():
    mhpctl("online", "--zone", "Movable", "3", status=2, err="auto, movable and kernel")
    mhpctl("online", "--zone", "none", "3", status=2, err="auto, movable and kernel")
    for time in ("0", "-1", "5 s", "soon", "99999999999999999999"):
        mhpctl("online", f"--timeout={time}", "3", status=2, err="--timeout")
    for size in ("0", "x", "-1", "", "4Q", "99999999999999999999G"):
        mhpctl("plan", "plug", "--", size, status=2, err="is no size")
    for node in ("-1", "x", "1024", ""):
        mhpctl("plan", "plug", "1G", "--node", node, status=2, err="--node")
    mhpctl("list", "--color=green", status=2, err="auto, always and never")
    mhpctl("status", "-H", "-oProxyCommand=true", status=2, err="is no host")
    mhpctl("status", "-H", "", status=2, err="is no host")


@test
def too_many_or_too_few_arguments():
    mhpctl("list", "32", status=2, err="one argument too many")
    mhpctl("online", status=2, err="an argument is missing")
    mhpctl("plan", status=2, err="plan online [TARGET...]")
    mhpctl("plan", "plug", status=2, err="plan plug SIZE")
    mhpctl("plan", "plug", "1G", "2G", status=2, err="one SIZE")
    mhpctl("plan", "online", "--node", "0", status=2, err="--node is for plan plug")
    mhpctl("plan", "policy", "3", status=2, err="online, offline, plug and unplug can")
    for verb in ("offline", "unplug"):
        mhpctl("plan", verb, status=2, err=f"plan {verb} TARGET")
        mhpctl("plan", verb, "4G", "32", status=2, err="a target of its own")
        mhpctl("plan", verb, "4G", "--node", "0", status=2, err="--node is for plan plug")
    for verb in ("online", "offline", "plug"):
        mhpctl("plan", verb, "4G", "--to", "1G", status=2, err="--to is for plan unplug")
    for verb in ("online", "plug"):
        mhpctl("plan", verb, "4G", "--at-least", status=2, err="--at-least is for plan offline and plan unplug")
    for verb in ("offline", "unplug"):
        mhpctl("plan", verb, "32", "--at-least", status=2, err="--at-least goes with a size")
        mhpctl("plan", verb, "a:0", "--at-least", status=2, err="--at-least goes with a size")
    mhpctl("plan", "unplug", "4G", "--to", "1G", status=2, err="name that group alone")
    mhpctl("plan", "unplug", "a:0", "a:1", "--to", "1G", status=2, err="name that group alone")
    mhpctl("plan", "unplug", "a:0", "--to", "some", status=2, err="--to")


@test
def targets():
    for word in ("5-3", "", ",", "3,", "3-", "1-2-3", "0x20", "3 4", "0G", "4Q"):
        mhpctl("online", "--", word, status=2, err="is no target")
    for word in ("18446744073709551616", "4294967295", "3-18446744073709551616", "18446744073709551616G"):
        mhpctl("online", word, status=2, err="too large")
    mhpctl("online", "--", "-5", status=2, err="is no target")
    mhpctl("online", "32", "5-3", status=2, err="5-3")


@test
def columns():
    with mixed() as tree:
        mhpctl("list", "-s", tree.root, "-o", "SIZE,COLOUR", status=2, err=['no column "COLOUR"', "RANGE, SIZE, STATE, ZONE, NODE, BLOCK, SOURCE, GROUP, MEMMAP"])
        mhpctl("list", "-s", tree.root, "-o", "", status=2, err="no column")
        mhpctl("groups", "-s", tree.root, "-o", "ZONE", status=2, err="NAME, SOURCE")
        mhpctl("list", "-s", tree.root, "-o", ",".join(["SIZE"] * 40), status=2, err="more than 16")
        equal(mhpctl("list", "-s", tree.root, "-n", "-o", "block,size").out.splitlines()[0].split(), ["0-7", "1G"], "columns in any case")


@test
def help_and_version():
    run = mhpctl("--help")
    for verb in VERBS:
        has(run.out, f"\n  {verb} ", "--help")
        has(mhpctl(verb, "--help").out, f"Usage: mhpctl {verb} ", f"{verb} --help")
        equal(mhpctl("--help", verb).out, mhpctl(verb, "-h").out, "--help before and after the verb")
    golden("help.txt", run.out)
    equal(mhpctl("help").out, run.out, "help")
    equal(mhpctl("help", "plan").out, mhpctl("plan", "--help").out, "help of a verb")
    has(mhpctl("--version").out, "mhpctl ", "--version")
