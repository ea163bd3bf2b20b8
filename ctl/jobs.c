/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl jobs`: what was asked for, and how far it is or what became of it. */

#include <string.h>

#include "ctl/job-list.h"
#include "ctl/table.h"
#include "ctl/words.h"

enum {
        COL_JOB,
        COL_VERB,
        COL_TARGET,
        COL_STATE,
        COL_DONE,
        COL_TOTAL,
        COL_SIZE,
        COL_STARTED,
        COL_ENDED,
};

static const struct ctl_column columns[] = {
        [COL_JOB] = { "JOB", true },     [COL_VERB] = { "VERB", false },       [COL_TARGET] = { "TARGET", false },
        [COL_STATE] = { "STATE", false }, [COL_DONE] = { "DONE", true },        [COL_TOTAL] = { "TOTAL", true },
        [COL_SIZE] = { "SIZE", true },   [COL_STARTED] = { "STARTED", false }, [COL_ENDED] = { "ENDED", false },
};

static void add_text(struct ctl_table *table, const char *s, enum ctl_color color) {
        _cleanup_text_ struct mhp_text plain = {};

        ctl_add_plain(&plain, s);
        ctl_table_cell(table, plain.data ? plain.data : "", color);
}

static void add_time(struct ctl_table *table, uint64_t usec) {
        _cleanup_text_ struct mhp_text text = {};

        if (usec > 0)
                ctl_add_time(&text, usec);
        ctl_table_cell(table, usec > 0 && text.data ? text.data : "-", CTL_PLAIN);
}

static void add_state(struct ctl_table *table, const struct ctl_job_entry *e) {
        bool ended = *e->result != '\0';

        add_text(table, ended ? e->result : e->phase, !ended ? CTL_BOLD : strcmp(e->result, "done") == 0 ? CTL_GOOD : CTL_BAD);
}

static void add_row(struct ctl *ctl, struct ctl_table *table, const struct ctl_job_entry *e) {
        for (size_t i = 0; i < table->n_shown; i++)
                switch (table->shown[i]) {
                case COL_JOB:
                        ctl_table_u64(table, e->id);
                        break;
                case COL_VERB:
                        add_text(table, e->verb, CTL_PLAIN);
                        break;
                case COL_TARGET:
                        add_text(table, e->target, CTL_PLAIN);
                        break;
                case COL_STATE:
                        add_state(table, e);
                        break;
                case COL_DONE:
                        ctl_table_u64(table, e->done);
                        break;
                case COL_TOTAL:
                        ctl_table_u64(table, e->total);
                        break;
                case COL_SIZE:
                        ctl_table_size(ctl, table, e->bytes_total);
                        break;
                case COL_STARTED:
                        add_time(table, e->since);
                        break;
                case COL_ENDED:
                        add_time(table, e->ended);
                        break;
                }
}

static int print_table(struct ctl *ctl, struct ctl_table *table, const struct ctl_job_list *list) {
        for (size_t i = 0; i < list->n; i++)
                add_row(ctl, table, &list->entries[i]);
        return ctl_table_print(ctl, table, "");
}

static int print_json(struct ctl *ctl, const struct ctl_job_list *list) {
        mhp_text_add(&ctl->out, "{\"jobs\":[");
        for (size_t i = 0; i < list->n; i++) {
                mhp_text_add(&ctl->out, i > 0 ? ",\n" : "\n");
                ctl_job_json(&ctl->out, &list->entries[i], false);
        }
        mhp_text_add(&ctl->out, "]}\n");
        return CTL_DONE;
}

int verb_jobs(struct ctl *ctl) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_job_list_ struct ctl_job_list list = {};
        _cleanup_table_ struct ctl_table table = {};
        _cleanup_bus_ sd_bus *bus = NULL;
        int r = ctl_table_columns(ctl, &table, columns, ELEMENTSOF(columns), "JOB,VERB,TARGET,STATE,DONE,TOTAL,SIZE,STARTED");

        if (r != CTL_DONE)
                return r;
        r = ctl_bus_open(ctl, &bus);
        if (r >= 0)
                r = ctl_job_list_ask(bus, &error, &list);
        if (r < 0)
                return ctl_bus_fail(ctl, r, &error);
        return ctl_given(ctl, CTL_OPT_JSON) ? print_json(ctl, &list) : print_table(ctl, &table, &list);
}
