/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"

/* Room for n more bytes and the NUL. */
static int reserve(struct mhp_text *text, size_t n) {
        size_t need;

        if (text->error < 0)
                return text->error;
        if (__builtin_add_overflow(text->len, n, &need) || __builtin_add_overflow(need, 1, &need))
                return text->error = -ENOMEM;
        return text->error = mhp_array_reserve((void **) &text->data, &text->capacity, need, 1);
}

void mhp_text_add_n(struct mhp_text *text, const char *s, size_t n) {
        if (reserve(text, n) < 0)
                return;
        if (n > 0)
                memcpy(text->data + text->len, s, n);
        text->len += n;
        text->data[text->len] = '\0';
}

void mhp_text_add(struct mhp_text *text, const char *s) {
        mhp_text_add_n(text, s, strlen(s));
}

void mhp_text_printf(struct mhp_text *text, const char *format, ...) {
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(NULL, 0, format, args);
        va_end(args);
        if (n < 0) {
                /* longer than INT_MAX: no memory would do for it */
                if (text->error == 0)
                        text->error = -ENOMEM;
                return;
        }
        if (reserve(text, (size_t) n) < 0)
                return;

        va_start(args, format);
        vsnprintf(text->data + text->len, (size_t) n + 1, format, args);
        va_end(args);
        text->len += (size_t) n;
}

/* Bytes of the UTF-8 character at s, 0: none starts there. The NUL that ends s is no continuation byte, so it stops every
 * look ahead. Table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing above U+10FFFF. */
static size_t utf8_length(const unsigned char *s) {
        unsigned char low = 0x80, high = 0xbf;
        size_t n;

        if (s[0] < 0x80)
                return 1;
        if (s[0] < 0xc2 || s[0] > 0xf4)
                return 0;
        n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

        if (s[0] == 0xe0)
                low = 0xa0;
        else if (s[0] == 0xed)
                high = 0x9f;
        else if (s[0] == 0xf0)
                low = 0x90;
        else if (s[0] == 0xf4)
                high = 0x8f;
        if (s[1] < low || s[1] > high)
                return 0;
        for (size_t i = 2; i < n; i++)
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
        return n;
}

/* U+0000 to U+001F, U+007F and U+0080 to U+009F. Some terminals obey the last kind, too. */
static bool is_control(const unsigned char *s) {
        return s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

void mhp_text_add_safe(struct mhp_text *text, const char *s) {
        while (*s) {
                size_t n = utf8_length((const unsigned char *) s);

                if (n == 0 || is_control((const unsigned char *) s))
                        mhp_text_add_n(text, "?", 1);
                else
                        mhp_text_add_n(text, s, n);
                s += n > 0 ? n : 1;
        }
}

size_t mhp_utf8_valid(const char *s, size_t n) {
        size_t i = 0;

        while (i < n) {
                unsigned char ahead[5] = { 0 }; /* the longest character, and what stops utf8_length() at the end of s */

                memcpy(ahead, s + i, MIN(n - i, sizeof(ahead) - 1));
                size_t len = utf8_length(ahead);
                if (len == 0 || ahead[0] == '\0')
                        break;
                i += len;
        }
        return i;
}

void mhp_text_u64(struct mhp_text *text, uint64_t v) {
        char digits[20];
        size_t i = sizeof(digits);

        do {
                digits[--i] = (char) ('0' + v % 10);
                v /= 10;
        } while (v > 0);
        mhp_text_add_n(text, digits + i, sizeof(digits) - i);
}

void mhp_text_hex(struct mhp_text *text, uint64_t v) {
        char digits[16];
        size_t i = sizeof(digits);

        do {
                digits[--i] = "0123456789abcdef"[v & 0xf];
                v >>= 4;
        } while (v > 0);
        mhp_text_add_n(text, digits + i, sizeof(digits) - i);
}

int mhp_text_finish(struct mhp_text *text, char **ret) {
        if (reserve(text, 0) < 0)
                return text->error;
        text->data[text->len] = '\0';
        *ret = TAKE(text->data);
        *text = (struct mhp_text){};
        return 0;
}

void mhp_text_done(struct mhp_text *text) {
        free(text->data);
        *text = (struct mhp_text){};
}
