# SPDX-License-Identifier: GPL-2.0-or-later
"""The verbs that speak to the daemon, with a fake one on a private bus."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time

import harness
import schema
from harness import Skip, bus, equal, fake, has, mhpctl, on_terminal, test, workdir
from tree import mixed

MAP = """map 1
block-size 134217728
scanned
block 0-7 online zone=DMA32 node=0 group=boot goal=kernel reason=found-online flags=settled
block 32-35 offline valid=Normal,Movable node=0 group=acpi:PNP0C80:00 goal=movable reason=rule rule=1 flags=settled,arrived
block 36 online zone=Normal node=0 group=acpi:PNP0C80:00 goal=kernel reason=accepted flags=settled,arrived
block 40-43 online zone=Movable node=1 group=dax:dax0.0 goal=movable reason=ratio-allows flags=settled,arrived
"""


def spawn(env, *args, **kwargs):
    return subprocess.Popen([harness.MHPCTL, *args], env=harness.environment(**env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            **kwargs)


@test
def status_with_a_daemon():
    with bus() as env, fake(env, "done", MAP):
        begun = time.monotonic()
        run = mhpctl("status", env=env)
        assert time.monotonic() - begun < 2
        for words in ("mhpd is running, version 0.1", "by mhpd", "pending  3 blocks", "retrying 33: unmovable page", "Device or resource busy", "accepted 36",
                      "unknown key Zoen", "events were lost", "34-35 under way", "job 7    unplug of acpi:PNP0C80:00: leave, 2 of 4 blocks, for "):
            has(run.out, words, "status")
        answer = mhpctl("status", "--json", env=env).json()
        equal(answer["daemon"]["path"], "mhpd", "path")
        equal(answer["pending"], 3, "pending")
        equal(answer["jobs"], [{"job": 7, "verb": "unplug", "target": "acpi:PNP0C80:00", "phase": "leave", "done": 2, "total": 4,
                                "since_usec": 1000000}], "jobs")
        equal({p["kind"] for p in answer["problems"]}, {"retrying", "accepted", "config", "rescan"}, "problems")
        equal(answer["problems"][0]["errno"], 16, "errno")


LEFT_OFFLINE = MAP + """block 48 offline valid=Normal,Movable node=0 group=virtio-mem:virtio0 goal=movable reason=ratio-allows flags=settled,arrived,hands-off
block 49 offline valid=Normal,Movable node=0 group=virtio-mem:virtio0 goal=none reason=requested flags=settled,arrived
block 50 offline valid=Normal,Movable node=0 group=virtio-mem:virtio0 goal=movable reason=ratio-allows attempts=5 error=16 flags=settled,arrived,gave-up
block 51 offline valid=Normal,Movable node=0 group=virtio-mem:virtio0 flags=settled,arrived
block 52 online zone=Normal node=0 group=virtio-mem:virtio0 goal=movable reason=ratio-allows flags=settled,arrived
"""
FOREIGN = "another hand took it offline, and mhpd leaves it so: `mhpctl online` brings it back"


@test
def plan_online_with_a_daemon():
    with bus() as env, fake(env, "done", LEFT_OFFLINE):
        answer = mhpctl("plan", "online", "--json", env=env).json()
        equal(answer["from"], "mhpd", "whose map")
        equal([(s["verb"], s["blocks"], s["reason"]) for s in answer["steps"]],
              [("online_movable", "32-35", "rule"), ("online_movable", "51", "ratio-allows")], "what is decided on goes on, the rest is decided on")
        equal([(s["blocks"], s["reason"], s["words"]) for s in answer["stays"]],
              [("48", "foreign-offline", FOREIGN), ("49", "requested", "it was asked for: `mhpctl online` brings it back"),
               ("50", "ratio-allows", "it did not come online in 5 attempts, and mhpd has given up: `mhpctl online` has it try again")], "what stays")
        run = mhpctl("plan", "online", "48", env=env)
        has(run.out, "stays offline 48     128M none foreign-offline " + FOREIGN + "\n", "in words")
        assert "not known" not in run.out, "it is known"


@test
def explain_what_stays_offline():
    with bus() as env, fake(env, "done", LEFT_OFFLINE):
        by = {b["block"]: b for b in mhpctl("explain", "48-51", "--json", env=env).json()["blocks"]}
        equal([(by[nr]["reason"], by[nr]["advice"]) for nr in (48, 51)], [("foreign-offline", FOREIGN), (None, None)], "reasons")
        has(mhpctl("explain", "48", env=env).out, "  reason   foreign-offline\n", "in words")


@test
def another_machine():
    bridge = shutil.which("systemd-stdio-bridge")
    if not bridge:
        raise Skip("systemd-stdio-bridge is missing")
    with bus() as env, fake(env, "done", MAP), workdir() as work:
        # what ssh would run there is run here
        (work / "ssh").write_text(f"#!/bin/sh\nexec {bridge} -p '{env['DBUS_SYSTEM_BUS_ADDRESS']}'\n")
        (work / "ssh").chmod(0o755)
        path = {"PATH": f"{work}:{os.environ['PATH']}", **env}
        equal(mhpctl("dump", "-H", "guest", env=path).out, MAP, "its map")
        equal(len(mhpctl("list", "--all", "--json", "-H", "root@guest", env=path).json()["blocks"]), 17, "its blocks")
        equal(mhpctl("policy", "--json", "-H", "guest", env=path).json()["knobs"], None, "its knobs cannot be read")
        equal(mhpctl("online", "32", "-H", "guest", env=path).out, "4 of 4 blocks online\n", "online")
    with workdir() as work:
        (work / "ssh").write_text("#!/bin/sh\nexit 255\n")
        (work / "ssh").chmod(0o755)
        mhpctl("status", "-H", "guest", env={"PATH": f"{work}:{os.environ['PATH']}"}, status=1, err="guest cannot be reached")
    with bus() as env, workdir() as work:
        (work / "ssh").write_text(f"#!/bin/sh\nexec {bridge} -p '{env['DBUS_SYSTEM_BUS_ADDRESS']}'\n")
        (work / "ssh").chmod(0o755)
        path = {"PATH": f"{work}:{os.environ['PATH']}", **env}
        mhpctl("status", "-H", "guest", env=path, status=3, err="at guest: mhpd is not running")
        mhpctl("dump", "-H", "guest", env=path, status=1, err="at guest: mhpd is not running")


@test
def gave_up():
    with bus() as env, fake(env, "done", MAP.replace("rule=1 flags=settled,arrived", "rule=1 flags=settled,arrived,gave-up")):
        equal(mhpctl("status", "--json", env=env).json()["problems"][0]["kind"], "gave-up", "kind")


@test
def policy_and_dump_with_a_daemon():
    with bus() as env, fake(env, "done", MAP, "[Online]\nZone=kernel\nMovableRatio=77\n"):
        answer = mhpctl("policy", "--json", env=env).json()
        equal((answer["from"], answer["path"]), ("mhpd", "mhpd"), "from the daemon")
        equal(answer["config"]["Online"]["MovableRatio"], "77", "its configuration")
        equal(answer["warnings"], ["mhpd.conf:2: unknown key Zoen"], "its warnings")
        equal(mhpctl("dump", env=env).out, MAP, "its map")


@test
def status_without_the_daemon():
    if not os.path.exists("/sys/devices/system/memory/block_size_bytes"):
        raise Skip("this machine has no memory blocks")
    with bus() as env:
        run = mhpctl("status", env=env, status=3)
        has(run.out, "mhpd is not running\nblocks ", "what the machine shows is told all the same")
        equal(run.err, "", "standard error")
        equal(mhpctl("status", "--json", env=env, status=3).json()["daemon"], None, "as JSON")
        equal(mhpctl(env=env, status=3).out, run.out, "without a verb")
        mhpctl("status", "--sysroot", "/", env=env)
        with open("/dev/full", "w") as full:
            process = subprocess.run([harness.MHPCTL, "status"], stdout=full, stderr=subprocess.DEVNULL, env=harness.environment(**env), timeout=10)
        equal(process.returncode, 1, "a full disk")


@test
def a_bus_without_the_daemon():
    with bus() as env:
        for verb in (["online", "3"], ["offline", "3"], ["reload"]):
            mhpctl(*verb, env=env, status=1, err=["mhpd is not running", "systemctl start mhpd"])


@test
def three_ways_not_to_be_asked():
    """No bus, no mhpd on it, an mhpd that is still: each has its own words, also where sysfs is read instead."""
    if not os.path.exists("/sys/devices/system/memory/block_size_bytes"):
        raise Skip("this machine has no memory blocks")
    has(mhpctl("status", status=3).out, "the system bus cannot be reached, so whether mhpd is running is not known\n", "no socket")
    with workdir() as work, socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(work / "bus"))
        refused = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={work}/bus"}
        mhpctl("reload", env=refused, status=1, err="the system bus cannot be reached: Connection refused")
        has(mhpctl("status", env=refused, status=3).out, "the system bus cannot be reached", "nobody listens")
    with bus() as env:
        has(mhpctl("status", env=env, status=3).out, "mhpd is not running\n", "nobody owns the name")
        with fake(env, "hang", MAP):
            mhpctl("dump", env=env, status=1, err=["mhpd is there, but does not answer", "systemctl status mhpd"])


NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def nobody(env, *args, **kwargs):
    """mhpctl as a user who may look and nothing else."""
    words = [*(NOBODY if os.geteuid() == 0 else []), harness.MHPCTL, *args]
    return subprocess.run(words, env=harness.environment(**env), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, **kwargs)


@test
def groups_that_only_root_sees():
    """An unprivileged user reads the blocks and has their groups from mhpd."""
    if nobody({}, "--version").returncode != 0:
        raise Skip("nobody cannot run it from here")
    bare = nobody({}, "dump").stdout
    if " group=" in bare or "\nblock " not in bare:
        raise Skip("this machine has no memory blocks of unknown group")
    last = int(bare.split("\nblock ")[-1].split()[0].split("-")[-1])
    told = "\n".join(line + " group=virtio-mem:virtio7" if line.startswith("block ") else line for line in bare.splitlines()) + "\n"
    without = nobody({}, "explain", "virtio-mem:virtio7")
    equal(without.returncode, 1, "without mhpd")
    has(without.stderr, "root sees more; everybody does while mhpd runs", "without mhpd")
    with bus(everybody=True) as env, fake(env, "done", told):
        groups = json.loads(nobody(env, "groups", "--json").stdout)["groups"]
        equal([(g["group"], g["source"]) for g in groups], [("virtio-mem:virtio7", "virtio-mem")], "groups")
        blocks = json.loads(nobody(env, "list", "--all", "--json").stdout)["blocks"]
        equal({b["source"] for b in blocks}, {"virtio-mem"}, "list")
        equal(blocks[-1]["block"], last, "every block")
        for verb in (["plan", "online"], ["plan", "offline"], ["memmap"]):
            run = nobody(env, *verb, "virtio-mem:virtio7")
            assert "there is no group" not in run.stderr, run
        has(nobody(env, "explain", "virtio-mem:virtio7").stdout, "page flags are for root to see", "what mhpd cannot tell")
        equal(nobody(env, "dump", "--sysroot", "/").stdout, bare, "--sysroot asks nobody")


AGENT = """#!/bin/sh
echo "$@" >{work}/agent
fd=${{1#--notify-fd=}}
trap 'echo gone >>{work}/agent; exit 0' TERM
eval "exec $fd>&-"
while :; do sleep 0.05; done
"""


@test
def password_on_a_terminal():
    """As systemctl does it: polkit's agent is there for the time of the call, for a user on a terminal."""
    if nobody({}, "--version").returncode != 0:
        raise Skip("nobody cannot run it from here")
    with bus(everybody=True) as env, fake(env, "deny", MAP), workdir() as work:
        work.chmod(0o777)
        (work / "pkttyagent").write_text(AGENT.format(work=work))
        (work / "pkttyagent").chmod(0o755)
        path = {"PATH": f"{work}:{os.environ['PATH']}", **env}
        prefix = NOBODY if os.geteuid() == 0 else []
        text, status = on_terminal("online", "32", env=path, prefix=prefix, stdin=None)
        equal(status, 1, "refused")
        has(text, "`sudo mhpctl online` may", "what to do instead")
        has((work / "agent").read_text(), "--fallback\ngone\n", "the agent came and went")
        for args, how in ((["online", "32", "--no-ask-password"], {"stdin": None}), (["online", "32"], {}), (["list"], {"stdin": None})):
            (work / "agent").unlink(missing_ok=True)
            on_terminal(*args, env=path, prefix=prefix, **how)
            equal((work / "agent").exists(), False, f"{args} {how}")
        (work / "pkttyagent").unlink()
        equal(on_terminal("online", "32", env={"PATH": str(work), **env}, prefix=[shutil.which(w) or w for w in prefix], stdin=None)[1], 1,
              "without an agent")
        has(nobody(env, "online", "32").stderr, "sudo mhpctl online", "without a terminal")
    with bus() as env, fake(env, "needs-password", MAP):
        mhpctl("online", "--no-ask-password", "32", env=env, status=1, err=["a password is needed", "sudo mhpctl online"])


@test
def verbs_that_run_on_another_machine():
    with workdir() as work, mixed() as tree:
        (work / "ssh").write_text(f"#!/bin/sh\nfor w; do echo \"[$w]\" >>{work}/words; done\nwhile [ \"$1\" != -- ]; do shift; done\nshift 2\nexec sh -c \"$*\"\n")
        (work / "ssh").chmod(0o755)
        (work / "mhpctl").symlink_to(harness.MHPCTL)
        path = {"PATH": f"{work}:{os.environ['PATH']}"}
        equal(mhpctl("plan", "-H", "guest", "plug", "--", "it's $(id) `id` \"x\"", env=path, status=2).err,
              'mhpctl: plan: "it\'s $(id) `id` "x"" is no size; 512M, 4G and 1T are\n', "quoting, and the exit status")
        words = (work / "words").read_text()
        has(words, "[-n]\n[--]\n[guest]\n[mhpctl plan --color=never -- 'plug' ", "what ssh is told")
        for verb in (["memmap"], ["verify"], ["explain", "0"], ["plan", "offline", "0"], ["doctor"]):
            there = subprocess.run([harness.MHPCTL, *verb, "--json", "--host=root@guest"], env=harness.environment(**path), capture_output=True, text=True)
            here = subprocess.run([harness.MHPCTL, *verb, "--json"], env=harness.environment(), capture_output=True, text=True)
            equal((there.returncode, there.stderr), (here.returncode, here.stderr), f"{verb}")
        has((work / "words").read_text(), "mhpctl doctor --color=never '--json' --]", "options")
        has(on_terminal("plan", "plug", "1G", "-H", "guest", "--color=always", env=path)[0], "\033[1m", "colours of this terminal")
        (work / "mhpctl").unlink()
        mhpctl("doctor", "-H", "guest", env={"PATH": f"{work}:/usr/bin:/bin"}, status=1, err="guest has no mhpctl")
        (work / "ssh").write_text("#!/bin/sh\nexit 255\n")
        mhpctl("doctor", "-H", "guest", env=path, status=1, err="guest cannot be reached: ssh failed")
        (work / "ssh").unlink()
        mhpctl("doctor", "-H", "guest", env={"PATH": str(work)}, status=1, err="running ssh: No such file")
        mhpctl("doctor", "-H", "-oProxyCommand=true", status=2, err="is no host")
        mhpctl("doctor", "-H", "guest", "-s", tree.root, status=2, err="--sysroot and --host")


@test
def online():
    with bus() as env, fake(env, "done", MAP) as daemon:
        equal(mhpctl("online", "acpi:PNP0C80:00", "--zone", "kernel", "--timeout=90s", env=env).out, "4 of 4 blocks online\n", "a group")
        mhpctl("online", "33", "35-36", env=env)
        mhpctl("online", "256M", env=env)
        mhpctl("offline", "300M", env=env)
        mhpctl("offline", "dax:dax0.0", env=env)
        mhpctl("offline", "dax:dax0.0", "33", env=env)
        equal(mhpctl("online", "--no-wait", "33", env=env).out, "job 7\n", "--no-wait")
        equal(daemon.calls().splitlines(), ["Online 32-36 kernel 90000000", "Online 33,35-36 auto 0", "Online 32-33 auto 0", "Offline 300M 0",
                                            "Offline dax:dax0.0 0", "Offline 33,40-43 0", "Online 33 auto 0"], "what the daemon was asked for")
        mhpctl("online", "dax:dax9", env=env, status=1, err="boot, acpi:PNP0C80:00, dax:dax0.0")
        mhpctl("online", "99", env=env, status=1, err="no block 99")


@test
def unplug():
    with bus() as env, fake(env, "done", MAP + "block 48-51 online zone=Movable node=0 group=virtio-mem:virtio0\n") as daemon:
        equal(mhpctl("unplug", "acpi:PNP0C80:00", env=env).out, "4 of 4 blocks unplugged (512M)\n", "a group")
        mhpctl("unplug", "32-35", "dax:dax0.0", "--timeout=5", env=env)
        mhpctl("unplug", "2G", env=env)
        mhpctl("unplug", "2G", "--at-least", env=env)
        mhpctl("offline", "--at-least", "300M", env=env)
        mhpctl("unplug", "--to", "256M", "virtio-mem:virtio0", env=env)
        mhpctl("unplug", "--to=0", "virtio-mem:virtio0", env=env)
        equal(daemon.calls().splitlines(), ["Unplug acpi:PNP0C80:00 -1 0", "Unplug 32-35,40-43 -1 5000000", "Unplug 2G -1 0", "Unplug 2G+ -1 0", "Offline 300M+ 0",
                                            "Unplug virtio-mem:virtio0 268435456 0", "Unplug virtio-mem:virtio0 0 0"], "what the daemon was asked for")
        mhpctl("unplug", "--to", "1G", "acpi:PNP0C80:00", env=env, status=1, err="acpi:PNP0C80:00 leaves as one")
        mhpctl("unplug", "--to", "1G", "48", env=env, status=2, err="no group")
        mhpctl("unplug", "--to", "1G", "4G", env=env, status=2, err="name that group alone")
        mhpctl("unplug", "--to", "1G", "virtio-mem:virtio0", "33", env=env, status=2, err="name that group alone")
        mhpctl("unplug", "--to", "much", "virtio-mem:virtio0", env=env, status=2, err="a size is")
        mhpctl("unplug", "--at-least", "48", env=env, status=2, err="--at-least goes with a size")
        mhpctl("online", "--at-least", "1G", env=env, status=2, err="--at-least does not fit")
        mhpctl("offline", "--to", "1G", "virtio-mem:virtio0", env=env, status=2, err="--to does not fit")
        mhpctl("unplug", "1G", "33", env=env, status=2, err="a target of its own")
        mhpctl("unplug", "dax:dax9", env=env, status=1, err="no group")
    with bus() as env, fake(env, "partly", MAP):
        run = mhpctl("unplug", "32-35", env=env, status=64, err="33: EBUSY")
        equal(run.out, "2 of 4 blocks unplugged (256M)\n", "partly")


@test
def online_that_does_not_work():
    for mode, status, err in (("partly", 64, "33: EBUSY"), ("failed", 1, "32-35: EBUSY"), ("timeout", 64, "33-35 were not reached"),
                              ("deny", 1, "not authorised"), ("die", 1, "mhpd went away")):
        with bus() as env, fake(env, mode, MAP):
            mhpctl("online", "32-35", env=env, status=status, err=err)


@test
def interrupt_cancels():
    with bus() as env, fake(env, "slow", MAP) as daemon:
        process = spawn(env, "online", "32-35")
        while "Online" not in daemon.calls():
            time.sleep(0.01)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
        equal(process.returncode, 64, "exit status")
        has(out, "2 of 4 blocks online, cancelled", "standard output")
        has(err, "34-35 were not reached", "standard error")
        has(daemon.calls(), "Cancel", "calls")


@test
def jobs():
    with bus() as env, fake(env, "partly", MAP):
        equal(mhpctl("jobs", "--noheadings", "-o", "JOB,STATE,DONE,TOTAL,SIZE", env=env).out.split(), "6 done 2 2 256M".split(), "before the job")
        mhpctl("unplug", "32-35", env=env, status=64, err="33: EBUSY")
        lines = mhpctl("jobs", env={"TZ": "XXX-1:30", **env}).out.splitlines()
        equal(lines[0].split(), "JOB VERB TARGET STATE DONE TOTAL SIZE STARTED".split(), "headings")
        equal(lines[2].split(), ["7", "unplug", "32-35", "partly", "2", "4", "512M", "1970-01-01T01:30:02+01:30"], "the job, and local time")
        answer = mhpctl("jobs", "--json", env=env).json()["jobs"]
        equal(answer[1], {"job": 7, "verb": "unplug", "target": "32-35", "phase": "ended", "result": "partly", "changed": True, "blocks": 2,
                          "blocks_failed": 1, "blocks_total": 4, "bytes": 2 << 27, "bytes_total": 4 << 27, "started_usec": 2000000,
                          "ended_usec": 3000000, "detail": "33: EBUSY"}, "the job")
    with bus() as env, fake(env, "slow", MAP):
        mhpctl("unplug", "--no-wait", "32-35", env=env)
        job = mhpctl("jobs", "--json", env=env).json()["jobs"][1]
        equal([job[key] for key in ("phase", "result", "changed", "ended_usec", "detail")], ["offline", None, None, None, None], "under way")


@test
def actions_in_json():
    with bus() as env, fake(env, "done", MAP):
        for verb in ("online", "offline", "unplug"):
            answer = mhpctl(verb, "--json", "32-35", env=env).json()
            equal([answer[key] for key in ("job", "verb", "result", "changed", "blocks", "bytes")], [7, verb, "done", True, 4, 4 << 27], verb)
        equal(mhpctl("online", "--json", "--no-wait", "32", env=env).json()["job"], 7, "--no-wait")
        equal(mhpctl("wait", "6", "--json", env=env).json()["changed"], False, "all was so already")
    with bus() as env, fake(env, "failed", MAP):
        run = mhpctl("offline", "--json", "32-35", env=env, status=1, err="32-35: EBUSY")
        equal([run.json()[key] for key in ("result", "blocks", "detail")], ["failed", 0, "32-35: EBUSY"], "a failure")
    with bus() as env, fake(env, "slow", MAP):
        answer = mhpctl("unplug", "--json", "--no-wait", "32-35", env=env).json()
        equal([answer[key] for key in ("job", "result", "changed")], [7, None, None], "under way")


@test
def wait_for_a_job():
    with bus() as env, fake(env, "slow", MAP) as daemon:
        mhpctl("unplug", "--no-wait", "32-35", env=env)
        process, watcher = spawn(env, "wait", "7"), spawn(env, "wait", "7")
        time.sleep(0.5)
        watcher.send_signal(signal.SIGINT)
        equal((watcher.communicate(timeout=10)[1], watcher.returncode), ("mhpctl: wait: interrupted; the job goes on\n", 1), "an interrupt")
        equal("Cancel" in daemon.calls(), False, "who watches cancels nothing")
        equal(process.poll(), None, "the other one waits")
        equal(mhpctl("cancel", "7", env=env).out, "2 of 4 blocks unplugged (256M), cancelled\n34-35 were not reached\n", "cancel waits for the end")
        out, err = process.communicate(timeout=10)
        equal((process.returncode, out), (64, "2 of 4 blocks unplugged (256M), cancelled\n"), "wait")
        has(err, "cancelled: 34-35 were not reached", "wait: standard error")
        run = mhpctl("wait", "7", env=env, status=64, err="34-35 were not reached")
        equal(run.out, out, "the same afterwards")
        mhpctl("cancel", "7", env=env, status=1, err="has ended already")
    with bus() as env, fake(env, "done", MAP):
        equal(mhpctl("wait", "6", env=env).out, "2 of 2 blocks online\n", "one that had ended")
        for verb in ("wait", "cancel"):
            mhpctl(verb, "5", env=env, status=1, err="there is no job 5")
            for word in ("x", "0", "-1", "4294967296", ""):
                mhpctl(verb, "--", word, env=env, status=2, err=f'invalid job "{word}": expected a number')


@test
def cancel_in_json():
    with bus() as env, fake(env, "slow", MAP):
        mhpctl("offline", "--no-wait", "32-35", env=env)
        answer = mhpctl("cancel", "--json", "7", env=env).json()
        equal([answer[key] for key in ("job", "verb", "result", "changed", "blocks")], [7, "offline", "cancelled", True, 2], "cancel --json")
    with bus() as env, fake(env, "slow", MAP):
        mhpctl("offline", "--no-wait", "32-35", env=env)
        equal(mhpctl("cancel", "--no-wait", "7", env=env).out, "job 7\n", "cancel --no-wait")


@test
def progress_on_a_terminal_only():
    with bus() as env, fake(env, "done", MAP):
        assert "\r" not in mhpctl("online", "32", env=env).err
        text, status = on_terminal("online", "32", env=env)
        equal(status, 0, "on a terminal")
        has(text, "2 of 4 blocks online, 1 failed, 256M of 512M", "on a terminal")
        has(text, "block 34, 12 s left for it", "on a terminal")
        for line in on_terminal("online", "32", env=env, columns=30)[0].split("\r\033[K")[1:-1]:
            assert len(line) < 30, f"a line of {len(line)} columns cannot be drawn over: {line!r}"
        has(on_terminal("online", "32", env=env, columns=30)[0], "2 of 4 blocks online, 1 fa...", "what is cut is seen to be")
        equal(on_terminal("online", "32", env={**env, "TERM": "dumb"}), ("4 of 4 blocks online\n", 0), "on a dumb terminal")


@test
def reload():
    with bus() as env, fake(env, "done", MAP):
        mhpctl("reload", env=env, err="warning: mhpd.conf:2: unknown key Zoen")
        equal(mhpctl("reload", "--json", env=env, err="warning").json(), {"changed": False, "warnings": ["mhpd.conf:2: unknown key Zoen"]}, "--json")
    with bus() as env, fake(env, "failed", MAP):
        mhpctl("reload", env=env, status=1, err="mhpd.conf:3")


@test
def monitor():
    with bus() as env:
        process = spawn(env, "monitor", "--json")

        def line():
            answer = json.loads(process.stdout.readline())
            schema.check("monitor", answer)
            return answer

        answer = line()
        equal(answer["event"], "mhpd-gone", "before the daemon")
        assert abs(answer["time_usec"] / 1e6 - time.time()) < 60, answer
        with fake(env, "done", MAP):
            equal(line()["event"], "mhpd-appeared", "the daemon comes")
            mhpctl("online", "32", env=env)
            equal(line(), {"event": "online", "time_usec": 3000000, "blocks": "32", "zone": "auto", "node": 0,
                                                          "group": "acpi:PNP0C80:00", "reason": "requested", "errno": 0, "message": "as asked",
                                                          "job": 7, "verb": "online", "target": "32", "result": None}, "a report")
            answer = line()
            equal([answer[key] for key in ("message", "time_usec", "job", "verb")], ['say "again"\n', 4500000, None, None], "a report")
            equal(line(), {"event": "settled", "time_usec": 5000000, "added": "32-33", "removed": None, "online": "32",
                                                          "offline": None, "added_bytes": 2 << 27, "removed_bytes": 0, "online_bytes": 1 << 27,
                                                          "offline_bytes": 0}, "a change")
        equal(line()["event"], "mhpd-gone", "the daemon goes")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
        equal(process.returncode, 0, "exit status")


@test
def monitor_text():
    with bus() as env, fake(env, "done", MAP):
        process = spawn({"TZ": "XXX-1:30", **env}, "monitor")
        has(process.stdout.readline(), "mhpd is running", "at the start")
        mhpctl("online", "32", env=env)
        equal(process.stdout.readline(), "1970-01-01T01:30:03+01:30 online blocks=32 zone=auto node=0 group=acpi:PNP0C80:00 reason=requested "
              "job=7 verb=online target=32: as asked\n", "a report")
        equal(process.stdout.readline(), '1970-01-01T01:30:04+01:30 failed blocks=33 errno=16: say "again"?\n', "a report")
        equal(process.stdout.readline(), "1970-01-01T01:30:05+01:30 settled added=32-33 (256M) online=32 (128M)\n", "a change")
        process.terminate()
        process.communicate(timeout=10)
        equal(process.returncode, 0, "exit status")
        with open("/dev/full", "w") as full:
            process = subprocess.run([harness.MHPCTL, "monitor"], stdout=full, stderr=subprocess.PIPE, env=harness.environment(**env), timeout=10)
        equal(process.returncode, 1, "a full disk")


@test
def a_daemon_that_does_not_answer():
    with bus() as env, fake(env, "hang", MAP):
        begun = time.monotonic()
        mhpctl("dump", env=env, status=1, err="does not answer")
        assert time.monotonic() - begun < 20
