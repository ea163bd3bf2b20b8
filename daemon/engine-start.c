/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The engine's beginning and end, and another configuration in between. */

#include <errno.h>
#include <stdio.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/units.h"
#include "daemon/arm.h"
#include "daemon/bus.h"
#include "daemon/dry-run.h"
#include "daemon/engine-internal.h"
#include "daemon/executor.h"
#include "daemon/guard.h"
#include "daemon/host.h"
#include "daemon/job.h"
#include "daemon/kernel-events.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/memmap.h"
#include "daemon/notify.h"
#include "daemon/place-table.h"
#include "daemon/placer.h"
#include "daemon/presence.h"
#include "daemon/settled.h"
#include "daemon/state.h"
#include "edge/machine.h"
#include "edge/names.h"
#include "edge/sysfs.h"
#include "edge/teardown.h"
#include "model/geometry.h"

/* A DIMM of 1 TiB announces 8,192 blocks, twice; an event takes about 1 KiB of the buffer. Only what is used costs memory. */
#define UEVENT_BUFFER (16 << 20)

static int uevent_buffer(void) {
        const char *s = getenv("MHPD_UEVENT_BUFFER");
        uint64_t bytes;

        if (!s)
                return UEVENT_BUFFER;
        if (mhp_parse_size(s, &bytes) < 0 || bytes == 0 || bytes > INT32_MAX) {
                log_print(LOG_WARNING, "MHPD_UEVENT_BUFFER=%s is no size in bytes from 1 to 2147483647, using %d", s, UEVENT_BUFFER);
                return UEVENT_BUFFER;
        }
        return (int) bytes;
}

/* Before the first scan: what changes while it runs is heard afterwards. */
static int open_uevents(struct engine *engine) {
        if (!engine->options->uevents)
                return 0;

        int r = mhp_uevents_new(uevent_buffer(), &engine->uevents);
        if (r < 0)
                log_print(LOG_ERR, "the kernel's uevents cannot be heard: %s", strerror(-r));
        return r;
}

static int open_kernel_events(struct engine *engine) {
        return engine->options->uevents ? kernel_events_new(engine, uevent_buffer(), &engine->kernel_events) : 0;
}

static int read_geometry(struct engine *engine, uint64_t block_size) {
        int r = mhp_machine_read(&engine->root, &engine->machine);

        if (r < 0)
                return r;
        mhp_geometry_set_block(&engine->machine.geometry, block_size);
        engine->machine_known = !engine->machine.generic && mhp_geometry_check(&engine->machine.geometry, NULL) >= 0;
        return 0;
}

static int open_machine(struct engine *engine, uint64_t *ret_block_size) {
        const char *sysroot = engine->options->sysroot;
        int r = mhp_root_open(sysroot, &engine->root);

        if (r < 0) {
                log_print(LOG_ERR, "%s cannot be opened: %s", sysroot, strerror(-r));
                return r;
        }
        if (!engine->options->dry_run && mhp_machine_dumps(&engine->root)) {
                log_print(LOG_ERR, "this kernel was booted to dump the memory of one that crashed (%s, or elfcorehdr= on its command line): mhpd brings no memory "
                          "online here", "/" NAME_VMCORE);
                return -EPERM;
        }
        r = mhp_sysfs_block_size(&engine->root, ret_block_size);
        if (r == -ENOENT && !mhp_root_exists(&engine->root, NAME_DEVICES))
                log_print(LOG_ERR, "%s has no " NAME_MEMORY ": is sysfs mounted?", sysroot);
        else if (r == -ENOENT)
                log_print(LOG_ERR, "this kernel has no memory blocks below %s (CONFIG_MEMORY_HOTPLUG)", sysroot);
        else if (r < 0)
                log_print(LOG_ERR, "the size of memory blocks below %s makes no sense: %s", sysroot, strerror(-r));
        if (r >= 0)
                r = mhp_groups_new(&engine->root, *ret_block_size, &engine->groups);
        return r < 0 ? r : read_geometry(engine, *ret_block_size);
}

