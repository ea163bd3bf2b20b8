/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/companion.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/range.h"
#include "base/units.h"
#include "edge/names.h"

#define COMPANION_PATH_MAX 128

static bool block_has(const struct mhp_root *root, const char *block, const char *file) {
        char path[COMPANION_PATH_MAX];

        (void) snprintf(path, sizeof(path), NAME_MEMORY "/%.32s/%s", block, file);
        return mhp_root_exists(root, path);
}

/* All blocks have the same files, so one does; one that is just leaving has none of them. */
static void look_at_block(const struct mhp_root *root, struct mhp_companion *companion) {
        _cleanup_dir_ DIR *dir = NULL;
        uint32_t nr;

        if (mhp_root_opendir(root, NAME_MEMORY, &dir) < 0)
                return;
        for (const struct dirent *d; (d = readdir(dir));) {
                if (strncmp(d->d_name, "memory", 6) != 0 || mhp_parse_u32(d->d_name + 6, &nr) < 0 || nr > MHP_BLOCK_MAX ||
                    !block_has(root, d->d_name, NAME_STATE))
                        continue;
                companion->hold = block_has(root, d->d_name, NAME_HOLD);
                companion->vmemmap_pages = block_has(root, d->d_name, NAME_VMEMMAP_PAGES);
                return;
        }
}

void mhp_companion_read(const struct mhp_root *root, struct mhp_companion *ret) {
        struct mhp_companion companion = {
                .memmap_policy = mhp_root_exists(root, NAME_MEMMAP_POLICY),
                .teardown = mhp_root_exists(root, NAME_TEARDOWN),
                .eject_notice = mhp_root_exists(root, NAME_ACPI_NOTICE),
        };

        look_at_block(root, &companion);
        *ret = companion;
}

static int read_device(const struct mhp_root *root, const char *device, const char *file, char *buf, size_t size) {
        char path[COMPANION_PATH_MAX];

        (void) snprintf(path, sizeof(path), NAME_VIRTIO_MEM_DRIVER "/%s/%s", device, file);
        return mhp_root_read(root, path, buf, size);
}

static int read_size(const struct mhp_root *root, const char *device, const char *file, uint64_t *ret) {
        char buf[32];
        int r = read_device(root, device, file, buf, sizeof(buf));

        return r < 0 ? r : mhp_parse_u64(buf, ret);
}

/* Without the first two it is a stock kernel's device; the rest is told where it is known. */
static bool take_device(const struct mhp_root *root, const char *name, struct mhp_virtio_mem *ret) {
        struct mhp_virtio_mem device = { 0 };
        size_t len = strlen(name);

        if (len <= 6 || len >= sizeof(device.name) || strncmp(name, "virtio", 6) != 0 || strspn(name + 6, "0123456789") != len - 6)
                return false;
        memcpy(device.name, name, len + 1);
        if (read_size(root, name, NAME_VIRTIO_MEM_REQUESTED, &device.requested) < 0 ||
            read_size(root, name, NAME_VIRTIO_MEM_PLUGGED, &device.plugged) < 0)
                return false;
        (void) read_size(root, name, NAME_VIRTIO_MEM_USABLE, &device.usable);
        (void) read_size(root, name, NAME_VIRTIO_MEM_BLOCK, &device.device_block);
        if (read_device(root, name, NAME_VIRTIO_MEM_MODE, device.mode, sizeof(device.mode)) < 0)
                device.mode[0] = '\0';
        *ret = device;
        return true;
}

static int compare(const void *a, const void *b) {
        return strverscmp(((const struct mhp_virtio_mem *) a)->name, ((const struct mhp_virtio_mem *) b)->name);
}

int mhp_virtio_mem_list(const struct mhp_root *root, struct mhp_virtio_mem **ret, size_t *ret_n) {
        _cleanup_free_ struct mhp_virtio_mem *list = NULL;
        _cleanup_dir_ DIR *dir = NULL;
        size_t n = 0, capacity = 0;
        int found = mhp_root_opendir(root, NAME_VIRTIO_MEM_DRIVER, &dir);

        if (mhp_error_passes(found))
                return found;
        if (found >= 0)
                for (const struct dirent *d; (d = readdir(dir));) {
                        struct mhp_virtio_mem device;
                        int r;

                        if (!take_device(root, d->d_name, &device))
                                continue;
                        r = ARRAY_GROW(list, n, capacity);
                        if (r < 0)
                                return r;
                        list[n++] = device;
                }
        if (n > 0)
                qsort(list, n, sizeof(*list), compare);
        *ret = TAKE(list);
        *ret_n = n;
        return 0;
}

int mhp_eject_notice_read(const struct mhp_root *root, bool *ret) {
        char value[8];
        int r = mhp_root_read(root, NAME_ACPI_NOTICE, value, sizeof(value));

        if (r >= 0)
                *ret = strcmp(value, "1") == 0;
        return r < 0 ? r : 0;
}

int mhp_eject_notice_write(const struct mhp_root *root, bool on) {
        return mhp_root_write(root, NAME_ACPI_NOTICE, on ? "1" : "0");
}
