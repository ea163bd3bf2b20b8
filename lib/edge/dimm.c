/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/dimm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/units.h"
#include "edge/names.h"

#define DIMM_PATH_MAX 128
#define PRESENT_AND_ENABLED 3 /* bits of _STA (ACPI specification, device configuration) */

/* What _STA said (status_show(), drivers/acpi/device_sysfs.c). */
static bool is_enabled(const struct mhp_root *root, const char *name) {
        char path[DIMM_PATH_MAX], value[16];
        uint32_t status;

        (void) snprintf(path, sizeof(path), NAME_ACPI_DEVICES "/%s/" NAME_ACPI_STATUS, name);
        return mhp_root_read(root, path, value, sizeof(value)) >= 0 && mhp_parse_u32(value, &status) >= 0 &&
               (status & PRESENT_AND_ENABLED) == PRESENT_AND_ENABLED;
}

/* -ENOENT: it left while we were looking. */
static int has_block(const struct mhp_root *root, const char *name) {
        _cleanup_dir_ DIR *dir = NULL;
        char path[DIMM_PATH_MAX];
        int r;

        (void) snprintf(path, sizeof(path), NAME_ACPI_DEVICES "/%s", name);
        r = mhp_root_opendir(root, path, &dir);
        if (r < 0)
                return r;
        for (const struct dirent *d; (d = readdir(dir));)
                if (strncmp(d->d_name, NAME_ACPI_PHYSICAL_NODE, strlen(NAME_ACPI_PHYSICAL_NODE)) == 0)
                        return 1;
        return 0;
}

static int compare(const void *a, const void *b) {
        return strcmp(((const struct mhp_dimm *) a)->name, ((const struct mhp_dimm *) b)->name);
}

int mhp_dimm_list_refused(const struct mhp_root *root, struct mhp_dimm **ret, size_t *ret_n) {
        _cleanup_free_ struct mhp_dimm *list = NULL;
        _cleanup_dir_ DIR *dir = NULL;
        size_t n = 0, capacity = 0;
        int found = mhp_root_opendir(root, NAME_ACPI_DEVICES, &dir);

        if (mhp_error_passes(found))
                return found;
        if (found >= 0)
                for (const struct dirent *d; (d = readdir(dir));) {
                        size_t len = strlen(d->d_name);

                        if (strncmp(d->d_name, NAME_ACPI_MEMORY_HID, strlen(NAME_ACPI_MEMORY_HID)) != 0 || len >= MHP_DIMM_NAME_MAX ||
                            !is_enabled(root, d->d_name) || has_block(root, d->d_name) != 0)
                                continue;
                        int r = ARRAY_GROW(list, n, capacity);
                        if (r < 0)
                                return r;
                        memcpy(list[n++].name, d->d_name, len + 1);
                }
        if (n > 0)
                qsort(list, n, sizeof(*list), compare);
        *ret = TAKE(list);
        *ret_n = n;
        return 0;
}
