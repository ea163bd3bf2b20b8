/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* mhpd's command line. */

#include <stdbool.h>

struct options {
        bool worker;         /* be the worker process, on MHP_WORKER_FD */
        const char *switch_memmap; /* DEVICE=0 or 1: what the placer's child is to write */
        bool dry_run;        /* tell the steps, write nothing */
        bool uevents;        /* listen to the kernel; not by default when `sysroot` is another machine's tree */
        const char *sysroot;
        const char *etc;     /* NULL: the usual place */
        const char *vendor;  /* NULL: the usual place */
        const char *runtime; /* where the state file lies */
};

/* 1: go on; 0: --help or --version was answered; -EINVAL: told what is wrong. Strings belong to argv or the environment. */
int options_parse(int argc, char **argv, struct options *ret);
