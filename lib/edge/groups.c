/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/groups.h"

#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/units.h"
#include "edge/names.h"
#include "model/group.h"
#include "model/lmb.h"

struct acpi_block {
        uint32_t nr;
        const char *group; /* interned */
};

struct mhp_groups {
        const struct mhp_root *root; /* not owned; outlives us */
        uint64_t block_size;
        struct mhp_iomem iomem;
        bool has_devices;            /* something that could own plain looking memory when iomem is hidden */
        enum mhp_source balloon;     /* who brings plain memory on this machine */
        struct acpi_block *acpi;     /* by number; owned */
        size_t n_acpi, acpi_capacity;
        struct mhp_lmbs lmbs;        /* owned; none but on pseries */
        void *names;                 /* tsearch(3): interned group names; owned */
};

void mhp_iomem_done(struct mhp_iomem *iomem) {
        free(iomem->range);
        *iomem = (struct mhp_iomem) { 0 };
}

/* `virtio0` and `dax0.0` are what the drivers call the region that they own (virtio_mem_create_resource(), drivers/virtio/virtio_mem.c;
 * dev_dax_kmem_probe(), drivers/dax/kmem.c). */
static enum mhp_source source_of_region(const char *name, size_t len) {
        size_t digits;

        if (len > 6 && memcmp(name, "virtio", 6) == 0 && strspn(name + 6, "0123456789") == len - 6)
                return MHP_SOURCE_VIRTIO_MEM;

        if (len < 6 || memcmp(name, "dax", 3) != 0)
                return MHP_SOURCE_UNKNOWN;
        digits = strspn(name + 3, "0123456789");
        if (digits == 0 || name[3 + digits] != '.')
                return MHP_SOURCE_UNKNOWN;
        name += 4 + digits;
        len -= 4 + digits;
        return len > 0 && strspn(name, "0123456789") == len ? MHP_SOURCE_DAX : MHP_SOURCE_UNKNOWN;
}

static int hex_prefix(const char **p, char end, uint64_t *ret) {
        size_t len = strspn(*p, "0123456789abcdefABCDEF");
        char word[17];
        int r;

        if (len == 0 || len >= sizeof(word) || (*p)[len] != end)
                return -EINVAL;
        memcpy(word, *p, len);
        word[len] = '\0';
        r = mhp_parse_hex(word, ret);
        if (r < 0)
                return r;
        *p += len + 1;
        return 0;
}

/* `  140000000-17fffffff : virtio0`, NUL terminated. 1: a device's region; 0: something else. */
static int iomem_line(const char *line, struct mhp_iomem_range *ret, bool *ret_address) {
        struct mhp_iomem_range range = { 0 };
        const char *p = line + strspn(line, " ");
        size_t len;

        if (hex_prefix(&p, '-', &range.first) < 0 || hex_prefix(&p, ' ', &range.last) < 0 || p[0] != ':' || p[1] != ' ')
                return 0;
        if (range.last == 0) /* without CAP_SYS_ADMIN every line says 0-0: that is no device at block 0 */
                return 0;
        *ret_address = true;

        p += 2;
        len = strlen(p);
        range.source = source_of_region(p, len);
        if (range.source == MHP_SOURCE_UNKNOWN || len >= sizeof(range.device) || range.first > range.last)
                return 0;
        memcpy(range.device, p, len + 1);
        *ret = range;
        return 1;
}

int mhp_iomem_parse(const char *text, size_t len, struct mhp_iomem *ret) {
        struct mhp_iomem iomem = { .hidden = true };
        const char *end = text + len;

        while (text < end) {
                const char *newline = memchr(text, '\n', (size_t) (end - text));
                size_t n = (size_t) ((newline ? newline : end) - text);
                struct mhp_iomem_range range;
                bool address = false;
                char line[256];
                int r = 0;

                if (n < sizeof(line) && !memchr(text, '\0', n)) {
                        memcpy(line, text, n);
                        line[n] = '\0';
                        r = iomem_line(line, &range, &address);
                }
                if (address)
                        iomem.hidden = false;
                if (r > 0) {
                        r = ARRAY_GROW(iomem.range, iomem.n, iomem.capacity);
                        if (r < 0) {
                                mhp_iomem_done(&iomem);
                                return r;
                        }
                        iomem.range[iomem.n++] = range;
                }
                text += n + 1;
        }
        *ret = iomem;
        return 0;
}

/* An error that passes must not be taken for something that is not there; every other is as good as that. */
static int passing(int r) {
        return mhp_error_passes(r) ? r : 0;
}

