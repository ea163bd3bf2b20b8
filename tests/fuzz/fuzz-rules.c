/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "edge/rules.h"

static bool brings_online(const struct mhp_root *root, const char *text, size_t len) {
        _cleanup_rules_ struct mhp_rules_hits hits = {};

        MUST(mhp_rules_judge(root, "x.rules", text, len, true, &hits) == 0);
        return hits.n > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char rule[] = "\n\nATTR{state}=\"online\"";
        const struct mhp_root root = MHP_ROOT_NONE;
        _cleanup_free_ char *text = calloc(1, size + sizeof(rule));

        MUST(text);
        if (size > 0)
                memcpy(text, data, size);
        (void) brings_online(&root, text, size);

        /* Whatever stands before a rule without conditions on lines of its own does not hide it. */
        memcpy(text + size, rule, sizeof(rule) - 1);
        MUST(brings_online(&root, text, size + sizeof(rule) - 1));
        return 0;
}
