/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What happens to the machine. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "model/word.h"
#include "scenario.h"

/* A call of the simulator for each block of the first argument. */
#define EACH_BLOCK(nr, ranges) \
        for (size_t i_ = 0; i_ < (ranges).n; i_++) \
                for (uint32_t nr = (ranges).range[i_].first; nr <= (ranges).range[i_].last; nr++)

static int done(const struct scenario *s, int r) {
        return r < 0 ? complain(s, "the simulator says %s", r == -ELOOP ? "that this never ends" : strerror(-r)) : 0;
}

static int cmd_run(struct scenario *s, const struct args *args) {
        (void) args;
        return done(s, mhp_sim_run(s->sim, s->ring)) < 0 ? -1 : expect_truth(s);
}

static int cmd_advance(struct scenario *s, const struct args *args) {
        uint64_t usec;

        if (arg_usec(s, args, 1, &usec) < 0)
                return -1;
        return done(s, mhp_sim_advance(s->sim, s->ring, usec)) < 0 ? -1 : expect_truth(s);
}

static bool is_under_way(const struct mhp_sim *sim, enum mhp_verb verb, uint64_t n, uint32_t nr) {
        bool with = nr == MHP_NO_BLOCK;

        if (sim->stage == MHP_SIM_IDLE || sim->verb != verb || sim->at < n)
                return false;
        for (size_t i = 0; i < sim->follower.n; i++)
                with = with || sim->follower.items[i].nr == nr;
        return with;
}

/* until VERB [N] [block=NR]: a step of that verb (with that block) is under way and N of its blocks have been answered for; within a minute. */
static int cmd_until(struct scenario *s, const struct args *args) {
        enum mhp_verb verb;
        const char *block = arg_value(args, "block");
        uint32_t nr = MHP_NO_BLOCK;
        uint64_t n = 0;
        int r;

        if (args->n < 2 || parse_verb(args->word[1], &verb) < 0)
                return complain(s, "which verb: settle, online_movable, online_kernel or offline?");
        if (block && mhp_parse_u32(block, &nr) < 0)
                return complain(s, "block=%s is no block", block);
        if (args->n > 2 && !block && arg_number(s, args, 2, &n) < 0)
                return -1;
        uint64_t latest = s->sim->now + 60 * USEC_PER_SEC;
        mhp_sim_wake(s->sim);
        while (!is_under_way(s->sim, verb, n, nr)) {
                r = mhp_sim_pump(s->sim, s->ring);
                if (r == 0 && mhp_ring_next_tick(s->ring) <= latest)
                        r = mhp_sim_tick(s->sim, s->ring);
                else if (r == 0)
                        return complain(s, "all is quiet, and no such step came");
                if (r < 0)
                        return done(s, r);
        }
        return 0;
}

static int plug_one(struct scenario *s, const struct mhp_sim_plug *plug) {
        return mhp_sim_plug(s->sim, plug) < 0 ? complain(s, "%u-%u: some of it is there already", plug->blocks.first, plug->blocks.last) : 0;
}

static int plug_words(struct scenario *s, const struct args *args, struct mhp_sim_plug *plug) {
        const char *node = arg_value(args, "node"), *zone = arg_value(args, "auto"), *valid = arg_value(args, "valid");
        const char *piece = arg_value(args, "device-block");
        uint32_t v = 0;

        if (node && mhp_parse_u32(node, &v) < 0)
                return complain(s, "node=%s is no number", node);
        plug->node = node ? (int) v : -1;
        if (zone && mhp_zone_parse(zone, &plug->zone) < 0)
                return complain(s, "auto=%s is no zone", zone);
        if (valid && parse_valid(valid, &plug->valid) < 0)
                return complain(s, "valid=%s are no zones", valid);
        if (piece && mhp_parse_u32(piece, &plug->device_block) < 0)
                return complain(s, "device-block=%s is no number", piece);
        plug->chosen = arg_has(args, "chosen");
        plug->links = arg_has(args, "late") ? MHP_SIM_LINKS_LATE : MHP_SIM_LINKS_SETTLE;
        return 0;
}

/* plug GROUP BLOCKS [node=N] [auto=ZONE] [valid=ZONE,..] [device-block=N] [chosen] [late] [each] */
static int cmd_plug(struct scenario *s, const struct args *args) {
        _cleanup_ranges_ struct mhp_ranges ranges = { 0 };
        struct mhp_sim_plug plug = { 0 };

        if (arg_ranges(s, args, 2, &ranges) < 0 || plug_words(s, args, &plug) < 0)
                return -1;
        plug.group = args->word[1];
        plug.source = mhp_source_of_group(plug.group);
        if (!arg_has(args, "each")) {
                for (size_t i = 0; i < ranges.n; i++) {
                        plug.blocks = ranges.range[i];
                        if (plug_one(s, &plug) < 0)
                                return -1;
                }
                return 0;
        }
        EACH_BLOCK(nr, ranges) {
                plug.blocks = (struct mhp_range) { nr, nr };
                if (plug_one(s, &plug) < 0 || cmd_run(s, args) < 0)
                        return -1;
        }
        return 0;
}

