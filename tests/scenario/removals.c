/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Memory that is to leave, and the devices that take it. */

#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "scenario.h"

static int done(const struct scenario *s, int r) {
        return r < 0 ? complain(s, "the simulator says %s", strerror(-r)) : 0;
}

static int group_blocks(struct scenario *s, const char *name, struct mhp_ranges *ret) {
        const struct mhp_group *group = mhp_map_find_group(s->ring->map, name);

        if (!group)
                return complain(s, "there is no group %s", name);
        for (const struct mhp_block *b = mhp_map_at_or_after(s->ring->map, group->first); b && b->nr <= group->last; b = mhp_map_next_block(s->ring->map, b))
                if (mhp_map_group(s->ring->map, b) == group && mhp_ranges_add(ret, b->nr, b->nr) < 0)
                        return complain(s, "out of memory");
        return 0;
}

/* Blocks, a group, or `size=SIZE`. */
static int read_target(struct scenario *s, const struct args *args, struct mhp_target *target) {
        const char *size = arg_value(args, "size"), *keep = arg_value(args, "keep");

        target->keep = MHP_KEEP_NONE;
        if (args->n < 3 || mhp_removal_verb_parse(args->word[1], &target->verb) < 0)
                return complain(s, "remove offline|unplug BLOCKS|GROUP|size=SIZE[+] [keep=SIZE] [timeout=TIME] [id=N] [refused=REASON]");
        if (size)
                return mhp_target_parse_size(size, &target->size, &target->at_least) < 0 ? complain(s, "size=%s is no size", size) : 0;
        if (keep && mhp_parse_size(keep, &target->keep) < 0)
                return complain(s, "keep=%s is no size", keep);
        return strchr(args->word[2], ':') ? group_blocks(s, args->word[2], &target->blocks) : arg_ranges(s, args, 2, &target->blocks);
}

static int cmd_remove(struct scenario *s, const struct args *args) {
        const char *id = arg_value(args, "id"), *timeout = arg_value(args, "timeout"), *refused = arg_value(args, "refused");
        _cleanup_target_ struct mhp_target target = { 0 };
        struct mhp_removal_refusal refusal;
        uint32_t nr = 1;
        uint64_t usec = 0;
        const char *why;

        if (read_target(s, args, &target) < 0)
                return -1;
        if ((id && mhp_parse_u32(id, &nr) < 0) || (timeout && mhp_parse_usec(timeout, &usec) < 0))
                return complain(s, "id= or timeout= makes no sense");
        if (mhp_ring_remove(s->ring, s->sim->now, &target, arg_value(args, "size") ? arg_value(args, "size") : args->word[2], usec, nr, &refusal) < 0)
                return complain(s, "out of memory");
        why = mhp_refused_name(refusal.why);
        if (strcmp(why ? why : "", refused ? refused : "") != 0)
                return complain(s, "it is %s", why ? why : "taken on");
        mhp_sim_wake(s->sim);
        return 0;
}

static int cmd_cancel(struct scenario *s, const struct args *args) {
        uint64_t id = 1;

        if (args->n > 1 && arg_number(s, args, 1, &id) < 0)
                return -1;
        mhp_sim_wake(s->sim);
        return done(s, mhp_ring_give_up(s->ring, s->sim->now, (uint32_t) id, MHP_ENDING_CANCELLED));
}

static int cmd_pages(struct scenario *s, const struct args *args) {
        _cleanup_ranges_ struct mhp_ranges ranges = { 0 };
        const char *used = arg_value(args, "used"), *fixed = arg_value(args, "fixed"), *huge = arg_value(args, "huge"), *balloon = arg_value(args, "balloon");
        uint32_t n_used = 0, n_fixed = 0, n_huge = 0, n_balloon = 0;

        if (arg_ranges(s, args, 1, &ranges) < 0)
                return -1;
        if ((used && mhp_parse_u32(used, &n_used) < 0) || (fixed && mhp_parse_u32(fixed, &n_fixed) < 0) || (huge && mhp_parse_u32(huge, &n_huge) < 0) ||
            (balloon && mhp_parse_u32(balloon, &n_balloon) < 0))
                return complain(s, "pages BLOCKS used=N fixed=N huge=N balloon=N");
        for (size_t i = 0; i < ranges.n; i++) {
                mhp_sim_fill(s->sim, ranges.range[i], n_used, n_fixed);
                mhp_sim_fill_more(s->sim, ranges.range[i], n_huge, n_balloon);
        }
        return 0;
}

