/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* mhpd's command line. */

#include <limits.h>
#include <stdbool.h>

struct options {
        bool worker;         /* be the worker process, on MHP_WORKER_FD */
        const char *switch_memmap; /* DEVICE=0 or 1: what the placer's child is to write */
        bool put_back;       /* what a mhpd that died has set goes back, and that is all */
        bool dry_run;        /* tell the steps, write nothing */
        bool uevents;        /* listen to the kernel; not by default when `sysroot` is another machine's tree */
        const char *sysroot;
        const char *etc;     /* NULL: the usual place */
        const char *vendor;  /* NULL: the usual place */
        const char *runtime; /* where the state file, the lock and the mark lie */
        char runtime_below[PATH_MAX]; /* what `runtime` points to by default */
};

/* 1: go on; 0: --help or --version was answered; -EINVAL: told what is wrong; -EIO: told that nobody could be answered. Strings belong to argv or to *ret, which is not to be copied. */
int options_parse(int argc, char **argv, struct options *ret);
