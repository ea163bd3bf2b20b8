# SPDX-License-Identifier: GPL-2.0-or-later
"""Manual page and completion know every verb and option that --help knows."""

import pathlib
import re
import shutil
import subprocess

from cases_usage import VERBS
from harness import HERE, Skip, equal, has, mhpctl, test

TOP = pathlib.Path(HERE).parent.parent
OPTION = re.compile(r"^  (?:-\w,|   ) --([\w-]+)", re.M)


def options(verb):
    return set(OPTION.findall(mhpctl(verb, "--help").out))


@test
def manual_page():
    page = (TOP / "man/mhpctl.1").read_text()
    for verb in VERBS:
        has(page, f".It Cm {verb}", "verbs")
        for option in options(verb):
            has(page, f"Fl -{option}", f"options of {verb}")
    if shutil.which("mandoc"):
        lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", TOP / "man/mhpctl.1"], capture_output=True, text=True).stdout
        equal(lint, "", "mandoc")


def complete(*words):
    """What bash offers for the last of the words."""
    line = " ".join(words)
    script = f"""
        . /usr/share/bash-completion/bash_completion
        . '{TOP}/conf/bash-completion/mhpctl'
        compopt() {{ :; }}
        mhpctl() {{ printf 'acpi:PNP0C80:00 32-39\\nvirtio-mem:virtio0 48,50\\n'; }}
        command() {{ "$@"; }}
        COMP_WORDS=({' '.join(repr(w) for w in words)}) COMP_LINE='{line}' COMP_POINT={len(line)} COMP_CWORD={len(words) - 1}
        _mhpctl
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    run = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True)
    equal(run.stderr, "", "bash")
    return set(run.stdout.split())


@test
def completion():
    if not shutil.which("bash") or not pathlib.Path("/usr/share/bash-completion/bash_completion").exists():
        raise Skip("bash-completion is missing")
    equal(complete("mhpctl", ""), set(VERBS), "verbs")
    for verb in VERBS:
        equal(complete("mhpctl", verb, "-"), {f"--{o}" for o in options(verb) | {"version"}}, f"options of {verb}")
    equal(complete("mhpctl", "online", "--zone", ""), {"auto", "movable", "kernel"}, "zones")
    equal(complete("mhpctl", "verify", "--assume", ""), {"dram", "self", "force"}, "placements")
    equal(complete("mhpctl", "list", "-o", "SIZE,S"), {"SIZE,SIZE", "SIZE,STATE", "SIZE,SOURCE"}, "columns")
    equal(complete("mhpctl", "online", ""), {"acpi:PNP0C80:00", "32-39", "virtio-mem:virtio0", "48", "50"}, "targets")
    equal(complete("mhpctl", "plan", ""), {"online", "offline", "plug", "unplug"}, "what can be planned")
    equal(complete("mhpctl", "simulate", "--arch", "arm64-"), {"arm64-4k", "arm64-16k", "arm64-64k"}, "architectures")
    equal(complete("mhpctl", "simulate", "--add", "4G+1G", "--page-size", ""), set(), "sizes")
    equal(complete("mhpctl", "simulate", "-o", "SI"), {"SIZE"}, "columns of simulate")
