/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/what-if.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/units.h"

static bool has_0x(const char *s) {
        return s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
}

static int parse_bytes(const char *s, uint64_t *ret) {
        return has_0x(s) ? mhp_parse_hex(s + 2, ret) : mhp_parse_size(s, ret);
}

/* The next part of *s, up to a character of `ends` or the end, as a string; *s moves to what ended it. -EINVAL: longer than
 * any number that is meant. */
static int take_part(const char **s, const char *ends, char part[static 64]) {
        size_t n = strcspn(*s, ends);

        if (n >= 64)
                return -EINVAL;
        memcpy(part, *s, n);
        part[n] = '\0';
        *s += n;
        return 0;
}

static int take_number(const char **s, const char *ends, uint64_t *ret, const char **ret_why) {
        char part[64];
        int r;

        r = take_part(s, ends, part);
        if (r == 0)
                r = parse_bytes(part, ret);
        if (r == -ERANGE)
                *ret_why = "START and SIZE are below 16E";
        else if (r < 0)
                *ret_why = "START and SIZE are numbers of bytes, as 4294967296, 0x100000000 or 4G";
        return r;
}

int mhp_stretch_parse(const char *s, bool placed, struct mhp_stretch *ret, const char **ret_why) {
        struct mhp_stretch v = { .placement = MHP_PLACEMENT_DRAM };
        const char *form = placed ? "START+SIZE[:PLACEMENT] is, as 4G+10G:range" : "START+SIZE is, as 4G+10G";
        uint64_t end;
        int r;

        *ret_why = form;
        if (!strchr(s, '+'))
                return -EINVAL;
        r = take_number(&s, "+", &v.start, ret_why);
        if (r < 0)
                return r;
        s++;
        r = take_number(&s, placed ? ":" : "", &v.size, ret_why);
        if (r < 0)
                return r;
        if (*s && mhp_placement_parse(s + 1, &v.placement) < 0) {
                *ret_why = "PLACEMENT is dram, self, force or range";
                return -EINVAL;
        }
        if (v.size == 0) {
                *ret_why = "SIZE is above 0";
                return -EINVAL;
        }
        if (__builtin_add_overflow(v.start, v.size, &end)) {
                *ret_why = "START and SIZE together are below 16E";
                return -ERANGE;
        }
        *ret = v;
        return 0;
}

enum form { POWER, COUNT, ADDRESS };

static const struct {
        const char *key;
        size_t offset;
        enum form form;
} keys[] = {
        { "page-size", offsetof(struct mhp_geometry, page_size), POWER },
        { "block-size", offsetof(struct mhp_geometry, block_size), POWER },
        { "section-size", offsetof(struct mhp_geometry, section_size), POWER },
        { "subsection-size", offsetof(struct mhp_geometry, subsection_size), POWER },
        { "pageblock-size", offsetof(struct mhp_geometry, pageblock_size), POWER },
        { "pmd-size", offsetof(struct mhp_geometry, pmd_size), POWER },
        { "struct-page", offsetof(struct mhp_geometry, struct_page), COUNT },
        { "vmemmap-base", offsetof(struct mhp_geometry, vmemmap_base), ADDRESS },
};

static int parse_value(const char *s, enum form form, uint64_t *ret, const char **ret_why) {
        uint64_t v = 0;
        int r = -EINVAL;

        switch (form) {
        case POWER:
                *ret_why = "a power of two is, as 4096, 64K or 128M";
                r = parse_bytes(s, &v);
                if (r == 0 && (v == 0 || (v & (v - 1)) != 0))
                        r = -EINVAL;
                break;
        case COUNT:
                *ret_why = "a number of bytes above 0 is, as 64";
                r = parse_bytes(s, &v);
                if (r == 0 && v == 0)
                        r = -EINVAL;
                break;
        case ADDRESS:
                *ret_why = "a hexadecimal address is, as ffffea0000000000";
                r = mhp_parse_hex(has_0x(s) ? s + 2 : s, &v);
                break;
        }
        if (r == 0)
                *ret = v;
        return r;
}

int mhp_geometry_set(struct mhp_geometry *geometry, const char *key, const char *value, const char **ret_why) {
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (strcmp(keys[i].key, key) == 0)
                        return parse_value(value, keys[i].form, (uint64_t *) ((char *) geometry + keys[i].offset), ret_why);
        return -ENOENT;
}

void mhp_geometry_print(const struct mhp_geometry *geometry, struct mhp_text *text) {
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                uint64_t v = *(const uint64_t *) ((const char *) geometry + keys[i].offset);
                char size[MHP_SIZE_MAX];

                mhp_text_add(text, i > 0 ? ", " : "");
                mhp_text_add(text, keys[i].key);
                mhp_text_add(text, " ");
                if (keys[i].form == ADDRESS)
                        mhp_text_hex(text, v);
                else
                        mhp_text_add(text, mhp_format_size(size, v));
        }
}