static int cmd_unplug(struct scenario *s, const struct args *args) {
        _cleanup_ranges_ struct mhp_ranges ranges = { 0 };
        int r = arg_ranges(s, args, 1, &ranges);

        for (size_t i = 0; i < ranges.n && r >= 0; i++)
                r = done(s, mhp_sim_unplug(s->sim, ranges.range[i]));
        return r;
}

/* foreign online BLOCKS ZONE | foreign offline BLOCKS */
static int cmd_foreign(struct scenario *s, const struct args *args) {
        _cleanup_ranges_ struct mhp_ranges ranges = { 0 };
        enum mhp_zone zone = MHP_ZONE_UNSET;

        if (args->n == 2 && (strcmp(args->word[1], "succeeds") == 0 || strcmp(args->word[1], "fails") == 0))
                return mhp_sim_foreign_end(s->sim, args->word[1][0] == 's') < 0 ? complain(s, "out of memory") : 0;
        if (args->n < 2 || (strcmp(args->word[1], "online") != 0 && strcmp(args->word[1], "offline") != 0 && strcmp(args->word[1], "begins") != 0))
                return complain(s, "foreign online, offline, begins, succeeds or fails?");
        bool online = strcmp(args->word[1], "online") == 0;
        if (arg_ranges(s, args, 2, &ranges) < 0)
                return -1;
        if (online && (args->n < 4 || mhp_zone_parse(args->word[3], &zone) < 0))
                return complain(s, "in which zone?");
        EACH_BLOCK(nr, ranges)
                if (args->word[1][0] == 'b' ? mhp_sim_foreign_begin(s->sim, nr) < 0 : mhp_sim_foreign(s->sim, nr, online ? MHP_VERB_ONLINE_KERNEL : MHP_VERB_OFFLINE, zone) < 0)
                        return complain(s, "block %u: the kernel refuses that to the other hand too", nr);
        return 0;
}

/* fault BLOCKS ERRNO N [online|offline] */
static int cmd_fault(struct scenario *s, const struct args *args) {
        _cleanup_ranges_ struct mhp_ranges ranges = { 0 };
        enum mhp_verb verb = arg_has(args, "offline") ? MHP_VERB_OFFLINE : arg_has(args, "online") ? MHP_VERB_ONLINE_KERNEL : MHP_VERB_NONE;
        uint64_t n;
        int error;

        if (arg_ranges(s, args, 1, &ranges) < 0 || arg_number(s, args, 3, &n) < 0)
                return -1;
        if (parse_errno(args->word[2], &error) < 0)
                return complain(s, "`%s` is no errno that scenarios know", args->word[2]);
        for (size_t i = 0; i < ranges.n; i++)
                mhp_sim_fault(s->sim, ranges.range[i], verb, (unsigned) error, (unsigned) n);
        return 0;
}

/* stuck BLOCKS|settle [N] [killed]; free BLOCKS|settle */
static int cmd_stuck(struct scenario *s, const struct args *args) {
        _cleanup_ranges_ struct mhp_ranges ranges = { 0 };
        bool freed = strcmp(args->word[0], "free") == 0;
        uint64_t n = freed ? 0 : UINT_MAX;

        if (!freed && args->n > 2 && strcmp(args->word[2], "killed") != 0 && arg_number(s, args, 2, &n) < 0)
                return -1;
        if (args->n > 1 && strcmp(args->word[1], "settle") == 0) {
                s->sim->n_settle_stuck = (unsigned) n;
                return 0;
        }
        if (arg_ranges(s, args, 1, &ranges) < 0)
                return -1;
        for (size_t i = 0; i < ranges.n; i++)
                mhp_sim_stick(s->sim, ranges.range[i], (unsigned) n, arg_has(args, "killed"));
        return 0;
}

/* unreadable BLOCKS [N]; readable BLOCKS */
static int cmd_unreadable(struct scenario *s, const struct args *args) {
        _cleanup_ranges_ struct mhp_ranges ranges = { 0 };
        uint64_t n = strcmp(args->word[0], "readable") == 0 ? 0 : UINT_MAX;

        if (arg_ranges(s, args, 1, &ranges) < 0 || (args->n > 2 && arg_number(s, args, 2, &n) < 0))
                return -1;
        for (size_t i = 0; i < ranges.n; i++)
                mhp_sim_hide(s->sim, ranges.range[i], (unsigned) n);
        return 0;
}

