/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Jobs as objects on the bus: org.mhpd1.Job, as conf/org.mhpd1.Job.xml documents it. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "daemon/bus-internal.h"
#include "daemon/job-history.h"

#define JOB_PATH_MAX sizeof(BUS_JOB_PATH "/4294967295")

static void print_path(uint32_t id, char ret[static JOB_PATH_MAX]) {
        (void) snprintf(ret, JOB_PATH_MAX, BUS_JOB_PATH "/%" PRIu32, id);
}

static int parse_path(const char *path, uint32_t *ret) {
        size_t n = strlen(BUS_JOB_PATH "/");

        return strncmp(path, BUS_JOB_PATH "/", n) == 0 ? mhp_parse_u32(path + n, ret) : -EINVAL;
}

static bool find_view(const struct engine *engine, const char *path, struct job_view *ret) {
        uint32_t id;

        return parse_path(path, &id) >= 0 && jobs_find(engine->jobs, id, ret);
}

/* sd-bus asks this before anything else: an object is there as long as its job is under way. */
static int find_job(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *error) {
        const struct engine *engine = userdata;
        struct job_view view;

        (void) bus;
        (void) interface;
        (void) error;
        if (!find_view(engine, path, &view))
                return 0;
        *ret = userdata;
        return 1;
}

static int get_text(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                    sd_bus_error *error) {
        const struct engine *engine = userdata;
        struct job_view view;

        (void) bus;
        (void) interface;
        (void) error;
        if (!find_view(engine, path, &view))
                return -ENOENT;
        return sd_bus_message_append(reply, "s", strcmp(property, "Verb") == 0     ? view.verb
                                                 : strcmp(property, "Target") == 0 ? view.target
                                                                                   : view.phase);
}

static int get_number(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                      sd_bus_error *error) {
        const struct engine *engine = userdata;
        uint64_t size = engine->ring->map->block_size;
        struct job_view view;

        (void) bus;
        (void) interface;
        (void) error;
        if (!find_view(engine, path, &view))
                return -ENOENT;

        const struct {
                const char *name;
                uint64_t value;
        } numbers[] = {
                { "Since", view.since },
                { "Done", view.done },
                { "Failed", view.failed },
                { "Total", view.total },
                { "BytesDone", mhp_mul_sat(view.done, size) },
                { "BytesTotal", mhp_mul_sat(view.total, size) },
                { "CurrentDeadline", view.current_left },
        };
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                if (strcmp(property, numbers[i].name) == 0)
                        return sd_bus_message_append(reply, "t", numbers[i].value);
        return sd_bus_message_append(reply, "u", strcmp(property, "Id") == 0 ? view.id : view.current);
}

static int perform_cancel(sd_bus_message *call, struct engine *engine, const struct bus_order *order, sd_bus_error *error) {
        return bus_cancel_job(call, engine, order->job, error);
}

static int cancel(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct bus_order order = { 0 };
        int r = parse_path(sd_bus_message_get_path(m), &order.job);

        return r < 0 ? r : bus_authorize(m, userdata, BUS_ACTION_MANAGE, &order, perform_cancel, error);
}

#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

static const sd_bus_vtable job_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Id", "u", get_number, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Verb", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Target", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Since", "t", get_number, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Phase", "s", get_text, 0, CHANGES),
        SD_BUS_PROPERTY("Done", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("Failed", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("Total", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("BytesDone", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("BytesTotal", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("CurrentBlock", "u", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("CurrentDeadline", "t", get_number, 0, CHANGES),
        SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static void free_paths(char ***paths) {
        for (char **p = *paths; p && *p; p++)
                free(*p);
        free(*paths);
}

/* For introspection. */
static int list_paths(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *error) {
        const struct engine *engine = userdata;
        _cleanup_(free_paths) char **paths = calloc(jobs_n(engine->jobs) + 1, sizeof(*paths));
        struct job_view view;
        size_t n = 0;

        (void) bus;
        (void) prefix;
        (void) error;
        if (!paths)
                return -ENOMEM;
        for (size_t i = 0; i < jobs_n(engine->jobs); i++) {
                char path[JOB_PATH_MAX];

                if (!jobs_view(engine->jobs, i, &view))
                        continue;
                print_path(view.id, path);
                paths[n] = strdup(path);
                if (!paths[n++])
                        return -ENOMEM;
        }
        *ret = TAKE(paths);
        return 0;
}

int bus_add_jobs(sd_bus *bus, struct engine *engine) {
        int r = sd_bus_add_fallback_vtable(bus, NULL, BUS_JOB_PATH, BUS_JOB_INTERFACE, job_vtable, find_job, engine);

        return r < 0 ? r : sd_bus_add_node_enumerator(bus, NULL, BUS_JOB_PATH, list_paths, engine);
}

void bus_job_changed(sd_bus *bus, uint32_t id) {
        char path[JOB_PATH_MAX];

        print_path(id, path);
        (void) sd_bus_emit_properties_changed(bus, path, BUS_JOB_INTERFACE, "Phase", "Done", "Failed", "Total", "BytesDone", "BytesTotal",
                                              "CurrentBlock", "CurrentDeadline", NULL);
}

/* Every field, for who has not seen the signals of the job. */
static int append_view(sd_bus_message *reply, const struct engine *engine, const struct job_view *v) {
        uint64_t size = engine->ring->map->block_size;

        return sd_bus_message_append(reply, "(usssstttttttbs)", v->id, v->verb, v->target, v->phase, v->result ? v->result : "", v->done, v->failed, v->total,
                                     mhp_mul_sat(v->done, size), mhp_mul_sat(v->total, size), v->since, v->ended, (int) v->changed,
                                     v->detail ? v->detail : "");
}

int bus_list_all_jobs(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const struct engine *engine = userdata;
        const struct job_history *history = jobs_history(engine->jobs);
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(m, &reply);

        (void) error;
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(usssstttttttbs)");
        for (size_t i = 0; i < history->n && r >= 0; i++)
                r = append_view(reply, engine, job_history_at(history, i));
        for (size_t i = 0; i < jobs_n(engine->jobs) && r >= 0; i++) {
                struct job_view view;

                if (jobs_view(engine->jobs, i, &view))
                        r = append_view(reply, engine, &view);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

int bus_list_jobs(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const struct engine *engine = userdata;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(m, &reply);

        (void) error;
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(uosssttt)");
        for (size_t i = 0; i < jobs_n(engine->jobs) && r >= 0; i++) {
                char path[JOB_PATH_MAX];
                struct job_view v;

                if (!jobs_view(engine->jobs, i, &v))
                        continue;
                print_path(v.id, path);
                r = sd_bus_message_append(reply, "(uosssttt)", v.id, path, v.verb, v.target, v.phase, v.done, v.total, v.since);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}
