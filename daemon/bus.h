/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* org.mhpd1 on the system bus. mhpd does not need the bus: it starts before it, and outlives it. */

#include <stdint.h>

#include "base/macro.h"

#define BUS_NAME "org.mhpd1"
#define BUS_PATH "/org/mhpd1"
#define BUS_INTERFACE "org.mhpd1.Manager"

/* Jobs are objects too: BUS_JOB_PATH/N. */
#define BUS_JOB_PATH BUS_PATH "/job"
#define BUS_JOB_INTERFACE "org.mhpd1.Job"

struct bus;
struct engine;
struct job_view;

/* Connects when the bus is there. */
int bus_new(struct engine *engine, struct bus **ret);
struct bus *bus_free(struct bus *bus);
DEFINE_CLEANUP(struct bus *, bus_free)

/* Signals; nobody hears them while there is no bus, and bus may be NULL. */
struct bus_report {
        const char *event, *blocks, *zone;
        int node;
        const char *group, *reason;
        int error;
        const char *message;
        uint32_t job;                        /* 0: none */
        const char *verb, *target, *result;  /* of the job; NULL: nothing to be said */
};
void bus_report(struct bus *bus, const struct bus_report *report);
void bus_job_progress(struct bus *bus, const struct job_view *job);
void bus_job_removed(struct bus *bus, uint32_t id, const char *result, uint64_t done, uint64_t total, const char *detail);
