/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "edge/groups.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = malloc(size > 0 ? size : 1);
        struct mhp_iomem iomem;

        MUST(text);
        if (size > 0)
                memcpy(text, data, size);
        MUST(mhp_iomem_parse(text, size, &iomem) == 0);
        MUST(iomem.n == 0 || !iomem.hidden);
        for (size_t i = 0; i < iomem.n; i++) {
                const struct mhp_iomem_range *range = &iomem.range[i];

                MUST(range->first <= range->last);
                MUST(memchr(range->device, '\0', sizeof(range->device)));
                if (range->source == MHP_SOURCE_VIRTIO_MEM)
                        MUST(strncmp(range->device, "virtio", 6) == 0);
                else
                        MUST(range->source == MHP_SOURCE_DAX && strncmp(range->device, "dax", 3) == 0);
        }
        mhp_iomem_done(&iomem);
        return 0;
}
