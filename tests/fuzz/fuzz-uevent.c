/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "edge/uevent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *copy = malloc(size > 0 ? size : 1); /* a read beyond its end is seen */
        struct mhp_uevent event;

        MUST(copy);
        if (size > 0)
                memcpy(copy, data, size);
        if (mhp_uevent_parse(copy, size, &event) == 0)
                return 0;
        switch (event.action) {
        case MHP_UEVENT_ADD:
        case MHP_UEVENT_REMOVE:
        case MHP_UEVENT_CHANGE:
                MUST(event.block <= MHP_BLOCK_MAX);
                return 0;
        case MHP_UEVENT_DAX:
        case MHP_UEVENT_EJECT:
        case MHP_UEVENT_RESIZE:
                MUST(event.block == MHP_NO_BLOCK && memchr(event.device, 0, sizeof(event.device)));
                return 0;
        }
        MUST(false);
        return 0;
}
