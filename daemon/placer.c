/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/placer.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/units.h"
#include "daemon/bus.h"
#include "daemon/engine.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/report.h"
#include "edge/dax.h"
#include "edge/knobs.h"
#include "edge/names.h"
#include "edge/standby.h"
#include "edge/zoneinfo.h"

extern char **environ;

/* Something with a switch that says where its memmap is to lie, and that may still be set. */
struct place {
        char name[MHP_DAX_NAME_MAX]; /* dax0.0, memory32 */
        enum mhp_source source;
        uint64_t size;               /* bytes */
        int node;
        bool switched_on;
};

struct places {
        struct place *place; /* owned */
        size_t n, capacity;
};

/* What the kernel refused: asked again when the configuration says otherwise or the device has come anew. */
struct refusal {
        char device[MHP_DAX_NAME_MAX];
        bool on;
        bool seen; /* the device is there in this look */
};

struct placer {
        struct engine *engine;
        sd_event_source *child, *timer; /* owned; of the write under way */
        pid_t pid;                      /* 0: none under way */
        struct place device;            /* that is written to */
        bool on;
        bool again;                     /* what there is could not be read, or no process be started */
        bool told;                      /* that none can be started */
        struct refusal *refusals;       /* owned */
        size_t n_refusals, refusals_capacity;
};

static void decide(struct placer *placer, const struct place *place, struct mhp_placement_decision *ret) {
        const struct engine *engine = placer->engine;
        struct mhp_placement_case ask = {
                .source = place->source,
                .node = place->node,
                .size = place->size,
                .self_hosting = mhp_knob_self_hosting(&engine->root),
                .has_switch = true,
                .switched_on = place->switched_on,
        };
        _cleanup_zoneinfo_ struct mhp_zoneinfo info = { 0 };

        if (mhp_zoneinfo_read(&engine->root, &info) >= 0)
                ask.pressure = mhp_zoneinfo_pressure(&info, engine->machine.geometry.page_size);
        mhp_placement_decide(&engine->ring->config, &engine->machine.geometry, &ask, ret);
}

static struct refusal *find_refusal(struct placer *placer, const char *device) {
        for (size_t i = 0; i < placer->n_refusals; i++)
                if (strcmp(placer->refusals[i].device, device) == 0)
                        return &placer->refusals[i];
        return NULL;
}

static int remember_refusal(struct placer *placer) {
        struct refusal *refusal = find_refusal(placer, placer->device.name);

        if (!refusal) {
                int r = ARRAY_GROW(placer->refusals, placer->n_refusals, placer->refusals_capacity);
                if (r < 0)
                        return r;
                refusal = &placer->refusals[placer->n_refusals++];
                memcpy(refusal->device, placer->device.name, sizeof(refusal->device));
        }
        refusal->on = placer->on;
        return 0;
}

static void forget_refusals(struct placer *placer, const struct places *places) {
        size_t kept = 0;

        for (size_t i = 0; i < placer->n_refusals; i++)
                placer->refusals[i].seen = false;
        for (size_t i = 0; i < places->n; i++) {
                struct refusal *refusal = find_refusal(placer, places->place[i].name);
                if (refusal)
                        refusal->seen = true;
        }
        for (size_t i = 0; i < placer->n_refusals; i++)
                if (placer->refusals[i].seen)
                        placer->refusals[kept++] = placer->refusals[i];
        placer->n_refusals = kept;
}

static void tell(const struct placer *placer, int error) {
        _cleanup_log_ struct log_entry entry = { .priority = error ? LOG_WARNING : LOG_INFO };
        const char *where = placer->on ? "in the memory itself" : "in memory that is there already";
        char group[MHP_DAX_NAME_MAX + 8];

        (void) stpcpy(stpcpy(group, placer->device.source == MHP_SOURCE_DAX ? "dax:" : "other:"), placer->device.name);
        mhp_text_printf(&entry.message, "The memmap of %s %s lie %s", placer->device.name, error ? "cannot" : "will", where);
        if (error == EOPNOTSUPP)
                mhp_text_printf(&entry.message, ": %s", mhp_placement_remedy(MHP_SOURCE_DAX, MHP_REFUSAL_DISABLED));
        else if (error)
                mhp_text_printf(&entry.message, ": %s", strerror(error));
        log_add(&entry, "MESSAGE_ID", "%s", REPORT_ID_PLACED);
        log_add(&entry, "MHPD_EVENT", "%s", error ? "memmap-refused" : "memmap-placed");
        log_add(&entry, "MHPD_GROUP", "%s", group);
        log_add(&entry, "MHPD_PLACEMENT", "%s", placer->on ? "self" : "dram");
        if (error)
                log_add(&entry, "ERRNO", "%d", error);
        log_send(&entry);
        bus_report(placer->engine->bus, &(struct bus_report) {
                .event = error ? "memmap-refused" : "memmap-placed",
                .blocks = "",
                .zone = "",
                .node = placer->device.node,
                .group = group,
                .reason = "",
                .error = error,
                .message = entry.message.data ? entry.message.data : "",
        });
}

static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata) {
        struct placer *placer = userdata;
        int error = info->si_code == CLD_EXITED ? info->si_status : ETIMEDOUT, r = 0;

        (void) source;
        placer->child = sd_event_source_unref(placer->child);
        placer->timer = sd_event_source_disable_unref(placer->timer);
        placer->pid = 0;
        tell(placer, error);
        if (error)
                r = remember_refusal(placer);
        /* There may be other devices; this one may have changed meanwhile. */
        return engine_check(placer->engine, r < 0 ? r : placer_look(placer));
}

