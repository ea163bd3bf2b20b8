/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include <errno.h>

#include "base/text.h"
#include "base/units.h"

#define UNTOUCHED UINT64_C(0x5a5a5a5a5a5a5a5a)

static bool right(int r, uint64_t v) {
        return r == 0 || ((r == -EINVAL || r == -ERANGE) && v == UNTOUCHED);
}

static void check_size(const char *s) {
        char buf[MHP_SIZE_MAX];
        uint64_t v = UNTOUCHED, back;
        int r = mhp_parse_size(s, &v);

        MUST(right(r, v));
        if (r < 0)
                return;
        MUST(strlen(mhp_format_size(buf, v)) < sizeof(buf));
        MUST(mhp_parse_size(buf, &back) == 0);
        MUST(back == v);
}

static void check_u64(const char *s) {
        uint64_t v = UNTOUCHED, size, usec;
        uint32_t v32 = 0;
        int r = mhp_parse_u64(s, &v);

        MUST(right(r, v));
        MUST(mhp_parse_u32(s, &v32) == (r < 0 ? r : v <= UINT32_MAX ? 0 : -ERANGE));
        if (r < 0)
                return;
        MUST(v > UINT32_MAX || v32 == v);
        MUST(mhp_parse_size(s, &size) == 0 && size == v);
        r = mhp_parse_usec(s, &usec);
        MUST(r == -ERANGE || (r == 0 && usec / USEC_PER_SEC == v));

        _cleanup_text_ struct mhp_text text = {};
        uint64_t back;

        mhp_text_u64(&text, v);
        MUST(mhp_parse_u64(text.data, &back) == 0 && back == v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *s = fuzz_string(data, size);
        uint64_t v = UNTOUCHED;
        unsigned percent = 1000;
        bool b;
        int r;

        check_u64(s);
        check_size(s);
        r = mhp_parse_usec(s, &v);
        MUST(right(r, v));
        v = UNTOUCHED;
        r = mhp_parse_hex(s, &v);
        MUST(right(r, v));
        r = mhp_parse_percent(s, 301, &percent);
        MUST(r == 0 ? percent <= 301 : percent == 1000);
        r = mhp_parse_bool(s, &b);
        MUST(r == 0 || r == -EINVAL);
        return 0;
}
