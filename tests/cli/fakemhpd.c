/* SPDX-License-Identifier: GPL-2.0-or-later */

/* org.mhpd1 as mhpctl sees it, with answers from files: fakemhpd MAP CONFIG MODE. The mode says what becomes of a job:
 * done partly failed timeout deny needs-password slow (until Cancel) die (the daemon goes) hang (no call is answered). Says `ready`. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

struct fake {
        sd_bus *bus;
        sd_event *event;
        char *map, *config;
        const char *mode;
        char target[256], zone[32];
        const char *verb, *result, *detail; /* of job 7; verb NULL: it has not begun, result empty: it is under way */
        uint64_t done;
};

#define PATH "/org/mhpd1"
#define INTERFACE "org.mhpd1.Manager"
#define JOB 7u
#define REPORT "sssissistusss"

static char *slurp(const char *path) {
        static char buf[1 << 20];
        FILE *f = fopen(path, "re");
        size_t n;

        if (!f)
                return strdup("");
        n = fread(buf, 1, sizeof(buf) - 1, f);
        buf[n] = '\0';
        fclose(f);
        return strdup(buf);
}

static int end_job(struct fake *fake, const char *result, uint64_t done, const char *detail) {
        fake->result = result;
        fake->done = done;
        fake->detail = detail;
        return sd_bus_emit_signal(fake->bus, PATH, INTERFACE, "JobRemoved", "ustts", JOB, result, done, (uint64_t) 4, detail);
}

static int emit_work(struct fake *fake) {
        sd_bus_emit_signal(fake->bus, PATH, INTERFACE, "Report", REPORT, "online", fake->target, fake->zone, 0, "acpi:PNP0C80:00", "requested", 0,
                           "as asked", (uint64_t) 3000000, JOB, fake->verb, fake->target, "");
        sd_bus_emit_signal(fake->bus, PATH, INTERFACE, "Report", REPORT, "failed", "33", "", -1, "", "", EBUSY, "say \"again\"\n", (uint64_t) 4500000,
                           0u, "", "", "");
        sd_bus_emit_signal(fake->bus, PATH "/job/7", "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as", "org.mhpd1.Job", 4, "Phase", "s",
                           "offline", "CurrentBlock", "u", 34u, "CurrentDeadline", "t", (uint64_t) 12000000, "Unheard", "s", "of", 0);
        sd_bus_emit_signal(fake->bus, PATH, INTERFACE, "Settled", "tsssstttt", (uint64_t) 5000000, "32-33", "", "32", "", (uint64_t) 2 << 27, (uint64_t) 0,
                           (uint64_t) 1 << 27, (uint64_t) 0);
        return sd_bus_emit_signal(fake->bus, PATH, INTERFACE, "JobProgress", "uttt", JOB, (uint64_t) 2, (uint64_t) 1, (uint64_t) 4);
}

/* Ends the job as the mode says, before or after the answer to the call: mhpctl has to cope with both. */
static int start_job(struct fake *fake, sd_bus_message *m) {
        const char *mode = fake->mode;
        int r;

        if (strcmp(mode, "deny") == 0)
                return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_ACCESS_DENIED, "org.mhpd1.manage");
        fake->verb = strcmp(sd_bus_message_get_member(m), "Online") == 0 ? "online" : strcmp(sd_bus_message_get_member(m), "Offline") == 0 ? "offline" : "unplug";
        fake->result = fake->detail = "";
        fake->done = 1;
        if (strcmp(mode, "needs-password") == 0) {
                if (sd_bus_message_get_allow_interactive_authorization(m) > 0)
                        return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_FAILED, "a password may be asked for");
                return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, "org.mhpd1.manage");
        }
        emit_work(fake);
        if (strcmp(mode, "done") == 0)
                end_job(fake, "done", 4, "");
        r = sd_bus_reply_method_return(m, "u", JOB);
        if (strcmp(mode, "partly") == 0)
                end_job(fake, "partly", 2, "33: EBUSY");
        else if (strcmp(mode, "failed") == 0)
                end_job(fake, "failed", 0, "32-35: EBUSY");
        else if (strcmp(mode, "timeout") == 0)
                end_job(fake, "timeout", 1, "33-35 were not reached");
        else if (strcmp(mode, "die") == 0) {
                sd_bus_flush(fake->bus);
                sd_event_exit(fake->event, 0);
        }
        return r;
}

