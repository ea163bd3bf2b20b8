/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "scenario.h"

int arg_ranges(const struct scenario *s, const struct args *args, unsigned i, struct mhp_ranges *ret) {
        if (i >= args->n)
                return complain(s, "block numbers are missing");
        if (mhp_ranges_parse(args->word[i], ret) < 0)
                return complain(s, "`%s` are no block numbers such as 32-39,41", args->word[i]);
        return 0;
}

int arg_number(const struct scenario *s, const struct args *args, unsigned i, uint64_t *ret) {
        if (i >= args->n)
                return complain(s, "a number is missing");
        return mhp_parse_u64(args->word[i], ret) < 0 ? complain(s, "`%s` is no number", args->word[i]) : 0;
}

int arg_usec(const struct scenario *s, const struct args *args, unsigned i, uint64_t *ret) {
        if (i >= args->n)
                return complain(s, "a time is missing");
        return mhp_parse_usec(args->word[i], ret) < 0 ? complain(s, "`%s` is no time such as 5s", args->word[i]) : 0;
}

const char *arg_value(const struct args *args, const char *key) {
        size_t n = strlen(key);

        for (unsigned i = 0; i < args->n; i++)
                if (strncmp(args->word[i], key, n) == 0 && args->word[i][n] == '=')
                        return args->word[i] + n + 1;
        return NULL;
}

bool arg_has(const struct args *args, const char *word) {
        for (unsigned i = 1; i < args->n; i++)
                if (strcmp(args->word[i], word) == 0)
                        return true;
        return false;
}

int parse_errno(const char *name, int *ret) {
        static const struct {
                const char *name;
                int error;
        } errors[] = {
                { "EBUSY", EBUSY }, { "EINVAL", EINVAL },       { "ENOMEM", ENOMEM },       { "EIO", EIO },
                { "EPERM", EPERM }, { "EHWPOISON", EHWPOISON }, { "ETIMEDOUT", ETIMEDOUT }, { "EINTR", EINTR },
                { "ENODEV", ENODEV }, { "ENOENT", ENOENT }, { "ENOSPC", ENOSPC }, { "ERANGE", ERANGE }, { "EXDEV", EXDEV },
                { "EOPNOTSUPP", EOPNOTSUPP },
        };

        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (strcmp(errors[i].name, name) == 0) {
                        *ret = errors[i].error;
                        return 0;
                }
        return -EINVAL;
}

int parse_verb(const char *name, enum mhp_verb *ret) {
        for (unsigned i = 0; i < _MHP_VERB_MAX; i++)
                if (strcmp(mhp_verb_name((enum mhp_verb) i), name) == 0) {
                        *ret = (enum mhp_verb) i;
                        return 0;
                }
        return -EINVAL;
}

int parse_note(const char *name, enum mhp_note *ret) {
        for (unsigned i = 0; i < _MHP_NOTE_MAX; i++)
                if (strcmp(mhp_note_name((enum mhp_note) i), name) == 0) {
                        *ret = (enum mhp_note) i;
                        return 0;
                }
        return -EINVAL;
}

int parse_valid(const char *names, uint8_t *ret) {
        unsigned valid = 0;

        while (*names) {
                size_t n = strcspn(names, ",");
                char word[16] = { 0 };
                enum mhp_zone zone;

                memcpy(word, names, MIN(n, sizeof(word) - 1));
                if (mhp_zone_parse(word, &zone) < 0)
                        return -EINVAL;
                valid |= MHP_ZONE_BIT(zone);
                names += n + (names[n] == ',');
        }
        *ret = (uint8_t) valid;
        return 0;
}
