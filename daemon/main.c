/* SPDX-License-Identifier: GPL-2.0-or-later */

/* mhpd: the owner of this machine's hot-plugged memory. */

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/worker-main.h"
#include "base/units.h"
#include "daemon/engine.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/notify.h"
#include "edge/companion.h"
#include "edge/confine.h"
#include "edge/dax.h"
#include "edge/standby.h"
#include "edge/worker.h"

#define EXIT_USAGE 2

/* Opens the machine and gives up all else: descriptors from `first` on, capabilities, system calls. hold and teardown of the companion patches want
 * CAP_SYS_ADMIN. */
static int confine(const struct options *options, int first, struct mhp_root *ret) {
        struct mhp_companion companion;
        int r = mhp_confine_files(first);

        if (r >= 0)
                r = mhp_root_open(options->sysroot, ret);
        if (r < 0)
                return r;
        mhp_companion_read(ret, &companion);
        r = mhp_confine_capabilities(companion.hold || companion.teardown);
        return r < 0 ? r : mhp_confine_calls();
}

static int run_worker(const struct options *options) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        int r = confine(options, MHP_WORKER_FD + 1, &root);

        if (r >= 0)
                r = mhp_worker_main(MHP_WORKER_FD, &root);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* DEVICE=0 or DEVICE=1, as placer.c starts it; the errno is the exit status. */
static int run_switch(const struct options *options) {
        _cleanup_root_ struct mhp_root root = MHP_ROOT_NONE;
        char device[MHP_DAX_NAME_MAX];
        size_t n = strcspn(options->switch_memmap, "=");
        const char *value = options->switch_memmap + n;
        uint32_t nr;
        int r = -EINVAL;

        if (n < sizeof(device) && (strcmp(value, "=0") == 0 || strcmp(value, "=1") == 0)) {
                memcpy(device, options->switch_memmap, n);
                device[n] = '\0';
                r = confine(options, STDERR_FILENO + 1, &root);
                if (r >= 0 && strncmp(device, "memory", 6) == 0)
                        r = mhp_parse_u32(device + 6, &nr) < 0 ? -EINVAL : mhp_standby_switch(&root, nr, value[1] == '1');
                else if (r >= 0)
                        r = mhp_dax_switch(&root, device, value[1] == '1');
        }
        return r < 0 ? -r : EXIT_SUCCESS;
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        (void) source;
        (void) info;
        return engine_stop_soon(userdata);
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        (void) source;
        (void) info;
        /* What went wrong has been told, and there is nobody to give it back to. */
        (void) engine_reload(userdata);
        return 0;
}

static int block_signals(void) {
        static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
        sigset_t set;

        (void) sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void) sigaddset(&set, signals[i]);
        return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
}

static int add_signal(struct engine *engine, int signal, sd_event_signal_handler_t handler, int64_t priority) {
        sd_event_source *source;
        int r = sd_event_add_signal(engine->event, &source, signal, handler, engine);

        if (r >= 0)
                r = sd_event_source_set_priority(source, priority);
        if (r >= 0)
                r = sd_event_source_set_floating(source, true);
        if (r >= 0)
                sd_event_source_unref(source);
        return r;
}

static int add_signals(struct engine *engine) {
        int r = add_signal(engine, SIGTERM, on_stop, LOOP_STOP);

        if (r >= 0)
                r = add_signal(engine, SIGINT, on_stop, LOOP_STOP);
        if (r >= 0)
                r = add_signal(engine, SIGHUP, on_hangup, LOOP_RELOAD);
        return r;
}

/* What mhpd has open when it does nothing, and as much again: some twenty, with every edge that there is. */
#define DESCRIPTORS 32

/* The soft limit is for programs that use select(2), and this is none. A sandbox may forbid to ask for it or to raise it; what is there does then, unless that
 * is known to be too little. */
static int check_descriptors(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return 0;
        if (limit.rlim_cur < limit.rlim_max) {
                rlim_t before = limit.rlim_cur;

                limit.rlim_cur = limit.rlim_max;
                if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                        limit.rlim_cur = before;
        }
        if (limit.rlim_cur >= DESCRIPTORS)
                return 0;
        log_print(LOG_ERR, "cannot start: mhpd needs %d file descriptors, and may have %ju (LimitNOFILE= of its unit, RLIMIT_NOFILE)", DESCRIPTORS,
                  (uintmax_t) limit.rlim_cur);
        return -EMFILE;
}

static int run(struct engine *engine, const struct options *options) {
        sd_event *event = NULL;
        int r = check_descriptors();

        if (r < 0)
                return r;
        r = block_signals();
        if (r >= 0)
                r = sd_event_default(&event);
        if (r >= 0)
                r = sd_event_set_watchdog(event, true);
        if (r < 0) {
                log_print(LOG_ERR, "cannot start: %s", strerror(-r));
                return r;
        }
        r = engine_start(engine, event, options);
        sd_event_unref(event);
        if (r < 0)
                return r;

        r = add_signals(engine);
        if (r >= 0)
                r = loop_run(engine->event, engine->idle_source, &engine->longest);
        (void) mhp_ring_flush(engine->ring);
        notify("STOPPING=1");
        engine_stop(engine);
        return r;
}

int main(int argc, char **argv) {
        _cleanup_engine_ struct engine engine = ENGINE_NONE;
        struct options options;
        int r = options_parse(argc, argv, &options);

        if (r <= 0)
                return r == -EINVAL ? EXIT_USAGE : r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        if (options.worker)
                return run_worker(&options);
        if (options.switch_memmap)
                return run_switch(&options);

        log_open();
        if (options.put_back)
                return engine_put_back(&engine, &options) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        return run(&engine, &options) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
