/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/word.h"

#include <errno.h>
#include <string.h>

#include "base/units.h"

static bool blank(char c) {
        return c == ' ' || c == '\t';
}

int mhp_words_next(struct mhp_words *words, char word[static MHP_WORD_MAX]) {
        size_t n = 0;

        while (words->p < words->end && blank(*words->p))
                words->p++;
        while (words->p < words->end && !blank(*words->p)) {
                if (n == MHP_WORD_MAX - 1)
                        break;
                word[n++] = *words->p++;
        }
        word[n] = '\0';
        if (words->p < words->end && !blank(*words->p))
                return -EINVAL;
        return n > 0;
}

enum mhp_source mhp_source_of_group(const char *group) {
        char prefix[MHP_GROUP_NAME_MAX];
        enum mhp_source source = MHP_SOURCE_OTHER;
        size_t n = strcspn(group, ":");

        if (n == 0 && group[0] == '\0')
                return MHP_SOURCE_UNKNOWN;
        memcpy(prefix, group, n);
        prefix[n] = '\0';
        (void) mhp_source_parse(prefix, &source);
        return source;
}

int mhp_group_name_parse(const char *s, char ret[static MHP_GROUP_NAME_MAX]) {
        char name[MHP_GROUP_NAME_MAX];
        size_t n = 0;

        for (; *s && n < sizeof(name) - 1; n++) {
                uint64_t v = (unsigned char) *s;

                if (*s == '\\') {
                        char hex[3] = {};

                        if (s[1] != 'x' || !s[2] || !s[3])
                                return -EINVAL;
                        memcpy(hex, s + 2, 2);
                        if (mhp_parse_hex(hex, &v) < 0 || v == 0)
                                return -EINVAL;
                        s += 3;
                }
                name[n] = (char) v;
                s++;
        }
        if (*s || n == 0)
                return -EINVAL;
        name[n] = '\0';
        memcpy(ret, name, n + 1);
        return 0;
}

void mhp_group_name_print(const char *name, struct mhp_text *text) {
        for (const char *s = name; *s;) {
                size_t n = 0;

                while ((unsigned char) s[n] > ' ' && s[n] != '\x7f' && s[n] != '\\')
                        n++;
                if (n == 0)
                        mhp_text_printf(text, "\\x%02x", (unsigned) (unsigned char) s[n++]);
                else
                        mhp_text_add_n(text, s, n);
                s += n;
        }
}

int mhp_list_next(const char **s, char item[static MHP_WORD_MAX]) {
        size_t n;

        if (!*s)
                return 0;
        n = strcspn(*s, ",");
        memcpy(item, *s, n);
        item[n] = '\0';
        *s = (*s)[n] ? *s + n + 1 : NULL;
        return 1;
}
