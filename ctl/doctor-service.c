/* SPDX-License-Identifier: GPL-2.0-or-later */

/* mhpd as a service, and those that it needs. Where mhpd is not installed nothing is said of them. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "ctl/bus.h"
#include "ctl/doctor.h"
#include "edge/names.h"

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_UNIT SYSTEMD_NAME ".Unit"
#define SYSTEMD_SERVICE SYSTEMD_NAME ".Service"

/* The object that systemd has for mhpd.service; asking for it loads the unit. */
#define SYSTEMD_OBJECT "org/freedesktop/systemd1/unit/mhpd_2eservice"

#define SYSTEMD_TIMEOUT (2 * USEC_PER_SEC)

/* As many restarts as no administrator makes by hand; systemd forgets them with the next start that is one's wish. */
#define MANY_RESTARTS 3

static bool is_any(const struct mhp_root *root, const char *const paths[], size_t n) {
        for (size_t i = 0; i < n; i++)
                if (mhp_root_exists(root, paths[i]))
                        return true;
        return false;
}

static bool is_installed(const struct mhp_root *root) {
        static const char *const units[] = { NAME_UNITS_USR "/" NAME_UNIT, NAME_UNITS_LIB "/" NAME_UNIT };

        return is_any(root, units, ELEMENTSOF(units));
}

/* systemd takes a link to /dev/null or an empty file for a mask. */
static bool is_mask(const struct mhp_root *root, const char *path) {
        char text[64];
        int r = mhp_root_link_name(root, path, text, sizeof(text));

        return r >= 0 ? strcmp(text, "null") == 0 : mhp_root_read(root, path, text, sizeof(text)) == 0;
}

static int find_mask(struct ctl_doctor *doctor, bool *ret_masked) {
        static const char *const paths[] = { NAME_UNITS_ETC "/" NAME_UNIT, NAME_UNITS_RUN "/" NAME_UNIT };
        struct ctl_finding_kind kind = { .severity = CTL_ERROR, .token = "mhpd-masked", .remedy = "Run `systemctl unmask mhpd`, then `systemctl enable --now mhpd`." };

        *ret_masked = false;
        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                _cleanup_text_ struct mhp_text evidence = {};

                if (!is_mask(&doctor->root, paths[i]))
                        continue;
                ctl_doctor_quote(&evidence, paths[i], "hides the unit");
                kind.evidence = evidence.data;
                *ret_masked = true;
                return evidence.error < 0 ? evidence.error : ctl_doctor_add(doctor, &kind, "mhpd is masked: nothing can start it");
        }
        return 0;
}

/* mhpd's own udev rule starts it nevertheless when a device comes that memory can come from: late, but not never. */
static int find_disabled(struct ctl_doctor *doctor) {
        static const char *const wants[] = { NAME_UNITS_ETC "/" NAME_UNIT_WANTED, NAME_UNITS_RUN "/" NAME_UNIT_WANTED, NAME_UNITS_USR "/" NAME_UNIT_WANTED,
                                             NAME_UNITS_LIB "/" NAME_UNIT_WANTED };
        const struct ctl_finding_kind kind = { .severity = doctor->mhpd ? CTL_NOTE : CTL_WARNING, .token = "mhpd-disabled",
                                               .evidence = "/" NAME_UNITS_ETC "/" NAME_UNIT_WANTED ": not there",
                                               .remedy = "Run `systemctl enable --now mhpd`." };

        if (is_any(&doctor->root, wants, ELEMENTSOF(wants)))
                return 0;
        return ctl_doctor_add(doctor, &kind, "mhpd is not enabled: it starts when udev sees a device that memory can come from, and not before");
}

