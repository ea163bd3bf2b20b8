/* SPDX-License-Identifier: GPL-2.0-or-later */

/* For check-keys: what the code has tables of and the documents have to name, one a line, fields by tabs. */

#include <stdio.h>

#include "core/arming.h"
#include "core/config.h"
#include "model/event.h"

static void print_names(const char *kind, const char *name) {
        printf("%s\t%s\n", kind, name ? name : "?");
}

int main(void) {
        const char *section, *key, *preset, *allowed;

        for (size_t i = 0; mhp_config_key(i, &section, &key, &preset, &allowed) >= 0; i++)
                printf("key\t%s\t%s\t%s\t%s\n", section, key, preset, allowed);
        for (unsigned i = MHP_REASON_UNSET + 1; i < _MHP_REASON_MAX; i++)
                print_names("reason", mhp_reason_name((enum mhp_reason) i));
        for (unsigned i = 0; i < _MHP_PATH_REASON_MAX; i++)
                print_names("path-reason", mhp_path_reason_name((enum mhp_path_reason) i));
        for (unsigned i = MHP_NOTE_NONE + 1; i < _MHP_NOTE_MAX; i++)
                print_names("event", mhp_note_name((enum mhp_note) i));
        return ferror(stdout) || fflush(stdout) != 0;
}