/* 1: there are some. */
static int has_entries(const struct mhp_root *root, const char *path, const char *prefix) {
        _cleanup_dir_ DIR *dir = NULL;
        int r = mhp_root_opendir(root, path, &dir);

        if (r < 0)
                return passing(r);
        for (const struct dirent *d; (r = mhp_root_next(dir, &d)) > 0;)
                if (strncmp(d->d_name, prefix, strlen(prefix)) == 0)
                        return 1;
        return r;
}

/* The balloon drivers add plain `System RAM` and leave no trace of it in iomem or sysfs; that there is one must do. */
static int find_balloon(const struct mhp_root *root, enum mhp_source *ret) {
        char type[16];
        int r;

        *ret = MHP_SOURCE_OTHER;
        if (mhp_root_exists(root, NAME_HV_BALLOON_DRIVER)) {
                *ret = MHP_SOURCE_HYPERV;
                return 0;
        }
        r = mhp_root_read(root, NAME_HYPERVISOR_TYPE, type, sizeof(type));
        if (r >= 0 && strcmp(type, "xen") == 0)
                *ret = MHP_SOURCE_XEN;
        return passing(r);
}

int mhp_groups_new(const struct mhp_root *root, uint64_t block_size, struct mhp_groups **ret) {
        _cleanup_groups_ struct mhp_groups *groups = calloc(1, sizeof(*groups));
        int r;

        if (!groups)
                return -ENOMEM;
        groups->root = root;
        groups->block_size = block_size;
        r = find_balloon(root, &groups->balloon);
        if (r >= 0)
                r = mhp_groups_refresh(groups);
        if (r < 0)
                return r;
        *ret = TAKE(groups);
        return 0;
}

struct mhp_groups *mhp_groups_free(struct mhp_groups *groups) {
        if (!groups)
                return NULL;

        tdestroy(groups->names, free);
        free(groups->acpi);
        mhp_lmbs_done(&groups->lmbs);
        mhp_iomem_done(&groups->iomem);
        free(groups);
        return NULL;
}

/* Only a kernel with the companion patch tells. A device's block is a power of two (virtio_mem_init(), drivers/virtio/virtio_mem.c). */
static int read_device_block(const struct mhp_groups *groups, struct mhp_iomem_range *range) {
        char path[128], value[32];
        uint64_t size, n;
        int r;

        if (range->source != MHP_SOURCE_VIRTIO_MEM || groups->block_size == 0)
                return 0;
        (void) snprintf(path, sizeof(path), NAME_VIRTIO_MEM_DRIVER "/%s/" NAME_VIRTIO_MEM_BLOCK, range->device);
        r = mhp_root_read(groups->root, path, value, sizeof(value));
        if (r < 0 || mhp_parse_u64(value, &size) < 0)
                return passing(r);
        n = size / groups->block_size;
        range->device_block = n > 1 && n <= MHP_BLOCK_MAX && (n & (n - 1)) == 0 ? (uint32_t) n : 0;
        return 0;
}

/* The state file shows what was written last (state_show(), drivers/dax/kmem.c, 7.3), `offline` as long as nobody has written since kmem took the device
 * and mhpd had told the kernel to leave blocks offline. It is `unplugged` until a write that brings memory has ended. While kmem takes a device there is no
 * such file, and before 7.3 there is none at all. */
static int read_chosen(const struct mhp_groups *groups, struct mhp_iomem_range *range) {
        char path[128], value[32];
        int r;

        if (range->source != MHP_SOURCE_DAX)
                return 0;
        (void) snprintf(path, sizeof(path), NAME_DAX_DEVICES "/%s/" NAME_DAX_STATE, range->device);
        r = mhp_root_read(groups->root, path, value, sizeof(value));
        range->chosen = r >= 0 && strcmp(value, "offline") != 0;
        return passing(r);
}

/* A number in the device tree. 0: it is not there, or makes no sense. */
static int read_number(const struct mhp_root *root, const char *path, uint64_t *ret) {
        _cleanup_free_ char *data = NULL;
        size_t len;
        int r = mhp_root_read_all(root, path, &data, &len);

        *ret = r >= 0 && len <= sizeof(uint64_t) ? mhp_big_endian(data, len) : 0;
        return passing(r);
}

/* The kernel takes the first format that is there (walk_drmem_lmbs(), arch/powerpc/mm/drmem.c). A list that makes no sense is none: its memory is
 * taken for what it would be on another machine. */
