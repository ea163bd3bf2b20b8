/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/bus.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/units.h"
#include "ctl/agent.h"

/* Someone may have to type a password. */
#define CHANGE_TIMEOUT (120 * USEC_PER_SEC)

int ctl_bus_open(struct ctl *ctl, sd_bus **ret) {
        _cleanup_bus_ sd_bus *bus = NULL;
        int r;

        r = ctl->host ? sd_bus_open_system_remote(&bus, ctl->host) : sd_bus_open_system(&bus);
        if (r < 0)
                return r;
        *ret = TAKE(bus);
        return 0;
}

int ctl_bus_call(sd_bus *bus, const char *method, const struct ctl *changer, sd_bus_error *error, sd_bus_message **ret, const char *types, ...) {
        _cleanup_agent_ struct ctl_agent agent = {};
        _cleanup_message_ sd_bus_message *call = NULL;
        va_list args;
        int r;

        r = sd_bus_message_new_method_call(bus, &call, CTL_BUS_NAME, CTL_BUS_PATH, CTL_BUS_INTERFACE, method);
        if (r < 0)
                return r;
        r = sd_bus_message_set_auto_start(call, false);
        if (r >= 0 && changer && !ctl_given(changer, CTL_OPT_NO_ASK))
                r = sd_bus_message_set_allow_interactive_authorization(call, true);
        if (r < 0)
                return r;
        if (types) {
                va_start(args, types);
                r = sd_bus_message_appendv(call, types, args);
                va_end(args);
                if (r < 0)
                        return r;
        }
        if (changer)
                ctl_agent_start(changer, &agent);
        return sd_bus_call(bus, call, changer ? CHANGE_TIMEOUT : CTL_BUS_READ_TIMEOUT, error, ret);
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        sd_bus_message **answer = userdata;

        (void) error;
        *answer = sd_bus_message_ref(m);
        return 0;
}

static int send_question(sd_bus *bus, const struct ctl_question *question, sd_bus_message **answer) {
        _cleanup_message_ sd_bus_message *call = NULL;
        int r = sd_bus_message_new_method_call(bus, &call, CTL_BUS_NAME, CTL_BUS_PATH, question->interface, question->method);

        if (r >= 0)
                r = sd_bus_message_set_auto_start(call, false);
        if (r >= 0 && question->argument)
                r = sd_bus_message_append(call, "s", question->argument);
        return r < 0 ? r : sd_bus_call_async(bus, NULL, call, on_answer, answer, CTL_BUS_READ_TIMEOUT);
}

/* One that does not come is answered by sd-bus itself, with an error. */
static int wait_for(sd_bus *bus, sd_bus_message *const *answer) {
        while (!*answer) {
                int r = sd_bus_process(bus, NULL);

                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
                if (r < 0)
                        return r;
        }
        return 0;
}

int ctl_bus_ask_all(sd_bus *bus, const struct ctl_question questions[], size_t n, sd_bus_error *error, sd_bus_message *ret[]) {
        int r = 0;

        memset(ret, 0, n * sizeof(*ret));
        for (size_t i = 0; i < n && r >= 0; i++)
                r = send_question(bus, &questions[i], &ret[i]);
        for (size_t i = 0; i < n && r >= 0; i++) {
                r = wait_for(bus, &ret[i]);
                if (r >= 0 && sd_bus_message_is_method_error(ret[i], NULL))
                        /* a lost connection looks like an answer that is late */
                        r = sd_bus_is_open(bus) <= 0 ? -ECONNRESET : sd_bus_error_copy(error, sd_bus_message_get_error(ret[i]));
        }
        return r;
}

enum ctl_absence ctl_bus_absence(int r, const sd_bus_error *error) {
        if (sd_bus_error_has_names(error, SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                                   "org.freedesktop.DBus.Error.Spawn.ServiceNotFound"))
                return CTL_ABSENCE_NO_DAEMON;
        if (r == -ETIMEDOUT || sd_bus_error_has_names(error, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT))
                return CTL_ABSENCE_NO_ANSWER;
        if (r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE || sd_bus_error_has_names(error, SD_BUS_ERROR_DISCONNECTED, SD_BUS_ERROR_NO_SERVER))
                return CTL_ABSENCE_NO_BUS;
        /* of opening the bus: no socket, as in a container or an initramfs; nobody listens; this user may not */
        if (!sd_bus_error_is_set(error) && (r == -ENOENT || r == -ECONNREFUSED || r == -EACCES || r == -EPERM))
                return CTL_ABSENCE_NO_BUS;
        return CTL_ABSENCE_NONE;
}

