/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Who may change something. Root may; anybody else is polkit's to judge, and without polkit may not. Two calls that are
 * answered some time later, be it after a password was typed: the loop goes on meanwhile. */

#include <errno.h>
#include <string.h>

#include "daemon/bus-internal.h"
#include "daemon/loop.h"

/* As long as somebody may look for a password. */
#define POLKIT_TIMEOUT (UINT64_C(600) * 1000000)
#define POLKIT_ALLOW_INTERACTION 1 /* AllowUserInteraction of CheckAuthorizationFlags */

struct question {
        sd_bus_message *call; /* owned */
        struct engine *engine;
        const char *action;
        bus_perform perform;
};

static struct question *question_free(struct question *q) {
        if (!q)
                return NULL;
        sd_bus_message_unref(q->call);
        free(q);
        return NULL;
}
DEFINE_CLEANUP(struct question *, question_free)
#define _cleanup_question_ _cleanup_(question_freep)

static void destroy(void *q) {
        question_free(q);
}

/* Has the bus keep the slot, and the slot its question, until the answer or the end of the connection. Below 0 the call is withdrawn, and the question is the
 * caller's as before. */
static int keep_slot(sd_bus_slot *slot) {
        int r = sd_bus_slot_set_floating(slot, true);

        if (r >= 0)
                (void) sd_bus_slot_set_destroy_callback(slot, destroy);
        sd_bus_slot_unref(slot);
        return r;
}

static int perform(const struct question *q) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = sd_bus_message_rewind(q->call, true);

        if (r >= 0)
                r = q->perform(q->call, q->engine, &error);
        if (r < 0)
                (void) sd_bus_reply_method_errno(q->call, r, sd_bus_error_is_set(&error) ? &error : NULL);
        return 1;
}

static int refuse(const struct question *q, const char *why) {
        (void) sd_bus_reply_method_errorf(q->call, SD_BUS_ERROR_ACCESS_DENIED, "%s is not allowed: %s", q->action, why);
        return 1;
}

static int on_polkit(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const struct question *q = userdata;
        int allowed = false, challenge = false;

        (void) error;
        if (sd_bus_message_is_method_error(m, NULL))
                return refuse(q, "only root may while polkit cannot be asked");
        if (sd_bus_message_enter_container(m, 'r', "bba{ss}") < 0 || sd_bus_message_read(m, "bb", &allowed, &challenge) < 0)
                return refuse(q, "polkit's answer makes no sense");
        if (allowed)
                return perform(q);
        if (challenge) {
                (void) sd_bus_reply_method_errorf(q->call, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, "%s needs authentication, and %s", q->action,
                                                  sd_bus_message_get_allow_interactive_authorization(q->call) > 0
                                                          ? "polkit has no agent that could ask the caller for it"
                                                          : "the caller did not offer to ask for it");
                return 1;
        }
        return refuse(q, "polkit does not authorise this user");
}

static int call_polkit(struct question *q) {
        _cleanup_message_ sd_bus_message *call = NULL;
        sd_bus *bus = sd_bus_message_get_bus(q->call);
        sd_bus_slot *slot;
        int r;

        r = sd_bus_message_new_method_call(bus, &call, "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority",
                                           "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(call, "(sa{sv})s", "system-bus-name", 1, "name", "s", sd_bus_message_get_sender(q->call), q->action);
        if (r >= 0)
                r = sd_bus_message_append(call, "a{ss}us", 0,
                                          sd_bus_message_get_allow_interactive_authorization(q->call) > 0 ? POLKIT_ALLOW_INTERACTION : 0, "");
        if (r >= 0)
                r = sd_bus_call_async(bus, &slot, call, on_polkit, q, POLKIT_TIMEOUT);
        return r < 0 ? r : keep_slot(slot);
}

static int on_uid(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const struct question *q = userdata;
        uint32_t uid = UINT32_MAX;

        (void) error;
        if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "u", &uid) < 0)
                return refuse(q, "the bus does not say who asks");
        if (uid == 0)
                return perform(q);

        _cleanup_question_ struct question *next = calloc(1, sizeof(*next));
        if (!next)
                return refuse(q, strerror(ENOMEM));
        *next = *q;
        sd_bus_message_ref(next->call);
        if (call_polkit(next) < 0)
                return refuse(q, "polkit cannot be asked");
        next = NULL;
        return 1;
}

int bus_authorize(sd_bus_message *m, struct engine *engine, const char *action, bus_perform perform_fn) {
        _cleanup_question_ struct question *q = calloc(1, sizeof(*q));
        sd_bus_slot *slot;
        int r;

        if (!q)
                return -ENOMEM;
        *q = (struct question) { .call = sd_bus_message_ref(m), .engine = engine, .action = action, .perform = perform_fn };

        /* sd_bus_query_sender_creds() would wait for the answer. */
        r = sd_bus_call_method_async(sd_bus_message_get_bus(m), &slot, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                     "GetConnectionUnixUser", on_uid, q, "s", sd_bus_message_get_sender(m));
        if (r >= 0)
                r = keep_slot(slot);
        if (r < 0)
                return r;
        q = NULL;
        return 1;
}
