/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "edge/zoneinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_zoneinfo_ struct mhp_zoneinfo info = {};
        _cleanup_free_ char *text = malloc(size > 0 ? size : 1);
        struct mhp_pressure pressure;
        uint64_t managed = 0;

        MUST(text);
        if (size > 0)
                memcpy(text, data, size);
        MUST(mhp_zoneinfo_parse(text, size, &info) == 0);
        for (size_t i = 0; i < info.n; i++) {
                MUST(info.zone[i].node >= -1 && info.zone[i].node <= INT16_MAX);
                MUST((unsigned) info.zone[i].zone < _MHP_ZONE_MAX);
                if (info.zone[i].zone != MHP_ZONE_UNSET && info.zone[i].managed > managed)
                        managed = info.zone[i].managed;
        }

        /* Sums that do not fit are very large, not small. */
        pressure = mhp_zoneinfo_pressure(&info, 1);
        MUST(pressure.kernel_managed == 0 || managed > 0);
        MUST(mhp_zoneinfo_pressure(&info, 4096).kernel_managed >= pressure.kernel_managed);
        MUST(mhp_zoneinfo_pressure(&info, 4096).kernel_available >= pressure.kernel_available);
        MUST(mhp_zoneinfo_available(&info, -1, 1) >= mhp_zoneinfo_available(&info, 0, 1));
        return 0;
}
