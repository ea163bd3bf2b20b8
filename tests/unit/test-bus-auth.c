/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The questions in daemon/bus-auth.c with every call of sd-bus failing once: the caller is answered or the failure given back, nothing is freed twice and
 * nothing stays. At the other end of the connection are the bus, polkit and the caller in one. */

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <systemd/sd-id128.h>

#include "base/macro.h"
#include "daemon/bus-internal.h"
#include "unit.h"

#define CALLER ":1.7"
#define COOKIE 4711

static int fail_at;  /* the call of sd-bus that fails, from 1; 0: none */
static int live;     /* pieces of memory */
static struct bus_auth *auth;
static unsigned performed, answered, refused, cancelled;
static uint32_t user;
static bool silent, gone; /* polkit says nothing; the caller has left */

struct bus_auth *bus_get_auth(const struct bus *bus) {
        (void) bus;
        return auth;
}

void *__real_calloc(size_t n, size_t size);
void __real_free(void *p);
void *__wrap_calloc(size_t n, size_t size);
void __wrap_free(void *p);
int __real_sd_bus_call_async(sd_bus *bus, sd_bus_slot **slot, sd_bus_message *m, sd_bus_message_handler_t callback, void *userdata, uint64_t usec);
int __wrap_sd_bus_call_async(sd_bus *bus, sd_bus_slot **slot, sd_bus_message *m, sd_bus_message_handler_t callback, void *userdata, uint64_t usec);
int __real_sd_bus_add_match_async(sd_bus *bus, sd_bus_slot **slot, const char *match, sd_bus_message_handler_t callback, sd_bus_message_handler_t installed, void *userdata);
int __wrap_sd_bus_add_match_async(sd_bus *bus, sd_bus_slot **slot, const char *match, sd_bus_message_handler_t callback, sd_bus_message_handler_t installed, void *userdata);
int __wrap_sd_bus_call_method_async(sd_bus *bus, sd_bus_slot **slot, const char *name, const char *path, const char *interface, const char *member,
                                    sd_bus_message_handler_t callback, void *userdata, const char *types, ...);
int __real_sd_bus_message_set_sender(sd_bus_message *m, const char *sender);
int __wrap_sd_bus_message_set_sender(sd_bus_message *m, const char *sender);
int __real_sd_bus_message_seal(sd_bus_message *m, uint64_t cookie, uint64_t usec);
int __wrap_sd_bus_message_seal(sd_bus_message *m, uint64_t cookie, uint64_t usec);

void *__wrap_calloc(size_t n, size_t size) {
        void *p = __real_calloc(n, size);

        live += p != NULL;
        return p;
}

void __wrap_free(void *p) {
        live -= p != NULL;
        __real_free(p);
}

static bool fails(void) {
        return fail_at > 0 && --fail_at == 0;
}

int __wrap_sd_bus_call_async(sd_bus *bus, sd_bus_slot **slot, sd_bus_message *m, sd_bus_message_handler_t callback, void *userdata, uint64_t usec) {
        return fails() ? -ENOMEM : __real_sd_bus_call_async(bus, slot, m, callback, userdata, usec);
}

int __wrap_sd_bus_add_match_async(sd_bus *bus, sd_bus_slot **slot, const char *match, sd_bus_message_handler_t callback, sd_bus_message_handler_t installed,
                                  void *userdata) {
        return fails() ? -ENOMEM : __real_sd_bus_add_match_async(bus, slot, match, callback, installed, userdata);
}

int __wrap_sd_bus_call_method_async(sd_bus *bus, sd_bus_slot **slot, const char *name, const char *path, const char *interface, const char *member,
                                    sd_bus_message_handler_t callback, void *userdata, const char *types, ...) {
        va_list args;
        int r;

        if (fails())
                return -ENOMEM;
        va_start(args, types);
        r = sd_bus_call_method_asyncv(bus, slot, name, path, interface, member, callback, userdata, types, args);
        va_end(args);
        return r;
}

int __wrap_sd_bus_message_set_sender(sd_bus_message *m, const char *sender) {
        return fails() ? -ENOMEM : __real_sd_bus_message_set_sender(m, sender);
}

int __wrap_sd_bus_message_seal(sd_bus_message *m, uint64_t cookie, uint64_t usec) {
        return fails() ? -ENOMEM : __real_sd_bus_message_seal(m, cookie, usec);
}

static int perform(sd_bus_message *call, struct engine *engine, const struct bus_order *order, sd_bus_error *error) {
        (void) engine;
        (void) error;
        assert_string_equal(order->target, "3");
        performed++;
        return sd_bus_reply_method_return(call, NULL);
}