static int read_lmbs(const struct mhp_root *root, struct mhp_lmbs *ret) {
        enum mhp_lmb_format format = MHP_LMB_V1;
        _cleanup_free_ char *data = NULL;
        uint64_t address, size;
        size_t len;
        int r = read_number(root, NAME_ADDRESS_CELLS, &address);

        if (r >= 0)
                r = read_number(root, NAME_LMB_SIZE, &size);
        if (r < 0)
                return r;
        r = mhp_root_read_all(root, NAME_LMBS_V1, &data, &len);
        if (r < 0 && !mhp_error_passes(r)) {
                format = MHP_LMB_V2;
                r = mhp_root_read_all(root, NAME_LMBS_V2, &data, &len);
        }
        if (r >= 0)
                r = mhp_lmbs_parse(data, len, format, (struct mhp_lmb_cells) { .address = (unsigned) address, .size = size }, ret);
        return passing(r);
}

static int refresh_lmbs(struct mhp_groups *groups) {
        struct mhp_lmbs lmbs = { 0 };
        int r = read_lmbs(groups->root, &lmbs);

        if (r < 0)
                return r;
        mhp_lmbs_done(&groups->lmbs);
        groups->lmbs = lmbs;
        return 0;
}

static int read_iomem(const struct mhp_groups *groups, struct mhp_iomem *iomem) {
        _cleanup_free_ char *text = NULL;
        size_t len;
        int r = mhp_root_read_all(groups->root, NAME_IOMEM, &text, &len);

        if (r < 0)
                return passing(r);
        r = mhp_iomem_parse(text, len, iomem);
        for (size_t i = 0; i < iomem->n && r >= 0; i++) {
                r = read_device_block(groups, &iomem->range[i]);
                if (r >= 0)
                        r = read_chosen(groups, &iomem->range[i]);
        }
        return r;
}

static int refresh_iomem(struct mhp_groups *groups) {
        _cleanup_(mhp_iomem_done) struct mhp_iomem iomem = { .hidden = true };
        int r = read_iomem(groups, &iomem), devices = 0;

        if (r >= 0 && iomem.hidden)
                r = devices = has_entries(groups->root, NAME_VIRTIO_MEM_DRIVER, "virtio");
        if (r == 0 && iomem.hidden)
                r = devices = has_entries(groups->root, NAME_DAX_DEVICES, "dax");
        if (r < 0)
                return r;
        mhp_iomem_done(&groups->iomem);
        groups->iomem = iomem;
        groups->has_devices = devices > 0;
        iomem = (struct mhp_iomem) { 0 };
        return 0;
}

int mhp_groups_refresh(struct mhp_groups *groups) {
        int r = refresh_iomem(groups);

        return r < 0 ? r : refresh_lmbs(groups);
}

static int compare_names(const void *a, const void *b) {
        return strcmp(a, b);
}

static int intern(struct mhp_groups *groups, enum mhp_source source, const char *device, const char **ret) {
        _cleanup_free_ char *name = NULL;
        char **found;

        if (asprintf(&name, "%s%s%s", mhp_source_name(source), device ? ":" : "", device ? device : "") < 0) {
                name = NULL;
                return -ENOMEM;
        }
        found = tsearch(name, &groups->names, compare_names);
        if (!found)
                return -ENOMEM;
        if (*found == name)
                TAKE(name);
        *ret = *found;
        return 0;
}

static int compare_acpi(const void *a, const void *b) {
        uint32_t x = ((const struct acpi_block *) a)->nr, y = ((const struct acpi_block *) b)->nr;

        return (x > y) - (x < y);
}

/* One PNP0C80 device: its physical_node, physical_node1, … lead to its memory blocks (acpi_bind_one(), drivers/acpi/glue.c). */
static int load_device(struct mhp_groups *groups, const char *device) {
        char path[512], target[64];
        _cleanup_dir_ DIR *dir = NULL;
        const char *name;
        int r;

        r = intern(groups, MHP_SOURCE_ACPI, device, &name);
        if (r < 0)
                return r;
        (void) snprintf(path, sizeof(path), NAME_ACPI_DEVICES "/%s", device);
        r = mhp_root_opendir(groups->root, path, &dir);
        if (r < 0)
                return passing(r); /* else it left while we were looking */

        for (const struct dirent *d; (r = mhp_root_next(dir, &d)) > 0;) {
                uint32_t nr;

                if (strncmp(d->d_name, NAME_ACPI_PHYSICAL_NODE, strlen(NAME_ACPI_PHYSICAL_NODE)) != 0)
                        continue;
                (void) snprintf(path, sizeof(path), NAME_ACPI_DEVICES "/%.63s/%.63s", device, d->d_name);
                r = mhp_root_link_name(groups->root, path, target, sizeof(target));
                if (mhp_error_passes(r))
                        return r;
                if (r < 0 || strncmp(target, "memory", 6) != 0 || mhp_parse_u32(target + 6, &nr) < 0)
                        continue;
                r = ARRAY_GROW(groups->acpi, groups->n_acpi, groups->acpi_capacity);
                if (r < 0)
                        return r;
                groups->acpi[groups->n_acpi++] = (struct acpi_block) { nr, name };
        }
        return r;
}

