/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* mhpd on the bus. No call starts the daemon: whether it runs is systemd's business, and asking must not change the answer. */

#include <systemd/sd-bus.h>

#include "base/units.h"
#include "ctl/ctl.h"

#define CTL_BUS_NAME "org.mhpd1"
#define CTL_BUS_PATH "/org/mhpd1"
#define CTL_BUS_INTERFACE "org.mhpd1.Manager"

/* The daemon's loop never blocks, so an answer that takes longer will not come. */
#define CTL_BUS_READ_TIMEOUT (5 * USEC_PER_SEC)

static inline void ctl_bus_unrefp(sd_bus **bus) {
        sd_bus_flush_close_unref(*bus);
}
#define _cleanup_bus_ _cleanup_(ctl_bus_unrefp)

static inline void ctl_message_unrefp(sd_bus_message **m) {
        sd_bus_message_unref(*m);
}
#define _cleanup_message_ _cleanup_(ctl_message_unrefp)
#define _cleanup_bus_error_ _cleanup_(sd_bus_error_free)

/* This machine's system bus or, with -H, another's. */
int ctl_bus_open(struct ctl *ctl, sd_bus **ret);

/* Calls a method of the manager with string, number and so on as `types` says. changer: the user behind this is asked for a password
 * if polkit wants one and there is a terminal; NULL: the call only reads. */
int ctl_bus_call(sd_bus *bus, const char *method, const struct ctl *changer, sd_bus_error *error, sd_bus_message **ret, const char *types, ...);

/* A call that only reads; argument NULL: it takes none. */
struct ctl_question {
        const char *interface, *method, *argument;
};

/* Calls all of them before it waits for the first answer: each question that waits for the answer to the one before has four processes' worth of waking
 * up for itself, and a busy machine is slow at that. ret[] has to live as long as the bus, and its messages are the caller's to unref, after
 * a failure those that are there. *error is that of the first that failed. */
int ctl_bus_ask_all(sd_bus *bus, const struct ctl_question questions[], size_t n, sd_bus_error *error, sd_bus_message *ret[]);

/* Why mhpd cannot be asked: three things with three remedies. */
enum ctl_absence {
        CTL_ABSENCE_NONE,      /* the failure is another one */
        CTL_ABSENCE_NO_BUS,    /* the system bus cannot be reached: whether mhpd runs is not known */
        CTL_ABSENCE_NO_DAEMON, /* the bus works, and nobody there is mhpd */
        CTL_ABSENCE_NO_ANSWER, /* mhpd is there and does not answer in time */
};

enum ctl_absence ctl_bus_absence(int r, const sd_bus_error *error);
const char *ctl_absence_words(enum ctl_absence absence);

/* Tells of a failure in words; CTL_FAILED. */
int ctl_bus_fail(struct ctl *ctl, int r, const sd_bus_error *error);

/* Open and call in one, telling of failures: for verbs that need the daemon. `types` as above, no arguments. */
int ctl_bus_ask(struct ctl *ctl, const char *method, bool changes, sd_bus **ret_bus, sd_bus_message **ret);

/* The daemon's map. A negative errno and *error, so that the caller may fall back to sysfs. */
int ctl_bus_map(sd_bus *bus, sd_bus_error *error, struct mhp_map **ret);

/* The same from the answer to Dump. -EBADMSG: it is no map. */
int ctl_bus_parse_map(sd_bus_message *reply, struct mhp_map **ret);