static int cmd_link(struct scenario *s, const struct args *args) {
        _cleanup_ranges_ struct mhp_ranges ranges = { 0 };

        if (arg_ranges(s, args, 1, &ranges) < 0)
                return -1;
        for (size_t i = 0; i < ranges.n; i++)
                mhp_sim_link(s->sim, ranges.range[i]);
        return 0;
}

static int cmd_pressure(struct scenario *s, const struct args *args) {
        const char *managed = arg_value(args, "managed"), *available = arg_value(args, "available");
        const char *room = arg_value(args, "room"), *used = arg_value(args, "movable-used"), *huge = arg_value(args, "huge-free");
        struct mhp_pressure pressure = { .page_size = room ? 4096 : 0, .movable_used = arg_has(args, "movable-empty") ? 0 : UINT64_MAX };

        if (!managed || !available || mhp_parse_size(managed, &pressure.kernel_managed) < 0 ||
            mhp_parse_size(available, &pressure.kernel_available) < 0 || (room && mhp_parse_size(room, &pressure.room) < 0) ||
            (used && mhp_parse_size(used, &pressure.movable_used) < 0) || (huge && mhp_parse_size(huge, &pressure.huge_free) < 0))
                return complain(s, "pressure managed=SIZE available=SIZE [room=SIZE] [movable-empty|movable-used=SIZE] [huge-free=SIZE]");
        mhp_sim_set_pressure(s->sim, &pressure);
        return 0;
}

static int cmd_processors(struct scenario *s, const struct args *args) {
        _cleanup_ranges_ struct mhp_ranges nodes = { 0 };

        if (arg_ranges(s, args, 1, &nodes) < 0)
                return -1;
        mhp_sim_set_processors(s->sim, &nodes);
        return 0;
}

static int cmd_request(struct scenario *s, const struct args *args) {
        _cleanup_ranges_ struct mhp_ranges ranges = { 0 };
        enum mhp_want want = MHP_WANT_AUTO;
        bool moves = args->n >= 3 && strcmp(args->word[2], "policy") == 0;

        if (arg_ranges(s, args, 1, &ranges) < 0)
                return -1;
        if (args->n < 3 || (!moves && mhp_want_parse(args->word[2], &want) < 0))
                return complain(s, "auto, policy, movable, kernel or none?");
        EACH_BLOCK(nr, ranges) {
                const struct mhp_block *block = mhp_map_find(s->ring->map, nr);

                /* As the daemon has it: what is online somewhere is fine for `auto`. */
                if (want == MHP_WANT_AUTO && !moves && block && block->state == MHP_STATE_ONLINE)
                        continue;
                if (mhp_ring_event(s->ring, &(struct mhp_event) {
                            .type = MHP_EVENT_REQUEST, .now = s->sim->now, .block = nr, .want = want }) < 0)
                        return complain(s, "the request failed");
        }
        mhp_sim_wake(s->sim);
        return 0;
}

static int cmd_reload(struct scenario *s, const struct args *args) {
        (void) args;
        return scenario_reload(s);
}

static int cmd_restart(struct scenario *s, const struct args *args) {
        (void) args;
        return scenario_restart(s);
}

static int cmd_rescan(struct scenario *s, const struct args *args) {
        (void) args;
        return done(s, mhp_sim_scan(s->sim, s->ring));
}

static int cmd_lose_events(struct scenario *s, const struct args *args) {
        (void) args;
        mhp_sim_lose_uevents(s->sim);
        return 0;
}

static int cmd_double_events(struct scenario *s, const struct args *args) {
        (void) args;
        return done(s, mhp_sim_double_uevents(s->sim));
}

static int cmd_forget(struct scenario *s, const struct args *args) {
        (void) args;
        records_clear(s);
        return 0;
}

int run_command(struct scenario *s, const struct args *args) {
        static const struct {
                const char *name;
                int (*run)(struct scenario *s, const struct args *args);
        } commands[] = {
                { "run", cmd_run },
                { "advance", cmd_advance },
                { "until", cmd_until },
                { "plug", cmd_plug },
                { "unplug", cmd_unplug },
                { "foreign", cmd_foreign },
                { "fault", cmd_fault },
                { "stuck", cmd_stuck },
                { "free", cmd_stuck },
                { "unreadable", cmd_unreadable },
                { "readable", cmd_unreadable },
                { "link", cmd_link },
                { "pressure", cmd_pressure },
                { "processors", cmd_processors },
                { "request", cmd_request },
                { "reload", cmd_reload },
                { "restart", cmd_restart },
                { "rescan", cmd_rescan },
                { "lose-events", cmd_lose_events },
                { "double-events", cmd_double_events },
                { "forget", cmd_forget },
                { "expect", run_expect },
        };

        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                if (strcmp(commands[i].name, args->word[0]) == 0)
                        return s->ring ? commands[i].run(s, args) : complain(s, "`start` has to come first");
        return s->ring ? run_removal_command(s, args) : complain(s, "`%s` is no command before `start`", args->word[0]);
}
