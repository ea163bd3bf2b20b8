/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "edge/state-file.h"

/* What is taken from a file, and written, is taken again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_saved_ struct mhp_saved saved = { 0 }, again = { 0 };
        _cleanup_text_ struct mhp_text first = { 0 }, second = { 0 };
        _cleanup_free_ char *text = calloc(1, size + 1);

        MUST(text);
        if (size > 0)
                memcpy(text, data, size);
        MUST(mhp_state_file_parse(text, &saved) == 0);
        MUST(mhp_state_file_print(&saved, &first) == 0);
        if (first.len == 0)
                return 0;

        _cleanup_free_ char *copy = strdup(first.data);
        MUST(copy);
        MUST(mhp_state_file_parse(copy, &again) == 0);
        MUST(mhp_state_file_print(&again, &second) == 0);
        MUST(second.len == first.len && memcmp(first.data, second.data, first.len) == 0);
        return 0;
}
