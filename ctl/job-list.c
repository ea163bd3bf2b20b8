/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/job-list.h"

#include <inttypes.h>
#include <string.h>

#include "base/array.h"

#define ENTRY "(usssstttttttbs)"

void ctl_job_list_done(struct ctl_job_list *list) {
        free(list->entries);
        sd_bus_message_unref(list->answer);
        *list = (struct ctl_job_list) {};
}

static int read_entry(sd_bus_message *m, struct ctl_job_entry *e) {
        return sd_bus_message_read(m, ENTRY, &e->id, &e->verb, &e->target, &e->phase, &e->result, &e->done, &e->failed, &e->total, &e->bytes_done,
                                   &e->bytes_total, &e->since, &e->ended, &e->changed, &e->detail);
}

int ctl_job_list_ask(sd_bus *bus, sd_bus_error *error, struct ctl_job_list *ret) {
        _cleanup_job_list_ struct ctl_job_list list = {};
        struct ctl_job_entry entry;
        int r = ctl_bus_call(bus, "ListAllJobs", NULL, error, &list.answer, NULL);

        if (r >= 0)
                r = sd_bus_message_enter_container(list.answer, 'a', ENTRY);
        while (r >= 0 && (r = read_entry(list.answer, &entry)) > 0) {
                r = ARRAY_GROW(list.entries, list.n, list.capacity);
                if (r >= 0)
                        list.entries[list.n++] = entry;
        }
        if (r < 0)
                return r;
        *ret = list;
        list = (struct ctl_job_list) {};
        return 0;
}

/* From the end: of two with one number, the later counts. */
const struct ctl_job_entry *ctl_job_list_find(const struct ctl_job_list *list, uint32_t id) {
        for (size_t i = list->n; i > 0; i--)
                if (list->entries[i - 1].id == id)
                        return &list->entries[i - 1];
        return NULL;
}

int ctl_job_unknown(struct ctl *ctl, uint32_t id) {
        return ctl_fail(ctl, CTL_FAILED, "there is no job %" PRIu32 ", or it ended long ago; `mhpctl jobs` lists them", id);
}

enum column { JOB, VERB, TARGET, STATE, DONE, TOTAL, SIZE, STARTED, ENDED, RESULT, CHANGED, FAILED, BYTES, DETAIL };

static const struct ctl_column columns[] = {
        [JOB] = { .name = "JOB", .key = "job", .flags = SCOLS_FL_RIGHT },
        [VERB] = { .name = "VERB", .key = "verb" },
        [TARGET] = { .name = "TARGET", .key = "target", .flags = SCOLS_FL_WRAP },
        [STATE] = { .name = "STATE", .key = "phase" },
        [DONE] = { .name = "DONE", .key = "blocks", .flags = SCOLS_FL_RIGHT },
        [TOTAL] = { .name = "TOTAL", .key = "blocks_total", .flags = SCOLS_FL_RIGHT },
        [SIZE] = { .name = "SIZE", .key = "bytes_total", .flags = SCOLS_FL_RIGHT },
        [STARTED] = { .name = "STARTED", .key = "started_usec" },
        [ENDED] = { .name = "ENDED", .key = "ended_usec" },
        [RESULT] = { .key = "result", .with = STATE },
        [CHANGED] = { .key = "changed", .with = CHANGED },
        [FAILED] = { .key = "blocks_failed", .with = FAILED },
        [BYTES] = { .key = "bytes", .with = BYTES },
        [DETAIL] = { .key = "detail", .with = DETAIL },
};

static const uint8_t keys[] = { JOB, VERB, TARGET, STATE, RESULT, CHANGED, DONE, FAILED, TOTAL, BYTES, SIZE, STARTED, ENDED, DETAIL };

const struct ctl_shape ctl_job_shape = {
        .columns = columns,
        .n = ELEMENTSOF(columns),
        .usual = "JOB,VERB,TARGET,STATE,DONE,TOTAL,SIZE,STARTED",
        .json = keys,
        .n_json = ELEMENTSOF(keys),
};

/* A table has the result in the phase's place. */
static void state_cell(struct ctl_rows *rows, const struct ctl_job_entry *e) {
        bool ended = *e->result != '\0';

        if (rows->json)
                ctl_cell_string(rows, e->phase, NULL, CTL_PLAIN);
        else
                ctl_cell_words(rows, ended ? e->result : e->phase, !ended ? CTL_BOLD : strcmp(e->result, "done") == 0 ? CTL_GOOD : CTL_BAD);
}

/* What a cancelled job was to change is that it does not go on. */
static void changed_cell(struct ctl_rows *rows, const struct ctl_job_entry *e, bool cancels) {
        bool ended = *e->result != '\0';
        bool changed = cancels ? !ended || strcmp(e->result, "cancelled") == 0 : e->changed;

        ctl_json_known_bool(rows->json, ctl_cell_key(rows), ended || cancels, changed);
}

static void cell(struct ctl_rows *rows, const struct ctl_job_entry *e, enum column column, bool cancels) {
        switch (column) {
        case JOB:
                ctl_cell_u64(rows, e->id);
                break;
        case VERB:
                ctl_cell_string(rows, e->verb, NULL, CTL_PLAIN);
                break;
        case TARGET:
                ctl_cell_string(rows, e->target, NULL, CTL_PLAIN);
                break;
        case STATE:
                state_cell(rows, e);
                break;
        case DONE:
                ctl_cell_u64(rows, e->done);
                break;
        case TOTAL:
                ctl_cell_u64(rows, e->total);
                break;
        case SIZE:
                ctl_cell_size(rows, e->bytes_total);
                break;
        case STARTED:
                ctl_cell_time(rows, e->since);
                break;
        case ENDED:
                ctl_cell_time(rows, e->ended);
                break;
        case RESULT:
                ctl_cell_string(rows, *e->result ? e->result : NULL, NULL, CTL_PLAIN);
                break;
        case CHANGED:
                changed_cell(rows, e, cancels);
                break;
        case FAILED:
                ctl_cell_u64(rows, e->failed);
                break;
        case BYTES:
                ctl_cell_u64(rows, e->bytes_done);
                break;
        case DETAIL:
                ctl_cell_string(rows, *e->detail ? e->detail : NULL, NULL, CTL_PLAIN);
                break;
        }
}

void ctl_job_row(struct ctl_rows *rows, const struct ctl_job_entry *entry, bool cancels) {
        for (size_t column; ctl_rows_next(rows, &column);)
                cell(rows, entry, (enum column) column, cancels);
}

int ctl_job_json(struct ctl *ctl, const struct ctl_job_entry *entry, bool cancels) {
        _cleanup_json_ struct ctl_json json = { .out = &ctl->out };
        _cleanup_rows_ struct ctl_rows rows = {};
        int r = ctl_rows_open(ctl, &rows, &ctl_job_shape, &json);

        if (r == CTL_DONE)
                ctl_job_row(&rows, entry, cancels);
        return r;
}
