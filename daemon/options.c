/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "config.h"

#include "edge/names.h"

enum {
        OPT_WORKER = 256,
        OPT_SWITCH_MEMMAP,
        OPT_SYSROOT,
        OPT_CONFIG_DIR,
        OPT_RUNTIME_DIR,
        OPT_UEVENTS,
        OPT_DRY_RUN,
        OPT_PUT_BACK,
};

static const struct option long_options[] = {
        { "worker", no_argument, NULL, OPT_WORKER },
        { "switch-memmap", required_argument, NULL, OPT_SWITCH_MEMMAP },
        { "sysroot", required_argument, NULL, OPT_SYSROOT },
        { "config-dir", required_argument, NULL, OPT_CONFIG_DIR },
        { "runtime-dir", required_argument, NULL, OPT_RUNTIME_DIR },
        { "uevents", no_argument, NULL, OPT_UEVENTS },
        { "dry-run", no_argument, NULL, OPT_DRY_RUN },
        { "put-back", no_argument, NULL, OPT_PUT_BACK },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { NULL, 0, NULL, 0 },
};

static const char help[] =
        "mhpd [OPTION...]\n"
        "Brings hot-plugged memory online by policy. As a rule, systemd starts it.\n\n"
        "  --put-back                  set the kernel's knobs back as they were before a mhpd that died\n"
        "  --dry-run                   tell what would be done, write nothing\n"
        "  --sysroot DIR               read and write DIR/sys and DIR/proc; uevents are not heard then\n"
        "  --uevents                   hear uevents all the same\n"
        "  --config-dir ETC[:VENDOR]   read mhpd.conf and mhpd.conf.d there\n"
        "  --runtime-dir DIR           keep the state file, the lock and the mark there\n"
        "  -h, --help                  this text\n"
        "  -V, --version               the version\n\n"
        "See mhpd(8).\n";

/* ETC[:VENDOR], cut in place. */
static void set_config_dir(struct options *o, char *word) {
        char *colon = strchr(word, ':');

        if (colon)
                *colon = '\0';
        o->etc = word;
        o->vendor = colon ? colon + 1 : "";
}

/* Below the root like everything else: what this machine's mhpd keeps is not about the machine below --sysroot. */
static int default_runtime(struct options *o) {
        bool own = strcmp(o->sysroot, "/") == 0;
        int n = snprintf(o->runtime_below, sizeof(o->runtime_below), "%s" NAME_RUNTIME, own ? "" : o->sysroot);

        if ((size_t) n >= sizeof(o->runtime_below)) {
                fprintf(stderr, "mhpd: --sysroot \"%s\" is too long\n", o->sysroot);
                return -EINVAL;
        }
        o->runtime = o->runtime_below;
        return 0;
}

static int say(const char *text) {
        if (fputs(text, stdout) != EOF && fflush(stdout) == 0)
                return 0;
        fprintf(stderr, "mhpd: writing to standard output: %s\n", strerror(errno));
        return -EIO;
}

static int take_option(struct options *o, int c) {
        switch (c) {
        case OPT_WORKER:
                o->worker = true;
                return 1;
        case OPT_SWITCH_MEMMAP:
                o->switch_memmap = optarg;
                return 1;
        case OPT_SYSROOT:
                o->sysroot = optarg;
                return 1;
        case OPT_CONFIG_DIR:
                set_config_dir(o, optarg);
                return 1;
        case OPT_RUNTIME_DIR:
                o->runtime = optarg;
                return 1;
        case OPT_UEVENTS:
                o->uevents = true;
                return 1;
        case OPT_DRY_RUN:
                o->dry_run = true;
                return 1;
        case OPT_PUT_BACK:
                o->put_back = true;
                return 1;
        case 'h':
                return say(help);
        case 'V':
                return say("mhpd " PACKAGE_VERSION "\n");
        default: /* getopt_long() has told */
                fputs("mhpd: `mhpd --help` lists the options\n", stderr);
                return -EINVAL;
        }
}

int options_parse(int argc, char **argv, struct options *ret) {
        struct options o = { 0 };
        int c;

        while ((c = getopt_long(argc, argv, "hV", long_options, NULL)) >= 0) {
                int r = take_option(&o, c);
                if (r <= 0)
                        return r;
        }
        if (optind < argc) {
                fprintf(stderr, "mhpd: \"%s\" is one word too many; mhpd takes options only, mhpctl takes the commands\n", argv[optind]);
                return -EINVAL;
        }

        if (o.put_back && o.dry_run) {
                fputs("mhpd: --put-back writes, and --dry-run does not\n", stderr);
                return -EINVAL;
        }
        if (!o.sysroot) {
                o.sysroot = "/";
                o.uevents = true;
        }
        *ret = o;
        if (!ret->runtime && default_runtime(ret) < 0)
                return -EINVAL;
        return 1;
}
