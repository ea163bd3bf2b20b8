/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `mhpctl dump`: the map's text form, the daemon's own if it runs. */

#include "ctl/bus.h"
#include "ctl/json.h"

static void print(struct ctl *ctl, const char *text, const char *from) {
        _cleanup_json_ struct ctl_json json = { .out = &ctl->out };

        if (!ctl_given(ctl, CTL_OPT_JSON)) {
                mhp_text_add(&ctl->out, text);
                return;
        }
        ctl_json_open(&json, NULL, json_type_object);
        ctl_json_string(&json, "from", from);
        ctl_json_string(&json, "map", text);
        ctl_json_close(&json);
}

static int dump_sysfs(struct ctl *ctl) {
        _cleanup_map_ struct mhp_map *map = NULL;
        _cleanup_free_ char *text = NULL;
        int r;

        r = ctl_map_read(ctl, &map);
        if (r != CTL_DONE)
                return r;
        r = mhp_map_print(map, &text);
        if (r < 0)
                return r;
        print(ctl, text, "sysfs");
        return CTL_DONE;
}

int verb_dump(struct ctl *ctl) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        const char *text;
        int r;

        if (ctl->sysroot)
                return dump_sysfs(ctl);
        r = ctl_bus_open(ctl, &bus);
        if (r >= 0)
                r = ctl_bus_call(bus, "Dump", NULL, &error, &reply, NULL);
        if (r < 0 && !ctl->host && (ctl_bus_absence(r, &error) == CTL_ABSENCE_NO_BUS || ctl_bus_absence(r, &error) == CTL_ABSENCE_NO_DAEMON))
                return dump_sysfs(ctl);
        if (r >= 0)
                r = sd_bus_message_read(reply, "s", &text);
        if (r < 0)
                return ctl_bus_fail(ctl, r, &error);
        print(ctl, text, "mhpd");
        return CTL_DONE;
}
