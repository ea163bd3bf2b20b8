/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/removals.h"

#include <errno.h>
#include <string.h>

#include "daemon/engine.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/state.h"
#include "edge/remover.h"
#include "model/map-text.h"

_Static_assert(MHP_SAVED_HOLD_MAX >= MHP_HOLD_VALUE_MAX, "the state file keeps what a switch says");

/* ------------------------------------------------------------------------------------------------------------ to remember */

static uint64_t mix(uint64_t hash, const void *p, size_t n) {
        for (size_t i = 0; i < n; i++)
                hash = (hash ^ ((const uint8_t *) p)[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
        return hash;
}

/* Members come and go when one of these does. */
static uint64_t mark_of(const struct mhp_map *map) {
        uint64_t hash = map->n_removals;

        for (size_t i = 0; i < map->n_removals; i++) {
                const struct mhp_removal *r = &map->removals[i];
                const uint64_t fields[] = { r->id, r->phase, r->ending, r->held, r->n_done, r->n_total, r->until, r->blame };

                hash = mix(hash, fields, sizeof(fields));
                hash = mix(hash, r->group, strlen(r->group));
        }
        return hash;
}

static bool any_live(const struct mhp_map *map) {
        for (size_t i = 0; i < map->n_removals; i++)
                if (map->removals[i].phase != MHP_PHASE_ENDED)
                        return true;
        return false;
}

static int write_file(struct engine *engine, const char *loss) {
        engine->save = false;
        return state_save(engine->options->runtime, &engine->saved, loss);
}

int removals_save(struct engine *engine) {
        const struct mhp_map *map = engine->ring->map;
        uint64_t mark = mark_of(map);
        char *text = NULL;
        int r = 0;

        if (mark == engine->removals_mark || engine->dry_run)
                return 0;
        if (any_live(map))
                r = mhp_map_print_removals(map, &text);
        if (r < 0)
                return r;
        free(engine->saved.removals);
        engine->saved.removals = text;
        engine->removals_mark = mark;
        (void) write_file(engine, "which memory is to leave");
        return 0;
}

/* ------------------------------------------------------------------------------------------------------- the device's steps */

/* Before the switch is touched the file says what it said, or it is not touched: a veto that nobody remembers to lift would outlast us. */
static int save_hold(struct engine *engine, enum mhp_source source, const char *value) {
        memcpy(engine->saved.hold[source], value, strlen(value) + 1);

        int r = write_file(engine, "what the switch that holds memory said before");
        if (r >= 0)
                return 0;
        *engine->saved.hold[source] = '\0';
        log_print(LOG_WARNING, "%s is not put on hold, for nobody would remember to lift that", mhp_source_name(source));
        return r;
}

/* 1: `value` is to be written; 0 or a negative errno: what the HOLD came to. */
static int prepare_hold(struct engine *engine, enum mhp_source source, char value[static MHP_WORKER_VALUE_MAX]) {
        char now[MHP_HOLD_VALUE_MAX];
        const char *held = mhp_remover_held(source);
        int r;

        if (*engine->saved.hold[source])
                return 0; /* ours already, for another device */
        r = mhp_remover_read(&engine->root, source, now);
        if (r == -ENOENT)
                return 0; /* where there is nothing to hold by, nothing can come between either */
        if (r < 0)
                return r;
        /* An administrator's veto means that nothing is to be ejected, and it is not ours to lift. To virtio-mem the same word is a mere order. */
        if (strcmp(now, held) == 0)
                return source == MHP_SOURCE_ACPI ? -EPERM : 0;

        r = save_hold(engine, source, now);
        if (r < 0)
                return r;
        memcpy(value, held, strlen(held) + 1);
        return 1;
}

static enum mhp_source source_of(const struct engine *engine, const struct mhp_step *step) {
        const struct mhp_removal *removal = mhp_map_removal(engine->ring->map, engine->ring->busy_removal);
        enum mhp_source source = MHP_SOURCE_UNKNOWN;

        if (step->group && *step->group && mhp_remover_source(step->group, &source) >= 0)
                return source;
        return removal ? (enum mhp_source) removal->held : MHP_SOURCE_UNKNOWN;
}

int removals_prepare(struct engine *engine, const struct mhp_step *step, const char **ret_device, char value[static MHP_WORKER_VALUE_MAX],
                     int *ret_error) {
        enum mhp_source source = source_of(engine, step);
        int r;

        engine->device_source = source;
        value[0] = '\0';
        if (step->verb == MHP_VERB_HAND)
                r = step->group && *step->group ? 1 : -ENODEV;
        else if (step->verb == MHP_VERB_HOLD)
                r = prepare_hold(engine, source, value);
        else {
                r = *engine->saved.hold[source] != '\0';
                memcpy(value, engine->saved.hold[source], strlen(engine->saved.hold[source]) + 1);
        }
        if (r > 0) {
                *ret_device = step->verb == MHP_VERB_HAND ? step->group : mhp_source_name(source);
                return 1;
        }
        *ret_error = -r;
        return 0;
}

/* A HOLD that failed may still come through, from a worker that no signal ends: what it was before stays in mind until a RELEASE has. */
int removals_step_over(struct engine *engine, enum mhp_verb verb, int error) {
        bool lifted = error == 0 || error == ENOENT || error == ENODEV; /* without the switch nothing is held (pursuit_lift()) */

        if (verb != MHP_VERB_RELEASE || !lifted || !*engine->saved.hold[engine->device_source])
                return 0;
        *engine->saved.hold[engine->device_source] = '\0';
        engine->save = true;
        return 0;
}

/* ---------------------------------------------------------------------------------------------------------- after a restart */

static bool owned(const struct mhp_map *left, enum mhp_source source) {
        for (size_t i = 0; i < left->n_removals; i++)
                if (left->removals[i].held == source && left->removals[i].phase != MHP_PHASE_ENDED)
                        return true;
        return false;
}

static int add_lift(struct mhp_map *left, enum mhp_source source) {
        struct mhp_removal removal = {
                .id = left->n_removals > 0 ? left->removals[left->n_removals - 1].id + 1 : 1,
                .verb = MHP_REMOVAL_UNPLUG,
                .phase = MHP_PHASE_LIFT,
                .ending = MHP_ENDING_CANCELLED,
                .held = (uint8_t) source,
                .blame = MHP_NO_BLOCK,
        };
        const char *name = mhp_source_name(source);
        int r;

        memcpy(removal.target, name, strlen(name) + 1);
        log_print(LOG_NOTICE, "%s was left on hold, which is lifted", name);
        r = mhp_map_apply(left, &(struct mhp_event) { .type = MHP_EVENT_REMOVAL, .id = removal.id, .removal = &removal });
        return r < 0 ? r : 0;
}

/* What makes no sense any more, after a crash of ours or of the disk, is not gone on with. */
static int read_left(struct engine *engine, struct mhp_map **ret) {
        const char *text = engine->saved.removals;
        uint64_t block_size = engine->ring->map->block_size;
        _cleanup_map_ struct mhp_map *left = NULL;
        int r = text ? mhp_map_parse(text, strlen(text), &left, NULL) : -ENOENT;

        if (r == -ENOMEM)
                return r;
        if (r < 0 && text)
                log_print(LOG_WARNING, "what the state file says of memory that was to leave makes no sense and is not gone on with");
        if (left && left->block_size != block_size)
                left = mhp_map_free(left);
        if (!left)
                r = mhp_map_new(block_size, &left);
        if (r < 0)
                return r;
        *ret = TAKE(left);
        return 0;
}

int removals_resume(struct engine *engine) {
        _cleanup_map_ struct mhp_map *left = NULL;
        int r = read_left(engine, &left);

        for (enum mhp_source s = 0; s < _MHP_SOURCE_MAX && r >= 0; s++)
                if (*engine->saved.hold[s] && !owned(left, s))
                        r = add_lift(left, s);
        if (r >= 0)
                r = mhp_ring_resume(engine->ring, loop_now(), left);
        if (r < 0)
                return r;
        /* With nothing to go on with, what is in the file is of no use any more. */
        if (engine->ring->map->n_removals == 0 && engine->saved.removals) {
                free(TAKE(engine->saved.removals));
                engine->save = true;
        }
        return 0;
}
