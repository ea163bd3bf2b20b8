/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl reload` */

#include <string.h>

#include "ctl/bus.h"
#include "ctl/json.h"

/* The configuration in force, as text; it lies in the answer. */
static int ask_config(sd_bus *bus, sd_bus_error *error, sd_bus_message **ret_answer, const char **ret) {
        int r = ctl_bus_call(bus, "GetConfig", NULL, error, ret_answer, NULL);

        return r < 0 ? r : sd_bus_message_read(*ret_answer, "s", ret);
}

static int tell_warnings(struct ctl *ctl, sd_bus_message *m, struct ctl_json *json) {
        const char *warning;
        int r = sd_bus_message_enter_container(m, 'a', "s");

        while (r >= 0 && (r = sd_bus_message_read(m, "s", &warning)) > 0) {
                (void) ctl_fail(ctl, CTL_DONE, "warning: %s", warning);
                if (json)
                        ctl_json_string(json, NULL, warning);
        }
        return r;
}

static int tell(struct ctl *ctl, const char *before, const char *after, sd_bus_message *warnings) {
        _cleanup_json_ struct ctl_json json = { .out = &ctl->out };
        int r;

        if (!ctl_given(ctl, CTL_OPT_JSON)) {
                r = tell_warnings(ctl, warnings, NULL);
                mhp_text_add(&ctl->out, r < 0 ? "" : "configuration reloaded\n");
                return r < 0 ? r : CTL_DONE;
        }
        ctl_json_open(&json, NULL, json_type_object);
        ctl_json_bool(&json, "changed", strcmp(before, after) != 0);
        ctl_json_open(&json, "warnings", json_type_array);
        r = tell_warnings(ctl, warnings, &json);
        if (r < 0)
                return r;
        ctl_json_close(&json);
        ctl_json_close(&json);
        return CTL_DONE;
}

int verb_reload(struct ctl *ctl) {
        _cleanup_message_ sd_bus_message *first = NULL, *reply = NULL, *second = NULL;
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        const char *before, *after;
        int r;

        r = ctl_bus_open(ctl, &bus);
        if (r >= 0)
                r = ask_config(bus, &error, &first, &before);
        if (r >= 0)
                r = ctl_bus_call(bus, "Reload", ctl, &error, &reply, NULL);
        if (r >= 0)
                r = ask_config(bus, &error, &second, &after);
        return r < 0 ? ctl_bus_fail(ctl, r, &error) : tell(ctl, before, after, reply);
}
