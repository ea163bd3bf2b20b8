/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The verbs. The first is the one that runs when none is given. */

#include "ctl/ctl.h"

static const struct ctl_verb verbs[] = {
        { "status", "", "The machine on one screen: blocks, zones and ratio, nodes, groups, work under way, problems",
          "Asks mhpd if it runs; reads sysfs otherwise, and says so.",
          CTL_NEEDS_MAYBE, CTL_OPT_JSON | CTL_OPT_SYSROOT | CTL_OPT_HOST | CTL_OPT_BYTES, 0, 0, verb_status },
        { "list", "", "Memory blocks, merged into ranges",
          "Consecutive blocks that are alike in the columns shown are one line; with --all each block has its own.\n"
          "Columns: RANGE SIZE STATE ZONE NODE BLOCK SOURCE GROUP MEMMAP.",
          CTL_NEEDS_NONE,
          CTL_OPT_JSON | CTL_OPT_SYSROOT | CTL_OPT_HOST | CTL_OPT_ALL | CTL_OPT_TABLE | CTL_OPT_BYTES,
          0, 0, verb_list },
        { "groups", "", "Groups of blocks that come and go together",
          "DIMMs (acpi:...), virtio-mem and dax devices, and the memory that was there at boot.\n"
          "Columns: NAME SOURCE BLOCKS SIZE ONLINE MOVABLE KERNEL OFFLINE NODE STATE.",
          CTL_NEEDS_NONE,
          CTL_OPT_JSON | CTL_OPT_SYSROOT | CTL_OPT_HOST | CTL_OPT_TABLE | CTL_OPT_BYTES | CTL_OPT_TREE | CTL_OPT_ASCII,
          0, 0, verb_groups },
        { "memmap", "[BLOCK...]", "Where the memmap of each block lies, and how that is known",
          "BLOCK is block numbers and ranges (32-39,41) or a group (acpi:PNP0C80:00). As root, the kernel's page flags are\n"
          "looked at: what they show is \"observed\". PAGES are of memmap, SET-ASIDE of the blocks themselves.\n"
          "Columns: BLOCK SIZE GROUP PLACEMENT PAGES SET-ASIDE WASTE EVIDENCE REASON.",
          CTL_NEEDS_NONE, CTL_OPT_JSON | CTL_OPT_SYSROOT | CTL_OPT_HOST | CTL_OPT_TABLE | CTL_OPT_BYTES,
          0, UINT32_MAX, verb_memmap },
        { "verify", "", "Compare the backing map with the kernel's page flags and zones; 1: they differ",
          "Needs root. Blocks that are not online cannot be compared. With --assume, the model takes all hot-added memory\n"
          "for placed like that. Columns: WHERE EXPECTED OBSERVED PFN.",
          CTL_NEEDS_NONE, CTL_OPT_JSON | CTL_OPT_SYSROOT | CTL_OPT_HOST | CTL_OPT_ASSUME | CTL_OPT_TABLE, 0, 0, verb_verify },
        { "explain", "TARGET...", "Why blocks are where they are, and what keeps them from going offline",
          "TARGET is block numbers and ranges (32-39,41) or a group (acpi:PNP0C80:00), which is summed up first. What pages are\n"
          "is for root to see; why a block is where it is, mhpd knows if it runs.",
          CTL_NEEDS_MAYBE, CTL_OPT_JSON | CTL_OPT_SYSROOT | CTL_OPT_HOST | CTL_OPT_BYTES, 1, UINT32_MAX, verb_explain },
        { "online", "TARGET...", "Bring blocks online",
          "TARGET is block numbers and ranges (32-39,41), a group (acpi:PNP0C80:00) or a size (4G: that much\n"
          "of what is offline, lowest blocks first). Without --zone the policy chooses. With --policy, blocks that are online\n"
          "elsewhere than policy wants them are moved: what another hand decided is undone.",
          CTL_NEEDS_DAEMON, CTL_OPT_JSON | CTL_OPT_HOST | CTL_OPT_ZONE | CTL_OPT_POLICY | CTL_OPT_TIMEOUT | CTL_OPT_NO_WAIT | CTL_OPT_NO_ASK, 1, UINT32_MAX, verb_online },
        { "offline", "TARGET...", "Take blocks offline",
          "TARGET is block numbers and ranges (32-39,41), a group (acpi:PNP0C80:00) or a size (4G: that much\n"
          "of what is best given, never more; with --at-least never less). What was taken goes back if not all of\n"
          "it can leave (OnFailure= in mhpd.conf).",
          CTL_NEEDS_DAEMON, CTL_OPT_JSON | CTL_OPT_HOST | CTL_OPT_TIMEOUT | CTL_OPT_AT_LEAST | CTL_OPT_NO_WAIT | CTL_OPT_NO_ASK, 1, UINT32_MAX, verb_offline },
        { "unplug", "TARGET...", "Take blocks offline and give them back to what brought them",
          "TARGET as for offline. DIMMs and dax devices leave as one, and several units one after the other.\n"
          "With --to, a virtio-mem group keeps so much of its memory.",
          CTL_NEEDS_DAEMON, CTL_OPT_JSON | CTL_OPT_HOST | CTL_OPT_TIMEOUT | CTL_OPT_TO | CTL_OPT_AT_LEAST | CTL_OPT_NO_WAIT | CTL_OPT_NO_ASK, 1, UINT32_MAX, verb_unplug },
        { "jobs", "", "What mhpd was asked for, and how far it is or what became of it",
          "Jobs under way, and the last 64 that have ended since mhpd was started.\n"
          "Columns: JOB VERB TARGET STATE DONE TOTAL SIZE STARTED ENDED.",
          CTL_NEEDS_DAEMON, CTL_OPT_JSON | CTL_OPT_HOST | CTL_OPT_TABLE | CTL_OPT_BYTES, 0, 0, verb_jobs },
        { "wait", "JOB", "Wait until a job has ended",
          "JOB is a number that --no-wait or jobs has printed. The exit status is that of the verb that began the job, also if it has\n"
          "ended already.",
          CTL_NEEDS_DAEMON, CTL_OPT_JSON | CTL_OPT_HOST, 1, 1, verb_wait },
        { "cancel", "JOB", "End a job; what it has taken goes back",
          "JOB is a number that --no-wait or jobs has printed. Waits until all is back where it was.",
          CTL_NEEDS_DAEMON, CTL_OPT_JSON | CTL_OPT_HOST | CTL_OPT_NO_WAIT | CTL_OPT_NO_ASK, 1, 1, verb_cancel },
        { "plan", "online [TARGET...] | plug SIZE | offline TARGET... | unplug TARGET...",
          "What mhpd would do, or what a plug would cost; nothing is done",
          "online: runs the policy over the blocks that are offline now. With TARGET (as for online) only these are shown.\n"
          "plug: what SIZE more memory takes of the kernel's own for its memmap, by where that lies, and whether it is there.\n"
          "offline, unplug: which blocks would go, in which order and why, and what will be in the way; TARGET as for these.\n"
          "As root, the pages of the blocks that come into question are counted first. 1: it cannot be had.",
          CTL_NEEDS_NONE, CTL_OPT_JSON | CTL_OPT_SYSROOT | CTL_OPT_HOST | CTL_OPT_BYTES | CTL_OPT_NODE | CTL_OPT_TO | CTL_OPT_AT_LEAST, 1, UINT32_MAX, verb_plan },
        { "policy", "", "Rules and keys in force, who brings blocks online and why, the kernel's knobs",
          "Asks mhpd if it runs; reads the configuration files otherwise.",
          CTL_NEEDS_MAYBE, CTL_OPT_JSON | CTL_OPT_SYSROOT | CTL_OPT_HOST, 0, 0, verb_policy },
        { "reload", "", "Make mhpd read its configuration again",
          "A file that cannot be parsed leaves the running configuration in force.",
          CTL_NEEDS_DAEMON, CTL_OPT_JSON | CTL_OPT_HOST | CTL_OPT_NO_ASK, 0, 0, verb_reload },
        { "monitor", "", "Live events, until interrupted",
          "With --json each line is an object. Waits for mhpd if it does not run.",
          CTL_NEEDS_MAYBE, CTL_OPT_JSON | CTL_OPT_HOST, 0, 0, verb_monitor },
        { "doctor", "", "What is wrong with this machine's set-up, and how to mend it; 1: something is",
          "Only what is certain is said. 0: nothing was found.",
          CTL_NEEDS_NONE, CTL_OPT_JSON | CTL_OPT_SYSROOT | CTL_OPT_HOST, 0, 0, verb_doctor },
        { "dump", "", "The map's text form, for bug reports and scenario files",
          "mhpd's own map if it runs; a fresh read of sysfs otherwise.",
          CTL_NEEDS_MAYBE, CTL_OPT_JSON | CTL_OPT_SYSROOT | CTL_OPT_HOST, 0, 0, verb_dump },
        { "simulate", "", "Where a memmap would lie, on a machine that is nothing but numbers",
          "--add, --early and --remove are done in the order in which they are given. START and SIZE are bytes, hexadecimal\n"
          "after 0x, or sizes as 4G. A placement that the kernel would refuse becomes dram, with the reason.\n"
          "Columns: RANGE SIZE REQUESTED PLACEMENT MEMMAP SET-ASIDE WASTE USABLE SECTIONS PADDING REASON.",
          CTL_NEEDS_NONE,
          CTL_OPT_JSON | CTL_OPT_TABLE | CTL_OPT_BYTES | CTL_OPT_GEOMETRY | CTL_OPT_OPERATION |
                  CTL_OPT_TRACE,
          0, 0, verb_simulate },
        { "help", "[VERB]", "The verbs, or one of them and its options",
          "The same as --help.",
          CTL_NEEDS_NONE, 0, 0, 1, verb_help },
        { .name = NULL },
};

const struct ctl_verb *ctl_verbs(void) {
        return verbs;
}
