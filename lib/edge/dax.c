/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/dax.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/units.h"
#include "edge/names.h"

#define DAX_PATH_MAX 96

static bool is_name(const char *s) {
        size_t digits;

        if (strlen(s) >= MHP_DAX_NAME_MAX || strncmp(s, "dax", 3) != 0)
                return false;
        digits = strspn(s + 3, "0123456789");
        s += 3 + digits;
        return digits > 0 && *s == '.' && s[1] != '\0' && strspn(s + 1, "0123456789") == strlen(s + 1);
}

static int read_file(const struct mhp_root *root, const char *device, const char *file, char *buf, size_t size) {
        char path[DAX_PATH_MAX];

        (void) snprintf(path, sizeof(path), NAME_DAX_DEVICES "/%s/%s", device, file);
        return mhp_root_read(root, path, buf, size);
}

/* What is missing or makes no sense is not known. */
static void read_device(const struct mhp_root *root, const char *name, struct mhp_dax *ret) {
        struct mhp_dax dax = { .node = -1 };
        char path[DAX_PATH_MAX], buf[32];
        uint32_t node;

        memcpy(dax.name, name, strlen(name) + 1);
        if (read_file(root, name, NAME_DAX_SIZE, buf, sizeof(buf)) >= 0)
                (void) mhp_parse_u64(buf, &dax.size);
        if (read_file(root, name, NAME_DAX_NODE, buf, sizeof(buf)) >= 0 && mhp_parse_u32(buf, &node) >= 0 && node <= INT16_MAX)
                dax.node = (int) node;
        if (read_file(root, name, NAME_DAX_SWITCH, buf, sizeof(buf)) >= 0)
                dax.has_switch = mhp_parse_bool(buf, &dax.switched_on) >= 0;
        (void) snprintf(path, sizeof(path), NAME_DAX_DEVICES "/%s/" NAME_DRIVER, name);
        dax.in_kmem = mhp_root_link_name(root, path, buf, sizeof(buf)) >= 0 && strcmp(buf, "kmem") == 0;
        *ret = dax;
}

static int compare(const void *a, const void *b) {
        return strcmp(((const struct mhp_dax *) a)->name, ((const struct mhp_dax *) b)->name);
}

int mhp_dax_list(const struct mhp_root *root, struct mhp_dax **ret, size_t *ret_n) {
        _cleanup_free_ struct mhp_dax *list = NULL;
        _cleanup_dir_ DIR *dir = NULL;
        size_t n = 0, capacity = 0;

        if (mhp_root_opendir(root, NAME_DAX_DEVICES, &dir) >= 0)
                for (const struct dirent *d; (d = readdir(dir));) {
                        if (!is_name(d->d_name))
                                continue;
                        int r = ARRAY_GROW(list, n, capacity);
                        if (r < 0)
                                return r;
                        read_device(root, d->d_name, &list[n++]);
                }
        if (n > 0)
                qsort(list, n, sizeof(*list), compare);
        *ret = TAKE(list);
        *ret_n = n;
        return 0;
}

int mhp_dax_switch(const struct mhp_root *root, const char *name, bool on) {
        char path[DAX_PATH_MAX];

        if (!is_name(name))
                return -EINVAL;
        (void) snprintf(path, sizeof(path), NAME_DAX_DEVICES "/%s/" NAME_DAX_SWITCH, name);
        return mhp_root_write(root, path, on ? "1" : "0");
}