static int method_online(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct fake *fake = userdata;
        const char *target, *zone;
        uint64_t timeout;
        int r;

        (void) error;
        r = sd_bus_message_read(m, "sst", &target, &zone, &timeout);
        if (r < 0)
                return r;
        snprintf(fake->target, sizeof(fake->target), "%s", target);
        snprintf(fake->zone, sizeof(fake->zone), "%s", zone);
        fprintf(stderr, "Online %s %s %llu\n", target, zone, (unsigned long long) timeout);
        return start_job(fake, m);
}

static int method_offline(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct fake *fake = userdata;
        const char *target;
        uint64_t timeout;
        int r;

        (void) error;
        r = sd_bus_message_read(m, "st", &target, &timeout);
        if (r < 0)
                return r;
        snprintf(fake->target, sizeof(fake->target), "%s", target);
        fake->zone[0] = '\0';
        fprintf(stderr, "Offline %s %llu\n", target, (unsigned long long) timeout);
        return start_job(fake, m);
}

static int method_unplug(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct fake *fake = userdata;
        uint64_t keep, timeout;
        const char *target;
        int r;

        (void) error;
        r = sd_bus_message_read(m, "stt", &target, &keep, &timeout);
        if (r < 0)
                return r;
        snprintf(fake->target, sizeof(fake->target), "%s", target);
        fake->zone[0] = '\0';
        fprintf(stderr, "Unplug %s %lld %llu\n", target, (long long) keep, (unsigned long long) timeout);
        return start_job(fake, m);
}

static int method_jobs(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        (void) userdata;
        (void) error;
        return sd_bus_reply_method_return(m, "a(uosssttt)", 1, JOB, PATH "/job/7", "unplug", "acpi:PNP0C80:00", "leave", (uint64_t) 2, (uint64_t) 4,
                                          (uint64_t) 1000000);
}

