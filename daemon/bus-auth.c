/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Who may change something. Root may; anybody else is polkit's to judge, and without polkit may not. Two calls that are
 * answered some time later, be it after a password was typed: the loop goes on meanwhile.
 *
 * A question is what is open between a caller and the answer. Any user can have as many calls under way as the bus lets him, so
 *  - it holds the order and what a reply is addressed by, not the caller's message, which may be 32 MiB large;
 *  - a sender, a user and all users together have so many questions and no more;
 *  - it is taken back when its caller leaves the bus. Yet it counts until polkit has answered: so long the bus counts it as well, and
 *    it lets mhpd wait for 128 answers (max_replies_per_connection of dbus-daemon), no matter who caused them. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/bus-internal.h"

/* As long as somebody may look for a password. */
#define POLKIT_TIMEOUT (UINT64_C(600) * 1000000)
#define POLKIT_ALLOW_INTERACTION 1 /* AllowUserInteraction of CheckAuthorizationFlags */
#define POLKIT "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE POLKIT ".Authority"
#define DRIVER "org.freedesktop.DBus"
#define DRIVER_PATH "/org/freedesktop/DBus"

/* Waiting for polkit. */
#define SENDER_MAX 2
#define USER_MAX 8
#define ALL_MAX 32
/* Waiting for the bus to say whose they are. Root's are among them, so one user must not be able to use them up: dbus-daemon lets a user have 256 connections. */
#define SENDER_UNKNOWN_MAX 8
#define ALL_UNKNOWN_MAX 4096

#define USER_UNKNOWN UINT32_MAX

struct question {
        struct bus_auth *auth;
        struct question *next;   /* owned by auth */
        sd_bus_message *call;    /* owned: what replies are addressed by; NULL: the caller has left */
        struct bus_order order;  /* owned */
        const char *action;
        bus_perform perform;
        uint32_t user, id;
        sd_bus_slot *answer, *there, *gone; /* owned: what is waited for */
};

struct bus_auth {
        struct engine *engine;
        struct question *first; /* owned */
        uint32_t last_id;
};

void bus_order_done(struct bus_order *order) {
        free(order->target);
        free(order->zone);
        *order = (struct bus_order) { 0 };
}

static struct question *question_free(struct question *q) {
        if (!q)
                return NULL;
        sd_bus_slot_unref(q->answer);
        sd_bus_slot_unref(q->there);
        sd_bus_slot_unref(q->gone);
        sd_bus_message_unref(q->call);
        bus_order_done(&q->order);
        free(q);
        return NULL;
}
DEFINE_CLEANUP(struct question *, question_free)
#define _cleanup_question_ _cleanup_(question_freep)

/* Out of the list too. */
static int question_end(struct question *q) {
        struct question **p = &q->auth->first;

        while (*p != q)
                p = &(*p)->next;
        *p = q->next;
        question_free(q);
        return 1;
}

int bus_auth_new(struct engine *engine, struct bus_auth **ret) {
        struct bus_auth *auth = calloc(1, sizeof(*auth));

        if (!auth)
                return -ENOMEM;
        auth->engine = engine;
        *ret = auth;
        return 0;
}

void bus_auth_forget(struct bus_auth *auth) {
        while (auth->first)
                (void) question_end(auth->first);
}

struct bus_auth *bus_auth_free(struct bus_auth *auth) {
        if (!auth)
                return NULL;
        bus_auth_forget(auth);
        free(auth);
        return NULL;
}

static int end_refused(struct question *q, const char *why) {
        (void) sd_bus_reply_method_errorf(q->call, SD_BUS_ERROR_ACCESS_DENIED, "%s is not allowed: %s", q->action, why);
        return question_end(q);
}

static int end_allowed(struct question *q) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = q->perform(q->call, q->auth->engine, &q->order, &error);

        if (r < 0)
                (void) sd_bus_reply_method_errno(q->call, r, sd_bus_error_is_set(&error) ? &error : NULL);
        return question_end(q);
}

static int end_unproven(struct question *q) {
        (void) sd_bus_reply_method_errorf(q->call, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, "%s needs authentication, and %s", q->action,
                                          sd_bus_message_get_allow_interactive_authorization(q->call) > 0
                                                  ? "polkit has no agent that could ask the caller for it"
                                                  : "the caller did not offer to ask for it");
        return question_end(q);
}

#define ID_MAX sizeof("mhpd-4294967295")