static int find_needs(struct ctl_doctor *doctor) {
        static const char *const bus[] = { NAME_BUS_CONFIG, NAME_BUS_SOCKET, NAME_BUS_SOCKET_LIB };
        static const struct ctl_finding_kind no_bus = { .severity = CTL_WARNING, .token = "no-bus", .evidence = "/" NAME_BUS_CONFIG ": not there",
                                                        .remedy = "Install D-Bus: dbus-broker or dbus-daemon." };
        static const struct ctl_finding_kind no_polkit = { .severity = CTL_WARNING, .token = "no-polkit", .evidence = "/" NAME_POLKIT_SERVICE ": not there",
                                                           .remedy = "Install polkit, or change memory as root." };
        int r = 0;

        if (!is_any(&doctor->root, bus, ELEMENTSOF(bus)))
                r = ctl_doctor_add(doctor, &no_bus, "there is no D-Bus: nobody can ask mhpd for anything");
        if (r >= 0 && !mhp_root_exists(&doctor->root, NAME_POLKIT_SERVICE))
                r = ctl_doctor_add(doctor, &no_polkit, "there is no polkit: nobody but root may have mhpd change anything");
        return r;
}

static int get_string(sd_bus *bus, const char *member, char **ret) {
        return sd_bus_get_property_string(bus, SYSTEMD_NAME, "/" SYSTEMD_OBJECT, SYSTEMD_UNIT, member, NULL, ret);
}

static int tell_restarts(struct ctl_doctor *doctor, const char *active, const char *sub, uint32_t restarts) {
        bool up = strcmp(active, "active") == 0;
        struct ctl_finding_kind kind = { .severity = up ? CTL_WARNING : CTL_ERROR, .token = "mhpd-crashes",
                                         .remedy = "Look at `journalctl -u mhpd`, and report what it says." };
        _cleanup_text_ struct mhp_text evidence = {};

        mhp_text_printf(&evidence, "systemctl show mhpd: ActiveState=%s SubState=%s NRestarts=%" PRIu32, active, sub, restarts);
        kind.evidence = evidence.data;
        if (evidence.error < 0)
                return evidence.error;
        if (strcmp(active, "failed") == 0)
                return ctl_doctor_add(doctor, &kind, "mhpd has failed");
        if (restarts >= MANY_RESTARTS || strcmp(sub, "auto-restart") == 0)
                return ctl_doctor_add(doctor, &kind, "mhpd was restarted %" PRIu32 " times: it ends again and again", restarts);
        return 0;
}

/* Without systemd on the bus there is nobody to ask. */
static int find_restarts(struct ctl_doctor *doctor) {
        static const struct ctl_finding_kind no_bus = { .severity = CTL_WARNING, .token = "no-bus", .evidence = "the system bus: no connection",
                                                        .remedy = "Start D-Bus: `systemctl start dbus`." };
        _cleanup_free_ char *active = NULL, *sub = NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        uint32_t restarts;
        int r = ctl_bus_open(doctor->ctl, &bus);

        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return ctl_doctor_add(doctor, &no_bus, "the system bus cannot be reached: nobody can ask mhpd for anything (%s)", strerror(-r));
        r = sd_bus_set_method_call_timeout(bus, SYSTEMD_TIMEOUT);
        if (r >= 0)
                r = get_string(bus, "ActiveState", &active);
        if (r >= 0)
                r = get_string(bus, "SubState", &sub);
        if (r >= 0)
                r = sd_bus_get_property_trivial(bus, SYSTEMD_NAME, "/" SYSTEMD_OBJECT, SYSTEMD_SERVICE, "NRestarts", NULL, 'u', &restarts);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        return tell_restarts(doctor, active, sub, restarts);
}

int ctl_doctor_service(struct ctl_doctor *doctor) {
        bool masked = false;
        int r;

        if (!is_installed(&doctor->root))
                return 0;
        r = find_mask(doctor, &masked);
        if (r >= 0 && !masked)
                r = find_disabled(doctor);
        if (r >= 0)
                r = find_needs(doctor);
        return r < 0 || doctor->ctl->sysroot ? r : find_restarts(doctor);
}
