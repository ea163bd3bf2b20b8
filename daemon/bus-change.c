/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The calls that change something. What a user sends is limited first (bus-limit.c), then the user is authorised (bus-auth.c), and then the arguments are
 * parsed, once, against the blocks that are there by then. So a mistake is told only to who may change something: who may not has mhpd do no work, and
 * learns nothing. Who has to type a password learns of it afterwards, but for what mhpctl finds wrong by itself before it calls. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "daemon/bus-internal.h"
#include "daemon/job-history.h"

#define QUOTED_MAX 80

/* What the caller sent, as far as an answer repeats it: an answer that is larger than the bus allows costs mhpd its connection. */
static const char *quoted(const char *s, char ret[static QUOTED_MAX + sizeof("...")]) {
        size_t len = strnlen(s, QUOTED_MAX + 1), n = len > QUOTED_MAX ? mhp_utf8_valid(s, QUOTED_MAX) : len;

        memcpy(ret, s, n);
        memcpy(ret + n, len > QUOTED_MAX ? "..." : "", len > QUOTED_MAX ? sizeof("...") : 1);
        return ret;
}
#define QUOTED(s) quoted((s), (char[QUOTED_MAX + sizeof("...")]) { 0 })

static bool is_blocks(const char *target) {
        return (*target >= '0' && *target <= '9') || (strncmp(target, "memory", 6) == 0 && target[6] >= '0' && target[6] <= '9');
}

static int take_group(const struct mhp_map *map, const char *name, struct mhp_ranges *ret, sd_bus_error *error) {
        const struct mhp_group *group = mhp_map_find_group(map, name);

        if (!group)
                return sd_bus_error_setf(error, BUS_ERROR_NO_SUCH_GROUP, "there is no group \"%s\"; mhpctl groups lists them", QUOTED(name));

        for (const struct mhp_block *b = mhp_map_at_or_after(map, group->first); b && b->nr <= group->last; b = mhp_map_next_block(map, b)) {
                int r = mhp_map_group(map, b) == group ? mhp_ranges_add(ret, b->nr, b->nr) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The first number in the range that no block has. The range may be far larger than the machine. */
static bool find_hole(const struct mhp_map *map, const struct mhp_range *range, uint32_t *ret) {
        uint64_t at = range->first;

        for (const struct mhp_block *b = mhp_map_at_or_after(map, range->first); b && b->nr == at && at <= range->last;
             b = mhp_map_next_block(map, b))
                at++;
        *ret = (uint32_t) at;
        return at <= range->last;
}

static int take_blocks(const struct mhp_map *map, const char *target, struct mhp_ranges *ret, sd_bus_error *error) {
        uint32_t nr;
        int r = mhp_ranges_parse(target, ret);

        if (r == -ENOMEM)
                return r;
        if (r == -ERANGE)
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_ARGUMENT, "\"%s\": block numbers end at %" PRIu32, QUOTED(target), MHP_BLOCK_MAX);
        if (r < 0)
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_ARGUMENT,
                                         "\"%s\" is no target; block numbers and ranges (32-39,41), a group's name or a size (4G) are", QUOTED(target));
        for (size_t i = 0; i < ret->n; i++)
                if (find_hole(map, &ret->range[i], &nr))
                        return sd_bus_error_setf(error, BUS_ERROR_NO_SUCH_BLOCK, "there is no block %" PRIu32, nr);
        return 0;
}

struct order {
        enum mhp_want want;       /* NONE: memory is to leave, `target` */
        bool moves;               /* AUTO: what is online elsewhere than policy wants it is moved */
        struct mhp_target target; /* owned */
        const char *words;        /* the caller's */
        uint64_t timeout;
};

static void order_done(struct order *order) {
        mhp_target_done(&order->target);
}
#define _cleanup_order_ _cleanup_(order_done)

static int read_zone(const char *zone, struct order *ret, sd_bus_error *error) {
        ret->moves = strcmp(zone, "policy") == 0;
        if (mhp_want_parse(ret->moves ? "auto" : zone, &ret->want) < 0 ||
            (ret->want != MHP_WANT_AUTO && ret->want != MHP_WANT_MOVABLE && ret->want != MHP_WANT_KERNEL))
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_ARGUMENT, "invalid zone \"%s\": expected auto, policy, movable or kernel", QUOTED(zone));
        return 0;
}

