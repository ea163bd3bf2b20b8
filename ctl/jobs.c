/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl jobs`: what was asked for, and how far it is or what became of it. */

#include "ctl/job-list.h"

static int print_json(struct ctl_rows *rows, const struct ctl_job_list *list) {
        ctl_json_stream(rows->json, NULL, json_type_object);
        ctl_json_stream(rows->json, "jobs", json_type_array);
        for (size_t i = 0; i < list->n; i++)
                ctl_job_row(rows, &list->entries[i], false);
        ctl_json_close(rows->json);
        ctl_json_close(rows->json);
        return CTL_DONE;
}

static int print_table(struct ctl_rows *rows, const struct ctl_job_list *list) {
        for (size_t i = 0; i < list->n; i++)
                ctl_job_row(rows, &list->entries[i], false);
        return ctl_rows_print(rows);
}

int verb_jobs(struct ctl *ctl) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_json_ struct ctl_json json = { .out = &ctl->out };
        _cleanup_job_list_ struct ctl_job_list list = {};
        _cleanup_rows_ struct ctl_rows rows = {};
        _cleanup_bus_ sd_bus *bus = NULL;
        int r = ctl_rows_open(ctl, &rows, &ctl_job_shape, ctl_given(ctl, CTL_OPT_JSON) ? &json : NULL);

        if (r != CTL_DONE)
                return r;
        r = ctl_bus_open(ctl, &bus);
        if (r >= 0)
                r = ctl_job_list_ask(bus, &error, &list);
        if (r < 0)
                return ctl_bus_fail(ctl, r, &error);
        return rows.json ? print_json(&rows, &list) : print_table(&rows, &list);
}
