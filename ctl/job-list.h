/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The daemon's jobs: those under way, and the last that have ended. */

#include "ctl/bus.h"
#include "ctl/rows.h"

struct ctl_job_entry {
        uint32_t id;
        const char *verb, *target, *phase, *result, *detail; /* result is empty while it is under way */
        uint64_t done, failed, total;    /* blocks */
        uint64_t bytes_done, bytes_total;
        uint64_t since, ended;           /* µs, CLOCK_REALTIME; ended 0: under way */
        int changed;                     /* it changed something; only told of one that has ended */
};

struct ctl_job_list {
        struct ctl_job_entry *entries;   /* owned; the strings lie in the answer */
        size_t n, capacity;
        sd_bus_message *answer;          /* owned */
};

void ctl_job_list_done(struct ctl_job_list *list);
#define _cleanup_job_list_ _cleanup_(ctl_job_list_done)

int ctl_job_list_ask(sd_bus *bus, sd_bus_error *error, struct ctl_job_list *ret);
const struct ctl_job_entry *ctl_job_list_find(const struct ctl_job_list *list, uint32_t id); /* NULL: there is none */

/* Says that there is no such job; CTL_FAILED. */
int ctl_job_unknown(struct ctl *ctl, uint32_t id);

/* A job as a row of a table or of JSON. cancels: what is changed is that the job does not go on. */
extern const struct ctl_shape ctl_job_shape;
void ctl_job_row(struct ctl_rows *rows, const struct ctl_job_entry *entry, bool cancels);

/* One job as the whole of what is said. */
int ctl_job_json(struct ctl *ctl, const struct ctl_job_entry *entry, bool cancels);
