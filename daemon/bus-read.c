/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The calls that only look. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/units.h"
#include "daemon/bus-internal.h"
#include "daemon/loop.h"

int bus_dump(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const struct engine *engine = userdata;
        _cleanup_free_ char *text = NULL;
        int r = mhp_map_print(engine->ring->map, &text);

        (void) error;
        return r < 0 ? r : sd_bus_reply_method_return(m, "s", text);
}

static void print_keys(const struct mhp_config *config, struct mhp_text *text) {
        const char *section, *key, *preset, *allowed, *last = "";

        for (size_t i = 0; mhp_config_key(i, &section, &key, &preset, &allowed) == 0; i++) {
                _cleanup_text_ struct mhp_text value = { 0 };

                if (mhp_config_print_value(config, i, &value) < 0)
                        continue;
                if (strcmp(section, last) != 0)
                        mhp_text_printf(text, "[%s]\n", section);
                last = section;
                mhp_text_printf(text, "%s=%s\n", key, value.data ? value.data : "");
        }
}

static void print_rule(const struct mhp_rule *rule, struct mhp_text *text) {
        const char *before = "Source=";

        mhp_text_printf(text, "[Rule %s]\n", rule->name);
        for (unsigned i = 0; i < _MHP_SOURCE_MAX; i++)
                if (rule->sources >> i & 1) {
                        mhp_text_printf(text, "%s%s", before, mhp_source_name((enum mhp_source) i));
                        before = ",";
                }
        mhp_text_add(text, rule->sources ? "\n" : "");
        if (rule->nodes.n > 0) {
                mhp_text_add(text, "Node=");
                mhp_ranges_print(&rule->nodes, text);
                mhp_text_add(text, "\n");
        }
        /* Always there: a rule that names nothing else is one that fits everything. */
        mhp_text_printf(text, "MinSize=%" PRIu64 "\n", rule->min_size);
        if (rule->max_size != UINT64_MAX)
                mhp_text_printf(text, "MaxSize=%" PRIu64 "\n", rule->max_size);
        if (rule->zone != MHP_WANT_UNSET)
                mhp_text_printf(text, "Zone=%s\n", mhp_want_name(rule->zone));
        if (rule->placement != MHP_MEMMAP_UNSET)
                mhp_text_printf(text, "Placement=%s\n", mhp_memmap_name(rule->placement));
}

int bus_get_config(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const struct engine *engine = userdata;
        _cleanup_text_ struct mhp_text text = { 0 };

        (void) error;
        print_keys(&engine->ring->config, &text);
        for (size_t i = 0; i < engine->ring->config.n_rules; i++)
                print_rule(&engine->ring->config.rules[i], &text);
        return text.error < 0 ? text.error : sd_bus_reply_method_return(m, "s", text.data);
}

/* What a block's trouble, or work, is. Neighbours with the same are one line. */
struct problem {
        const char *verb;
        unsigned attempts;
        int error;
        bool waiting, gave_up;
};

static const char *verb_of(const struct mhp_ring *ring, const struct mhp_block *block) {
        if (block->flags & MHP_BLOCK_BUSY)
                return mhp_verb_name(ring->busy);
        if (block->flags & MHP_BLOCK_REPAIRING && block->state != MHP_STATE_OFFLINE)
                return mhp_verb_name(MHP_VERB_OFFLINE);

        switch ((enum mhp_want) block->goal) {
        case MHP_WANT_MOVABLE:
                return mhp_verb_name(MHP_VERB_ONLINE_MOVABLE);
        case MHP_WANT_KERNEL:
                return mhp_verb_name(MHP_VERB_ONLINE_KERNEL);
        case MHP_WANT_NONE:
                return mhp_verb_name(MHP_VERB_OFFLINE);
        case MHP_WANT_UNSET:
        case MHP_WANT_AUTO:
        case _MHP_WANT_MAX:
                break;
        }
        return mhp_verb_name(MHP_VERB_SETTLE);
}

static bool is_problem(const struct mhp_ring *ring, const struct mhp_block *block, struct problem *ret) {
        bool gave_up = block->flags & MHP_BLOCK_GAVE_UP;

        if (block->queue == MHP_QUEUE_NONE && !gave_up)
                return false;
        *ret = (struct problem) {
                .verb = verb_of(ring, block),
                .attempts = block->attempts,
                .error = block->queue == MHP_QUEUE_BUSY ? 0 : block->error,
                .waiting = block->queue == MHP_QUEUE_WAITING,
                .gave_up = gave_up,
        };
        return true;
}

static bool same(const struct problem *a, const struct problem *b) {
        return a->verb == b->verb && a->attempts == b->attempts && a->error == b->error && a->waiting == b->waiting && a->gave_up == b->gave_up;
}

static int append(sd_bus_message *reply, const struct problem *p, uint32_t first, uint32_t last) {
        _cleanup_text_ struct mhp_text blocks = { 0 }, message = { 0 };

        mhp_text_printf(&blocks, first == last ? "%" PRIu32 : "%" PRIu32 "-%" PRIu32, first, last);
        if (p->error == 0)
                mhp_text_add(&message, p->gave_up ? "given up" : "under way, or about to be");
        else
                mhp_text_printf(&message, "%s; %s", strerror(p->error),
                                p->gave_up ? "given up" : p->waiting ? "another try follows" : "being tried again");
        if (blocks.error < 0 || message.error < 0)
                return -ENOMEM;
        return sd_bus_message_append(reply, "(ssuis)", blocks.data, p->verb, p->attempts, p->error, message.data);
}

static int append_all(sd_bus_message *reply, const struct mhp_ring *ring) {
        struct problem run = { 0 }, next;
        uint32_t first = 0, last = 0;
        bool running = false;
        int r = 0;

        for (const struct mhp_block *b = mhp_map_at_or_after(ring->map, 0); b && r >= 0; b = mhp_map_next_block(ring->map, b)) {
                bool is = is_problem(ring, b, &next);

                if (running && is && b->nr == last + 1 && same(&run, &next)) {
                        last = b->nr;
                        continue;
                }
                if (running)
                        r = append(reply, &run, first, last);
                running = is;
                first = last = b->nr;
                run = next;
        }
        return running && r >= 0 ? append(reply, &run, first, last) : r;
}

int bus_list_problems(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const struct engine *engine = userdata;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(m, &reply);

        (void) error;
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssuis)");
        if (r >= 0)
                r = append_all(reply, engine->ring);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}
