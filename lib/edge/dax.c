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

/* What is missing or makes no sense is not known; an error that passes is no answer. */
static int read_device(const struct mhp_root *root, const char *name, struct mhp_dax *ret) {
        struct mhp_dax dax = { .node = -1 };
        char path[DAX_PATH_MAX], buf[32];
        uint32_t node;
        int r;

        memcpy(dax.name, name, strlen(name) + 1);
        r = read_file(root, dax.name, NAME_DAX_SIZE, buf, sizeof(buf));
        if (r >= 0)
                (void) mhp_parse_u64(buf, &dax.size);
        if (!mhp_error_passes(r))
                r = read_file(root, dax.name, NAME_DAX_NODE, buf, sizeof(buf));
        if (r >= 0 && mhp_parse_u32(buf, &node) >= 0 && node <= INT16_MAX)
                dax.node = (int) node;
        if (!mhp_error_passes(r))
                r = read_file(root, dax.name, NAME_DAX_SWITCH, buf, sizeof(buf));
        if (r >= 0)
                dax.has_switch = mhp_parse_bool(buf, &dax.switched_on) >= 0;
        if (mhp_error_passes(r))
                return r;
        (void) snprintf(path, sizeof(path), NAME_DAX_DEVICES "/%s/" NAME_DRIVER, dax.name);
        r = mhp_root_link_name(root, path, buf, sizeof(buf));
        if (mhp_error_passes(r))
                return r;
        dax.in_kmem = r >= 0 && strcmp(buf, "kmem") == 0;
        *ret = dax;
        return 0;
}

static int compare(const void *a, const void *b) {
        return strcmp(((const struct mhp_dax *) a)->name, ((const struct mhp_dax *) b)->name);
}

int mhp_dax_list(const struct mhp_root *root, struct mhp_dax **ret, size_t *ret_n) {
        _cleanup_free_ struct mhp_dax *list = NULL;
        _cleanup_dir_ DIR *dir = NULL;
        size_t n = 0, capacity = 0;
        int r = mhp_root_opendir(root, NAME_DAX_DEVICES, &dir);

        while (r >= 0) {
                const struct dirent *d;

                r = mhp_root_next(dir, &d);
                if (r <= 0)
                        break;
                if (!is_name(d->d_name))
                        continue;
                r = ARRAY_GROW(list, n, capacity);
                if (r >= 0)
                        r = read_device(root, d->d_name, &list[n++]);
        }
        if (mhp_error_passes(r))
                return r;
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
