/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Between the files that make up the bus: connection, interface, reading and changing calls, authorization. */

#include <systemd/sd-bus.h>

#include "daemon/bus.h"
#include "daemon/engine.h"

#define BUS_ERROR_NO_SUCH_BLOCK "org.mhpd1.Error.NoSuchBlock"
#define BUS_ERROR_NO_SUCH_GROUP "org.mhpd1.Error.NoSuchGroup"
#define BUS_ERROR_NO_SUCH_JOB "org.mhpd1.Error.NoSuchJob"
#define BUS_ERROR_BUSY "org.mhpd1.Error.Busy"
#define BUS_ERROR_NOT_POSSIBLE "org.mhpd1.Error.NotPossible"
#define BUS_ERROR_NOT_ENOUGH "org.mhpd1.Error.NotEnough"
#define BUS_ERROR_INVALID_ARGUMENT "org.mhpd1.Error.InvalidArgument"
#define BUS_ERROR_BAD_CONFIGURATION "org.mhpd1.Error.BadConfiguration"

#define BUS_ACTION_MANAGE "org.mhpd1.manage"
#define BUS_ACTION_RELOAD "org.mhpd1.reload"

extern const sd_bus_vtable bus_vtable[]; /* userdata: the engine */

/* Reading calls and properties that are more than a number: bus-read.c. */
int bus_dump(sd_bus_message *m, void *userdata, sd_bus_error *error);
int bus_get_config(sd_bus_message *m, void *userdata, sd_bus_error *error);
int bus_list_problems(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* Changing calls: bus-change.c. They are answered when polkit has spoken. */
int bus_online(sd_bus_message *m, void *userdata, sd_bus_error *error);
int bus_offline(sd_bus_message *m, void *userdata, sd_bus_error *error);
int bus_unplug(sd_bus_message *m, void *userdata, sd_bus_error *error);
int bus_cancel(sd_bus_message *m, void *userdata, sd_bus_error *error);
int bus_reload(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* Jobs as objects: bus-job.c. */
int bus_add_jobs(sd_bus *bus, struct engine *engine);
void bus_job_changed(sd_bus *bus, uint32_t id);
int bus_list_jobs(sd_bus_message *m, void *userdata, sd_bus_error *error);
int bus_list_all_jobs(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* Answers for both Cancel methods, once polkit has spoken. */
int bus_cancel_job(sd_bus_message *m, struct engine *engine, uint32_t id, sd_bus_error *error);

/* What a changing call says, as it was sent: nothing is made of it before it is known that the sender may. */
struct bus_order {
        char *target, *zone; /* owned; NULL: the method has none */
        uint64_t keep, timeout;
        uint32_t job;
};
void bus_order_done(struct bus_order *order);

/* Asks whether the sender may do `action`, without waiting; then `perform` is called, or the caller gets an error. `call` is what its replies are
 * addressed by, and has no arguments. What perform returns below 0 goes to the caller, as `error` if that is set. The order is taken over on success. */
typedef int (*bus_perform)(sd_bus_message *call, struct engine *engine, const struct bus_order *order, sd_bus_error *error);
int bus_authorize(sd_bus_message *m, struct engine *engine, const char *action, struct bus_order *order, bus_perform perform, sd_bus_error *error);

/* The questions that are open: bus-auth.c. They belong to a connection, and are forgotten before that is closed. */
struct bus_auth;
int bus_auth_new(struct engine *engine, struct bus_auth **ret);
struct bus_auth *bus_auth_free(struct bus_auth *auth);
void bus_auth_forget(struct bus_auth *auth);
struct bus_auth *bus_get_auth(const struct bus *bus);

/* Of a text in a call of mhpd's. 700 ranges of blocks fit into a target, and a machine has fewer worth naming one by one. */
#define BUS_TEXT_MAX 8192

/* A filter: refuses what is too large, bus-limit.c. */
int bus_limit(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* Has the memory of large messages given back at once. */
void bus_limit_memory(void);

static inline void bus_message_unrefp(sd_bus_message **m) {
        sd_bus_message_unref(*m);
}
#define _cleanup_message_ _cleanup_(bus_message_unrefp)
