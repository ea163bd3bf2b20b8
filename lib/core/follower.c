/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/follower.h"

#include <stdlib.h>

#include "base/array.h"

void mhp_follower_done(struct mhp_follower *follower) {
        free(follower->items);
        *follower = (struct mhp_follower) { 0 };
}

int mhp_follower_begin(struct mhp_follower *follower, enum mhp_verb verb, const uint32_t *blocks, size_t n) {
        int r = mhp_array_reserve((void **) &follower->items, &follower->capacity, n, sizeof(*follower->items));

        follower->verb = MHP_VERB_NONE;
        follower->n = follower->at_answer = follower->at_uevent = 0;
        follower->blamed = false;
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                follower->items[i] = (struct mhp_follower_item) { .nr = blocks[i] };
        follower->n = n;
        follower->verb = verb;
        return 0;
}

void mhp_follower_end(struct mhp_follower *follower) {
        follower->verb = MHP_VERB_NONE;
}

/* Mostly the one at *at; *at is behind it then. */
static struct mhp_follower_item *find(struct mhp_follower *follower, uint32_t nr, size_t *at) {
        if (follower->verb == MHP_VERB_NONE)
                return NULL;
        for (size_t i = 0; i < follower->n; i++) {
                size_t k = (*at + i) % follower->n;

                if (follower->items[k].nr == nr) {
                        *at = (k + 1) % follower->n;
                        return &follower->items[k];
                }
        }
        return NULL;
}

bool mhp_follower_hears(struct mhp_follower *follower, const struct mhp_block *block, unsigned n, bool settles, bool reading) {
        struct mhp_follower_item *item;

        if (block->queue == MHP_QUEUE_UNSETTLED)
                return settles;
        if (block->queue != MHP_QUEUE_BUSY)
                return false;
        if (follower->verb == MHP_VERB_SETTLE)
                return !reading;
        item = find(follower, block->nr, &follower->at_uevent);
        if (!item || item->answered || item->gone)
                return false;
        item->heard = (uint16_t) MIN(item->heard + n, (unsigned) UINT16_MAX);
        return true;
}

void mhp_follower_forget(struct mhp_follower *follower, uint32_t nr) {
        size_t at = 0;
        struct mhp_follower_item *item = find(follower, nr, &at);

        if (item)
                item->gone = true;
}

void mhp_follower_doubt(struct mhp_follower *follower) {
        for (size_t i = 0; i < follower->n; i++)
                follower->items[i].heard = UINT16_MAX;
}

unsigned mhp_follower_n_heard(const struct mhp_follower *follower) {
        unsigned n = 0;

        for (size_t i = 0; i < follower->n && follower->verb != MHP_VERB_NONE; i++)
                n += follower->items[i].heard > 0;
        return n;
}

/* A teardown answers at its end, but each block that it is through with is announced. */
uint32_t mhp_follower_current(const struct mhp_follower *follower) {
        for (size_t i = 0; i < follower->n && follower->verb != MHP_VERB_NONE; i++) {
                const struct mhp_follower_item *item = &follower->items[(follower->at_answer + i) % follower->n];

                if (!item->answered && !item->gone && (follower->verb != MHP_VERB_TEARDOWN || item->heard == 0))
                        return item->nr;
        }
        return MHP_NO_BLOCK;
}

enum mhp_follower_answer mhp_follower_answers(struct mhp_follower *follower, uint32_t nr, int error, bool unread) {
        struct mhp_follower_item *item = find(follower, nr, &follower->at_answer);
        /* A write that fails is not announced, nor is a look. */
        unsigned own = error == 0 && follower->verb != MHP_VERB_COUNT ? 1 : 0;

        if (!item || item->answered)
                return MHP_ANSWER_WRONG;
        item->answered = true;
        if (item->gone)
                return MHP_ANSWER_GONE;
        /* A block that was not there when it was written to may have come back by now. */
        return item->heard > own || unread ? MHP_ANSWER_READ : MHP_ANSWER_KEEP;
}

uint32_t mhp_follower_open(const struct mhp_follower *follower, size_t *at) {
        while (*at < follower->n) {
                const struct mhp_follower_item *item = &follower->items[(*at)++];

                if (!item->answered && !item->gone)
                        return item->nr;
        }
        return MHP_NO_BLOCK;
}

static bool has_come_through(enum mhp_verb verb, const struct mhp_block *block) {
        if (!block)
                return true;
        if (verb == MHP_VERB_COUNT)
                return false;
        return block->state == (verb == MHP_VERB_OFFLINE || verb == MHP_VERB_TEARDOWN ? MHP_STATE_OFFLINE : MHP_STATE_ONLINE);
}

enum mhp_follower_fate mhp_follower_fate(struct mhp_follower *follower, const struct mhp_map *map, uint32_t nr) {
        if (has_come_through(follower->verb, mhp_map_find(map, nr)))
                return MHP_FATE_REACHED;
        if (follower->blamed)
                return MHP_FATE_UNBEGUN;
        follower->blamed = true;
        return MHP_FATE_BLAMED;
}
