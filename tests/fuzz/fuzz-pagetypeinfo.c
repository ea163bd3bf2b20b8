/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "edge/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = calloc(1, size > 0 ? size : 1);
        uint64_t pages = 0;

        MUST(text);
        if (size > 0)
                memcpy(text, data, size);
        if (mhp_machine_parse_pageblock(text, size, &pages) == 0)
                MUST(pages > 0 && (pages & (pages - 1)) == 0);
        else
                MUST(pages == 0);
        (void) mhp_machine_parse_number(text, size, "MemFree:", &pages);
        if (mhp_machine_parse_number(text, size, "nr_free_pages ", &pages) == 0) {
                uint64_t page = mhp_machine_page_size(size << 12, pages);

                MUST(page == 0 || page == 4096 || page == 16384 || page == 65536);
        }
        return 0;
}
