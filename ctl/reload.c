/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl reload` */

#include <string.h>

#include "ctl/bus.h"

/* The configuration in force, as text; it lies in the answer. */
static int ask_config(sd_bus *bus, sd_bus_error *error, sd_bus_message **ret_answer, const char **ret) {
        int r = ctl_bus_call(bus, "GetConfig", NULL, error, ret_answer, NULL);

        return r < 0 ? r : sd_bus_message_read(*ret_answer, "s", ret);
}

static int print_warnings(struct ctl *ctl, sd_bus_message *m) {
        bool json = ctl_given(ctl, CTL_OPT_JSON);
        const char *warning, *comma = "";
        int r = sd_bus_message_enter_container(m, 'a', "s");

        while (r >= 0 && (r = sd_bus_message_read(m, "s", &warning)) > 0) {
                (void) ctl_fail(ctl, CTL_DONE, "warning: %s", warning);
                if (!json)
                        continue;
                mhp_text_add(&ctl->out, comma);
                mhp_text_json(&ctl->out, warning);
                comma = ",";
        }
        return r;
}

static int tell(struct ctl *ctl, const char *before, const char *after, sd_bus_message *warnings) {
        bool json = ctl_given(ctl, CTL_OPT_JSON);
        int r;

        if (json)
                mhp_text_printf(&ctl->out, "{\"changed\":%s,\"warnings\":[", strcmp(before, after) != 0 ? "true" : "false");
        r = print_warnings(ctl, warnings);
        if (r < 0)
                return r;
        mhp_text_add(&ctl->out, json ? "]}\n" : "configuration reloaded\n");
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
