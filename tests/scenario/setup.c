/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The machine, and a daemon on it: its start, its end, another configuration. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "model/map-text.h"
#include "scenario.h"

int scenario_set(struct scenario *s, const char *key, const char *value) {
        const char *allowed = "";
        _cleanup_config_ struct mhp_config trial = { 0 };

        if (!s->section)
                return complain(s, "a section such as [Online] has to come first");
        if (mhp_config_set(&trial, s->section, key, value, &allowed) < 0)
                return complain(s, "[%s] %s=%s: allowed: %s", s->section, key, value, allowed);
        if (ARRAY_GROW(s->settings, s->n_settings, s->settings_capacity) < 0)
                return complain(s, "out of memory");
        s->settings[s->n_settings++] = (struct setting) { strdup(s->section), strdup(key), strdup(value) };
        return 0;
}

static void make_config(const struct scenario *s, struct mhp_config *ret, struct mhp_arming *ret_arming) {
        const char *allowed;

        mhp_config_init(ret);
        for (size_t i = 0; i < s->n_settings; i++)
                (void) mhp_config_set(ret, s->settings[i].section, s->settings[i].key, s->settings[i].value, &allowed);
        mhp_arming_plan(ret, !s->cannot_arm, ret_arming);
        if (s->unasked)
                mhp_arming_insist(ret_arming);
        if (s->sim)
                mhp_sim_arm(s->sim, ret_arming);
}

/* A ring on `map`, which it takes over. */
static int make_ring(struct scenario *s, struct mhp_map *map) {
        _cleanup_config_ struct mhp_config config = { 0 };
        struct mhp_arming arming;

        make_config(s, &config, &arming);
        if (mhp_ring_new(map, &config, &arming, mhp_sim_step, s->sim, &s->ring) < 0) {
                mhp_map_free(map);
                return complain(s, "no ring");
        }
        s->ring->teardown = s->teardown;
        return 0;
}

static int place_all(struct scenario *s, const struct mhp_map *map) {
        for (const struct mhp_block *b = mhp_map_at_or_after(map, 0); b; b = mhp_map_next_block(map, b)) {
                const struct mhp_group *group = mhp_map_group(map, b);

                if (mhp_sim_place(s->sim, (struct mhp_range) { b->nr, b->nr }, b, group ? group->name : NULL,
                                  group ? group->source : MHP_SOURCE_UNKNOWN) < 0)
                        return complain(s, "block %u cannot be placed", b->nr);
        }
        return 0;
}

static int scan(struct scenario *s) {
        return mhp_sim_scan(s->sim, s->ring) < 0 ? complain(s, "the scan failed") : 0;
}

int scenario_start(struct scenario *s) {
        _cleanup_map_ struct mhp_map *map = NULL, *empty = NULL;
        unsigned line = 0;
        bool scanned;

        if (s->sim)
                return complain(s, "started already");
        if (mhp_map_parse(s->head.data ? s->head.data : "", s->head.len, &map, &line) < 0)
                return complain(s, "line %u of the map is wrong, counted from `map 1`", line);
        if (mhp_sim_new(map->block_size, &s->sim) < 0 || mhp_map_new(map->block_size, &empty) < 0)
                return complain(s, "out of memory");
        s->sim->tell = record_step;
        s->sim->userdata = s;
        if (place_all(s, map) < 0)
                return -1;

        /* `scanned`: the map is what a daemon believes, from a dump; else it is what a machine has, and a daemon starts on it. */
        scanned = map->scanned;
        if (make_ring(s, scanned ? TAKE(map) : TAKE(empty)) < 0)
                return -1;
        return scanned ? 0 : scan(s);
}

/* keeps_offline() in daemon/engine.c. */
static bool keeps_offline(const struct mhp_block *block) {
        if (block->state != MHP_STATE_OFFLINE)
                return false;
        if (block->flags & MHP_BLOCK_HANDS_OFF)
                return true;
        return block->goal == MHP_WANT_NONE && (block->reason == MHP_REASON_REQUESTED || block->reason == MHP_REASON_ACCEPTED);
}

static int resume(struct scenario *s, const char *left) {
        _cleanup_map_ struct mhp_map *map = NULL;
        unsigned line;

        if (mhp_map_parse(left, strlen(left), &map, &line) < 0)
                return complain(s, "line %u of what is left of the removals cannot be read again", line);
        return mhp_ring_resume(s->ring, s->sim->now, map) < 0 ? complain(s, "the removals cannot be taken up again") : 0;
}

/* The daemon is killed and started anew; its state file outlives it, its worker and its socket do not. */
int scenario_restart(struct scenario *s) {
        _cleanup_ranges_ struct mhp_ranges kept = { 0 };
        _cleanup_free_ char *left = NULL;
        struct mhp_map *map = NULL;

        if (mhp_map_print_removals(s->ring->map, &left) < 0)
                return complain(s, "out of memory");
        for (const struct mhp_block *b = mhp_map_at_or_after(s->ring->map, 0); b; b = mhp_map_next_block(s->ring->map, b))
                if (keeps_offline(b) && mhp_ranges_add(&kept, b->nr, b->nr) < 0)
                        return complain(s, "out of memory");
        s->ring = mhp_ring_free(s->ring);
        mhp_sim_kill(s->sim);
        s->sim->n_uevents = 0;
        s->sim->overflow = s->sim->rescan_due = false;

        if (mhp_map_new(s->sim->block_size, &map) < 0 || make_ring(s, map) < 0 || scan(s) < 0)
                return -1;
        for (size_t i = 0; i < kept.n; i++)
                for (uint32_t nr = kept.range[i].first; nr <= kept.range[i].last; nr++)
                        (void) mhp_ring_event(s->ring, &(struct mhp_event) { .type = MHP_EVENT_GOAL, .now = s->sim->now, .block = nr,
                                              .want = MHP_WANT_NONE, .reason = MHP_REASON_FOREIGN_OFFLINE });
        return resume(s, left);
}

int scenario_reload(struct scenario *s) {
        _cleanup_config_ struct mhp_config config = { 0 };
        struct mhp_arming arming;

        make_config(s, &config, &arming);
        mhp_sim_wake(s->sim);
        return mhp_ring_reload(s->ring, s->sim->now, &config, &arming) < 0 ? complain(s, "the reload failed") : 0;
}

void scenario_done(struct scenario *s) {
        records_clear(s);
        free(s->records);
        for (size_t i = 0; i < s->n_settings; i++) {
                free(s->settings[i].section);
                free(s->settings[i].key);
                free(s->settings[i].value);
        }
        free(s->settings);
        free(s->section);
        mhp_text_done(&s->head);
        mhp_ring_free(s->ring);
        mhp_sim_free(s->sim);
}
