/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The interface as conf/org.mhpd1.Manager.xml documents it; a test holds the two together. */

#include <string.h>

#include "config.h"

#include "daemon/bus-internal.h"
#include "daemon/executor.h"

static int get_text(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                    sd_bus_error *error) {
        const struct engine *engine = userdata;

        (void) bus;
        (void) path;
        (void) interface;
        (void) error;
        if (strcmp(property, "Version") == 0)
                return sd_bus_message_append(reply, "s", PACKAGE_VERSION);
        if (strcmp(property, "Path") == 0)
                return sd_bus_message_append(reply, "s", mhp_path_name(engine->ring->arming.path));
        return sd_bus_message_append(reply, "s", mhp_path_reason_name(engine->ring->arming.reason));
}

static int get_number(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                      sd_bus_error *error) {
        const struct engine *engine = userdata;
        uint64_t n;

        (void) bus;
        (void) path;
        (void) interface;
        (void) error;
        if (strcmp(property, "Pending") == 0)
                n = engine_pending(engine);
        else if (strcmp(property, "GaveUp") == 0)
                n = engine->ring->map->total.n_gave_up;
        else if (strcmp(property, "Rescans") == 0)
                n = engine->rescans;
        else if (strcmp(property, "WorkerKills") == 0)
                n = engine->executor ? executor_kills(engine->executor) : 0;
        else if (strcmp(property, "LongestRoundProcessor") == 0)
                n = engine->longest.processor;
        else
                n = engine->longest.wall;
        return sd_bus_message_append(reply, "t", n);
}

static int get_warnings(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                        sd_bus_error *error) {
        const struct engine *engine = userdata;
        int r = sd_bus_message_open_container(reply, 'a', "s");

        (void) bus;
        (void) path;
        (void) interface;
        (void) property;
        (void) error;
        if (engine->refused && r >= 0)
                r = sd_bus_message_append(reply, "s", engine->refused);
        for (size_t i = 0; i < engine->warnings.n && r >= 0; i++)
                r = sd_bus_message_append(reply, "s", engine->warnings.text[i]);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* sd-bus leaves the question of who may to polkit. */
#define ANYONE SD_BUS_VTABLE_UNPRIVILEGED

const sd_bus_vtable bus_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Version", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Path", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("PathReason", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("Pending", "t", get_number, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("GaveUp", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("Rescans", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("WorkerKills", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("LongestRound", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("LongestRoundProcessor", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("ConfigWarnings", "as", get_warnings, 0, 0),

        SD_BUS_METHOD_WITH_ARGS("Dump", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", map), bus_dump, ANYONE),
        SD_BUS_METHOD_WITH_ARGS("GetConfig", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", config), bus_get_config, ANYONE),
        SD_BUS_METHOD_WITH_ARGS("ListProblems", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssuis)", problems), bus_list_problems, ANYONE),
        SD_BUS_METHOD_WITH_ARGS("ListJobs", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(uosssttt)", jobs), bus_list_jobs, ANYONE),
        SD_BUS_METHOD_WITH_ARGS("ListAllJobs", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(usssstttttttbs)", jobs), bus_list_all_jobs, ANYONE),
        SD_BUS_METHOD_WITH_ARGS("Online", SD_BUS_ARGS("s", target, "s", zone, "t", timeout), SD_BUS_RESULT("u", job), bus_online, ANYONE),
        SD_BUS_METHOD_WITH_ARGS("Offline", SD_BUS_ARGS("s", target, "t", timeout), SD_BUS_RESULT("u", job), bus_offline, ANYONE),
        SD_BUS_METHOD_WITH_ARGS("Unplug", SD_BUS_ARGS("s", target, "t", keep, "t", timeout), SD_BUS_RESULT("u", job), bus_unplug, ANYONE),
        SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_ARGS("u", job), SD_BUS_NO_RESULT, bus_cancel, ANYONE),
        SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_RESULT("as", warnings), bus_reload, ANYONE),

        SD_BUS_SIGNAL_WITH_ARGS("JobProgress", SD_BUS_ARGS("u", job, "t", done, "t", failed, "t", total), 0),
        SD_BUS_SIGNAL_WITH_ARGS("JobRemoved", SD_BUS_ARGS("u", job, "s", result, "t", done, "t", total, "s", detail), 0),
        SD_BUS_SIGNAL_WITH_ARGS("Settled",
                                SD_BUS_ARGS("t", time, "s", added, "s", removed, "s", online, "s", offline, "t", added_bytes, "t", removed_bytes, "t",
                                            online_bytes, "t", offline_bytes),
                                0),
        SD_BUS_SIGNAL_WITH_ARGS("Report",
                                SD_BUS_ARGS("s", event, "s", blocks, "s", zone, "i", node, "s", group, "s", reason, "i", error, "s", message, "t", time,
                                            "u", job, "s", verb, "s", target, "s", result),
                                0),
        SD_BUS_VTABLE_END,
};
