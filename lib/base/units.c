/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/units.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ctype.h and strcasecmp() follow the locale; what sysfs and the configuration say does not. */
static char fold(char c) {
        return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

static bool equal_fold(const char *a, const char *b) {
        while (*a && fold(*a) == fold(*b)) {
                a++;
                b++;
        }
        return fold(*a) == fold(*b);
}

static int digit(char c) {
        c = fold(c);
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return -1;
}

/* The digits at *s, at least one; *s moves behind them. Too large: *ret_over, and the caller still looks at what follows,
 * since a wrong form is the more useful complaint. */
static int take_number(const char **s, unsigned base, uint64_t *ret, bool *ret_over) {
        const char *p = *s;
        uint64_t v = 0;
        bool over = false;

        for (;; p++) {
                int d = digit(*p);

                if (d < 0 || (unsigned) d >= base)
                        break;
                over = over || __builtin_mul_overflow(v, (uint64_t) base, &v) || __builtin_add_overflow(v, (uint64_t) d, &v);
        }
        if (p == *s)
                return -EINVAL;
        *s = p;
        *ret = v;
        *ret_over = over;
        return 0;
}

static int parse_number(const char *s, unsigned base, uint64_t *ret) {
        uint64_t v;
        bool over;

        if (take_number(&s, base, &v, &over) < 0 || *s)
                return -EINVAL;
        if (over)
                return -ERANGE;
        *ret = v;
        return 0;
}

int mhp_parse_u64(const char *s, uint64_t *ret) {
        return parse_number(s, 10, ret);
}

int mhp_parse_u32(const char *s, uint32_t *ret) {
        uint64_t v;
        int r = parse_number(s, 10, &v);

        if (r < 0)
                return r;
        if (v > UINT32_MAX)
                return -ERANGE;
        *ret = (uint32_t) v;
        return 0;
}

int mhp_parse_hex(const char *s, uint64_t *ret) {
        return parse_number(s, 16, ret);
}

static const char size_units[] = "bkmgtpe";

/* `K`, `KB`, `KiB`, `B` or nothing to a shift. */
static int size_suffix(const char *s, unsigned *ret_shift) {
        const char *unit;

        if (!*s) {
                *ret_shift = 0;
                return 0;
        }
        unit = strchr(size_units, fold(*s));
        if (!unit)
                return -EINVAL;
        s++;
        if (unit != size_units && *s && !equal_fold(s, "b") && !equal_fold(s, "ib"))
                return -EINVAL;
        if (unit == size_units && *s)
                return -EINVAL;
        *ret_shift = 10 * (unsigned) (unit - size_units);
        return 0;
}

int mhp_parse_size(const char *s, uint64_t *ret) {
        unsigned shift, tenths = 0;
        uint64_t v, part;
        bool over;

        if (take_number(&s, 10, &v, &over) < 0)
                return -EINVAL;
        /* one decimal, since mhp_format_size() writes one and people paste it back */
        if (*s == '.') {
                if (s[1] < '0' || s[1] > '9')
                        return -EINVAL;
                tenths = (unsigned) (s[1] - '0');
                s += 2;
        }
        if (size_suffix(s, &shift) < 0 || (tenths > 0 && shift == 0))
                return -EINVAL;
        if (over || __builtin_mul_overflow(v, UINT64_C(1) << shift, &v))
                return -ERANGE;
        part = (tenths * (UINT64_C(1) << shift)) / 10;
        if (__builtin_add_overflow(v, part, &v))
                return -ERANGE;
        *ret = v;
        return 0;
}

int mhp_parse_usec(const char *s, uint64_t *ret) {
        static const struct {
                const char *suffix;
                uint64_t usec;
        } units[] = {
                { "", USEC_PER_SEC },
                { "s", USEC_PER_SEC },
                { "sec", USEC_PER_SEC },
                { "ms", USEC_PER_MSEC },
                { "us", 1 },
                { "min", 60 * USEC_PER_SEC },
                { "h", 3600 * USEC_PER_SEC },
        };
        uint64_t v;
        bool over;

        if (take_number(&s, 10, &v, &over) < 0)
                return -EINVAL;
        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                if (strcmp(s, units[i].suffix) != 0)
                        continue;
                if (over || __builtin_mul_overflow(v, units[i].usec, &v))
                        return -ERANGE;
                *ret = v;
                return 0;
        }
        return -EINVAL;
}

int mhp_parse_percent(const char *s, unsigned max, unsigned *ret) {
        uint64_t v;
        bool over;

        if (take_number(&s, 10, &v, &over) < 0)
                return -EINVAL;
        if (*s == '%')
                s++;
        if (*s)
                return -EINVAL;
        if (over || v > max)
                return -ERANGE;
        *ret = (unsigned) v;
        return 0;
}

int mhp_parse_bool(const char *s, bool *ret) {
        static const char *const words[][2] = {
                { "no", "yes" },
                { "n", "y" },
                { "false", "true" },
                { "f", "t" },
                { "off", "on" },
                { "0", "1" },
        };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                for (unsigned v = 0; v < 2; v++)
                        if (equal_fold(s, words[i][v])) {
                                *ret = v;
                                return 0;
                        }
        return -EINVAL;
}

char *mhp_format_size(char buf[static MHP_SIZE_MAX], uint64_t bytes) {
        for (unsigned i = sizeof(size_units) - 2; i > 0; i--) {
                unsigned shift = 10 * i;
                uint64_t whole = bytes >> shift;
                uint64_t tenths = (bytes & ((UINT64_C(1) << shift) - 1)) * 10;

                if (whole == 0 || tenths & ((UINT64_C(1) << shift) - 1))
                        continue;
                tenths >>= shift;
                if (tenths == 0)
                        snprintf(buf, MHP_SIZE_MAX, "%llu%c", (unsigned long long) whole, "BKMGTPE"[i]);
                else
                        snprintf(buf, MHP_SIZE_MAX, "%llu.%u%c", (unsigned long long) whole, (unsigned) tenths, "BKMGTPE"[i]);
                return buf;
        }
        snprintf(buf, MHP_SIZE_MAX, "%lluB", (unsigned long long) bytes);
        return buf;
}
