/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/uevent.h"

#include <errno.h>
#include <libudev.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/units.h"
#include "edge/names.h"

#define MESSAGE_MAX 8192 /* UEVENT_BUFFER_SIZE (include/linux/kobject.h) is 2048, and the path comes on top of it */

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
 * large device makes. No filter: of the kernel's messages libudev chooses none by subsystem before it has made a device of each. */
static int open_monitor(struct mhp_uevents *uevents, int buffer) {
        uevents->udev = udev_new();
        if (!uevents->udev)
                return -ENOMEM;
        uevents->monitor = udev_monitor_new_from_netlink(uevents->udev, "kernel");
        if (!uevents->monitor)
                return errno > 0 ? -errno : -ENOMEM;

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

static bool get_bytes(const char *value, uint64_t *ret) {
        return value && mhp_parse_u64(value, ret) >= 0;
}

/* What a message says, as far as it matters; NULL: it does not. */
struct words {
        const char *action, *path, *subsystem, *event, *requested, *plugged;
};

static void take_word(struct words *words, const char *word) {
        const struct {
                const char *key;
                const char **value;
        } rows[] = {
                { "ACTION=", &words->action },
                { "DEVPATH=", &words->path },
                { "SUBSYSTEM=", &words->subsystem },
                { "EVENT=", &words->event },
                { "REQUESTED_SIZE=", &words->requested },
                { "PLUGGED_SIZE=", &words->plugged },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (strncmp(word, rows[i].key, strlen(rows[i].key)) == 0)
                        *rows[i].value = word + strlen(rows[i].key);
}

/* `ACTION@DEVPATH`, then KEY=VALUE each with a NUL behind it (kobject_uevent_env(), lib/kobject_uevent.c). */
static bool read_words(const char *data, size_t len, struct words *ret) {
        struct words words = { 0 };

        if (len == 0 || data[len - 1] != '\0' || !strchr(data, '@'))
                return false;
        for (size_t at = strlen(data) + 1; at < len; at += strlen(data + at) + 1)
                take_word(&words, data + at);
        if (!words.action || !words.path || !words.subsystem)
                return false;
        *ret = words;
        return true;
}

/* A request of the host's, and not one of the many other changes that such devices tell of. */
static bool translate_request(const struct words *words, const char *name, struct mhp_uevent *ret) {
        struct mhp_uevent uevent = { .block = MHP_NO_BLOCK };

        if (strlen(name) >= sizeof(uevent.device))
                return false;
        if (words->event && strcmp(words->event, "eject-request") == 0 && strncmp(name, NAME_ACPI_MEMORY_HID, strlen(NAME_ACPI_MEMORY_HID)) == 0)
                uevent.action = MHP_UEVENT_EJECT;
        else if (get_bytes(words->requested, &uevent.requested) && get_bytes(words->plugged, &uevent.plugged))
                uevent.action = MHP_UEVENT_RESIZE;
        else
                return false;
        memcpy(uevent.device, name, strlen(name) + 1);
        *ret = uevent;
        return true;
}

static bool translate_block(const struct words *words, const char *name, struct mhp_uevent *ret) {
        uint32_t nr;

        if (strncmp(name, "memory", 6) != 0 || mhp_parse_u32(name + 6, &nr) < 0 || nr > MHP_BLOCK_MAX)
                return false;
        *ret = (struct mhp_uevent) { .block = nr };
        ret->action = strcmp(words->action, "add") == 0      ? MHP_UEVENT_ADD
                      : strcmp(words->action, "remove") == 0 ? MHP_UEVENT_REMOVE
                                                             : MHP_UEVENT_CHANGE;
        return true;
}

int mhp_uevent_parse(const char *data, size_t len, struct mhp_uevent *ret) {
        struct words words;
        const char *name;

        if (!read_words(data, len, &words))
                return 0;
        name = strrchr(words.path, '/');
        if (!name)
                return 0;
        if (strcmp(words.subsystem, "memory") == 0)
                return translate_block(&words, name + 1, ret);
        if (strcmp(words.subsystem, "dax") == 0) {
                *ret = (struct mhp_uevent) { .action = MHP_UEVENT_DAX, .block = MHP_NO_BLOCK };
                return 1;
        }
        if (strcmp(words.subsystem, "acpi") != 0 && strcmp(words.subsystem, "virtio") != 0)
                return 0;
        return translate_request(&words, name + 1, ret);
}

/* Only a socket that is none any more cannot go on: what another error is about is one message, or the many that were lost. The kernel had no memory
 * for one: that is a loss, too. */
static int judge(int error) {
        switch (error) {
        case EAGAIN:
                return 0;
        case ENOBUFS:
        case ENOMEM:
                return -ENOBUFS;
        case EBADF:
        case ENOTSOCK:
        case ENOTCONN:
        case EFAULT:
        case EINVAL:
                return -error;
        default:
                return MHP_UEVENTS_PASSED;
        }
}

/* libudev's own receiving ends at a message that it refuses, and goes on without end while others come: neither is for a daemon whose
 * rounds have a limit. Only the kernel is believed, whose address is 0. */
int mhp_uevents_next(struct mhp_uevents *uevents, struct mhp_uevent *ret) {
        struct sockaddr_nl from = { 0 };
        socklen_t from_len = sizeof(from);
        char data[MESSAGE_MAX];
        ssize_t n = recvfrom(mhp_uevents_fd(uevents), data, sizeof(data), MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *) &from, &from_len);

        if (n < 0)
                return judge(errno);
        if (from_len != sizeof(from) || from.nl_family != AF_NETLINK || from.nl_pid != 0 || (size_t) n > sizeof(data))
                return MHP_UEVENTS_PASSED;
        return mhp_uevent_parse(data, (size_t) n, ret) > 0 ? 1 : MHP_UEVENTS_PASSED;
}
