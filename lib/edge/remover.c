/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/remover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "edge/names.h"

#define SOURCE_NAME_MAX 16
#define REMOVER_PATH_MAX 128
#define DRC_DIGITS 8

static const char *const switches[_MHP_SOURCE_MAX] = {
        [MHP_SOURCE_ACPI] = NAME_ACPI_VETO,
        [MHP_SOURCE_VIRTIO_MEM] = NAME_VIRTIO_MEM_UNPLUG_ONLINE,
};

const char *mhp_remover_path(enum mhp_source source) {
        return (unsigned) source < _MHP_SOURCE_MAX ? switches[source] : NULL;
}

int mhp_remover_read(const struct mhp_root *root, enum mhp_source source, char ret[static MHP_HOLD_VALUE_MAX]) {
        char value[MHP_HOLD_VALUE_MAX];
        int r;

        if (!mhp_remover_path(source))
                return -EOPNOTSUPP;
        r = mhp_root_read(root, switches[source], value, sizeof(value));
        if (r < 0)
                return r;
        memcpy(ret, value, (size_t) r + 1);
        return 0;
}

int mhp_remover_write(const struct mhp_root *root, enum mhp_source source, const char *value) {
        if (!mhp_remover_path(source))
                return -EOPNOTSUPP;
        if (strcmp(value, mhp_remover_held(source)) != 0 && strcmp(value, mhp_remover_free(source)) != 0)
                return -EINVAL;
        return mhp_root_write(root, switches[source], value);
}

int mhp_remover_source(const char *group, enum mhp_source *ret) {
        size_t n = strcspn(group, ":");
        char name[SOURCE_NAME_MAX];

        if (n >= sizeof(name))
                return -EINVAL;
        memcpy(name, group, n);
        name[n] = '\0';
        return mhp_source_parse(name, ret);
}

/* A name in sysfs, and no way out of its folder. */
static bool is_device(const char *s) {
        return *s != '\0' && *s != '.' &&
               strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-") == strlen(s);
}

static int eject(const struct mhp_root *root, const char *device) {
        char path[REMOVER_PATH_MAX];

        if (strncmp(device, NAME_ACPI_MEMORY_HID, strlen(NAME_ACPI_MEMORY_HID)) != 0)
                return -EINVAL;
        if ((size_t) snprintf(path, sizeof(path), NAME_ACPI_DEVICES "/%s/" NAME_ACPI_EJECT, device) >= sizeof(path))
                return -EINVAL;
        return mhp_root_write(root, path, "1");
}

/* `unplugged` takes all of the device out, or nothing (state_store(), drivers/dax/kmem.c, 7.3). */
static int unplug(const struct mhp_root *root, const char *device) {
        char path[REMOVER_PATH_MAX];

        if ((size_t) snprintf(path, sizeof(path), NAME_DAX_DEVICES "/%s/" NAME_DAX_STATE, device) >= sizeof(path))
                return -EINVAL;
        return mhp_root_exists(root, path) ? mhp_root_write(root, path, "unplugged") : mhp_root_write(root, NAME_KMEM_UNBIND, device);
}

/* The kernel finds the LMB by its drc index, takes its block offline if that is not so yet, and gives it to the hypervisor before the write returns
 * (dlpar_store(), arch/powerpc/platforms/pseries/dlpar.c). */
static int give_lmb(const struct mhp_root *root, const char *drc) {
        char words[sizeof("memory remove index 0x") + DRC_DIGITS];

        if (strlen(drc) != DRC_DIGITS || strspn(drc, "0123456789abcdef") != DRC_DIGITS)
                return -EINVAL;
        (void) snprintf(words, sizeof(words), "memory remove index 0x%s", drc);
        return mhp_root_write(root, NAME_DLPAR, words);
}

static int hand(const struct mhp_root *root, enum mhp_source source, const char *device) {
        switch (source) {
        case MHP_SOURCE_ACPI:
                return device ? eject(root, device) : -EINVAL;
        case MHP_SOURCE_DAX:
                return device ? unplug(root, device) : -EINVAL;
        case MHP_SOURCE_DLPAR:
                return device ? give_lmb(root, device) : -EINVAL;
        case MHP_SOURCE_UNKNOWN:
        case MHP_SOURCE_BOOT:
        case MHP_SOURCE_VIRTIO_MEM:
        case MHP_SOURCE_HYPERV:
        case MHP_SOURCE_XEN:
        case MHP_SOURCE_OTHER:
        case _MHP_SOURCE_MAX:
                break;
        }
        return -EOPNOTSUPP;
}

int mhp_remover_hand(const struct mhp_root *root, const char *group) {
        const char *device = strchr(group, ':');
        enum mhp_source source;
        int r = mhp_remover_source(group, &source);

        return r < 0 ? r : hand(root, source, device && is_device(device + 1) ? device + 1 : NULL);
}
