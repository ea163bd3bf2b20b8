/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What changed is written to a file that the unit can read, then systemd is asked to restart the unit: a start would do nothing while the unit still
 * runs for the change before. As long as systemd has not answered, the next change waits, and the runtime directory says what was told before; so
 * a change is told twice rather than never when mhpd dies or the bus does. */

#include "daemon/settled.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "base/units.h"
#include "daemon/bus.h"
#include "daemon/engine.h"
#include "daemon/job.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/report.h"
#include "daemon/state.h"
#include "edge/names.h"
#include "edge/settled-file.h"

struct settled {
        struct engine *engine;
        struct mhp_settled core; /* owned */
        sd_event_source *timer;  /* owned */
        bool begun;
        bool starting;           /* a change was told, and systemd has not answered yet */
};

static int on_settled(sd_event_source *source, uint64_t usec, void *userdata);

int settled_new(struct engine *engine, struct settled **ret) {
        _cleanup_(settled_freep) struct settled *settled = calloc(1, sizeof(*settled));
        int r;

        if (!settled)
                return -ENOMEM;
        settled->engine = engine;
        r = sd_event_add_time(engine->event, &settled->timer, CLOCK_MONOTONIC, UINT64_MAX, 100 * USEC_PER_MSEC, on_settled, settled);
        if (r >= 0)
                r = sd_event_source_set_enabled(settled->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(settled->timer, LOOP_JOB);
        if (r < 0)
                return r;
        *ret = TAKE(settled);
        return 0;
}

struct settled *settled_free(struct settled *settled) {
        if (!settled)
                return NULL;
        sd_event_source_disable_unref(settled->timer);
        mhp_settled_done(&settled->core);
        free(settled);
        return NULL;
}

static void save(struct settled *settled) {
        const struct engine *engine = settled->engine;
        int r = engine->dry_run ? 0 : mhp_settled_file_save(engine->options->runtime, &settled->core);

        if (r < 0)
                log_print(LOG_WARNING, "what memory there is cannot be written down in %s, a change would be lost with a crash: %s", engine->options->runtime,
                          strerror(-r));
}

int settled_begin(struct settled *settled) {
        _cleanup_ranges_ struct mhp_ranges present = { 0 }, online = { 0 };
        struct engine *engine = settled->engine;
        int r = mhp_settled_file_load(engine->options->runtime, &present, &online), known = r;

        if (r == -ENOMEM)
                return r;
        if (r < 0 && !engine->dry_run)
                (void) state_set_aside(engine->options->runtime, NAME_SETTLED_FILE, r);
        r = mhp_settled_begin(&settled->core, loop_now(), engine->ring->map, known >= 0, &present, &online);
        if (r < 0)
                return r;
        settled->begun = true;
        if (known < 0)
                save(settled);
        return 0;
}

int settled_touch(struct settled *settled, uint32_t nr) {
        return settled && settled->begun ? mhp_settled_see(&settled->core, loop_now(), settled->engine->ring->map, nr) : 0;
}

/* Where a unit is to be started, a change waits until that can be asked for: else it would take the place of what the unit is still to read. */
static bool must_wait(const struct settled *settled) {
        const struct engine *engine = settled->engine;
        bool unit = *engine->ring->config.settled_unit != '\0' && !engine->dry_run;

        return settled->starting || (unit && !bus_is_ready(engine->bus));
}

static int set_timer(struct settled *settled, uint64_t at) {
        int r;

        if (at == UINT64_MAX || must_wait(settled))
                return sd_event_source_set_enabled(settled->timer, SD_EVENT_OFF);
        r = sd_event_source_set_time(settled->timer, at);
        return r < 0 ? r : sd_event_source_set_enabled(settled->timer, SD_EVENT_ONESHOT);
}

static bool is_idle(const struct engine *engine) {
        return engine->ring->busy == MHP_VERB_NONE && engine_pending(engine) == 0 && jobs_n(engine->jobs) == 0;
}

int settled_turn(struct settled *settled) {
        return set_timer(settled, mhp_settled_turn(&settled->core, loop_now(), is_idle(settled->engine)));
}

/* ------------------------------------------------------------------------------------------------------------ telling it */

/* What a change came to, in the order of the signal's arguments. */
static const struct {
        const char *field, *words;
        size_t offset;
} kinds[BUS_SETTLED_KINDS] = {
        { "MHPD_ADDED", "arrived", offsetof(struct mhp_settled_change, added) },
        { "MHPD_REMOVED", "left", offsetof(struct mhp_settled_change, removed) },
        { "MHPD_ONLINE", "came online", offsetof(struct mhp_settled_change, online) },
        { "MHPD_OFFLINE", "went offline", offsetof(struct mhp_settled_change, offline) },
};

static void add_kind(struct log_entry *entry, const char *field, const char *words, const char *blocks, uint64_t bytes) {
        char size[MHP_SIZE_MAX];

        mhp_text_printf(&entry->message, "%s%s %s (%s)", entry->n > 2 ? ", " : "", mhp_format_size(size, bytes), words, blocks);
        log_add(entry, field, "%s", blocks);
}

static void tell(const struct settled *settled, const struct mhp_settled_change *change) {
        const struct engine *engine = settled->engine;
        _cleanup_log_ struct log_entry entry = { .priority = LOG_INFO };
        struct bus_settled signal = { 0 };

        mhp_text_add(&entry.message, "A change of memory has settled: ");
        log_add(&entry, "MESSAGE_ID", "%s", REPORT_ID_SETTLED);
        log_add(&entry, "MHPD_EVENT", "settled");
        for (size_t i = 0; i < BUS_SETTLED_KINDS; i++) {
                const struct mhp_ranges *ranges = (const void *) ((const char *) change + kinds[i].offset);
                struct mhp_text text = { 0 };

                mhp_ranges_print(ranges, &text);
                signal.bytes[i] = mhp_mul_sat(mhp_ranges_count(ranges), engine->ring->map->block_size);
                if (mhp_text_finish(&text, &signal.blocks[i]) >= 0 && ranges->n > 0)
                        add_kind(&entry, kinds[i].field, kinds[i].words, signal.blocks[i], signal.bytes[i]);
        }
        if (*engine->ring->config.settled_unit)
                log_add(&entry, "MHPD_UNIT", "%s", engine->ring->config.settled_unit);
        log_send(&entry);
        bus_settled(engine->bus, &signal);
        for (size_t i = 0; i < BUS_SETTLED_KINDS; i++)
                free(signal.blocks[i]);
}

/* ----------------------------------------------------------------------------------------------------- starting the unit */

/* systemd has taken the request, or says why not; or the connection broke, and it is asked again when there is another. */
static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const sd_bus_error *e = sd_bus_message_get_error(m);
        struct settled *settled = userdata;

        (void) error;
        if (e && sd_bus_error_has_names(e, SD_BUS_ERROR_DISCONNECTED, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT) && !bus_is_ready(settled->engine->bus))
                return 0;
        if (e)
                log_print(LOG_WARNING, "SettledUnit=%s cannot be started: %s", settled->engine->ring->config.settled_unit, e->message ? e->message : e->name);
        settled->starting = false;
        save(settled);
        return engine_turn_soon(settled->engine); /* another one may have settled meanwhile */
}

