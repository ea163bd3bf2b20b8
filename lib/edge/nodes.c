/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "edge/nodes.h"

#include <errno.h>
#include <string.h>

#include "edge/names.h"

int mhp_nodes_processors(const struct mhp_root *root, struct mhp_pressure *pressure) {
        _cleanup_ranges_ struct mhp_ranges nodes = { 0 };
        _cleanup_free_ char *text = NULL;
        size_t len;
        int r = mhp_root_read_all(root, NAME_NODES_WITH_PROCESSORS, &text, &len);

        if (r >= 0) {
                text[strcspn(text, "\n")] = '\0';
                r = mhp_ranges_parse(text, &nodes);
        }
        if (r >= 0)
                mhp_pressure_set_processors(pressure, &nodes);
        return mhp_error_passes(r) ? r : 0; /* not known is an answer, but not one for good */
}
