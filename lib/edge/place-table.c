/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/place-table.h"

#include "edge/names.h"

int mhp_place_table_read(const struct mhp_root *root, char **ret) {
        size_t len;
        char *text;
        int r = mhp_root_read_all(root, NAME_MEMMAP_POLICY, &text, &len);

        if (r < 0)
                return r;
        while (len > 0 && text[len - 1] == '\n')
                text[--len] = '\0';
        *ret = text;
        return 0;
}

/* A write of nothing does not reach the kernel. */
int mhp_place_table_write(const struct mhp_root *root, const char *text) {
        return mhp_root_write(root, NAME_MEMMAP_POLICY, *text ? text : "\n");
}
