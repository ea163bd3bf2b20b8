/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include <errno.h>

#include "base/text.h"
#include "model/block.h"

/* The offered zones printed as the kernel does must be read as the same set. */
static void check_back(unsigned valid) {
        _cleanup_text_ struct mhp_text text = {};
        enum mhp_zone zone;
        uint8_t back;

        for (unsigned i = 0; i < _MHP_ZONE_MAX; i++)
                if (valid & MHP_ZONE_BIT(i)) {
                        mhp_text_add(&text, text.len > 0 ? " " : "");
                        mhp_text_add(&text, mhp_zone_name((enum mhp_zone) i));
                }
        mhp_text_add(&text, "\n");
        MUST(mhp_valid_zones_parse(text.data, MHP_STATE_OFFLINE, &zone, &back) == 0);
        MUST(back == valid);
}

static void check_words(const char *s) {
        enum mhp_state state;
        enum mhp_zone zone;
        enum mhp_source source;
        enum mhp_want want;
        enum mhp_reason reason;

        MUST(mhp_state_parse(s, &state) < 0 || strcmp(mhp_state_name(state), s) == 0);
        MUST(mhp_zone_parse(s, &zone) < 0 || strcmp(mhp_zone_name(zone), s) == 0);
        MUST(mhp_source_parse(s, &source) < 0 || strcmp(mhp_source_name(source), s) == 0);
        MUST(mhp_want_parse(s, &want) < 0 || strcmp(mhp_want_name(want), s) == 0);
        MUST(mhp_reason_parse(s, &reason) < 0 || strcmp(mhp_reason_name(reason), s) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *s = fuzz_string(data, size);
        enum mhp_zone zone = MHP_ZONE_UNSET, none = MHP_ZONE_UNSET;
        uint8_t valid = 0, no_valid = 0;
        int r = mhp_valid_zones_parse(s, MHP_STATE_ONLINE, &zone, &no_valid);

        check_words(s);
        MUST(mhp_valid_zones_parse(s, MHP_STATE_OFFLINE, &none, &valid) == r);
        MUST(none == MHP_ZONE_UNSET && no_valid == 0);
        if (r < 0) {
                MUST(r == -EINVAL && zone == MHP_ZONE_UNSET && valid == 0);
                return 0;
        }
        MUST(zone > MHP_ZONE_UNSET && zone < _MHP_ZONE_MAX);
        MUST(valid & MHP_ZONE_BIT(zone));
        check_back(valid);
        return 0;
}
