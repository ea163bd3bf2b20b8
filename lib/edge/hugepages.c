/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/hugepages.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "edge/names.h"

#define POOL_PATH_MAX 128

static uint64_t read_figure(const struct mhp_root *root, const char *pool, const char *file) {
        char path[POOL_PATH_MAX], buf[32];
        uint64_t value;

        (void) snprintf(path, sizeof(path), NAME_HUGEPAGES "/%s/%s", pool, file);
        return mhp_root_read(root, path, buf, sizeof(buf)) >= 0 && mhp_parse_u64(buf, &value) >= 0 ? value : 0;
}

/* `hugepages-2048kB` (hugetlb_add_hstate(), mm/hugetlb.c). 0: it is no pool. */
static uint64_t page_size(const char *name) {
        static const char head[] = "hugepages-", tail[] = "kB";
        size_t len = strlen(name), around = strlen(head) + strlen(tail);
        char digits[24] = { 0 };
        uint64_t kib;

        if (len <= around || len - around >= sizeof(digits) || strncmp(name, head, strlen(head)) != 0 || strcmp(name + len - strlen(tail), tail) != 0)
                return 0;
        memcpy(digits, name + strlen(head), len - around);
        return mhp_parse_u64(digits, &kib) >= 0 ? mhp_mul_sat(kib, 1024) : 0;
}

uint64_t mhp_hugepages_free(const struct mhp_root *root) {
        _cleanup_dir_ DIR *dir = NULL;
        uint64_t sum = 0;

        if (mhp_root_opendir(root, NAME_HUGEPAGES, &dir) < 0)
                return 0;
        for (const struct dirent *d; (d = readdir(dir));) {
                uint64_t size = page_size(d->d_name), reserved;

                if (size == 0)
                        continue;
                /* Read first: what is reserved in between counts for nothing then. */
                reserved = read_figure(root, d->d_name, "resv_hugepages");
                uint64_t n = read_figure(root, d->d_name, "free_hugepages");
                sum = mhp_add_sat(sum, mhp_mul_sat(n > reserved ? n - reserved : 0, size));
        }
        return sum;
}
