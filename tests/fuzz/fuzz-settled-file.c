/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "edge/settled-file.h"

/* What is taken from a file, and written, is taken again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct mhp_settled settled = { 0 }, again = { 0 };
        _cleanup_text_ struct mhp_text first = { 0 }, second = { 0 };
        _cleanup_free_ char *text = fuzz_string(data, size);

        if (mhp_settled_file_parse(text, &settled.present, &settled.online) < 0) {
                MUST(!settled.present.range && !settled.online.range);
                return 0;
        }
        MUST(mhp_settled_file_print(&settled, &first) == 0);

        _cleanup_free_ char *copy = strdup(first.data);
        MUST(copy);
        MUST(mhp_settled_file_parse(copy, &again.present, &again.online) == 0);
        MUST(mhp_settled_file_print(&again, &second) == 0);
        MUST(strcmp(first.data, second.data) == 0);
        mhp_settled_done(&settled);
        mhp_settled_done(&again);
        return 0;
}
