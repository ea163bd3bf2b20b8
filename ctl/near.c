/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/near.h"

#include <string.h>

#include "base/macro.h"

#define WORD_MAX 24

/* Levenshtein's distance over one row. A word longer than any name is far from all of them. */
static unsigned distance(const char *a, const char *b) {
        size_t n = strlen(b);
        unsigned row[WORD_MAX + 1];

        if (strlen(a) > WORD_MAX || n > WORD_MAX)
                return UINT32_MAX;
        for (unsigned j = 0; j <= n; j++)
                row[j] = j;
        for (unsigned i = 1; a[i - 1]; i++) {
                unsigned diagonal = row[0];

                row[0] = i;
                for (size_t j = 1; j <= n; j++) {
                        unsigned change = diagonal + (a[i - 1] != b[j - 1]);

                        diagonal = row[j];
                        row[j] = MIN(MIN(row[j] + 1, row[j - 1] + 1), change);
                }
        }
        return row[n];
}

void ctl_near_try(struct ctl_near *near, const char *name) {
        size_t n = strlen(near->word);
        unsigned d = n > 1 && strncmp(near->word, name, n) == 0 ? 0 : distance(near->word, name);

        /* two letters of difference make any two-letter word of any other */
        if (d > 2 || 2 * (size_t) d > strlen(name) || (near->name && d >= near->distance))
                return;
        near->distance = d;
        near->name = name;
}

const char *ctl_near_verb(const char *word) {
        static const struct {
                const char *word, *verb;
        } table[] = {
                { "plug", "online, or plan plug" },
                { "add", "online, or plan plug" },
                { "attach", "online" },
                { "enable", "online" },
                { "disable", "offline" },
                { "eject", "unplug" },
                { "detach", "unplug" },
                { "remove", "unplug" },
                { "shrink", "unplug GROUP --to SIZE" },
                { "show", "status, list or explain" },
                { "info", "status or explain" },
                { "ls", "list" },
                { "lsmem", "list" },
                { "config", "policy" },
                { "rules", "policy" },
                { "restart", "reload" },
                { "watch", "monitor" },
                { "log", "monitor" },
                { "check", "doctor or verify" },
                { "why", "explain" },
                { "dry-run", "plan" },
                { "stop", "cancel" },
                { "abort", "cancel" },
                { "kill", "cancel" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (strcmp(table[i].word, word) == 0)
                        return table[i].verb;
        return NULL;
}