static int cmd_eject(struct scenario *s, const struct args *args) {
        int wanted = 0;

        if (args->n < 2 || (args->n > 2 && parse_errno(args->word[2], &wanted) < 0))
                return complain(s, "eject GROUP [ERRNO]");
        int r = mhp_sim_eject(s->sim, args->word[1]);
        return r == -wanted ? 0 : complain(s, "the eject says %s", strerror(-r));
}

static int cmd_ask(struct scenario *s, const struct args *args) {
        uint64_t n;

        if (arg_number(s, args, 2, &n) < 0)
                return -1;
        return done(s, mhp_sim_ask(s->sim, args->word[1], (uint32_t) n));
}

/* device-fault hold|release|hand-over ERRNO N; device-stuck N */
static int cmd_device(struct scenario *s, const struct args *args) {
        enum mhp_verb verb;
        uint64_t n;
        int error;

        if (strcmp(args->word[0], "device-stuck") == 0) {
                if (arg_number(s, args, 1, &n) < 0)
                        return -1;
                s->sim->n_device_stuck = (unsigned) n;
                return 0;
        }
        if (args->n < 4 || parse_verb(args->word[1], &verb) < 0 || parse_errno(args->word[2], &error) < 0 || arg_number(s, args, 3, &n) < 0)
                return complain(s, "device-fault hold|release|hand-over ERRNO N");
        mhp_sim_device_fault(s->sim, verb, (unsigned) error, (unsigned) n);
        return 0;
}

/* machine blind|foreign-veto|firmware-refuses: what is the matter with it */
static int cmd_machine(struct scenario *s, const struct args *args) {
        s->sim->blind = arg_has(args, "blind");
        s->sim->firmware_refuses = arg_has(args, "firmware-refuses");
        s->sim->foreign_veto = s->sim->vetoed = arg_has(args, "foreign-veto");
        return 0;
}

int run_removal_command(struct scenario *s, const struct args *args) {
        static const struct {
                const char *name;
                int (*run)(struct scenario *s, const struct args *args);
        } commands[] = {
                { "remove", cmd_remove }, { "cancel", cmd_cancel }, { "pages", cmd_pages },          { "eject", cmd_eject },
                { "ask", cmd_ask },       { "machine", cmd_machine }, { "device-fault", cmd_device }, { "device-stuck", cmd_device },
        };

        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                if (strcmp(commands[i].name, args->word[0]) == 0)
                        return commands[i].run(s, args);
        return complain(s, "`%s` is no command", args->word[0]);
}

/* expect removal PHASE [KEY=VALUE..] [id=N], in the words of the text form */
int expect_removal(struct scenario *s, const struct args *args) {
        _cleanup_text_ struct mhp_text line = { 0 };
        const char *id = arg_value(args, "id");
        const struct mhp_removal *removal;
        uint32_t nr = 1;

        if (args->n < 3 || (id && mhp_parse_u32(id, &nr) < 0))
                return complain(s, "expect removal PHASE [KEY=VALUE..] [id=N]");
        removal = mhp_map_removal(s->ring->map, nr);
        if (!removal)
                return complain(s, "there is no removal %u", nr);
        mhp_removal_line_print(removal, &line);
        if (strcmp(mhp_phase_name((enum mhp_removal_phase) removal->phase), args->word[2]) != 0)
                return complain(s, "wanted %s, but: %s", args->word[2], line.data);
        for (unsigned i = 3; i < args->n; i++)
                if (strncmp(args->word[i], "id=", 3) != 0 && !line_has(line.data, args->word[i]))
                        return complain(s, "wanted %s, but: %s", args->word[i], line.data);
        return 0;
}

/* expect veto on|off; expect unplug-online on|off */
int expect_hold(struct scenario *s, const struct args *args) {
        bool is = strcmp(args->word[1], "veto") == 0 ? s->sim->vetoed : !s->sim->no_unplug_online;

        if (args->n < 3)
                return complain(s, "on or off?");
        return is == (strcmp(args->word[2], "on") == 0) ? 0 : complain(s, "it is %s", is ? "on" : "off");
}