const char *ctl_absence_words(enum ctl_absence absence) {
        switch (absence) {
        case CTL_ABSENCE_NO_BUS:
                return "the system bus cannot be reached, so whether mhpd is running is not known";
        case CTL_ABSENCE_NO_DAEMON:
                return "mhpd is not running";
        case CTL_ABSENCE_NO_ANSWER:
                return "mhpd is there, but does not answer";
        case CTL_ABSENCE_NONE:
                break;
        }
        return "mhpd cannot be asked";
}

static int fail_absent(struct ctl *ctl, enum ctl_absence absence, int r) {
        const char *words = ctl_absence_words(absence);

        if (ctl->host)
                return ctl_fail(ctl, absence == CTL_ABSENCE_NO_DAEMON && strcmp(ctl->verb->name, "status") == 0 ? CTL_ABSENT : CTL_FAILED, "at %s: %s",
                                ctl->host, words);
        switch (absence) {
        case CTL_ABSENCE_NO_BUS:
                return ctl_fail(ctl, CTL_FAILED, "the system bus cannot be reached: %s; `systemctl status dbus.socket` says more", strerror(-r));
        case CTL_ABSENCE_NO_DAEMON:
                return ctl_fail(ctl, CTL_FAILED, "%s; `systemctl start mhpd` starts it", words);
        case CTL_ABSENCE_NO_ANSWER:
        case CTL_ABSENCE_NONE:
                break;
        }
        return ctl_fail(ctl, CTL_FAILED, "%s; `systemctl status mhpd` says more", words);
}

/* polkit's answer may be final, or nobody was there whom it could have asked for a password. */
static int fail_unauthorised(struct ctl *ctl, const sd_bus_error *error) {
        const char *at = ctl->host ? " at " : "", *host = ctl->host ? ctl->host : "";

        if (sd_bus_error_has_name(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
                return ctl_fail(ctl, CTL_FAILED, "not authorised%s%s: a password is needed, and %s; `sudo mhpctl %s` needs none of polkit's", at, host,
                                ctl_given(ctl, CTL_OPT_NO_ASK) ? "it is not asked for here (--no-ask-password)"
                                                               : "polkit asks for it on the terminal of a login session only",
                                ctl->verb->name);
        return ctl_fail(ctl, CTL_FAILED, "not authorised%s%s: polkit does not allow this user to do that (%s); `sudo mhpctl %s` may", at, host,
                        error->message, ctl->verb->name);
}

int ctl_bus_fail(struct ctl *ctl, int r, const sd_bus_error *error) {
        const char *at = ctl->host ? " at " : "", *host = ctl->host ? ctl->host : "";
        enum ctl_absence absence = ctl_bus_absence(r, error);

        if (ctl->host && absence == CTL_ABSENCE_NO_BUS)
                return ctl_fail(ctl, CTL_FAILED, "%s cannot be reached: ssh failed, or systemd-stdio-bridge on that machine did", host);
        if (absence != CTL_ABSENCE_NONE)
                return fail_absent(ctl, absence, r);
        if (sd_bus_error_has_names(error, SD_BUS_ERROR_ACCESS_DENIED, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, SD_BUS_ERROR_AUTH_FAILED))
                return fail_unauthorised(ctl, error);
        if (sd_bus_error_has_names(error, SD_BUS_ERROR_UNKNOWN_METHOD, SD_BUS_ERROR_UNKNOWN_INTERFACE, SD_BUS_ERROR_UNKNOWN_OBJECT))
                return ctl_fail(ctl, CTL_FAILED, "the running mhpd%s%s is of another version: %s", at, host, error->message);
        if (sd_bus_error_is_set(error) && error->message)
                return ctl_fail(ctl, CTL_FAILED, "%s", error->message);
        return ctl_fail(ctl, CTL_FAILED, "the bus%s%s: %s", at, host, strerror(-r));
}

int ctl_bus_ask(struct ctl *ctl, const char *method, bool changes, sd_bus **ret_bus, sd_bus_message **ret) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        int r;

        r = ctl_bus_open(ctl, &bus);
        if (r >= 0)
                r = ctl_bus_call(bus, method, changes ? ctl : NULL, &error, ret, NULL);
        if (r < 0)
                return ctl_bus_fail(ctl, r, &error);
        *ret_bus = TAKE(bus);
        return CTL_DONE;
}

int ctl_bus_parse_map(sd_bus_message *reply, struct mhp_map **ret) {
        const char *text;
        int r = sd_bus_message_read(reply, "s", &text);

        if (r < 0)
                return r;
        r = mhp_map_parse(text, strlen(text), ret, NULL);
        return r == -EINVAL ? -EBADMSG : r;
}

int ctl_bus_map(sd_bus *bus, sd_bus_error *error, struct mhp_map **ret) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r = ctl_bus_call(bus, "Dump", NULL, error, &reply, NULL);

        return r < 0 ? r : ctl_bus_parse_map(reply, ret);
}
