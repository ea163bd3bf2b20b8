/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "edge/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char rule[] = "\nATTR{state}=\"online\"";
        _cleanup_free_ char *text = calloc(1, size + sizeof(rule));

        MUST(text);
        if (size > 0)
                memcpy(text, data, size);
        (void) mhp_rules_bring_online(text, size);

        /* Whatever stands before a rule on lines of its own does not hide it. */
        if (size > 0 && text[size - 1] == '\\')
                return 0;
        memcpy(text + size, rule, sizeof(rule) - 1);
        MUST(mhp_rules_bring_online(text, size + sizeof(rule) - 1));
        return 0;
}
