/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* org.mhpd1 on the system bus. mhpd does not need the bus: it starts before it, and outlives it. */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

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

/* Blocks that arrived, left, came online, went offline. */
#define BUS_SETTLED_KINDS 4
struct bus_settled {
        char *blocks[BUS_SETTLED_KINDS]; /* NULL: cannot be told for lack of memory */
        uint64_t bytes[BUS_SETTLED_KINDS];
};
void bus_settled(struct bus *bus, const struct bus_settled *settled);

/* The number of blocks with work to do, told when it becomes or ceases to be 0, and else once a second at most. */
void bus_pending(struct bus *bus, uint64_t n);

bool bus_is_ready(const struct bus *bus);

/* Asks systemd to start a unit, anew if it runs. -ENOTCONN: not now. */
int bus_restart_unit(struct bus *bus, const char *unit, sd_bus_message_handler_t answer, void *userdata);

void bus_job_progress(struct bus *bus, const struct job_view *job);
void bus_job_removed(struct bus *bus, uint32_t id, const char *result, uint64_t done, uint64_t total, const char *detail);