static void tell_warnings(const struct mhp_conf_warnings *warnings) {
        for (size_t i = 0; i < warnings->n; i++)
                log_print(LOG_WARNING, "%s", warnings->text[i]);
}

/* Memory has to come online even if the configuration is no good: what can be read of it is used, and defaults for the rest. */
static int first_config(struct engine *engine, struct mhp_config *ret) {
        int r = mhp_conf_load(engine->options->etc, engine->options->vendor, ret, &engine->warnings);

        tell_warnings(&engine->warnings);
        if (r == MHP_CONF_LOST)
                log_print(LOG_ERR, "not all files of the configuration can be used; the others and the defaults are in force until a reload");
        return r;
}

static int open_executor(struct engine *engine) {
        if (engine->options->dry_run)
                return dry_run_new(engine, engine->event, &engine->dry_run);
        return executor_new(engine, engine->event, engine->options->sysroot, &engine->executor);
}

static int start_parts(struct engine *engine) {
        _cleanup_config_ struct mhp_config config = { 0 };
        const struct options *o = engine->options;
        struct mhp_arming arming;
        uint64_t block_size;
        int r;

        r = open_machine(engine, &block_size);
        if (r >= 0)
                r = open_uevents(engine);
        if (r >= 0)
                r = first_config(engine, &config);
        if (r >= 0)
                r = state_load(o->runtime, o->dry_run, &engine->saved);
        if (r >= 0)
                r = arm(&engine->root, o->runtime, &config, o->dry_run, &engine->saved, &arming);
        if (r >= 0)
                r = engine_new_ring(engine, &config, &arming, block_size);
        if (r >= 0)
                engine->ring->teardown = mhp_teardown_offered(&engine->root);
        if (r >= 0)
                r = engine_add_sources(engine);
        if (r >= 0)
                r = open_executor(engine);
        if (r >= 0)
                r = settled_new(engine, &engine->settled);
        if (r >= 0)
                r = jobs_new(engine, &engine->jobs);
        if (r >= 0)
                r = bus_new(engine, &engine->bus);
        if (r >= 0)
                r = placer_new(engine, &engine->placer);
        if (r >= 0)
                r = place_table_new(engine, &engine->place_table);
        if (r >= 0)
                r = guard_new(engine, &engine->guard);
        if (r >= 0)
                r = open_kernel_events(engine);
        if (r >= 0)
                r = memmap_new(engine, &engine->memmap);
        if (r >= 0)
                r = host_new(engine, &engine->host);
        return r;
}

int engine_start(struct engine *engine, sd_event *event, const struct options *options) {
        int r;

        *engine = ENGINE_NONE;
        engine->options = options;
        engine->event = sd_event_ref(event);

        /* Two of us would fight over blocks, knobs and the state file. */
        r = presence_lock(options, &engine->lock);
        if (r < 0)
                return r;
        r = start_parts(engine);
        if (r >= 0)
                r = engine_first_scan(engine);
        if (r >= 0)
                r = place_table_set(engine->place_table);
        if (r >= 0) /* a device may be switched only where some rule of the table wants that */
                r = placer_look(engine->placer);
        if (r < 0) {
                log_print(LOG_ERR, "cannot start: %s", strerror(-r));
                engine_stop(engine);
                return r;
        }
        host_listen(engine);
        presence_show(options);
        (void) sd_notify(0, "READY=1");
        return 0;
}

/* A bad line costs no more than at start. A file that is lost may have held anything: what runs is better than that. */
static int refuse_reload(struct engine *engine, const char *lost) {
        char *refused;

        if (asprintf(&refused, "reload refused, the running configuration stays in force: %s", lost) < 0)
                return -ENOMEM;
        log_print(LOG_ERR, "%s", refused);
        free(engine->refused);
        engine->refused = refused;
        return -EBADMSG;
}

