/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/uevent.h"

#include <errno.h>
#include <libudev.h>
#include <string.h>
#include <sys/socket.h>

#include "base/units.h"
#include "edge/names.h"

struct mhp_uevents {
        struct udev *udev;
        struct udev_monitor *monitor;
};

struct mhp_uevents *mhp_uevents_free(struct mhp_uevents *uevents) {
        if (!uevents)
                return NULL;
        if (uevents->monitor)
                udev_monitor_unref(uevents->monitor);
        if (uevents->udev)
                udev_unref(uevents->udev);
        free(uevents);
        return NULL;
}

/* "kernel": the events as the kernel sends them. udevd's own come later, and not at all while it is busy with the storm that a
 * large device makes. */
static int open_monitor(struct mhp_uevents *uevents, int buffer) {
        static const char *const subsystems[] = { "memory", "dax", "acpi", "virtio" };
        int r;

        uevents->udev = udev_new();
        if (!uevents->udev)
                return -ENOMEM;
        uevents->monitor = udev_monitor_new_from_netlink(uevents->udev, "kernel");
        if (!uevents->monitor)
                return errno > 0 ? -errno : -ENOMEM;

        for (size_t i = 0; i < ELEMENTSOF(subsystems); i++) {
                r = udev_monitor_filter_add_match_subsystem_devtype(uevents->monitor, subsystems[i], NULL);
                if (r < 0)
                        return r;
        }

        /* Beyond net.core.rmem_max the size needs CAP_NET_ADMIN; as much as is allowed must do then. */
        if (udev_monitor_set_receive_buffer_size(uevents->monitor, buffer) < 0)
                (void) setsockopt(udev_monitor_get_fd(uevents->monitor), SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));

        return udev_monitor_enable_receiving(uevents->monitor);
}

int mhp_uevents_new(int buffer, struct mhp_uevents **ret) {
        struct mhp_uevents *uevents = calloc(1, sizeof(*uevents));
        int r;

        if (!uevents)
                return -ENOMEM;
        r = open_monitor(uevents, buffer);
        if (r < 0) {
                mhp_uevents_free(uevents);
                return r;
        }
        *ret = uevents;
        return 0;
}

int mhp_uevents_fd(const struct mhp_uevents *uevents) {
        return udev_monitor_get_fd(uevents->monitor);
}

static bool get_bytes(struct udev_device *device, const char *key, uint64_t *ret) {
        const char *value = udev_device_get_property_value(device, key);

        return value && mhp_parse_u64(value, ret) >= 0;
}

/* A request of the host's, and not one of the many other changes that such devices tell of. */
static bool translate_request(struct udev_device *device, const char *name, struct mhp_uevent *ret) {
        const char *event = udev_device_get_property_value(device, "EVENT");
        struct mhp_uevent uevent = { .block = MHP_NO_BLOCK };

        if (!name || strlen(name) >= sizeof(uevent.device))
                return false;
        if (event && strcmp(event, "eject-request") == 0 && strncmp(name, NAME_ACPI_MEMORY_HID, strlen(NAME_ACPI_MEMORY_HID)) == 0)
                uevent.action = MHP_UEVENT_EJECT;
        else if (get_bytes(device, "REQUESTED_SIZE", &uevent.requested) && get_bytes(device, "PLUGGED_SIZE", &uevent.plugged))
                uevent.action = MHP_UEVENT_RESIZE;
        else
                return false;
        memcpy(uevent.device, name, strlen(name) + 1);
        *ret = uevent;
        return true;
}

static bool translate(struct udev_device *device, struct mhp_uevent *ret) {
        const char *name = udev_device_get_sysname(device), *action = udev_device_get_action(device);
        const char *subsystem = udev_device_get_subsystem(device);
        uint32_t nr;

        if (subsystem && strcmp(subsystem, "dax") == 0) {
                *ret = (struct mhp_uevent) { .action = MHP_UEVENT_DAX, .block = MHP_NO_BLOCK };
                return true;
        }
        if (subsystem && strcmp(subsystem, "memory") != 0)
                return translate_request(device, name, ret);
        if (!name || !action || strncmp(name, "memory", 6) != 0 || mhp_parse_u32(name + 6, &nr) < 0 || nr > MHP_BLOCK_MAX)
                return false;

        *ret = (struct mhp_uevent) { .block = nr };
        ret->action = strcmp(action, "add") == 0 ? MHP_UEVENT_ADD : strcmp(action, "remove") == 0 ? MHP_UEVENT_REMOVE : MHP_UEVENT_CHANGE;
        return true;
}

int mhp_uevents_next(struct mhp_uevents *uevents, struct mhp_uevent *ret) {
        for (;;) {
                struct udev_device *device;
                bool ours;

                errno = 0;
                device = udev_monitor_receive_device(uevents->monitor);
                if (!device) {
                        /* A message that is not for us, or broken, also gives NULL; the socket is empty only at EAGAIN. */
                        if (errno == EAGAIN || errno == 0)
                                return 0;
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                ours = translate(device, ret);
                udev_device_unref(device);
                if (ours)
                        return 1;
        }
}