static int start_unit(struct settled *settled) {
        const char *unit = settled->engine->ring->config.settled_unit;
        int r;

        settled->starting = *unit != '\0';
        if (!settled->starting) {
                save(settled);
                return 0;
        }
        r = bus_restart_unit(settled->engine->bus, unit, on_answer, settled);
        if (r < 0 && r != -ENOTCONN)
                log_print(LOG_WARNING, "SettledUnit=%s cannot be started: %s", unit, strerror(-r));
        return 0;
}

static int write_environment(const struct engine *engine, const struct mhp_settled_change *change) {
        int r = mhp_settled_env_save(engine->options->runtime, change, engine->ring->map->block_size);

        if (r < 0 && r != -ENOMEM)
                log_print(LOG_WARNING, "what changed cannot be written down in %s for SettledUnit=: %s", engine->options->runtime, strerror(-r));
        return r == -ENOMEM ? r : 0;
}

static int on_settled(sd_event_source *source, uint64_t usec, void *userdata) {
        _cleanup_change_ struct mhp_settled_change change = { 0 };
        struct settled *settled = userdata;
        struct engine *engine = settled->engine;
        int r;

        (void) source;
        (void) usec;
        if (must_wait(settled))
                return 0;
        r = mhp_settled_take(&settled->core, &change);
        if (r < 0 || mhp_settled_change_is_empty(&change))
                return engine_check(engine, r);
        tell(settled, &change);
        if (engine->dry_run)
                return 0;
        r = write_environment(engine, &change);
        return engine_check(engine, r < 0 ? r : start_unit(settled));
}

int settled_bus_ready(struct settled *settled) {
        if (!settled || !settled->begun)
                return 0;
        return settled->starting ? start_unit(settled) : engine_turn_soon(settled->engine);
}