static const char *print_id(const struct question *q, char ret[static ID_MAX]) {
        (void) snprintf(ret, ID_MAX, "mhpd-%" PRIu32, q->id);
        return ret;
}

/* polkit answers the question itself then, and asks nobody for a password any more. */
static void cancel(const struct question *q, sd_bus *bus) {
        _cleanup_message_ sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(bus, &m, POLKIT, POLKIT_PATH, POLKIT_INTERFACE, "CancelCheckAuthorization");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", print_id(q, (char[ID_MAX]) { 0 }));
        if (r >= 0)
                r = sd_bus_message_set_expect_reply(m, false);
        if (r >= 0)
                (void) sd_bus_send(bus, m, NULL);
}

/* The caller has left. What is left of the question waits for polkit. */
static void withdraw(struct question *q) {
        if (!q->call)
                return;
        cancel(q, sd_bus_message_get_bus(q->call));
        q->call = sd_bus_message_unref(q->call);
        bus_order_done(&q->order);
        q->there = sd_bus_slot_unref(q->there);
        q->gone = sd_bus_slot_unref(q->gone);
}

static int on_gone(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        (void) m;
        (void) error;
        withdraw(userdata);
        return 0;
}

static int on_there(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        int there;

        (void) error;
        if (!sd_bus_message_is_method_error(m, NULL) && sd_bus_message_read(m, "b", &there) >= 0 && !there)
                withdraw(userdata);
        return 1;
}

/* Without a handler, sd-bus closes the connection when the bus refuses. A caller that nobody watches is one that waits. */
static int on_watched(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        (void) m;
        (void) userdata;
        (void) error;
        return 1;
}

static int on_polkit(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct question *q = userdata;
        int allowed = false, challenge = false;

        (void) error;
        if (!q->call)
                return question_end(q);
        if (sd_bus_message_is_method_error(m, NULL)) {
                if (sd_bus_message_is_method_error(m, SD_BUS_ERROR_NO_REPLY)) /* the time is over, and somebody may still be asked */
                        cancel(q, sd_bus_message_get_bus(q->call));
                return end_refused(q, "only root may while polkit cannot be asked");
        }
        if (sd_bus_message_enter_container(m, 'r', "bba{ss}") < 0 || sd_bus_message_read(m, "bb", &allowed, &challenge) < 0)
                return end_refused(q, "polkit's answer makes no sense");
        if (allowed)
                return end_allowed(q);
        return challenge ? end_unproven(q) : end_refused(q, "polkit does not authorise this user");
}

/* The bus tells when the name goes, and whether it had gone before: sd_bus_track_add_name() would wait for that. */
static int watch_sender(struct question *q) {
        const char *sender = sd_bus_message_get_sender(q->call);
        sd_bus *bus = sd_bus_message_get_bus(q->call);
        char match[512];
        int n = snprintf(match, sizeof(match), "type='signal',sender='" DRIVER "',path='" DRIVER_PATH "',interface='" DRIVER "',member='NameOwnerChanged',arg0='%s'",
                         sender);

        if (n < 0 || (size_t) n >= sizeof(match))
                return -ENAMETOOLONG;
        int r = sd_bus_add_match_async(bus, &q->gone, match, on_gone, on_watched, q);
        return r < 0 ? r : sd_bus_call_method_async(bus, &q->there, DRIVER, DRIVER_PATH, DRIVER, "NameHasOwner", on_there, q, "s", sender);
}