/* It waits for the device's lock: it goes when it gets that, and until then nothing else is written. */
static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        struct placer *placer = userdata;

        (void) source;
        (void) usec;
        log_print(LOG_WARNING, "the kernel keeps %s to itself; where its memmap lies cannot be chosen now", placer->device.name);
        (void) kill(placer->pid, SIGKILL);
        return 0;
}

static int watch(struct placer *placer) {
        sd_event *event = placer->engine->event;
        int r = sd_event_add_child(event, &placer->child, placer->pid, WEXITED, on_child, placer);

        if (r >= 0)
                r = sd_event_source_set_priority(placer->child, LOOP_WORKER);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &placer->timer, CLOCK_MONOTONIC, placer->engine->ring->config.offline_timeout,
                                               10 * USEC_PER_MSEC, on_timer, placer);
        return r;
}

/* No process can be started just now: the kernel has refused nothing. */
static int put_off(struct placer *placer, int error) {
        placer->pid = 0;
        if (!placer->told)
                log_print(LOG_WARNING, "no process can be started that chooses where the memmap of %s is to lie: %s; mhpd tries again until one can",
                          placer->device.name, strerror(error));
        placer->told = placer->again = true;
        unread_again(placer->engine);
        return 0;
}

/* The device's lock may be held for as long as kmem adds memory, so a process of its own waits for it. */
static int begin(struct placer *placer, const struct place *place, bool on) {
        char word[MHP_DAX_NAME_MAX + 2];
        char *const argv[] = { (char *) NAME_SELF_EXE, (char *) "--switch-memmap", word, (char *) "--sysroot",
                               (char *) placer->engine->options->sysroot, NULL };
        int r;

        (void) stpcpy(stpcpy(word, place->name), on ? "=1" : "=0");
        placer->device = *place;
        placer->on = on;
        if (placer->engine->dry_run) {
                tell(placer, 0);
                return remember_refusal(placer); /* told once */
        }
        r = posix_spawn(&placer->pid, NAME_SELF_EXE, NULL, NULL, argv, environ);
        if (mhp_error_passes(-r))
                return put_off(placer, r);
        if (r != 0) {
                placer->pid = 0;
                tell(placer, r);
                return remember_refusal(placer);
        }
        placer->told = false;
        r = watch(placer);
        if (r < 0)
                (void) kill(placer->pid, SIGKILL);
        return r;
}

static int list_dax(struct placer *placer, struct places *places) {
        _cleanup_free_ struct mhp_dax *list = NULL;
        size_t n;
        int r = mhp_dax_list(&placer->engine->root, &list, &n);

        for (size_t i = 0; i < n && r >= 0; i++) {
                struct place place = { .source = MHP_SOURCE_DAX, .size = list[i].size, .node = list[i].node, .switched_on = list[i].switched_on };

                if (!list[i].has_switch || list[i].in_kmem)
                        continue;
                r = ARRAY_GROW(places->place, places->n, places->capacity);
                if (r < 0)
                        break;
                memcpy(place.name, list[i].name, sizeof(place.name));
                places->place[places->n++] = place;
        }
        return r;
}

static int list_standby(struct placer *placer, struct places *places) {
        _cleanup_free_ struct mhp_standby *list = NULL;
        size_t n;
        int r = mhp_standby_list(&placer->engine->root, &list, &n);

        for (size_t i = 0; i < n && r >= 0; i++) {
                struct place place = { .source = MHP_SOURCE_OTHER, .size = placer->engine->machine.geometry.block_size, .node = -1,
                                       .switched_on = list[i].switched_on };

                if (list[i].configured)
                        continue;
                r = ARRAY_GROW(places->place, places->n, places->capacity);
                if (r < 0)
                        break;
                (void) snprintf(place.name, sizeof(place.name), "memory%" PRIu32, list[i].nr);
                places->place[places->n++] = place;
        }
        return r;
}

static int look(struct placer *placer, const struct places *places) {
        forget_refusals(placer, places);
        for (size_t i = 0; i < places->n && placer->pid == 0; i++) {
                const struct place *place = &places->place[i];
                const struct refusal *refusal = find_refusal(placer, place->name);
                struct mhp_placement_decision d;
                int r;

                decide(placer, place, &d);
                if (d.switch_on == place->switched_on || (refusal && refusal->on == d.switch_on))
                        continue;
                r = begin(placer, place, d.switch_on);
                if (r < 0)
                        return r;
        }
        return 0;
}

int placer_look(struct placer *placer) {
        struct places places = { 0 };
        int r;

        if (placer->pid > 0) /* it looks again when the write is over */
                return 0;
        placer->again = false;
        r = list_dax(placer, &places);
        if (r >= 0)
                r = list_standby(placer, &places);
        if (r >= 0)
                r = look(placer, &places);
        free(places.place);
        if (!mhp_error_passes(r))
                return r;
        placer->again = true;
        unread_tell(placer->engine, "/" NAME_DAX_DEVICES, -r);
        return 0;
}

int placer_look_again(struct placer *placer) {
        return placer && placer->again && placer->engine->unread.again_at == 0 ? placer_look(placer) : 0;
}

int placer_new(struct engine *engine, struct placer **ret) {
        struct placer *placer = calloc(1, sizeof(*placer));

        if (!placer)
                return -ENOMEM;
        placer->engine = engine;
        *ret = placer;
        return 0;
}

struct placer *placer_free(struct placer *placer) {
        if (!placer)
                return NULL;

        sd_event_source_disable_unref(placer->timer);
        sd_event_source_disable_unref(placer->child);
        if (placer->pid > 0)
                (void) kill(placer->pid, SIGKILL);
        free(placer->refusals);
        free(placer);
        return NULL;
}