/* Only virtio-mem gives back a part of what it gave. */
static int check_keep(const struct mhp_map *map, const struct order *order, sd_bus_error *error) {
        const struct mhp_group *group = mhp_map_find_group(map, order->words);

        if (order->target.keep == MHP_KEEP_NONE)
                return 0;
        if (!group)
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_ARGUMENT,
                                         "\"%s\" is no group, and only a virtio-mem group can keep a part of its memory", QUOTED(order->words));
        if (group->source != MHP_SOURCE_VIRTIO_MEM)
                return sd_bus_error_setf(error, BUS_ERROR_NOT_POSSIBLE, "%s leaves as one; only a virtio-mem group can keep a part of its memory",
                                         group->name);
        return 0;
}

/* Blocks that are on their way out belong to their job until that has ended. */
static int check_members(const struct mhp_map *map, const struct mhp_ranges *blocks, sd_bus_error *error) {
        for (size_t i = 0; i < blocks->n; i++)
                for (const struct mhp_block *b = mhp_map_at_or_after(map, blocks->range[i].first); b && b->nr <= blocks->range[i].last;
                     b = mhp_map_next_block(map, b)) {
                        const struct mhp_removal *removal = b->removal != 0 ? mhp_map_removal(map, b->removal) : NULL;

                        if (removal)
                                return sd_bus_error_setf(error, BUS_ERROR_BUSY, "block %" PRIu32 " belongs to job %" PRIu32 ", %s of %s, until that has ended",
                                                         b->nr, removal->id, mhp_removal_verb_name((enum mhp_removal_verb) removal->verb), removal->target);
                }
        return 0;
}

static int read_target(const struct mhp_map *map, struct order *order, sd_bus_error *error) {
        struct mhp_target *target = &order->target;

        if (*order->words == '\0')
                return sd_bus_error_set(error, BUS_ERROR_INVALID_ARGUMENT,
                                        "an empty target; block numbers and ranges (32-39,41) or a group's name are targets");
        if (!is_blocks(order->words))
                return take_group(map, order->words, &target->blocks, error);
        /* `4G` is no list of blocks, and `40` is one. */
        if (order->want == MHP_WANT_NONE && order->words[strspn(order->words, "0123456789")] != '\0' &&
            mhp_target_parse_size(order->words, &target->size, &target->at_least) >= 0)
                return 0;
        return take_blocks(map, order->words, &target->blocks, error);
}

static int parse_order(const char *member, const struct bus_order *sent, const struct engine *engine, struct order *ret, sd_bus_error *error) {
        const struct mhp_map *map = engine->ring->map;
        int r = 0;

        ret->want = MHP_WANT_NONE;
        ret->words = sent->target;
        ret->timeout = sent->timeout;
        ret->target.keep = sent->keep;
        ret->target.verb = strcmp(member, "Unplug") == 0 ? MHP_REMOVAL_UNPLUG : MHP_REMOVAL_OFFLINE;
        if (sent->zone)
                r = read_zone(sent->zone, ret, error);
        if (r >= 0 && engine->stopping)
                return sd_bus_error_set(error, BUS_ERROR_NOT_POSSIBLE, "mhpd is about to stop");
        if (r >= 0)
                r = read_target(map, ret, error);
        if (r >= 0)
                r = check_keep(map, ret, error);
        return r < 0 ? r : check_members(map, &ret->target.blocks, error);
}

static const char *refusal_error(enum mhp_refused why) {
        switch (why) {
        case MHP_REFUSED_NO_BLOCK:
                return BUS_ERROR_NO_SUCH_BLOCK;
        case MHP_REFUSED_TAKEN:
        case MHP_REFUSED_ARRIVING:
                return BUS_ERROR_BUSY;
        case MHP_REFUSED_NO_SOURCE:
        case MHP_REFUSED_BOOT:
        case MHP_REFUSED_NO_ZONE:
        case MHP_REFUSED_PART:
                return BUS_ERROR_NOT_POSSIBLE;
        case MHP_REFUSED_TOO_LARGE:
        case MHP_REFUSED_TOO_SMALL:
                return BUS_ERROR_NOT_ENOUGH;
        case MHP_REFUSED_NONE:
        case _MHP_REFUSED_MAX:
                break;
        }
        return SD_BUS_ERROR_FAILED;
}