/* Job 6 has ended and done nothing, for all was so already; job 7 is the one that was asked for. */
static int method_all_jobs(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct fake *fake = userdata;
        sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(m, &reply);

        (void) error;
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(usssstttttttbs)");
        if (r >= 0 && strcmp(fake->mode, "no-jobs") != 0)
                r = sd_bus_message_append(reply, "(usssstttttttbs)", 6u, "online", "32-33", "ended", "done", (uint64_t) 2, (uint64_t) 0, (uint64_t) 2,
                                          (uint64_t) 2 << 27, (uint64_t) 2 << 27, (uint64_t) 1000000, (uint64_t) 1000001, 0, "");
        if (r >= 0 && fake->verb)
                r = sd_bus_message_append(reply, "(usssstttttttbs)", JOB, fake->verb, fake->target, *fake->result ? "ended" : "offline", fake->result,
                                          fake->done, (uint64_t) 1, (uint64_t) 4, fake->done << 27, (uint64_t) 4 << 27, (uint64_t) 2000000,
                                          (uint64_t) (*fake->result ? 3000000 : 0), *fake->result ? 1 : 0, fake->detail);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static int method_cancel(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const struct fake *fake = userdata;
        uint32_t id;

        (void) error;
        if (sd_bus_message_read(m, "u", &id) < 0 || id != JOB || *fake->result)
                return sd_bus_reply_method_errorf(m, "org.mhpd1.Error.NoSuchJob", "job %u has ended already: done", id);
        fprintf(stderr, "Cancel\n");
        sd_bus_reply_method_return(m, "");
        return end_job(userdata, "cancelled", 2, "34-35 were not reached");
}

static int method_text(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct fake *fake = userdata;

        (void) error;
        if (strcmp(fake->mode, "hang") == 0)
                return 1;
        return sd_bus_reply_method_return(m, "s", strcmp(sd_bus_message_get_member(m), "Dump") == 0 ? fake->map : fake->config);
}

static int method_problems(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        (void) userdata;
        (void) error;
        return sd_bus_reply_method_return(m, "a(ssuis)", 2, "33", "online_movable", 2u, EBUSY, "unmovable page", "34-35", "online_kernel", 0u, 0, "under way");
}

static int method_reload(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct fake *fake = userdata;

        (void) error;
        if (strcmp(fake->mode, "failed") == 0)
                return sd_bus_reply_method_errorf(m, "org.mhpd1.Error.Config", "/etc/mhpd/mhpd.conf:3: not a line; the running configuration stays");
        return sd_bus_reply_method_return(m, "as", 1, "mhpd.conf:2: unknown key Zoen");
}

static int get_string(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                      sd_bus_error *error) {
        (void) bus, (void) path, (void) interface, (void) userdata, (void) error;
        return sd_bus_message_append(reply, "s",
                                     strcmp(property, "Version") == 0 ? "0.1" : strcmp(property, "Path") == 0 ? "mhpd" : "auto-zone");
}

static int get_number(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                      sd_bus_error *error) {
        (void) bus, (void) path, (void) interface, (void) userdata, (void) error;
        return sd_bus_message_append(reply, "t", (uint64_t) (strcmp(property, "Pending") == 0 ? 3 : strcmp(property, "Rescans") == 0 ? 1 : 0));
}

static int get_warnings(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                        sd_bus_error *error) {
        (void) bus, (void) path, (void) interface, (void) property, (void) userdata, (void) error;
        return sd_bus_message_append(reply, "as", 1, "mhpd.conf:2: unknown key Zoen");
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Version", "s", get_string, 0, 0),
        SD_BUS_PROPERTY("Path", "s", get_string, 0, 0),
        SD_BUS_PROPERTY("PathReason", "s", get_string, 0, 0),
        SD_BUS_PROPERTY("Pending", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("GaveUp", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("Rescans", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("WorkerKills", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("LongestRound", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("LongestRoundProcessor", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("ConfigWarnings", "as", get_warnings, 0, 0),
        SD_BUS_METHOD("Dump", "", "s", method_text, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetConfig", "", "s", method_text, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListProblems", "", "a(ssuis)", method_problems, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Online", "sst", "u", method_online, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Offline", "st", "u", method_offline, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Unplug", "stt", "u", method_unplug, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListJobs", "", "a(uosssttt)", method_jobs, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListAllJobs", "", "a(usssstttttttbs)", method_all_jobs, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Cancel", "u", "", method_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Reload", "", "as", method_reload, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL("JobProgress", "uttt", 0),
        SD_BUS_SIGNAL("JobRemoved", "ustts", 0),
        SD_BUS_SIGNAL("Report", REPORT, 0),
        SD_BUS_SIGNAL("Settled", "tsssstttt", 0),
        SD_BUS_VTABLE_END,
};

int main(int argc, char **argv) {
        struct fake fake = {};
        sigset_t signals;
        int r;

        if (argc != 4)
                return 2;
        fake.map = slurp(argv[1]);
        fake.config = slurp(argv[2]);
        fake.mode = argv[3];
        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigprocmask(SIG_BLOCK, &signals, NULL);
        r = sd_event_default(&fake.event);
        if (r >= 0)
                r = sd_event_add_signal(fake.event, NULL, SIGTERM, NULL, NULL);
        if (r >= 0)
                r = sd_bus_open_system(&fake.bus);
        if (r >= 0)
                r = sd_bus_add_object_vtable(fake.bus, NULL, PATH, INTERFACE, vtable, &fake);
        if (r >= 0)
                r = sd_bus_request_name(fake.bus, "org.mhpd1", 0);
        if (r >= 0)
                r = sd_bus_attach_event(fake.bus, fake.event, 0);
        if (r >= 0 && write(STDOUT_FILENO, "ready\n", 6) == 6)
                r = sd_event_loop(fake.event);
        sd_bus_flush_close_unref(fake.bus);
        sd_event_unref(fake.event);
        free(fake.map);
        free(fake.config);
        if (r < 0)
                fprintf(stderr, "fakemhpd: %s\n", strerror(-r));
        return r < 0;
}
