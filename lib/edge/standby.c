/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/standby.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/range.h"
#include "base/units.h"
#include "edge/names.h"

#define STANDBY_PATH_MAX 64

static int read_flag(const struct mhp_root *root, uint32_t nr, const char *file, bool *ret) {
        char path[STANDBY_PATH_MAX], buf[8];
        int r;

        (void) snprintf(path, sizeof(path), NAME_STANDBY "/memory%u/%s", nr, file);
        r = mhp_root_read(root, path, buf, sizeof(buf));
        return r < 0 ? r : mhp_parse_bool(buf, ret);
}

static int compare(const void *a, const void *b) {
        uint32_t x = ((const struct mhp_standby *) a)->nr, y = ((const struct mhp_standby *) b)->nr;

        return (x > y) - (x < y);
}

/* 1: the folder's next entry was looked at; 0: there is none. */
static int take_next(const struct mhp_root *root, DIR *dir, struct mhp_standby **list, size_t *n, size_t *capacity) {
        struct mhp_standby block = { 0 };
        const struct dirent *d;
        int r = mhp_root_next(dir, &d);

        if (r <= 0)
                return r;
        if (strncmp(d->d_name, "memory", 6) != 0 || mhp_parse_u32(d->d_name + 6, &block.nr) < 0 || block.nr > MHP_BLOCK_MAX)
                return 1;
        r = read_flag(root, block.nr, NAME_STANDBY_CONFIG, &block.configured);
        if (r >= 0)
                r = read_flag(root, block.nr, NAME_STANDBY_SWITCH, &block.switched_on);
        if (r < 0)
                return mhp_error_passes(r) ? r : 1;
        r = ARRAY_GROW(*list, *n, *capacity);
        if (r < 0)
                return r;
        (*list)[(*n)++] = block;
        return 1;
}

int mhp_standby_list(const struct mhp_root *root, struct mhp_standby **ret, size_t *ret_n) {
        _cleanup_free_ struct mhp_standby *list = NULL;
        _cleanup_dir_ DIR *dir = NULL;
        size_t n = 0, capacity = 0;
        int r = mhp_root_opendir(root, NAME_STANDBY, &dir);

        while (r >= 0 && (r = take_next(root, dir, &list, &n, &capacity)) > 0)
                ;
        if (mhp_error_passes(r))
                return r;
        if (n > 0)
                qsort(list, n, sizeof(*list), compare);
        *ret = TAKE(list);
        *ret_n = n;
        return 0;
}

int mhp_standby_switch(const struct mhp_root *root, uint32_t nr, bool on) {
        char path[STANDBY_PATH_MAX];

        (void) snprintf(path, sizeof(path), NAME_STANDBY "/memory%u/" NAME_STANDBY_SWITCH, nr);
        return mhp_root_write(root, path, on ? "1" : "0");
}