/* The map is the one that the choice was made on. */
static int tell_refusal(const struct engine *engine, const struct order *order, const struct mhp_removal_refusal *refusal, sd_bus_error *error) {
        bool sized = refusal->why == MHP_REFUSED_TOO_LARGE || refusal->why == MHP_REFUSED_TOO_SMALL;
        _cleanup_text_ struct mhp_text words = { 0 };

        mhp_removal_refusal_print(engine->ring->map, &order->target, refusal, &words);
        if (words.error < 0)
                return words.error;
        return sd_bus_error_setf(error, refusal_error(refusal->why), "%s%s%s", sized ? QUOTED(order->words) : "", sized ? ": " : "", words.data);
}

static int perform_order(sd_bus_message *call, struct engine *engine, const struct bus_order *sent, sd_bus_error *error) {
        _cleanup_order_ struct order order = { 0 };
        struct mhp_removal_refusal refusal = { .why = MHP_REFUSED_NONE };
        uint32_t id;
        int r = parse_order(sd_bus_message_get_member(call), sent, engine, &order, error);

        if (r < 0)
                return r;
        if (order.want == MHP_WANT_NONE)
                r = jobs_add_removal(engine->jobs, &order.target, order.words, order.timeout, &id, &refusal);
        else
                r = jobs_add(engine->jobs, &order.target.blocks, order.want, order.moves, order.words, order.timeout, &id);
        if (r < 0)
                return r;
        return refusal.why != MHP_REFUSED_NONE ? tell_refusal(engine, &order, &refusal, error) : sd_bus_reply_method_return(call, "u", id);
}

/* zone NULL: the method has none. */
static int take_order(sd_bus_message *m, struct engine *engine, const char *target, const char *zone, uint64_t keep, uint64_t timeout, sd_bus_error *error) {
        _cleanup_(bus_order_done) struct bus_order order = { .target = strdup(target), .zone = zone ? strdup(zone) : NULL, .keep = keep, .timeout = timeout };

        return !order.target || (zone && !order.zone) ? -ENOMEM : bus_authorize(m, engine, BUS_ACTION_MANAGE, &order, perform_order, error);
}

int bus_online(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *target, *zone;
        uint64_t timeout;
        int r = sd_bus_message_read(m, "sst", &target, &zone, &timeout);

        return r < 0 ? r : take_order(m, userdata, target, zone, MHP_KEEP_NONE, timeout, error);
}

int bus_offline(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *target;
        uint64_t timeout;
        int r = sd_bus_message_read(m, "st", &target, &timeout);

        return r < 0 ? r : take_order(m, userdata, target, NULL, MHP_KEEP_NONE, timeout, error);
}

int bus_unplug(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *target;
        uint64_t keep, timeout;
        int r = sd_bus_message_read(m, "stt", &target, &keep, &timeout);

        return r < 0 ? r : take_order(m, userdata, target, NULL, keep, timeout, error);
}

int bus_cancel_job(sd_bus_message *m, struct engine *engine, uint32_t id, sd_bus_error *error) {
        int r = jobs_cancel(engine->jobs, id);

        const struct job_view *ended = r == -ENOENT ? job_history_find(jobs_history(engine->jobs), id) : NULL;

        if (ended)
                return sd_bus_error_setf(error, BUS_ERROR_NO_SUCH_JOB, "job %" PRIu32 " has ended already: %s", id, ended->result);
        if (r == -ENOENT)
                return sd_bus_error_setf(error, BUS_ERROR_NO_SUCH_JOB, "there is no job %" PRIu32 ", or it ended long ago; mhpctl jobs lists them", id);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static int perform_cancel(sd_bus_message *call, struct engine *engine, const struct bus_order *order, sd_bus_error *error) {
        return bus_cancel_job(call, engine, order->job, error);
}

int bus_cancel(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct bus_order order = { 0 };
        int r = sd_bus_message_read(m, "u", &order.job);

        return r < 0 ? r : bus_authorize(m, userdata, BUS_ACTION_MANAGE, &order, perform_cancel, error);
}

static int perform_reload(sd_bus_message *m, struct engine *engine, const struct bus_order *order, sd_bus_error *error) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        const struct mhp_conf_warnings *warnings = &engine->warnings;
        int r = engine_reload(engine);

        (void) order;
        if (r == -EBADMSG)
                return sd_bus_error_set(error, BUS_ERROR_BAD_CONFIGURATION, engine->refused);
        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; i < warnings->n && r >= 0; i++)
                r = sd_bus_message_append(reply, "s", warnings->text[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

int bus_reload(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct bus_order order = { 0 };

        return bus_authorize(m, userdata, BUS_ACTION_RELOAD, &order, perform_reload, error);
}