static int ask_polkit(struct question *q) {
        _cleanup_message_ sd_bus_message *call = NULL;
        sd_bus *bus = sd_bus_message_get_bus(q->call);
        int r = watch_sender(q);

        if (r >= 0)
                r = sd_bus_message_new_method_call(bus, &call, POLKIT, POLKIT_PATH, POLKIT_INTERFACE, "CheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(call, "(sa{sv})s", "system-bus-name", 1, "name", "s", sd_bus_message_get_sender(q->call), q->action);
        if (r >= 0)
                r = sd_bus_message_append(call, "a{ss}us", 0, sd_bus_message_get_allow_interactive_authorization(q->call) > 0 ? POLKIT_ALLOW_INTERACTION : 0,
                                          print_id(q, (char[ID_MAX]) { 0 }));
        return r < 0 ? r : sd_bus_call_async(bus, &q->answer, call, on_polkit, q, POLKIT_TIMEOUT);
}

/* Those that wait as this one does. */
struct count {
        unsigned sender, user, all;
};

static struct count count(const struct bus_auth *auth, const char *sender, uint32_t user) {
        struct count n = { 0 };

        for (const struct question *q = auth->first; q; q = q->next) {
                if ((q->user == USER_UNKNOWN) != (user == USER_UNKNOWN))
                        continue;
                n.sender += q->call && strcmp(sd_bus_message_get_sender(q->call), sender) == 0;
                n.user += q->user == user;
                n.all++;
        }
        return n;
}

/* Of one who is not root; the question itself is not counted yet. */
static bool is_too_many(struct question *q, uint32_t user) {
        struct count n = count(q->auth, sd_bus_message_get_sender(q->call), user);
        const char *whose = n.sender >= SENDER_MAX ? "this connection" : n.user >= USER_MAX ? "this user" : n.all >= ALL_MAX ? "all users together" : NULL;

        if (whose)
                (void) sd_bus_reply_method_errorf(q->call, SD_BUS_ERROR_LIMITS_EXCEEDED, "%s: polkit has not answered yet for as many calls as %s may have", q->action,
                                                  whose);
        return whose;
}

static int on_user(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct question *q = userdata;
        uint32_t user = USER_UNKNOWN;

        (void) error;
        q->answer = sd_bus_slot_unref(q->answer);
        if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "u", &user) < 0 || user == USER_UNKNOWN)
                return end_refused(q, "the bus does not say who asks");
        if (user == 0)
                return end_allowed(q);
        if (is_too_many(q, user))
                return question_end(q);
        q->user = user;
        return ask_polkit(q) < 0 ? end_refused(q, "polkit cannot be asked") : 1;
}

/* A call as the caller's, without what came with it. */
static int copy_head(sd_bus_message *m, sd_bus_message **ret) {
        _cleanup_message_ sd_bus_message *call = NULL;
        uint64_t cookie;
        int r = sd_bus_message_new_method_call(sd_bus_message_get_bus(m), &call, NULL, sd_bus_message_get_path(m), sd_bus_message_get_interface(m),
                                               sd_bus_message_get_member(m));

        if (r >= 0)
                r = sd_bus_message_set_sender(call, sd_bus_message_get_sender(m));
        if (r >= 0)
                r = sd_bus_message_set_expect_reply(call, sd_bus_message_get_expect_reply(m));
        if (r >= 0)
                r = sd_bus_message_set_allow_interactive_authorization(call, sd_bus_message_get_allow_interactive_authorization(m));
        if (r >= 0)
                r = sd_bus_message_get_cookie(m, &cookie);
        if (r >= 0)
                r = sd_bus_message_seal(call, cookie, 0);
        if (r >= 0)
                *ret = TAKE(call);
        return r;
}

static int question_new(struct bus_auth *auth, sd_bus_message *m, struct bus_order *order, struct question **ret) {
        _cleanup_question_ struct question *q = calloc(1, sizeof(*q));
        int r;

        if (!q)
                return -ENOMEM;
        q->auth = auth;
        q->user = USER_UNKNOWN;
        q->id = ++auth->last_id;
        r = copy_head(m, &q->call);
        if (r < 0)
                return r;
        q->order = *order;
        *order = (struct bus_order) { 0 };
        *ret = TAKE(q);
        return 0;
}

int bus_authorize(sd_bus_message *m, struct engine *engine, const char *action, struct bus_order *order, bus_perform perform, sd_bus_error *error) {
        struct bus_auth *auth = bus_get_auth(engine->bus);
        const char *sender = sd_bus_message_get_sender(m);
        _cleanup_question_ struct question *q = NULL;
        struct count n = count(auth, sender, USER_UNKNOWN);
        int r;

        if (n.sender >= SENDER_UNKNOWN_MAX || n.all >= ALL_UNKNOWN_MAX)
                return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "too many calls at a time");
        r = question_new(auth, m, order, &q);
        if (r < 0)
                return r;
        q->action = action;
        q->perform = perform;
        /* sd_bus_query_sender_creds() would wait for the answer. */
        r = sd_bus_call_method_async(sd_bus_message_get_bus(m), &q->answer, DRIVER, DRIVER_PATH, DRIVER, "GetConnectionUnixUser", on_user, q, "s", sender);
        if (r < 0)
                return r;
        q->next = auth->first;
        auth->first = TAKE(q);
        return 1;
}
