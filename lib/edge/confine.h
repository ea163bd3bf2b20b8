/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a process that only reads and writes files gives up before it begins: every descriptor but its own, every capability, and every system call
 * that it has no use for. Whoever takes such a process over can do to the memory blocks what it could do, and nothing beside: no
 * socket, so no bus and no service manager; no other program, process or credentials. */

#include <stdbool.h>

/* Closes every descriptor from `first` on. Those for input, output and errors lead nowhere then, but in a build that reports on itself. */
int mhp_confine_files(int first);

/* Every capability goes, out of all sets, and CAP_SYS_ADMIN stays where `administer` is set. The bounding set is left where CAP_SETPCAP is missing:
 * only a program that is executed could profit from it, and none can be. */
int mhp_confine_capabilities(bool administer);

/* From here on a system call that is not on the list fails with EPERM, for this process and for good. A kernel without seccomp filters (Linux is
 * built with them nearly everywhere) is no error, for the memory of its machine has to come online as well; any other failure is one. */
int mhp_confine_calls(void);
