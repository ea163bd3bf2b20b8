/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The calls that change something: arguments are checked first, so that a mistake is told without asking for a password, and
 * again when they are carried out, for blocks may have left meanwhile. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "daemon/bus-internal.h"
#include "daemon/job.h"

static bool is_blocks(const char *target) {
        return (*target >= '0' && *target <= '9') || (strncmp(target, "memory", 6) == 0 && target[6] >= '0' && target[6] <= '9');
}

static int take_group(const struct mhp_map *map, const char *name, struct mhp_ranges *ret, sd_bus_error *error) {
        const struct mhp_group *group = mhp_map_find_group(map, name);

        if (!group)
                return sd_bus_error_setf(error, BUS_ERROR_NO_SUCH_GROUP, "there is no group \"%s\"; mhpctl groups lists them", name);

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
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_ARGUMENT, "\"%s\": block numbers end at %" PRIu32, target, MHP_BLOCK_MAX);
        if (r < 0)
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_ARGUMENT,
                                         "\"%s\" is no target; block numbers and ranges (32-39,41) or a group's name are", target);
        for (size_t i = 0; i < ret->n; i++)
                if (find_hole(map, &ret->range[i], &nr))
                        return sd_bus_error_setf(error, BUS_ERROR_NO_SUCH_BLOCK, "there is no block %" PRIu32, nr);
        return 0;
}

struct order {
        struct mhp_ranges blocks;
        enum mhp_want want;
        uint64_t timeout;
};

static void order_done(struct order *order) {
        mhp_ranges_done(&order->blocks);
}
#define _cleanup_order_ _cleanup_(order_done)

static int read_zone(const char *zone, enum mhp_want *ret, sd_bus_error *error) {
        if (mhp_want_parse(zone, ret) < 0 || (*ret != MHP_WANT_AUTO && *ret != MHP_WANT_MOVABLE && *ret != MHP_WANT_KERNEL))
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_ARGUMENT, "\"%s\" is no zone; auto, movable and kernel are", zone);
        return 0;
}

static int read_order(sd_bus_message *m, const struct engine *engine, struct order *ret, sd_bus_error *error) {
        bool online = strcmp(sd_bus_message_get_member(m), "Online") == 0;
        const char *target, *zone;
        int r;

        ret->want = MHP_WANT_NONE;
        r = online ? sd_bus_message_read(m, "sst", &target, &zone, &ret->timeout) : sd_bus_message_read(m, "st", &target, &ret->timeout);
        if (r >= 0 && online)
                r = read_zone(zone, &ret->want, error);
        if (r < 0)
                return r;
        if (*target == '\0')
                return sd_bus_error_set(error, BUS_ERROR_INVALID_ARGUMENT,
                                        "an empty target; block numbers and ranges (32-39,41) or a group's name are targets");
        return is_blocks(target) ? take_blocks(engine->ring->map, target, &ret->blocks, error)
                                 : take_group(engine->ring->map, target, &ret->blocks, error);
}

static int perform_order(sd_bus_message *m, struct engine *engine, sd_bus_error *error) {
        _cleanup_order_ struct order order = { 0 };
        uint32_t id;
        int r = read_order(m, engine, &order, error);

        if (r >= 0)
                r = jobs_add(engine->jobs, &order.blocks, order.want, order.timeout, &id);
        return r < 0 ? r : sd_bus_reply_method_return(m, "u", id);
}

static int take_order(sd_bus_message *m, struct engine *engine, sd_bus_error *error) {
        _cleanup_order_ struct order order = { 0 };
        int r = read_order(m, engine, &order, error);

        return r < 0 ? r : bus_authorize(m, engine, BUS_ACTION_MANAGE, perform_order);
}

int bus_online(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return take_order(m, userdata, error);
}

int bus_offline(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return take_order(m, userdata, error);
}

static int perform_cancel(sd_bus_message *m, struct engine *engine, sd_bus_error *error) {
        uint32_t id;
        int r = sd_bus_message_read(m, "u", &id);

        if (r >= 0)
                r = jobs_cancel(engine->jobs, id);
        if (r == -ENOENT)
                return sd_bus_error_setf(error, BUS_ERROR_NO_SUCH_JOB, "there is no job %" PRIu32 ", or not any more", id);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

int bus_cancel(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        (void) error;
        return bus_authorize(m, userdata, BUS_ACTION_MANAGE, perform_cancel);
}

static int perform_reload(sd_bus_message *m, struct engine *engine, sd_bus_error *error) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        const struct mhp_conf_warnings *warnings = &engine->warnings;
        int r = engine_reload(engine);

        if (r == -EBADMSG)
                return sd_bus_error_setf(error, BUS_ERROR_BAD_CONFIGURATION, "the running configuration stays in force: %s",
                                         warnings->n > 0 ? warnings->text[warnings->n - 1] : "the new one cannot be read");
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
        (void) error;
        return bus_authorize(m, userdata, BUS_ACTION_RELOAD, perform_reload);
}