/* -EBADMSG: engine->refused says why. */
static int reload_config(struct engine *engine, struct mhp_config *ret) {
        _cleanup_conf_warnings_ struct mhp_conf_warnings warnings = { 0 };
        int r = mhp_conf_load(engine->options->etc, engine->options->vendor, ret, &warnings);

        tell_warnings(&warnings);
        if (r < 0)
                return r;
        if (r == MHP_CONF_LOST)
                return refuse_reload(engine, warnings.lost);

        free(engine->refused);
        engine->refused = NULL;
        mhp_conf_warnings_done(&engine->warnings);
        engine->warnings = warnings;
        warnings = (struct mhp_conf_warnings) { 0 };
        return 0;
}

static int reload(struct engine *engine) {
        _cleanup_config_ struct mhp_config config = { 0 };
        struct mhp_arming arming;
        int r = reload_config(engine, &config);

        if (r < 0)
                return r;
        r = arm(&engine->root, engine->options->runtime, &config, engine->options->dry_run, &engine->saved, &arming);
        if (r >= 0)
                r = mhp_ring_reload(engine->ring, loop_now(), &config, &arming);
        if (r >= 0) {
                guard_reset(engine->guard);
                r = place_table_set(engine->place_table);
        }
        if (r >= 0)
                r = placer_look(engine->placer);
        if (r < 0)
                return engine_check(engine, r);
        log_print(LOG_INFO, "the configuration was read again");
        return engine_turn_soon(engine);
}

/* RELOADING=1 has to carry the time, and READY=1 follows whatever came of it: sd_notify(3). */
int engine_reload(struct engine *engine) {
        char reloading[64];
        int r;

        (void) snprintf(reloading, sizeof(reloading), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, loop_now());
        notify(reloading);
        r = reload(engine);
        notify("READY=1");
        return r;
}

int engine_put_back(struct engine *engine, const struct options *options) {
        int r;

        *engine = ENGINE_NONE;
        engine->options = options;
        r = presence_lock(options, &engine->lock);
        if (r < 0)
                return r;
        presence_end(options);
        r = mhp_root_open(options->sysroot, &engine->root);
        if (r >= 0)
                r = state_load(options->runtime, false, &engine->saved);
        if (r < 0) {
                log_print(LOG_ERR, "nothing can be put back: %s", strerror(-r));
                return r;
        }
        place_table_restore(engine);
        disarm(&engine->root, options->runtime, &engine->saved);
        return 0;
}

void engine_stop(struct engine *engine) {
        if (engine->root.fd < 0 || engine->options->dry_run)
                return;
        presence_end(engine->options);
        host_stop(engine);
        place_table_restore(engine);
        disarm(&engine->root, engine->options->runtime, &engine->saved);
}

void engine_done(struct engine *engine) {
        kernel_events_free(engine->kernel_events);
        guard_free(engine->guard);
        place_table_free(engine->place_table);
        placer_free(engine->placer);
        memmap_free(engine->memmap);
        host_free(engine->host);
        bus_free(engine->bus);
        jobs_free(engine->jobs);
        settled_free(engine->settled);
        executor_free(engine->executor);
        dry_run_free(engine->dry_run);
        sd_event_source_disable_unref(engine->uevent_source);
        sd_event_source_disable_unref(engine->turn_source);
        sd_event_source_disable_unref(engine->more_source);
        sd_event_source_disable_unref(engine->idle_source);
        sd_event_source_disable_unref(engine->status_source);
        sd_event_source_disable_unref(engine->tick_source);
        sd_event_source_disable_unref(engine->stop_source);
        mhp_ring_free(engine->ring);
        mhp_uevents_free(engine->uevents);
        mhp_groups_free(engine->groups);
        mhp_root_done(&engine->root);
        mhp_saved_done(&engine->saved);
        mhp_conf_warnings_done(&engine->warnings);
        unread_done(&engine->unread);
        free(engine->refused);
        free(engine->heard);
        free(engine->status);
        sd_event_unref(engine->event);
        if (engine->lock >= 0)
                close(engine->lock);
        *engine = ENGINE_NONE;
}
