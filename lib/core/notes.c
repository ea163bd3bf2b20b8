/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/notes.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/units.h"

struct mhp_notes {
        mhp_step_fn step;
        void *userdata;
        struct mhp_step report; /* `blocks`, `group` and `words` are filled in at the flush */
        uint32_t *blocks;
        size_t n, capacity;
        char group[MHP_GROUP_NAME_MAX];
        char *words;
        bool fresh;             /* something was added since the last turn */
        bool dated;             /* `first` and `last` say something */
        uint64_t first, last;   /* µs: the turns in which blocks were added */
};

/* A hand that takes many blocks, one by one, needs less than this between two of them; a report is no later than the second. */
#define GAP (250 * USEC_PER_MSEC)
#define LATEST (750 * USEC_PER_MSEC)

int mhp_notes_new(mhp_step_fn step, void *userdata, struct mhp_notes **ret) {
        struct mhp_notes *notes = calloc(1, sizeof(*notes));

        if (!notes)
                return -ENOMEM;
        notes->step = step;
        notes->userdata = userdata;
        *ret = notes;
        return 0;
}

struct mhp_notes *mhp_notes_free(struct mhp_notes *notes) {
        if (!notes)
                return NULL;
        free(notes->blocks);
        free(notes->words);
        free(notes);
        return NULL;
}

/* Figures in the words of a decision may differ from block to block; the first ones stand for all. */
static bool same_words(const struct mhp_notes *notes, enum mhp_note note, const char *words) {
        return note == MHP_NOTE_DECIDED || strcmp(notes->words ? notes->words : "", words ? words : "") == 0;
}

static bool same(const struct mhp_notes *notes, const struct mhp_step *next, const char *group, const char *words) {
        const struct mhp_step *r = &notes->report;

        return same_words(notes, next->note, words) && r->note == next->note && r->want == next->want && r->zone == next->zone && r->reason == next->reason &&
               r->node == next->node && r->error == next->error && r->removal == next->removal && strcmp(notes->group, group ? group : "") == 0;
}

static int start(struct mhp_notes *notes, const struct mhp_step *next, const char *group, const char *words) {
        char *copy = words ? strdup(words) : NULL;

        if (words && !copy)
                return -ENOMEM;
        free(notes->words);
        notes->words = copy;
        notes->report = *next;
        notes->n = 0;
        notes->dated = false;
        notes->group[0] = '\0';
        if (group)
                strncat(notes->group, group, sizeof(notes->group) - 1);
        return 0;
}

int mhp_notes_add(struct mhp_notes *notes, const struct mhp_map *map, const struct mhp_block *block, enum mhp_note note, const char *words) {
        const struct mhp_group *group = mhp_map_group(map, block);
        const struct mhp_step next = {
                .verb = MHP_VERB_REPORT,
                .note = note,
                .want = (enum mhp_want) block->goal,
                .zone = (enum mhp_zone) block->zone,
                .reason = (enum mhp_reason) block->reason,
                .node = block->node,
                .error = block->error,
                .removal = block->removal,
        };
        int r;

        if (notes->n == 0 || !same(notes, &next, group ? group->name : NULL, words)) {
                r = mhp_notes_flush(notes);
                if (r < 0)
                        return r;
                r = start(notes, &next, group ? group->name : NULL, words);
                if (r < 0)
                        return r;
        }

        r = ARRAY_GROW(notes->blocks, notes->n, notes->capacity);
        if (r < 0)
                return r;
        notes->blocks[notes->n++] = block->nr;
        notes->fresh = true;
        return 0;
}

bool mhp_notes_is(const struct mhp_notes *notes, enum mhp_note note) {
        return notes->n > 0 && notes->report.note == note;
}

void mhp_notes_turn(struct mhp_notes *notes, uint64_t now) {
        if (!notes->fresh)
                return;
        notes->fresh = false;
        notes->last = now;
        if (!notes->dated)
                notes->first = now;
        notes->dated = true;
}

uint64_t mhp_notes_due(const struct mhp_notes *notes) {
        if (notes->n == 0 || !notes->dated)
                return UINT64_MAX;
        return MIN(mhp_add_sat(notes->last, GAP), mhp_add_sat(notes->first, LATEST));
}

int mhp_notes_flush(struct mhp_notes *notes) {
        if (notes->n == 0)
                return 0;

        struct mhp_step report = notes->report;

        report.blocks = notes->blocks;
        report.n_blocks = notes->n;
        report.group = notes->group[0] ? notes->group : NULL;
        report.words = notes->words;
        notes->n = 0;
        return notes->step(notes->userdata, &report);
}

int mhp_notes_send(struct mhp_notes *notes, const struct mhp_step *report) {
        int r = mhp_notes_flush(notes);

        return r < 0 ? r : notes->step(notes->userdata, report);
}
