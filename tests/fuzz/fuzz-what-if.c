/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include <errno.h>

#include "base/text.h"
#include "model/what-if.h"

#define UNTOUCHED UINT64_C(0x5a5a5a5a5a5a5a5a)

static const char *const keys[] = {
        "page-size", "block-size", "section-size", "subsection-size", "pageblock-size", "pmd-size", "struct-page", "vmemmap-base",
};

/* What was read is written in its plainest form and read again. */
static void check_back(const struct mhp_stretch *stretch, bool placed) {
        _cleanup_text_ struct mhp_text text = {};
        struct mhp_stretch back;
        const char *why;

        mhp_text_add(&text, "0x");
        mhp_text_hex(&text, stretch->start);
        mhp_text_add(&text, "+");
        mhp_text_u64(&text, stretch->size);
        if (placed) {
                mhp_text_add(&text, ":");
                mhp_text_add(&text, mhp_placement_name(stretch->placement));
        }
        MUST(text.error == 0 && mhp_stretch_parse(text.data, placed, &back, &why) == 0);
        MUST(back.start == stretch->start && back.size == stretch->size && back.placement == stretch->placement);
}

static int check_stretch(const char *s, bool placed) {
        struct mhp_stretch v = { .start = UNTOUCHED, .size = UNTOUCHED, .placement = MHP_PLACEMENT_UNSET };
        const char *why = NULL;
        int r = mhp_stretch_parse(s, placed, &v, &why);

        if (r < 0) {
                MUST(r == -EINVAL || r == -ERANGE);
                MUST(why && *why && v.start == UNTOUCHED && v.size == UNTOUCHED && v.placement == MHP_PLACEMENT_UNSET);
                return r;
        }
        MUST(v.size > 0 && v.start + v.size > v.start);
        MUST(mhp_placement_name(v.placement) && (placed || v.placement == MHP_PLACEMENT_DRAM));
        check_back(&v, placed);
        return 0;
}

static void check_key(const char *key, const char *value) {
        struct mhp_geometry geometry, before;
        const char *why = NULL;
        int r;

        MUST(mhp_geometry_preset("x86_64", &geometry) == 0);
        before = geometry;
        r = mhp_geometry_set(&geometry, key, value, &why);
        MUST(r == 0 || ((r == -EINVAL || r == -ERANGE) && why && *why));
        if (r < 0)
                MUST(memcmp(&geometry, &before, sizeof(before)) == 0);
        MUST(geometry.struct_page > 0 && geometry.block_size > 0 && (geometry.block_size & (geometry.block_size - 1)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *s = fuzz_string(data, size);
        int with = check_stretch(s, true), without = check_stretch(s, false);

        /* a placement is all that the longer form adds */
        MUST(without < 0 || with == 0);
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                check_key(keys[i], s);
        return 0;
}