int mhp_groups_load(struct mhp_groups *groups) {
        _cleanup_dir_ DIR *dir = NULL;
        int r = mhp_root_opendir(groups->root, NAME_ACPI_DEVICES, &dir);

        groups->n_acpi = 0;
        if (r < 0)
                return passing(r); /* else there is no ACPI */

        for (const struct dirent *d; (r = mhp_root_next(dir, &d)) > 0;) {
                if (strncmp(d->d_name, NAME_ACPI_MEMORY_HID, strlen(NAME_ACPI_MEMORY_HID)) != 0)
                        continue;
                r = load_device(groups, d->d_name);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        if (groups->n_acpi > 0)
                qsort(groups->acpi, groups->n_acpi, sizeof(*groups->acpi), compare_acpi);
        return 0;
}

static int from_iomem(struct mhp_groups *groups, struct mhp_reading *reading) {
        uint64_t address = mhp_mul_sat(reading->nr, groups->block_size);

        for (size_t i = 0; i < groups->iomem.n; i++) {
                const struct mhp_iomem_range *range = &groups->iomem.range[i];

                if (address < range->first || address > range->last)
                        continue;
                reading->source = range->source;
                reading->device_block = range->device_block;
                reading->chosen = range->chosen;
                return intern(groups, range->source, range->device, &reading->group);
        }
        return 0;
}

static int from_acpi(struct mhp_groups *groups, enum mhp_resolve how, struct mhp_reading *reading) {
        char path[128], device[64];
        int r;

        if (how == MHP_RESOLVE_SCAN) {
                const struct acpi_block key = { .nr = reading->nr };
                const struct acpi_block *found =
                        groups->n_acpi > 0 ? bsearch(&key, groups->acpi, groups->n_acpi, sizeof(key), compare_acpi) : NULL;

                if (found) {
                        reading->source = MHP_SOURCE_ACPI;
                        reading->group = found->group;
                }
                return 0;
        }

        (void) snprintf(path, sizeof(path), NAME_MEMORY "/memory%u/" NAME_FIRMWARE_NODE, reading->nr);
        r = mhp_root_link_name(groups->root, path, device, sizeof(device));
        if (r < 0 || strncmp(device, NAME_ACPI_MEMORY_HID, strlen(NAME_ACPI_MEMORY_HID)) != 0)
                return passing(r);
        reading->source = MHP_SOURCE_ACPI;
        return intern(groups, MHP_SOURCE_ACPI, device, &reading->group);
}

/* What the hypervisor can take again is an LMB, whether it was there at boot or came later. The flags of the list tell no more than that: the kernel
 * notes the arrival of an LMB in the device tree only after its block has come (dlpar_memory(), arch/powerpc/platforms/pseries/hotplug-memory.c). */
static int from_lmb(struct mhp_groups *groups, struct mhp_reading *reading) {
        char device[sizeof("ffffffff")];
        uint32_t drc;

        if (mhp_lmbs_find(&groups->lmbs, mhp_mul_sat(reading->nr, groups->block_size), &drc) == 0)
                return 0;
        (void) snprintf(device, sizeof(device), "%08" PRIx32, drc);
        reading->source = MHP_SOURCE_DLPAR;
        return intern(groups, MHP_SOURCE_DLPAR, device, &reading->group);
}

static int plain(struct mhp_groups *groups, enum mhp_resolve how, struct mhp_reading *reading) {
        switch (how) {
        case MHP_RESOLVE_SCAN:
                if (reading->state != MHP_STATE_ONLINE || groups->has_devices)
                        return 0;
                reading->source = MHP_SOURCE_BOOT;
                return intern(groups, MHP_SOURCE_BOOT, NULL, &reading->group);
        case MHP_RESOLVE_ARRIVING:
                return 0;
        case MHP_RESOLVE_SETTLED:
                if (groups->has_devices)
                        return 0;
                reading->source = groups->balloon;
                return intern(groups, groups->balloon, NULL, &reading->group);
        }
        return 0;
}

int mhp_groups_resolve(struct mhp_groups *groups, enum mhp_resolve how, struct mhp_reading *reading) {
        int r;

        reading->source = MHP_SOURCE_UNKNOWN;
        reading->group = NULL;
        reading->device_block = 0;
        reading->chosen = false;

        r = from_iomem(groups, reading);
        if (r < 0 || reading->group)
                return r;
        r = from_acpi(groups, how, reading);
        if (r < 0 || reading->group)
                return r;
        r = from_lmb(groups, reading);
        if (r < 0 || reading->group)
                return r;
        return plain(groups, how, reading);
}
