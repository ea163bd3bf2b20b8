/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What came out of the ring. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "scenario.h"

int record_step(void *userdata, const struct mhp_step *step) {
        struct scenario *s = userdata;
        int r = ARRAY_GROW(s->records, s->n_records, s->records_capacity);

        if (r < 0)
                return r;
        struct record *record = &s->records[s->n_records++];
        *record = (struct record) { .step = *step };
        for (size_t i = 0; i < step->n_blocks && r >= 0; i++) {
                r = mhp_ranges_add(&record->blocks, step->blocks[i], step->blocks[i]);
                mhp_text_printf(&record->order, "%s%u", i > 0 ? "," : "", step->blocks[i]);
        }
        if (r >= 0)
                r = record->order.error;
        if (step->words && r >= 0) {
                record->words = strdup(step->words);
                r = record->words ? 0 : -ENOMEM;
        }
        return r;
}

void records_clear(struct scenario *s) {
        for (size_t i = 0; i < s->n_records; i++) {
                mhp_ranges_done(&s->records[i].blocks);
                mhp_text_done(&s->records[i].order);
                free(s->records[i].words);
        }
        s->n_records = 0;
}

unsigned records_count(const struct scenario *s, enum mhp_verb verb, enum mhp_note note, uint32_t nr) {
        unsigned n = 0;

        for (size_t i = 0; i < s->n_records; i++) {
                const struct record *record = &s->records[i];

                if (record->step.verb == verb && (verb != MHP_VERB_REPORT || record->step.note == note))
                        n += nr == MHP_NO_BLOCK || mhp_ranges_contain(&record->blocks, nr);
        }
        return n;
}

/* For whoever has to find out why an expectation was not met. */
void records_print(const struct scenario *s) {
        for (size_t i = 0; i < s->n_records; i++) {
                const struct record *record = &s->records[i];
                _cleanup_text_ struct mhp_text text = { 0 };

                mhp_text_printf(&text, "    | %s ", record->step.verb == MHP_VERB_REPORT ? "note" : "step");
                mhp_text_add(&text, record->step.verb == MHP_VERB_REPORT ? mhp_note_name(record->step.note) : mhp_verb_name(record->step.verb));
                mhp_text_add(&text, " ");
                mhp_ranges_print(&record->blocks, &text);
                if (mhp_reason_name(record->step.reason) && record->step.verb == MHP_VERB_REPORT)
                        mhp_text_printf(&text, " (%s %s)", mhp_want_name(record->step.want) ? mhp_want_name(record->step.want) : "",
                                        mhp_reason_name(record->step.reason));
                if (record->words)
                        mhp_text_printf(&text, ": %s", record->words);
                if (record->step.error && record->step.verb == MHP_VERB_REPORT)
                        mhp_text_printf(&text, " [errno %d]", record->step.error);
                puts(text.data ? text.data : "");
        }
}