/* What comes from mhpd. */
static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        uint64_t cookie;

        (void) userdata;
        (void) error;
        if (sd_bus_message_get_reply_cookie(m, &cookie) >= 0) {
                assert_int_equal(cookie, COOKIE);
                answered++;
                refused += sd_bus_message_is_method_error(m, NULL) > 0;
                return 1;
        }
        if (sd_bus_message_is_method_call(m, NULL, "GetConnectionUnixUser"))
                return sd_bus_reply_method_return(m, "u", user);
        if (sd_bus_message_is_method_call(m, NULL, "NameHasOwner"))
                return sd_bus_reply_method_return(m, "b", !gone);
        cancelled += sd_bus_message_is_method_call(m, NULL, "CancelCheckAuthorization") > 0;
        if (sd_bus_message_is_method_call(m, NULL, "CheckAuthorization") && !silent)
                return sd_bus_reply_method_return(m, "(bba{ss})", true, false, 0);
        return 1;
}

static void start(sd_bus **bus, int fd, bool server) {
        assert_true(sd_bus_new(bus) >= 0);
        assert_true(sd_bus_set_fd(*bus, fd, fd) >= 0);
        if (server)
                assert_true(sd_bus_set_server(*bus, true, SD_ID128_MAKE(6d, 68, 70, 64, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 01)) >= 0);
        assert_true(sd_bus_set_anonymous(*bus, true) >= 0);
        assert_true(sd_bus_start(*bus) >= 0);
}

/* Until neither has anything to do. */
static void settle(sd_bus *a, sd_bus *b) {
        while (sd_bus_process(a, NULL) + sd_bus_process(b, NULL) > 0)
                ;
}

static int ask(sd_bus *bus) {
        _cleanup_message_ sd_bus_message *m = NULL;
        _cleanup_(bus_order_done) struct bus_order order = { .target = __wrap_calloc(1, 2) };
        struct engine *engine = test_calloc(1, sizeof(*engine));
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        order.target[0] = '3';
        assert_true(sd_bus_message_new_method_call(bus, &m, NULL, "/org/mhpd1", "org.mhpd1.Manager", "Offline") >= 0);
        assert_true(__real_sd_bus_message_set_sender(m, CALLER) >= 0);
        assert_true(__real_sd_bus_message_seal(m, COOKIE, 0) >= 0);
        r = bus_authorize(m, engine, "org.mhpd1.manage", &order, perform, &error);
        sd_bus_error_free(&error);
        test_free(engine);
        return r;
}

/* One question from the beginning to its end; whether the failure came. */
static bool run(int at) {
        sd_bus *bus, *peer;
        int fds[2], before = live, r;

        performed = answered = refused = cancelled = 0;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        start(&peer, fds[0], true);
        start(&bus, fds[1], false);
        assert_true(sd_bus_add_filter(peer, NULL, on_message, NULL) >= 0);
        assert_true(bus_auth_new(NULL, &auth) >= 0);
        settle(bus, peer);

        fail_at = at;
        r = ask(bus);
        settle(bus, peer);
        bool came = at > 0 && fail_at == 0;
        fail_at = 0;
        if (r < 0)
                assert_int_equal(answered, 0);
        else if (!silent && !gone)
                assert_int_equal(answered, 1);
        assert_true(performed + refused == answered);
        assert_int_equal(live - before, !silent || answered || r < 0 ? 1 : gone ? 2 : 3); /* auth; the question; its order, while somebody waits */

        auth = bus_auth_free(auth);
        assert_int_equal(live, before);
        settle(bus, peer);
        sd_bus_close_unref(bus);
        sd_bus_close_unref(peer);
        return came;
}

static void test_faults(void **state) {
        (void) state;
        static const uint32_t users[] = { 0, 1000 };

        for (size_t i = 0; i < ELEMENTSOF(users); i++) {
                int at = 1;

                user = users[i];
                while (run(at))
                        at++;
                assert_int_equal(performed, 1); /* in the run in which nothing failed any more */
                assert_true(at > (user == 0 ? 3 : 6));
        }
}

/* The question is given up while it is open, as when the bus goes. */
static void test_forgotten(void **state) {
        (void) state;
        user = 1000;
        silent = true;
        for (int at = 1; run(at); at++)
                ;
        assert_int_equal(answered, 0);
        silent = false;
}

/* The caller leaves before anybody watches him. */
static void test_gone(void **state) {
        (void) state;
        user = 1000;
        silent = gone = true;
        assert_false(run(0));
        assert_int_equal(cancelled, 1);
        assert_int_equal(answered, 0);
        silent = gone = false;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_faults),
                cmocka_unit_test(test_forgotten),
                cmocka_unit_test(test_gone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
